"""db-lint accepts all SQL that PostgreSQL's grammar allows, each statement alone and all in one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.statements import split_statements

UNUSUAL_SQL = """
CREATE TABLE t OF ty;
CREATE TABLE x (LIKE y INCLUDING ALL, a int);
CREATE TABLE p PARTITION OF q DEFAULT;
ALTER TYPE ty ADD ATTRIBUTE a int, DROP ATTRIBUTE b CASCADE;
DROP TRIGGER a ON b;
DROP POLICY p ON t;
DROP OPERATOR +(int,int);
DROP CAST (int AS text);
DROP AGGREGATE a(int) CASCADE;
DROP RULE r ON t;
ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;
ALTER TABLE t RENAME a TO b;
ALTER TYPE e RENAME TO f;
ALTER SCHEMA a RENAME TO b;
ALTER FUNCTION f(int) SET SCHEMA x;
ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i;
ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID;
ALTER TABLE t ADD NOT NULL b;
INSERT INTO schema_migrations DEFAULT VALUES;
INSERT INTO schema_migrations SELECT 1;
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SET TIME ZONE LOCAL;
SET TIME ZONE INTERVAL '1' HOUR TO MINUTE;
RESET ALL;
SET lock_timeout TO DEFAULT;
SET search_path TO a, b;
SELECT 1 UNION SELECT 2;
WITH a AS (UPDATE t SET a=1 RETURNING *) INSERT INTO b SELECT * FROM a;
VALUES (1);
TABLE x;
MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE;
DECLARE c CURSOR FOR SELECT 1;
VACUUM;
VACUUM (FULL);
REINDEX DATABASE;
REINDEX SCHEMA s;
CLUSTER;
LOCK t;
CREATE INDEX ON t ((a+1), b) INCLUDE (c);
ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY;
ALTER TABLE t ALTER COLUMN 1 SET STATISTICS 5;
ALTER INDEX i ATTACH PARTITION j;
ALTER DOMAIN d DROP CONSTRAINT c;
ALTER DOMAIN d ADD NOT NULL;
ALTER DOMAIN d SET DEFAULT 3;
CREATE DOMAIN s.d AS int NOT NULL;
ALTER TABLE t ADD COLUMN c s.d;
ALTER TABLE t ADD c int DEFAULT (SELECT 1);
ALTER TABLE t ALTER c TYPE s."T"[] USING c::text;
SELECT set_config('x', $1, true);
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;
END;
CREATE PROCEDURE p() LANGUAGE sql AS '';
DO $$ BEGIN FOR r IN SELECT 1 LOOP EXECUTE 'x' || r;
EXECUTE 'SELECT $1' USING 3;
END LOOP;
RETURN QUERY EXECUTE 'x';
END $$;
TRUNCATE a, b RESTART IDENTITY CASCADE;
COMMENT ON COLUMN t.a IS 'x';
ALTER SYSTEM RESET ALL;
DROP OWNED BY x;
DROP DATABASE x WITH (FORCE);
ALTER TABLE t ADD EXCLUDE (a WITH =) WHERE (b > 1);
CREATE UNLOGGED TABLE u (a int, PRIMARY KEY (a), FOREIGN KEY (a) REFERENCES t);
CREATE VIEW v AS SELECT 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 1;
SELECT 1 INTO TEMP tt;
REFRESH MATERIALIZED VIEW m WITH NO DATA;
ALTER TABLE t DETACH PARTITION p FINALIZE;
ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a*2) VIRTUAL;
UPDATE t SET (a,b) = (SELECT 1,2);
DELETE FROM ONLY t;
CREATE TABLE zz (a serial, b int REFERENCES t (x) DEFERRABLE, EXCLUDE USING gist (a WITH =));
ALTER TABLE t DISABLE TRIGGER ALL;
"""


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"])
def test_unusual_statements_are_linted(tmp_path: Path, header: str) -> None:
    texts = [UNUSUAL_SQL, *(statement.sql for statement in split_statements(UNUSUAL_SQL))]
    for number, text in enumerate(texts):
        (tmp_path / f"{number + 1:03d}_odd.sql").write_text(header + text)
    report = lint_directory(tmp_path)
    assert "syntax-error" not in {finding.rule.name for finding in report.findings}
    assert report.text(colour=True)
    assert json.dumps(report.as_json())


@pytest.mark.parametrize("terms", [60, 3000])
def test_deeply_nested_expressions_are_linted(tmp_path: Path, terms: int) -> None:
    words, rows = "||".join(["'a'"] * terms), " UNION ALL ".join(["SELECT 1"] * terms)
    (tmp_path / "001_before.sql").write_text("CREATE TABLE t (a text, b int);")
    (tmp_path / "002_deep.sql").write_text(
        f"INSERT INTO t (b) {rows};\nCREATE VIEW v AS {rows};\nCREATE INDEX t_a ON t ((a || {words}));\n"
        f"ALTER TABLE t ADD CONSTRAINT t_k CHECK (a <> ({words}) || 'b');\nPREPARE p AS {rows};\n"
        f"ALTER TABLE t ALTER COLUMN a TYPE varchar USING a || {words};"
    )
    found = {finding.rule.name for finding in lint_directory(tmp_path).findings}
    assert {"create-index", "add-check", "change-column-type"} <= found
    assert "syntax-error" not in found
