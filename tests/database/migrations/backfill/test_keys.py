"""Every type of key is walked through in its index's order, each row once; unsuitable keys are refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFailed
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import TABLE, backfill
from tests.database.migrations.conftest import Connection, Folder

BETWEEN = "{key} BETWEEN current_setting('migrate.first')::{type} AND current_setting('migrate.last')::{type}"
ODD_TEXT = "translate(md5(n::text), '0123456789', E'äßÉ''\\\\ \"(),') || n"
"""Texts with accents, quotes, backslashes, brackets, commas and capitals."""

KEYS = {
    "smallint": ("smallint", "n - 60", "id"),
    "integer": ("integer", "n * 7", "id"),
    "bigint": ("bigint", "n * 10000000000 - 90", "id"),
    "numeric": ("numeric", "n / 7.0", "id"),
    "uuid": ("uuid", "md5(n::text)::uuid", "id"),
    "text": ("text", ODD_TEXT, "id"),
    "text-c": ('text COLLATE "C"', ODD_TEXT, "id"),
    "varchar": ("varchar(90)", ODD_TEXT, "id"),
    "timestamptz": ("timestamptz", "'2026-03-29 00:59:59.999999+01'::timestamptz + n * interval '1 min 1 us'", "id"),
    "date": ("date", "'2026-01-01'::date + n", "id"),
    "domain": ("whole", "n", "id"),
    "awkward-name": ("bigint", "n", "row_text"),
}


@pytest.mark.parametrize("name", KEYS)
def test_key_of_one_column(runner: MigrationRunner, folder: Folder, db: Connection, work: Work, name: str) -> None:
    kind, value, key = KEYS[name]
    plain = kind.removesuffix(' COLLATE "C"')
    folder.write(
        "001_t.sql",
        f"CREATE DOMAIN whole AS bigint; CREATE TABLE t ({key} {kind} PRIMARY KEY, seen int NOT NULL DEFAULT 0);"
        f"INSERT INTO t SELECT {value} FROM generate_series(1, 99) AS n;",
    )
    condition = BETWEEN.format(key=key, type=plain)
    folder.write(
        "002_b.sql", f"-- migrate: backfill table=t key={key} batch=7\nUPDATE t SET seen = seen + 1 WHERE {condition};"
    )
    runner.run_migrations()
    work()
    assert db.execute("SELECT seen, count(*) AS n FROM t GROUP BY seen").fetchall() == [{"seen": 1, "n": 99}]


def test_key_of_several_columns(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    folder.write(
        "001_t.sql",
        "CREATE SCHEMA office; CREATE TABLE office.t (name text, day timestamptz, id bigint, seen int NOT NULL DEFAULT 0, rows text,"
        " PRIMARY KEY (name, day, id));"
        f"INSERT INTO office.t SELECT left({ODD_TEXT}, 1), '2026-01-01'::timestamptz + n % 3 * interval '1 s', n FROM generate_series(1, 99) AS n;",
    )
    first, last = (
        f"(current_setting('migrate.{end}_name'), current_setting('migrate.{end}_day')::timestamptz, current_setting('migrate.{end}_id')::bigint)"
        for end in ("first", "last")
    )
    folder.write(
        "002_b.sql",
        "-- migrate: backfill table=office.t key=name,day,id batch=7\n"
        "UPDATE office.t SET seen = seen + 1, rows = current_setting('migrate.first')"
        f" WHERE (name, day, id) >= {first} AND (name, day, id) <= {last};",
    )
    runner.run_migrations()
    work()
    assert db.execute("SELECT seen, count(*) AS n FROM office.t GROUP BY seen").fetchall() == [{"seen": 1, "n": 99}]
    assert db.execute("SELECT bool_and(rows LIKE '(%,%,%)') AS row_literals FROM office.t").fetchone() == {
        "row_literals": True
    }


def test_partitioned_table(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    folder.write(
        "001_t.sql",
        "CREATE TABLE t (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0) PARTITION BY HASH (id);"
        "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO t SELECT generate_series(1, 99);",
    )
    condition = BETWEEN.format(key="id", type="int")
    folder.write(
        "002_b.sql", f"-- migrate: backfill table=t key=id batch=7\nUPDATE t SET seen = seen + 1 WHERE {condition};"
    )
    runner.run_migrations()
    work()
    assert db.execute("SELECT seen, count(*) AS n FROM t GROUP BY seen").fetchall() == [{"seen": 1, "n": 99}]


def test_capital_names_are_found(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_t.sql", 'CREATE TABLE "Visit" ("Id" int PRIMARY KEY, n int); INSERT INTO "Visit" VALUES (1), (2);'
    )
    condition = BETWEEN.format(key='"Id"', type="int")
    folder.write("002_b.sql", f'-- migrate: backfill table=Visit key=Id\nUPDATE "Visit" SET n = 1 WHERE {condition};')
    folder.write("003_t.sql", "CREATE TABLE lower (id int PRIMARY KEY); INSERT INTO lower VALUES (1);")
    folder.write(
        "004_b.sql",
        f"-- migrate: backfill table=Lower key=ID\nDELETE FROM lower WHERE {BETWEEN.format(key='id', type='int')};",
    )
    assert runner.run_migrations() == 4
    assert db.execute('SELECT count(n) AS n FROM "Visit"').fetchone() == {"n": 2}


UNUSABLE = {
    "CREATE VIEW t AS SELECT 1 AS id": "t is a view, and a backfill walks through a table",
    "CREATE TABLE other (id int)": "the table t does not exist",
    "CREATE TABLE t (n int)": "t has no column id",
    "CREATE TABLE t (id jsonb PRIMARY KEY)": "t.id is of type jsonb, which cannot be the key of a backfill",
    "CREATE TABLE t (id int UNIQUE)": "t.id may be NULL, and a backfill would pass over such rows",
    "CREATE TABLE t (id int NOT NULL); CREATE INDEX ON t (id)": r"\(id\) is not unique in t",
    "CREATE TABLE t (id int NOT NULL); CREATE UNIQUE INDEX ON t (id) WHERE id > 0": r"\(id\) is not unique in t",
    "CREATE TABLE t (id text NOT NULL); CREATE UNIQUE INDEX ON t (id text_pattern_ops)": r"t has no index that begins with \(id\)",
    'CREATE TABLE t (id text NOT NULL); CREATE UNIQUE INDEX ON t (id COLLATE "C")': r"t has no index that begins with \(id\)",
}


@pytest.mark.parametrize("made", UNUSABLE)
def test_unusable_table_or_key_is_refused(runner: MigrationRunner, folder: Folder, db: Connection, made: str) -> None:
    folder.write("001_t.sql", f"{made};")
    folder.write(
        "002_b.sql", f"-- migrate: backfill table=t key=id\nDELETE FROM t WHERE {BETWEEN.format(key='id', type='int')};"
    )
    folder.write("003_later.sql", "CREATE TABLE later (i int);")
    with pytest.raises(MigrationFailed, match=UNUSABLE[made]) as failure:
        runner.run_migrations()
    assert "002_b.sql was not started. 001 stays applied." in str(failure.value)
    assert db.execute("SELECT to_regclass('later') AS later").fetchone() == {"later": None}


@pytest.mark.parametrize("index", ["(id, n)", "(n, id)", "(n, id DESC)"])
def test_key_needs_an_index_in_its_order(runner: MigrationRunner, folder: Folder, index: str) -> None:
    folder.write("001_t.sql", f"CREATE TABLE t (id int NOT NULL, n int NOT NULL); CREATE UNIQUE INDEX ON t {index};")
    row = "(current_setting('migrate.{0}_n')::int, current_setting('migrate.{0}_id')::int)"
    condition = f"(n, id) >= {row.format('first')} AND (n, id) <= {row.format('last')}"
    folder.write("002_b.sql", f"-- migrate: backfill table=t key=n,id\nDELETE FROM t WHERE {condition};")
    if index == "(n, id)":
        assert runner.run_migrations() == 2
        return
    with pytest.raises(MigrationFailed, match=r"t has no index that begins with \(n, id\), so every batch would scan"):
        runner.run_migrations()


def test_hidden_rows_are_not_passed_over(folder: Folder, db: Connection, empty_database_url: str, role: str) -> None:
    """The runner would report 0 rows, and record the backfill as complete."""
    me = sql.Identifier(role)
    db.execute(sql.SQL("ALTER ROLE {0} LOGIN PASSWORD 'x'; GRANT ALL ON SCHEMA public TO {0}").format(me))
    parts = urlsplit(empty_database_url)
    url = parts._replace(netloc=f"{role}:x@{parts.hostname}:{parts.port}").geturl()
    folder.write(
        "001_visit.sql",
        f"{TABLE}INSERT INTO visit SELECT generate_series(1, 5); ALTER TABLE visit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
    )
    folder.write("002_count.sql", backfill())
    with pytest.raises(MigrationFailed, match=f"row security hides rows of visit from {role}, and the backfill would"):
        MigrationRunner(url, folder.path).run_migrations()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE visit NO FORCE ROW LEVEL SECURITY")
    assert MigrationRunner(url, folder.path).run_migrations() == 1
    db.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(me))
