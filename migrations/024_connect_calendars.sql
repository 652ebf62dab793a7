-- Migration 024: Connect calendars
-- Purpose: Busy times from the agents' own calendars, and viewings in them
-- Created: 2026-11-29

-- =============================================================================
-- CONNECTED CALENDARS
-- =============================================================================

CREATE TABLE IF NOT EXISTS installation (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE,
    namespace TEXT DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12) NOT NULL,

    CONSTRAINT installation_has_one_row CHECK (is_only)
);

INSERT INTO installation DEFAULT VALUES ON CONFLICT DO NOTHING;

COMMENT ON TABLE installation IS 'One row: what tells this installation from others';
COMMENT ON COLUMN installation.namespace IS 'In the id of every event that it writes into a calendar, to recognise them';

CREATE TABLE IF NOT EXISTS calendar_accounts (
    account_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    credentials TEXT NOT NULL,
    state TEXT DEFAULT 'connected' NOT NULL,
    keeps_titles BOOLEAN DEFAULT FALSE NOT NULL,
    problem TEXT,
    failed_since TIMESTAMPTZ,
    failures INTEGER DEFAULT 0 NOT NULL,
    retry_at TIMESTAMPTZ,
    attempted_at TIMESTAMPTZ,
    lease_token UUID,
    leased_until TIMESTAMPTZ,
    connected_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    connected_by TEXT,

    CONSTRAINT calendar_accounts_kind_known CHECK (kind IN ('ics', 'caldav', 'microsoft', 'google', 'demo')),
    CONSTRAINT calendar_accounts_state_known CHECK (state IN ('connected', 'reauth_required'))
);

CREATE INDEX IF NOT EXISTS idx_calendar_accounts_agent ON calendar_accounts (agent_id);

COMMENT ON TABLE calendar_accounts IS 'An account at a provider of calendars, connected to an agent';
COMMENT ON COLUMN calendar_accounts.credentials IS 'JSON, encrypted with CREDENTIALS_KEY: address, user name and password, or tokens';
COMMENT ON COLUMN calendar_accounts.state IS 'reauth_required: the provider refused the sign-in, a person must connect it again';
COMMENT ON COLUMN calendar_accounts.problem IS 'Why the last attempt failed, in a sentence; empty after one that did not';
COMMENT ON COLUMN calendar_accounts.retry_at IS 'No request to the provider before that';
COMMENT ON COLUMN calendar_accounts.attempted_at IS 'When the provider was last asked for anything';
COMMENT ON COLUMN calendar_accounts.lease_token IS 'Which process speaks to the provider: one at a time';

CREATE TABLE IF NOT EXISTS calendars (
    calendar_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES calendar_accounts (account_id) ON DELETE CASCADE,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    remote_id TEXT NOT NULL,
    name TEXT NOT NULL,
    is_writable BOOLEAN DEFAULT FALSE NOT NULL,
    blocks BOOLEAN DEFAULT FALSE NOT NULL,
    receives_viewings BOOLEAN DEFAULT FALSE NOT NULL,
    read_cursor TEXT,
    read_at TIMESTAMPTZ,
    read_whole_at TIMESTAMPTZ,
    read_until TIMESTAMPTZ,
    read_zone TEXT,
    notes TEXT [] DEFAULT '{}' NOT NULL,

    CONSTRAINT calendars_once_per_account UNIQUE (account_id, remote_id),
    CONSTRAINT calendars_receiver_is_writable CHECK (is_writable OR NOT receives_viewings)
);

CREATE INDEX IF NOT EXISTS idx_calendars_agent ON calendars (agent_id);
CREATE UNIQUE INDEX IF NOT EXISTS idx_calendars_receiving ON calendars (agent_id) WHERE receives_viewings;

COMMENT ON TABLE calendars IS 'The calendars of connected accounts';
COMMENT ON COLUMN calendars.remote_id IS 'The provider''s id; for CalDAV an address';
COMMENT ON COLUMN calendars.blocks IS 'Whether its events take the agent''s time';
COMMENT ON COLUMN calendars.receives_viewings IS 'Whether viewings are written into it; one per agent';
COMMENT ON COLUMN calendars.read_cursor IS 'Of the provider: from which the next reading continues';
COMMENT ON COLUMN calendars.read_at IS 'Everything that the calendar said at that time is in agent_busy; empty: never read';
COMMENT ON COLUMN calendars.read_until IS 'The end of the time that was read';
COMMENT ON COLUMN calendars.read_zone IS 'The agent''s time zone at the last whole reading, which all-day events follow';
COMMENT ON COLUMN calendars.notes IS 'Sentences about events that were understood in part';

