"""Applied migrations are compared with the files: edited, missing, newer, or from an earlier runner."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.errors import HistoryBroken, MigrationFailed
from peterental.database.migrations.ledger.state import HistoryEntry, State, blocking_problems
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.source.files import MigrationFile
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import tables
from tests.gunicorn import PROJECT_DIR


def test_edited_applied_file_is_an_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    advice = "restore it and put the change into a new file, or accept the edit with flask db-repair"
    with pytest.raises(HistoryBroken, match=f"001_a.sql was edited after it was applied; {advice}"):
        runner.run_migrations()
    assert tables(db) == {"a"}


def test_edited_comments_are_a_warning(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "-- explained\nCREATE TABLE a\n  (i int); /* done */")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert runner.run_migrations() == 1
    assert reported.text.count("001_a.sql: comments were edited after it was applied") == 1


def test_changed_line_endings_are_no_edit(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a\n(i int);\n")
    runner.run_migrations()
    folder.write("001_a.sql", b"\xef\xbb\xbfCREATE TABLE a  \r\n(i int);\r\n\r\n")
    assert runner.run_migrations() == 0


def test_missing_applied_file_is_an_error(runner: MigrationRunner, folder: Folder) -> None:
    for number in (1, 2):
        folder.write(f"00{number}_t.sql", "SELECT 1;")
    runner.run_migrations()
    (folder.path / "001_t.sql").unlink()
    (folder.path / "002_t.sql").rename(folder.path / "001_t.sql")
    folder.write("002_other.sql", "SELECT 2;")
    folder.write("003_more.sql", "SELECT 2;")
    reason = "002_other.sql is not the file that was applied as 002: that was 002_t.sql; give it the next free number"
    with pytest.raises(
        HistoryBroken,
        match=f"{reason}, or undo what was applied, where its files still are, with flask db-rollback --to 1",
    ):
        runner.run_migrations()


def test_ledger_newer_than_the_files_is_fine(runner: MigrationRunner, folder: Folder) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", "SELECT 1;")
    runner.run_migrations()
    (folder.path / "002_t.sql").unlink()
    (folder.path / "003_t.sql").unlink()
    assert runner.run_migrations() == 0


def test_missing_file_before_pending_ones() -> None:
    missing = HistoryEntry(1, State.MISSING, None, None)
    pending = HistoryEntry(2, State.PENDING, MigrationFile(2, "b", Path("002_b.sql")), None)
    (problem,) = blocking_problems([missing, pending])
    assert str(problem) == "the file of applied migration 001 is missing; restore it from version control"


@pytest.mark.parametrize("count", [1, 6])
def test_deleted_ledger_rows_are_recorded_again(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, count: int
) -> None:
    for number in range(1, count + 2):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    runner.run_migrations()
    db.execute("DELETE FROM schema_migrations WHERE version <= %s", [count])
    problem = {
        1: "001_t.sql was applied, but its row is gone from schema_migrations; flask db-adopt --to 2 compares the"
        " tables and records it again",
        6: "migrations 001–006 were applied, but their rows are gone from schema_migrations; flask db-adopt --to 7"
        " compares the tables and records them again",
    }[count]
    assert [str(one) for one in read_status(empty_database_url, folder.path).problems] == [problem]
    assert adopt(empty_database_url, folder.path, to=count + 1, report=lambda _: None) == count
    assert read_status(empty_database_url, folder.path).state == "current"


def test_out_of_order_file_is_an_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("002_b.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute("DELETE FROM schema_migrations WHERE version = 1")
    folder.write("001_a.sql", "SELECT 2;")
    with pytest.raises(
        HistoryBroken,
        match="001_a.sql has a lower number than a migration already applied; give it the next free number",
    ):
        runner.run_migrations()


def test_earlier_runner_s_database_is_continued(empty_database_url: str, db: Connection) -> None:
    db.execute(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT NOW(), description TEXT)"
    )
    for name in ("001_create_agent_tables.sql", "002_add_user_authentication.sql"):
        db.execute((PROJECT_DIR / "migrations" / name).read_bytes())
    db.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('kim', 'Kim')")
    for start in ("10:00", "10:15", "12:00"):
        db.execute(
            "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)"
            " VALUES ('kim', '1 Elm St', %s, %s::timestamp + interval '30 min', 'Pat')",
            [f"2026-03-02 {start}"] * 2,
        )
    files = ("agents", "appointments", "users")
    before = {name: db.execute("SELECT pg_relation_filenode(%s) AS node", [name]).fetchone() for name in files}
    applied_before = db.execute("SELECT applied_at FROM schema_migrations WHERE version = 1").fetchone()
    runner = MigrationRunner(empty_database_url)
    assert runner.run_migrations(to=3) == 1
    after = {name: db.execute("SELECT pg_relation_filenode(%s) AS node", [name]).fetchone() for name in files}
    assert after == before, "003 must not rewrite the tables"
    assert runner.run_migrations() == len(runner.get_migration_files()) - 3
    rows = db.execute(
        "SELECT start_time AT TIME ZONE 'UTC' AS utc, overlap_allowed FROM appointments ORDER BY id"
    ).fetchall()
    assert [(f"{row['utc']:%H:%M}", row["overlap_allowed"]) for row in rows] == [
        ("10:00", False),
        ("10:15", True),
        ("12:00", False),
    ]
    assert db.execute("SELECT count(*) AS n FROM agent_hours").fetchone() == {"n": 5}
    applied_after = db.execute(
        "SELECT applied_at AT TIME ZONE 'UTC' AS applied_at FROM schema_migrations WHERE version = 1"
    ).fetchone()
    assert applied_after == applied_before
    assert runner.run_migrations() == 0


def test_deleting_an_agent_keeps_its_bookings(empty_database_url: str, db: Connection) -> None:
    MigrationRunner(empty_database_url).run_migrations(to=3)
    db.execute("ALTER TABLE appointments DROP CONSTRAINT appointments_agent_id_fkey")
    db.execute("ALTER TABLE appointments ADD FOREIGN KEY (agent_id) REFERENCES agents ON DELETE CASCADE")
    MigrationRunner(empty_database_url).run_migrations()
    db.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('kim', 'Kim')")
    db.execute(
        "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)"
        " VALUES ('kim', '1 Elm St', now(), now() + interval '1 hour', 'Pat')"
    )
    with pytest.raises(psycopg.errors.IntegrityError):
        db.execute("DELETE FROM agents")


def test_stopped_file_shows_how_far_it_came(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_a.sql", "-- migrate: no-transaction\nCREATE TABLE a (i int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    assert read_status(empty_database_url, folder.path).summary() == (
        "001_a.sql stopped half-way, with 1 statement done: flask db-migrate resumes it, flask db-repair restarts it."
    )


def test_last_problem_of_a_kind_has_the_next_step(runner: MigrationRunner, folder: Folder) -> None:
    for name in ("001_a.sql", "002_b.sql", "003_c.sql", "004_d.sql"):
        folder.write(name, "SELECT 1;")
    runner.run_migrations()
    for name in ("001_a.sql", "002_b.sql"):
        folder.write(name, "SELECT 2;")
    with pytest.raises(HistoryBroken) as caught:
        runner.run_migrations()
    assert str(caught.value) == (
        "The migration history does not match the files: 001_a.sql was edited after it was applied;\n"
        "  002_b.sql was edited after it was applied; restore them and put the change into new files, or accept the"
        " edit with flask db-repair. Nothing was applied; see flask db-status."
    )


KEEP_NUMBERS = "give applied files their numbers back, and new files the next free ones"


@pytest.mark.parametrize(
    ("renumbered", "problems"),
    [
        (
            {"001_a.sql": "a", "002_new.sql": "new", "003_b.sql": "b", "004_c.sql": "c"},
            [
                "002 was applied with the text of 003_b.sql, which was renumbered since",
                f"003_b.sql was applied as 002 and renumbered since; {KEEP_NUMBERS}",
            ],
        ),
        (
            {"001_b.sql": "b", "002_c.sql": "c"},
            [
                "001_b.sql was applied as 002 and renumbered since",
                f"002_c.sql was applied as 003 and renumbered since; {KEEP_NUMBERS}",
            ],
        ),
    ],
    ids=["one inserted", "one removed"],
)
def test_renumbered_files_are_told_from_edited_ones(
    runner: MigrationRunner,
    folder: Folder,
    empty_database_url: str,
    renumbered: dict[str, str],
    problems: list[str],
) -> None:
    for number, name in enumerate("abc", 1):
        folder.write(f"00{number}_{name}.sql", f"CREATE TABLE {name} (i int);")
    runner.run_migrations()
    for path in folder.path.iterdir():
        path.unlink()
    for file_name, name in renumbered.items():
        folder.write(file_name, f"CREATE TABLE {name} (i int);")
    found = [str(problem) for problem in read_status(empty_database_url, folder.path).problems]
    assert found == problems


def test_many_renumbered_files_are_one_problem(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    for number in range(1, 8):
        folder.write(f"00{number}_t.sql", f"SELECT {number};")
    runner.run_migrations()
    for number in range(1, 7):
        (folder.path / f"00{number + 1}_t.sql").replace(folder.path / f"00{number}_t.sql")
    assert [str(problem) for problem in read_status(empty_database_url, folder.path).problems] == [
        f"migrations 001–006 were applied as other numbers than their files have now; {KEEP_NUMBERS}"
    ]


def test_database_of_other_files_is_suspected(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", f"SELECT {number};")
    runner.run_migrations()
    for number in (1, 2, 3, 4):
        folder.write(f"00{number}_t.sql", f"SELECT -{number};")
    problems = read_status(empty_database_url, folder.path).problems
    assert problems[-1].next_step == (
        "none of the 3 migrations of this database is one of these files, so check that this is the right database and"
        " the right folder"
    )
    folder.write("002_t.sql", "SELECT 2;")
    (folder.path / "004_t.sql").unlink()
    problems = read_status(empty_database_url, folder.path).problems
    assert problems[-1].next_step == (
        "restore them and put the change into new files, or accept the edit with flask db-repair"
    )
