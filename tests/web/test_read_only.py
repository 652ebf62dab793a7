"""A server that accepts no changes, as during a failover: callers hear the apology, pages say so, /readyz is shut."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from werkzeug.test import TestResponse

from peterental.config import Config
from peterental.database.connect import DatabaseReadOnly
from peterental.database.pool import Database
from tests.servers import close_for_good, running_debian_postgres, until
from tests.web.conftest import Browser

APOLOGY = "I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?"

CALL = {
    "type": "tool-calls",
    "toolCallList": [{"id": "t", "function": {"name": "take_message", "arguments": {"message": "Are cats fine?"}}}],
    "call": {"id": "call-1", "assistantId": "an-assistant"},
}


class Server:
    """The server of a test's database, which a test makes read-only for new sessions."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET default_transaction_read_only = off")
        self._name = sql.Identifier(self._connection.info.dbname)

    def fail_over(self, scope: str = "DATABASE {}") -> None:
        """End every other session, and begin new ones read-only."""
        self._alter(scope, "SET default_transaction_read_only = on")
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        self._connection.execute(f"SELECT pg_terminate_backend(pid, 60000) {others}".encode())

    def recover(self, scope: str = "DATABASE {}") -> None:
        """Begin new sessions with write access."""
        self._alter(scope, "RESET default_transaction_read_only")

    def _alter(self, scope: str, change: str) -> None:
        self._connection.execute(sql.SQL(f"ALTER {scope} {change}").format(self._name))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    server = Server(database_url)
    yield server
    server.close()


def say(app: Flask) -> Any:
    """Leave a message by phone; return the sentence that the caller hears."""
    response: TestResponse = app.test_client().post("/vapi/webhook", json={"message": CALL})
    assert response.status_code == 200
    document: Any = response.json
    return document["results"][0]["result"]


@pytest.mark.usefixtures("real_time_limits")
@pytest.mark.parametrize("scope", ["DATABASE {}", "ROLE CURRENT_USER IN DATABASE {}"])
def test_failover_shuts_readiness_and_heals(
    app: Flask, office: Browser, server: Server, scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = app.test_client()
    heard = say(app)
    assert heard != APOLOGY
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    server.fail_over(scope)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "peterental"):
        assert say(app) == APOLOGY
    (record,) = [record for record in caplog.records if record.name.startswith("peterental")]
    assert "The database accepts no changes: connection to server at" in record.getMessage()
    assert record.exc_info is None
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable", "reason": "database"})
    assert client.get("/healthz").status_code == 200, "the process need not be restarted"
    page = office.get("/agents")
    assert page.status_code == 503
    assert "Database not available" in page.text
    assert "Traceback" not in page.text
    server.recover(scope)
    until(lambda: say(app) == heard, "callers are served again")
    until(lambda: client.get("/readyz").status_code == 200, "it is ready again")
    assert office.get("/agents").status_code == 200


@pytest.mark.usefixtures("real_time_limits")
def test_sessions_that_turn_read_only_are_replaced(
    app: Flask, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    database: Database = app.extensions["peterental.database"]
    heard = say(app)
    with ExitStack() as sessions:
        for _ in range(config.web_threads):  # as many as the pool may hold: on a slow day it opens more than two
            connection = sessions.enter_context(database.connection())
            connection.execute("SET default_transaction_read_only = on")
    assert app.test_client().get("/readyz").status_code == 503, "the pool has only such sessions"
    caplog.clear()
    assert say(app) == APOLOGY
    (line,) = [record.getMessage() for record in caplog.records if record.name == "peterental.voice.webhook"]
    assert "The database accepts no changes: cannot execute" in line
    until(lambda: say(app) == heard, "new sessions accept changes")
    assert app.test_client().get("/readyz").status_code == 200


def test_readiness_logs_the_reason(
    make_app: Callable[[Config], Flask], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{database_url}?options=-cdefault_transaction_read_only%3Don&target_session_attrs=any"
    app = make_app(Config(database_url=url, secret_key="k" * 32))
    assert app.test_client().get("/readyz").json == {"status": "unavailable", "reason": "database"}
    assert (
        "Not ready: The database accepts no changes: its setting default_transaction_read_only is on. The schema is"
        " current." in caplog.text
    )


def test_a_write_raises_read_only(database: Database) -> None:
    with pytest.raises(DatabaseReadOnly, match="cannot execute DELETE"), database.transaction() as tx:
        tx.execute("SET TRANSACTION READ ONLY")
        tx.execute("DELETE FROM agents")
    until(lambda: database.fetch("SELECT 1 AS n") == [{"n": 1}], "the pool has a connection")


def test_a_read_only_server_may_be_chosen(make_app: Callable[[Config], Flask], database_url: str) -> None:
    url = f"{database_url}?options=-cdefault_transaction_read_only%3Don&target_session_attrs=any"
    app = make_app(Config(database_url=url, secret_key="k" * 32))
    assert app.extensions["peterental.database"].fetch("SELECT 1 AS n") == [{"n": 1}]
    assert app.test_client().get("/readyz").status_code == 503


@pytest.mark.needs("postgres15")
@pytest.mark.usefixtures("real_time_limits")
def test_a_standby_is_not_used() -> None:
    with running_debian_postgres(standby=True) as url:
        pool = Database(url)
        with pytest.raises(DatabaseReadOnly, match="accepts no changes"):
            pool.fetch("SELECT 1")
        close_for_good(pool)
