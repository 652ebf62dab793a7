-- Migration 019: Reduce old calls
-- Purpose: A reduced call keeps its times, costs and outcomes, and nothing that was said; late reports change nothing of it
-- Created: 2026-11-29

-- =============================================================================
-- CALLS
-- =============================================================================

ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS reduced_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS reduced_after_days INTEGER;

COMMENT ON COLUMN calls.reduced_at IS 'When what was said in the call was removed; empty: it is kept';
COMMENT ON COLUMN calls.reduced_after_days IS 'KEEP_CALLS_DAYS at that time; empty for a call that was reduced at a person''s request';

-- The one definition of what a reduced call lacks. Vapi's words for the end of a call are kept; anything else that was
-- sent in their place, and any number of seven digits in them, is not.
CREATE OR REPLACE FUNCTION reduce_call() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    NEW.caller_number := NULL;
    NEW.summary := NULL;
    NEW.transcript := NULL;
    NEW.messages := NULL;
    NEW.success_evaluation := NULL;
    NEW.structured_data := NULL;
    NEW.recording_url := NULL;
    NEW.recordings := NULL;
    IF NEW.ended_reason !~ '^[A-Za-z0-9_.-]{1,100}$' OR NEW.ended_reason ~ '[0-9]{7}' THEN
        NEW.ended_reason := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- Every writer is covered: the reduction sets reduced_at only, and what a late report brings is emptied.
CREATE OR REPLACE TRIGGER calls_reduced
    BEFORE INSERT OR UPDATE ON calls
    FOR EACH ROW WHEN (NEW.reduced_at IS NOT NULL)
    EXECUTE FUNCTION reduce_call();

-- =============================================================================
-- TOOL CALLS
-- =============================================================================

ALTER TABLE tool_calls ADD COLUMN IF NOT EXISTS reduced_at TIMESTAMPTZ;

COMMENT ON COLUMN tool_calls.reduced_at IS 'When arguments and answer were removed; empty: they are kept';

-- A model may call a tool by any name, so the name of an unknown tool is something that was said. A repetition of the
-- tool call must still be answered with a sentence.
CREATE OR REPLACE FUNCTION reduce_tool_call() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    NEW.arguments := NULL;
    NEW.answer := 'That was answered before.';
    NEW.offered := NULL;
    IF NEW.outcome = 'unknown tool' THEN
        NEW.name := 'unknown tool';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER tool_calls_reduced
    BEFORE INSERT OR UPDATE ON tool_calls
    FOR EACH ROW WHEN (NEW.reduced_at IS NOT NULL)
    EXECUTE FUNCTION reduce_tool_call();

-- As in migration 010, and a tool call that arrives after its call was reduced is reduced at once.
CREATE OR REPLACE FUNCTION note_what_came_of_calls() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    late TEXT [];
BEGIN
    SELECT array_agg(held.vapi_call_id) FILTER (WHERE held.reduced_at IS NOT NULL) INTO late
    FROM (
        SELECT vapi_call_id, reduced_at
        FROM calls
        WHERE vapi_call_id IN (SELECT vapi_call_id FROM fresh WHERE vapi_call_id <> '')
        ORDER BY vapi_call_id
        FOR NO KEY UPDATE
    ) AS held;

    UPDATE calls
    SET outcomes = told.outcomes, agreed = calls.agreed OR told.asked
    FROM (SELECT DISTINCT vapi_call_id FROM fresh WHERE vapi_call_id <> '') AS touched
    CROSS JOIN LATERAL what_came_of(touched.vapi_call_id) AS told
    WHERE calls.vapi_call_id = touched.vapi_call_id
        AND (calls.outcomes IS DISTINCT FROM told.outcomes OR told.asked AND NOT calls.agreed);

    IF late IS NOT NULL THEN
        UPDATE tool_calls SET reduced_at = NOW() WHERE vapi_call_id = ANY (late) AND reduced_at IS NULL;
    END IF;
    RETURN NULL;
END
$$;

-- =============================================================================
-- THE AUDIT LOG
-- =============================================================================

-- A person's data, and what was done with them.
ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_subject_kind_known;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_subject_kind_known
    CHECK (subject_kind IN ('agent', 'appointment', 'job', 'message', 'person', 'user')) NOT VALID;

COMMENT ON TABLE audit_log IS
'Every change that a person made, newest last; rows are added, and changed only to remove a person''s data at their request';

INSERT INTO schema_migrations (version, description)
VALUES (19, 'Reduce old calls')
ON CONFLICT (version) DO NOTHING;
