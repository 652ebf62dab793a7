"""db-squash replaces the first files by one baseline, which old, new and empty databases treat correctly."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import AdoptionRefused, adopt
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.commands.schema import write_schema
from peterental.database.migrations.commands.squash import SquashRefused, SquashUnfinished, squash
from peterental.database.migrations.commands.status_table import status_table
from peterental.database.migrations.errors import FilesRefused, HistoryBroken, MigrationFilesError, RollbackRefused
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.schema_text import rows as schema_rows
from peterental.database.migrations.schema_text.rows import TooManyRows
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.source.files import find_files
from peterental.database.migrations.verify.verify import verify
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import ledger, tables
from tests.gunicorn import PROJECT_DIR, UNCOUNTED

TODAY = dt.date(2026, 11, 29)

FILES = {
    "001_words.sql": "CREATE TABLE words (word text PRIMARY KEY, note text);\nINSERT INTO words VALUES ('a''b', NULL), ('z', E'\\\\ %s {}');",
    "002_homes.sql": "CREATE TABLE homes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text REFERENCES words, size int DEFAULT 1);\n"
    "INSERT INTO homes (word) VALUES ('z'), ('z');",
    "003_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY homes_word ON homes (word);",
    "004_later.sql": "ALTER TABLE homes ADD later text;",
}


@pytest.fixture
def filled(folder: Folder) -> Folder:
    for name, text in FILES.items():
        folder.write(name, text)
    return folder


class Confirmation:
    """A confirmation that records what it is shown."""

    def __init__(self, shown: list[str], *, answer: bool = True) -> None:
        self._shown = shown
        self._answer = answer

    def __call__(self, text: str) -> bool:
        self._shown.append(text)
        return self._answer


def squashed(
    url: str, folder: Folder, to: int = 3, *, answer: bool = True, report: Callable[[str], None] = print
) -> Path | None:
    return squash(url, folder.path, to=to, today=TODAY, confirm=lambda _: answer, report=report)


def names(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def test_empty_database_gets_the_baseline_with_its_rows(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection, reported: ReportedLines
) -> None:
    filled.write("002_homes.down.sql", "DROP TABLE homes;")
    squashed(empty_database_url, filled, report=reported.append)
    assert names(filled) == ["003_baseline.sql", "004_later.sql"]
    assert "✅ Proved: 003_baseline.sql makes the same schema and 4 rows in 2 tables as the files" in reported
    assert "✅ 003_baseline.sql replaces 3 files" in reported
    assert runner.run_migrations() == 2
    assert ledger(db) == {3: "Baseline", 4: "later"}
    assert db.execute("SELECT * FROM words ORDER BY 1").fetchall() == [
        {"word": "a'b", "note": None},
        {"word": "z", "note": "\\ %s {}"},
    ]
    db.execute("INSERT INTO homes (word) VALUES ('z')")
    assert [row["id"] for row in db.execute("SELECT id FROM homes ORDER BY 1")] == [1, 2, 3]
    assert verify(empty_database_url, filled.path, report=print).same
    status = read_status(empty_database_url, filled.path)
    assert status.state == "current"
    assert "001–003" in status_table(status)
    assert status.as_json()["migrations"][0]["replaces"] == "001-003"


def test_migrated_database_accepts_the_baseline(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    before = ledger(db)
    squashed(empty_database_url, filled)
    assert runner.run_migrations() == 0
    assert ledger(db) == before
    found = verify(empty_database_url, filled.path, report=print)
    assert found.same, found.text()
    assert "The database matches migrations 001 to 004." in found.text()
    filled.write("005_more.sql", "CREATE TABLE more ();")
    assert plan(empty_database_url, filled.path, report=print).would_fail is False
    assert runner.run_migrations() == 1
    status = read_status(empty_database_url, filled.path)
    assert [entry.label for entry in status.entries] == ["001–003", "004", "005"]
    assert status.entries[0].state == "applied"


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
    assert adopt(empty_database_url, filled.path, to=4, report=print) == 2
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


def test_own_migrations_are_squashed(empty_database_url: str, folder: Folder, runner: MigrationRunner) -> None:
    for path in (PROJECT_DIR / "migrations").glob("*.sql"):
        folder.write(path.name, path.read_bytes())
    last = find_files(folder.path)[-1].version
    before = write_schema(empty_database_url, folder.path, report=print)
    squashed(empty_database_url, folder, last)
    assert runner.run_migrations() == 1
    assert write_schema(empty_database_url, folder.path, report=print) == before


# --- Interrupted and refused ------------------------------------------------------------------------------------------

KILL = """
import datetime, os, pathlib, signal, sys
from peterental.database.migrations.commands import squash as squashing
left = int(sys.argv[3])
unlink, replace = pathlib.Path.unlink, pathlib.Path.replace
def counted(original):
    def act(path, *arguments, **options):
        global left
        if path.parent.name == "migrations":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return original(path, *arguments, **options)
    return act
