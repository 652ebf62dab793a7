"""Reconnect after a connection was lost, to find out whether its transaction was committed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from peterental.database.migrations.errors import ServerUnavailable
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.settings import EngineSettings

_POLL_S = 0.1
_MAX_CONNECT_S = 3

# A standby may not have received yet what the lost primary has committed; once it is promoted, what it has counts.
_IS_UNDECIDED = """
SELECT pg_is_in_recovery() OR EXISTS (
    SELECT FROM pg_stat_activity
    WHERE pid = %s AND datname = current_database() AND application_name = current_setting('application_name')
) AS undecided
"""


@contextmanager
def reconnected(url: str, settings: EngineSettings, backend_pid: int) -> Iterator[Connection | None]:
    """Yield a new connection once the server is back and the lost session has ended; None if that takes too long.

    Until that session has ended, its transaction may still be committed. A server in recovery counts as not back.

    Args:
        url: of the database.
        settings: the host's; `reconnect_wait_s` limits the wait.
        backend_pid: the server process of the lost session.
    """
    connection = _reconnect(url, settings, backend_pid)
    try:
        yield connection
    finally:
        if connection is not None:
            connection.close()


def _reconnect(url: str, settings: EngineSettings, backend_pid: int) -> Connection | None:
    quick = replace(settings, connect_timeout_s=min(settings.connect_timeout_s, _MAX_CONNECT_S))
    deadline = time.monotonic() + settings.reconnect_wait_s
    connection: Connection | None = None
    while True:
        try:
            connection = connection or connect(url, quick, purpose="migrations")
            row = connection.execute(_IS_UNDECIDED, (backend_pid,)).fetchone()
            if row is not None and not row["undecided"]:
                return connection
        except (ServerUnavailable, psycopg.Error):
            if connection is not None:
                connection.close()
            connection = None
        if time.monotonic() >= deadline:
            if connection is not None:
                connection.close()
            return None
        time.sleep(_POLL_S)
