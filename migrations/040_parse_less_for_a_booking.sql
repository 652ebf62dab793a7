-- Migration 040: Parse less for a booking
-- Purpose: A booking costs the server less; events of viewings do what they did
-- Created: 2026-12-01

-- PostgreSQL parses the condition of a trigger, and a CHECK, anew for every statement that inserts a row, from a text of
-- one to two thousand characters for a list of kinds. A function is parsed once in a session. So the conditions are
-- short, and what is longer is the first statement of the function.

-- As in migration 033, but for its first statement.
CREATE OR REPLACE FUNCTION queue_notices_of_event() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (
        NEW.kind IN ('booked', 'moved', 'cancelled', 'no_show', 'reopened', 'released')
        OR NEW.kind = 'edited' AND NEW.changes ?| '{home,agent_id,minutes}'
    ) THEN
        RETURN NULL;
    END IF;
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
    EXECUTE FUNCTION queue_notices_of_event();

-- As in migration 035, but for its first statement.
CREATE OR REPLACE FUNCTION offer_freed_time() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    jobs procrastinate_job_to_defer_v1 [];
BEGIN
    IF NOT (
        NEW.kind IN ('moved', 'cancelled', 'released')
        OR NEW.kind = 'edited' AND NEW.changes ?| '{agent_id,minutes,home_id}'
    ) THEN
        RETURN NULL;
    END IF;

    SELECT array_agg(ROW(
        'offer_waitlist', 'offer_waitlist', 0, NULL, NULL, jsonb_build_object('agent_id', waiting.agent_id), NULL
    )::procrastinate_job_to_defer_v1 ORDER BY waiting.first_entry)
    INTO jobs
    FROM appointments AS viewing
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(NEW.changes #>> '{agent_id,0}', viewing.agent_id) AS agent_id,
            CASE WHEN NEW.changes ? 'home_id' THEN (NEW.changes #>> '{home_id,0}')::bigint
                 ELSE viewing.property_id END AS property_id
    ) AS freed
    CROSS JOIN LATERAL (
        SELECT open.agent_id, MIN(open.entry_id) AS first_entry
        FROM (
            (
                SELECT waitlist.agent_id, waitlist.entry_id
                FROM waitlist
                WHERE waitlist.agent_id = freed.agent_id AND waitlist.state IN ('waiting', 'offered')
                ORDER BY waitlist.entry_id
                LIMIT 1
            )
            UNION ALL
            SELECT waitlist.agent_id, waitlist.entry_id
            FROM waitlist
            WHERE waitlist.property_id = freed.property_id
                AND waitlist.state IN ('waiting', 'offered')
                AND (SELECT one_viewing_at_a_time FROM property_settings)
        ) AS open
        GROUP BY open.agent_id
    ) AS waiting
    WHERE viewing.id = NEW.appointment_id;

    IF jobs IS NOT NULL THEN
        PERFORM procrastinate_defer_jobs_v1(jobs);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointment_events_waitlist
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (NEW.kind <> 'booked')
    EXECUTE FUNCTION offer_freed_time();

-- Every other kind of event is one of a webhook.
CREATE OR REPLACE TRIGGER appointment_events_webhooks
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (NEW.kind <> 'confirmed')
    EXECUTE FUNCTION queue_webhooks_of_event();

-- One constant in place of nine.
ALTER TABLE appointment_events DROP CONSTRAINT IF EXISTS appointment_events_kind_known;
ALTER TABLE appointment_events ADD CONSTRAINT appointment_events_kind_known CHECK (
    kind = ANY ('{booked,moved,cancelled,completed,no_show,reopened,confirmed,released,edited}')
) NOT VALID;

INSERT INTO schema_migrations (version, description)
VALUES (40, 'Parse less for a booking')
ON CONFLICT (version) DO NOTHING;
