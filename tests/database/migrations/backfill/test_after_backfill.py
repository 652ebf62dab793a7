"""A file with `after-backfill` runs when the backfill is complete: the runner finishes it first, or stops."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import BackfillIncomplete, FilesRefused, Interrupted
from peterental.database.migrations.session.advisory_lock import backfill_lock_key
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import WHERE, backfill, seen, write_visits
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger

NEEDING = "-- migrate: after-backfill=002\nALTER TABLE visit ADD CHECK (seen = 1);"


@pytest.fixture
def needing(folder: Folder) -> Folder:
    """A backfill, a file that does not need it, and one that does."""
    write_visits(folder, 95)
    folder.write("003_free.sql", "CREATE TABLE free (i int);")
    folder.write("004_check.sql", NEEDING)
    folder.write("005_last.sql", "CREATE TABLE last (i int);")
    return folder


@pytest.mark.usefixtures("needing")
def test_runner_finishes_the_backfill_first(
    runner: MigrationRunner, db: Connection, reported: ReportedLines, work: Work
) -> None:
    assert runner.run_migrations() == 5
    assert seen(db) == {1: 95}
    assert ledger(db) == {1: "visit", 2: "count", 3: "free", 4: "check", 5: "last"}
    assert {outcome for _, outcome in attempts(db)} == {"applied"}
    assert "⏳ 002_count.sql: 004_check.sql needs it; finishing it first" in reported
    assert reported.text.index("✅ 002_count.sql (95 rows, ") < reported.text.index("✅ 004_check.sql")
    assert work() == []


def test_backfill_of_an_earlier_session_is_counted(runner: MigrationRunner, needing: Folder, db: Connection) -> None:
    """003 leaves a setting behind, so the runner goes on in a new session."""
    needing.write("003_free.sql", "CREATE TABLE free (i int); SET LOCAL my.word TO 'x';")
    assert runner.run_migrations() == 5
    assert not runner.has_unfinished
    assert {outcome for _, outcome in attempts(db)} == {"applied"}


@pytest.mark.usefixtures("needing")
def test_no_wait_stops_before_the_file(runner_with: Callable[..., MigrationRunner], db: Connection, work: Work) -> None:
    runner = runner_with(may_wait=False)
    with pytest.raises(BackfillIncomplete) as stopped:
        runner.run_migrations()
    assert str(stopped.value) == (
        "Migration 004 needs backfill 002, which is 0 % done; flask db-backfill finishes it. 004_check.sql was not"
        " started. 001, 003 stay applied."
    )
    assert ledger(db) == {1: "visit", 3: "free"}
    with pytest.raises(BackfillIncomplete, match=r"004_check.sql was not started.$"):
        runner.run_migrations()
    work()
    assert runner.run_migrations() == 2


@pytest.mark.usefixtures("needing")
def test_failed_backfill_is_not_waited_for(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("002_count.sql", backfill(f"UPDATE visit SET seen = 1 / (id - 50) {WHERE};"))
    with pytest.raises(BackfillIncomplete, match=r"needs backfill 002, which failed at .* %; see flask db-status"):
        runner.run_migrations()
    with pytest.raises(BackfillIncomplete):
        runner.run_migrations()
    assert ledger(db) == {1: "visit", 3: "free"}


@pytest.mark.usefixtures("needing")
def test_edited_backfill_is_not_finished(runner: MigrationRunner, folder: Folder) -> None:
    runner.run_migrations(to=3)
    folder.write("002_count.sql", backfill(f"UPDATE visit SET seen = 2 {WHERE};"))
    with pytest.raises(BackfillIncomplete, match="was edited after it was registered"):
        runner.run_migrations()


@pytest.mark.usefixtures("needing")
def test_runner_waits_for_the_worker_that_is_on_it(
    runner_with: Callable[..., MigrationRunner], db: Connection, empty_database_url: str, reported: ReportedLines
) -> None:
    runner_with().run_migrations(to=3)
    shown = []
    with psycopg.connect(empty_database_url, autocommit=True) as worker:
        worker.execute("SELECT pg_advisory_lock(%s)", [backfill_lock_key("public", 2)])

        def progress(what: str, percent: int) -> None:
            shown.append((what, percent))
            worker.execute("SELECT pg_advisory_unlock_all()")

        assert runner_with(progress=progress).run_migrations() == 2
    assert shown[0] == ("backfill 002: running 0 %, no worker is on it", 0)
    assert "⏳ Waiting for backfill 002: held by an unnamed program (pid " in reported.text
    assert seen(db) == {1: 95}


@pytest.mark.usefixtures("needing")
def test_stopped_run_resumes_the_backfill(runner_with: Callable[..., MigrationRunner], db: Connection) -> None:
    def stop(what: str, _percent: int) -> None:
        if "running" in what:
            raise Interrupted

    with pytest.raises(Interrupted):
        runner_with(progress=stop).run_migrations()
    assert seen(db) == {0: 85, 1: 10}
    assert attempts(db)[-1] == (4, "interrupted")
    assert runner_with().run_migrations() == 2
    assert seen(db) == {1: 95}


@pytest.mark.usefixtures("needing")
def test_progress_deleted_meanwhile_starts_the_file(
    runner_with: Callable[..., MigrationRunner], db: Connection
) -> None:
    def forget(_what: str, _percent: int) -> None:
        db.execute("UPDATE visit SET seen = 1; DELETE FROM schema_migration_backfills")

    assert runner_with(progress=forget).run_migrations() == 5
    assert ledger(db) == {1: "visit", 3: "free", 4: "check", 5: "last"}


@pytest.mark.parametrize(("version", "why"), [("003", "names 003_free.sql, which is not a backfill")])
def test_other_versions_are_refused(runner: MigrationRunner, needing: Folder, version: str, why: str) -> None:
    needing.write("004_check.sql", NEEDING.replace("002", version))
    with pytest.raises(FilesRefused, match=f"004_check.sql:1: “after-backfill={version}” {why}; name the number of"):
        runner.run_migrations()


def test_applied_backfill_satisfies_the_file(runner: MigrationRunner, needing: Folder, db: Connection) -> None:
    write_visits(needing, 5)
    assert runner.run_migrations(to=3) == 3
    assert runner.run_migrations() == 2
    assert seen(db) == {1: 5}
