"""Lists of versions are ranges, and long lists are shortened."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import HistoryBroken, MigrationFailed
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.wording import printable_lines, shortened, version_ranges
from tests.database.migrations.conftest import Connection, Folder, ReportedLines


@pytest.mark.parametrize(
    ("versions", "text"),
    [
        ([], ""),
        ([7], "007"),
        ([2, 1], "001, 002"),
        ([*range(1, 14), 15], "001–013, 015"),
        ([1, 3, 4, 5, 1000, 1001, 1002], "001, 003–005, 1000–1002"),
    ],
)
def test_neighbouring_versions_are_a_range(versions: list[int], text: str) -> None:
    assert version_ranges(versions) == text


def test_only_long_lists_are_shortened() -> None:
    assert shortened(["a", "b", "c"], 2) == ["a", "b", "c"]
    assert shortened(["a", "b", "c", "d"], 2) == ["a", "b", "… and 2 more"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\x1bb", "a\\x1bb"),
        ("a\tb", "a\tb"),
        ("123456", "123456"),
        ("1234567", "123456… (7 characters)"),
        ("a\nb\n", "a\nb"),
        ("a\nb\nc", "a\n… and 2 more"),
    ],
)
def test_long_or_unprintable_text_is_shown_safely(text: str, shown: str) -> None:
    assert printable_lines(text, max_lines=1, max_chars=6) == shown


def test_many_broken_migrations_are_one_problem(runner: MigrationRunner, folder: Folder) -> None:
    for number in range(1, 16):
        folder.write(f"{number:03d}_x.sql", "SELECT 1;")
    runner.run_migrations()
    for number in (*range(1, 14), 15):
        folder.write(f"{number:03d}_x.sql", "SELECT 2;")
    with pytest.raises(HistoryBroken, match="013, 015 were edited after they were applied; restore them and"):
        runner.run_migrations()


def test_versions_that_stay_are_a_range(runner: MigrationRunner, folder: Folder) -> None:
    for number in range(1, 5):
        folder.write(f"{number:03d}_x.sql", "SELECT 1;")
    folder.write("005_x.sql", "SELECT 1/0;")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert caught.value.state == "005_x.sql was rolled back. 001–004 stay applied."


# --- what PostgreSQL says ---------------------------------------------------------------------------------------------


def test_pending_trigger_events_are_explained(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);"
        " CREATE TABLE k (id int, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
    )
    folder.write("001_b.sql", "INSERT INTO k VALUES (2, 1);\nALTER TABLE k ADD COLUMN note text;")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    message = str(caught.value)
    assert "001_b.sql:2:1" in message
    assert (
        "Hint: Rows of this table were changed earlier in this transaction, and its deferred constraints are" in message
    )
    assert "Next: move this statement to the next file, or put SET CONSTRAINTS ALL IMMEDIATE before it, then" in message
    assert "Hint: Rows of this table were changed earlier" in plan(
        empty_database_url, folder.path, report=lambda _: None
    ).text(width=500)
    folder.write("001_b.sql", "INSERT INTO k VALUES (2, 1);")  # the rehearsal checks its constraints at its end
    folder.write("002_c.sql", "INSERT INTO k VALUES (3, 1);\nALTER TABLE k ADD COLUMN note text;")
    assert plan(empty_database_url, folder.path, report=lambda _: None).files[1].error is not None
    (folder.path / "002_c.sql").unlink()
    folder.write(
        "001_b.sql", "INSERT INTO k VALUES (2, 1);\nSET CONSTRAINTS ALL IMMEDIATE;\nALTER TABLE k ADD COLUMN note text;"
    )
    assert runner.run_migrations() == 1


def test_dependent_objects_are_listed_shortly(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int)")
    for number in range(30):
        db.execute(f"CREATE VIEW v{number} AS SELECT i FROM t")
    folder.write("001_a.sql", "DROP TABLE t;")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    message = str(caught.value)
    assert "  Detail: view v0 depends on table t\n    view v1 depends on table t\n" in message
    assert "view v9 depends on table t\n    … and 20 more\n" in message
    assert "Next: drop what depends on it first, or write CASCADE if all of it may go, then run" in message


def test_cascade_notice_is_readable(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    db.execute("CREATE TABLE t (i int)")
    for number in range(9):
        db.execute(f"CREATE VIEW v{number} AS SELECT i FROM t")
    folder.write("001_a.sql", "DROP TABLE t CASCADE;")
    runner.run_migrations()
    assert (
        "   NOTICE: drop cascades to 9 other objects – view v0; view v1; view v2; view v3; view v4; … and 4 more"
        in reported
    )
