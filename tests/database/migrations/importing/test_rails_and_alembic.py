"""Rails' structure.sql and the SQL that Alembic prints."""

from __future__ import annotations

import pytest

from peterental.database.migrations.importing.model import ImportRefused
from tests.database.migrations.importing.conftest import Import

STRUCTURE = """\
SET statement_timeout = 0;
CREATE SCHEMA public;
CREATE TABLE public.a (i int);
CREATE TABLE public.schema_migrations (version character varying NOT NULL);
INSERT INTO "schema_migrations" (version) VALUES
('20240101000002'),
('20240101000001');
"""
RUBY = "class A < ActiveRecord::Migration[8.0]\nend\n"


def test_ruby_in_the_dump_is_covered_and_later_ruby_is_reported(imported: Import) -> None:
    files = {
        "structure.sql": STRUCTURE,
        "migrate/20240101000001_a.rb": RUBY,
        "migrate/20240101000003_backfill_names.rb": RUBY,
        "migrate/20240101000004_c/up.sql": "SELECT 4;",
        "migrate/20240101000002_b.up.sql": "SELECT 2;",
        "migrate/20240101000002_b.down.sql": "SELECT 2;",
        "seeds.rb": "",
    }
    found = imported("rails", files)
    assert found.names == ["001_structure.sql", "003_c.sql"]
    assert found.sql("001_structure.sql") == "CREATE TABLE public.a (i int);\n"
    assert "002  migrate/20240101000003_backfill_names.rb is Ruby: 002_backfill_names.sql is left out" in found.text
    assert "migrate/20240101000001_a.rb: is part of structure.sql" in found.text
    assert "migrate/20240101000002_b.up.sql: is part of structure.sql" in found.text
    assert "Left alone:\n  seeds.rb" in found.text


def test_only_ruby_is_refused_with_the_way_to_dump(imported: Import) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported("rails", {"20240101000001_a.rb": RUBY})
    assert "20240101000001_a.rb is Ruby" in str(refused.value)
    assert "schema_format = :sql" in str(refused.value)


def test_several_dumps_are_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match=r"several dumps \(animals_structure.sql, structure.sql\)"):
        imported("rails", {"structure.sql": STRUCTURE, "animals_structure.sql": STRUCTURE})


def test_dump_that_is_not_utf_8_is_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="structure.sql is not UTF-8"):
        imported("rails", {"structure.sql": "SELECT 'é';".encode("latin-1")})


UPGRADE = """\
WARNI [alembic.env] something
CREATE TABLE main.alembic_version (version_num VARCHAR(32) NOT NULL);
-- Running upgrade  -> aa
CREATE TABLE a (i int);
INSERT INTO main.alembic_version (version_num) VALUES ('aa');
"""


def test_sql_without_transactions_gets_ours(imported: Import) -> None:
    found = imported("alembic-sql", {"a.sql": UPGRADE})
    assert found.sql("001_aa.sql") == "CREATE TABLE a (i int);\n"
    assert not found.is_no_transaction("001_aa.sql")


def test_one_transaction_per_revision_is_removed(imported: Import) -> None:
    text = (
        "BEGIN;\n\nCREATE TABLE alembic_version (version_num text);\n\n-- Running upgrade  -> aa\n\nSELECT 1;\n\n"
        "INSERT INTO alembic_version (version_num) VALUES ('aa');\n\nCOMMIT;\n\nBEGIN;\n\n-- Running upgrade aa -> bb\n\n"
        "ALTER TYPE t ADD VALUE 'x';\n\nCOMMIT;\n\nBEGIN;\n\nSELECT 'x'::t;\n\nCOMMIT;\n"
    )
    found = imported("alembic-sql", {"all.sql": text}, within="all.sql")
    assert [found.is_no_transaction(name) for name in found.names] == [False, True]
    assert found.sql("002_bb.sql").split() == ["ALTER", "TYPE", "t", "ADD", "VALUE", "'x';", "SELECT", "'x'::t;"]


def test_messages_of_revisions_become_names(imported: Import) -> None:
    files = {
        "a.sql": UPGRADE + "-- Running upgrade aa -> bb\nSELECT 2;\n",
        "versions/aa_x.py": '"""Add the user\'s "phone".\n\nRevision ID: aa\n"""\nrevision: str = "aa"\n',
        "versions/bb_x.py": "revision = 'bb'\n",
    }
    found = imported("alembic-sql", files)
    assert found.names == ["001_add_the_user_s_phone.sql", "002_bb.sql"]
    assert found.whole("001_add_the_user_s_phone.sql").startswith('-- Migration 001: Add the user\'s "phone"\n')
    assert "A database that alembic has migrated already: flask db-adopt --to 2" in found.text


def test_files_are_ordered_by_their_revisions(imported: Import) -> None:
    files = {
        "a.sql": "-- Running upgrade bb, cc -> dd\nSELECT 4;\n",
        "b.sql": "-- Running upgrade aa -> bb\nSELECT 2;\n-- Running upgrade aa -> cc\nSELECT 3;\n",
        "c.sql": "-- Running upgrade  -> aa (base)\nSELECT 1;\n",
    }
    assert imported("alembic-sql", files).names == ["001_aa.sql", "002_bb.sql", "003_cc.sql", "004_dd.sql"]


def test_revisions_in_a_circle_keep_their_order(imported: Import) -> None:
    text = "-- Running upgrade bb -> aa\nSELECT 1;\n-- Running upgrade aa -> bb\nSELECT 2;\n"
    assert imported("alembic-sql", {"a.sql": text}).names == ["001_aa.sql", "002_bb.sql"]


def test_merge_revision_without_sql_takes_no_number(imported: Import) -> None:
    text = "-- Running upgrade  -> aa\nSELECT 1;\n-- Running upgrade aa -> bb\nUPDATE alembic_version SET version_num='bb';\n"
    found = imported("alembic-sql", {"a.sql": text})
    assert found.names == ["001_aa.sql"]
    assert "a.sql, bb  →  no SQL, left out" in found.text
    assert "a.sql, bb: has no SQL: it was left out" in found.text


def test_revision_printed_twice_is_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="a.sql and b.sql both upgrade to aa"):
        imported("alembic-sql", {"a.sql": UPGRADE, "b.sql": UPGRADE})


def test_unprinted_revisions_and_downgrades_are_reported(imported: Import) -> None:
    files = {
        "a.sql": UPGRADE,
        "down.sql": "-- Running downgrade zz -> \nDROP TABLE z;\n",
        "versions/bb_add.py": "'''Add it.\n'''\nrevision = 'bb'\n",
        "env.py": "",
    }
    found = imported("alembic-sql", files)
    assert "down.sql: the downgrade of zz has no upgrade: it was left out" in found.text
    assert "versions/bb_add.py: revision bb is not in the printed SQL; print it up to head" in found.text
    assert "Left alone:\n  env.py" in found.text


def test_python_revisions_alone_are_refused_with_the_command(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="alembic upgrade head --sql > upgrade.sql"):
        imported("alembic-sql", {"aa_a.py": "revision = 'aa'\n"})


def test_printed_sql_that_is_not_utf_8_is_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="down.sql is not UTF-8"):
        imported("alembic-sql", {"a.sql": UPGRADE, "down.sql": b"-- \xe9"})