pathlib.Path.unlink, pathlib.Path.replace = counted(unlink), counted(replace)
squashing.squash(sys.argv[1], pathlib.Path(sys.argv[2]), to=3, today=datetime.date.today(), confirm=lambda _: True, report=print)
"""


@pytest.mark.parametrize("changes", [0, 1, 2, 4, 6])
def test_killed_squash_leaves_the_old_folder_or_a_refusal_that_names_the_way(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, changes: int
) -> None:
    command = [sys.executable, "-c", KILL, empty_database_url, str(filled.path), str(changes)]
    done = subprocess.run(command, cwd=PROJECT_DIR, env={**os.environ, **UNCOUNTED}, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    if changes == 0:
        assert len(find_files(filled.path)) == 4
        assert "003_baseline.sql" not in names(filled)
    else:
        with pytest.raises(FilesRefused, match="flask db-squash 3 finishes the squash"):
            runner.run_migrations()
    assert squashed(empty_database_url, filled) == filled.path / "003_baseline.sql"
    assert [name for name in names(filled) if not name.startswith(".")] == ["003_baseline.sql", "004_later.sql"]
    assert runner.run_migrations() == 2


def test_unfinished_squash_keeps_files_that_it_does_not_know(empty_database_url: str, filled: Folder) -> None:
    squashed(empty_database_url, filled)
    filled.write("002_homes.sql", "CREATE TABLE other ();")
    with pytest.raises(SquashRefused, match="002_homes.sql is not what 003_baseline.sql replaces"):
        squashed(empty_database_url, filled)
    filled.write("002_homes.sql", FILES["002_homes.sql"])
    with pytest.raises(
        MigrationFilesError, match="003_baseline.sql replaces 001 to 003, but it is beside 002_homes.sql"
    ):
        find_files(filled.path)
    assert squashed(empty_database_url, filled, answer=False) is None
    assert "002_homes.sql" in names(filled)


def test_file_that_cannot_be_removed_is_reported(
    empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "002_homes.sql":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(SquashUnfinished, match=r"002_homes.sql could not be removed \(Permission denied\)"):
        squashed(empty_database_url, filled)


def test_folder_that_cannot_be_written_stays_as_it_is(
    empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(SquashRefused, match="No space left on device"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_unconfirmed_squash_changes_nothing(empty_database_url: str, filled: Folder) -> None:
    filled.write("002_homes.down.sql", "DROP TABLE homes;")
    shown: list[str] = []
    done = squash(
        empty_database_url, filled.path, to=3, today=TODAY, confirm=Confirmation(shown, answer=False), report=print
    )
    assert done is None
    assert "003_baseline.sql will replace these 3 files" in shown[0]
    assert "002_homes.down.sql" in shown[0]
    assert names(filled) == sorted([*FILES, "002_homes.down.sql"])


@pytest.mark.parametrize(
    ("to", "reason"),
    [(1, "001_words.sql is the only file up to 001"), (9, "there is no migration 009, the last file is 004")],
)
def test_nothing_to_squash_is_refused(empty_database_url: str, filled: Folder, to: int, reason: str) -> None:
    with pytest.raises(SquashRefused, match=reason):
        squashed(empty_database_url, filled, to)


def test_invalid_folder_is_refused(empty_database_url: str, filled: Folder) -> None:
    (filled.path / "002_homes.sql").unlink()
    with pytest.raises(MigrationFilesError, match="migration 002 is missing"):
        squashed(empty_database_url, filled)


def test_changes_outside_the_database_are_refused(empty_database_url: str, filled: Folder) -> None:
    filled.write("002_homes.sql", "CREATE ROLE some_reader;")
    with pytest.raises(SquashRefused, match="002_homes.sql has “CREATE ROLE some_reader”"):
        squashed(empty_database_url, filled)


def test_too_many_rows_are_refused(empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_rows, "MAX_ROWS", 3)
    with pytest.raises(TooManyRows, match="A baseline carries 3 rows at most, but the migrations put 2 into words"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_other_rows_fail_the_proof(empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_rows.Contents, "as_sql", lambda _self: "")
    with pytest.raises(SchemaInexpressible, match="its rows would differ: INSERT INTO homes"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_baseline_named_like_a_replaced_file_takes_its_place(
    empty_database_url: str, folder: Folder, runner: MigrationRunner
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a ();")
    folder.write("002_baseline.sql", "CREATE TABLE b ();")
    folder.write("002_baseline.down.sql", "DROP TABLE b;")
    squashed(empty_database_url, folder, 2)
    assert names(folder) == ["002_baseline.sql"]
    assert runner.run_migrations() == 1


# --- Directives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("-- migrate: baseline", "a baseline is written “-- migrate: baseline=001-003”"),
        ("-- migrate: baseline=001-002", "“-- migrate: baseline=001-002” should be baseline=001-003"),
        ("-- migrate: baseline=001-003", "lacks the “-- replaces” line of 001"),
        (
            "-- migrate: baseline=001-003\n-- replaces 001-009 " + "0" * 64 + " " + "0" * 16 + " 009_x.sql",
            "names versions above its number",
        ),
    ],
)
def test_damaged_header_is_refused(runner: MigrationRunner, folder: Folder, header: str, problem: str) -> None:
    folder.write("003_baseline.sql", f"{header}\nCREATE TABLE a ();")
    if header.endswith("baseline"):
        folder.write("001_a.sql", "CREATE TABLE b ();")
        folder.write("002_a.sql", "CREATE TABLE c ();")
    with pytest.raises(FilesRefused, match=problem):
        runner.run_migrations()


def test_status_as_json_is_unchanged_without_a_baseline(empty_database_url: str, filled: Folder) -> None:
    assert "replaces" not in json.dumps(read_status(empty_database_url, filled.path).as_json())
