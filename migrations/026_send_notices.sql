-- Migration 026: Send notices
-- Purpose: Visitors, agents and users are told by e-mail and text what happened, once each
-- Created: 2026-11-30

-- =============================================================================
-- CHANNELS AND SETTINGS
-- =============================================================================

CREATE TABLE IF NOT EXISTS notice_channels (
    channel TEXT PRIMARY KEY,
    sender TEXT NOT NULL,
    is_real BOOLEAN NOT NULL,
    ready_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT notice_channels_known CHECK (channel IN ('email', 'text'))
);

COMMENT ON TABLE notice_channels IS 'The channels that the worker of background jobs can send through, as it found at its start';
COMMENT ON COLUMN notice_channels.sender IS 'The address or number that notices come from';
COMMENT ON COLUMN notice_channels.is_real IS 'False: they are written into files, in development';

CREATE TABLE IF NOT EXISTS notice_settings (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE,
    office_name TEXT DEFAULT 'Leasing office' NOT NULL,
    texts_visitors BOOLEAN DEFAULT TRUE NOT NULL,
    mails_visitors BOOLEAN DEFAULT TRUE NOT NULL,
    reminds_day_before BOOLEAN DEFAULT TRUE NOT NULL,
    reminds_hours_before BOOLEAN DEFAULT TRUE NOT NULL,
    follows_up_no_shows BOOLEAN DEFAULT FALSE NOT NULL,
    release_hours INTEGER,
    quiet_from TIME DEFAULT '20:00' NOT NULL,
    quiet_until TIME DEFAULT '08:00' NOT NULL,
    list_at TIME DEFAULT '07:30' NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT notice_settings_has_one_row CHECK (is_only),
    CONSTRAINT notice_settings_release_sane CHECK (release_hours BETWEEN 1 AND 20),
    CONSTRAINT notice_settings_night_sane CHECK (quiet_from > quiet_until)
);

INSERT INTO notice_settings DEFAULT VALUES ON CONFLICT DO NOTHING;

COMMENT ON TABLE notice_settings IS 'One row: what the office sends';
COMMENT ON COLUMN notice_settings.release_hours IS 'An unconfirmed viewing is released so many hours before; empty: never';
COMMENT ON COLUMN notice_settings.quiet_from IS 'From then until quiet_until, on the agent''s clock, nobody is reminded';
COMMENT ON COLUMN notice_settings.list_at IS 'When agents get their morning list, on their clock';

CREATE TABLE IF NOT EXISTS notice_templates (
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    language TEXT NOT NULL,
    subject TEXT,
    body TEXT NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_by TEXT NOT NULL,

    PRIMARY KEY (kind, channel, language)
);

COMMENT ON TABLE notice_templates IS 'Wordings that an admin changed; the others are part of the application';

CREATE TABLE IF NOT EXISTS agent_notice_contacts (
    agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    email TEXT,
    phone TEXT,
    listed_on DATE
);

COMMENT ON TABLE agent_notice_contacts IS 'Where an agent is told; no row: at the e-mail address of its user';
COMMENT ON COLUMN agent_notice_contacts.listed_on IS 'The last day whose morning list was written, or left out because it was empty';

CREATE TABLE IF NOT EXISTS agent_notice_choices (
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    timing TEXT NOT NULL,

    PRIMARY KEY (agent_id, kind, channel),
    CONSTRAINT agent_notice_choices_channel_known CHECK (channel IN ('email', 'text')),
    CONSTRAINT agent_notice_choices_timing_known CHECK (timing IN ('now', 'morning', 'off'))
);

COMMENT ON TABLE agent_notice_choices IS 'What an agent is told of, how and when; no row: by e-mail, at once';

-- =============================================================================
-- THE OUTBOX
-- =============================================================================

