"""What db-schema writes does not change when it is applied, dumped or read by a session with other settings."""

from __future__ import annotations

from psycopg import sql
from psycopg.conninfo import make_conninfo

from peterental.database.migrations.commands.schema import write_schema
from peterental.database.migrations.schema_text.skeleton import same_but_for_expressions
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.expressions import PUBLISHED, SETTLING


def written(url: str, folder: Folder) -> str:
    return write_schema(url, folder.path, report=print)


def test_text_of_the_written_text_is_the_same(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", SETTLING + PUBLISHED)
    text = written(empty_database_url, folder)
    assert "(a >= 1) AND (a <= 5) AND (b > 0)" in text
    assert "((a >= 1) AND (a <= 5)) AND" not in text
    folder.write("001_a.sql", text)
    assert written(empty_database_url, folder) == text


def test_text_does_not_depend_on_settings_of_the_role(
    empty_database_url: str, folder: Folder, db: Connection, role: str
) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (day date DEFAULT '2026-02-01', noon timestamptz DEFAULT '2026-02-01 12:00+00',"
        " wait interval DEFAULT '1 day 2 hours', share float8 DEFAULT 0.1, raw bytea DEFAULT '\\x00ff');",
    )
    plain = written(empty_database_url, folder)
    assert "'2026-02-01'::date" in plain
    assert "'2026-02-01 12:00:00+00'" in plain
    settings = {
        "DateStyle": "German, DMY",
        "IntervalStyle": "sql_standard",
        "TimeZone": "America/Chicago",
        "extra_float_digits": "-10",
        "bytea_output": "escape",
        "quote_all_identifiers": "on",
    }
    name = sql.Identifier(role)
    db.execute(sql.SQL("ALTER ROLE {} LOGIN CREATEDB PASSWORD 'x'").format(name))
    for setting, value in settings.items():
        db.execute(sql.SQL("ALTER ROLE {} SET {} TO {}").format(name, sql.Identifier(setting), value))
    assert written(make_conninfo(empty_database_url, user=role, password="x"), folder) == plain


def test_only_expressions_may_be_written_otherwise() -> None:
    def same(one: str, other: str) -> bool:
        return same_but_for_expressions(one, other)

    table = "CREATE TABLE a (b int DEFAULT {}, CHECK ({})) WITH (fillfactor = {});"
    assert same(table.format("1", "b > 1 AND (b > 2 AND b > 3)", 70), table.format("(1)", "b > 1 AND b > 2", 70))
    assert not same(table.format("1", "true", 70), table.format("1", "true", 80))
    assert not same(table.format("1", "true", 70), "CREATE TABLE a (b int DEFAULT 1) WITH (fillfactor = 70);")
    assert not same("ALTER TABLE a ALTER b SET DEFAULT 1", "ALTER TABLE a ALTER c SET DEFAULT 1")
    assert same("ALTER TABLE a ALTER b SET DEFAULT 1", "ALTER TABLE a ALTER b SET DEFAULT (1)")
    assert not same("SELECT 1; SELECT 2", "SELECT 1")
    assert not same("CREATE VIEW a AS SELECT 1", "CREATE MATERIALIZED VIEW a AS SELECT 1")
    assert not same("CREATE INDEX a ON b (c) WHERE d", "CREATE UNIQUE INDEX a ON b (c) WHERE d")
    assert not same("this is no SQL", "this is no SQL either")
    assert same("this is no SQL", "this is no SQL")
