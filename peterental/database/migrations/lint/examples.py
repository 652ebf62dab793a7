"""One example for each db-lint rule, shown in docs/lint-rules.md."""

from __future__ import annotations

BEFORE = """\
CREATE TABLE agents (
    agent_id bigint PRIMARY KEY, name varchar(50) NOT NULL, email text, seen timestamptz, code varchar(5) UNIQUE,
    visits_made int DEFAULT 0 NOT NULL, CONSTRAINT agents_email_there CHECK (email IS NOT NULL)
);
CREATE TABLE visits (
    visit_id bigint PRIMARY KEY, agent_id bigint, note varchar(20), price numeric(8, 2), at timestamptz, spare int
);
CREATE INDEX idx_visits_at ON visits (at);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE VIEW agent_names AS SELECT name FROM agents;
CREATE MATERIALIZED VIEW agent_counts AS SELECT count(*) AS n FROM agents;
CREATE UNIQUE INDEX idx_agent_counts ON agent_counts (n);
CREATE TABLE log (day date NOT NULL, line text) PARTITION BY RANGE (day);
CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE log_2025 (day date NOT NULL, line text);
CREATE TABLE archive (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE archive_rest PARTITION OF archive DEFAULT;
CREATE TABLE keys_given (agent_id bigint REFERENCES agents (agent_id), at timestamptz);
CREATE INDEX idx_keys_given_agent ON keys_given (agent_id);
CREATE POLICY own ON visits USING (true);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER visits_nothing BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TYPE place AS (street text, number int);
CREATE TABLE sums (one int, twice int GENERATED ALWAYS AS (one * 2) STORED);
CREATE PUBLICATION changes FOR TABLE visits, agents;
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE UNIQUE INDEX agents_email_once ON agents (folded(email));
"""
"""The migration that runs before each example."""

EXAMPLE_FILE = "002_example.sql"

