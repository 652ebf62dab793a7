"""A database that a test has used is restored completely, or not used again."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.pool import Database
from tests.conftest import Copies, Databases
from tests.database_reuse import MOST_ROWS, MOST_USES
from tests.servers import until

AGENT = "INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')"
CALL = "INSERT INTO calls (vapi_call_id, agent_id) VALUES ('c1', 'ana')"
VIEWING = """
    INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
    VALUES ('ana', '12 Elm Street', '2026-06-01 15:00Z', '2026-06-01 15:30Z', 'Max')
"""
MESSAGE = (
    "INSERT INTO messages (agent_id, body) SELECT 'ana', string_agg(md5(n::text), '') FROM generate_series(1, 900) AS n"
)

TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384 ORDER BY 1"
SEQUENCES = "SELECT sequencename::text, last_value FROM pg_sequences ORDER BY 1"
SIZES = "SELECT oid, relpages, reltuples, relallvisible, CASE relkind WHEN 'r' THEN pg_relation_size(oid) END FROM pg_class WHERE oid >= 16384 ORDER BY 1"
COUNTS = "SELECT relid FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del + n_dead_tup + vacuum_count > 0"


@pytest.fixture
def copies(databases: Databases, template_url: str, superuser_url: str | None) -> Copies:
    """Lends copies of its own."""
    if superuser_url is None:
        pytest.skip("no superuser of the server at TEST_DATABASE_URL is known, so each test gets a new copy")
    return Copies(databases, template_url, superuser_url)


def contents(url: str) -> dict[str, object]:
    """Return the rows of each table in their order on disk, the sequences, and what the planner knows."""
    with psycopg.connect(url, autocommit=True) as db:
        rows = {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in db.execute(TABLES).fetchall()}
        return {
            **rows,
            **{query: db.execute(query).fetchall() for query in (SEQUENCES, SIZES, COUNTS)},
        }


def identity(url: str) -> int:
    """Return the object id of a database."""
    with psycopg.connect(url, autocommit=True) as db:
        row = db.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def run(url: str, *statements: str) -> None:
    """Run each statement in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement)


def is_reused(copies: Copies, *statements: str) -> bool:
    """Use a copy for these statements; return whether the next test gets it, after a check that it is as new."""
    first = copies.take()
    fresh, of_first = contents(first), identity(first)
    run(first, *statements)
    copies.give_back(first)
    second = copies.take()
    assert second != first
    assert contents(second) == fresh
    of_second = identity(second)
    copies.give_back(second)
    return of_second == of_first


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT 1"],
        [AGENT],
        [AGENT, CALL, VIEWING, MESSAGE],
        [AGENT, VIEWING, "DELETE FROM appointment_events", "DELETE FROM appointments", "DELETE FROM agents"],
        ["UPDATE notice_settings SET office_name = 'The office'"],
        ["DELETE FROM notice_settings"],
        ["UPDATE installation SET namespace = 'another'"],
        ["SELECT nextval('appointments_id_seq')"],
        ["BEGIN; " + AGENT + "; ROLLBACK"],
        [f"INSERT INTO agents (agent_id, agent_name) SELECT n, 'x' FROM generate_series(1, {MOST_ROWS // 10}) AS n"],
    ],
)
def test_writes_are_undone(copies: Copies, statements: list[str]) -> None:
    assert is_reused(copies, *statements)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (i int)",
        "ALTER TABLE agents ADD COLUMN more int",
        "ALTER TABLE agents ALTER COLUMN agent_name SET DEFAULT 'x'",
        "DROP TABLE webhook_deliveries",
        "TRUNCATE agents CASCADE",
        "CREATE INDEX ON agents (agent_name)",
        "CREATE OR REPLACE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE appointments DISABLE TRIGGER USER",
        "CREATE TEMPORARY TABLE more (i int)",
        "GRANT SELECT ON agents TO PUBLIC",
        "ANALYZE agents",
        "VACUUM agents",
        "ALTER SEQUENCE appointments_id_seq RESTART 900",
        "SELECT lo_from_bytea(0, 'x')",
        "COMMENT ON TABLE agents IS 'more'",
        f"INSERT INTO agents (agent_id, agent_name) SELECT n, 'x' FROM generate_series(1, {MOST_ROWS + 1}) AS n",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END$$",
        "DO $$BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()); END$$",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 7', current_database()); END$$",
    ],
)
def test_other_changes_end_the_reuse(copies: Copies, statement: str) -> None:
    assert is_reused(copies, AGENT)
    assert not is_reused(copies, statement)


def test_rows_of_a_reused_copy_are_in_order(copies: Copies) -> None:
    """Freed space is not used for some rows only: the next rows are stored in the order in which they come."""
    numbers = list(range(400))
    for _ in range(4):
        url = copies.take()
        with psycopg.connect(url, autocommit=True) as db:
            db.cursor().executemany(
                "INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)",
                [(str(n), "x" * (n * 37 % 90 + 1)) for n in numbers],
            )
            db.execute("UPDATE agents SET agent_name = agent_name || 'y' WHERE agent_id::int % 3 = 0")
        copies.give_back(url)
    url = copies.take()
    for n in numbers[:40]:
        run(url, f"INSERT INTO agents (agent_id, agent_name) VALUES ({n}, '{'x' * (n * 37 % 90 + 1)}')")
    with psycopg.connect(url) as db:
        found = [int(row[0]) for row in db.execute("SELECT agent_id FROM agents").fetchall()]
    copies.give_back(url)
    assert found == numbers[:40]


def test_copy_is_replaced_after_many_uses(copies: Copies) -> None:
    seen = set()
    for _ in range(MOST_USES + 1):
        url = copies.take()
        seen.add(identity(url))
        copies.give_back(url)
    assert len(seen) == 2


def test_earlier_test_cannot_reach_a_reused_copy(copies: Copies) -> None:
    url = copies.take()
    earlier = Database(url)
    earlier.fetch("SELECT 1")
    copies.give_back(url)
    again = copies.take()
    with pytest.raises(Exception, match="does not exist"):
        until(lambda: earlier.fetch("SELECT current_database() AS name")[0]["name"] not in again, "it is found")
    earlier.close()
    copies.give_back(again)


def test_two_copies_at_once_are_different(copies: Copies) -> None:
    one, two = copies.take(), copies.take()
    run(one, AGENT)
    assert contents(one)["agents"] != contents(two)["agents"] == []
    copies.give_back(two)
    copies.give_back(one)
    assert copies.take() != copies.take()
