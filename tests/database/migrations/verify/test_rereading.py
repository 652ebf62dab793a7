"""Definitions that PostgreSQL prints otherwise, but reads alike, are no differences."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import AdoptionRefused, adopt
from peterental.database.migrations.schema_text.text import schema_text
from peterental.database.migrations.verify.verify import Verification, verify
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.expressions import PUBLISHED, SETTLING

EVERY_DEFINITION = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'default', pg_get_expr(adbin, adrelid) FROM pg_attrdef
UNION ALL SELECT 'domain', pg_get_expr(typdefaultbin, 0) FROM pg_type WHERE typname = 'small'
UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = 'visit'::regclass AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
UNION ALL SELECT stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
UNION ALL SELECT rulename, pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class >= 16384
UNION ALL SELECT polname, pg_get_expr(polqual, polrelid) || pg_get_expr(polwithcheck, polrelid) FROM pg_policy
UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE prosqlbody IS NOT NULL AND oid >= 16384
UNION ALL SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table
"""


def verified(url: str, folder: Folder) -> Verification:
    return verify(url, folder.path, report=print)


def definitions(db: Connection) -> set[tuple[str, str]]:
    return {tuple(row.values()) for row in db.execute(EVERY_DEFINITION)}


@pytest.fixture
def restored(runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection) -> Folder:
    """A database that was built from its files, dumped and restored, ledger included."""
    folder.write("001_a.sql", SETTLING + PUBLISHED)
    runner.run_migrations()
    before = definitions(db)
    with psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as connection:
        text = schema_text(connection, "public").text
        owned = "DROP PUBLICATION visits; DROP TABLE visit, part CASCADE; DROP PROCEDURE IF EXISTS tidy;"
        owned += "DROP FUNCTION IF EXISTS note, is_small, small_count; DROP DOMAIN small"
        connection.execute(f"{owned}; {text}".encode())
    assert len(before & definitions(db)) < len(before) / 2, "most definitions must have changed"
    return folder


def test_restored_database_is_the_same(restored: Folder, empty_database_url: str) -> None:
    found = verified(empty_database_url, restored)
    assert found.differences == [], found.text()
    assert found.same


def test_restored_database_can_be_adopted(restored: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("DELETE FROM schema_migrations")
    assert adopt(empty_database_url, restored.path, to=1, report=print) == 1


def test_changed_definitions_of_a_restored_database_are_found(
    restored: Folder, empty_database_url: str, db: Connection
) -> None:
    db.execute(
        b"""
        ALTER TABLE visit DROP CONSTRAINT visit_range, ADD CONSTRAINT visit_range CHECK (a BETWEEN 1 AND 6 AND b > 0);
        ALTER TABLE visit ALTER a SET DEFAULT -(6);
        DROP INDEX visit_small;
        CREATE INDEX visit_small ON visit ((a BETWEEN 1 AND 5 AND b > 0)) WHERE status IN ('open', 'on');
        DROP TRIGGER visit_changed ON visit;
        CREATE TRIGGER visit_changed BEFORE UPDATE ON visit FOR EACH ROW
            WHEN ((OLD.a, OLD.b) IS DISTINCT FROM (NEW.a, NEW.b)) EXECUTE FUNCTION note();
        ALTER POLICY visit_own ON visit USING (a BETWEEN 1 AND 6 AND b > 0);
        DROP VIEW visit_open; CREATE VIEW visit_open AS SELECT a, b FROM visit WHERE a BETWEEN 1 AND 5 AND b > 0;
        DROP FUNCTION is_small;
        CREATE FUNCTION is_small(a int, b int DEFAULT -(5)) RETURNS boolean RETURN a BETWEEN 1 AND 5 AND b > 1;
        """
    )
    found = verified(empty_database_url, restored)
    assert {(one.key.object, one.key.name) for one in found.differences} == {
        ("table public.visit", "visit_range"),
        ("table public.visit", "a"),
        ("table public.visit", "visit_small"),
        ("table public.visit", "visit_changed"),
        ("table public.visit", "visit_own"),
        ("view public.visit_open", ""),
        ("view public.visit_open", "is_open"),
        ("function public.is_small(a integer, b integer)", ""),
    }
    db.execute("DELETE FROM schema_migrations")
    with pytest.raises(AdoptionRefused, match="visit_range"):
        adopt(empty_database_url, restored.path, to=1, report=print)


def test_renamed_index_with_settled_definition_is_the_same(
    restored: Folder, empty_database_url: str, db: Connection
) -> None:
    db.execute("ALTER INDEX visit_small RENAME TO visit_few")
    effects = {impact.effect for impact in verified(empty_database_url, restored).impacts.values()}
    assert effects == {"It is the same as visit_few.", "It is the same as visit_small."}


def test_settings_of_the_database_make_no_difference(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (day date DEFAULT '2026-02-01', at timestamptz DEFAULT '2026-02-01 12:00+00',"
        " wait interval DEFAULT '1 day 2 hours', raw bytea DEFAULT '\\x00ff');",
    )
    runner.run_migrations()
    for setting in (
        "DateStyle TO German",
        "TimeZone TO 'Asia/Tokyo'",
        "IntervalStyle TO iso_8601",
        "bytea_output TO escape",
    ):
        name = db.execute("SELECT current_database() AS name").fetchone()
        assert name is not None
        db.execute(f'ALTER DATABASE "{name["name"]}" SET {setting}'.encode())
    assert verified(empty_database_url, folder).same
