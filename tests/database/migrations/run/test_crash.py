"""Runners killed at random moments or started concurrently build the schema of one clean run."""

from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import get_ident
from typing import Any, Self

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from tests.conftest import Databases
from tests.database.migrations.conftest import Folder
from tests.servers import HANG_S
from tests.together import fork

pytestmark = pytest.mark.untraced

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "12"))
"""Rounds per server version; for a long run: `CRASH_ROUNDS=200 pytest tests/database/migrations/run/test_crash.py`."""

FILES = {
    "001_a.sql": "CREATE TABLE a (i int); INSERT INTO a SELECT generate_series(1, 2000);",
    "002_b.sql": "CREATE TABLE b (i int PRIMARY KEY); INSERT INTO b SELECT i FROM a; SELECT pg_sleep(0.03);",
    "003_index.sql": (
        "-- migrate: no-transaction\nALTER TABLE a ADD COLUMN j int DEFAULT 7;\n"
        "CREATE INDEX CONCURRENTLY idx_a ON a (i);\nINSERT INTO b VALUES (0);\n"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_b ON b (i, (i + 1));\nVACUUM a;"
    ),
    "004_c.sql": "ALTER TABLE b ADD COLUMN k text; UPDATE b SET k = 'x'; SELECT pg_sleep(0.03);",
    "005_drop.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY idx_a;\nINSERT INTO a (i) VALUES (-1);",
    "006_d.sql": "CREATE VIEW d AS SELECT count(*) AS n FROM a;",
    "007_settings.sql": (
        "-- migrate: no-transaction\nCREATE SCHEMA app;\nSET search_path = app;\nCREATE TABLE t (i int);\n"
        "SELECT set_config('crash.word', 'kept', false);\nCREATE INDEX CONCURRENTLY idx_t ON t (i);\n"
        "INSERT INTO t VALUES (length(current_setting('crash.word')));\nRESET search_path;\n"
        "CREATE VIEW e AS SELECT generate_series(1, i) AS n FROM app.t;"
    ),
    "008_parts.sql": (
        "CREATE TABLE p (i int PRIMARY KEY) PARTITION BY RANGE (i);"
        " CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10);"
        " CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (5), (15);"
        " CREATE MATERIALIZED VIEW m AS SELECT i FROM p; CREATE UNIQUE INDEX idx_m ON m (i);"
    ),
    "009_detach.sql": (
        "-- migrate: no-transaction\nALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\n"
        "REINDEX TABLE CONCURRENTLY p2;\nREFRESH MATERIALIZED VIEW CONCURRENTLY m;\nDROP TABLE p1;\n"
        "CREATE VIEW q AS SELECT i FROM m;"
    ),
    "010_fill.sql": (
        "-- migrate: backfill table=b key=i batch=700\nUPDATE b SET k = k || 'y' WHERE i BETWEEN"
        " current_setting('migrate.first')::int AND current_setting('migrate.last')::int;"
    ),
    "011_contract.sql": (
        "-- migrate: contract settle=0s after-backfill=010\nALTER TABLE a DROP COLUMN j;"
        " CREATE VIEW once AS SELECT i FROM b WHERE k = 'xy';"
    ),
    "012_e.sql": "CREATE TABLE r (i int);",
}


def fingerprint(url: str) -> list[dict[str, object]]:
    """Return what the files create: columns, indexes with their validity, and row counts."""
    with psycopg.connect(url, row_factory=dict_row) as db:
        made = db.execute(
            """
            SELECT 'column' AS what, attrelid::regclass || '.' || attname AS name, atttypid::regtype::text AS detail
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND relname NOT LIKE 'schema_migration%'
            UNION ALL
            SELECT 'index', indexrelid::regclass::text, indisvalid || pg_get_indexdef(indexrelid)
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema_migration%'
            ORDER BY 1, 2, 3
            """
        ).fetchall()
        names = db.execute(
            "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'p', 'm')"
            " AND relname NOT LIKE 'schema_migration%' ORDER BY relname"
        ).fetchall()
        counts = [
            db.execute(
                sql.SQL("SELECT {} AS name, count(*) AS rows FROM {}").format(row["name"], sql.Identifier(row["name"]))
            ).fetchall()
            for row in names
        ]
        return [*made, *(row for rows in counts for row in rows)]


def versions(url: str) -> list[int]:
    with psycopg.connect(url) as db:
        return [row[0] for row in db.execute("SELECT version FROM schema_migrations ORDER BY version")]


