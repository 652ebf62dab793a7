-- Migration 028: Set up the line
-- Purpose: The Vapi account of the office, and how far each agent's line is set up and as it should be
-- Created: 2026-11-30

CREATE TABLE IF NOT EXISTS line_account (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE,
    api_key TEXT,
    connected_at TIMESTAMPTZ,
    connected_by TEXT,
    problem TEXT,
    reconciled_at TIMESTAMPTZ,

    CONSTRAINT line_account_has_one_row CHECK (is_only)
);

INSERT INTO line_account DEFAULT VALUES ON CONFLICT DO NOTHING;

COMMENT ON TABLE line_account IS 'One row: the account at Vapi';
COMMENT ON COLUMN line_account.api_key IS 'The private key, encrypted with CREDENTIALS_KEY; empty: not connected, or VAPI_API_KEY';
COMMENT ON COLUMN line_account.problem IS 'Why the last background job failed, in a sentence; empty after one that did not';
COMMENT ON COLUMN line_account.reconciled_at IS 'When the calls were last compared with Vapi''s list';

CREATE TABLE IF NOT EXISTS line_set_ups (
    agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    set_up_key UUID DEFAULT gen_random_uuid() NOT NULL,
    assistant_id TEXT,
    assistant_name TEXT NOT NULL,
    first_message TEXT NOT NULL,
    phone_number_id TEXT,
    seen_assistant TEXT NOT NULL,
    seen_number TEXT NOT NULL,
    done TEXT [] DEFAULT '{}' NOT NULL,
    is_asked BOOLEAN DEFAULT FALSE NOT NULL,
    problem TEXT,
    started_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    started_by TEXT NOT NULL,
    leased_until TIMESTAMPTZ,
    finished_at TIMESTAMPTZ
);

COMMENT ON TABLE line_set_ups IS 'The last set-up of each agent''s line; one that stopped in the middle is resumed';
COMMENT ON COLUMN line_set_ups.set_up_key IS 'In the metadata of an assistant that it created, which is found again by it';
COMMENT ON COLUMN line_set_ups.assistant_id IS 'At Vapi; empty until it is created';
COMMENT ON COLUMN line_set_ups.seen_assistant IS 'updatedAt of the assistant when a person saw it; empty: not checked';
COMMENT ON COLUMN line_set_ups.done IS 'The finished steps: assistant, tools, agent, number';
COMMENT ON COLUMN line_set_ups.is_asked IS 'Whether Vapi was asked to create the assistant, whatever it answered';
COMMENT ON COLUMN line_set_ups.problem IS 'Why it stopped, in a sentence';
COMMENT ON COLUMN line_set_ups.leased_until IS 'Until then one process writes; no other begins';

CREATE TABLE IF NOT EXISTS line_checks (
    agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    checked_at TIMESTAMPTZ NOT NULL,
    assistant_name TEXT NOT NULL,
    assistant_version TEXT NOT NULL,
    number TEXT,
    number_version TEXT NOT NULL,
    differences JSONB DEFAULT '[]' NOT NULL,
    problem TEXT
);

COMMENT ON TABLE line_checks IS 'The last comparison of each agent''s line with what Vapi has';
COMMENT ON COLUMN line_checks.differences IS 'What PeteRental wants and what Vapi has, part by part; no secrets';
COMMENT ON COLUMN line_checks.problem IS 'Why it could not be compared, or why no call reaches the agent';

CREATE TABLE IF NOT EXISTS line_fetched_calls (
    vapi_call_id TEXT PRIMARY KEY,
    fetched_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_line_fetched_calls_age ON line_fetched_calls (fetched_at);

COMMENT ON TABLE line_fetched_calls IS 'Calls whose report never came and that were fetched; deleted after some days';

ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_subject_kind_known;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_subject_kind_known
    CHECK (subject_kind IN ('agent', 'appointment', 'job', 'line', 'message', 'notice', 'person', 'user')) NOT VALID;

INSERT INTO schema_migrations (version, description)
VALUES (28, 'Set up the line')
ON CONFLICT (version) DO NOTHING;