EXAMPLES: dict[str, str | dict[str, bytes]] = {
    "replace-stored-function": (
        "CREATE OR REPLACE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';"
    ),
    "drop-unique-index": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS agents_email_once;",
    "replica-identity": "ALTER TABLE visits REPLICA IDENTITY NOTHING;",
    "stop-replication": "ALTER PUBLICATION changes DROP TABLE visits;",
    "server-file": "COPY visits TO '/var/tmp/visits.csv';",
    "end-sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app';",
    "restrict-connections": "ALTER ROLE app CONNECTION LIMIT 5;",
    "session-defaults": "ALTER ROLE app SET search_path = viewings;",
    "password-in-file": "CREATE ROLE reporting LOGIN PASSWORD 'secret';",
    "system-catalog": "UPDATE pg_attribute SET attnotnull = true WHERE attname = 'note';",
    "dangerous-setting": "SET LOCAL synchronous_commit = off;",
    "disable-autovacuum": "ALTER TABLE visits SET (autovacuum_enabled = false);",
    "unlogged-table": "CREATE UNLOGGED TABLE drafts (draft_id bigint PRIMARY KEY);",
    "refresh-collation": "ALTER DATABASE app REFRESH COLLATION VERSION;",
    "widen-access": "GRANT SELECT ON visits TO PUBLIC;",
    "security-definer": "CREATE FUNCTION one() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
    "change-policy": "ALTER POLICY own ON visits USING (price > 0);",
    "change-composite-type": "ALTER TYPE place DROP ATTRIBUTE street;",
    "generated-always": "ALTER TABLE visits ALTER COLUMN visit_id ADD GENERATED ALWAYS AS IDENTITY (START WITH 1000);",
    "drop-expression": "ALTER TABLE sums ALTER COLUMN twice DROP EXPRESSION;",
    "add-check": "ALTER TABLE visits ADD CONSTRAINT visits_price_sane CHECK (price > 0);",
    "add-column-volatile-default": "ALTER TABLE agents ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    "add-domain-column": "ALTER TABLE agents ADD COLUMN share percent;",
    "add-domain-constraint": "ALTER DOMAIN percent ADD CHECK (VALUE <> 13);",
    "add-enum-value": "ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'bad';",
    "add-exclusion": "ALTER TABLE visits ADD CONSTRAINT one_at_a_time EXCLUDE USING btree (at WITH =);",
    "add-foreign-key": (
        "ALTER TABLE visits ADD CONSTRAINT visits_agent_known FOREIGN KEY (agent_id) REFERENCES agents (agent_id);"
    ),
    "add-generated-column": "ALTER TABLE agents ADD COLUMN loud text GENERATED ALWAYS AS (upper(name)) STORED;",
    "add-primary-key": "ALTER TABLE log_2025 ADD PRIMARY KEY (day);",
    "add-required-column": "ALTER TABLE agents ADD COLUMN phone text NOT NULL;",
    "add-serial-column": "ALTER TABLE agents ADD COLUMN number bigserial;",
    "add-unique": "ALTER TABLE visits ADD CONSTRAINT visits_note_once UNIQUE (note);",
    "attach-partition": ("ALTER TABLE log ATTACH PARTITION log_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"),
    "backfill-key": (
        "-- migrate: backfill table=visits key=at\nUPDATE visits SET note = ''\n"
        "WHERE at BETWEEN current_setting('migrate.first')::timestamptz\n"
        "    AND current_setting('migrate.last')::timestamptz;"
    ),
    "backfill-repeats": (
        "-- migrate: backfill table=agents key=agent_id\nUPDATE agents SET visits_made = visits_made + 1\n"
        "WHERE agent_id BETWEEN current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint;"
    ),
    "backfill-statement": (
        "-- migrate: backfill table=visits key=visit_id\nUPDATE visits SET note = '' WHERE note IS NULL;"
    ),
    "bad-directive": "-- migrate: lock-timeout=2\nSELECT 1;",
    "change-column-type": "ALTER TABLE agents ALTER COLUMN visits_made TYPE bigint;",
    "change-owner": "ALTER TABLE visits OWNER TO reporting;",
    "column-assigned-twice": "UPDATE visits SET note = 'a', price = 1, note = 'b' WHERE visit_id = 1;",
    "create-index": "CREATE INDEX IF NOT EXISTS idx_visits_price ON visits (price);",
    "detach-partition": "ALTER TABLE log DETACH PARTITION log_2024;",
    "disable-row-security": "ALTER TABLE visits DISABLE ROW LEVEL SECURITY;",
    "disable-trigger": "ALTER TABLE visits DISABLE TRIGGER visits_nothing;",
    "down-without-up": {"002_add_phone.down.sql": b"SELECT 1;"},
    "drop-before-backfill": {
        EXAMPLE_FILE: (
            b"-- migrate: backfill table=visits key=visit_id\nUPDATE visits SET spare = price\nWHERE visit_id BETWEEN"
            b" current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint;"
        ),
        "003_drop_price.sql": b"-- migrate: contract\nALTER TABLE visits DROP COLUMN price;",
    },
    "drop-cascade": "DROP TABLE agents CASCADE;",
    "drop-column": "ALTER TABLE visits DROP COLUMN note;",
    "drop-constraint": "ALTER TABLE agents DROP CONSTRAINT agents_code_key;",
    "drop-default": "ALTER TABLE agents ALTER COLUMN visits_made DROP DEFAULT;",
    "drop-foreign-key-index": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS idx_keys_given_agent;",
    "drop-index": "DROP INDEX IF EXISTS idx_visits_at;",
    "drop-index-first": (
        "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS idx_visits_at;\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_visits_at_price ON visits (at, price);"
    ),
    "drop-not-null": "ALTER TABLE agents ALTER COLUMN name DROP NOT NULL;",
    "drop-object": "DROP VIEW agent_names;",
    "drop-policy": "DROP POLICY IF EXISTS own ON visits;",
    "drop-table": "DROP TABLE visits;",
    "drop-trigger": "DROP TRIGGER IF EXISTS visits_nothing ON visits;",
    "dynamic-sql": "DO $$ BEGIN EXECUTE format('COMMENT ON TABLE %I IS NULL', 'visits'); END $$;",
    "empty-file": "-- To be written.",
    "enum-value-used": "ALTER TYPE mood ADD VALUE 'so-so';\nSELECT 'so-so'::mood;",
    "foreign-key-index": "CREATE TABLE keys (key_id bigint PRIMARY KEY, agent_id bigint REFERENCES agents);",
    "foreign-key-type": "CREATE TABLE keys (key_id bigint PRIMARY KEY, agent_id int REFERENCES agents (agent_id));",
    "header-comment": "SELECT 1;",
    "if-exists": "DROP VIEW agent_names;",
    "if-not-exists": "CREATE TABLE keys (key_id bigint PRIMARY KEY);",
    "instead-rule": "CREATE RULE kept AS ON DELETE TO visits DO INSTEAD NOTHING;",
    "lock-all-rows": "SELECT visit_id FROM visits FOR UPDATE;",
    "lock-table": "LOCK TABLE visits;",
    "long-lock-timeout": "SET lock_timeout = 0;",
    "long-name": (
        "CREATE INDEX CONCURRENTLY idx_visits_by_the_agent_who_showed_the_home_and_the_day_it_was_shown ON visits (at);"
    ),
    "name-index": "CREATE INDEX ON visits (price);",
    "needs-no-transaction": "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_visits_price ON visits (price);",
    "not-runnable": "ALTER TABLE visits ADD COLUMN rating int;\nCOMMIT;",
    "numbering": {"003_add_phone.sql": b"SELECT 1;"},
    "or-replace": "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "other-tool": "-- +goose Up\nCREATE TABLE keys (key_id bigint PRIMARY KEY);\n-- +goose Down\nDROP TABLE keys;",
    "partition-beside-default": (
        "CREATE TABLE IF NOT EXISTS archive_2025 PARTITION OF archive\n"
        "FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
    ),
    "prefer-bigint-key": "CREATE TABLE keys (key_id serial PRIMARY KEY);",
    "prefer-jsonb": "CREATE TABLE keys (key_id bigint PRIMARY KEY, about json);",
    "prefer-numeric": "CREATE TABLE keys (key_id bigint PRIMARY KEY, deposit money);",
    "prefer-text": "CREATE TABLE keys (key_id bigint PRIMARY KEY, label char(3));",
    "prefer-timestamptz": "CREATE TABLE keys (key_id bigint PRIMARY KEY, cut_at timestamp);",
    "primary-key": "CREATE TABLE keys (label text);",
    "refresh-materialized-view": "REFRESH MATERIALIZED VIEW agent_counts;",
    "reindex": "REINDEX TABLE visits;",
    "partitioned-concurrently": (
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS idx_log_day ON log (day);"
    ),
    "rename-column": "ALTER TABLE visits RENAME COLUMN note TO remark;",
    "rename-object": "ALTER VIEW agent_names RENAME TO names;",
    "rename-table": "ALTER TABLE visits RENAME TO viewings;",
    "restart-sequence": "SELECT setval('agents_number_seq', 1);",
    "revoke": "REVOKE INSERT ON visits FROM reporting;",
    "rewrite-table": "-- migrate: no-transaction\nVACUUM FULL visits;",
    "row-security": "ALTER TABLE visits ENABLE ROW LEVEL SECURITY;",
    "self-record": "SELECT 1;",
    "set-not-null": "ALTER TABLE agents ALTER COLUMN seen SET NOT NULL;",
    "set-role": "SET LOCAL ROLE app;",
    "set-search-path": "SELECT pg_catalog.set_config('search_path', '', false);",
    "syntax-error": "ALTER TABEL visits ADD rating int;",
    "truncate": "TRUNCATE visits;",
    "unreadable-file": {EXAMPLE_FILE: b"SELECT '\xe9';"},
    "validate-in-same-file": (
        "ALTER TABLE visits ADD CONSTRAINT visits_price_sane CHECK (price > 0) NOT VALID;\n"
        "ALTER TABLE visits VALIDATE CONSTRAINT visits_price_sane;"
    ),
    "waiver-of-error": "-- lint: allow syntax-error because it works\nSELECT FROM FROM;",
    "waiver-of-unknown-rule": "-- lint: allow drop-tabel because no code uses it\nDROP TABLE visits;",
    "waiver-unreadable": "-- lint: ignore drop-table\nDROP TABLE visits;",
    "waiver-unused": "-- lint: allow drop-table because no code uses it\nSELECT 1;",
    "waiver-without-reason": "-- lint: allow drop-table\nDROP TABLE visits;",
    "whole-table-write": "UPDATE visits SET note = '';",
    "write-after-ddl": "ALTER TABLE visits ADD COLUMN rating int;\nUPDATE visits SET rating = 1 WHERE price > 1;",
    "writes-ledger": "DELETE FROM schema_migrations WHERE version = 1;",
    "wrong-version-recorded": (
        "INSERT INTO schema_migrations (version, description)\nVALUES (3, 'Add phone')\n"
        "ON CONFLICT (version) DO NOTHING;"
    ),
}
"""What breaks each rule: the text of a second migration, or other files by name."""
