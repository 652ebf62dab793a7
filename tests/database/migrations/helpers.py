"""Queries on the results of a run, and a runner in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.database.migrations.conftest import Connection, Folder
from tests.gunicorn import PROJECT_DIR, UNCOUNTED
from tests.servers import HANG_S


def tables(db: Connection) -> set[str]:
    """Return the names of the tables that files created."""
    rows = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_%'")
    return {row["tablename"] for row in rows}


def ledger(db: Connection) -> dict[int, str]:
    """Return the ledger's description of each version."""
    return {row["version"]: row["description"] for row in db.execute("SELECT * FROM schema_migrations ORDER BY 1")}


def attempts(db: Connection) -> list[tuple[int, str]]:
    """Return every attempt and its outcome, in order."""
    rows = db.execute("SELECT version, outcome FROM schema_migration_attempts ORDER BY attempt_id")
    return [(row["version"], row["outcome"]) for row in rows]


def start(url: str, folder: Folder) -> subprocess.Popen[str]:
    """Run the migrations in a separate process."""
    code = (
        "import sys, pathlib; from peterental.database.migrations import MigrationRunner;"
        "MigrationRunner(sys.argv[1], pathlib.Path(sys.argv[2]), report=lambda line: print(line, flush=True)).run_migrations()"
    )
    command = [sys.executable, "-c", code, url, str(folder.path)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, **UNCOUNTED},
    )


def hidden(statement: str) -> str:
    """Return a block that runs a statement which its text does not show, so that no check can find it."""
    return f"DO $$ BEGIN EXECUTE convert_from(decode('{statement.encode().hex()}', 'hex'), 'UTF8'); END $$;"


def wait_until(db: Connection, condition: str, timeout_s: float = HANG_S) -> None:
    """Poll until an SQL condition holds."""
    deadline = time.monotonic() + timeout_s
    while not (row := db.execute(f"SELECT {condition} AS holds").fetchone()) or not row["holds"]:
        assert time.monotonic() < deadline, f"never true: {condition}"


LONG_QUERY_RUNS = "EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND datname = current_database())"
