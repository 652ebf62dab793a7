-- migrate: no-transaction
-- Migration 010: List calls and messages
-- Purpose: The pages about calls and messages stay fast whatever their length
-- Created: 2026-11-22

-- =============================================================================
-- WHAT A CALL CAME TO
-- =============================================================================

-- Kept with the call, so that a list of a million calls needs no look at three million tool calls. Triggers keep it,
-- because tool calls and reports are written in several ways, in any order.
ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS outcomes TEXT [] DEFAULT '{}' NOT NULL,
    ADD COLUMN IF NOT EXISTS agreed BOOLEAN DEFAULT FALSE NOT NULL;

COMMENT ON COLUMN calls.outcomes IS 'Outcomes of its tool calls, each once; stands: a viewing asked for was booked before';
COMMENT ON COLUMN calls.agreed IS 'A viewing was asked for by tool, or the report''s analysis says that one was booked';

-- What Vapi's analysis claims: {"appointment_booked": true}, {"viewingScheduled": "yes"}, "Appointment was booked".
CREATE OR REPLACE FUNCTION claims_a_booking(success_evaluation TEXT, structured_data JSONB) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(
        success_evaluation ~* '\m(appointment|viewing|tour|showing|visit)\M.*\m(booked|made|scheduled|confirmed)\M'
            AND success_evaluation !~* '\m(no|not|never|without|nothing|fail\w*)\M|n''t\M',
        FALSE
    ) OR EXISTS (
        SELECT
        FROM jsonb_each(CASE jsonb_typeof(structured_data) WHEN 'object' THEN structured_data ELSE '{}' END)
        WHERE regexp_replace(key, '[^A-Za-z]', '', 'g')
                ~* '^(is|was)?((appointment|viewing|tour|showing|visit)(is|was)?(booked|made|scheduled|set|confirmed)|booked)$'
            AND lower(value #>> '{}') IN ('true', 'yes')
    )
$$;

CREATE OR REPLACE FUNCTION note_what_a_report_claims() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    NEW.agreed := NEW.agreed OR claims_a_booking(NEW.success_evaluation, NEW.structured_data);
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER calls_claims
    BEFORE INSERT OR UPDATE OF success_evaluation, structured_data ON calls
    FOR EACH ROW EXECUTE FUNCTION note_what_a_report_claims();

CREATE OR REPLACE FUNCTION what_came_of(call_id TEXT, OUT outcomes TEXT [], OUT asked BOOLEAN)
LANGUAGE sql STABLE AS $$
    SELECT
        array_agg(DISTINCT CASE WHEN asks AND outcome = 'answered' AND appointment_id IS NOT NULL THEN 'stands'
                                ELSE outcome END),
        bool_or(asks)
    FROM tool_calls
    CROSS JOIN LATERAL (SELECT name IN ('set_appointment', 'reschedule_appointment') AS asks) AS kind
    WHERE vapi_call_id = call_id
$$;

-- Whoever notes what a call came to holds its row first, and looks at its tool calls after that: of two at once, the
-- second sees what the first has done.
CREATE OR REPLACE FUNCTION note_what_came_of_calls() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM calls
    WHERE vapi_call_id IN (SELECT vapi_call_id FROM fresh WHERE vapi_call_id <> '')
    ORDER BY vapi_call_id
    FOR NO KEY UPDATE;

    UPDATE calls
    SET outcomes = told.outcomes, agreed = calls.agreed OR told.asked
    FROM (SELECT DISTINCT vapi_call_id FROM fresh WHERE vapi_call_id <> '') AS touched
    CROSS JOIN LATERAL what_came_of(touched.vapi_call_id) AS told
    WHERE calls.vapi_call_id = touched.vapi_call_id
        AND (calls.outcomes IS DISTINCT FROM told.outcomes OR told.asked AND NOT calls.agreed);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER tool_calls_came
    AFTER INSERT ON tool_calls REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_what_came_of_calls();

CREATE OR REPLACE TRIGGER tool_calls_came_again
    AFTER UPDATE ON tool_calls REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_what_came_of_calls();

-- Until now a call was kept only when Vapi reported it, and nobody had noted what it came to.
INSERT INTO calls (vapi_call_id, agent_id, created_at, updated_at)
SELECT vapi_call_id, MIN(agent_id), MIN(received_at), MAX(received_at)
FROM tool_calls
WHERE vapi_call_id <> ''
GROUP BY vapi_call_id
ON CONFLICT (vapi_call_id) DO NOTHING;

UPDATE calls
SET outcomes = COALESCE(told.outcomes, '{}'),
    agreed = COALESCE(told.asked, FALSE) OR claims_a_booking(success_evaluation, structured_data)
FROM (SELECT vapi_call_id AS call_id, came.* FROM calls CROSS JOIN LATERAL what_came_of(vapi_call_id) AS came) AS told
WHERE vapi_call_id = told.call_id;

-- =============================================================================
-- LISTS OF CALLS, LATEST FIRST
-- =============================================================================

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_rang
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_agent_rang
    ON calls (agent_id, (COALESCE(started_at, created_at)) DESC, vapi_call_id DESC);

-- Someone rang for an assistant that nobody registered.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_unregistered
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC) WHERE agent_id IS NULL;

-- What went wrong is rare, and looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_fault
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC) WHERE 'fault' = ANY(outcomes);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_agent_fault
    ON calls (agent_id, (COALESCE(started_at, created_at)) DESC, vapi_call_id DESC) WHERE 'fault' = ANY(outcomes);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_unbooked
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC)
    WHERE status = 'ended' AND agreed AND NOT outcomes && '{booked,moved,stands}';
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_agent_unbooked
    ON calls (agent_id, (COALESCE(started_at, created_at)) DESC, vapi_call_id DESC)
    WHERE status = 'ended' AND agreed AND NOT outcomes && '{booked,moved,stands}';

-- Numbers are looked for by their last digits: people leave out the country.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_caller_end
    ON calls (reverse(caller_number) text_pattern_ops) WHERE caller_number IS NOT NULL;

-- =============================================================================
-- LISTS OF MESSAGES, THE OPEN ONES FIRST
-- =============================================================================

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_received_open
    ON messages (received_at DESC, message_id DESC) WHERE done_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_received_done
    ON messages (received_at DESC, message_id DESC) WHERE done_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_agent_done
    ON messages (agent_id, received_at DESC, message_id DESC) WHERE done_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_words ON messages USING gin (
    (body || ' ' || COALESCE(attendee_name, '') || ' ' || COALESCE(attendee_phone, '') || ' ' || COALESCE(caller_number, ''))
    gin_trgm_ops
);

INSERT INTO schema_migrations (version, description)
VALUES (10, 'List calls and messages')
ON CONFLICT (version) DO NOTHING;
