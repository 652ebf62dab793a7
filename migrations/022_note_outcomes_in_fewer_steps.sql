-- migrate: no-transaction
-- Migration 022: Note outcomes in fewer steps
-- Purpose: Recording a tool call takes less of the database, while callers wait
-- Created: 2026-11-29

-- Only a report has an evaluation to look at; a tool call that inserts its call has none.
CREATE OR REPLACE TRIGGER calls_claims
    BEFORE INSERT OR UPDATE OF success_evaluation, structured_data ON calls
    FOR EACH ROW
    WHEN (NEW.success_evaluation IS NOT NULL OR NEW.structured_data IS NOT NULL)
    EXECUTE FUNCTION note_what_a_report_claims();

-- A tool call that is inserted only adds to what the call came to: the others need not be read again. As in migration
-- 010 the row of the call is locked first, so that of two at once the second sees what the first has noted.
CREATE OR REPLACE FUNCTION note_added_outcomes() RETURNS TRIGGER
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

CREATE OR REPLACE TRIGGER tool_calls_came
    AFTER INSERT ON tool_calls REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_added_outcomes();

-- Every statement that may overwrite a tool call runs this trigger; few do overwrite one.
CREATE OR REPLACE FUNCTION note_what_came_of_calls() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    late TEXT [];
BEGIN
    IF NOT EXISTS (SELECT FROM fresh) THEN
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

-- Lists of calls are in the order of the indexes of migration 010: by start, else by creation.
DROP INDEX CONCURRENTLY IF EXISTS idx_calls_created;
DROP INDEX CONCURRENTLY IF EXISTS idx_calls_agent_created;

INSERT INTO schema_migrations (version, description)
VALUES (22, 'Note outcomes in fewer steps')
ON CONFLICT (version) DO NOTHING;
