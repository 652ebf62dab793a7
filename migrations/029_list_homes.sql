-- Migration 029: List homes
-- Purpose: The homes of the office, when they may be shown and by whom, and which home each viewing is of
-- Created: 2026-11-30

CREATE TABLE IF NOT EXISTS properties (
    property_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line1 TEXT NOT NULL,
    unit TEXT,
    city TEXT,
    state TEXT,
    zip_code TEXT,
    number_key TEXT,
    street_key TEXT,
    unit_key TEXT,
    said_as TEXT [] DEFAULT '{}' NOT NULL,
    bedrooms INTEGER,
    bathrooms NUMERIC(4, 2),
    rent INTEGER,
    available_on DATE,
    status TEXT DEFAULT 'active' NOT NULL,
    showing_minutes INTEGER,
    notice_minutes INTEGER,
    source TEXT DEFAULT 'manual' NOT NULL,
    source_id TEXT,
    retired_by TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT properties_once_per_source UNIQUE (source, source_id),
    CONSTRAINT properties_street_not_empty CHECK (btrim(line1) <> ''),
    CONSTRAINT properties_status_known CHECK (status IN ('active', 'inactive')),
    CONSTRAINT properties_retired_are_inactive CHECK (status = 'inactive' OR retired_by IS NULL),
    CONSTRAINT properties_bedrooms_sane CHECK (bedrooms BETWEEN 0 AND 20),
    CONSTRAINT properties_bathrooms_sane CHECK (bathrooms BETWEEN 0 AND 20),
    CONSTRAINT properties_rent_sane CHECK (rent BETWEEN 0 AND 1000000),
    CONSTRAINT properties_showing_sane CHECK (showing_minutes BETWEEN 5 AND 480),
    CONSTRAINT properties_notice_sane CHECK (notice_minutes BETWEEN 0 AND 20160)
);

COMMENT ON TABLE properties IS 'The homes that callers may see; never deleted, only inactive';
COMMENT ON COLUMN properties.number_key IS 'The house number in its canonical spelling, as callers'' words are compared with it';
COMMENT ON COLUMN properties.street_key IS 'The words of the street''s name and its type, canonical';
COMMENT ON COLUMN properties.unit_key IS 'The unit, canonical';
COMMENT ON COLUMN properties.said_as IS 'Other names that callers use';
COMMENT ON COLUMN properties.rent IS 'A month, in whole dollars';
COMMENT ON COLUMN properties.source IS 'manual, or the feed it came from; its id there is source_id';

COMMENT ON COLUMN properties.retired_by IS 'Who retired it; empty: active, or its feed no longer has it and may bring it back';

CREATE INDEX IF NOT EXISTS idx_properties_number ON properties (number_key);

CREATE TABLE IF NOT EXISTS property_windows (
    property_id BIGINT NOT NULL REFERENCES properties (property_id) ON DELETE CASCADE,
    weekday SMALLINT NOT NULL,
    opens_at TIME NOT NULL,
    closes_at TIME NOT NULL,

    PRIMARY KEY (property_id, weekday, opens_at),
    CONSTRAINT property_windows_weekday_known CHECK (weekday BETWEEN 1 AND 7),
    CONSTRAINT property_windows_close_after_open CHECK (closes_at > opens_at)
);

COMMENT ON TABLE property_windows IS 'When a home may be shown, on the agent''s clock; no row: whenever the agent works';

CREATE TABLE IF NOT EXISTS property_agents (
    property_id BIGINT NOT NULL REFERENCES properties (property_id) ON DELETE CASCADE,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,

    PRIMARY KEY (property_id, agent_id)
);

CREATE INDEX IF NOT EXISTS idx_property_agents_agent ON property_agents (agent_id);

COMMENT ON TABLE property_agents IS 'Who shows a home; no row: every agent';

CREATE TABLE IF NOT EXISTS property_settings (
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE,
    one_viewing_at_a_time BOOLEAN DEFAULT FALSE NOT NULL,

    CONSTRAINT property_settings_has_one_row CHECK (is_only)
);

INSERT INTO property_settings DEFAULT VALUES ON CONFLICT DO NOTHING;

COMMENT ON TABLE property_settings IS 'One row: how the office shows its homes';
COMMENT ON COLUMN property_settings.one_viewing_at_a_time IS 'Whether two viewings of one home may not overlap, even with different agents';

CREATE TABLE IF NOT EXISTS property_sources (
    source TEXT PRIMARY KEY,
    mapping JSONB DEFAULT '{}' NOT NULL,
    imported_at TIMESTAMPTZ,
    imported_by TEXT,

    CONSTRAINT property_sources_named CHECK (btrim(source) <> '' AND source <> 'manual')
);

COMMENT ON TABLE property_sources IS 'The feeds that homes are imported from';
COMMENT ON COLUMN property_sources.mapping IS 'Which column of its files is which field, by the name of the field';

CREATE TABLE IF NOT EXISTS property_imports (
    import_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content BYTEA NOT NULL,
    mapping JSONB DEFAULT '{}' NOT NULL,
    uploaded_by INTEGER NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    uploaded_at TIMESTAMPTZ NOT NULL,

    CONSTRAINT property_imports_small CHECK (octet_length(content) <= 2097152)
);

CREATE INDEX IF NOT EXISTS idx_property_imports_user ON property_imports (uploaded_by, uploaded_at);

COMMENT ON TABLE property_imports IS 'Uploaded files between the steps of an import; deleted once imported, and after a day';

ALTER TABLE appointments ADD COLUMN IF NOT EXISTS property_id BIGINT;
ALTER TABLE appointments ADD COLUMN IF NOT EXISTS is_home_unknown BOOLEAN DEFAULT FALSE NOT NULL;

COMMENT ON COLUMN appointments.property_id IS 'The home in the catalogue; property_address keeps what the caller said';
COMMENT ON COLUMN appointments.is_home_unknown IS 'The caller named a home that the catalogue does not have: a person should look';

ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_subject_kind_known;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_subject_kind_known
    CHECK (
        subject_kind IN (
            'agent', 'appointment', 'call', 'closure', 'home', 'job', 'line', 'message', 'notice', 'person',
            'token', 'user', 'webhook'
        )
    ) NOT VALID;

INSERT INTO schema_migrations (version, description)
VALUES (29, 'List homes')
ON CONFLICT (version) DO NOTHING;
