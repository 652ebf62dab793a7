"""Every rule reports its bad example, accepts its good one, and suggests SQL that PostgreSQL accepts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest

from peterental.database.migrations.lint import RULES, Finding, Severity, lint_directory
from peterental.database.migrations.lint.rules.add_column import _STABLE, _VOLATILE
from peterental.database.migrations.source.statements import split_statements
from tests.conftest import Databases

BEFORE = """
CREATE TABLE agents (
    agent_id varchar(255) PRIMARY KEY,
    name varchar(50) NOT NULL,
    email text,
    age int DEFAULT 0 NOT NULL,
    born timestamp,
    seen timestamp,
    code varchar(5) UNIQUE,
    CONSTRAINT agents_age_sane CHECK (age >= 0),
    CONSTRAINT agents_email_there CHECK (email IS NOT NULL)
);
CREATE TABLE visits (
    visit_id bigint PRIMARY KEY, agent varchar(255), note varchar(20), price numeric(8, 2), at timestamptz, spare int
);
CREATE INDEX idx_visits_at ON visits (at);
CREATE INDEX idx_visits_note_folded ON visits (lower(note));
CREATE INDEX idx_agents_seen ON agents (seen);
CREATE UNIQUE INDEX visits_agent_at ON visits (agent, at);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN anything AS int;
CREATE VIEW agent_names AS SELECT agent_id AS name FROM agents;
CREATE MATERIALIZED VIEW agent_counts AS SELECT count(*) AS n FROM agents;
CREATE UNIQUE INDEX idx_agent_counts ON agent_counts (n);
CREATE TABLE log (day date NOT NULL, line text) PARTITION BY RANGE (day);
CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE log_2025 (day date NOT NULL, line text);
CREATE TABLE log_2026 (day date NOT NULL, line text, CONSTRAINT belongs CHECK (day >= '2026-01-01' AND day < '2027-01-01'));
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION roll() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 4';
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER visits_nothing BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE POLICY own ON visits USING (true);
CREATE RULE quiet AS ON DELETE TO agent_names DO INSTEAD NOTHING;
CREATE TABLE archive (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE archive_rest PARTITION OF archive DEFAULT;
CREATE TABLE archive_new (day date NOT NULL, CONSTRAINT belongs CHECK (day >= '2026-01-01' AND day < '2027-01-01'));
CREATE TABLE old_keys (
    key_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agent_id varchar(255) REFERENCES agents, at timestamptz NOT NULL,
    number int, label text, CONSTRAINT old_keys_once UNIQUE (agent_id, at)
);
CREATE INDEX idx_old_keys_number ON old_keys (number);
CREATE TABLE doors (door_id bigint PRIMARY KEY, key_id bigint REFERENCES old_keys (key_id), name text);
CREATE INDEX idx_doors_key ON doors (key_id);
CREATE TYPE place AS (street text, number int);
CREATE TABLE sums (one int, twice int GENERATED ALWAYS AS (one * 2) STORED);
CREATE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION reset_spare() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE visits SET spare = 0; END';
CREATE PROCEDURE clear_notes() LANGUAGE sql AS 'UPDATE visits SET note = NULL';
CREATE FUNCTION nothing_of(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE TABLE pins (pin_id bigint PRIMARY KEY, note text, n int, shown int GENERATED ALWAYS AS (doubled(n)) STORED);
CREATE UNIQUE INDEX pins_note_once ON pins (pinned(note)) WHERE n > 0;
CREATE FUNCTION padded(text, int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE INDEX pins_padded ON pins (padded(note));
CREATE AGGREGATE longest(text) (SFUNC = text_larger, STYPE = text);
CREATE COLLATION sorted FROM "C";
"""

SCHEMA_MIGRATIONS = "CREATE TABLE schema_migrations (version int PRIMARY KEY, description text);"

WALK = "-- migrate: backfill table=visits key=visit_id\n"
BATCH = "WHERE visit_id BETWEEN current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint"
BATCH_OF_OLD = BATCH.replace("visit_id", "old.visit_id")


class Case(NamedTuple):
    """A rule with a bad and a good example.

    `runs` is whether PostgreSQL accepts the bad one; None if that depends on the role or the server version.
    """

    rule: str
    bad: str
    good: str
    runs: bool | None = True


CASES = [
    # ---- new columns
    Case("add-column-volatile-default", "ALTER TABLE agents ADD COLUMN token uuid DEFAULT gen_random_uuid();", "ALTER TABLE agents ADD COLUMN made timestamptz DEFAULT now() NOT NULL;"),
    Case("add-column-volatile-default", "ALTER TABLE agents ADD COLUMN x timestamptz DEFAULT clock_timestamp();", "ALTER TABLE agents ADD COLUMN x text DEFAULT shout('a');"),
    Case("add-column-volatile-default", "ALTER TABLE agents ADD COLUMN x int DEFAULT roll();", "ALTER TABLE agents ADD COLUMN x jsonb DEFAULT '{}'::jsonb NOT NULL;"),
    Case("add-column-volatile-default", "DO $$ BEGIN ALTER TABLE agents ADD COLUMN x float DEFAULT random(); END $$;", "DO $$ BEGIN ALTER TABLE agents ADD COLUMN x float DEFAULT 1.5; END $$;"),
    Case("add-required-column", "ALTER TABLE agents ADD COLUMN phone text NOT NULL;", "ALTER TABLE agents ADD COLUMN phone text NOT NULL DEFAULT '';"),
    Case("add-required-column", "ALTER TABLE agents ADD COLUMN phone text NOT NULL DEFAULT NULL;", "ALTER TABLE agents ADD COLUMN phone text;"),
    Case("add-generated-column", "ALTER TABLE agents ADD COLUMN loud text GENERATED ALWAYS AS (upper(name)) STORED;", "ALTER TABLE agents ADD COLUMN loud text;"),
    Case("add-serial-column", "ALTER TABLE agents ADD COLUMN number bigserial;", "ALTER TABLE agents ADD COLUMN number bigint;"),
    Case("add-serial-column", "ALTER TABLE agents ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;", "CREATE TABLE new_one (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"),
    Case("add-domain-column", "ALTER TABLE agents ADD COLUMN share percent;", "ALTER TABLE agents ADD COLUMN share anything;"),
    # ---- constraints
    Case("add-foreign-key", "ALTER TABLE visits ADD CONSTRAINT visits_agent_known FOREIGN KEY (agent) REFERENCES agents (agent_id);", "ALTER TABLE visits ADD CONSTRAINT visits_agent_known FOREIGN KEY (agent) REFERENCES agents (agent_id) NOT VALID;"),
    Case("add-foreign-key", "ALTER TABLE visits ADD FOREIGN KEY (agent) REFERENCES agents;", "ALTER TABLE visits ADD COLUMN other varchar(255) REFERENCES agents;"),
    Case("add-foreign-key", "ALTER TABLE visits ADD COLUMN other varchar(255) DEFAULT 'a' REFERENCES agents;", "ALTER TABLE visits ADD COLUMN other varchar(255) DEFAULT NULL REFERENCES agents;"),
    Case("add-check", "ALTER TABLE visits ADD CONSTRAINT price_sane CHECK (price > 0);", "ALTER TABLE visits ADD CONSTRAINT price_sane CHECK (price > 0) NOT VALID;"),
    Case("add-check", "ALTER TABLE visits ADD COLUMN x int CHECK (x > 0);", "CREATE TABLE fresh (x int CHECK (x > 0)); ALTER TABLE fresh ADD CHECK (x < 9);"),
    Case("add-unique", "ALTER TABLE visits ADD CONSTRAINT visits_note_once UNIQUE (note);", "ALTER TABLE visits ADD CONSTRAINT visits_agent_at UNIQUE USING INDEX visits_agent_at;"),
    Case("add-unique", "ALTER TABLE agents ADD COLUMN slug text UNIQUE;", "ALTER TABLE agents ADD COLUMN slug text;"),
    Case("add-primary-key", "ALTER TABLE log_2025 ADD PRIMARY KEY (day);", "CREATE TABLE other (a int); ALTER TABLE other ADD PRIMARY KEY (a);"),
    Case("add-primary-key", "ALTER TABLE log ADD PRIMARY KEY (day);", "CREATE TABLE other (a int) PARTITION BY RANGE (a); ALTER TABLE other ADD PRIMARY KEY (a);"),
    Case("add-unique", "ALTER TABLE log ADD UNIQUE NULLS NOT DISTINCT (day, line);", "CREATE TABLE other (a int, UNIQUE (a)) PARTITION BY RANGE (a);"),
    Case("partitioned-concurrently", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY idx_log_line ON log (line);", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY idx_log_line ON log_2024 (line);", runs=False),
    Case("add-exclusion", "ALTER TABLE visits ADD CONSTRAINT one_at_a_time EXCLUDE USING btree (at WITH =);", "CREATE TABLE rooms (during tstzrange, EXCLUDE USING gist (during WITH &&));"),
    Case("set-not-null", "ALTER TABLE agents ALTER COLUMN born SET NOT NULL;", "ALTER TABLE agents ALTER COLUMN email SET NOT NULL;"),
    Case("set-not-null", "ALTER TABLE visits ADD CONSTRAINT x CHECK (note IS NOT NULL) NOT VALID; ALTER TABLE visits ALTER note SET NOT NULL;", "ALTER TABLE agents ALTER COLUMN name SET NOT NULL;"),
    Case("set-not-null", "ALTER TABLE visits DROP CONSTRAINT visits_pkey; ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_agent_at;", "CREATE TABLE fresh (a int); ALTER TABLE fresh ALTER a SET NOT NULL;"),
    Case("validate-in-same-file", "ALTER TABLE visits ADD CONSTRAINT p CHECK (price > 0) NOT VALID; ALTER TABLE visits VALIDATE CONSTRAINT p;", "ALTER TABLE visits ADD CONSTRAINT p CHECK (price > 0) NOT VALID;"),
    Case("validate-in-same-file", "ALTER TABLE visits ADD CONSTRAINT p CHECK (price > 0) NOT VALID, VALIDATE CONSTRAINT p;", "ALTER TABLE agents VALIDATE CONSTRAINT agents_age_sane;"),
    Case("add-domain-constraint", "ALTER DOMAIN anything ADD CHECK (VALUE > 0);", "ALTER DOMAIN anything ADD CHECK (VALUE > 0) NOT VALID;"),
    Case("add-domain-constraint", "ALTER DOMAIN anything SET NOT NULL;", "ALTER DOMAIN anything DROP NOT NULL;"),
    # ---- types
    Case("change-column-type", "ALTER TABLE agents ALTER COLUMN age TYPE bigint;", "ALTER TABLE agents ALTER COLUMN name TYPE varchar(80);"),
    Case("change-column-type", "ALTER TABLE agents ALTER COLUMN name TYPE varchar(20);", "ALTER TABLE agents ALTER COLUMN name TYPE text;"),
    Case("change-column-type", "ALTER TABLE visits ALTER COLUMN price TYPE numeric(10, 3);", "ALTER TABLE visits ALTER COLUMN price TYPE numeric(12, 2);"),
    Case("change-column-type", "ALTER TABLE agents ALTER COLUMN seen TYPE timestamptz;", "ALTER TABLE agents ALTER COLUMN born TYPE timestamptz;"),
    Case("change-column-type", "ALTER TABLE agents ALTER COLUMN born TYPE timestamptz USING born AT TIME ZONE 'UTC';", "SET LOCAL TimeZone TO 'UTC'; ALTER TABLE agents ALTER COLUMN born TYPE timestamptz;"),
    Case("change-column-type", "SET LOCAL TimeZone TO 'Europe/Paris'; ALTER TABLE agents ALTER COLUMN born TYPE timestamptz;", "ALTER TABLE agents ALTER COLUMN born TYPE timestamptz USING born;"),
    Case("change-column-type", "ALTER TABLE visits ALTER COLUMN note TYPE text;", "ALTER TABLE visits ALTER COLUMN price TYPE numeric;"),
    Case("change-column-type", "ALTER TABLE agents ALTER COLUMN email TYPE varchar;", "ALTER TABLE visits ALTER COLUMN agent TYPE text;"),
    # ---- indexes
    Case("create-index", "CREATE INDEX IF NOT EXISTS idx_visits_price ON visits (price);", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS idx_visits_price ON visits (price);"),
    Case("create-index", "CREATE UNIQUE INDEX u ON visits USING btree (lower(agent) DESC) WHERE price > 1;", "CREATE TABLE fresh (a int); CREATE INDEX f ON fresh (a);"),
    Case("create-index", "CREATE INDEX idx_log_line ON log (line);", "CREATE INDEX idx_log_line ON ONLY log (line);"),
    Case("drop-index", "DROP INDEX IF EXISTS idx_visits_at;", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS idx_visits_at;"),
    Case("reindex", "REINDEX TABLE visits;", "-- migrate: no-transaction\nREINDEX TABLE CONCURRENTLY visits;"),
    Case("refresh-materialized-view", "REFRESH MATERIALIZED VIEW agent_counts;", "REFRESH MATERIALIZED VIEW CONCURRENTLY agent_counts;"),
    Case("detach-partition", "ALTER TABLE log DETACH PARTITION log_2024;", "-- migrate: no-transaction\nALTER TABLE log DETACH PARTITION log_2024 CONCURRENTLY;"),
    Case("attach-partition", "ALTER TABLE log ATTACH PARTITION log_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');", "ALTER TABLE log ATTACH PARTITION log_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"),
    Case("name-index", "CREATE INDEX ON visits (price);", "CREATE INDEX idx ON visits (price);"),
    Case("partition-beside-default", "CREATE TABLE archive_2025 PARTITION OF archive FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');", "CREATE TABLE log_2027 PARTITION OF log FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');"),
    Case("partition-beside-default", "ALTER TABLE archive ATTACH PARTITION archive_new FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');", "ALTER TABLE archive DETACH PARTITION archive_rest; ALTER TABLE archive ATTACH PARTITION archive_new FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"),
    Case("partition-beside-default", "ALTER TABLE archive RENAME TO attic; CREATE TABLE a PARTITION OF attic FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');", "CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE p_rest PARTITION OF p DEFAULT; CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);"),
    Case("drop-unique-index", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY visits_agent_at;", "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY visits_at_agent ON visits (at, agent);\nDROP INDEX CONCURRENTLY visits_agent_at;"),
    Case("drop-unique-index", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY pins_note_once;", "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY other ON pins (pinned(note)) WHERE n > 0;\nDROP INDEX CONCURRENTLY pins_note_once;"),
    Case("drop-unique-index", "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY other ON pins (pinned(note));\nDROP INDEX CONCURRENTLY pins_note_once;", "-- migrate: contract\n-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS pins_note_once;"),
    Case("drop-unique-index", "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY other ON visits (agent, at) WHERE price > 0;\nDROP INDEX CONCURRENTLY visits_agent_at;", "CREATE UNIQUE INDEX a ON pins (n) WHERE n > 0; CREATE UNIQUE INDEX b ON pins (n) WHERE n > 1; DROP INDEX a;"),
    Case("replace-stored-function", "CREATE OR REPLACE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';", "CREATE OR REPLACE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT upper($1)';"),
    Case("replace-stored-function", "CREATE OR REPLACE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';", "CREATE OR REPLACE FUNCTION doubled(bigint) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';"),
    Case("replace-stored-function", "CREATE OR REPLACE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN lower($1);", "-- migrate: no-transaction\nCREATE OR REPLACE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';\nREINDEX INDEX CONCURRENTLY pins_note_once;"),
    Case("replace-stored-function", "CREATE OR REPLACE FUNCTION pinned(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';", "CREATE FUNCTION pinned(text, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'; CREATE OR REPLACE FUNCTION pinned(text, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';"),
    Case("replace-stored-function", "CREATE FUNCTION doubled(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE OR REPLACE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';", "CREATE FUNCTION doubled(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE OR REPLACE FUNCTION doubled(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';"),
    Case("whole-table-write", "DO $$ DECLARE r record; BEGIN FOR r IN SELECT visit_id FROM visits LOOP IF r.visit_id > 1 THEN UPDATE visits SET spare = 1 WHERE visit_id = r.visit_id; END IF; END LOOP; END $$;", "DO $$ DECLARE r record; BEGIN FOR r IN SELECT visit_id FROM visits WHERE spare IS NULL LOOP UPDATE visits SET spare = 1 WHERE visit_id = r.visit_id; END LOOP; FOR r IN SELECT visit_id FROM visits LIMIT 9 LOOP DELETE FROM visits WHERE visit_id = r.visit_id; END LOOP; FOR r IN SELECT agent_id FROM agents LOOP DELETE FROM visits WHERE agent = r.agent_id AND price = 0; END LOOP; END $$;"),
    Case("whole-table-write", "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM agents a JOIN visits v ON v.agent = a.agent_id LOOP NULL; END LOOP; FOR r IN SELECT * FROM visits, agents LOOP DELETE FROM visits WHERE visit_id = r.visit_id; END LOOP; END $$;", "-- migrate: no-transaction\nDO $$ DECLARE r record; BEGIN FOR r IN SELECT visit_id FROM visits LOOP UPDATE visits SET spare = 1 WHERE visit_id = r.visit_id; COMMIT; END LOOP; END $$;"),
    Case("whole-table-write", "SELECT reset_spare();", "CREATE OR REPLACE FUNCTION reset_spare() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE visits SET spare = 0 WHERE price < 0; END'; SELECT reset_spare();"),
    Case("whole-table-write", "DO $$ BEGIN CALL clear_notes(); END $$;", "CREATE TRIGGER clears BEFORE DELETE ON visits FOR EACH ROW EXECUTE FUNCTION nothing(); SELECT nothing_of('reset_spare');"),
    Case("replace-stored-function", "CREATE OR REPLACE FUNCTION padded(text, int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';", "CREATE FUNCTION padded(int, int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT 1::text'; CREATE OR REPLACE FUNCTION padded(int, int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT 2::text';"),
    Case("replica-identity", "CREATE PUBLICATION everything FOR ALL TABLES;", "CREATE PUBLICATION everything FOR TABLE agents, visits;", runs=None),
    Case("replica-identity", "CREATE PUBLICATION logs FOR TABLE log_2025;", "CREATE PUBLICATION logs FOR TABLE visits, log; CREATE PUBLICATION new FOR TABLE log_2025 WITH (publish = 'insert, truncate');"),
    Case("replica-identity", "CREATE PUBLICATION logs; ALTER PUBLICATION logs ADD TABLE visits, log_2025;", "ALTER TABLE log_2025 REPLICA IDENTITY FULL; CREATE PUBLICATION logs; ALTER PUBLICATION logs ADD TABLE log_2025;"),
    Case("drop-index-first", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY idx_doors_key;\nCREATE INDEX CONCURRENTLY idx_doors_key_name ON doors (key_id, name);", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY idx_doors_key_name ON doors (key_id, name);\nDROP INDEX CONCURRENTLY idx_doors_key;"),
    Case("drop-index-first", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY idx_old_keys_number;\nCREATE INDEX CONCURRENTLY idx_old_keys_number ON old_keys (label);", "DROP INDEX idx_old_keys_number; CREATE INDEX idx_old_keys_number ON old_keys (number, label);"),
    Case("drop-foreign-key-index", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS idx_doors_key;", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY idx_old_keys_number;"),
    Case("drop-foreign-key-index", "DROP INDEX idx_doors_key;", "ALTER TABLE doors DROP CONSTRAINT doors_key_id_fkey; DROP INDEX idx_doors_key;"),
    Case("foreign-key-type", "CREATE TABLE locks (lock_id bigint PRIMARY KEY, key_id int REFERENCES old_keys);", "CREATE TABLE locks (lock_id bigint PRIMARY KEY, key_id bigint REFERENCES old_keys);"),
    Case("foreign-key-type", "ALTER TABLE old_keys RENAME TO k; ALTER TABLE k RENAME key_id TO id; ALTER TABLE doors ADD COLUMN other smallint REFERENCES k (id);", "CREATE TABLE fans (agent text REFERENCES agents (agent_id));"),
    # ---- parts of other statements
    Case("whole-table-write", "WITH gone AS (DELETE FROM doors RETURNING door_id) INSERT INTO doors (door_id) SELECT door_id FROM gone;", "WITH gone AS (DELETE FROM doors WHERE door_id < 9 RETURNING door_id) SELECT count(*) FROM gone;"),
    Case("whole-table-write", "WITH a AS (SELECT 1), b AS (UPDATE doors SET name = '' RETURNING 1) SELECT * FROM a, b;", "EXPLAIN UPDATE doors SET name = '';"),
    Case("whole-table-write", "EXPLAIN ANALYZE UPDATE doors SET name = '';", "EXPLAIN (ANALYZE false) UPDATE doors SET name = '';"),
    Case("whole-table-write", "EXPLAIN (ANALYZE) WITH gone AS (DELETE FROM doors RETURNING 1) SELECT * FROM gone;", "EXPLAIN (ANALYZE) SELECT 1;"),
    Case("whole-table-write", "MERGE INTO doors USING visits ON true WHEN MATCHED THEN DELETE;", "MERGE INTO doors USING visits ON door_id = visit_id WHEN MATCHED THEN DELETE;", runs=None),
    Case("whole-table-write", "MERGE INTO doors USING visits ON 1 = 1 WHEN MATCHED THEN UPDATE SET name = '';", "MERGE INTO doors USING visits ON true WHEN MATCHED AND door_id < 9 THEN DELETE WHEN NOT MATCHED THEN INSERT (door_id) VALUES (1);", runs=None),
    Case("whole-table-write", "PREPARE p AS DELETE FROM doors;", "PREPARE q AS DELETE FROM doors WHERE door_id = $1;"),
    Case("whole-table-write", "UPDATE doors SET name = '' WHERE 1 = 1;", "UPDATE doors SET name = '' WHERE door_id = 1;"),
    Case("whole-table-write", "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM doors'; SELECT wipe();", "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM doors'; COMMENT ON FUNCTION wipe IS '';"),
    Case("whole-table-write", "CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM doors; END $$; SELECT public.wipe();", "CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM doors WHERE door_id = 1; RETURN 1; END $$; SELECT wipe();"),
    Case("whole-table-write", "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM doors'; DO $$ BEGIN PERFORM wipe(); END $$;", "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM doors'; DO $$ BEGIN PERFORM 1; END $$;"),
    Case("whole-table-write", "CREATE FUNCTION wipe() RETURNS void BEGIN ATOMIC DELETE FROM doors; END; SELECT wipe();", "CREATE FUNCTION one() RETURNS int RETURN 1; SELECT one();"),
    Case("whole-table-write", "DO $$ BEGIN WITH gone AS (DELETE FROM doors RETURNING 1) INSERT INTO doors SELECT 1 FROM gone; END $$;", "CREATE TABLE fresh (a int); MERGE INTO fresh USING doors ON true WHEN MATCHED THEN DELETE;", runs=None),
    Case("write-after-ddl", "ALTER TABLE doors ADD COLUMN b int; WITH gone AS (DELETE FROM doors WHERE door_id > 9 RETURNING 1) SELECT * FROM gone;", "WITH gone AS (DELETE FROM doors WHERE door_id > 9 RETURNING 1) SELECT * FROM gone; ALTER TABLE doors ADD COLUMN b int;", runs=None),
    Case("writes-ledger", "WITH gone AS (DELETE FROM schema_migrations WHERE version = 1 RETURNING 1) SELECT * FROM gone;", "WITH known AS (SELECT version FROM schema_migrations) SELECT count(*) FROM known;"),
    Case("writes-ledger", "MERGE INTO schema_migrations AS m USING visits ON m.version = visit_id WHEN MATCHED THEN DELETE;", "EXPLAIN DELETE FROM schema_migrations WHERE version = 1;", runs=None),
    Case("column-assigned-twice", "UPDATE doors SET name = 'a', name = 'b' WHERE door_id = 1;", "UPDATE doors SET name = 'a', key_id = 2 WHERE door_id = 1;", runs=False),
    Case("column-assigned-twice", "INSERT INTO doors (door_id, door_id) VALUES (1, 2);", "CREATE TABLE fresh (a int[]); UPDATE fresh SET a[1] = 1, a[2] = 2;", runs=False),
    Case("column-assigned-twice", "INSERT INTO doors VALUES (1) ON CONFLICT (door_id) DO UPDATE SET (name, key_id) = ('a', 1), name = 'b';", "INSERT INTO doors (door_id, name) VALUES (1, 'a') ON CONFLICT (door_id) DO UPDATE SET name = 'b';", runs=False),
    Case("column-assigned-twice", "MERGE INTO doors USING visits ON door_id = visit_id WHEN MATCHED THEN UPDATE SET name = 'a', name = 'b';", "SELECT 1;", runs=False),
    # ---- protections
    Case("drop-trigger", "DROP TRIGGER visits_nothing ON visits;", "DROP TRIGGER visits_nothing ON visits; CREATE TRIGGER visits_nothing BEFORE INSERT ON visits FOR EACH ROW EXECUTE FUNCTION nothing();"),
    Case("drop-trigger", "DROP RULE quiet ON agent_names;", "CREATE TABLE fresh (a int); CREATE RULE r AS ON DELETE TO fresh DO INSTEAD NOTHING; DROP RULE r ON fresh;"),
    Case("drop-trigger", "DROP TRIGGER visits_nothing ON public.visits;", "DROP TRIGGER visits_nothing ON visits; DROP FUNCTION nothing();"),
    Case("drop-policy", "DROP POLICY own ON visits;", "DROP POLICY own ON visits; CREATE POLICY own ON visits USING (price > 0);"),
    Case("disable-row-security", "ALTER TABLE visits DISABLE ROW LEVEL SECURITY;", "CREATE TABLE fresh (a int); ALTER TABLE fresh DISABLE ROW LEVEL SECURITY;"),
    Case("disable-trigger", "-- migrate: no-transaction\nALTER TABLE visits DISABLE TRIGGER visits_nothing;\nALTER TABLE visits ENABLE TRIGGER visits_nothing;", "ALTER TABLE visits DISABLE TRIGGER visits_nothing; UPDATE visits SET note = '' WHERE visit_id = 1; ALTER TABLE visits ENABLE TRIGGER visits_nothing;"),
    Case("disable-trigger", "ALTER TABLE visits ENABLE TRIGGER visits_nothing; ALTER TABLE visits DISABLE TRIGGER visits_nothing;", "ALTER TABLE visits DISABLE TRIGGER ALL; ALTER TABLE visits ENABLE TRIGGER ALL;"),
    Case("disable-row-security", "ALTER TABLE visits DISABLE ROW LEVEL SECURITY; ALTER TABLE agents ENABLE ROW LEVEL SECURITY;", "ALTER TABLE visits DISABLE ROW LEVEL SECURITY; UPDATE visits SET note = '' WHERE visit_id = 1; ALTER TABLE visits ENABLE ROW LEVEL SECURITY;"),
    Case("disable-row-security", "ALTER TABLE visits NO FORCE ROW LEVEL SECURITY;", "ALTER TABLE visits ENABLE ROW LEVEL SECURITY;"),
    Case("revoke", "REVOKE ALL ON visits, agents FROM PUBLIC;", "CREATE TABLE fresh (a int); REVOKE ALL ON fresh FROM PUBLIC;"),
    Case("revoke", "REVOKE EXECUTE ON FUNCTION shout(text) FROM PUBLIC, CURRENT_USER;", "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC;"),
    Case("revoke", "REVOKE SELECT, INSERT ON ALL TABLES IN SCHEMA public FROM PUBLIC;", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;"),
    Case("revoke", "REVOKE INSERT (note) ON visits FROM PUBLIC;", "REVOKE GRANT OPTION FOR SELECT ON visits FROM PUBLIC;", runs=None),
    Case("revoke", "REVOKE readers FROM writers;", "GRANT SELECT ON visits TO PUBLIC;", runs=None),
    Case("revoke", "REVOKE USAGE ON TYPE mood FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;", "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"),
    Case("change-owner", "ALTER TABLE visits OWNER TO reporting;", "ALTER TABLE visits OWNER TO CURRENT_USER; CREATE TABLE fresh (a int); ALTER TABLE fresh OWNER TO SESSION_USER;", runs=None),
    Case("change-owner", "ALTER FUNCTION shout(text) OWNER TO reporting;", "ALTER FUNCTION shout(text) OWNER TO SESSION_USER;", runs=None),
    Case("change-owner", "REASSIGN OWNED BY reporting TO CURRENT_USER;", "CREATE SCHEMA fresh; ALTER SCHEMA fresh OWNER TO SESSION_USER;", runs=None),
    Case("instead-rule", "CREATE RULE kept AS ON DELETE TO visits DO INSTEAD NOTHING;", "CREATE RULE noted AS ON DELETE TO visits DO ALSO SELECT 1; CREATE RULE kept AS ON DELETE TO agent_names DO INSTEAD NOTHING;"),
    Case("instead-rule", "CREATE RULE moved AS ON INSERT TO visits WHERE price > 9 DO INSTEAD SELECT 1;", "CREATE TABLE fresh (a int); CREATE RULE kept AS ON DELETE TO fresh DO INSTEAD NOTHING;"),
    Case("restart-sequence", "ALTER SEQUENCE old_keys_key_id_seq RESTART WITH 1;", "ALTER SEQUENCE old_keys_key_id_seq CACHE 5; CREATE SEQUENCE s; ALTER SEQUENCE s RESTART WITH 9;"),
    Case("restart-sequence", "ALTER TABLE old_keys ALTER COLUMN key_id RESTART;", "ALTER TABLE old_keys ALTER COLUMN key_id SET GENERATED BY DEFAULT;"),
    Case("restart-sequence", "SELECT pg_catalog.setval('old_keys_key_id_seq', 1, false);", "SELECT setval('old_keys_key_id_seq', (SELECT max(key_id) FROM old_keys));"),
    Case("restart-sequence", "DO $$ BEGIN PERFORM setval('old_keys_key_id_seq', 1); END $$;", "CREATE TABLE fresh (id serial PRIMARY KEY); SELECT setval('fresh_id_seq', 100);"),
    Case("whole-table-write", "DELETE FROM doors USING old_keys;", "DELETE FROM doors USING old_keys WHERE doors.key_id = old_keys.key_id;"),
    Case("whole-table-write", "UPDATE doors SET name = label FROM old_keys;", "UPDATE doors SET name = label FROM old_keys WHERE doors.key_id = old_keys.key_id;"),
    Case("change-column-type", "ALTER TABLE visits ALTER COLUMN at TYPE timestamp;", "ALTER TABLE visits ALTER COLUMN at TYPE timestamptz;"),
    Case("rewrite-table", "ALTER INDEX idx_visits_at SET TABLESPACE fast;", "ALTER INDEX idx_visits_at SET (fillfactor = 80);", runs=None),
    Case("rewrite-table", "ALTER INDEX ALL IN TABLESPACE pg_default SET TABLESPACE fast;", "ALTER INDEX idx_visits_at RENAME TO idx_visits_when;", runs=None),
    # ---- drops and renames
    Case("drop-object", "DROP FUNCTION shout(text); CREATE FUNCTION shout(int) RETURNS int LANGUAGE sql AS 'SELECT $1';", "DROP FUNCTION shout(text); CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"),
    Case("drop-object", "-- migrate: no-transaction\nDROP VIEW agent_names;\nCREATE VIEW agent_names AS SELECT name FROM agents;", "DROP VIEW agent_names; CREATE VIEW agent_names AS SELECT name, age FROM agents;"),
    Case("drop-object", "DROP MATERIALIZED VIEW agent_counts;", "DROP MATERIALIZED VIEW agent_counts; CREATE TABLE agent_counts (n bigint);"),
    Case("drop-cascade", "DROP VIEW agent_names CASCADE; CREATE VIEW agent_names AS SELECT name FROM agents;", "CREATE VIEW fresh AS SELECT 1; DROP VIEW fresh CASCADE; CREATE SCHEMA x; DROP SCHEMA x CASCADE;"),
    Case("drop-object", "DROP TYPE mood;", "DROP TYPE mood; CREATE TYPE mood AS ENUM ('good', 'bad', 'odd');"),
    Case("drop-object", "DROP DOMAIN percent;", "DROP DOMAIN percent; CREATE DOMAIN percent AS int;"),
    Case("drop-object", "DROP VIEW agent_names;", "CREATE VIEW new_names AS SELECT name FROM agents; DROP VIEW agent_names; ALTER VIEW new_names RENAME TO agent_names;"),
    Case("drop-object", "DROP VIEW agent_names;", "CREATE FUNCTION once() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT once(); DROP FUNCTION once; CREATE SEQUENCE s; DROP SEQUENCE s; CREATE SCHEMA x; DROP SCHEMA x;"),
    Case("drop-constraint", "ALTER TABLE old_keys DROP CONSTRAINT old_keys_once, DROP CONSTRAINT old_keys_pkey CASCADE, ADD PRIMARY KEY (key_id, at);", "ALTER TABLE old_keys DROP CONSTRAINT old_keys_pkey CASCADE, ADD PRIMARY KEY (at, agent_id), DROP CONSTRAINT old_keys_once;"),
    Case("drop-default", "ALTER TABLE old_keys ALTER COLUMN key_id DROP IDENTITY;", "ALTER TABLE old_keys ALTER COLUMN key_id DROP IDENTITY; ALTER TABLE old_keys ALTER COLUMN key_id SET DEFAULT 1;"),
    Case("drop-default", "ALTER TABLE visits ADD COLUMN k bigint DEFAULT 1 NOT NULL; ALTER TABLE visits ALTER COLUMN k DROP DEFAULT;", "ALTER TABLE visits ADD COLUMN k bigint DEFAULT 1; ALTER TABLE visits ALTER COLUMN k DROP DEFAULT;", runs=None),
    Case("drop-table", "DROP TABLE visits;", "CREATE TABLE fresh (a int); DROP TABLE fresh;"),
    Case("drop-column", "ALTER TABLE visits DROP COLUMN note;", "CREATE TABLE fresh (a int, b int); ALTER TABLE fresh DROP COLUMN b;"),
    Case("drop-object", "DROP VIEW agent_names;", "CREATE OR REPLACE VIEW agent_names AS SELECT agent_id AS name FROM agents WHERE age > 0;"),
    Case("drop-object", "DROP FUNCTION shout(text);", "COMMENT ON FUNCTION shout(text) IS 'loud';"),
    Case("drop-object", "DROP TYPE mood;", "COMMENT ON TYPE mood IS 'how it went';"),
    Case("drop-cascade", "DROP TABLE agents CASCADE;", "DROP TABLE visits;"),
    Case("drop-cascade", "ALTER TABLE agents DROP COLUMN name CASCADE;", "ALTER TABLE agents DROP COLUMN born RESTRICT;"),
    Case("drop-constraint", "ALTER TABLE agents DROP CONSTRAINT agents_code_key;", "ALTER TABLE agents ALTER email SET NOT NULL; ALTER TABLE agents DROP CONSTRAINT agents_email_there;"),
    Case("drop-constraint", "ALTER TABLE agents DROP CONSTRAINT agents_age_sane;", "ALTER TABLE agents DROP CONSTRAINT agents_age_sane, ADD CONSTRAINT agents_age_sane CHECK (age > 17) NOT VALID;"),
    Case("drop-not-null", "ALTER TABLE agents ALTER name DROP NOT NULL;", "ALTER TABLE agents ALTER born DROP NOT NULL;"),
    Case("drop-default", "ALTER TABLE agents ALTER age DROP DEFAULT;", "ALTER TABLE agents ALTER age DROP DEFAULT, ALTER age SET DEFAULT 18;"),
    Case("rename-table", "ALTER TABLE visits RENAME TO viewings;", "CREATE TABLE fresh (a int); ALTER TABLE fresh RENAME TO fresher; CREATE INDEX i ON fresher (a);"),
    Case("rename-table", "CREATE SCHEMA old; ALTER TABLE visits SET SCHEMA old;", "ALTER INDEX idx_visits_at RENAME TO idx_visits_when;"),
    Case("rename-column", "ALTER TABLE visits RENAME COLUMN note TO remark;", "ALTER TABLE visits RENAME CONSTRAINT visits_pkey TO visits_key;"),
    Case("rename-object", "ALTER VIEW agent_names RENAME TO names;", "ALTER VIEW agent_names SET (security_barrier = true);"),
    Case("rename-object", "ALTER TYPE mood RENAME VALUE 'bad' TO 'poor';", "ALTER TYPE mood ADD VALUE 'so-so';"),
    Case("add-enum-value", "ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'bad';", "CREATE TYPE weather AS ENUM ('so-so');"),
    Case("rename-object", "ALTER FUNCTION shout(text) RENAME TO cry;", "ALTER FUNCTION shout(text) COST 5;"),
    # ---- rewrites, locks, guards
    Case("rewrite-table", "-- migrate: no-transaction\nVACUUM FULL visits;", "-- migrate: no-transaction\nVACUUM ANALYZE visits;"),
    Case("rewrite-table", "CLUSTER visits USING visits_pkey;", "-- migrate: no-transaction\nVACUUM (FULL off) visits;"),
    Case("rewrite-table", "ALTER TABLE visits SET UNLOGGED;", "ALTER TABLE visits SET (fillfactor = 90);"),
    Case("rewrite-table", "ALTER TABLE visits ALTER COLUMN price SET EXPRESSION AS (spare * 2);", "ALTER TABLE visits ALTER COLUMN price SET STATISTICS 10;", runs=None),
    Case("lock-table", "LOCK TABLE visits;", "LOCK TABLE visits IN ROW EXCLUSIVE MODE;"),
    Case("lock-table", "LOCK TABLE visits, agents IN SHARE MODE;", "CREATE TABLE fresh (a int); LOCK TABLE fresh;"),
    Case("truncate", "TRUNCATE visits;", "CREATE TABLE fresh (a int); TRUNCATE fresh;"),
    Case("truncate", "TRUNCATE agents CASCADE;", "DELETE FROM visits WHERE at < '2020-01-01';"),
    Case("disable-trigger", "ALTER TABLE visits DISABLE TRIGGER visits_nothing;", "ALTER TABLE visits ENABLE TRIGGER visits_nothing;"),
    Case("disable-trigger", "SET LOCAL session_replication_role = replica;", "SELECT 1;", runs=None),
    Case("row-security", "ALTER TABLE visits ENABLE ROW LEVEL SECURITY;", "CREATE POLICY mine ON visits USING (true); ALTER TABLE visits ENABLE ROW LEVEL SECURITY;"),
    # ---- rows
    Case("whole-table-write", "UPDATE visits SET note = '';", "UPDATE visits SET note = '' WHERE visit_id = 4;"),
    Case("whole-table-write", "DELETE FROM visits WHERE true;", "DELETE FROM visits USING agents WHERE agent = agent_id AND age > 99;"),
    Case("write-after-ddl", "ALTER TABLE visits ADD COLUMN x int; UPDATE visits SET x = 1 WHERE price > 1;", "UPDATE visits SET price = 1 WHERE price > 1; ALTER TABLE visits ADD COLUMN x int;"),
    Case("write-after-ddl", "ALTER TABLE agents ADD COLUMN x int; CREATE TABLE fresh (a text); INSERT INTO fresh SELECT name FROM agents;", "ALTER TABLE agents ADD COLUMN x int; CREATE TABLE fresh (a text); INSERT INTO fresh VALUES ('x');"),
    Case("write-after-ddl", "CREATE INDEX i ON visits (price); DELETE FROM visits WHERE price > 1;", "ALTER INDEX idx_visits_at RENAME TO i; ALTER TABLE agents VALIDATE CONSTRAINT agents_age_sane; DELETE FROM visits WHERE price > 1;"),
    Case("dynamic-sql", "DO $$ BEGIN EXECUTE format('COMMENT ON TABLE %I IS NULL', 'visits'); END $$;", "DO $$ BEGIN EXECUTE 'COMMENT ON TABLE visits IS NULL'; END $$;"),
    Case("drop-table", "DO $$ BEGIN EXECUTE 'DROP TABLE visits'; END $$;", "DO $$ BEGIN PERFORM 'DROP TABLE visits'; END $$;"),
    Case("backfill-statement", "-- migrate: backfill table=visits key=visit_id\nUPDATE visits SET note = '' WHERE visit_id > 1;", f"{WALK}UPDATE visits SET note = '' {BATCH}"),
    Case("backfill-statement", f"{WALK}ALTER TABLE visits ADD COLUMN x int;", f"{WALK}SET LOCAL work_mem TO '8MB'; DELETE FROM visits {BATCH}"),
    Case("backfill-key", f"-- migrate: backfill table=visits key=at\nDELETE FROM visits {BATCH}", f"{WALK}DELETE FROM visits {BATCH}"),
    Case("backfill-key", f"-- migrate: backfill table=agents key=age\nDELETE FROM visits {BATCH}", f"-- migrate: backfill table=absent key=id\nDELETE FROM visits {BATCH}"),
    Case("backfill-key", f"-- migrate: backfill table=visits key=id\nDELETE FROM visits {BATCH}", f"{WALK}INSERT INTO visits SELECT * FROM visits AS old {BATCH_OF_OLD} AND NOT EXISTS (SELECT FROM agents)"),
    Case("backfill-repeats", f"{WALK}UPDATE visits SET price = price + 1 {BATCH}", f"{WALK}UPDATE visits SET price = price + 1, note = lower(note) {BATCH} AND price IS NOT NULL"),
    Case("backfill-repeats", f"{WALK}INSERT INTO visits SELECT * FROM visits {BATCH}", f"{WALK}INSERT INTO visits SELECT * FROM visits {BATCH} ON CONFLICT DO NOTHING"),
    # ---- the session
    Case("long-lock-timeout", "SET lock_timeout = 0;", "SET LOCAL lock_timeout = '2s';"),
    Case("long-lock-timeout", "SELECT pg_catalog.set_config('lock_timeout', '5min', false);", "SELECT set_config('statement_timeout', '5min', true);"),
    Case("long-lock-timeout", "RESET lock_timeout;", "RESET statement_timeout;"),
    Case("long-lock-timeout", "-- migrate: lock-timeout=1h\nSELECT 1;", "-- migrate: lock-timeout=3s\nSELECT 1;"),
    Case("set-search-path", "SELECT pg_catalog.set_config('search_path', '', true);", "SELECT current_setting('search_path');"),
    Case("set-role", "SET LOCAL ROLE pg_read_all_data;", "RESET ROLE;", runs=None),
    # ---- the ledger
    Case("wrong-version-recorded", "INSERT INTO schema_migrations (version, description) VALUES (3, 'x') ON CONFLICT DO NOTHING;", "INSERT INTO schema_migrations (description, version) VALUES ('x', 2) ON CONFLICT DO NOTHING;"),
    Case("writes-ledger", "DELETE FROM schema_migrations WHERE version = 1;", "SELECT version FROM schema_migrations;"),
    Case("self-record", "SELECT 1;", "INSERT INTO schema_migrations VALUES (2, 'x');"),
    # ---- validity
    Case("needs-no-transaction", "CREATE INDEX CONCURRENTLY i ON visits (price);", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON visits (price);", runs=False),
    Case("needs-no-transaction", "VACUUM visits;", "ANALYZE visits;", runs=False),
    Case("needs-no-transaction", "REINDEX TABLE CONCURRENTLY visits;", "REFRESH MATERIALIZED VIEW CONCURRENTLY agent_counts;", runs=False),
    Case("needs-no-transaction", "ALTER SYSTEM SET work_mem = '8MB';", "SET LOCAL work_mem = '8MB';", runs=False),
    Case("needs-no-transaction", "ALTER TABLE log DETACH PARTITION log_2024 CONCURRENTLY;", "-- migrate: no-transaction\nALTER TABLE log DETACH PARTITION log_2024 CONCURRENTLY;", runs=False),
    Case("needs-no-transaction", "-- migrate: no-transaction\nDO $$ BEGIN DROP INDEX CONCURRENTLY idx_visits_at; END $$;", "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY idx_visits_at;", runs=False),
    Case("enum-value-used", "ALTER TYPE mood ADD VALUE 'so-so'; SELECT 'so-so'::mood;", "ALTER TYPE mood ADD VALUE 'so-so'; SELECT 'good'::mood;", runs=False),
    Case("not-runnable", "ALTER TABLE visits ADD COLUMN x int; COMMIT;", "SAVEPOINT a; ROLLBACK TO a; RELEASE a;", runs=False),
    Case("syntax-error", "SELECT 1; ALTER TABEL visits ADD x int;", "SELECT 1; SELECT 2;", runs=False),
    Case("empty-file", "-- only words", "SELECT 1;", runs=False),
    Case("bad-directive", "-- migrate: fast\nSELECT 1;", "-- migrate: statement-timeout=5s\nSELECT 1;", runs=False),
    Case("bad-directive", "-- migrate: lock-timeout=2\nSELECT 1;", "-- migrate: lock-timeout=2s\nSELECT 1;", runs=False),
    # ---- conventions
    Case("header-comment", "SELECT 1;", "-- Migration 002: x\n-- Purpose: to see\n-- Created: 2026-11-22\nSELECT 1;"),
    Case("header-comment", "-- Migration 007: x\n-- Purpose: to see\n-- Created: 2026-11-22\nSELECT 1;", "-- migration 2: x\n-- purpose: to see\n-- created: 2026-11-22\nSELECT 1;"),
    Case("if-not-exists", "CREATE TABLE fresh (a int);", "CREATE TABLE IF NOT EXISTS fresh (a int);"),
    Case("if-not-exists", "CREATE SEQUENCE s;", "CREATE SEQUENCE IF NOT EXISTS s;"),
    Case("if-not-exists", "ALTER TABLE visits ADD COLUMN x int;", "ALTER TABLE visits ADD COLUMN IF NOT EXISTS x int;"),
    Case("if-exists", "DROP VIEW agent_names;", "DROP VIEW IF EXISTS agent_names;"),
    Case("or-replace", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"),
    Case("long-name", f"CREATE TABLE {'long' * 16} (a int);", f"CREATE TABLE {'long' * 15} (a int);"),
    # ---- final schema
    Case("prefer-bigint-key", "CREATE TABLE fresh (id serial PRIMARY KEY);", "CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"),
    Case("prefer-text", "CREATE TABLE fresh (a char(3));", "CREATE TABLE fresh (a varchar(3));"),
    Case("prefer-jsonb", "CREATE TABLE fresh (a json);", "CREATE TABLE fresh (a jsonb);"),
    Case("prefer-timestamptz", "CREATE TABLE fresh (a timestamp);", "CREATE TABLE fresh (a timestamp); ALTER TABLE fresh ALTER a TYPE timestamptz;"),
    Case("prefer-numeric", "CREATE TABLE fresh (a money);", "CREATE TABLE fresh (a numeric);"),
    Case("primary-key", "CREATE TABLE fresh (a int);", "CREATE TABLE fresh (a int); ALTER TABLE fresh ADD PRIMARY KEY (a);"),
    Case("foreign-key-index", "CREATE TABLE fresh (a varchar(255) REFERENCES agents);", "CREATE TABLE fresh (a varchar(255) REFERENCES agents); CREATE INDEX f ON fresh (a);"),
    Case("foreign-key-index", "CREATE TABLE fresh (a varchar(255) REFERENCES agents, b int); CREATE INDEX f ON fresh (a, b) WHERE b > 0;", "CREATE TABLE fresh (a varchar(255) REFERENCES agents, b int); CREATE INDEX f ON fresh (a, b) WHERE a IS NOT NULL;"),
    Case("foreign-key-index", "CREATE TABLE fresh (b int, a varchar(255) REFERENCES agents, PRIMARY KEY (b, a));", "CREATE TABLE fresh (b int, a varchar(255) REFERENCES agents, PRIMARY KEY (a, b));"),
    # ---- replication
    Case("replica-identity", "ALTER TABLE visits REPLICA IDENTITY NOTHING;", "ALTER TABLE visits REPLICA IDENTITY FULL; ALTER TABLE visits REPLICA IDENTITY DEFAULT;"),
    Case("replica-identity", "ALTER TABLE log_2025 REPLICA IDENTITY DEFAULT;", "CREATE TABLE fresh (a int); ALTER TABLE fresh REPLICA IDENTITY NOTHING;"),
    Case("stop-replication", "CREATE PUBLICATION p FOR TABLE visits, agents; ALTER PUBLICATION p DROP TABLE visits;", "CREATE PUBLICATION p FOR TABLE visits; ALTER PUBLICATION p ADD TABLE agents; ALTER PUBLICATION p SET (publish_via_partition_root = true);"),
    Case("stop-replication", "CREATE PUBLICATION p FOR TABLE visits; ALTER PUBLICATION p SET TABLE agents;", "CREATE PUBLICATION p FOR TABLE visits; ALTER PUBLICATION p RENAME TO q;"),
    Case("stop-replication", "CREATE PUBLICATION p; ALTER PUBLICATION p SET (publish = 'insert'); DROP PUBLICATION p;", "CREATE PUBLICATION p FOR TABLE visits WITH (publish = 'insert');"),
    Case("stop-replication", "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false); ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s;", "SELECT slot_name FROM pg_replication_slots;", runs=None),
    Case("stop-replication", "ALTER SUBSCRIPTION s DISABLE;", "SELECT 1;", runs=None),
    Case("stop-replication", "SELECT pg_catalog.pg_drop_replication_slot('s');", "SELECT pg_current_wal_lsn();", runs=None),
    # ---- the server
    Case("server-file", "COPY visits TO '/nowhere/visits.csv';", "INSERT INTO visits (visit_id) VALUES (1);", runs=None),
    Case("server-file", "COPY visits FROM PROGRAM 'curl https://example.com';", "SELECT pg_size_pretty(1::bigint);", runs=None),
    Case("server-file", "COPY (SELECT * FROM visits) TO PROGRAM 'cat';", "SELECT 1;", runs=None),
    Case("server-file", "SELECT length(pg_read_file('PG_VERSION'));", "SELECT pg_relation_size('visits');", runs=None),
    Case("end-sessions", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid < 0;", "SELECT pg_backend_pid();"),
    Case("end-sessions", "DO $$ BEGIN PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid < 0; END $$;", "DO $$ BEGIN PERFORM pid FROM pg_stat_activity; END $$;"),
    Case("restrict-connections", "ALTER ROLE app NOLOGIN;", "CREATE ROLE fresh_reader; ALTER ROLE fresh_reader NOLOGIN; DROP ROLE fresh_reader;", runs=None),
    Case("restrict-connections", "ALTER ROLE app CONNECTION LIMIT 3;", "COMMENT ON TABLE visits IS 'x';", runs=None),
    Case("restrict-connections", "DROP ROLE app;", "ALTER TABLE visits RENAME COLUMN note TO remark;", runs=None),
    Case("restrict-connections", "ALTER DATABASE postgres CONNECTION LIMIT 1;", "SELECT 1;", runs=None),
    Case("restrict-connections", "ALTER DATABASE shop ALLOW_CONNECTIONS false;", "SELECT 1;", runs=None),
    Case("restrict-connections", "ALTER ROLE app RENAME TO web;", "SELECT 1;", runs=None),
    Case("session-defaults", "ALTER ROLE app SET search_path = other;", "CREATE ROLE fresh_reader; ALTER ROLE fresh_reader SET work_mem = '4MB'; DROP ROLE fresh_reader;", runs=None),
    Case("session-defaults", "ALTER DATABASE shop SET default_transaction_read_only = on;", "SET LOCAL work_mem = '4MB';", runs=None),
    Case("session-defaults", "ALTER ROLE ALL RESET ALL;", "SELECT 1;", runs=None),
    Case("password-in-file", "CREATE ROLE fresh_reader LOGIN PASSWORD 'secret';", "CREATE ROLE fresh_reader LOGIN; DROP ROLE fresh_reader;"),
    Case("password-in-file", "ALTER ROLE CURRENT_USER PASSWORD 'secret';", "ALTER ROLE CURRENT_USER PASSWORD NULL;", runs=None),
    Case("password-in-file", "CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (password 'secret');", "SELECT 'password';", runs=None),
    Case("password-in-file", "CREATE SUBSCRIPTION s CONNECTION 'host=a password=b' PUBLICATION p WITH (connect = false);", "SELECT 1;", runs=None),
    Case("system-catalog", "UPDATE pg_class SET reltuples = 1 WHERE oid = 'visits'::regclass;", "SELECT reltuples FROM pg_class;", runs=None),
    Case("system-catalog", "DELETE FROM pg_catalog.pg_description WHERE objoid = 0;", "CREATE TABLE pg_notes (a int); DELETE FROM pg_notes WHERE a = 1;", runs=None),
    Case("dangerous-setting", "SET LOCAL allow_system_table_mods = true;", "SET LOCAL work_mem = '8MB';", runs=None),
    Case("dangerous-setting", "SET LOCAL synchronous_commit = off;", "SET LOCAL synchronous_commit = on;"),
    Case("dangerous-setting", "-- migrate: no-transaction\nALTER SYSTEM SET work_mem = '8MB';", "SET LOCAL work_mem = '8MB';", runs=None),
    Case("disable-autovacuum", "ALTER TABLE visits SET (autovacuum_enabled = false);", "ALTER TABLE visits SET (autovacuum_enabled = on); ALTER TABLE visits RESET (autovacuum_enabled);"),
    Case("disable-autovacuum", "ALTER TABLE visits SET (fillfactor = 90, toast.autovacuum_enabled = off);", "ALTER TABLE visits SET (toast.autovacuum_enabled);"),
    Case("disable-autovacuum", "CREATE TABLE fresh (a int) WITH (autovacuum_enabled = 0);", "CREATE TABLE fresh (a int) WITH (fillfactor = 90);"),
    Case("unlogged-table", "CREATE UNLOGGED TABLE fresh (a int);", "CREATE TEMPORARY TABLE fresh (a int);"),
    Case("unlogged-table", "CREATE UNLOGGED TABLE fresh AS SELECT 1 AS a;", "CREATE TABLE fresh AS SELECT 1 AS a;"),
    Case("unlogged-table", "SELECT 1 AS a INTO UNLOGGED fresh;", "SELECT 1 AS a INTO fresh;"),
    Case("unlogged-table", "ALTER TABLE visits SET UNLOGGED;", "ALTER TABLE visits SET LOGGED;"),
    Case("refresh-collation", 'CREATE COLLATION fresh FROM "C"; ALTER COLLATION fresh REFRESH VERSION;', 'CREATE COLLATION fresh FROM "C";', runs=None),
    Case("refresh-collation", "ALTER DATABASE shop REFRESH COLLATION VERSION;", "SELECT 1;", runs=None),
    Case("needs-no-transaction", "CLUSTER;", "SELECT 1;", runs=None),
    Case("needs-no-transaction", "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p;", "SELECT 1;", runs=None),
    Case("needs-no-transaction", "ALTER DATABASE postgres SET TABLESPACE pg_default;", "SELECT 1;", runs=False),
    Case("needs-no-transaction", "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE); ALTER SUBSCRIPTION s REFRESH PUBLICATION;", "SELECT 1;", runs=None),
    # ---- access
    Case("widen-access", "GRANT INSERT ON visits TO PUBLIC;", "GRANT INSERT ON visits TO CURRENT_USER; GRANT USAGE ON SCHEMA public TO PUBLIC;"),
    Case("widen-access", "GRANT ALL ON SCHEMA public TO PUBLIC;", "GRANT EXECUTE ON FUNCTION shout(text) TO PUBLIC; REVOKE INSERT ON visits FROM PUBLIC;"),
    Case("widen-access", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;", "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC;"),
    Case("widen-access", "CREATE ROLE fresh_reader; GRANT pg_read_all_data TO fresh_reader; DROP ROLE fresh_reader;", "CREATE ROLE fresh_reader; CREATE ROLE fresh_team; GRANT fresh_team TO fresh_reader; DROP ROLE fresh_reader, fresh_team;", runs=None),
    Case("widen-access", "CREATE ROLE fresh_reader SUPERUSER;", "CREATE ROLE fresh_reader NOSUPERUSER; DROP ROLE fresh_reader;", runs=None),
    Case("security-definer", "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';", "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1'; CREATE FUNCTION g() RETURNS int LANGUAGE sql SECURITY INVOKER AS 'SELECT 1';"),
    Case("security-definer", "ALTER FUNCTION shout(text) SECURITY DEFINER;", "ALTER FUNCTION shout(text) SECURITY DEFINER SET search_path TO pg_catalog;"),
    Case("security-definer", "CREATE PROCEDURE p() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';", "CREATE FUNCTION f() RETURNS int SECURITY DEFINER BEGIN ATOMIC SELECT 1; END;"),
    Case("change-policy", "ALTER POLICY own ON visits USING (price > 5);", "CREATE TABLE fresh (a int); CREATE POLICY p ON fresh USING (true); ALTER POLICY p ON fresh USING (a = 1);"),
    Case("change-policy", "CREATE POLICY p ON visits AS RESTRICTIVE USING (price > 5);", "CREATE POLICY p ON visits USING (price > 5);"),
    # ---- definitions
    Case("change-composite-type", "ALTER TYPE place DROP ATTRIBUTE street;", "CREATE TYPE fresh AS (a int, b int); ALTER TYPE fresh DROP ATTRIBUTE a;"),
    Case("change-composite-type", "ALTER TYPE place ADD ATTRIBUTE door text, ALTER ATTRIBUTE number TYPE bigint;", "-- migrate: contract\nALTER TYPE place DROP ATTRIBUTE street;"),
    Case("generated-always", "ALTER TABLE doors ALTER COLUMN door_id ADD GENERATED ALWAYS AS IDENTITY (START WITH 9);", "ALTER TABLE doors ALTER COLUMN door_id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 9);"),
    Case("generated-always", "ALTER TABLE old_keys ALTER COLUMN key_id SET GENERATED ALWAYS;", "ALTER TABLE old_keys ALTER COLUMN key_id SET GENERATED BY DEFAULT;"),
    Case("drop-expression", "ALTER TABLE sums ALTER COLUMN twice DROP EXPRESSION;", "CREATE TABLE fresh (a int, b int GENERATED ALWAYS AS (a * 2) STORED); ALTER TABLE fresh ALTER b DROP EXPRESSION;"),
    Case("drop-constraint", "ALTER DOMAIN percent DROP CONSTRAINT percent_check;", "CREATE DOMAIN fresh AS int CONSTRAINT c CHECK (VALUE > 0); ALTER DOMAIN fresh DROP CONSTRAINT c;"),
    Case("drop-not-null", "ALTER DOMAIN percent DROP NOT NULL;", "ALTER DOMAIN percent DROP DEFAULT;"),
    Case("drop-constraint", "ALTER TABLE doors ALTER CONSTRAINT doors_key_id_fkey NOT ENFORCED;", "ALTER TABLE doors ALTER CONSTRAINT doors_key_id_fkey DEFERRABLE;", runs=None),
    Case("restart-sequence", "ALTER SEQUENCE old_keys_key_id_seq CYCLE;", "ALTER SEQUENCE old_keys_key_id_seq NO CYCLE INCREMENT BY 2;"),
    Case("restart-sequence", "ALTER SEQUENCE old_keys_key_id_seq INCREMENT BY -1;", "CREATE SEQUENCE s; ALTER SEQUENCE s CYCLE;"),
    Case("restart-sequence", "ALTER TABLE doors ALTER COLUMN door_id ADD GENERATED BY DEFAULT AS IDENTITY;", "ALTER TABLE doors ALTER COLUMN door_id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 1000);"),
    Case("rename-object", "CREATE SCHEMA other; ALTER FUNCTION shout(text) SET SCHEMA other; DROP SCHEMA other CASCADE;", "CREATE SCHEMA other; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f() SET SCHEMA other; DROP SCHEMA other CASCADE;"),
    Case("rename-object", "CREATE SCHEMA other; ALTER TYPE mood SET SCHEMA other; DROP SCHEMA other CASCADE;", "CREATE SCHEMA other; CREATE TYPE fresh AS ENUM ('a'); ALTER TYPE fresh SET SCHEMA other; DROP SCHEMA other CASCADE;"),
    Case("drop-object", "DROP AGGREGATE longest(text);", "CREATE AGGREGATE fresh(int) (SFUNC = int4pl, STYPE = int);"),
    Case("drop-object", "DROP COLLATION sorted;", 'CREATE COLLATION fresh FROM "C";'),
    Case("drop-trigger", "DROP EVENT TRIGGER guard;", "DROP TRIGGER visits_nothing ON visits; DROP FUNCTION nothing();", runs=None),
    Case("drop-trigger", "ALTER EVENT TRIGGER guard DISABLE;", "ALTER TABLE visits DISABLE TRIGGER visits_nothing;", runs=None),
    Case("disable-trigger", "ALTER TABLE visits ENABLE REPLICA TRIGGER visits_nothing;", "ALTER TABLE visits ENABLE REPLICA TRIGGER visits_nothing; ALTER TABLE visits ENABLE TRIGGER visits_nothing;"),
    Case("add-foreign-key", "ALTER TABLE doors ALTER CONSTRAINT doors_key_id_fkey ENFORCED;", "CREATE TABLE fresh (a bigint CONSTRAINT known REFERENCES doors NOT ENFORCED); ALTER TABLE fresh ALTER CONSTRAINT known ENFORCED;", runs=None),
    Case("set-not-null", "ALTER TABLE visits ADD COLUMN twice int GENERATED ALWAYS AS (spare * 2) VIRTUAL NOT NULL;", "ALTER TABLE visits ADD COLUMN twice int GENERATED ALWAYS AS (spare * 2) VIRTUAL;", runs=None),
    Case("set-not-null", "ALTER TABLE visits ADD CONSTRAINT noted NOT NULL note;", "ALTER TABLE visits ADD CONSTRAINT noted NOT NULL note NOT VALID;", runs=None),
    Case("set-not-null", "ALTER TABLE visits ADD NOT NULL note NOT VALID; ALTER TABLE visits ALTER note SET NOT NULL;", "ALTER TABLE visits ADD CONSTRAINT noted NOT NULL note NOT VALID; ALTER TABLE visits VALIDATE CONSTRAINT noted; ALTER TABLE visits ALTER note SET NOT NULL;", runs=None),
    Case("rewrite-table", "ALTER TABLE sums ALTER COLUMN twice SET EXPRESSION AS (one * 3);", "ALTER TABLE sums ADD COLUMN thrice int GENERATED ALWAYS AS (one * 3) VIRTUAL; ALTER TABLE sums ALTER COLUMN thrice SET EXPRESSION AS (one * 4);", runs=None),
    Case("drop-object", "DROP VIEW agent_names; CREATE VIEW agent_names AS SELECT email FROM agents;", "DROP VIEW agent_names; CREATE VIEW agent_names AS SELECT email, agent_id AS name FROM agents;"),
    Case("drop-object", "DROP VIEW agent_names; CREATE VIEW agent_names (id) AS SELECT agent_id FROM agents UNION ALL SELECT email FROM agents;", "DROP VIEW agent_names; CREATE VIEW agent_names AS SELECT * FROM agents;"),
    Case("drop-object", "DROP FUNCTION shout(text); CREATE FUNCTION shout(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';", "DROP FUNCTION shout(text); CREATE FUNCTION shout(text, int DEFAULT 1) RETURNS text LANGUAGE sql AS 'SELECT $1';"),
    Case("whole-table-write", "INSERT INTO doors (door_id) SELECT visit_id FROM visits ON CONFLICT (door_id) DO UPDATE SET name = '';", "INSERT INTO doors (door_id) SELECT visit_id FROM visits WHERE visit_id < 9 ON CONFLICT (door_id) DO UPDATE SET name = '';"),
    Case("whole-table-write", "INSERT INTO doors (door_id) SELECT max(visit_id) FROM visits GROUP BY agent ON CONFLICT (door_id) DO UPDATE SET name = '';", "INSERT INTO doors (door_id) SELECT visit_id FROM visits ON CONFLICT (door_id) DO NOTHING; INSERT INTO doors (door_id) SELECT i FROM generate_series(1, 9) AS i ON CONFLICT (door_id) DO UPDATE SET name = '';"),
    Case("drop-default", "ALTER TABLE agents ALTER COLUMN age SET DEFAULT NULL;", "ALTER TABLE agents ALTER COLUMN email SET DEFAULT NULL;"),
    Case("foreign-key-type", "CREATE DOMAIN few AS int; CREATE TABLE ring (ring_id bigint PRIMARY KEY, key_id few REFERENCES old_keys);", "CREATE DOMAIN big AS bigint; CREATE DOMAIN bigger AS big; CREATE TABLE ring (ring_id bigint PRIMARY KEY, key_id bigger REFERENCES old_keys);"),
    Case("needs-no-transaction", "DO $$ BEGIN IF true THEN COMMIT; END IF; END $$;", "DO $$ BEGIN RAISE NOTICE 'ROLLBACK'; END $$;", runs=False),
    Case("lock-all-rows", "SELECT 1 FROM visits FOR UPDATE;", "SELECT 1 FROM visits WHERE visit_id = 1 FOR UPDATE;"),
    Case("lock-all-rows", "DO $$ BEGIN PERFORM 1 FROM visits AS v FOR NO KEY UPDATE; END $$;", "SELECT 1 FROM visits LIMIT 1 FOR UPDATE;"),
    Case("lock-all-rows", "SELECT 1 FROM visits, agents AS a FOR SHARE OF a;", "CREATE TABLE fresh (a int); SELECT 1 FROM fresh, visits FOR UPDATE OF fresh;"),
    Case("restrict-connections", "CREATE EVENT TRIGGER welcome ON login EXECUTE FUNCTION guards();", "SELECT 1;", runs=None),
]  # fmt: skip

ELSEWHERE = {
    "numbering", "unreadable-file", "down-without-up", "other-tool",
    "drop-before-backfill", "waiver-unreadable", "waiver-without-reason", "waiver-of-unknown-rule", "waiver-unused", "waiver-of-error",
}  # fmt: skip
"""Rules about several files and about waivers, which test_linter.py and test_backfills.py cover."""

UNTOUCHED = "-- Migration 001: x\n-- Purpose: y\n-- Created: 2026-11-22\n" + BEFORE


def found(path: Path, sql: str) -> list[Finding]:
    """Return the findings in a second migration, `sql`, after a first one with BEFORE."""
    path.mkdir(exist_ok=True)
    (path / "001_before.sql").write_text(UNTOUCHED)
    (path / "002_after.sql").write_text(sql)
    return [finding for finding in lint_directory(path).findings if finding.file_name == "002_after.sql"]


def case_id(case: Case) -> str:
    return f"{case.rule}-{CASES.index(case)}"


def reset_schema(server: psycopg.Connection) -> None:
    server.execute("DROP SCHEMA IF EXISTS public, old CASCADE; CREATE SCHEMA public")
    server.execute(SCHEMA_MIGRATIONS.encode() + BEFORE.encode())
    server.execute("SET migrate.first TO 1; SET migrate.last TO 0")  # a batch without rows


def run(server: psycopg.Connection, sql: str) -> None:
    """Run a file the way the runner does."""
    reset_schema(server)
    if "migrate: no-transaction" in sql:
        for statement in split_statements(sql):
            server.execute(statement.sql.encode())
    else:
        with server.transaction(force_rollback=True):
            server.execute(sql.encode())


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_rule_reports_bad_and_accepts_good(tmp_path: Path, case: Case) -> None:
    assert case.rule in [finding.rule.name for finding in found(tmp_path / "bad", case.bad)]
    assert case.rule not in [finding.rule.name for finding in found(tmp_path / "good", case.good)]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_examples_are_accepted_by_postgresql(server: psycopg.Connection, case: Case) -> None:
    run(server, case.good)
    if case.runs:
        run(server, case.bad)
    elif case.runs is False and case.rule not in ("empty-file", "bad-directive", "not-runnable"):
        with pytest.raises(psycopg.Error):
            run(server, case.bad)


FOR_SUPERUSERS = """
CREATE ROLE app LOGIN; CREATE ROLE reporting; CREATE ROLE readers; CREATE ROLE writers; GRANT readers TO writers;
CREATE FOREIGN DATA WRAPPER shops; CREATE SERVER shop FOREIGN DATA WRAPPER shops;
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p
    WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false);
CREATE FUNCTION guards() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER guard ON sql_drop EXECUTE FUNCTION guards();
"""

WITHOUT_EXAMPLE = (
    psycopg.errors.ActiveSqlTransaction,  # needs-no-transaction: that is the rule
    psycopg.errors.UndefinedFile,  # server-file: on no machine
    psycopg.errors.ExternalRoutineException,  # server-file: a program that fails
)
ABSENT = re.compile(
    r"TABLESPACE fast\b|drop_replication_slot|ALTER COLUMN price SET EXPRESSION|SUBSCRIPTION s REFRESH|ALLOW_CONNECTIONS"
)


@pytest.fixture(scope="module")
def superuser(databases: Databases) -> Iterator[psycopg.Connection]:
    """A superuser's connection to an empty database of the embedded server, in a transaction that is rolled back."""
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("the superuser of that server is unknown")
    parts = urlsplit(databases.create())
    url = parts._replace(netloc=f"postgres:{parts.password}@{parts.hostname}:{parts.port}").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TimeZone TO 'UTC'")
        reset_schema(connection)
        yield connection


def test_examples_that_need_a_superuser_run(superuser: psycopg.Connection) -> None:
    failed = []
    with superuser.transaction(force_rollback=True):
        superuser.execute(FOR_SUPERUSERS.encode())
        for case in (case for case in CASES if case.runs is None and not ABSENT.search(case.bad)):
            text = case.bad.replace("DATABASE shop", f"DATABASE {superuser.info.dbname}")
            if "CREATE SUBSCRIPTION" in text:
                text = f"DROP SUBSCRIPTION s; {text}"
            try:
                with superuser.transaction(force_rollback=True):
                    superuser.execute(text.encode())
            except WITHOUT_EXAMPLE:
                continue
            except psycopg.Error as error:
                failed.append((case.bad, str(error)))
    assert failed == [], "\n".join(map(str, failed))


@pytest.mark.parametrize("case", [case for case in CASES if case.runs], ids=case_id)
def test_safe_alternative_runs_unchanged(server: psycopg.Connection, tmp_path: Path, case: Case) -> None:
    for finding in found(tmp_path / "bad", case.bad):
        if finding.rule.name == case.rule and finding.safe:
            reset_schema(server)
            if case.rule in ("validate-in-same-file", "write-after-ddl"):
                server.execute(case.bad.encode())  # the alternative replaces only the second statement
            for statement in split_statements(finding.safe):
                server.execute(statement.sql.encode())


@pytest.mark.parametrize(
    "lifting",
    [
        "ALTER ROLE app CONNECTION LIMIT -1 VALID UNTIL 'infinity' LOGIN",
        "ALTER DATABASE shop ALLOW_CONNECTIONS true CONNECTION LIMIT -1",
        "ALTER ROLE app PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy'",
        "ALTER SUBSCRIPTION s ENABLE",
        "ALTER EVENT TRIGGER guard ENABLE ALWAYS",
    ],
)
def test_statements_that_lift_a_limit_are_fine(tmp_path: Path, lifting: str) -> None:
    assert [one.rule.name for one in found(tmp_path, f"{lifting};") if one.rule.severity is not Severity.ADVICE] == []


def test_created_event_trigger_may_be_dropped(tmp_path: Path) -> None:
    create = "CREATE EVENT TRIGGER guard ON sql_drop EXECUTE FUNCTION nothing();"
    rules = [one.rule.name for one in found(tmp_path, f"{create} DROP EVENT TRIGGER guard;")]
    assert "drop-trigger" not in rules


def test_every_rule_has_an_example() -> None:
    assert {case.rule for case in CASES} | ELSEWHERE == set(RULES)


def test_unsafe_findings_have_reason_and_alternative(tmp_path: Path) -> None:
    for case in CASES:
        for finding in found(tmp_path / "bad", case.bad):
            assert finding.what.endswith((".", "…", ";"))
            assert finding.rule.why.endswith(".")
            if finding.rule.severity is Severity.UNSAFE and finding.rule.name != "rename-object":
                assert finding.safe or "session_replication_role" in case.bad, case


def test_listed_functions_have_that_volatility(server: psycopg.Connection) -> None:
    rows = server.execute("SELECT proname, provolatile FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace")
    kinds: dict[str, set[str]] = {}
    for name, kind in rows:
        kinds.setdefault(name, set()).add(kind)
    assert {name for name in _STABLE if "v" in kinds.get(name, "")} == set()
    assert {name for name in _VOLATILE if kinds.get(name) not in (None, {"v"}, {"s"})} == set()
