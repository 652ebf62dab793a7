"""db-squash replaces the first files by one baseline, which old, new and empty databases treat correctly."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.schema import write_schema
from peterental.database.migrations.commands.status_table import status_table
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.source.files import find_files
from peterental.database.migrations.verify.verify import verify
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import ledger
from tests.database.migrations.squashing import names, squashed
from tests.gunicorn import PROJECT_DIR

VALUES = """
CREATE TYPE mood AS ENUM ('a', 'b''c');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN d AS int CHECK (VALUE > 0);
CREATE TABLE kinds (b bytea, a text[], n numeric, f float8, f4 real, i interval, t timestamptz, ts timestamp, dt date, j json, jb jsonb, c char(5), vc varchar(3), m mood, p pair, dd d, bo boolean, r int4range, mr int4multirange, u uuid, mo money, bi bit(3), inet inet, ln line, tv tsvector, rc regclass, na name, q "char", nn mood[], pp pair[]);
INSERT INTO kinds VALUES ('\\x00ff5c27', ARRAY['a"b', NULL, 'c,d', '\\', ''], 'NaN', 0.1 + 0.2, 'Infinity', '1 year -2 days 03:04:05.678', 'infinity', '2026-01-02 03:04:05.123456', '-infinity', '{"a": 1,  "b":2}', '{"a": "\\\\n''"}', 'ab', ' b ', 'b''c', ROW(1, 'q"\\,()'), 5, true, '[1,5)', '{[1,2),[5,6)}', '00000000-0000-0000-0000-000000000001', '$1,234.50', B'101', '10.0.0.0/8', '{1,2,3}', 'a:1 b:2', 'kinds', 'nm', 'z', '{a,"b''c"}', ARRAY[ROW(1,'a')::pair]);
INSERT INTO kinds (n) VALUES (1), (1), (NULL), (2);
CREATE TABLE base (i int, g int GENERATED ALWAYS AS (i * 2) STORED);
CREATE TABLE kid (k int) INHERITS (base);
INSERT INTO base (i) VALUES (1);
INSERT INTO kid (i, k) VALUES (2, 3);
CREATE TABLE part (r int, v text) PARTITION BY LIST (r);
CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE partd (v text, r int);
ALTER TABLE part ATTACH PARTITION partd DEFAULT;
INSERT INTO part VALUES (1, 'one'), (2, 'two');
CREATE TABLE emp (id int PRIMARY KEY, boss int REFERENCES emp DEFERRABLE INITIALLY DEFERRED, UNIQUE (boss) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO emp VALUES (1, 2), (2, 1);
CREATE TABLE bad (i int);
INSERT INTO bad VALUES (-1);
ALTER TABLE bad ADD CHECK (i > 0) NOT VALID;
ALTER TABLE bad ADD FOREIGN KEY (i) REFERENCES emp NOT VALID;
CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM emp;
CREATE SEQUENCE s START 5;
SELECT nextval('s');
CREATE SEQUENCE s2;
SELECT setval('s2', 42, false);
CREATE SEQUENCE "S 3" INCREMENT -1;
SELECT nextval('"S 3"');
CREATE TABLE ser (id serial PRIMARY KEY, aid bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now());
INSERT INTO ser DEFAULT VALUES;
INSERT INTO ser DEFAULT VALUES;
DELETE FROM ser WHERE id = 1;
CREATE TABLE rls (i int);
INSERT INTO rls VALUES (1);
ALTER TABLE rls ENABLE ROW LEVEL SECURITY;
CREATE TABLE trig (i int);
INSERT INTO trig VALUES (7);
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.i := NEW.i + 1;
RETURN NEW;
END';
CREATE TRIGGER t BEFORE INSERT ON trig FOR EACH ROW EXECUTE FUNCTION tf();
INSERT INTO trig VALUES (7);
CREATE RULE no AS ON INSERT TO trig DO INSTEAD NOTHING;
CREATE TABLE "Q q" ("a""b" text);
INSERT INTO "Q q" VALUES ('%s {} '' \\ '), ('line
two');
"""


def test_empty_database_gets_the_baseline_with_its_rows(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection, reported: ReportedLines
) -> None:
    filled.write("002_homes.down.sql", "DROP TABLE homes;")
    squashed(empty_database_url, filled, report=reported.append)
    assert names(filled) == ["003_baseline.sql", "004_later.sql"]
    assert "✅ Proved: 003_baseline.sql makes the same schema and 4 rows in 2 tables as the files" in reported
    assert "✅ 003_baseline.sql replaces 3 files" in reported
    assert runner.run_migrations() == 2
    assert ledger(db) == {3: "Baseline", 4: "later"}
    assert db.execute("SELECT * FROM words ORDER BY 1").fetchall() == [
        {"word": "a'b", "note": None},
        {"word": "z", "note": "\\ %s {}"},
    ]
    db.execute("INSERT INTO homes (word) VALUES ('z')")
    assert [row["id"] for row in db.execute("SELECT id FROM homes ORDER BY 1")] == [1, 2, 3]
    assert verify(empty_database_url, filled.path, report=print).same
    status = read_status(empty_database_url, filled.path)
    assert status.state == "current"
    assert "001–003" in status_table(status)
    assert status.as_json()["migrations"][0]["replaces"] == "001-003"


def test_migrated_database_accepts_the_baseline(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, db: Connection
) -> None:
    runner.run_migrations()
    before = ledger(db)
    squashed(empty_database_url, filled)
    assert runner.run_migrations() == 0
    assert ledger(db) == before
    found = verify(empty_database_url, filled.path, report=print)
    assert found.same, found.text()
    assert "The database matches migrations 001 to 004." in found.text()
    filled.write("005_more.sql", "CREATE TABLE more ();")
    assert plan(empty_database_url, filled.path, report=print).would_fail is False
    assert runner.run_migrations() == 1
    status = read_status(empty_database_url, filled.path)
    assert [entry.label for entry in status.entries] == ["001–003", "004", "005"]
    assert status.entries[0].state == "applied"


def test_rows_of_every_type_are_carried(
    empty_database_url: str, folder: Folder, runner: MigrationRunner, reported: ReportedLines
) -> None:
    """The proof compares them: partitions, inheritance, identities, deferred keys, rows that violate NOT VALID checks."""
    folder.write("001_values.sql", VALUES)
    folder.write("002_more.sql", "SELECT 1;")
    squashed(empty_database_url, folder, 2, report=reported.append)
    assert "✅ Proved: 002_baseline.sql makes the same schema and 18 rows in 11 tables as the files" in reported
    text = (folder.path / "002_baseline.sql").read_text()
    assert text.index("INSERT INTO trig") < text.index("CREATE TRIGGER t ") < text.index("REFRESH MATERIALIZED VIEW mv")
    assert "INSERT INTO ser (id, aid, at) OVERRIDING SYSTEM VALUE VALUES\n    ('2', '2', '" in text
    assert runner.run_migrations() == 1


def test_rows_that_row_security_hides_are_refused(empty_database_url: str, folder: Folder, db: Connection) -> None:
    if (db.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() or {})["rolsuper"]:
        pytest.skip("a superuser sees every row")
    folder.write(
        "001_a.sql", "CREATE TABLE a (i int); ALTER TABLE a ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    )
    folder.write("002_b.sql", "SELECT 1;")
    with pytest.raises(SchemaInexpressible, match='its rows cannot be read .*row-level security policy for table "a"'):
        squashed(empty_database_url, folder, 2)


def test_own_migrations_are_squashed(empty_database_url: str, folder: Folder, runner: MigrationRunner) -> None:
    for path in (PROJECT_DIR / "migrations").glob("*.sql"):
        folder.write(path.name, path.read_bytes())
    last = find_files(folder.path)[-1].version
    before = write_schema(empty_database_url, folder.path, report=print)
    squashed(empty_database_url, folder, last)
    assert runner.run_migrations() == 1
    assert write_schema(empty_database_url, folder.path, report=print) == before
