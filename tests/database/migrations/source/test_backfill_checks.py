"""A backfill's statements must change rows, and stay within their batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.checks import checked_files
from peterental.database.migrations.source.files import MigrationFile

FIRST, LAST = "current_setting('migrate.first')::bigint", "pg_catalog.current_setting( 'migrate.last' )::bigint"
BETWEEN = f"id BETWEEN {FIRST} AND {LAST}"


def problems(folder: Path, text: str, header: str = "table=t key=id") -> str:
    """Return the problems of a backfill with these statements."""
    path = folder / "001_b.sql"
    path.write_text(f"-- migrate: backfill {header}\n{text}")
    try:
        checked_files([MigrationFile(1, "b", path)])
    except MigrationFilesError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        f"UPDATE t SET n = 1 WHERE {BETWEEN};",
        f"DELETE FROM t WHERE id >= {FIRST} AND id <= {LAST}",
        f"INSERT INTO u SELECT * FROM t WHERE {BETWEEN}",
        f"WITH old AS (SELECT * FROM t WHERE {BETWEEN}) UPDATE t SET n = 1 FROM old WHERE old.id = t.id",
        f"MERGE INTO t USING (SELECT * FROM t WHERE {BETWEEN}) AS old ON old.id = t.id WHEN MATCHED THEN DELETE",
        f"SELECT fill({FIRST}, {LAST}); SET LOCAL work_mem TO '64MB';",
        "UPDATE t SET n = 1 WHERE id BETWEEN current_setting('MIGRATE.First_ID')::int AND current_setting('migrate.last')::int",
    ],
)
def test_bounded_statements_are_accepted(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("UPDATE t SET n = 1;", "001_b.sql:2: this UPDATE does not read migrate.first and migrate.last, so each batch"),
        (f"DELETE FROM t WHERE id > {FIRST};", "this DELETE does not read migrate.last, so each batch would change all"),
        ("SELECT fill();", "this SELECT does not read migrate.first and migrate.last"),
        ("INSERT INTO t VALUES (1);", "this INSERT does not read migrate.first and migrate.last"),
        (f"UPDATE t SET n = 1 WHERE {BETWEEN};\nUPDATE t SET m = 1;", "001_b.sql:3: this UPDATE does not read"),
        ("UPDATE t SET n = 1 -- migrate.first, migrate.last", "this UPDATE does not read"),
        ("UPDATE t SET n = current_setting('migrate.frist')::int", "migrate.frist is not a bound of this backfill; the bounds are migrate.first, migrate.last, migrate.first_id, migrate.last_id"),
        ("UPDATE t SET n = current_setting('migrate.first_day')::int", "migrate.first_day is not a bound of this backfill"),
        ("UPDATE t SET n = current_setting('app.n')::int", "this UPDATE does not read"),
        ("ALTER TABLE t ADD n int;", "ALTER TABLE cannot be part of a backfill, which runs once for each batch; put it in a file of its own"),
        ("VACUUM t;", "VACUUM cannot be part of a backfill"),
        ("SET work_mem TO '8MB';", "SET cannot be part of a backfill"),
        (f"INSERT INTO schema_migrations VALUES (1);UPDATE t SET n = 1 WHERE {BETWEEN};", "a backfill is recorded by the runner when it is complete; remove the INSERT"),
    ],
)  # fmt: skip
def test_other_statements_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


def test_condition_for_several_columns_is_shown(tmp_path: Path) -> None:
    assert (
        "add: WHERE (a, b) >= (current_setting('migrate.first_a')::…, current_setting('migrate.first_b')::…)"
        " AND (a, b) <= (current_setting('migrate.last_a')::…, current_setting('migrate.last_b')::…)"
    ) in problems(tmp_path, "DELETE FROM t;", "table=t key=a,b")


def test_awaited_backfill_must_exist(tmp_path: Path) -> None:
    (tmp_path / "001_broken.sql").write_text("-- migrate: backfil\nSELECT 1;")
    (tmp_path / "004_c.sql").write_text("-- migrate: after-backfill=001,003\nSELECT 1;")
    files = [MigrationFile(1, "broken", tmp_path / "001_broken.sql"), MigrationFile(4, "c", tmp_path / "004_c.sql")]
    with pytest.raises(MigrationFilesError) as refused:
        checked_files(files[1:], files)
    assert [problem.message for problem in refused.value.problems] == [
        "“after-backfill=001” names 001_broken.sql, which is not a backfill",
        "“after-backfill=003” names a migration that does not exist",
    ]


@pytest.mark.parametrize("version", [2, 3])
def test_backfills_within_a_baseline_are_complete(tmp_path: Path, version: int) -> None:
    baseline, later = tmp_path / "003_baseline.sql", tmp_path / "004_later.sql"
    baseline.write_text("-- migrate: baseline=001-003\nCREATE TABLE t (id int);")
    later.write_text(f"-- migrate: after-backfill={version:03d}\nALTER TABLE t DROP COLUMN old;")
    file = MigrationFile(4, "later", later)
    (checked,) = checked_files([file], [MigrationFile(3, "baseline", baseline), file])
    assert checked.directives.after_backfill == (version,)
