"""Statements of a pipeline are sent together, when a result is needed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.deadline import DeadlineConnection


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[DeadlineConnection]:
    with DeadlineConnection.connect(empty_database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def observer(empty_database_url: str) -> Iterator[psycopg.Connection[tuple[str]]]:
    with psycopg.connect(empty_database_url, autocommit=True) as observer:
        yield observer


def state_of(connection: DeadlineConnection, observer: psycopg.Connection[tuple[str]]) -> str:
    row = observer.execute(
        "SELECT state FROM pg_stat_activity WHERE pid = %s", [connection.info.backend_pid]
    ).fetchone()
    assert row is not None
    return row[0]


def test_statements_are_sent_with_the_sync(
    connection: DeadlineConnection, observer: psycopg.Connection[tuple[str]]
) -> None:
    with connection.pipeline():
        connection.execute("BEGIN")
        cursor = connection.execute("SELECT 1 AS one")
        assert state_of(connection, observer) == "idle"
        connection.sync()
        assert state_of(connection, observer) == "idle in transaction"
        assert cursor.fetchone() == {"one": 1}
        connection.execute("COMMIT")
    assert state_of(connection, observer) == "idle"


def test_statements_are_sent_when_a_result_is_read(connection: DeadlineConnection) -> None:
    with connection.pipeline():
        connection.execute("CREATE TABLE numbers (one INTEGER)")
        connection.execute("INSERT INTO numbers VALUES (1)")
        assert connection.execute("SELECT one FROM numbers").fetchone() == {"one": 1}


def test_statements_are_sent_at_the_end(connection: DeadlineConnection) -> None:
    with connection.pipeline():
        cursor = connection.execute("SELECT 1 AS one")
    assert cursor.fetchone() == {"one": 1}


def test_nested_pipelines_are_one(connection: DeadlineConnection) -> None:
    with connection.pipeline() as outer:
        first = connection.execute("SELECT 1 AS one")
        with connection.pipeline() as inner:
            second = connection.execute("SELECT 2 AS two")
        assert (first.fetchone(), second.fetchone()) == ({"one": 1}, {"two": 2})
    assert inner is outer


def test_a_prepared_statement_may_be_queued_twice(connection: DeadlineConnection) -> None:
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int AS number", [number], prepare=True) for number in range(3)]
    assert [cursor.fetchone() for cursor in cursors] == [{"number": number} for number in range(3)]


def test_the_first_error_is_raised_and_the_rest_skipped(connection: DeadlineConnection) -> None:
    connection.execute("CREATE TABLE numbers (one INTEGER)")
    with pytest.raises(psycopg.errors.DivisionByZero), connection.pipeline():
        connection.execute("SELECT 1 / 0")
        connection.execute("INSERT INTO numbers VALUES (1)")
        connection.sync()
    assert connection.execute("SELECT * FROM numbers").fetchall() == []


def test_the_error_of_a_block_hides_that_of_the_server(connection: DeadlineConnection) -> None:
    with pytest.raises(KeyError), connection.pipeline():
        connection.execute("SELECT 1 / 0")
        raise KeyError
    assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_more_than_the_buffers_hold_is_sent(connection: DeadlineConnection) -> None:
    text = "x" * 1_000_000
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::text AS text", [text]) for _ in range(16)]
    assert all(cursor.fetchone() == {"text": text} for cursor in cursors)


def test_a_closed_connection_starts_no_pipeline(connection: DeadlineConnection) -> None:
    connection.close()
    with pytest.raises(psycopg.OperationalError, match="closed"), connection.pipeline():
        pass
    with pytest.raises(psycopg.OperationalError, match="closed"):
        connection.execute("SELECT 1")


def test_a_lost_connection_is_reported_by_the_sync(
    connection: DeadlineConnection, observer: psycopg.Connection[tuple[str]]
) -> None:
    with pytest.raises(psycopg.OperationalError), connection.pipeline():  # the sync is what raises
        connection.execute("SELECT 1")
        observer.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
        connection.sync()
    assert connection.closed


def test_a_command_is_sent_in_its_turn(connection: DeadlineConnection) -> None:
    with connection.pipeline() as pipeline:
        pipeline.queue(b"BEGIN")
        connection.execute("CREATE TABLE numbers (one INTEGER)")
        pipeline.queue(b"ROLLBACK")
        found = connection.execute("SELECT to_regclass('numbers') AS found")
    assert found.fetchone() == {"found": None}


def test_the_error_of_a_command_is_raised(connection: DeadlineConnection) -> None:
    with pytest.raises(psycopg.errors.SyntaxError), connection.pipeline() as pipeline:
        pipeline.queue(b"BEGINN")
    assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_the_end_after_a_sync_waits_for_nothing(
    connection: DeadlineConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.pipeline() as pipeline:
        cursor = connection.execute("SELECT 1 AS one")
        connection.sync()
        monkeypatch.setattr(pipeline, "_sync_gen", lambda: pytest.fail("a second round trip"))
    assert cursor.fetchone() == {"one": 1}
