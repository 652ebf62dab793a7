-- migrate: no-transaction
-- Migration 012: Page through lists
-- Purpose: Pages far down a list are counted off in an index alone; a form books once, whoever it was sent for
-- Created: 2026-11-22

-- =============================================================================
-- A FORM BOOKS ONCE
-- =============================================================================

-- Until now it did for one agent: sent for two at once, it could book both.
UPDATE appointments AS later
SET vapi_tool_call_id = later.vapi_tool_call_id || ' again ' || later.id
WHERE later.vapi_tool_call_id LIKE 'form:%'
    AND EXISTS (
        SELECT
        FROM appointments AS earlier
        WHERE earlier.vapi_call_id IS NULL
            AND later.vapi_call_id IS NULL
            AND earlier.vapi_tool_call_id = later.vapi_tool_call_id
            AND earlier.id < later.id
    );

-- Bookings by phone are not in it.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_form
    ON appointments (vapi_tool_call_id) WHERE vapi_tool_call_id LIKE 'form:%';

-- =============================================================================
-- LISTS OF VIEWINGS
-- =============================================================================

-- As the indexes they replace, with the id: viewings at one moment are in order already, and what is only passed over on
-- the way to a page is never read from the table. With a million viewings they take 66 MB more; a booking is written
-- into as many indexes as before. Lists of one status stay with the indexes of 009: few page far through those.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_in_time ON appointments (start_time, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_in_time ON appointments (agent_id, start_time, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_as_booked ON appointments (created_at, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_as_booked ON appointments (agent_id, created_at, id);

DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_start;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_agent_start;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_created;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_agent_created;

INSERT INTO schema_migrations (version, description)
VALUES (12, 'Page through lists')
ON CONFLICT (version) DO NOTHING;
