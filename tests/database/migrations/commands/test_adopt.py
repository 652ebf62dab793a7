"""db-adopt records only migrations whose schema is verified, and reports what cannot be verified."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import AdoptionRefused, adopt
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.scratch.database import ScratchBuildFailed
from peterental.database.migrations.verify.verify import verify
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger

A = "CREATE TABLE a (i int);"
B = "CREATE TABLE b (i int);\nCREATE INDEX b_i ON b (i);"

Adopt = Callable[[int], int]


@pytest.fixture
def two(folder: Folder) -> Folder:
    folder.write("001_a.sql", A)
    folder.write("002_b.sql", B)
    return folder


@pytest.fixture
def adopted(empty_database_url: str, folder: Folder, reported: ReportedLines) -> Adopt:
    return lambda to: adopt(empty_database_url, folder.path, to=to, report=reported.append)


def has_ledger(db: Connection) -> bool:
    row = db.execute("SELECT to_regclass('schema_migrations') IS NOT NULL AS it_has").fetchone()
    return row is not None and bool(row["it_has"])


# --- recorded ---------------------------------------------------------------------------------------------------------


def test_matching_database_is_adopted(
    two: Folder, adopted: Adopt, db: Connection, reported: ReportedLines, empty_database_url: str
) -> None:
    db.execute((A + B).encode())
    assert adopted(2) == 2
    assert reported == [
        "✅ 001_a.sql recorded as applied",
        "✅ 002_b.sql recorded as applied",
        "✅ Adopted 2 migrations",
    ]
    assert ledger(db) == {1: "a", 2: "b"}
    assert attempts(db) == [(1, "adopted"), (2, "adopted")]
    row = db.execute("SELECT checksum, applied_by, applied_at FROM schema_migrations LIMIT 1").fetchone()
    assert row is not None
    assert None not in row.values()
    assert MigrationRunner(empty_database_url, two.path).run_migrations() == 0
    assert verify(empty_database_url, two.path, report=print).same


def test_adopting_twice_records_once(two: Folder, adopted: Adopt, db: Connection, reported: ReportedLines) -> None:
    db.execute((A + B).encode())
    assert [adopted(2), adopted(2)] == [2, 0]
    assert reported[-1] == "✅ Nothing to adopt: all of them are already recorded and verified"
    assert len(attempts(db)) == 2
    assert two


def test_files_after_the_adopted_ones_are_applied(
    two: Folder, adopted: Adopt, db: Connection, runner: MigrationRunner
) -> None:
    db.execute(A.encode())
    assert adopted(1) == 1
    assert runner.run_migrations() == 1
    assert attempts(db) == [(1, "adopted"), (2, "applied")]
    assert two


def test_rows_of_an_earlier_runner_get_a_checksum(
    two: Folder, adopted: Adopt, db: Connection, reported: ReportedLines, empty_database_url: str
) -> None:
    db.execute("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP, description TEXT)")
    db.execute("INSERT INTO schema_migrations VALUES (1, '2025-10-09', 'Once'), (2, '2025-10-10', NULL)")
    db.execute((A + B).encode())
    assert read_status(empty_database_url, two.path).entries[0].state == "unverified"
    assert adopted(1) == 1  # the ledger has 002 too
    assert reported[0] == "✅ 001_a.sql verified"
    assert adopted(2) == 1
    assert [entry.state for entry in read_status(empty_database_url, two.path).entries] == ["applied", "applied"]
    rows = db.execute("SELECT description, applied_at AT TIME ZONE 'UTC' AS at FROM schema_migrations ORDER BY version")
    assert [(row["description"], f"{row['at']:%Y-%m-%d}") for row in rows] == [
        ("Once", "2025-10-09"),
        ("b", "2025-10-10"),
    ]


def test_comment_edits_are_detected_after_adoption(
    two: Folder, adopted: Adopt, db: Connection, empty_database_url: str
) -> None:
    db.execute((A + B).encode())
    adopted(2)
    two.write("001_a.sql", "-- explained\n" + A)
    assert read_status(empty_database_url, two.path).entries[0].state == "comments-edited"


def test_extra_objects_are_allowed_and_listed(
    two: Folder, adopted: Adopt, db: Connection, reported: ReportedLines
) -> None:
    db.execute((A + B).encode())
    db.execute("CREATE TABLE other (i int); ALTER TABLE a ADD note text")
    assert adopted(2) == 2
    assert reported[2:-1] == [
        "Also in the database, but not created by these files, which is allowed:",
        "  table public.a",
        "    column note",
        "  table public.other",
    ]
    assert two


def test_unverifiable_row_changes_are_reported(
    folder: Folder, adopted: Adopt, db: Connection, reported: ReportedLines
) -> None:
    folder.write("001_a.sql", A + "INSERT INTO schema_migrations VALUES (1) ON CONFLICT DO NOTHING;")
    folder.write("002_b.sql", "SET LOCAL work_mem TO '1MB'; INSERT INTO a VALUES (1); UPDATE a SET i = 2;")
    folder.write("003_c.sql", "CREATE INDEX a_i ON a (i); DELETE FROM a;")
    db.execute("CREATE TABLE a (i int); CREATE INDEX a_i ON a (i)")
    assert adopted(3) == 3
    assert reported[3:-1] == [
        "⚠️  002_b.sql only changes rows (INSERT, UPDATE), which cannot be verified: recorded unchecked",
        "⚠️  003_c.sql also changes rows (DELETE), which cannot be verified: check them yourself",
    ]


# --- refused ----------------------------------------------------------------------------------------------------------


def test_differences_are_listed_and_nothing_is_recorded(two: Folder, adopted: Adopt, db: Connection) -> None:
    db.execute("CREATE TABLE a (i bigint); CREATE TABLE b (i int)")
    with pytest.raises(AdoptionRefused) as caught:
        adopted(2)
    assert str(caught.value).splitlines() == [
        "Nothing was recorded: the database does not match migrations 001 to 002 (2 differences)",
        "  table public.a",
        "    column i   differs: type is bigint in the database, integer in the files",
        "  table public.b",
        "    index b_i  only in the files",
        "  Next: fix these, or adopt up to a lower version; flask db-migrate then applies the rest.",
    ]
    assert not has_ledger(db)
    assert two


def test_harmless_differences_of_recorded_migrations_are_allowed(
    two: Folder, adopted: Adopt, db: Connection, reported: ReportedLines
) -> None:
    db.execute("CREATE TABLE a (i bigint); CREATE TABLE b (i int); CREATE INDEX b_by_i ON b (i)")
    db.execute("CREATE TABLE schema_migrations (version integer PRIMARY KEY, applied_at timestamp, description text)")
    db.execute("INSERT INTO schema_migrations VALUES (1, now()), (2, now())")
    assert adopted(2) == 2
    assert reported[2:-1] == [
        "Also in the database, but not created by these files, which is allowed:",
        "  table public.b",
        "    index b_by_i",
        "Different in the database, but harmless:",
        "  table public.a",
        (
            "    column i   differs: type is bigint in the database, integer in the files."
            " It holds every number that the files allow."
        ),
        "  table public.b",
        "    index b_i  only in the files. It is the same as b_by_i.",
    ]
    db.execute("UPDATE schema_migrations SET checksum = NULL; DROP INDEX b_by_i")
    with pytest.raises(AdoptionRefused, match=r"\(1 difference\)\n  table public.b\n    index b_i  only in the files"):
        adopted(2)
    assert two


def test_removed_objects_must_not_exist(folder: Folder, adopted: Adopt, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE old (i int); CREATE TABLE a (i int, j int);")
    folder.write("002_b.sql", "DROP TABLE old;")
    folder.write("003_c.sql", "ALTER TABLE a RENAME j TO k;")
    db.execute("CREATE TABLE old (i int); CREATE TABLE a (i int, j int, k int)")
    with pytest.raises(AdoptionRefused) as caught:
        adopted(3)
    assert "table public.old  still in the database, though 002_b.sql removes it" in str(caught.value)
    assert "column j  still in the database, though 003_c.sql removes it" in str(caught.value)
    db.execute("DROP TABLE old; ALTER TABLE a DROP j")
    assert adopted(3) == 3


def test_invalid_index_is_refused(two: Folder, adopted: Adopt, db: Connection, empty_database_url: str) -> None:
    db.execute("CREATE TABLE a (i int); CREATE TABLE b (i int); SET lock_timeout TO 20")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE b IN ROW EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("CREATE INDEX CONCURRENTLY b_i ON b (i)")
    with pytest.raises(AdoptionRefused, match="index b_i  differs: valid is no in the database, yes in the files"):
        adopted(2)
    assert two


def test_version_without_a_file_is_refused(two: Folder, adopted: Adopt) -> None:
    with pytest.raises(AdoptionRefused, match="there is no migration 003, the last file is 002"):
        adopted(3)
    assert two


def test_edited_file_is_refused(two: Folder, adopted: Adopt, runner: MigrationRunner) -> None:
    runner.run_migrations(to=1)
    two.write("001_a.sql", "CREATE TABLE a (i bigint);")
    with pytest.raises(AdoptionRefused, match=r"001_a.sql was edited after it was applied; see flask db-repair"):
        adopted(2)


def test_file_that_cannot_be_built_is_named(two: Folder, adopted: Adopt, db: Connection) -> None:
    two.write("002_b.sql", "ALTER TABLE nowhere ADD i int;")
    db.execute(A.encode())
    with pytest.raises(ScratchBuildFailed, match='Migration 2 failed: relation "nowhere" does not exist'):
        adopted(2)
    assert not has_ledger(db)
