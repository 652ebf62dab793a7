-- Migration 008: Slow down guessing
-- Purpose: Wrong passwords are counted where every worker and every instance sees them
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS sign_in_failures (
    subject TEXT PRIMARY KEY,
    failures INTEGER DEFAULT 0 NOT NULL,
    last_failed_at TIMESTAMPTZ DEFAULT NOW() NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_sign_in_failures_age ON sign_in_failures (last_failed_at);

COMMENT ON TABLE sign_in_failures IS 'Wrong passwords in a row; a try counts before it is checked, old rows are swept away';
COMMENT ON COLUMN sign_in_failures.subject IS 'account:digest, address:network, device:browser, user:id or setup:network';

INSERT INTO schema_migrations (version, description)
VALUES (8, 'Slow down guessing')
ON CONFLICT (version) DO NOTHING;