class WaitCounter:
    """Counts how often this process waits for the server, and may kill it at one of these waits.

    Args:
        kill_at: the number of the wait at which the process kills itself with -9, counted from 1; 0 for never.
        is_sent: whether the kill comes after the statement was sent, rather than before.
    """

    def __init__(self, kill_at: int = 0, *, is_sent: bool = False) -> None:
        self.count = 0
        self._kill_at = kill_at
        self._is_sent = is_sent
        self._wait = psycopg.Connection.wait

    def __enter__(self) -> Self:
        """Start counting."""
        thread, wait = get_ident(), self._wait

        def counted(connection: psycopg.Connection, gen: Any, *args: Any, **how: Any) -> Any:
            if get_ident() == thread:  # not the monitor, whose polls depend on time
                self._count(gen)
            return wait(connection, gen, *args, **how)

        setattr(psycopg.Connection, "wait", counted)  # noqa: B010  # it is a method
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        setattr(psycopg.Connection, "wait", self._wait)  # noqa: B010  # likewise

    def _count(self, gen: Any) -> None:
        self.count += 1
        if self.count == self._kill_at:
            if self._is_sent:
                next(gen)  # sends the statement; the next step would wait
            os.kill(os.getpid(), signal.SIGKILL)


def killed_while_migrating(url: str, folder: Path, waits: WaitCounter) -> bool:
    """Run the migrations in a child that kills itself at a wait; return whether it got that far."""
    child = fork()
    if child == 0:
        try:
            with waits:
                MigrationRunner(url, folder).run_migrations()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.fixture
def crash_folder(folder: Folder) -> Folder:
    for name, text in FILES.items():
        folder.write(name, text)
    return folder


def test_random_kills_leave_no_half_file_and_no_lock(
    request: pytest.FixtureRequest, empty_database_url: str, crash_folder: Folder
) -> None:
    databases: Databases = request.getfixturevalue("databases_15" if "15" in request.node.callspec.id else "databases")
    with WaitCounter() as clean:
        MigrationRunner(empty_database_url, crash_folder.path).run_migrations()
    expected = fingerprint(empty_database_url)
    kills = 0
    for seed in range(ROUNDS):
        moments = random.Random(seed)  # noqa: S311  # repeatable, not secret
        url = databases.create()
        for _ in range(3):
            waits = WaitCounter(moments.randint(1, clean.count), is_sent=moments.random() < 0.5)
            kills += killed_while_migrating(url, crash_folder.path, waits)
        MigrationRunner(url, crash_folder.path, lock_wait_s=HANG_S).run_migrations()
        assert fingerprint(url) == expected, f"seed {seed}"
        assert versions(url) == list(range(1, len(FILES) + 1)), f"seed {seed}"
    print(f"{kills} kills in {ROUNDS} rounds")
    assert kills >= ROUNDS, "the first runner of each round gets that far"


KINDS = (
    "CREATE TABLE t{n} (i int);",
    "CREATE TABLE t{n} (i int PRIMARY KEY, j text DEFAULT 'x'); INSERT INTO t{n} SELECT generate_series(1, 50);",
    "-- migrate: no-transaction\nCREATE TABLE t{n} (i int);\nCREATE INDEX CONCURRENTLY idx_t{n} ON t{n} (i);",
    "CREATE TABLE t{n} (i int); INSERT INTO schema_migrations (version, description) VALUES ({n}, 'self') ON CONFLICT DO NOTHING;",
    "SET search_path = ''; CREATE TABLE public.t{n} (i int);",
)


@pytest.mark.parametrize("server", ["databases", pytest.param("databases_15", marks=pytest.mark.needs("postgres15"))])
def test_interleaved_runners_build_the_same_schema(request: pytest.FixtureRequest, server: str) -> None:
    databases: Databases = request.getfixturevalue(server)

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5),
        waves=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), max_size=3),
    )
    def holds(kinds: list[str], waves: list[list[int]]) -> None:
        with TemporaryDirectory() as name:
            folder = Path(name)
            for number, kind in enumerate(kinds, start=1):
                (folder / f"{number:03d}_x.sql").write_text(kind.replace("{n}", str(number)))
            clean, url = databases.create(), databases.create()
            MigrationRunner(clean, folder).run_migrations()
            applied = 0
            for wave in waves:
                with ThreadPoolExecutor(len(wave)) as runners:
                    ends = [min(to, len(kinds)) for to in wave]
                    counts = runners.map(lambda to: MigrationRunner(url, folder).run_migrations(to=to), ends)
                    applied += sum(counts)
            applied += MigrationRunner(url, folder).run_migrations()
            assert fingerprint(url) == fingerprint(clean)
            assert versions(url) == versions(clean) == list(range(1, len(kinds) + 1))
            assert applied == len(kinds)

    holds()
