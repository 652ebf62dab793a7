"""The text of a migration is sent whole; its results are counted, and their rows discarded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from tests.database.migrations.conftest import Connection, Folder

MANY = "SELECT i FROM generate_series(1, 1000) AS i"


def test_rows_are_discarded_and_statements_counted(db: Connection) -> None:
    results = execute_text(db, f"{MANY}; SELECT; {MANY} WHERE false; CREATE TEMP TABLE t (i int)")
    assert [result.ntuples for result in results] == [0, 0, 0, 0]


def test_rows_can_be_kept(db: Connection) -> None:
    assert [result.ntuples for result in execute_text(db, f"{MANY}; SELECT 1", keep_rows=True)] == [1000, 1]


@pytest.mark.parametrize("failing", ["SELECT 1 / 0", "SELECT 1 / (500 - i) FROM generate_series(1, 1000) AS i"])
def test_failure_after_many_rows_has_its_number(db: Connection, failing: str) -> None:
    with pytest.raises(StatementFailed, match="division by zero") as caught:
        execute_text(db, f"{MANY}; {MANY}; {failing}; {MANY}", before=("SELECT 1",))
    assert caught.value.number == 3
    assert db.execute("SELECT 1 AS one").fetchone() == {"one": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's peak memory from /proc")
def test_large_result_is_not_held_in_memory(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT repeat('x', 1000) FROM generate_series(1, 100000);")
    Path(f"/proc/{os.getpid()}/clear_refs").write_text("5", encoding="ascii")  # the peak begins again
    before = _peak_mb()
    assert runner.run_migrations() == 1
    assert _peak_mb() - before < 50


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
