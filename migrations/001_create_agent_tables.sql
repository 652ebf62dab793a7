-- Migration 001: Create agent tables
-- Purpose: One voice agent, one calendar: agents and the appointments made for them
-- Created: 2025-10-09

-- =============================================================================
-- AGENTS
-- =============================================================================

CREATE TABLE IF NOT EXISTS agents (
    agent_id VARCHAR(255) PRIMARY KEY,
    vapi_assistant_id VARCHAR(36) UNIQUE,
    agent_name VARCHAR(255) NOT NULL,
    calendar_user_id VARCHAR(255),
    is_active BOOLEAN DEFAULT TRUE NOT NULL,
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMP DEFAULT NOW() NOT NULL
);

COMMENT ON TABLE agents IS 'Leasing agents, each with a voice assistant and a calendar; never deleted, only deactivated';
COMMENT ON COLUMN agents.vapi_assistant_id IS 'The assistant on Vapi that answers this agent''s phone (a UUID)';
COMMENT ON COLUMN agents.calendar_user_id IS 'Whose calendar the viewings go into';
COMMENT ON COLUMN agents.is_active IS 'False: calls are answered with an apology, nothing is booked';

-- =============================================================================
-- APPOINTMENTS
-- =============================================================================

CREATE TABLE IF NOT EXISTS appointments (
    id SERIAL PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE RESTRICT,
    vapi_call_id VARCHAR(255),
    property_address TEXT NOT NULL,
    start_time TIMESTAMP NOT NULL,
    end_time TIMESTAMP NOT NULL,
    attendee_name VARCHAR(255) NOT NULL,
    attendee_email VARCHAR(255),
    status VARCHAR(20) DEFAULT 'confirmed' NOT NULL,
    calendar_event_id VARCHAR(255),
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,

    CONSTRAINT appointments_status_known CHECK (status IN ('confirmed', 'cancelled', 'completed', 'no_show')),
    CONSTRAINT appointments_end_after_start CHECK (end_time > start_time),
    CONSTRAINT appointments_address_not_empty CHECK (btrim(property_address) <> ''),
    CONSTRAINT appointments_name_not_empty CHECK (btrim(attendee_name) <> '')
);

CREATE INDEX IF NOT EXISTS idx_appointments_agent_start ON appointments (agent_id, start_time);
CREATE INDEX IF NOT EXISTS idx_appointments_call ON appointments (vapi_call_id) WHERE vapi_call_id IS NOT NULL;

COMMENT ON TABLE appointments IS 'Viewings of homes, booked by phone or by hand';
COMMENT ON COLUMN appointments.vapi_call_id IS 'The phone call that booked it; empty when booked by hand';
COMMENT ON COLUMN appointments.status IS 'confirmed, cancelled, completed or no_show';

-- =============================================================================
-- RECORD THIS MIGRATION
-- =============================================================================

INSERT INTO schema_migrations (version, description)
VALUES (1, 'Create agent tables')
ON CONFLICT (version) DO NOTHING;