CREATE TABLE IF NOT EXISTS notices (
    notice_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE CASCADE,
    agent_id VARCHAR(255) REFERENCES agents (agent_id) ON DELETE CASCADE,
    about TEXT DEFAULT '' NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    audience TEXT NOT NULL,
    recipient TEXT NOT NULL,
    revision INTEGER DEFAULT 0 NOT NULL,
    language TEXT DEFAULT 'en' NOT NULL,
    is_answer BOOLEAN DEFAULT FALSE NOT NULL,
    old_start TIMESTAMPTZ,
    due_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    reason TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    claim UUID,
    claimed_at TIMESTAMPTZ,
    handed_over_at TIMESTAMPTZ,
    provider_id TEXT,
    subject TEXT,
    body TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    ended_at TIMESTAMPTZ,

    CONSTRAINT notices_once UNIQUE (appointment_id, kind, channel, recipient, revision, about),
    CONSTRAINT notices_channel_known CHECK (channel IN ('email', 'text')),
    CONSTRAINT notices_audience_known CHECK (audience IN ('visitor', 'agent', 'user')),
    CONSTRAINT notices_state_known
        CHECK (state IN ('waiting', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'suppressed'))
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_notices_about ON notices (about, kind, channel, recipient)
WHERE appointment_id IS NULL;
CREATE INDEX IF NOT EXISTS idx_notices_open ON notices (due_at) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_notices_provider ON notices (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_notices_trouble ON notices (state, notice_id)
WHERE state IN ('failed', 'suppressed', 'unknown');
CREATE INDEX IF NOT EXISTS idx_notices_created ON notices (created_at, notice_id);
CREATE INDEX IF NOT EXISTS idx_notices_agent ON notices (agent_id, notice_id);
CREATE INDEX IF NOT EXISTS idx_notices_recipient ON notices (recipient, notice_id);
CREATE INDEX IF NOT EXISTS idx_notices_ended ON notices (ended_at) WHERE ended_at IS NOT NULL;

COMMENT ON TABLE notices IS 'The outbox: every e-mail and text, written in the transaction of what it tells, sent by a job';
COMMENT ON COLUMN notices.about IS 'What a notice is about beside its viewing, such as user:7 or a text that it answers: told once';
COMMENT ON COLUMN notices.recipient IS 'A number in E.164, or an e-mail address';
COMMENT ON COLUMN notices.revision IS 'appointments.sequence of what it tells; the viewing is at another one: no longer true';
COMMENT ON COLUMN notices.is_answer IS 'It answers what the recipient did a moment ago: quiet hours do not hold it';
COMMENT ON COLUMN notices.expires_at IS 'Later it is not sent any more';
COMMENT ON COLUMN notices.reason IS 'Why it was suppressed, failed or is unknown, in a sentence';
COMMENT ON COLUMN notices.claim IS 'Which attempt is sending it';
COMMENT ON COLUMN notices.handed_over_at IS 'Since when the provider may have it';
COMMENT ON COLUMN notices.ended_at IS 'When it was sent, or when it became clear that it will not be';

CREATE TABLE IF NOT EXISTS notice_events (
    provider_id TEXT NOT NULL,
    happened_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    what TEXT NOT NULL,
    detail TEXT DEFAULT '' NOT NULL,

    PRIMARY KEY (provider_id, what, detail)
);

CREATE INDEX IF NOT EXISTS idx_notice_events_age ON notice_events (happened_at);

COMMENT ON TABLE notice_events IS 'What a provider reported about a letter, in any order, each once';
COMMENT ON COLUMN notice_events.provider_id IS 'Of the letter; a report may arrive before its notice has the id';

-- =============================================================================
-- WHAT VISITORS ANSWER
-- =============================================================================

CREATE TABLE IF NOT EXISTS contact_consents (
    consent_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    purpose TEXT NOT NULL,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE CASCADE,
    given_at TIMESTAMPTZ,
    how_given TEXT,
    words_given TEXT,
    revoked_at TIMESTAMPTZ,
    how_revoked TEXT,
    words_revoked TEXT,

    CONSTRAINT contact_consents_channel_known CHECK (channel IN ('email', 'text')),
    CONSTRAINT contact_consents_purpose_known CHECK (purpose IN ('viewing', 'follow_up', 'all')),
    CONSTRAINT contact_consents_given_or_revoked CHECK (given_at IS NOT NULL OR revoked_at IS NOT NULL)
);

CREATE INDEX IF NOT EXISTS idx_contact_consents_recipient ON contact_consents (recipient, channel);
CREATE UNIQUE INDEX IF NOT EXISTS idx_contact_consents_stopped ON contact_consents (recipient, channel)
WHERE purpose = 'all';
CREATE UNIQUE INDEX IF NOT EXISTS idx_contact_consents_viewing
    ON contact_consents (appointment_id, recipient, channel, purpose);

COMMENT ON TABLE contact_consents IS 'Who may be told what, since when and why; and who said stop';
COMMENT ON COLUMN contact_consents.purpose IS 'viewing: notices of one viewing; follow_up: after a missed one; all: STOP and START';
COMMENT ON COLUMN contact_consents.how_given IS 'Such as phone call abc, page of the visitor, text message';
COMMENT ON COLUMN contact_consents.revoked_at IS 'Since when nothing is sent for that purpose; empty again after START';

CREATE TABLE IF NOT EXISTS text_replies (
    provider_id TEXT PRIMARY KEY,
    sender TEXT NOT NULL,
    receiver TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    understood_as TEXT NOT NULL,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE SET NULL,
    answer TEXT,
    done_at TIMESTAMPTZ
);

CREATE INDEX IF NOT EXISTS idx_text_replies_sender ON text_replies (sender, received_at);
CREATE INDEX IF NOT EXISTS idx_text_replies_unknown ON text_replies (received_at) WHERE appointment_id IS NULL;
CREATE INDEX IF NOT EXISTS idx_text_replies_appointment ON text_replies (appointment_id)
WHERE appointment_id IS NOT NULL;

COMMENT ON TABLE text_replies IS 'Texts that visitors sent, and what they were understood as';
COMMENT ON COLUMN text_replies.provider_id IS 'The provider''s id: a text that is delivered twice is one';
COMMENT ON COLUMN text_replies.done_at IS 'When everything was done about it; a delivery that finds it empty resumes';

ALTER TABLE messages ADD COLUMN IF NOT EXISTS appointment_id INTEGER REFERENCES appointments (id) ON DELETE SET NULL;
-- lint: allow create-index because no message has a viewing yet, and the table is read once
CREATE INDEX IF NOT EXISTS idx_messages_appointment ON messages (appointment_id) WHERE appointment_id IS NOT NULL;

COMMENT ON COLUMN messages.appointment_id IS 'The viewing that a message by text is about; empty for messages by phone';

ALTER TABLE appointments
    ADD COLUMN IF NOT EXISTS confirmed_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS released_at TIMESTAMPTZ;

COMMENT ON COLUMN appointments.confirmed_at IS 'When the visitor confirmed to come; empty again when it is moved';
COMMENT ON COLUMN appointments.released_at IS 'When it was cancelled because nobody confirmed it; empty again when it is reinstated';

ALTER TABLE appointment_events DROP CONSTRAINT IF EXISTS appointment_events_kind_known;
ALTER TABLE appointment_events ADD CONSTRAINT appointment_events_kind_known CHECK (
    kind IN ('booked', 'moved', 'cancelled', 'completed', 'no_show', 'reopened', 'confirmed', 'released')
) NOT VALID;

CREATE TABLE IF NOT EXISTS waitlist (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    vapi_call_id TEXT,
    tool_call_id TEXT,
    attendee_name TEXT NOT NULL,
    phone TEXT NOT NULL,
    property_address TEXT NOT NULL,
    wanted TSTZMULTIRANGE NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    passed TIMESTAMPTZ [] DEFAULT '{}' NOT NULL,
    offered_start TIMESTAMPTZ,
    offered_end TIMESTAMPTZ,
    offer_expires_at TIMESTAMPTZ,
    offers INTEGER DEFAULT 0 NOT NULL,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE SET NULL,

    CONSTRAINT waitlist_once_per_tool_call UNIQUE (vapi_call_id, tool_call_id),
    CONSTRAINT waitlist_state_known CHECK (state IN ('waiting', 'offered', 'booked', 'ended')),
    CONSTRAINT waitlist_wants_a_time CHECK (NOT isempty(wanted)),
    CONSTRAINT waitlist_offer_is_whole CHECK (
        state <> 'offered' OR offered_start < offered_end AND offer_expires_at IS NOT NULL
    ),
    CONSTRAINT waitlist_one_offer_per_time
        EXCLUDE USING gist (agent_id WITH =, tstzrange(offered_start, offered_end) WITH &&) WHERE (state = 'offered')
);

CREATE INDEX IF NOT EXISTS idx_waitlist_open ON waitlist (agent_id, entry_id) WHERE state IN ('waiting', 'offered');
CREATE INDEX IF NOT EXISTS idx_waitlist_phone ON waitlist (phone);
CREATE INDEX IF NOT EXISTS idx_waitlist_appointment ON waitlist (appointment_id) WHERE appointment_id IS NOT NULL;

COMMENT ON TABLE waitlist IS 'Callers whose time was taken, in the order in which they asked';
COMMENT ON COLUMN waitlist.wanted IS 'The starting times that suit the caller';
COMMENT ON COLUMN waitlist.passed IS 'Starting times that were offered and not taken: they are not offered again';
COMMENT ON COLUMN waitlist.offered_start IS 'A time that became free and is held for this caller until offer_expires_at';

ALTER TABLE agent_busy ADD COLUMN IF NOT EXISTS holds_until TIMESTAMPTZ;

COMMENT ON COLUMN agent_busy.holds_until IS 'Until when a time is held for a caller on the waitlist; empty: for good';

-- =============================================================================
-- NOTICES OF A VIEWING
-- =============================================================================

-- Every change of a viewing writes an event, which knows who made it. The notices and their job are committed with it.
-- Where nothing can be sent, one look at an empty table is all that it costs.
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
        viewing.id, viewing.agent_id, told.kind, told.channel, told.audience, told.recipient, viewing.sequence,
        agents.language, told.audience = 'agent' OR NEW.actor IN ('phone', 'visitor'), NEW.old_start,
        NEW.happened_at,
        CASE NEW.kind WHEN 'no_show' THEN NEW.happened_at + INTERVAL '2 days' ELSE viewing.start_time END,
        NEW.happened_at
    FROM appointments AS viewing
    JOIN agents USING (agent_id)
    LEFT JOIN users ON users.user_id = agents.user_id AND users.is_active
    LEFT JOIN agent_notice_contacts AS contact ON contact.agent_id = viewing.agent_id
    CROSS JOIN notice_settings AS office
    CROSS JOIN LATERAL (SELECT CASE NEW.kind WHEN 'reopened' THEN 'booked' ELSE NEW.kind END AS kind) AS event
    CROSS JOIN LATERAL (
        SELECT event.kind, way.channel, 'visitor' AS audience, way.address AS recipient
        FROM (
            VALUES
                ('text', COALESCE(viewing.attendee_phone, viewing.caller_number), office.texts_visitors),
                ('email', viewing.attendee_email, office.mails_visitors)
        ) AS way (channel, address, is_on)
        WHERE way.is_on
            AND way.address ~ CASE way.channel WHEN 'text' THEN '^\+[1-9][0-9]{7,14}$' ELSE '@' END
            AND (NEW.kind <> 'no_show' OR office.follows_up_no_shows)
        UNION ALL
        SELECT 'agent_' || event.kind, way.channel, 'agent', way.address
        FROM (
            VALUES ('email', COALESCE(contact.email, users.email), 'now'), ('text', contact.phone, 'off')
        ) AS way (channel, address, usual_timing)
        LEFT JOIN agent_notice_choices AS choice
            ON choice.agent_id = viewing.agent_id
                AND choice.channel = way.channel
                AND choice.kind = 'agent_' || event.kind
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
    WHEN (NEW.kind IN ('booked', 'moved', 'cancelled', 'no_show', 'reopened', 'released'))
    EXECUTE FUNCTION queue_notices_of_event();

-- A cancellation may free a time that a caller waits for.
CREATE OR REPLACE FUNCTION offer_freed_time() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    freed_agent TEXT;
BEGIN
    SELECT agent_id INTO freed_agent
    FROM appointments AS viewing
    WHERE viewing.id = NEW.appointment_id
        AND EXISTS (SELECT FROM waitlist WHERE waitlist.agent_id = viewing.agent_id AND state IN ('waiting', 'offered'));

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
    WHEN (NEW.kind IN ('moved', 'cancelled', 'released'))
    EXECUTE FUNCTION offer_freed_time();

-- =============================================================================
-- OTHER NOTICES OF AGENTS
-- =============================================================================

-- Writes the notices about something else than a viewing that an agent wants at once, and their jobs.
CREATE OR REPLACE FUNCTION tell_agent(
    told_agent TEXT, told_kind TEXT, told_about TEXT, told_at TIMESTAMPTZ, true_until TIMESTAMPTZ
) RETURNS INTEGER
LANGUAGE plpgsql AS $$
DECLARE
    added BIGINT;
    number INTEGER := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM notice_channels) THEN
        RETURN 0;
    END IF;

    FOR added IN
        INSERT INTO notices (
            agent_id, about, kind, channel, audience, recipient, language, is_answer, due_at, expires_at, created_at
        )
        SELECT
            agents.agent_id, told_about, told_kind, way.channel, 'agent', way.address, agents.language, TRUE, told_at,
            true_until, told_at
        FROM agents
        LEFT JOIN users ON users.user_id = agents.user_id AND users.is_active
        LEFT JOIN agent_notice_contacts AS contact ON contact.agent_id = agents.agent_id
        CROSS JOIN LATERAL (
            VALUES ('email', COALESCE(contact.email, users.email), 'now'), ('text', contact.phone, 'off')
        ) AS way (channel, address, usual_timing)
        JOIN notice_channels ON notice_channels.channel = way.channel
        LEFT JOIN agent_notice_choices AS choice
            ON choice.agent_id = agents.agent_id AND choice.channel = way.channel AND choice.kind = told_kind
        WHERE agents.agent_id = told_agent
            AND way.address <> ''
            AND COALESCE(choice.timing, way.usual_timing) = 'now'
        ON CONFLICT DO NOTHING
        RETURNING notice_id
    LOOP
        number := number + 1;
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'send_notices', 'send_notices', 0, NULL, NULL, jsonb_build_object('notice_id', added), NULL
        )::procrastinate_job_to_defer_v1]);
    END LOOP;
    RETURN number;
END
$$;

CREATE OR REPLACE FUNCTION tell_agent_of_message() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_agent(
        NEW.agent_id, 'agent_urgent_message', 'message:' || NEW.message_id, NEW.received_at,
        NEW.received_at + INTERVAL '1 day'
    );
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER messages_tell_agent
    AFTER INSERT ON messages
    FOR EACH ROW
    WHEN (NEW.is_urgent)
    EXECUTE FUNCTION tell_agent_of_message();

ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_subject_kind_known;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_subject_kind_known
    CHECK (subject_kind IN ('agent', 'appointment', 'job', 'message', 'notice', 'person', 'user')) NOT VALID;

-- A visitor who confirmed one time has not confirmed another.
CREATE OR REPLACE FUNCTION count_changes_of_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    NEW.sequence := OLD.sequence + 1;
    IF OLD.start_time IS DISTINCT FROM NEW.start_time OR NEW.status = 'cancelled' THEN
        NEW.confirmed_at := NULL;
    END IF;
    RETURN NEW;
END
$$;

INSERT INTO schema_migrations (version, description)
VALUES (26, 'Send notices')
ON CONFLICT (version) DO NOTHING;
