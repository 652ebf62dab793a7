"""A unique index that cannot be built names the rows that are the same, and SQL that merges them."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.plan.planner import plan
from tests.database.migrations.conftest import Connection, Folder

TENANTS = """
CREATE TABLE tenant (tenant_id int PRIMARY KEY, "Mail" text, left_at date, note text);
CREATE TABLE lease (lease_id int PRIMARY KEY, tenant_id int REFERENCES tenant, guarantor int REFERENCES tenant)
    PARTITION BY HASH (lease_id);
CREATE TABLE lease_0 PARTITION OF lease FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO tenant (tenant_id, "Mail") VALUES (1, 'Ann@x.org'), (2, 'bo@x.org'), (3, 'ANN@x.org'), (4, NULL), (5, NULL), (6, 'ann@x.org'),
    (7, 'Bo@x.org');
UPDATE tenant SET left_at = '2026-01-01' WHERE tenant_id = 7;
"""

ANNS = """\
  Rows of tenant with the same lower("Mail"):
    tenant_id 1, Mail Ann@x.org
    tenant_id 3, Mail ANN@x.org
    tenant_id 6, Mail ann@x.org
"""
MERGED_ANNS = """\
  For example, to keep the first of them and what refers to the others:
    UPDATE lease SET guarantor = 1 WHERE guarantor IN (3, 6);
    UPDATE lease SET tenant_id = 1 WHERE tenant_id IN (3, 6);
    DELETE FROM tenant WHERE tenant_id IN (3, 6);
"""
BOS = "    tenant_id 2, Mail bo@x.org\n    tenant_id 7, Mail Bo@x.org\n"
MERGED_BOS = """\
    UPDATE lease SET guarantor = 2 WHERE guarantor = 7;
    UPDATE lease SET tenant_id = 2 WHERE tenant_id = 7;
    DELETE FROM tenant WHERE tenant_id = 7;
"""

STATEMENTS = {
    'CREATE UNIQUE INDEX one ON tenant (lower("Mail"))': ANNS + BOS + MERGED_ANNS + MERGED_BOS,
    'CREATE UNIQUE INDEX one ON tenant (lower("Mail")) WHERE left_at IS NULL;': ANNS + MERGED_ANNS,
    'DO $$ BEGIN CREATE UNIQUE INDEX one ON tenant (lower("Mail")); END $$': ANNS + BOS + MERGED_ANNS + MERGED_BOS,
}


@pytest.fixture
def tenants(runner: MigrationRunner, folder: Folder) -> Folder:
    folder.write("001_tenants.sql", TENANTS)
    runner.run_migrations()
    return folder


@pytest.mark.parametrize("statement", STATEMENTS)
def test_duplicates_are_named(
    tenants: Folder, runner: MigrationRunner, empty_database_url: str, statement: str
) -> None:
    tenants.write("002_unique.sql", f"-- One person, one row WHERE possible\n{statement}")
    rehearsed = plan(empty_database_url, tenants.path, report=print)
    with pytest.raises(MigrationFailed) as failed:
        runner.run_migrations()
    for text in (rehearsed.text(), str(failed.value)):
        assert STATEMENTS[statement] in f"{text}\n"
    assert "Next: merge or change these rows, then run: flask db-migrate" in str(failed.value)


def test_concurrent_build_names_duplicates(tenants: Folder, runner: MigrationRunner) -> None:
    tenants.write(
        "002_unique.sql", '-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY one ON tenant (lower("Mail"));'
    )
    with pytest.raises(MigrationFailed) as failed:
        runner.run_migrations()
    assert ANNS in str(failed.value)


def test_violation_by_new_rows_names_none(tenants: Folder, runner: MigrationRunner) -> None:
    tenants.write("002_insert.sql", "INSERT INTO tenant VALUES (1)")
    with pytest.raises(MigrationFailed, match="duplicate key value") as failed:
        runner.run_migrations()
    assert "Rows of" not in str(failed.value)
    assert "Next: fix the error" in str(failed.value)


def test_column_of_the_same_file_names_none(tenants: Folder, runner: MigrationRunner) -> None:
    tenants.write("002_add.sql", "ALTER TABLE tenant ADD area int DEFAULT 1 UNIQUE")
    with pytest.raises(MigrationFailed, match="could not create unique index") as failed:
        runner.run_migrations()
    assert "Rows of" not in str(failed.value)


def test_many_duplicates_are_cut(tenants: Folder, runner: MigrationRunner, db: Connection) -> None:
    db.execute("CREATE TABLE pair (a int, b int); INSERT INTO pair SELECT 1, 2 FROM generate_series(1, 30)")
    tenants.write("002_unique.sql", "ALTER TABLE pair ADD UNIQUE (a, b)")
    with pytest.raises(MigrationFailed) as failed:
        runner.run_migrations()
    lines = str(failed.value).splitlines()
    assert lines.count("    a 1, b 2") == 20
    assert "    … and more" in lines
    assert "DELETE" not in str(failed.value), "no primary key, no advice"
