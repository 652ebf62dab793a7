-- Migration 031: Share lines
-- Purpose: Several agents whom one line books for, and how one of them is chosen
-- Created: 2026-11-30

CREATE TABLE IF NOT EXISTS shared_lines (
    holder_agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    choice TEXT DEFAULT 'first_free' NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT shared_lines_choice_known CHECK (choice IN ('first_free', 'round_robin'))
);

COMMENT ON TABLE shared_lines IS 'Lines that book for several agents; no row: a line books for its own agent';
COMMENT ON COLUMN shared_lines.holder_agent_id IS 'The agent whose assistant and number it is';
COMMENT ON COLUMN shared_lines.choice IS 'first_free: the first in order who is free; round_robin: who was booked longest ago';
COMMENT ON COLUMN shared_lines.updated_at IS 'When it was last changed; a form compares it to detect edit conflicts';

CREATE TABLE IF NOT EXISTS line_members (
    holder_agent_id VARCHAR(255) NOT NULL REFERENCES shared_lines (holder_agent_id) ON DELETE CASCADE,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    position SMALLINT,
    last_booked_at TIMESTAMPTZ,

    PRIMARY KEY (holder_agent_id, agent_id),
    CONSTRAINT line_members_position_once UNIQUE (holder_agent_id, position)
);

CREATE INDEX IF NOT EXISTS idx_line_members_agent ON line_members (agent_id);

COMMENT ON TABLE line_members IS 'The agents of a shared line, its holder always among them';
COMMENT ON COLUMN line_members.position IS 'The order, from 1; empty: it is not booked here, but its viewings are found';
COMMENT ON COLUMN line_members.last_booked_at IS 'When a call to this line last booked it; later for every booking than for the one before';

INSERT INTO schema_migrations (version, description)
VALUES (31, 'Share lines')
ON CONFLICT (version) DO NOTHING;
