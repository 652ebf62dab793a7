"""Directives are parsed, or refused before anything runs; none is ignored silently."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from peterental.database.migrations.commands.new import new_migration
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.directives import BackfillDirective, Directives, read_directives
from peterental.database.migrations.source.files import MigrationFile

FILE = MigrationFile(1, "a", Path("001_a.sql"))


def refusal(text: str) -> str:
    with pytest.raises(MigrationFilesError) as caught:
        read_directives(FILE, text)
    return str(caught.value)


def test_default_is_a_transaction_with_short_lock_wait() -> None:
    assert read_directives(FILE, "SELECT 1; -- immigrate") == Directives()
    assert (Directives().no_transaction, Directives().lock_timeout_ms) == (False, 1000)


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [("2s", 2_000), ("2000ms", 2_000), ("10min", 600_000), ("2h", 7_200_000), ("0s", 0), ("2147483647ms", 2**31 - 1)],
)
def test_durations_need_a_number_and_a_unit(value: str, milliseconds: int) -> None:
    directives = read_directives(FILE, f"-- migrate: lock-timeout={value} statement-timeout={value}\nSELECT 1;")
    assert (directives.lock_timeout_ms, directives.statement_timeout_ms) == (milliseconds, milliseconds)
    assert directives.has_own_lock_timeout


@pytest.mark.parametrize("name", ["lock-timeout", "statement-timeout"])
def test_duration_without_unit_suggests_both_units(name: str) -> None:
    assert refusal(f"-- a\n-- migrate: {name}=2\nSELECT 1;") == (
        f"001_a.sql:2: “{name}=2” lacks a unit; write {name}=2s for 2 seconds or {name}=2ms for milliseconds"
    )


@pytest.mark.parametrize("value", ["597h", "2147483648ms", "999999999min"])
def test_duration_above_the_maximum_is_refused(value: str) -> None:
    assert "is above PostgreSQL's maximum" in refusal(f"-- migrate: lock-timeout={value}\nSELECT 1;")


@pytest.mark.parametrize(
    "word", ["fast", "lock-timeout", "lock-timeout=", "lock-timeout=2d", "lock-timeout=-1s", "lock_timeout=2s",
             "no-transaction=1", "no-transaction,", "lock-timeout=2S", "lock-timeout=2", "lock-timeout=1.5s"]
)  # fmt: skip
def test_unknown_directive_is_refused(word: str) -> None:
    assert "001_a.sql:1: “" in refusal(f"-- migrate: {word}\nSELECT 1;")


def test_all_directive_problems_are_reported_together() -> None:
    reported = refusal("-- migrate: fast lock-timeout=2\n-- migrate: slow\nSELECT 1;\n-- migrate: no-transaction")
    assert [part[:12] for part in reported.split(";\n  ")] == [
        "001_a.sql:1:",
        "001_a.sql:1:",
        "001_a.sql:2:",
        "001_a.sql:4:",
    ]


def test_repeated_directive_is_refused() -> None:
    reported = refusal("-- migrate: lock-timeout=2s\n-- migrate: lock-timeout=5s\nSELECT 1;")
    assert reported == "001_a.sql:2: “-- migrate: lock-timeout” is given twice; keep one"


@pytest.mark.parametrize(
    "comment",
    [
        "-- migrate no-transaction",
        "-- Migrate: no-transaction",
        "-- MIGRATE : NO-TRANSACTION",
        "--migrate:no_transaction",
    ],
)
def test_misspelt_directive_is_refused(comment: str) -> None:
    reported = refusal(f"{comment}\nSELECT 1;")
    assert "no-transaction" in reported
    assert reported.startswith("001_a.sql:1: ")


@pytest.mark.parametrize("text", ["-- Migrate users to the new table\nSELECT 1;", "-- see “-- migrate: x”\nSELECT 1;"])
def test_prose_about_migrating_is_no_directive(text: str) -> None:
    assert read_directives(FILE, text) == Directives()


def test_commented_out_directive_is_ignored() -> None:
    assert read_directives(FILE, "/*\n-- migrate: no-transaction\n*/\nSELECT 1;") == Directives()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;\n-- migrate: no-transaction",
        "SELECT 1; -- migrate: no-transaction",
        "SELECT '🙂';\n\n  --migrate:x",
        "SELECT 1;\n-- Migrate: no-transaction",
    ],
)
def test_directive_below_the_header_is_refused(text: str) -> None:
    line = text.count("\n") + 1
    assert refusal(text) == f"001_a.sql:{line}: “-- migrate:” is below the first statement; move it up"


@pytest.mark.parametrize(
    "text", ["DO $$ BEGIN\n-- migrate: x\nEND $$;", "SELECT '\n-- migrate: x\n';", "SELECT 1; SELECT '\n-- migrate: x"]
)
def test_directive_inside_quotes_is_text(text: str) -> None:
    assert read_directives(FILE, text) == Directives()


def test_linter_reports_directive_problems_at_their_line(tmp_path: Path) -> None:
    texts = ["-- x\n-- migrate: lock-timeout=2\nSELECT 1;", "SELECT 1;\n\n-- migrate: no-transaction\nSELECT 2;"]
    for number, text in enumerate(texts, start=1):
        (tmp_path / f"00{number}_a.sql").write_text(text)
    found = [one for one in lint_directory(tmp_path).findings if one.rule.name == "bad-directive"]
    assert [(one.file_name, one.location.line, one.what) for one in found if one.location] == [
        ("001_a.sql", 2, "“lock-timeout=2” lacks a unit; write lock-timeout=2s for 2 seconds or lock-timeout=2ms for milliseconds."),
        ("002_a.sql", 3, "“-- migrate:” is below the first statement; move it up."),
    ]  # fmt: skip


def test_new_file_has_no_directives(tmp_path: Path) -> None:
    path = new_migration(tmp_path, "add phone", dt.date(2026, 11, 22))
    text = path.read_text()
    assert read_directives(FILE, f"{text}\nSELECT 1;") == Directives()
    assert read_directives(FILE, f"SELECT 1;\n{text}") == Directives()
    assert "-- migrate: no-transaction" in text


def test_backfill_directive_names_table_and_key() -> None:
    text = "-- migrate: backfill table=office.viewings key=office_id,id batch=500 pause=50ms\nSELECT 1;"
    assert read_directives(FILE, text).backfill == BackfillDirective("office.viewings", ("office_id", "id"), 500, 50)
    short = read_directives(FILE, "-- migrate: backfill table=viewings key=id\nSELECT 1;").backfill
    assert short == BackfillDirective("viewings", ("id",), batch=1_000, pause_ms=0)


def test_contract_directive_has_a_settle_time() -> None:
    plain = read_directives(FILE, "-- migrate: contract\nSELECT 1;")
    assert (plain.contract, plain.settle_ms) == (True, 10_000)
    later = MigrationFile(16, "a", Path("016_a.sql"))
    text = "-- migrate: contract settle=2s after-backfill=014,15\nSELECT 1;"
    assert read_directives(later, text) == Directives(contract=True, settle_ms=2_000, after_backfill=(14, 15))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("backfill", "a backfill needs table= and key=; write “-- migrate: backfill table=appointments key=id”"),
        ("backfill table=t", "a backfill needs key=;"),
        ("table=t", "“table=” belongs to a backfill"),
        ("settle=2s", "“settle=” belongs to a contract file"),
        ("backfill table=t key=i no-transaction", "a backfill cannot be “no-transaction” as well"),
        ("backfill table=t key=i contract", "a backfill cannot be “contract” as well"),
        ("backfill table=t key=i batch=0", "“batch=0” is not a number of rows"),
        ("backfill table=t key=i batch=1000001", "“batch=1000001” is not a number of rows"),
        ("backfill table=t key=i,i", "“key=i,i” is not a list of columns"),
        ("backfill table=t key=", "“key=” is not a list of columns"),
        ('backfill table="T" key=i', "is not the name of a table"),
        ("backfill table=t key=i pause=5", "“pause=5” lacks a unit"),
        ("after-backfill=1", "“after-backfill=001” does not name an earlier file"),
        ("after-backfill=x", "“after-backfill=x” does not name a migration"),
        ("contract=yes", "“-- migrate: contract=yes” is unknown"),
        ("contract contract", "“-- migrate: contract” is given twice; keep one"),
    ],
)
def test_contradicting_words_are_refused(words: str, message: str) -> None:
    assert message in refusal(f"-- migrate: {words}\nSELECT 1;")
