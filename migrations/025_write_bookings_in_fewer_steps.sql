-- migrate: no-transaction
-- Migration 025: Write bookings in fewer steps
-- Purpose: A booking and its tool call write fewer index entries and run fewer statements, while a caller waits
-- Created: 2026-11-29

-- =============================================================================
-- WHAT A CALL CAME TO
-- =============================================================================

-- The first tool call of a call inserts the call with this outcome, in the same transaction: nobody else can have changed
-- the row, and nothing has to be locked or noted. Sub-selects, because the planner does not know how many rows are fresh.
CREATE OR REPLACE FUNCTION note_added_outcomes() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    late TEXT [];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM fresh
        CROSS JOIN LATERAL (SELECT name IN ('set_appointment', 'reschedule_appointment') AS asks) AS kind
        WHERE vapi_call_id <> '' AND NOT COALESCE((
            SELECT calls.xmin = pg_current_xact_id()::xid
                AND calls.reduced_at IS NULL
                AND (calls.agreed OR NOT asks)
                AND CASE WHEN asks AND outcome = 'answered' AND appointment_id IS NOT NULL THEN 'stands'
                         ELSE outcome END = ANY (calls.outcomes)
            FROM calls
            WHERE calls.vapi_call_id = fresh.vapi_call_id
        ), FALSE)
    ) THEN
        RETURN NULL;
    END IF;

    SELECT array_agg(held.vapi_call_id) FILTER (WHERE held.reduced_at IS NOT NULL) INTO late
    FROM (
        SELECT vapi_call_id, reduced_at
        FROM calls
        WHERE vapi_call_id IN (SELECT vapi_call_id FROM fresh WHERE vapi_call_id <> '')
        ORDER BY vapi_call_id
        FOR NO KEY UPDATE
    ) AS held;

    UPDATE calls
    SET outcomes = ARRAY(SELECT DISTINCT unnest(calls.outcomes || added.outcomes) ORDER BY 1),
        agreed = calls.agreed OR added.asked
    FROM (
        SELECT
            vapi_call_id,
            array_agg(DISTINCT CASE WHEN asks AND outcome = 'answered' AND appointment_id IS NOT NULL THEN 'stands'
                                    ELSE outcome END) AS outcomes,
            bool_or(asks) AS asked
        FROM fresh
        CROSS JOIN LATERAL (SELECT name IN ('set_appointment', 'reschedule_appointment') AS asks) AS kind
        WHERE vapi_call_id <> ''
        GROUP BY vapi_call_id
    ) AS added
    WHERE calls.vapi_call_id = added.vapi_call_id
        AND (NOT calls.outcomes @> added.outcomes OR added.asked AND NOT calls.agreed);

    IF late IS NOT NULL THEN
        UPDATE tool_calls SET reduced_at = NOW() WHERE vapi_call_id = ANY (late) AND reduced_at IS NULL;
    END IF;
    RETURN NULL;
END
$$;

-- As note_what_came_of_calls in migration 022, for one row: only a tool call that is overwritten runs it, where a trigger of
-- the statement runs for every INSERT that might overwrite one.
CREATE OR REPLACE FUNCTION note_what_came_of_call() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    is_late BOOLEAN;
BEGIN
    SELECT reduced_at IS NOT NULL INTO is_late
    FROM calls
    WHERE vapi_call_id = NEW.vapi_call_id AND vapi_call_id <> ''
    FOR NO KEY UPDATE;

    UPDATE calls
    SET outcomes = told.outcomes, agreed = calls.agreed OR told.asked
    FROM what_came_of(NEW.vapi_call_id) AS told
    WHERE calls.vapi_call_id = NEW.vapi_call_id AND calls.vapi_call_id <> ''
        AND (calls.outcomes IS DISTINCT FROM told.outcomes OR told.asked AND NOT calls.agreed);

    IF is_late THEN
        UPDATE tool_calls SET reduced_at = NOW() WHERE vapi_call_id = NEW.vapi_call_id AND reduced_at IS NULL;
    END IF;
    RETURN NULL;
END
$$;

-- The reduction of old calls changes neither outcome nor booking.
CREATE OR REPLACE TRIGGER tool_calls_came_again
    AFTER UPDATE ON tool_calls
    FOR EACH ROW
    WHEN (
        NEW.reduced_at IS NULL
        OR OLD.outcome IS DISTINCT FROM NEW.outcome
        OR OLD.appointment_id IS DISTINCT FROM NEW.appointment_id
    )
    EXECUTE FUNCTION note_what_came_of_call();

-- lint: allow drop-object because only the trigger that was just replaced called it
DROP FUNCTION IF EXISTS note_what_came_of_calls();

-- =============================================================================
-- INDEXES
-- =============================================================================

-- One index in place of two: it finds the bookings of a call, and keeps a tool call from booking twice.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_call_and_tool_call
    ON appointments (vapi_call_id, vapi_tool_call_id) WHERE vapi_call_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_tool_call;
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_call;

-- Few viewings are cancelled: idx_appointments_agent_in_time finds the others as fast.
DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_standing;

-- A call has a handful of tool calls, which tool_calls_delivered_once finds.
DROP INDEX CONCURRENTLY IF EXISTS idx_tool_calls_call;

-- No query looks for the tool calls of an agent.
-- lint: allow drop-foreign-key-index because agents are deactivated, never deleted
DROP INDEX CONCURRENTLY IF EXISTS idx_tool_calls_agent;

INSERT INTO schema_migrations (version, description)
VALUES (25, 'Write bookings in fewer steps')
ON CONFLICT (version) DO NOTHING;
