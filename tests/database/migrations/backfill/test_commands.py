"""Backfills in db-plan, db-repair, db-rollback, db-adopt, db-verify and db-status."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.backfill import target
from peterental.database.migrations.backfill.target import find_target
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.commands.status_table import status_table
from peterental.database.migrations.errors import RollbackRefused
from peterental.database.migrations.ledger.backfills import BackfillProgress, BackfillState
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.plan.report import LIVE, SCRATCH
from peterental.database.migrations.source.directives import BackfillDirective
from peterental.database.migrations.verify.verify import verify
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import COUNT_UP, TABLE, WHERE, backfill, seen, write_visits
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger

HALF = BackfillProgress(
    version=2,
    state=BackfillState.RUNNING,
    table="visit",
    key=("id",),
    checksum="",
    attempt_id=1,
    rows_done=430_000,
    total_rows=1_000_000,
    batch_rows=1_000,
    rows_per_s=5_200.4,
    is_fresh=True,
)


def state(**changes: object) -> BackfillProgress:
    return BackfillProgress(**(vars(HALF) | changes))


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (HALF, "running 43 %, 5,200 rows/s, about 2 min left"),
        (state(rows_per_s=50), "running 43 %, 50 rows/s, about 3 h left"),
        (state(rows_per_s=1), "running 43 %, 1 rows/s, about 7 d left"),
        (state(rows_done=990_000), "running 99 %, 5,200 rows/s, about 2 s left"),
        (state(rows_done=2_000_000), "running 99 %, 5,200 rows/s, about 0 s left"),
        (state(rows_per_s=None), "running 43 %"),
        (state(is_fresh=False), "running 43 %, no worker is on it"),
        (state(state=BackfillState.FAILED), "failed at 43 %"),
        (state(skipped=((("1",), ("2",)), (("5",), ("6",)))), "running 43 %, 5,200 rows/s, about 2 min left, 2 batches skipped"),
        (state(state=BackfillState.DONE), "done 100 %"),
    ],
)  # fmt: skip
def test_progress_in_words(progress: BackfillProgress, shown: str) -> None:
    assert progress.summary == shown


def test_status_table_shows_percentage(
    runner: MigrationRunner, folder: Folder, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    work(once=True)
    status = read_status(empty_database_url, folder.path)
    row = next(line for line in status_table(status).splitlines() if line.startswith("⏳  002"))
    assert "count" in row
    assert "running " in row
    assert "Backfill 002 is running " in status.summary()
    assert "\x1b[33mrunning" in status_table(status, colour=True)


@pytest.mark.parametrize("age", ["2 minutes", "-2 minutes"], ids=["past", "clock set back"])
def test_status_does_not_claim_a_worker(
    runner: MigrationRunner, folder: Folder, work: Work, db: Connection, empty_database_url: str, *, age: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    work(once=True)
    db.execute("UPDATE schema_migration_backfills SET updated_at = clock_timestamp() - %s::interval", [age])
    assert "no worker is on it" in read_status(empty_database_url, folder.path).summary()


def test_plan_rehearses_one_batch(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    folder.write("003_check.sql", "-- migrate: after-backfill=002\nALTER TABLE visit ADD CHECK (seen = 1);")
    runner.run_migrations(to=1)
    db.execute("ANALYZE visit")
    planned = plan(empty_database_url, folder.path, report=print)
    first, second = planned.files
    assert (first.where, first.error) == (LIVE, None)
    assert first.note == (
        "A backfill of visit: about 95 rows in some 10 batches, in the background. One batch was rehearsed."
    )
    assert (second.where, second.error) == (SCRATCH, None)
    assert "it needs backfill 002, which is not complete" in str(second.note)
    assert not planned.would_fail
    assert seen(db) == {0: 95}


@pytest.mark.parametrize(("rows", "note"), [(0, "no rows."), (1, "1 row, in one batch.")])
def test_plan_of_a_small_backfill(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, rows: int, note: str
) -> None:
    write_visits(folder, rows)
    folder.write("003_check.sql", "-- migrate: after-backfill=002\nALTER TABLE visit ADD CHECK (seen = 1);")
    runner.run_migrations(to=1)
    first, second = plan(empty_database_url, folder.path, report=print).files
    assert first.note == f"A backfill of visit: {note}"
    assert (first.error, second.error, second.where) == (None, None, LIVE)


def test_plan_of_an_unusable_key(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_visit.sql", TABLE)
    folder.write("002_count.sql", backfill().replace("key=id", "key=seen"))
    runner.run_migrations(to=1)
    (file,) = plan(empty_database_url, folder.path, report=print).files
    assert file.error is not None
    assert file.error.startswith("002_count.sql: (seen) is not unique in visit")


def test_plan_knows_a_running_backfill(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    folder.write("003_check.sql", "-- migrate: after-backfill=002\nALTER TABLE visit ADD CHECK (seen = 1);")
    (file,) = plan(empty_database_url, folder.path, report=print).files
    assert "it needs backfill 002, which is not complete" in str(file.note)


def test_repair_accepts_an_edited_backfill(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    work(once=True)
    folder.write("002_count.sql", backfill(f"UPDATE visit SET seen = 2\n{WHERE};\n"))
    shown: list[str] = []

    def refuse(text: str) -> bool:
        shown.append(text)
        return False

    assert repair(empty_database_url, folder.path, confirm=refuse, report=print) == 0
    assert "002_count.sql, a backfill that is " in shown[0]
    assert "  -UPDATE visit SET seen = seen + 1\n  +UPDATE visit SET seen = 2" in shown[0]
    assert repair(empty_database_url, folder.path, confirm=lambda _: True, report=print) == 1
    work()
    assert seen(db) == {1: 10, 2: 85}
    assert repair(empty_database_url, folder.path, confirm=lambda _: True, report=print) == 0


def test_rollback_of_a_running_backfill_needs_no_down_file(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    folder.write("003_later.sql", "CREATE TABLE later (i int);")
    folder.write("003_later.down.sql", "DROP TABLE later;")
    runner.run_migrations()
    work(once=True)
    shown: list[str] = []
    lines = ReportedLines()

    def confirm(names: list[str]) -> bool:
        shown.extend(names)
        return True

    assert rollback(empty_database_url, folder.path, to=1, confirm=confirm, report=lines.append) == 2
    assert shown == ["003_later.down.sql", "nothing for backfill 002"]
    assert ledger(db) == {1: "visit"}
    assert ("running", 2) not in [(outcome, version) for version, outcome in attempts(db)]
    assert seen(db) == {0: 85, 1: 10}
    assert work() == []
    assert runner.run_migrations() == 1
    assert work()[0].state == "done"


def test_rollback_runs_the_down_file_of_a_complete_backfill(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    folder.write("002_count.down.sql", "UPDATE visit SET seen = 0;")
    runner.run_migrations()
    work()
    assert rollback(empty_database_url, folder.path, to=1, confirm=lambda _: True, report=print) == 1
    assert seen(db) == {0: 95}
    assert ledger(db) == {1: "visit"}
    runner.run_migrations()
    work()
    assert seen(db) == {1: 95}


def test_down_file_cannot_be_a_backfill(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    write_visits(folder, 5)
    folder.write("002_count.down.sql", backfill())
    runner.run_migrations()
    with pytest.raises(RollbackRefused, match="a down file cannot be “-- migrate: backfill”; remove it"):
        rollback(empty_database_url, folder.path, to=1, confirm=lambda _: True, report=print)


def test_estimate_of_many_rows_is_the_planner_s(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    db.execute(f"{TABLE} INSERT INTO visit SELECT generate_series(1, 3000); ANALYZE visit; DELETE FROM visit")
    found = find_target(db, BackfillDirective("visit", ("id",)))
    assert found.estimated_rows(db) == 0
    monkeypatch.setattr(target, "_COUNTABLE_ROWS", 10)
    assert found.estimated_rows(db) == 3000


def test_adoption_records_a_running_backfill(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    assert adopt(empty_database_url, folder.path, to=2, report=print) == 1
    assert ledger(db) == {1: "visit", 2: "count"}
    assert work() == []
    assert read_status(empty_database_url, folder.path).state == "current"


def test_verification_ignores_the_table_of_progress(
    runner: MigrationRunner, folder: Folder, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    folder.write(
        "003_check.sql",
        "ALTER TABLE visit ADD CHECK (seen = 1) NOT VALID; ALTER TABLE visit VALIDATE CONSTRAINT visit_seen_check;",
    )
    work()
    assert runner.run_migrations() == 1  # the scratch database runs it too, after the whole backfill
    found = verify(empty_database_url, folder.path, report=print)
    assert found.same, found.text()


def test_file_that_records_itself_is_refused(runner: MigrationRunner, folder: Folder) -> None:
    write_visits(folder, 95, text=f"{COUNT_UP}INSERT INTO schema_migrations (version) VALUES (2);")
    with pytest.raises(Exception, match="a backfill is recorded by the runner when it is complete; remove the INSERT"):
        runner.run_migrations()
