"""Backfill files in db-lint, beyond the examples of each rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations.lint import lint_directory

TABLE = (
    "CREATE TABLE visit (office int NOT NULL, id bigint NOT NULL, code text NOT NULL, seen int, PRIMARY KEY (office, id));"
    "CREATE UNIQUE INDEX visit_code ON visit (code);"
)
WHERE = "WHERE id BETWEEN current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint"


def findings(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """Return rule and message of the findings in files after the first one."""
    for number, text in enumerate((TABLE, *texts), 1):
        (folder / f"{number:03}_x.sql").write_text(text)
    found = lint_directory(folder).findings
    return [(one.rule.name, one.what) for one in found if one.file_name != "001_x.sql"]


def rules(folder: Path, *texts: str) -> set[str]:
    return {rule for rule, _ in findings(folder, *texts)}


def test_backfill_need_not_record_itself(tmp_path: Path) -> None:
    text = f"-- migrate: backfill table=visit key=code\nUPDATE visit SET seen = 1 {WHERE.replace('::bigint', '').replace('id', 'code')};"
    assert rules(tmp_path, text) == {"header-comment"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("id", "(id) is not unique in visit."),
        ("id,office", "visit has no index that begins with (id, office)."),
        ("seen", "visit.seen may be NULL."),
        ("day", "visit has no column day."),
    ],
)
def test_unsuitable_key_is_an_error(tmp_path: Path, key: str, message: str) -> None:
    found = findings(tmp_path, f"-- migrate: backfill table=Visit key={key}\nDELETE FROM visit {WHERE};")
    assert (
        "backfill-key",
        message.replace("visit", "Visit", 1)
        if message.startswith("visit")
        else message.replace("in visit", "in Visit"),
    ) in found


def test_after_backfill_must_name_a_backfill(tmp_path: Path) -> None:
    found = findings(tmp_path, "-- migrate: after-backfill=001\nSELECT 1;", "-- migrate: after-backfill=002\nSELECT 1;")
    assert [what for rule, what in found if rule == "bad-directive"] == [
        "“after-backfill=001” names a migration that is not a backfill.",
        "“after-backfill=002” names a migration that is not a backfill.",
    ]


def test_whole_table_update_is_shown_as_a_backfill(tmp_path: Path) -> None:
    (tmp_path / "001_x.sql").write_text(TABLE)
    (tmp_path / "002_x.sql").write_text("UPDATE visit SET seen = 1;")
    (finding,) = (one for one in lint_directory(tmp_path).findings if one.rule.name == "whole-table-write")
    assert finding.safe == (
        "-- in a file of its own, which changes the rows in the background:\n"
        "-- migrate: backfill table=visit key=office,id\n"
        "UPDATE visit SET seen = 1\n"
        "WHERE (office, id) >= (current_setting('migrate.first_office')::integer, current_setting('migrate.first_id')::bigint)"
        " AND (office, id) <= (current_setting('migrate.last_office')::integer, current_setting('migrate.last_id')::bigint);"
    )
    (tmp_path / "002_x.sql").write_text(finding.safe)
    assert {one.rule.name for one in lint_directory(tmp_path).findings if one.file_name == "002_x.sql"} == {
        "header-comment"
    }


def test_do_block_is_refused_once(tmp_path: Path) -> None:
    text = "-- migrate: backfill table=visit key=code\nDO $$ BEGIN UPDATE visit SET seen = 1 WHERE seen = 2; END $$;"
    found = findings(tmp_path, text)
    assert [what for rule, what in found if rule == "backfill-statement"] == [
        "DO cannot be part of a backfill, which runs once for each batch."
    ]


def test_insert_that_looks_first_repeats_nothing(tmp_path: Path) -> None:
    text = (
        "-- migrate: backfill table=visit key=code\n"
        "INSERT INTO visit SELECT office + 1, id, code || '2', seen FROM visit AS old"
        " WHERE code BETWEEN current_setting('migrate.first') AND current_setting('migrate.last')"
        " AND NOT EXISTS (SELECT FROM visit AS new WHERE new.code = old.code || '2');"
    )
    assert "backfill-repeats" not in rules(tmp_path, text)


# --- what a backfill needs --------------------------------------------------------------------------------------------

COPY = f"-- migrate: backfill table=visit key=office,id\nUPDATE visit SET seen = length(code) {WHERE};"
RULE = "drop-before-backfill"


@pytest.mark.parametrize(
    ("removal", "what"),
    [
        ("ALTER TABLE visit DROP COLUMN code;", "visit.code"),
        ("ALTER TABLE visit ADD COLUMN x int, DROP COLUMN seen;", "visit.seen"),
        ("ALTER TABLE public.visit RENAME COLUMN code TO name;", "public.visit.code"),
        ("DROP TABLE IF EXISTS visit;", "visit"),
        ("ALTER TABLE visit RENAME TO visits;", "visit"),
    ],
)
def test_what_a_backfill_needs_must_wait_for_it(tmp_path: Path, removal: str, what: str) -> None:
    message = f"{what} goes away, and backfill 002, which may still run, needs it."
    assert (RULE, message) in findings(tmp_path, COPY, f"-- migrate: contract\n{removal}")
    assert RULE not in rules(tmp_path, COPY, f"-- migrate: contract after-backfill=002\n{removal}")


@pytest.mark.parametrize(
    "texts",
    [
        ("ALTER TABLE visit DROP COLUMN code;", COPY),
        (COPY, "ALTER TABLE visit ADD COLUMN note text; ALTER TABLE visit DROP COLUMN note;"),
        (COPY, "CREATE TABLE other (code text); ALTER TABLE other DROP COLUMN code; DROP TABLE other;"),
        (COPY, "-- migrate: after-backfill=002\nSELECT 1;", "ALTER TABLE visit DROP COLUMN code;"),
    ],
    ids=["before it", "another column", "another table", "a file between waits"],
)
def test_what_a_backfill_does_not_need_may_go(tmp_path: Path, texts: tuple[str, ...]) -> None:
    assert RULE not in rules(tmp_path, *texts)
