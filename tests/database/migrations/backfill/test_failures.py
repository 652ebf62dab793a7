"""A failing batch stops a backfill at the row that fails; it can be retried or skipped."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import DiskFull
from peterental.database.migrations.ledger.status import read_status
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import WHERE, backfill, progress_row, seen, write_visits
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger

DIVIDE = f"UPDATE visit\nSET seen = seen + 1 / (CASE WHEN note IS NULL THEN 1 ELSE 0 END)\n{WHERE};"
"""Fails for the rows with a note."""


@pytest.fixture
def failed(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> str:
    """A backfill that has failed at row 37; its message."""
    write_visits(folder, 95, text=DIVIDE)
    folder.write("003_later.sql", "CREATE TABLE later (i int);")
    runner.run_migrations()
    db.execute("UPDATE visit SET note = 'x' WHERE id IN (37, 60)")
    (result,) = work()
    assert result.state == "failed"
    return result.message


def test_failure_names_row_error_and_line(failed: str, db: Connection, reported: ReportedLines) -> None:
    assert failed.startswith("batch 37 to 37 failed: division by zero\n  at ")
    assert "002_count.sql:2:1\n  2 | UPDATE visit" in failed
    assert "❌ 002_count.sql: batch 37 to 37 failed: division by zero" in reported.text
    assert "36 rows are done and stay." in reported.text
    assert "flask db-backfill --retry, or flask db-backfill --skip" in reported.text
    assert seen(db) == {0: 59, 1: 36}
    assert attempts(db) == [(1, "applied"), (2, "failed"), (3, "applied")]


def test_failed_backfill_holds_up_nothing(
    failed: str, runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    status = read_status(empty_database_url, folder.path)
    assert [entry.state for entry in status.entries] == ["applied", "failed", "applied"]
    assert (status.state, status.pending, status.fits) == ("current", [], True)
    assert status.summary() == (
        f"The schema is current. Backfill 002 has {status.entries[1].backfill.summary}: flask db-backfill --retry tries"  # type: ignore[union-attr]  # asserted by its state
        " the batch again, flask db-backfill --skip leaves it out."
    )
    document = status.as_json()["migrations"][1]["backfill"]
    assert (document["state"], document["failed_batch"], document["error"]) == ("failed", [["37"], ["37"]], failed)
    folder.write("004_more.sql", "SELECT 1;")
    assert runner.run_migrations() == 1


def test_failed_backfill_waits_for_a_decision(failed: str, work: Work, db: Connection, reported: ReportedLines) -> None:
    reported.clear()
    (result,) = work()
    assert (result.state, failed in result.message) == ("failed", True)
    assert "002_count.sql has failed at " in reported.text
    assert seen(db) == {0: 59, 1: 36}


def test_retry_runs_the_failed_batch_again(failed: str, work: Work, db: Connection) -> None:
    assert "batch 37 to 37" in failed
    assert work(action="retry")[0].state == "failed"
    db.execute("UPDATE visit SET note = NULL")
    (result,) = work(action="retry")
    assert result.state == "done"
    assert seen(db) == {1: 95}
    assert ledger(db)[2] == "count"
    assert [outcome for version, outcome in attempts(db) if version == 2] == ["failed", "failed", "applied"]


def test_skip_leaves_the_failed_batch_out(failed: str, work: Work, db: Connection, reported: ReportedLines) -> None:
    assert "batch 37 to 37" in failed
    (result,) = work(action="skip")
    assert (result.state, "batch 60 to 60" in result.message) == ("failed", True)
    assert result.progress is not None
    assert result.progress.summary.endswith(", 1 batch skipped")
    (result,) = work(action="skip")
    assert result.state == "done"
    assert seen(db) == {0: 2, 1: 93}
    assert progress_row(db)["skipped"] == [[["37"], ["37"]], [["60"], ["60"]]]
    assert "✅ 002_count.sql (93 rows, 2 skipped, " in reported.text


def test_error_that_does_not_depend_on_rows_is_not_narrowed(
    runner: MigrationRunner, folder: Folder, work: Work
) -> None:
    write_visits(folder, 95, text=f"UPDATE visit SET absent = 1 {WHERE};")
    runner.run_migrations()
    (result,) = work()
    assert result.message.startswith('batch 1 to 10 failed: column "absent" of relation "visit" does not exist\n  at ')
    assert "002_count.sql:2:18" in result.message
    folder.write("002_count.sql", backfill())
    assert "was edited after it was registered" in work(action="retry")[0].message


def test_full_disk_is_no_failure_of_a_batch(
    runner: MigrationRunner, folder: Folder, work: Work, db: Connection, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    db.execute(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.id = 37 THEN RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER fill BEFORE UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION fill()"
    )
    with pytest.raises(DiskFull, match="free disk space, then run the same command again"):
        work()
    assert read_status(empty_database_url, folder.path).entries[1].state == "running"
    done = seen(db)[1]
    assert 0 < done < 37
    db.execute("DROP FUNCTION fill CASCADE")
    assert work()[0].state == "done"
    assert seen(db) == {1: 95}


def test_deferred_constraint_fails_at_the_commit(
    runner: MigrationRunner, folder: Folder, work: Work, db: Connection
) -> None:
    write_visits(folder, 12, text=f"UPDATE visit SET seen = 7 {WHERE};")
    runner.run_migrations()
    db.execute(
        "CREATE TABLE kind (id int PRIMARY KEY); INSERT INTO kind VALUES (0);"
        "ALTER TABLE visit ADD FOREIGN KEY (seen) REFERENCES kind DEFERRABLE INITIALLY DEFERRED"
    )
    (result,) = work()
    assert result.message.startswith("batch 1 to 1 failed: insert or update on table")
    assert "at the end of " in result.message


def test_vanished_table_fails_without_a_batch(
    folder: Folder, work: Work, db: Connection, reported: ReportedLines, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    db.execute("ALTER TABLE visit RENAME TO visits")
    (result,) = work()
    assert (result.state, result.message.startswith("it cannot run: the table visit does not exist")) == (
        "failed",
        True,
    )
    assert read_status(empty_database_url, folder.path).summary().endswith(": flask db-backfill --retry tries again.")
    work()
    assert reported[-1].endswith("\n  Next: fix the cause, then run: flask db-backfill --retry")
    assert "--skip" not in reported.text
    db.execute("ALTER TABLE visits RENAME TO visit")
    assert work(action="skip")[0].state == "done"
    assert seen(db) == {1: 95}


def test_slow_batch_is_divided(runner: MigrationRunner, folder: Folder, work: Work, db: Connection) -> None:
    write_visits(folder, 12)
    folder.write(
        "002_count.sql",
        "-- migrate: backfill table=visit key=id batch=4 statement-timeout=150ms\n"
        f"UPDATE visit SET seen = seen + CASE WHEN id = 7 AND pg_sleep(600) IS NOT NULL THEN 1 ELSE 1 END {WHERE};",
    )
    runner.run_migrations()
    (result,) = work()
    assert result.message.startswith("batch 7 to 7 failed: canceling statement due to statement timeout")
    assert seen(db) == {0: 6, 1: 6}
