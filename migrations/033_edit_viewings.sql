-- migrate: no-transaction
-- Migration 033: Edit viewings
-- Purpose: A user can change everything about a viewing, each change is in its history, and flagged calls can be handled
-- Created: 2026-11-30

-- Constraints that are replaced do not exist the first time: the notices of that would hide others.
SET client_min_messages TO warning;

-- =============================================================================
-- VIEWINGS
-- =============================================================================

ALTER TABLE appointments ADD COLUMN IF NOT EXISTS notes TEXT;

COMMENT ON COLUMN appointments.notes IS 'What the office noted about it; neither visitors nor calendars get it';

ALTER TABLE appointments DROP CONSTRAINT IF EXISTS appointments_notes_short;
ALTER TABLE appointments ADD CONSTRAINT appointments_notes_short CHECK (length(notes) <= 2000) NOT VALID;

ALTER TABLE appointment_events ADD COLUMN IF NOT EXISTS changes JSONB;

COMMENT ON COLUMN appointment_events.changes IS
'Of an edit: the fields home, home_id, agent, agent_id, minutes, name, phone, email, notes, each with old and new value';

ALTER TABLE appointment_events DROP CONSTRAINT IF EXISTS appointment_events_kind_known;
ALTER TABLE appointment_events ADD CONSTRAINT appointment_events_kind_known CHECK (
    kind IN ('booked', 'moved', 'cancelled', 'completed', 'no_show', 'reopened', 'confirmed', 'released', 'edited')
) NOT VALID;

-- The feed of an agent has changed when a viewing left it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointment_events_left
    ON appointment_events ((changes #>> '{agent_id,0}'), happened_at) WHERE changes ? 'agent_id';

-- Another agent counts as a change that invitations and calendars have to know of, as another time or home does.
CREATE OR REPLACE TRIGGER appointments_sequence
    BEFORE UPDATE OF start_time, end_time, status, property_address, agent_id ON appointments
    FOR EACH ROW
    WHEN (
        OLD.start_time IS DISTINCT FROM NEW.start_time
        OR OLD.end_time IS DISTINCT FROM NEW.end_time
        OR (OLD.status = 'cancelled') IS DISTINCT FROM (NEW.status = 'cancelled')
        OR OLD.property_address IS DISTINCT FROM NEW.property_address
        OR OLD.agent_id IS DISTINCT FROM NEW.agent_id
    )
    EXECUTE FUNCTION count_changes_of_viewing();

CREATE OR REPLACE TRIGGER appointments_event_changed
    AFTER UPDATE OF
    start_time, end_time, status, property_address, agent_id, attendee_name, attendee_email, attendee_phone
    ON appointments
    FOR EACH ROW
    WHEN (
        OLD.start_time IS DISTINCT FROM NEW.start_time
        OR OLD.end_time IS DISTINCT FROM NEW.end_time
        OR (OLD.status = 'cancelled') IS DISTINCT FROM (NEW.status = 'cancelled')
        OR OLD.property_address IS DISTINCT FROM NEW.property_address
        OR OLD.agent_id IS DISTINCT FROM NEW.agent_id
        OR OLD.attendee_name IS DISTINCT FROM NEW.attendee_name
        OR OLD.attendee_email IS DISTINCT FROM NEW.attendee_email
        OR OLD.attendee_phone IS DISTINCT FROM NEW.attendee_phone
    )
    EXECUTE FUNCTION queue_event_of_viewing();

-- =============================================================================
-- NOTICES OF AN EDIT
-- =============================================================================

-- As in migration 026. The visitor is told of another home, agent or length. So is the agent; where it is another one,
-- the viewing is new to it, and the one before is told that it is gone.
CREATE OR REPLACE FUNCTION queue_notices_of_event() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM notice_channels) THEN
        RETURN NULL;
    END IF;

    INSERT INTO notices (
        appointment_id, agent_id, kind, channel, audience, recipient, revision, language, is_answer, old_start,
        due_at, expires_at, created_at
    )
    SELECT
        viewing.id, agents.agent_id, told.kind, told.channel, told.audience, told.recipient, viewing.sequence,
        agents.language, told.audience = 'agent' OR NEW.actor IN ('phone', 'visitor'), NEW.old_start,
        NEW.happened_at,
        CASE NEW.kind WHEN 'no_show' THEN NEW.happened_at + INTERVAL '2 days' ELSE viewing.start_time END,
        NEW.happened_at
    FROM appointments AS viewing
    CROSS JOIN LATERAL (
        SELECT viewing.agent_id, CASE NEW.kind WHEN 'reopened' THEN 'booked' WHEN 'edited' THEN 'changed' ELSE NEW.kind END,
               CASE WHEN NEW.kind = 'reopened' OR NEW.changes ? 'agent_id' THEN 'booked'
                    WHEN NEW.kind = 'edited' THEN 'changed'
                    ELSE NEW.kind END
        UNION ALL
        SELECT NEW.changes #>> '{agent_id,0}', NULL, 'reassigned' WHERE NEW.changes ? 'agent_id'
    ) AS event (agent_id, kind, agent_kind)
    JOIN agents ON agents.agent_id = event.agent_id
    LEFT JOIN users ON users.user_id = agents.user_id AND users.is_active
    LEFT JOIN agent_notice_contacts AS contact ON contact.agent_id = event.agent_id
    CROSS JOIN notice_settings AS office
    CROSS JOIN LATERAL (
        SELECT event.kind, way.channel, 'visitor' AS audience, way.address AS recipient
        FROM (
            VALUES
                ('text', COALESCE(viewing.attendee_phone, viewing.caller_number), office.texts_visitors),
                ('email', viewing.attendee_email, office.mails_visitors)
        ) AS way (channel, address, is_on)
        WHERE way.is_on
            AND event.kind IS NOT NULL
            AND way.address ~ CASE way.channel WHEN 'text' THEN '^\+[1-9][0-9]{7,14}$' ELSE '@' END
            AND (NEW.kind <> 'no_show' OR office.follows_up_no_shows AND EXISTS (
                SELECT
                FROM contact_consents AS given
                WHERE given.appointment_id = viewing.id
                    AND given.recipient = way.address
                    AND given.channel = way.channel
                    AND given.purpose = 'follow_up'
                    AND given.revoked_at IS NULL
            ))
        UNION ALL
        SELECT 'agent_' || event.agent_kind, way.channel, 'agent', way.address
        FROM (
            VALUES ('email', COALESCE(contact.email, users.email), 'now'), ('text', contact.phone, 'off')
        ) AS way (channel, address, usual_timing)
        LEFT JOIN agent_notice_choices AS choice
            ON choice.agent_id = event.agent_id
                AND choice.channel = way.channel
                AND choice.kind = 'agent_' || event.agent_kind
        WHERE way.address <> ''
            AND COALESCE(choice.timing, way.usual_timing) = 'now'
            AND NEW.kind <> 'no_show'
            AND NEW.actor IS DISTINCT FROM users.email
    ) AS told
    JOIN notice_channels ON notice_channels.channel = told.channel
    WHERE viewing.id = NEW.appointment_id
        AND (viewing.start_time > NEW.happened_at OR NEW.kind = 'no_show')
    ON CONFLICT ON CONSTRAINT notices_once DO NOTHING;

    IF FOUND THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'send_notices', 'send_notices', 0, NULL, NULL,
            jsonb_build_object('appointment_id', NEW.appointment_id), NULL
        )::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointment_events_notices
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (
        NEW.kind IN ('booked', 'moved', 'cancelled', 'no_show', 'reopened', 'released')
        OR NEW.kind = 'edited' AND NEW.changes ?| '{home,agent_id,minutes}'
    )
    EXECUTE FUNCTION queue_notices_of_event();

