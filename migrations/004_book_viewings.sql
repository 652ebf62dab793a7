-- Migration 004: Book viewings
-- Purpose: An agent's time (zone, hours, rules, busy blocks) and bookings that cannot overlap
-- Created: 2026-11-22

-- The exclusion constraint below compares agents and time ranges in one index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- =============================================================================
-- AN AGENT'S TIME
-- =============================================================================

-- lint: allow add-check because agents are people: a few hundred rows, read in a millisecond
ALTER TABLE agents
    ADD COLUMN IF NOT EXISTS time_zone TEXT DEFAULT 'America/Chicago' NOT NULL,
    ADD COLUMN IF NOT EXISTS phone_number_id VARCHAR(36),
    ADD COLUMN IF NOT EXISTS handover_number TEXT,
    ADD COLUMN IF NOT EXISTS slot_minutes INTEGER DEFAULT 30 NOT NULL,
    ADD COLUMN IF NOT EXISTS step_minutes INTEGER DEFAULT 30 NOT NULL,
    ADD COLUMN IF NOT EXISTS buffer_minutes INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN IF NOT EXISTS notice_minutes INTEGER DEFAULT 120 NOT NULL,
    ADD COLUMN IF NOT EXISTS horizon_days INTEGER DEFAULT 14 NOT NULL,
    ADD COLUMN IF NOT EXISTS daily_cap INTEGER,
    ADD CONSTRAINT agents_slot_sane CHECK (slot_minutes BETWEEN 5 AND 480),
    ADD CONSTRAINT agents_step_sane CHECK (step_minutes BETWEEN 5 AND 480),
    ADD CONSTRAINT agents_buffer_sane CHECK (buffer_minutes BETWEEN 0 AND 480),
    ADD CONSTRAINT agents_notice_sane CHECK (notice_minutes BETWEEN 0 AND 20160),
    ADD CONSTRAINT agents_horizon_sane CHECK (horizon_days BETWEEN 1 AND 365),
    ADD CONSTRAINT agents_daily_cap_sane CHECK (daily_cap BETWEEN 1 AND 200);

-- lint: allow create-index because agents are people: a few hundred rows, indexed in a millisecond
CREATE UNIQUE INDEX IF NOT EXISTS idx_agents_phone_number ON agents (phone_number_id);

COMMENT ON COLUMN agents.time_zone IS 'IANA name; the wall clock that working hours and spoken times follow';
COMMENT ON COLUMN agents.phone_number_id IS 'Vapi''s id of the phone number: finds the agent where no assistant id is sent';
COMMENT ON COLUMN agents.handover_number IS 'Where a caller who asks for a person is put through to, as +1…';
COMMENT ON COLUMN agents.slot_minutes IS 'How long a viewing is';
COMMENT ON COLUMN agents.step_minutes IS 'A viewing may start every so many minutes, counted from the start of a working window';
COMMENT ON COLUMN agents.buffer_minutes IS 'Kept free after each viewing';
COMMENT ON COLUMN agents.notice_minutes IS 'The shortest time between booking and viewing';
COMMENT ON COLUMN agents.horizon_days IS 'How many days ahead may be booked';
COMMENT ON COLUMN agents.daily_cap IS 'The most viewings on one local day; empty for no limit';

CREATE TABLE IF NOT EXISTS agent_hours (
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    weekday SMALLINT NOT NULL,
    opens_at TIME NOT NULL,
    closes_at TIME NOT NULL,

    PRIMARY KEY (agent_id, weekday, opens_at),
    CONSTRAINT agent_hours_weekday_known CHECK (weekday BETWEEN 1 AND 7),
    CONSTRAINT agent_hours_close_after_open CHECK (closes_at > opens_at)
);

COMMENT ON TABLE agent_hours IS 'Working windows by weekday, in the agent''s time zone; several a day are fine';
COMMENT ON COLUMN agent_hours.weekday IS 'ISO: 1 is Monday, 7 is Sunday';
COMMENT ON COLUMN agent_hours.closes_at IS '24:00 is the end of the day';

