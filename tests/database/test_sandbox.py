"""The sandbox shows its own changes and leaves none behind, whatever fails in it."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from peterental.database.sandbox import rolled_back

ADD = "INSERT INTO agents (agent_id, agent_name) VALUES (%s, 'Ana Lima')"
COUNT = "SELECT COUNT(*) AS number FROM agents"


def count(database: Database) -> int:
    return int(database.fetch(COUNT)[0]["number"])


def test_changes_are_visible_inside_the_sandbox_only(database: Database) -> None:
    with rolled_back(database) as sandbox:
        sandbox.fetch(ADD, ["ana"])
        with sandbox.transaction() as connection:
            connection.execute(ADD, ["ben"])
        assert count(sandbox) == 2
        assert count(database) == 0
    assert count(database) == 0


def test_a_failed_transaction_undoes_only_itself(database: Database) -> None:
    with rolled_back(database) as sandbox:
        sandbox.fetch(ADD, ["ana"])
        with pytest.raises(psycopg.errors.UniqueViolation), sandbox.transaction() as connection:
            connection.execute(ADD, ["ben"])
            connection.execute(ADD, ["ana"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            sandbox.fetch(ADD, ["ana"])
        assert count(sandbox) == 1
    assert count(database) == 0


def test_an_exception_returns_a_clean_connection(database: Database) -> None:
    def fail() -> None:
        with rolled_back(database) as sandbox:
            sandbox.fetch(ADD, ["ana"])
            raise ZeroDivisionError

    for _ in range(6):  # more often than the pool has connections
        with pytest.raises(ZeroDivisionError):
            fail()
    database.fetch(ADD, ["ana"])
    assert count(database) == 1


def test_a_lost_connection_raises_database_unavailable(database: Database) -> None:
    def lose_connection() -> None:
        with rolled_back(database) as sandbox:
            (row,) = sandbox.fetch("SELECT pg_backend_pid() AS pid")
            database.fetch("SELECT pg_terminate_backend(%s)", [row["pid"]])
            count(sandbox)

    with pytest.raises(DatabaseUnavailable):
        lose_connection()
    assert count(database) == 0
