"""The pool: one per process, bounded waits, dead connections replaced, two round trips per transaction."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest
from psycopg.rows import DictRow

from peterental.database.connect import (
    DatabaseBusy,
    DatabaseTooSlow,
    DatabaseUnavailable,
    SchemaOutdated,
    allow_long_reads,
)
from peterental.database.deadline import deadline
from peterental.database.pool import Database
from peterental.database.statement_errors import StatementCancelled, StatementRefused
from tests.proxy import Proxy
from tests.servers import HANG_S, until
from tests.together import fork

CLOSED_PORT_URL = "postgresql://pete:hush@127.0.0.1:1/peterental"


@pytest.fixture
def proxy(empty_database_url: str) -> Iterator[Proxy]:
    with Proxy(empty_database_url) as proxy:
        yield proxy


@pytest.fixture
def behind_proxy(proxy: Proxy) -> Iterator[Database]:
    database = Database(proxy.url, pool_size=1)  # a second connection, opened in the background, would be counted too
    yield database
    database.close()


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url, pool_size=2)
    yield database
    database.close()


def until_hung_up(connection: psycopg.Connection[DictRow]) -> None:
    closed = select.poll()
    closed.register(connection.fileno(), select.POLLRDHUP)
    assert closed.poll(HANG_S * 1000)


def unavailable_message(database: Database, reason: str) -> str:
    """Query until the fault names the reason: on a slow machine the pool may report its first attempt late."""
    messages: list[str] = []

    def is_reported() -> bool:
        with pytest.raises(DatabaseUnavailable) as caught:
            database.fetch("SELECT 1")
        messages.append(str(caught.value))
        return reason in messages[-1]

    until(is_reported, f"the fault says: {reason}")
    return messages[-1]


def test_creating_a_database_does_not_connect() -> None:
    called: list[int] = []

    def url() -> str:
        called.append(1)
        return CLOSED_PORT_URL

    Database(url).close()
    assert called == []


def test_rows_are_dicts_by_column_name(empty: Database) -> None:
    assert empty.fetch("SELECT 1 AS one, %s::text AS word", ["two"]) == [{"one": 1, "word": "two"}]


def test_a_statement_without_rows_returns_an_empty_list(empty: Database) -> None:
    assert empty.fetch("CREATE TABLE t (i int)") == []


def test_a_transaction_commits_at_its_end(empty: Database) -> None:
    empty.fetch("CREATE TABLE t (i int)")
    with empty.transaction() as tx:
        tx.execute("INSERT INTO t VALUES (1)")
    assert empty.fetch("SELECT i FROM t") == [{"i": 1}]


def test_a_failed_transaction_is_rolled_back(empty: Database) -> None:
    empty.fetch("CREATE TABLE t (i int PRIMARY KEY)")
    with pytest.raises(psycopg.errors.UniqueViolation), empty.transaction() as tx:
        tx.execute("INSERT INTO t VALUES (1)")
        tx.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ZeroDivisionError), empty.transaction() as tx:
        tx.execute("INSERT INTO t VALUES (2)")
        _ = 1 // 0
    assert empty.fetch("SELECT i FROM t") == []


def test_one_statement_is_one_round_trip(proxy: Proxy, behind_proxy: Database) -> None:
    behind_proxy.fetch("SELECT 1")
    with proxy.counting() as turns:
        behind_proxy.fetch("SELECT 2")
    assert turns == [1]


def test_a_transaction_with_one_read_is_two_round_trips(proxy: Proxy, behind_proxy: Database) -> None:
    behind_proxy.fetch("CREATE TABLE t (i int)")
    with proxy.counting() as turns, behind_proxy.transaction() as tx:
        first = tx.execute("SELECT count(*) AS n FROM t")
        second = tx.execute("SELECT 2 AS n")
        # Read the last result first: by then all have arrived. In the other order psycopg may wait twice.
        numbers = (second.fetchone(), first.fetchone())
        tx.execute("INSERT INTO t VALUES (1)")
        tx.execute("INSERT INTO t VALUES (2)")
    assert numbers == ({"n": 2}, {"n": 0})
    assert turns == [2]


def test_the_connection_returned_last_is_used_next(empty: Database) -> None:
    with empty.connection() as first:
        first.execute("SELECT 1")
        with empty.connection() as second:
            assert second is not first
    for _ in range(3):
        with empty.connection() as used:
            assert used is first, "the other one is not needed"
        with empty.connection() as used, empty.connection() as other:
            assert (used, other) == (first, second)


MODE = "SELECT current_setting('plan_cache_mode') AS mode"


def test_a_connection_plans_once_for_those_who_want_it(proxy: Proxy, behind_proxy: Database) -> None:
    def mode(*, plan_once: bool) -> str:
        return str(behind_proxy.fetch(MODE, prepare=False, plan_once=plan_once)[0]["mode"])

    for wanted, expected in ((False, "auto"), (True, "force_generic_plan"), (False, "auto")):
        assert mode(plan_once=wanted) == expected
        with proxy.counting() as turns:
            mode(plan_once=wanted)
        assert turns == [1], "it stays so until somebody wants the other"


def test_a_rollback_keeps_how_a_connection_plans(empty: Database) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), empty.transaction(plan_once=True) as connection:
            assert connection.execute(MODE).fetchall() == [{"mode": "force_generic_plan"}]
            _ = 1 // 0


def test_an_error_after_its_statements_does_not_leave_it_planning_once(empty: Database) -> None:
    with pytest.raises(ZeroDivisionError), empty.connection(plan_once=True) as connection:
        connection.execute("SELECT 1")
        connection.sync()
        _ = 1 // 0
    assert empty.fetch(MODE) == [{"mode": "auto"}]


def test_without_prepared_statements_there_is_nothing_to_plan_once(empty: Database) -> None:
    with empty.connection() as connection:
        connection.prepare_threshold = None  # as behind a pooler that gives each transaction another session
    assert empty.fetch(MODE, plan_once=True) == [{"mode": "auto"}]


def test_a_dead_idle_connection_is_replaced(proxy: Proxy, behind_proxy: Database, empty_database_url: str) -> None:
    pid = behind_proxy.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]
    proxy.cut()
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
        until(lambda: other.execute(gone, [pid]).fetchone() == (True,), "the server notices the cut")
    assert behind_proxy.fetch("SELECT 2 AS n") == [{"n": 2}]


def test_a_terminated_idle_backend_is_replaced(empty: Database, empty_database_url: str) -> None:
    pid = empty.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
    assert empty.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"] != pid


def test_a_connection_lost_in_use_raises_and_is_replaced(empty: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="terminating connection"), empty.transaction() as tx:
        tx.execute("SELECT pg_terminate_backend(pg_backend_pid())").fetchone()
    assert empty.fetch("SELECT 1 AS n") == [{"n": 1}]


@pytest.mark.usefixtures("real_time_limits")
def test_unavailable_message_omits_the_password() -> None:
    database = Database(CLOSED_PORT_URL)
    message = unavailable_message(database, "Connection refused")
    database.close()
    assert "hush" not in message


@pytest.mark.usefixtures("real_time_limits")
def test_an_exhausted_pool_is_reported(empty_database_url: str) -> None:
    database = Database(empty_database_url, pool_size=1)
    with database.connection(), pytest.raises(DatabaseUnavailable, match="no free connection"):
        database.fetch("SELECT 1")
    database.close()


@pytest.mark.usefixtures("real_time_limits")
def test_a_missing_database_is_named(empty_database_url: str) -> None:
    database = Database(empty_database_url + "_not")
    assert unavailable_message(database, '_not" does not exist').startswith("The database does not answer: ")
    database.close()


@pytest.mark.usefixtures("real_time_limits")
def test_a_slow_query_is_cancelled(empty: Database) -> None:
    with pytest.raises(DatabaseTooSlow, match="longer than 5 seconds"), empty.transaction() as tx:
        tx.execute("SET LOCAL statement_timeout = 1")
        tx.execute("SELECT pg_sleep(60)").fetchone()


@pytest.mark.usefixtures("real_time_limits")
def test_sessions_have_time_limit_name_and_utc(empty: Database) -> None:
    row = empty.fetch(
        "SELECT current_setting('statement_timeout') AS timeout, current_setting('application_name') AS name,"
        " current_setting('TimeZone') AS zone"
    )[0]
    assert row == {"timeout": "5s", "name": "peterental", "zone": "UTC"}


def test_long_reads_may_read_a_table_from_end_to_end(empty: Database) -> None:
    empty.fetch("CREATE TABLE wide AS SELECT x, repeat('y', 1000) AS y FROM generate_series(1, 2000) AS x")
    empty.fetch("ALTER TABLE wide ADD PRIMARY KEY (x)")
    empty.fetch("ANALYZE wide")
    query = b"EXPLAIN SELECT x FROM wide WHERE y ~ 'z' AND x > 0"
    with empty.transaction() as connection:
        assert "Index Scan" in str(connection.execute(query).fetchall())
        allow_long_reads(connection, 20)
        assert "Seq Scan" in str(connection.execute(query).fetchall())
    assert "Index Scan" in str(empty.fetch(query.decode())), "the session plans as before"


def test_plan_without_an_index_is_not_compiled(empty: Database) -> None:
    empty.fetch("CREATE TABLE small (x int)")
    (row,) = empty.fetch("EXPLAIN (ANALYZE, FORMAT JSON) SELECT x FROM small")
    (explained,) = row["QUERY PLAN"]
    assert explained["Plan"]["Node Type"] == "Seq Scan"
    assert "JIT" not in explained


def test_a_missing_table_says_to_migrate(empty: Database) -> None:
    with pytest.raises(SchemaOutdated, match=r'relation "agents" does not exist.*flask db-migrate'):
        empty.fetch("SELECT * FROM agents")


@pytest.mark.usefixtures("real_time_limits")
def test_a_server_that_is_too_old_is_rejected(proxy: Proxy, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        version = connection.info.parameter_status("server_version") or ""
    proxy.rewrite = (f"server_version\0{version}".encode(), f"server_version\0{'13' + version[2:]}".encode())
    database = Database(proxy.url)
    assert "PostgreSQL 13" in unavailable_message(database, " is too old")
    database.close()


def test_threads_share_one_pool(empty: Database) -> None:
    pids: set[int] = set()
    threads = [
        threading.Thread(target=lambda: pids.add(empty.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(pids) <= 2


def test_a_forked_child_opens_its_own_pool(empty_database_url: str) -> None:
    database = Database(empty_database_url, pool_size=1)
    parent_pid = database.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        try:
            os.write(writer, str(database.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert int(os.read(reader, 100)) != parent_pid
    os.close(reader)
    assert database.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"] == parent_pid
    database.close()


def test_a_closed_database_reopens_on_use(empty: Database) -> None:
    empty.fetch("SELECT 1")
    empty.close()
    empty.close()
    assert empty.fetch("SELECT 1 AS n") == [{"n": 1}]


RAISE = "DO $$ BEGIN RAISE SQLSTATE '{}' USING MESSAGE = 'reason of the server'; END $$"


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("53100", "Free space on the server's disk."),
        ("53200", "The server's log has the details."),
        ("58030", "The server's log has the details."),
        ("40P01", "Another transaction interfered; try again."),
        ("40001", "Another transaction interfered; try again."),
        ("55006", "The server's log has the details."),
    ],
)
def test_a_refused_statement_quotes_the_server(empty: Database, state: str, advice: str) -> None:
    with pytest.raises(StatementRefused) as caught:
        empty.fetch(RAISE.format(state))
    name = empty.fetch("SELECT current_database() AS name")[0]["name"]
    message = str(caught.value)
    assert message.startswith(f"PostgreSQL refused a statement in database {name} on 127.0.0.1:")
    assert message.endswith(f": reason of the server (SQLSTATE {state}). {advice}")


@pytest.mark.parametrize("state", ["57P01", "57P05", "08006", "25P03"])
def test_a_lost_connection_raises_database_unavailable(empty: Database, state: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer: reason of the server"):
        empty.fetch(RAISE.format(state))


@pytest.mark.parametrize("reads", [1, 2], ids=["before-the-end", "past-the-end"])
def test_an_idle_transaction_timeout_is_named(empty: Database, reads: int) -> None:
    with pytest.raises(DatabaseUnavailable, match="idle-in-transaction timeout"), empty.connection() as connection:
        connection.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1")
        until_hung_up(connection)
        with suppress(psycopg.OperationalError):  # the second read, or the first if the statement's read was late
            for _ in range(reads):  # before the next send: its failure may discard unread input
                connection.pgconn.consume_input()
        connection.execute("SELECT 1")


def test_a_cut_connection_has_no_reason(proxy: Proxy, behind_proxy: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"), behind_proxy.connection() as connection:
        connection.execute("SELECT 1")
        proxy.cut()
        until_hung_up(connection)
        connection.execute("SELECT 1")
    assert connection.reason_it_closed() is None


@pytest.mark.parametrize("state", ["22012", "42501", "XX000"])
def test_an_unknown_error_is_not_translated(empty: Database, state: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        empty.fetch(RAISE.format(state))
    assert caught.value.sqlstate == state


def test_cancellation_by_another_session_is_named(empty: Database, empty_database_url: str) -> None:
    with (
        psycopg.connect(empty_database_url, autocommit=True) as other,
        pytest.raises(StatementCancelled, match="was cancelled by another session: canceling statement due to user"),
        empty.transaction() as tx,
    ):
        row = tx.execute("SELECT pg_backend_pid() AS pid").fetchone()
        assert row is not None
        canceller = threading.Thread(target=cancel, args=(other, row["pid"]))
        canceller.start()
        try:
            tx.execute("SELECT pg_sleep(60)").fetchone()
        finally:
            canceller.join()


def cancel(other: psycopg.Connection[tuple[object, ...]], pid: int) -> None:
    """Cancel the pg_sleep of a session once it runs."""
    sleeping = "SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
    until(lambda: other.execute(sleeping, [pid]).fetchone() is not None, "the statement runs")
    other.execute("SELECT pg_cancel_backend(%s)", [pid])


def test_cancellation_by_the_deadline_is_too_slow(empty: Database) -> None:
    empty.fetch("SELECT 1")
    with empty.connection() as connection, pytest.raises(psycopg.errors.QueryCanceled), deadline(0.1):
        connection.execute("SELECT pg_sleep(60)")
    with pytest.raises(DatabaseTooSlow), deadline(0.1):
        empty.fetch("SELECT pg_sleep(60)")
    with pytest.raises(DatabaseTooSlow), empty.connection() as connection, deadline(0.1):
        connection.execute("SELECT pg_sleep(60)")


def test_a_passed_deadline_does_not_affect_the_next_use(empty_database_url: str) -> None:
    database = Database(empty_database_url, pool_size=1)
    with pytest.raises(DatabaseTooSlow), deadline(0.1):
        database.fetch("SELECT pg_sleep(60)")
    with pytest.raises(StatementCancelled), database.connection() as connection:
        connection.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")
    database.close()


@pytest.mark.usefixtures("real_time_limits")
def test_a_lock_timeout_is_database_busy(empty: Database, empty_database_url: str) -> None:
    empty.fetch("CREATE TABLE t (i int)")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE t")
        with pytest.raises(DatabaseBusy, match="not released within 1.9 seconds"):
            empty.fetch("SELECT * FROM t")