CREATE TABLE IF NOT EXISTS calendar_sign_ins (
    state_hash BYTEA PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    verifier TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_calendar_sign_ins_user ON calendar_sign_ins (user_id);
CREATE INDEX IF NOT EXISTS idx_calendar_sign_ins_agent ON calendar_sign_ins (agent_id);
CREATE INDEX IF NOT EXISTS idx_calendar_sign_ins_age ON calendar_sign_ins (created_at);

COMMENT ON TABLE calendar_sign_ins IS 'Users whom a provider is about to send back (OAuth 2); deleted when used, or after an hour';
COMMENT ON COLUMN calendar_sign_ins.state_hash IS 'SHA-256 of the state parameter';
COMMENT ON COLUMN calendar_sign_ins.verifier IS 'Of PKCE, encrypted';

-- =============================================================================
-- BUSY TIMES
-- =============================================================================

ALTER TABLE agent_busy
    ADD COLUMN IF NOT EXISTS calendar_id BIGINT REFERENCES calendars (calendar_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS event_key TEXT,
    ADD COLUMN IF NOT EXISTS kind TEXT;

-- lint: allow create-index because no row has a calendar yet
CREATE INDEX IF NOT EXISTS idx_agent_busy_calendar ON agent_busy (calendar_id, event_key) WHERE calendar_id IS NOT NULL;

COMMENT ON COLUMN agent_busy.calendar_id IS 'The calendar that it was read from; empty for one that was entered manually';
COMMENT ON COLUMN agent_busy.event_key IS 'The provider''s id of the event, or of the series, that it belongs to';
COMMENT ON COLUMN agent_busy.kind IS 'busy, tentative or out_of_office';

CREATE TABLE IF NOT EXISTS agent_calendar_settings (
    agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    trusts_stale BOOLEAN DEFAULT FALSE NOT NULL
);

COMMENT ON TABLE agent_calendar_settings IS 'What agents chose for all their calendars; no row: the defaults';
COMMENT ON COLUMN agent_calendar_settings.trusts_stale IS 'Whether times are offered while a calendar cannot be read';

ALTER TABLE messages ADD COLUMN IF NOT EXISTS is_urgent BOOLEAN DEFAULT FALSE NOT NULL;

COMMENT ON COLUMN messages.is_urgent IS 'Left by us for a caller who wanted a viewing while the calendar could not be read';

-- lint: allow create-index because no message is urgent yet, and the table is read once
CREATE UNIQUE INDEX IF NOT EXISTS idx_messages_urgent ON messages (vapi_call_id) WHERE is_urgent;

-- =============================================================================
-- VIEWINGS IN CALENDARS
-- =============================================================================

CREATE TABLE IF NOT EXISTS calendar_viewings (
    appointment_id INTEGER PRIMARY KEY REFERENCES appointments (id) ON DELETE CASCADE,
    calendar_id BIGINT REFERENCES calendars (calendar_id) ON DELETE SET NULL,
    revision INTEGER DEFAULT 0 NOT NULL,
    version BIGINT DEFAULT 1 NOT NULL,
    written_version BIGINT DEFAULT 0 NOT NULL,
    attempted_at TIMESTAMPTZ,
    event_id TEXT,
    written_start TIMESTAMPTZ,
    written_end TIMESTAMPTZ,
    problem TEXT,
    remote_change TEXT,
    remote_start TIMESTAMPTZ,
    remote_end TIMESTAMPTZ,
    noticed_at TIMESTAMPTZ,

    CONSTRAINT calendar_viewings_change_known CHECK (remote_change IN ('moved', 'deleted'))
);

CREATE INDEX IF NOT EXISTS idx_calendar_viewings_waiting ON calendar_viewings (appointment_id)
WHERE version <> written_version;
CREATE INDEX IF NOT EXISTS idx_calendar_viewings_calendar ON calendar_viewings (calendar_id, event_id);
CREATE INDEX IF NOT EXISTS idx_calendar_viewings_changed ON calendar_viewings (appointment_id)
WHERE remote_change IS NOT NULL;

COMMENT ON TABLE calendar_viewings IS 'The outbox: viewings whose event has to be written, and what was written';
COMMENT ON COLUMN calendar_viewings.calendar_id IS 'Where the event is';
COMMENT ON COLUMN calendar_viewings.revision IS 'Counts the events of a viewing: one that was deleted is never written again under its id';
COMMENT ON COLUMN calendar_viewings.version IS 'Grows with every change of the viewing; above written_version, the event has to be written';
COMMENT ON COLUMN calendar_viewings.attempted_at IS 'Since when an event may exist whose id is not known; empty once the id is known';
COMMENT ON COLUMN calendar_viewings.problem IS 'Why the provider refused the event';
COMMENT ON COLUMN calendar_viewings.remote_change IS 'What a person did to the event in the calendar, until it is adopted or put back';

ALTER TABLE appointments
    ADD COLUMN IF NOT EXISTS sequence INTEGER DEFAULT 0 NOT NULL,
    ALTER COLUMN calendar_event_id TYPE TEXT;

COMMENT ON COLUMN appointments.sequence IS 'Counts the changes of time, place and status (SEQUENCE of RFC 5545)';
COMMENT ON COLUMN appointments.calendar_event_id IS 'The provider''s id of its event in the agent''s calendar';

CREATE OR REPLACE FUNCTION count_changes_of_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    NEW.sequence := OLD.sequence + 1;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER appointments_sequence
    BEFORE UPDATE OF start_time, end_time, status, property_address ON appointments
    FOR EACH ROW
    WHEN (
        OLD.start_time IS DISTINCT FROM NEW.start_time
        OR OLD.end_time IS DISTINCT FROM NEW.end_time
        OR (OLD.status = 'cancelled') IS DISTINCT FROM (NEW.status = 'cancelled')
        OR OLD.property_address IS DISTINCT FROM NEW.property_address
    )
    EXECUTE FUNCTION count_changes_of_viewing();

-- Whatever changes a viewing, its event has to be written again: the row and the job are committed with the change.
CREATE OR REPLACE FUNCTION queue_event_of_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calendar_viewings (appointment_id)
    SELECT NEW.id
    WHERE EXISTS (SELECT FROM calendars WHERE agent_id = NEW.agent_id AND receives_viewings)
        OR TG_OP = 'UPDATE' AND EXISTS (SELECT FROM calendar_viewings WHERE appointment_id = NEW.id)
    ON CONFLICT (appointment_id) DO UPDATE SET version = calendar_viewings.version + 1;
    IF FOUND THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'write_viewing', 'write_viewing', 0, NULL, NULL, jsonb_build_object('appointment_id', NEW.id), NULL
        )::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointments_event_added
    AFTER INSERT ON appointments
    FOR EACH ROW
    WHEN (NEW.status = 'confirmed')
    EXECUTE FUNCTION queue_event_of_viewing();

CREATE OR REPLACE TRIGGER appointments_event_changed
    AFTER UPDATE OF start_time, end_time, status, property_address, attendee_name, attendee_email, attendee_phone
    ON appointments
    FOR EACH ROW
    WHEN (
        OLD.start_time IS DISTINCT FROM NEW.start_time
        OR OLD.end_time IS DISTINCT FROM NEW.end_time
        OR (OLD.status = 'cancelled') IS DISTINCT FROM (NEW.status = 'cancelled')
        OR OLD.property_address IS DISTINCT FROM NEW.property_address
        OR OLD.attendee_name IS DISTINCT FROM NEW.attendee_name
        OR OLD.attendee_email IS DISTINCT FROM NEW.attendee_email
        OR OLD.attendee_phone IS DISTINCT FROM NEW.attendee_phone
    )
    EXECUTE FUNCTION queue_event_of_viewing();

-- =============================================================================
-- FEEDS
-- =============================================================================

CREATE TABLE IF NOT EXISTS agent_feeds (
    agent_id VARCHAR(255) PRIMARY KEY REFERENCES agents (agent_id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    token TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    fetched_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_feeds_token ON agent_feeds (token_hash);

COMMENT ON TABLE agent_feeds IS 'The secret address under which a calendar program subscribes to an agent''s viewings';
COMMENT ON COLUMN agent_feeds.token_hash IS 'SHA-256 of the token in the address';
COMMENT ON COLUMN agent_feeds.token IS 'The token, encrypted, to show the address again';
COMMENT ON COLUMN agent_feeds.fetched_at IS 'When a program last fetched it; written at most once a minute';

INSERT INTO schema_migrations (version, description)
VALUES (24, 'Connect calendars')
ON CONFLICT (version) DO NOTHING;
