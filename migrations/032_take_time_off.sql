-- Migration 032: Take time off
-- Purpose: Closures of the office and repeating blocks of agents, whose times are in agent_busy like all others
-- Created: 2026-11-30

CREATE TABLE IF NOT EXISTS office_closures (
    closure_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    from_min INTEGER DEFAULT 0 NOT NULL,
    until_min INTEGER DEFAULT 1440 NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,

    CONSTRAINT office_closures_once UNIQUE (first_day, last_day, from_min, until_min, name),
    CONSTRAINT office_closures_name_not_empty CHECK (btrim(name) <> ''),
    CONSTRAINT office_closures_from_sane CHECK (from_min BETWEEN 0 AND 1439),
    CONSTRAINT office_closures_until_sane CHECK (until_min BETWEEN 1 AND 1440),
    CONSTRAINT office_closures_end_after_start
        CHECK (last_day > first_day OR (last_day = first_day AND until_min > from_min))
);

CREATE INDEX IF NOT EXISTS idx_office_closures_last_day ON office_closures (last_day);

COMMENT ON TABLE office_closures IS 'When the whole office is closed: public holidays, parties, moves';
COMMENT ON COLUMN office_closures.from_min IS 'Its start on the first day, in minutes after midnight on each agent''s clock';
COMMENT ON COLUMN office_closures.until_min IS 'Its end on the last day, likewise; 1440 is the end of the day';

CREATE TABLE IF NOT EXISTS closure_exemptions (
    closure_id BIGINT NOT NULL REFERENCES office_closures (closure_id) ON DELETE CASCADE,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,

    PRIMARY KEY (closure_id, agent_id)
);

CREATE INDEX IF NOT EXISTS idx_closure_exemptions_agent ON closure_exemptions (agent_id);

COMMENT ON TABLE closure_exemptions IS 'Agents who work although the office is closed';

CREATE TABLE IF NOT EXISTS repeating_blocks (
    repeating_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    weekdays SMALLINT [] NOT NULL,
    from_min INTEGER NOT NULL,
    until_min INTEGER NOT NULL,
    every_weeks INTEGER DEFAULT 1 NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE,
    note TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,

    CONSTRAINT repeating_blocks_weekdays_known
        CHECK (cardinality(weekdays) > 0 AND weekdays <@ '{1, 2, 3, 4, 5, 6, 7}'::SMALLINT []),
    CONSTRAINT repeating_blocks_from_sane CHECK (from_min BETWEEN 0 AND 1439),
    CONSTRAINT repeating_blocks_until_sane CHECK (until_min BETWEEN 1 AND 1440),
    CONSTRAINT repeating_blocks_end_after_start CHECK (until_min > from_min),
    CONSTRAINT repeating_blocks_weeks_sane CHECK (every_weeks BETWEEN 1 AND 52),
    CONSTRAINT repeating_blocks_days_in_order CHECK (last_day >= first_day)
);

CREATE INDEX IF NOT EXISTS idx_repeating_blocks_agent ON repeating_blocks (agent_id);

COMMENT ON TABLE repeating_blocks IS 'Blocked time of an agent that repeats: every Monday from 12 to 1';
COMMENT ON COLUMN repeating_blocks.weekdays IS 'ISO: 1 is Monday, 7 is Sunday';
COMMENT ON COLUMN repeating_blocks.from_min IS 'In minutes after midnight on the agent''s clock; until_min likewise';
COMMENT ON COLUMN repeating_blocks.every_weeks IS 'Counted from the week of first_day; weeks begin on Monday';
COMMENT ON COLUMN repeating_blocks.last_day IS 'Empty: without an end';

CREATE TABLE IF NOT EXISTS repeating_exceptions (
    repeating_id BIGINT NOT NULL REFERENCES repeating_blocks (repeating_id) ON DELETE CASCADE,
    day DATE NOT NULL,

    PRIMARY KEY (repeating_id, day)
);

COMMENT ON TABLE repeating_exceptions IS 'Days on which a repeating block is left out';

-- The times themselves. Whatever offers or books times reads agent_busy only, and needs to know nothing of the above.
ALTER TABLE agent_busy
    ADD COLUMN IF NOT EXISTS closure_id BIGINT REFERENCES office_closures (closure_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS repeating_id BIGINT REFERENCES repeating_blocks (repeating_id) ON DELETE CASCADE,
    ADD COLUMN IF NOT EXISTS repeats_on DATE;

-- lint: allow create-index because no row is of a closure yet
CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_busy_closure
    ON agent_busy (closure_id, agent_id) WHERE closure_id IS NOT NULL;
-- lint: allow create-index because no row is of a repeating block yet
CREATE UNIQUE INDEX IF NOT EXISTS idx_agent_busy_repeating
    ON agent_busy (repeating_id, repeats_on) WHERE repeating_id IS NOT NULL;

COMMENT ON COLUMN agent_busy.closure_id IS 'The closure of the office that it is a part of';
COMMENT ON COLUMN agent_busy.repeating_id IS 'The repeating block that it is a part of';
COMMENT ON COLUMN agent_busy.repeats_on IS 'The day of a repeating block, on the agent''s calendar';

INSERT INTO schema_migrations (version, description)
VALUES (32, 'Take time off')
ON CONFLICT (version) DO NOTHING;
