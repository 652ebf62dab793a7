-- migrate: no-transaction
-- Migration 017: Build adopted indexes
-- Purpose: Tables of the earlier system get the indexes that our queries need; on all others they exist already
-- Created: 2026-11-29

-- Most databases have every index below: one notice for each would hide what matters in the log of a deploy.
SET client_min_messages TO warning;

-- =============================================================================
-- THE INDEXES OF 001 TO 012 THAT AN EARLIER INDEX MAY HAVE KEPT AWAY
-- =============================================================================

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_agents_user ON agents (user_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_agents_phone_number ON agents (phone_number_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_call
    ON appointments (vapi_call_id) WHERE vapi_call_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_status ON appointments (status, start_time);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_status ON appointments (agent_id, status, start_time);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_status_created ON appointments (status, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_in_time ON appointments (start_time, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_in_time ON appointments (agent_id, start_time, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_as_booked ON appointments (created_at, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_as_booked ON appointments (agent_id, created_at, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_active ON users (is_active);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email_folded ON users (LOWER(email));

-- =============================================================================
-- WHAT THEY REPLACE, AS RENAMED BY 016
-- =============================================================================

DROP INDEX CONCURRENTLY IF EXISTS idx_agents_user_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_agents_phone_number_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_call_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_status_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_agent_status_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_status_created_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_in_time_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_agent_in_time_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_as_booked_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_agent_as_booked_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_users_email_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_users_active_earlier;
DROP INDEX CONCURRENTLY IF EXISTS idx_users_email_folded_earlier;

-- =============================================================================
-- THE CONSTRAINTS OF 016, FOR EXISTING ROWS
-- =============================================================================

DO $$
DECLARE
    unchecked NAME;
BEGIN
    FOR unchecked IN
        SELECT conname
        FROM pg_constraint
        WHERE conrelid = 'appointments'::regclass AND NOT convalidated
            AND conname IN ('appointments_address_not_empty', 'appointments_name_not_empty')
    LOOP
        EXECUTE format('ALTER TABLE appointments VALIDATE CONSTRAINT %I', unchecked);
    END LOOP;
END
$$;

INSERT INTO schema_migrations (version, description)
VALUES (17, 'Build adopted indexes')
ON CONFLICT (version) DO NOTHING;
