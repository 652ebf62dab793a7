"""What a person may do to the history: accept an edit, begin a stopped file anew, go back."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import MigrationFailed, RollbackRefused
from peterental.database.migrations.ledger.status import read_status
from tests.database.migrations.conftest import Connection, Folder, Told
from tests.database.migrations.witness import attempts, ledger, tables


class Person(list[object]):
    """Somebody who is asked, and always says the same."""

    def __init__(self, *, agrees: bool = True) -> None:
        super().__init__()
        self._agrees = agrees

    def __call__(self, shown: object) -> bool:
        self.append(shown)
        return self._agrees


def repaired(url: str, folder: Folder, person: Person) -> int:
    return repair(url, folder.path, confirm=person, report=lambda _: None)


def back(url: str, folder: Folder, to: int, person: Person | None = None) -> int:
    return rollback(url, folder.path, to=to, confirm=Person() if person is None else person, report=lambda _: None)


# --- db-repair --------------------------------------------------------------------------------------------------------


def test_an_edit_is_shown_as_a_difference_and_accepted(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);\n")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);\n")
    person = Person()
    assert repaired(empty_database_url, folder, person) == 1
    assert "  -CREATE TABLE a (i int);\n  +CREATE TABLE a (i bigint);" in str(person[0])
    assert read_status(empty_database_url, folder.path).state == "current"
    assert attempts(db) == [(1, "applied"), (1, "repaired")]
    assert runner.run_migrations() == 0


def test_after_a_repair_comments_are_told_from_statements_by_the_accepted_text(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    repaired(empty_database_url, folder, Person())
    folder.write("001_a.sql", "-- explained\nCREATE TABLE a (i bigint);")
    assert read_status(empty_database_url, folder.path).entries[0].state == "comments-edited"


def test_without_consent_nothing_is_repaired(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    assert repaired(empty_database_url, folder, Person(agrees=False)) == 0
    assert read_status(empty_database_url, folder.path).state == "broken"


def test_with_nothing_to_repair_nobody_is_asked(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    person = Person()
    assert repaired(empty_database_url, folder, person) == 0
    assert person == []


def test_a_stopped_attempt_is_shown_and_cleared(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_x.sql", "-- migrate: no-transaction\nCREATE TABLE t (i int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    status = read_status(empty_database_url, folder.path)
    assert (status.state, status.entries[0].state, status.pending) == ("pending", "failed", [1])
    person = Person()
    assert repaired(empty_database_url, folder, person) == 1
    assert "1. CREATE TABLE t (i int)" in str(person[0])
    assert read_status(empty_database_url, folder.path).entries[0].state == "pending"
    db.execute("DROP TABLE t")
    folder.write("001_x.sql", "-- migrate: no-transaction\nCREATE TABLE t (i bigint);")
    assert runner.run_migrations() == 1


def test_a_row_whose_text_was_not_kept_can_be_accepted_too(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute("DELETE FROM schema_migration_attempts; UPDATE schema_migrations SET checksum = 'of something else'")
    person = Person()
    assert repaired(empty_database_url, folder, person) == 1
    assert "what was applied is not known" in str(person[0])


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
    person = Person()
    assert back(empty_database_url, three, 1, person) == 2
    assert person == [["003_t.down.sql", "002_t.down.sql"]]
    assert tables(db) == {"t1"}
    assert ledger(db) == {1: "t"}
    assert attempts(db)[-2:] == [(3, "rolled back"), (2, "rolled back")]
    assert runner.run_migrations() == 2


def test_everything_can_be_undone(three: Folder, db: Connection, empty_database_url: str) -> None:
    assert back(empty_database_url, three, 0) == 3
    assert tables(db) == set()


def test_with_nothing_above_nobody_is_asked(three: Folder, empty_database_url: str) -> None:
    person = Person()
    assert back(empty_database_url, three, 3, person) == 0
    assert person == []


def test_without_consent_nothing_is_undone(three: Folder, db: Connection, empty_database_url: str) -> None:
    with pytest.raises(RollbackRefused, match="nobody confirmed it"):
        back(empty_database_url, three, 0, Person(agrees=False))
    assert len(tables(db)) == 3


def test_a_missing_down_file_stops_it_before_anything_runs(
    three: Folder, db: Connection, empty_database_url: str
) -> None:
    (three.path / "002_t.down.sql").unlink()
    with pytest.raises(RollbackRefused, match="there is no 002_t.down.sql that says how to undo 002_t.sql"):
        back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


def test_a_newer_migration_without_a_file_stops_it(three: Folder, db: Connection, empty_database_url: str) -> None:
    for name in ("003_t.sql", "003_t.down.sql"):
        (three.path / name).unlink()
    with pytest.raises(RollbackRefused, match="migration 003 is applied, but this release has no file of that number"):
        back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-- nothing", "002_t.down.sql has no statement in it"),
        ("DROP TABLE t2; COMMIT;", "002_t.down.sql:1: COMMIT would break"),
        ("-- migrate: no-transaction\nDROP TABLE t2;", "undone as a whole or not at all"),
        ("-- migrate: sometimes\nDROP TABLE t2;", "“-- migrate: sometimes” is unknown"),
    ],
)
def test_a_down_file_that_cannot_be_run_stops_it(
    three: Folder, db: Connection, empty_database_url: str, text: str, reason: str
) -> None:
    three.write("002_t.down.sql", text)
    with pytest.raises(RollbackRefused, match=reason):
        back(empty_database_url, three, 1)
    assert len(tables(db)) == 3


def test_a_down_file_that_fails_leaves_its_migration_applied(
    three: Folder, db: Connection, empty_database_url: str
) -> None:
    three.write("002_t.down.sql", "DROP TABLE t2;\nDROP TABLE nowhere;")
    with pytest.raises(MigrationFailed, match=r'Undoing migration 2 failed: table "nowhere" does not exist'):
        back(empty_database_url, three, 0)
    assert tables(db) == {"t1", "t2"}
    assert ledger(db) == {1: "t", 2: "t"}


def test_a_connection_lost_while_undoing_keeps_the_migration(
    three: Folder, db: Connection, empty_database_url: str
) -> None:
    three.write("003_t.down.sql", "DROP TABLE t3; SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed):
        back(empty_database_url, three, 2)
    assert tables(db) == {"t1", "t2", "t3"}


def test_progress_is_told(three: Folder, empty_database_url: str, told: Told) -> None:
    told.clear()
    rollback(empty_database_url, Path(three.path), to=2, confirm=lambda _: True, report=told.append)
    assert told == ["✅ 003_t.down.sql", "✅ Rolled back 1 migration"]
