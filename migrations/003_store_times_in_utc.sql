-- Migration 003: Store times in UTC
-- Purpose: TIMESTAMP columns held UTC by convention; TIMESTAMPTZ makes it a fact
-- Created: 2026-11-22

-- In a session whose time zone is UTC, PostgreSQL changes these types without rewriting the tables. Defaults are
-- dropped first: kept, they would become timestamptz(timestamp(now())) and depend on each session's time zone.
SET LOCAL TimeZone TO 'UTC';

ALTER TABLE agents
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN updated_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE TIMESTAMPTZ,
    ALTER COLUMN updated_at TYPE TIMESTAMPTZ,
    ALTER COLUMN created_at SET DEFAULT NOW(),
    ALTER COLUMN updated_at SET DEFAULT NOW();

-- lint: allow change-column-type because the index on start_time and one check are redone once, before the table is large
ALTER TABLE appointments
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE TIMESTAMPTZ,
    ALTER COLUMN start_time TYPE TIMESTAMPTZ,
    ALTER COLUMN end_time TYPE TIMESTAMPTZ,
    ALTER COLUMN created_at SET DEFAULT NOW();

ALTER TABLE users
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN created_at TYPE TIMESTAMPTZ,
    ALTER COLUMN created_at SET DEFAULT NOW();

INSERT INTO schema_migrations (version, description)
VALUES (3, 'Store times in UTC')
ON CONFLICT (version) DO NOTHING;
