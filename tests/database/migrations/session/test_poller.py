"""The second connection that observes a busy one."""

from __future__ import annotations

import threading

import pytest

from peterental.database.migrations.session.poller import SessionPoller
from peterental.database.migrations.session.server import Connection
from tests.servers import HANG_S

NO_SERVER = "postgresql://nobody@127.0.0.1:1/x"


def fail(_connection: Connection) -> None:
    pytest.fail("there is no connection to poll")


def test_poller_reconnects_after_an_error(empty_database_url: str) -> None:
    pids: list[int] = []
    reconnected = threading.Event()

    def poll(connection: Connection) -> None:
        pids.append(connection.info.backend_pid)
        if len(pids) > 1:
            reconnected.set()
        else:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with SessionPoller(empty_database_url, poll, purpose="test", interval_s=0.01):
        assert reconnected.wait(HANG_S)
    assert pids[0] != pids[-1]


def test_poller_without_a_server_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "peterental.database.migrations.session.poller")
    tries = 0
    tried_twice = threading.Event()

    def is_due() -> bool:
        nonlocal tries
        tries += 1
        if tries > 2:
            tried_twice.set()
        return True

    with SessionPoller(NO_SERVER, fail, purpose="test", interval_s=0.01, is_due=is_due):
        assert tried_twice.wait(HANG_S)
    assert "test cannot connect: The database does not answer" in caplog.text


def test_poller_skips_polls_that_are_not_due() -> None:
    asked = threading.Event()

    def is_due() -> bool:
        asked.set()
        return False

    with SessionPoller(NO_SERVER, fail, purpose="test", interval_s=0.01, is_due=is_due) as poller:
        assert asked.wait(HANG_S)
    assert poller._connection is None
