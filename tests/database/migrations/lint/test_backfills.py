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