CREATE TABLE IF NOT EXISTS agent_days (
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    day DATE NOT NULL,
    opens_at TIME,
    closes_at TIME,
    note TEXT,

    CONSTRAINT agent_days_close_after_open CHECK (closes_at > opens_at),
    CONSTRAINT agent_days_both_or_neither CHECK ((opens_at IS NULL) = (closes_at IS NULL))
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_days ON agent_days (agent_id, day, opens_at);

COMMENT ON TABLE agent_days IS 'Days that differ from the week: closed (no times), or other windows';

CREATE TABLE IF NOT EXISTS agent_busy (
    busy_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    during TSTZRANGE NOT NULL,
    source TEXT DEFAULT 'by hand' NOT NULL,
    note TEXT,

    CONSTRAINT agent_busy_not_empty CHECK (NOT isempty(during)),
    CONSTRAINT agent_busy_bounded CHECK (NOT lower_inf(during) AND NOT upper_inf(during))
);

CREATE INDEX IF NOT EXISTS idx_agent_busy_during ON agent_busy USING gist (agent_id, during);

COMMENT ON TABLE agent_busy IS 'Time that is taken by something other than a viewing, from an outside calendar or by hand';

-- An agent made by any means has working hours at once: Monday to Friday, nine to five.
CREATE OR REPLACE FUNCTION give_default_hours() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
    SELECT NEW.agent_id, weekday, '09:00', '17:00' FROM generate_series(1, 5) AS weekday
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER agents_default_hours
    AFTER INSERT ON agents
    FOR EACH ROW EXECUTE FUNCTION give_default_hours();

-- lint: allow write-after-ddl because agents are few: five rows for each
INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
SELECT agent_id, weekday, '09:00', '17:00' FROM agents, generate_series(1, 5) AS weekday
ON CONFLICT DO NOTHING;

-- =============================================================================
-- BOOKINGS
-- =============================================================================

-- lint: allow add-check because the column is new and empty, and the table read once, before it is large
ALTER TABLE appointments
    ADD COLUMN IF NOT EXISTS attendee_phone TEXT,
    ADD COLUMN IF NOT EXISTS caller_number TEXT,
    ADD COLUMN IF NOT EXISTS vapi_tool_call_id TEXT,
    ADD COLUMN IF NOT EXISTS blocked_until TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS overlap_allowed BOOLEAN DEFAULT FALSE NOT NULL,
    ADD COLUMN IF NOT EXISTS updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    ADD CONSTRAINT appointments_blocked_to_the_end CHECK (blocked_until >= end_time);

COMMENT ON COLUMN appointments.attendee_phone IS 'The number the visitor gave';
COMMENT ON COLUMN appointments.caller_number IS 'The number the call came from, as the telephone network gave it';
COMMENT ON COLUMN appointments.vapi_tool_call_id IS 'The tool call that booked it; its repetition finds this row';
COMMENT ON COLUMN appointments.blocked_until IS 'End of the viewing and of the agent''s buffer after it; empty: no buffer';
COMMENT ON COLUMN appointments.overlap_allowed IS 'Somebody overbooked on purpose, or it overlapped before migration 004';

-- Bookings that overlapped before there was a rule stay, marked as what they are.
-- lint: allow write-after-ddl because nobody may book between this and the constraint that relies on it
UPDATE appointments AS later
SET overlap_allowed = TRUE
WHERE later.status = 'confirmed'
    AND EXISTS (
        SELECT 1
        FROM appointments AS earlier
        WHERE earlier.agent_id = later.agent_id
            AND earlier.status = 'confirmed'
            AND earlier.id < later.id
            AND tstzrange(earlier.start_time, earlier.end_time) && tstzrange(later.start_time, later.end_time)
    );

-- lint: allow add-exclusion because PostgreSQL has no way without the lock, and the table is not yet large
ALTER TABLE appointments
    ADD CONSTRAINT appointments_agent_no_overlap EXCLUDE USING gist (
        agent_id WITH =,
        tstzrange(start_time, COALESCE(blocked_until, end_time)) WITH &&
    ) WHERE (status = 'confirmed' AND NOT overlap_allowed);

COMMENT ON CONSTRAINT appointments_agent_no_overlap ON appointments IS 'The last word on who gets a time';

-- lint: allow create-index because the exclusion constraint above holds the lock anyway
CREATE UNIQUE INDEX IF NOT EXISTS idx_appointments_tool_call
    ON appointments (vapi_call_id, vapi_tool_call_id) WHERE vapi_tool_call_id IS NOT NULL;
-- lint: allow create-index because the exclusion constraint above holds the lock anyway
CREATE INDEX IF NOT EXISTS idx_appointments_caller
    ON appointments (caller_number, start_time) WHERE caller_number IS NOT NULL;
-- lint: allow create-index because the exclusion constraint above holds the lock anyway
CREATE INDEX IF NOT EXISTS idx_appointments_start ON appointments (start_time);
-- lint: allow create-index because the exclusion constraint above holds the lock anyway
CREATE INDEX IF NOT EXISTS idx_appointments_standing ON appointments (agent_id, start_time) WHERE status <> 'cancelled';

-- Databases of the earlier system may carry ON DELETE CASCADE here, which would erase bookings with their agent.
DO $$
DECLARE
    erasing NAME;
BEGIN
    FOR erasing IN
        SELECT conname FROM pg_constraint
        WHERE conrelid = 'appointments'::regclass AND confrelid = 'agents'::regclass
            AND contype = 'f' AND confdeltype NOT IN ('a', 'r')
    LOOP
        EXECUTE format('ALTER TABLE appointments DROP CONSTRAINT %I', erasing);
    END LOOP;

    IF NOT EXISTS (
        SELECT 1 FROM pg_constraint
        WHERE conrelid = 'appointments'::regclass AND confrelid = 'agents'::regclass AND contype = 'f'
    ) THEN
        ALTER TABLE appointments
            -- lint: allow add-foreign-key because the rows had to fit the key that it replaces
            ADD CONSTRAINT appointments_agent_kept
            FOREIGN KEY (agent_id) REFERENCES agents (agent_id) ON DELETE RESTRICT;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS appointment_events (
    event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id INTEGER NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
    happened_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    old_start TIMESTAMPTZ,
    new_start TIMESTAMPTZ,

    CONSTRAINT appointment_events_kind_known
        CHECK (kind IN ('booked', 'moved', 'cancelled', 'completed', 'no_show', 'reopened'))
);

CREATE INDEX IF NOT EXISTS idx_appointment_events ON appointment_events (appointment_id, event_id);

COMMENT ON TABLE appointment_events IS 'What happened to each booking, and by whom';
COMMENT ON COLUMN appointment_events.actor IS '''phone'', or the e-mail address of the user who did it by hand';

INSERT INTO schema_migrations (version, description)
VALUES (4, 'Book viewings')
ON CONFLICT (version) DO NOTHING;
