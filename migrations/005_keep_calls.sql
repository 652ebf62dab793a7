-- Migration 005: Keep calls
-- Purpose: Phone calls, what the robot asked of us in each, and messages taken for agents
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS calls (
    vapi_call_id TEXT PRIMARY KEY,
    agent_id VARCHAR(255) REFERENCES agents (agent_id) ON DELETE RESTRICT,
    assistant_id TEXT,
    phone_number_id TEXT,
    caller_number TEXT,
    status TEXT DEFAULT 'in-progress' NOT NULL,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    ended_reason TEXT,
    cost NUMERIC(12, 6),
    summary TEXT,
    transcript TEXT,
    messages JSONB,
    success_evaluation TEXT,
    structured_data JSONB,
    recording_url TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_calls_agent_created ON calls (agent_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_calls_created ON calls (created_at DESC);

COMMENT ON TABLE calls IS 'One row per phone call, put together from status updates and the end-of-call report';
COMMENT ON COLUMN calls.agent_id IS 'Empty: nobody has registered the assistant that was called';
COMMENT ON COLUMN calls.status IS 'Vapi''s word for it; ended never goes back';
COMMENT ON COLUMN calls.ended_reason IS 'Vapi''s word for it, one of more than 600';
COMMENT ON COLUMN calls.recording_url IS 'Expires on Vapi''s side';

CREATE TABLE IF NOT EXISTS tool_calls (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vapi_call_id TEXT DEFAULT '' NOT NULL,
    tool_call_id TEXT NOT NULL,
    agent_id VARCHAR(255) REFERENCES agents (agent_id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    arguments JSONB,
    answer TEXT NOT NULL,
    outcome TEXT NOT NULL,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE SET NULL,
    offered TIMESTAMPTZ [],
    duration_ms REAL,
    received_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT tool_calls_delivered_once UNIQUE (vapi_call_id, tool_call_id)
);

CREATE INDEX IF NOT EXISTS idx_tool_calls_agent ON tool_calls (agent_id, received_at DESC);
CREATE INDEX IF NOT EXISTS idx_tool_calls_call ON tool_calls (vapi_call_id, id);
CREATE INDEX IF NOT EXISTS idx_tool_calls_appointment ON tool_calls (appointment_id) WHERE appointment_id IS NOT NULL;

COMMENT ON TABLE tool_calls IS 'What the robot asked of us and what it was told';
COMMENT ON COLUMN tool_calls.vapi_call_id IS 'Not a foreign key: tool calls often arrive before the call''s first status update';
COMMENT ON COLUMN tool_calls.answer IS 'The sentence; a repetition of the same tool call hears it again, word for word';
COMMENT ON COLUMN tool_calls.outcome IS 'What it led to: answered, booked, refused, fault, …';
COMMENT ON COLUMN tool_calls.offered IS 'The starting times named in the answer';

CREATE TABLE IF NOT EXISTS messages (
    message_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE RESTRICT,
    vapi_call_id TEXT,
    body TEXT NOT NULL,
    attendee_name TEXT,
    attendee_phone TEXT,
    caller_number TEXT,
    received_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    done_at TIMESTAMPTZ,
    done_by TEXT,

    CONSTRAINT messages_body_not_empty CHECK (btrim(body) <> '')
);

CREATE INDEX IF NOT EXISTS idx_messages_open ON messages (agent_id, received_at DESC) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_messages_agent ON messages (agent_id, received_at DESC);

COMMENT ON TABLE messages IS 'Leads taken by phone, for the agent to call back';

INSERT INTO schema_migrations (version, description)
VALUES (5, 'Keep calls')
ON CONFLICT (version) DO NOTHING;
