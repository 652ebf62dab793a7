"""A database with the old files, with some of them or with others meets a baseline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import AdoptionRefused, adopt
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import HistoryBroken, RollbackRefused
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.files import find_files
from tests.conftest import Databases
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import tables
from tests.database.migrations.squashing import FILES, Confirmation, names, squashed


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """One server version is enough for comparing files with the ledger."""
    url = databases.create()
    yield url
    databases.drop(url)


def test_database_with_some_of_the_files_is_refused(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations(to=2)
    squashed(empty_database_url, filled)
    with pytest.raises(HistoryBroken) as refused:
        runner.run_migrations()
    assert (
        "003_baseline.sql replaces migrations 001 to 003, but this database has only 001 to 002 of them;"
        " first deploy the last release before the squash"
    ) in str(refused.value)
    status = read_status(empty_database_url, filled.path)
    assert status.state == "broken"
    assert [(entry.label, entry.state.value) for entry in status.entries] == [("001–003", "behind"), ("004", "pending")]
    assert tables(db) == {"words", "homes"}
    with pytest.raises(AdoptionRefused, match="has only 001 to 002 of them"):
        adopt(empty_database_url, filled.path, to=4, report=print)


def test_other_statements_are_named_and_accepted_by_repair(
    empty_database_url: str, filled: Folder, runner: MigrationRunner
) -> None:
    filled.write("002_homes.sql", FILES["002_homes.sql"].replace("size int DEFAULT 1", "size int DEFAULT 2"))
    runner.run_migrations()
    filled.write("002_homes.sql", FILES["002_homes.sql"])
    squashed(empty_database_url, filled)
    with pytest.raises(
        HistoryBroken, match="migration 002 was applied with other statements than 003_baseline.sql replaces"
    ):
        runner.run_migrations()
    with pytest.raises(AdoptionRefused, match="migration 002 was applied with other statements"):
        adopt(empty_database_url, filled.path, to=4, report=print)
    shown: list[str] = []
    repair(empty_database_url, filled.path, confirm=Confirmation(shown), report=print)
    assert shown[0].startswith("Migration 002 was applied with other statements")
    assert runner.run_migrations() == 0


def test_other_comments_are_accepted(empty_database_url: str, filled: Folder, runner: MigrationRunner) -> None:
    runner.run_migrations()
    filled.write("002_homes.sql", "-- explained later\n" + FILES["002_homes.sql"])
    squashed(empty_database_url, filled)
    assert runner.run_migrations() == 0


def test_damaged_header_is_named(empty_database_url: str, filled: Folder, runner: MigrationRunner) -> None:
    runner.run_migrations()
    squashed(empty_database_url, filled)
    path = filled.path / "003_baseline.sql"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "002_homes.sql" not in line))
    with pytest.raises(HistoryBroken, match="003_baseline.sql: the baseline lacks the “-- replaces” line of 002"):
        runner.run_migrations()


def test_rows_without_checksum_are_unverified_until_adopted(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    db.execute("UPDATE schema_migrations SET checksum = NULL WHERE version < 4")
    squashed(empty_database_url, filled)
    assert read_status(empty_database_url, filled.path).entries[0].state == "unverified"
    assert adopt(empty_database_url, filled.path, to=4, report=print) == 1
    assert read_status(empty_database_url, filled.path).entries[0].state == "applied"


def test_adoption_begins_at_the_baseline(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    db.execute("DROP TABLE schema_migrations, schema_migration_attempts")
    squashed(empty_database_url, filled)
    with pytest.raises(AdoptionRefused, match="adopt at least up to 3"):
        adopt(empty_database_url, filled.path, to=2, report=print)
    with pytest.raises(AdoptionRefused, match="there is no migration 005, the last file is 004"):
        adopt(empty_database_url, filled.path, to=5, report=print)
    later = filled.write("005_unfinished.sql", "COMMIT;")
    assert adopt(empty_database_url, filled.path, to=4, report=print) == 2  # later files are not looked at
    later.unlink()
    assert runner.run_migrations() == 0


def test_rollback_stops_at_the_baseline(empty_database_url: str, filled: Folder, runner: MigrationRunner) -> None:
    runner.run_migrations()
    filled.write("004_later.down.sql", "ALTER TABLE homes DROP later;")
    squashed(empty_database_url, filled)
    with pytest.raises(RollbackRefused, match="3 is the lowest version to go back to"):
        rollback(empty_database_url, filled.path, to=2, confirm=lambda _: True, report=print)
    assert rollback(empty_database_url, filled.path, to=3, confirm=lambda _: True, report=print) == 1


def test_second_squash_accepts_every_earlier_history(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    squashed(empty_database_url, filled)
    squashed(empty_database_url, filled, 4)
    assert names(filled) == ["004_baseline.sql"]
    assert runner.run_migrations() == 0
    checksum = (find_files(filled.path)[0].baseline or pytest.fail("no baseline")).replaced[-2]
    assert (checksum.first, checksum.last, checksum.name) == (1, 3, "003_baseline.sql")
    db.execute("DELETE FROM schema_migrations WHERE version < 3")
    db.execute("UPDATE schema_migrations SET checksum = %s WHERE version = 3", [checksum.checksum])
    assert read_status(empty_database_url, filled.path).state == "current"


def test_edited_baseline_is_noticed_where_it_was_applied(
    empty_database_url: str, filled: Folder, runner: MigrationRunner
) -> None:
    squashed(empty_database_url, filled)
    runner.run_migrations()
    path = filled.path / "003_baseline.sql"
    path.write_text(path.read_text() + "-- a comment\n")
    assert read_status(empty_database_url, filled.path).entries[0].state == "comments-edited"
    path.write_text(path.read_text() + "SELECT 1;\n")
    with pytest.raises(HistoryBroken, match="003_baseline.sql was edited after it was applied"):
        runner.run_migrations()


def test_newer_rows_without_the_baseline_are_out_of_order(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    squashed(empty_database_url, filled)
    db.execute("DELETE FROM schema_migrations WHERE version < 4")
    assert read_status(empty_database_url, filled.path).entries[0].state == "late"


def test_baseline_has_no_lint_advice(empty_database_url: str, filled: Folder) -> None:
    squashed(empty_database_url, filled)
    assert [
        finding for finding in lint_directory(filled.path).findings if finding.file_name == "003_baseline.sql"
    ] == []
