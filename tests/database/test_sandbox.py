"""A trial does everything for itself and leaves nothing, whatever goes wrong in it."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from peterental.database.sandbox import rolled_back

ADD = "INSERT INTO agents (agent_id, agent_name) VALUES (%s, 'Somebody')"
COUNT = "SELECT COUNT(*) AS number FROM agents"


def count(database: Database) -> int:
    return int(database.fetch(COUNT)[0]["number"])


def test_what_is_done_in_a_trial_is_seen_in_it_and_gone_after_it(database: Database) -> None:
    with rolled_back(database) as trial:
        trial.fetch(ADD, ["ana"])
        with trial.transaction() as connection:
            connection.execute(ADD, ["ben"])
        assert count(trial) == 2
        assert count(database) == 0
    assert count(database) == 0


def test_a_unit_of_work_that_fails_takes_only_itself_back(database: Database) -> None:
    with rolled_back(database) as trial:
        trial.fetch(ADD, ["ana"])
        with pytest.raises(psycopg.errors.UniqueViolation), trial.transaction() as connection:
            connection.execute(ADD, ["ben"])
            connection.execute(ADD, ["ana"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            trial.fetch(ADD, ["ana"])
        assert count(trial) == 1
    assert count(database) == 0


def test_an_error_leaves_nothing_and_the_connection_is_good_afterwards(database: Database) -> None:
    def fail() -> None:
        with rolled_back(database) as trial:
            trial.fetch(ADD, ["ana"])
            raise ZeroDivisionError

    for _ in range(6):  # more often than the pool has connections
        with pytest.raises(ZeroDivisionError):
            fail()
    database.fetch(ADD, ["ana"])
    assert count(database) == 1


def test_a_connection_that_breaks_in_a_trial_is_a_fault(database: Database) -> None:
    def break_off() -> None:
        with rolled_back(database) as trial:
            (row,) = trial.fetch("SELECT pg_backend_pid() AS pid")
            database.fetch("SELECT pg_terminate_backend(%s)", [row["pid"]])
            count(trial)

    with pytest.raises(DatabaseUnavailable):
        break_off()
    assert count(database) == 0