-- A shorter viewing, or one that another agent took over, may free a time that a caller waits for.
CREATE OR REPLACE FUNCTION offer_freed_time() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    freed_agent TEXT;
BEGIN
    SELECT freed.agent_id INTO freed_agent
    FROM appointments AS viewing
    CROSS JOIN LATERAL (SELECT COALESCE(NEW.changes #>> '{agent_id,0}', viewing.agent_id) AS agent_id) AS freed
    WHERE viewing.id = NEW.appointment_id
        AND EXISTS (SELECT FROM waitlist WHERE waitlist.agent_id = freed.agent_id AND state IN ('waiting', 'offered'));

    IF FOUND THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'offer_waitlist', 'offer_waitlist', 0, NULL, NULL, jsonb_build_object('agent_id', freed_agent), NULL
        )::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointment_events_waitlist
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (
        NEW.kind IN ('moved', 'cancelled', 'released')
        OR NEW.kind = 'edited' AND NEW.changes ?| '{agent_id,minutes}'
    )
    EXECUTE FUNCTION offer_freed_time();

-- =============================================================================
-- CALLS
-- =============================================================================

ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS handled_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS handled_by TEXT,
    ADD COLUMN IF NOT EXISTS handled_note TEXT;

COMMENT ON COLUMN calls.handled_at IS 'When a user marked a call with a problem as handled; empty: it is open';
COMMENT ON COLUMN calls.handled_by IS 'The e-mail address of that user';
COMMENT ON COLUMN calls.handled_note IS 'What the user noted; removed when the call is reduced';

ALTER TABLE calls DROP CONSTRAINT IF EXISTS calls_handled_note_short;
ALTER TABLE calls ADD CONSTRAINT calls_handled_note_short CHECK (length(handled_note) <= 500) NOT VALID;

ALTER TABLE tool_calls ADD COLUMN IF NOT EXISTS fault TEXT;

COMMENT ON COLUMN tool_calls.fault IS 'What kind of error kept it from being answered, by its name in the code';

-- As in migration 019, with the note.
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
    NEW.handled_note := NULL;
    IF NEW.ended_reason !~ '^[A-Za-z0-9_.-]{1,100}$' OR NEW.ended_reason ~ '[0-9]{7}' THEN
        NEW.ended_reason := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- Open calls with any problem. The condition is word for word that of the list of calls.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_problem
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC)
    WHERE handled_at IS NULL AND (
        'fault' = ANY(outcomes)
        OR status = 'ended' AND agreed AND NOT outcomes && '{booked,moved,stands}'
        OR status = 'ended' AND ended_reason ~ 'error|fail|invalid|not-found|not-provided|no-assistant|shutdown|websocket|disconnected|rejected|join-timed-out'
        OR status <> 'ended' AND kind = 'call'
    );
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_agent_problem
    ON calls (agent_id, (COALESCE(started_at, created_at)) DESC, vapi_call_id DESC)
    WHERE handled_at IS NULL AND (
        'fault' = ANY(outcomes)
        OR status = 'ended' AND agreed AND NOT outcomes && '{booked,moved,stands}'
        OR status = 'ended' AND ended_reason ~ 'error|fail|invalid|not-found|not-provided|no-assistant|shutdown|websocket|disconnected|rejected|join-timed-out'
        OR status <> 'ended' AND kind = 'call'
    );
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_handled
    ON calls ((COALESCE(started_at, created_at)) DESC, vapi_call_id DESC) WHERE handled_at IS NOT NULL;

INSERT INTO schema_migrations (version, description)
VALUES (33, 'Edit viewings')
ON CONFLICT (version) DO NOTHING;
