"""A file may record itself in the ledger, and change nothing else of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import FilesRefused, MigrationFilesError, RollbackRefused
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.ledger_protection import ledger_problems
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import tables

UP = MigrationFile(7, "g", Path("007_g.sql"))
DOWN = MigrationFile(7, "g", Path("007_g.down.sql"))

CHANGES = {
    "UPDATE schema_migrations SET description = 'x'": "changes rows of schema_migrations",
    'DELETE FROM public."schema_migrations" WHERE version = 7': "deletes rows of schema_migrations",
    "TRUNCATE rooms, schema_migration_attempts": "empties schema_migration_attempts",
    "DROP TABLE IF EXISTS rooms, schema_migrations CASCADE": "drops schema_migrations",
    "ALTER TABLE schema_migrations ADD COLUMN team text": "alters schema_migrations",
    "ALTER TABLE schema_migrations RENAME COLUMN version TO v": "renames schema_migrations",
    "ALTER TABLE schema_migrations SET SCHEMA archive": "moves schema_migrations",
    "COPY schema_migrations FROM '/tmp/rows'": "writes rows to schema_migrations",
    "CREATE TRIGGER t AFTER INSERT ON schema_migrations EXECUTE FUNCTION f()": "puts a trigger on schema_migrations",
    "CREATE RULE r AS ON INSERT TO schema_migrations DO INSTEAD NOTHING": "puts a rule on schema_migrations",
    "CREATE POLICY p ON schema_migrations": "puts a policy on schema_migrations",
    "WITH gone AS (DELETE FROM schema_migrations RETURNING 1) SELECT 1 FROM gone": "deletes rows of schema_migrations",
    "MERGE INTO schema_migrations USING rooms ON true WHEN MATCHED THEN DELETE": "changes rows of schema_migrations",
    "EXPLAIN ANALYZE DELETE FROM schema_migrations": "deletes rows of schema_migrations",
    "PREPARE p AS DELETE FROM schema_migrations": "deletes rows of schema_migrations",
    "INSERT INTO schema_migrations (version) SELECT n FROM generate_series(1, 9) AS n": "writes rows to schema_migra",
    "INSERT INTO schema_migrations (description) VALUES ('x')": "writes rows to schema_migrations",
    "INSERT INTO schema_migrations (description, version) VALUES ('x')": "writes rows to schema_migrations",
    "INSERT INTO schema_migrations VALUES (7) ON CONFLICT (version) DO UPDATE SET version = 9": "writes rows to schema",
    "INSERT INTO schema_migrations SELECT 7 UNION SELECT 8": "writes rows to schema_migrations",
    "INSERT INTO schema_migrations (version, description) VALUES (7, 'x'), (8, 'y')": "records itself as 8, not as 7",
    "INSERT INTO schema_migration_attempts (version, file) VALUES (7, 'x')": "writes rows to schema_migration_attempts",
    "DO $$ BEGIN IF true THEN DELETE FROM schema_migrations; END IF; END $$": "deletes rows of schema_migrations",
    "DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'schema_migrations'; END $$": "deletes rows of schema_migrations",
    "DO $$ BEGIN EXECUTE format('DELETE FROM %I', 'schema_migrations'); END $$": "changes schema_migrations",
    "DO $$ DECLARE x nowhere.t.i%TYPE; BEGIN DELETE FROM schema_migrations; END $$": "deletes rows of schema_migrati",
    "DO $$ DECLARE x nowhere.t.i%TYPE; BEGIN EXECUTE 'DROP TABLE schema_migrations'; END $$": "drops schema_migrations",
    "DO $$ BEGIN EXECUTE 'DO $x$ BEGIN TRUNCATE schema_migrations; END $x$'; END $$": "empties schema_migrations",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM schema_migrations'": "deletes rows of schema_migr",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE schema_migrations; END $$": "empties sche",
    "DROP SCHEMA rooms, public CASCADE": "drops schema public",
    "ALTER SCHEMA public RENAME TO old": "renames schema public",
    "DO $$ BEGIN DROP SCHEMA public CASCADE; END $$": "drops schema public",
    "DO $$ BEGIN EXECUTE format('DROP SCHEMA %I CASCADE', 'public'); END $$": "drops or renames schema public",
    "DROP OWNED BY rooms, CURRENT_USER": "drops all that the runner's role owns",
}

HARMLESS = (
    "INSERT INTO schema_migrations (version, description)\nVALUES (7, 'it''s')\nON CONFLICT (version) DO NOTHING;",
    "INSERT INTO schema_migrations (description, version) VALUES ('x', 7) ON CONFLICT DO NOTHING",
    "INSERT INTO schema_migrations (version) SELECT 7 WHERE NOT EXISTS (SELECT FROM schema_migrations)",
    "DO $$ BEGIN INSERT INTO schema_migrations VALUES (7); END $$",
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT NOW());",
    "SELECT 'DELETE FROM schema_migrations'",
    "-- DELETE FROM schema_migrations\nSELECT 1",
    "DROP TABLE archive.schema_migrations",
    "GRANT SELECT ON schema_migrations TO reader",
    "ALTER TABLE schema_migrations OWNER TO boss",
    "DO $$ BEGIN PERFORM 1 FROM schema_migrations; EXECUTE format('SELECT 1 FROM %I', 'schema_migrations'); END $$",
    "COPY schema_migrations TO '/tmp/rows'",
    "DROP TRIGGER t ON schema_migrations",
    "DROP SCHEMA rooms; ALTER SCHEMA rooms RENAME TO homes; DROP OWNED BY rooms",
    "DO $$ BEGIN EXECUTE format('DROP SCHEMA %I', 'rooms'); END $$",
    "EXPLAIN DELETE FROM schema_migrations",
    "DELETE FROM schema_migrations WHERE",  # the server reports the error
)


@pytest.mark.parametrize("statement", CHANGES)
def test_change_of_the_ledger_is_found_with_its_line(statement: str) -> None:
    problems = ledger_problems(UP, f"SELECT 1;\n\n{statement};\nSELECT 2;")
    assert [(problem.line, CHANGES[statement] in problem.text) for problem in problems] == [(3, True)]


@pytest.mark.parametrize("statement", HARMLESS)
def test_other_uses_of_the_ledger_are_allowed(statement: str) -> None:
    assert ledger_problems(UP, statement) == []


def test_line_inside_a_block_is_found() -> None:
    block = "DO $$\nBEGIN\n  PERFORM 1;\n  EXECUTE 'TRUNCATE schema_migrations';\nEND $$"
    assert [problem.line for problem in ledger_problems(UP, block)] == [4]


def test_only_the_ledger_s_own_schema_counts() -> None:
    text = "DROP SCHEMA public CASCADE; DROP TABLE public.schema_migrations;"
    assert ledger_problems(UP, text, "rooms") == []
    assert len(ledger_problems(UP, "DROP SCHEMA rooms; TRUNCATE rooms.schema_migrations", "rooms")) == 2


def test_down_file_may_delete_its_own_row() -> None:
    assert ledger_problems(DOWN, "DELETE FROM schema_migrations WHERE version = 7;") == []
    assert len(ledger_problems(DOWN, "DELETE FROM schema_migrations WHERE version = 6;")) == 1
    assert len(ledger_problems(DOWN, "DELETE FROM schema_migrations;")) == 1


def test_every_command_refuses_with_the_same_sentence(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    folder.write("003_c.sql", "CREATE TABLE c (i int);\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;")
    sentence = "it drops schema public, which contains schema_migrations, the record of what is applied; drop or rename"
    with pytest.raises(FilesRefused, match=f"^003_c.sql:2: {sentence}"):
        runner.run_migrations()
    with pytest.raises(MigrationFilesError, match=f"^003_c.sql:2: {sentence}"):
        plan(empty_database_url, folder.path, report=lambda _: None)
    found = [finding for finding in lint_directory(folder.path).findings if finding.rule.name == "writes-ledger"]
    assert [(finding.location.line if finding.location else 0, finding.what[1:]) for finding in found] == [
        (2, f"{sentence[1:]} its objects one by one instead.")
    ]
    assert tables(db) == {"a"}


def test_own_schema_of_the_ledger_is_known(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE SCHEMA app; ALTER ROLE CURRENT_USER IN DATABASE " + db.info.dbname + " SET search_path = app")
    folder.write("001_a.sql", "CREATE TABLE app.a (i int);")
    folder.write("001_a.down.sql", "DROP SCHEMA app CASCADE;")
    folder.write("002_b.sql", "DROP SCHEMA public;")
    assert runner.run_migrations() == 2
    folder.write("002_b.down.sql", "CREATE SCHEMA public;")
    with pytest.raises(RollbackRefused, match="it drops schema app"):
        rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=lambda _: None)
