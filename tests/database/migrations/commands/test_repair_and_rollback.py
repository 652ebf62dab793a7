"""db-repair accepts edits and resets stopped files; db-rollback undoes migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import MigrationFailed, RollbackRefused
from peterental.database.migrations.ledger.status import read_status
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger, tables


class Confirmation(list[object]):
    """A confirmation callback that records what it is shown and always gives the same answer."""

    def __init__(self, *, answer: bool = True) -> None:
        super().__init__()
        self._answer = answer

    def __call__(self, shown: object) -> bool:
        self.append(shown)
        return self._answer


def repaired(url: str, folder: Folder, confirm: Confirmation) -> int:
    return repair(url, folder.path, confirm=confirm, report=lambda _: None)


def rolled_back(url: str, folder: Folder, to: int, confirm: Confirmation | None = None) -> int:
    confirm = Confirmation() if confirm is None else confirm
    return rollback(url, folder.path, to=to, confirm=confirm, report=lambda _: None)


# --- db-repair --------------------------------------------------------------------------------------------------------


def test_edit_is_shown_as_a_diff_and_accepted(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);\n")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);\n")
    confirm = Confirmation()
    assert repaired(empty_database_url, folder, confirm) == 1
    assert "  -CREATE TABLE a (i int);\n  +CREATE TABLE a (i bigint);" in str(confirm[0])
    assert read_status(empty_database_url, folder.path).state == "current"
    assert attempts(db) == [(1, "applied"), (1, "repaired")]
    assert runner.run_migrations() == 0


def test_comment_edits_are_detected_after_a_repair(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    repaired(empty_database_url, folder, Confirmation())
    folder.write("001_a.sql", "-- explained\nCREATE TABLE a (i bigint);")
    assert read_status(empty_database_url, folder.path).entries[0].state == "comments-edited"


def test_unconfirmed_repair_changes_nothing(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    assert repaired(empty_database_url, folder, Confirmation(answer=False)) == 0
    assert read_status(empty_database_url, folder.path).state == "broken"


def test_nothing_to_repair_asks_for_no_confirmation(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    confirm = Confirmation()
    assert repaired(empty_database_url, folder, confirm) == 0
    assert confirm == []


def test_stopped_attempt_is_shown_and_reset(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_x.sql", "-- migrate: no-transaction\nCREATE TABLE t (i int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    status = read_status(empty_database_url, folder.path)
    assert (status.state, status.entries[0].state, status.pending) == ("pending", "failed", [1])
    confirm = Confirmation()
    assert repaired(empty_database_url, folder, confirm) == 1
    assert "1. CREATE TABLE t (i int)" in str(confirm[0])
    assert read_status(empty_database_url, folder.path).entries[0].state == "pending"
    db.execute("DROP TABLE t")
    folder.write("001_x.sql", "-- migrate: no-transaction\nCREATE TABLE t (i bigint);")
    assert runner.run_migrations() == 1


def test_edit_of_an_unknown_text_can_be_accepted(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute("DELETE FROM schema_migration_attempts; UPDATE schema_migrations SET checksum = 'of something else'")
    confirm = Confirmation()
    assert repaired(empty_database_url, folder, confirm) == 1
    assert "the text that was applied is not known" in str(confirm[0])


# --- db-rollback ------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(runner: MigrationRunner, folder: Folder) -> Folder:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
        folder.write(f"00{number}_t.down.sql", f"DROP TABLE t{number};")
    runner.run_migrations()
    return folder


def test_down_files_run_in_reverse(
    three: Folder, db: Connection, empty_database_url: str, runner: MigrationRunner
) -> None:
    confirm = Confirmation()
    assert rolled_back(empty_database_url, three, 1, confirm) == 2
    assert confirm == [["003_t.down.sql", "002_t.down.sql"]]
    assert tables(db) == {"t1"}
    assert ledger(db) == {1: "t"}
    assert attempts(db)[-2:] == [(3, "rolled back"), (2, "rolled back")]
    assert runner.run_migrations() == 2


def test_rollback_to_0_undoes_everything(three: Folder, db: Connection, empty_database_url: str) -> None:
    assert rolled_back(empty_database_url, three, 0) == 3
    assert tables(db) == set()


def test_nothing_to_roll_back_asks_for_no_confirmation(three: Folder, empty_database_url: str) -> None:
    confirm = Confirmation()
    assert rolled_back(empty_database_url, three, 3, confirm) == 0
    assert confirm == []


def test_unconfirmed_rollback_changes_nothing(three: Folder, db: Connection, empty_database_url: str) -> None:
    with pytest.raises(RollbackRefused, match="it was not confirmed"):
        rolled_back(empty_database_url, three, 0, Confirmation(answer=False))
    assert len(tables(db)) == 3


def test_missing_down_file_is_refused_first(three: Folder, db: Connection, empty_database_url: str) -> None:
    (three.path / "002_t.down.sql").unlink()
    with pytest.raises(RollbackRefused, match="there is no 002_t.down.sql to undo 002_t.sql"):
        rolled_back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


def test_migration_without_a_file_is_refused(three: Folder, db: Connection, empty_database_url: str) -> None:
    for name in ("003_t.sql", "003_t.down.sql"):
        (three.path / name).unlink()
    with pytest.raises(RollbackRefused, match="migration 003 is applied, but this release has no file for it"):
        rolled_back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-- nothing", "002_t.down.sql has no statement in it"),
        ("DROP TABLE t2; COMMIT;", "002_t.down.sql:1: COMMIT would break"),
        ("-- migrate:down\nDROP TABLE t2;", "002_t.down.sql:1: this is a dbmate file"),
        ("-- migrate: sometimes\nDROP TABLE t2;", "“-- migrate: sometimes” is unknown"),
    ],
)
def test_invalid_down_file_is_refused_first(
    three: Folder, db: Connection, empty_database_url: str, text: str, reason: str
) -> None:
    three.write("002_t.down.sql", text)
    with pytest.raises(RollbackRefused, match=reason):
        rolled_back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


def test_failing_down_file_leaves_its_migration_applied(three: Folder, db: Connection, empty_database_url: str) -> None:
    three.write("002_t.down.sql", "DROP TABLE t2;\nDROP TABLE nowhere;")
    with pytest.raises(MigrationFailed, match=r'Undoing migration 2 failed: table "nowhere" does not exist') as caught:
        rolled_back(empty_database_url, three, 0)
    assert caught.value.state == "002_t.down.sql changed nothing: migration 002 stays applied. 003 is undone."
    assert tables(db) == {"t1", "t2"}
    assert ledger(db) == {1: "t", 2: "t"}


def test_lost_connection_leaves_the_migration_applied(three: Folder, db: Connection, empty_database_url: str) -> None:
    three.write("003_t.down.sql", "DROP TABLE t3; SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed):
        rolled_back(empty_database_url, three, 2)
    assert tables(db) == {"t1", "t2", "t3"}


def test_progress_is_reported(three: Folder, empty_database_url: str, reported: ReportedLines) -> None:
    reported.clear()
    rollback(empty_database_url, Path(three.path), to=2, confirm=lambda _: True, report=reported.append)
    assert reported == ["✅ 003_t.down.sql", "✅ Rolled back 1 migration"]
