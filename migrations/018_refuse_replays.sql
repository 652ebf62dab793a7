-- Migration 018: Refuse replays
-- Purpose: A request that only a signature authenticates is accepted once, whichever worker receives it
-- Created: 2026-11-29

CREATE TABLE IF NOT EXISTS webhook_signatures (
    signature BYTEA PRIMARY KEY,
    received_at TIMESTAMPTZ DEFAULT NOW() NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_webhook_signatures_age ON webhook_signatures (received_at);

COMMENT ON TABLE webhook_signatures IS 'Signatures of accepted requests without the shared secret, kept longer than their timestamps count as fresh';
COMMENT ON COLUMN webhook_signatures.received_at IS 'By the clock of the database; old rows are deleted as new ones are inserted';

INSERT INTO schema_migrations (version, description)
VALUES (18, 'Refuse replays')
ON CONFLICT (version) DO NOTHING;
