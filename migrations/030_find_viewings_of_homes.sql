-- migrate: no-transaction
-- Migration 030: Find viewings of homes
-- Purpose: The viewings of one home are found without reading all others
-- Created: 2026-11-30

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_property
    ON appointments (property_id, start_time) WHERE property_id IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_unknown_home
    ON appointments (agent_id, start_time) WHERE is_home_unknown;

ALTER TABLE appointments DROP CONSTRAINT IF EXISTS appointments_property_known;
ALTER TABLE appointments ADD CONSTRAINT appointments_property_known
    FOREIGN KEY (property_id) REFERENCES properties (property_id) NOT VALID;
ALTER TABLE appointments VALIDATE CONSTRAINT appointments_property_known;

INSERT INTO schema_migrations (version, description)
VALUES (30, 'Find viewings of homes')
ON CONFLICT (version) DO NOTHING;
