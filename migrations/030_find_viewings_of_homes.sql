-- migrate: no-transaction
-- Migration 030: Find viewings of homes
-- Purpose: A home is found by the words that callers say, and the viewings of one home without reading all others
-- Created: 2026-11-30

-- Constraints that are replaced do not exist the first time: the notices of that would hide others.
SET client_min_messages TO warning;

ALTER TABLE properties ADD COLUMN IF NOT EXISTS search_keys TEXT [] DEFAULT '{}' NOT NULL;

COMMENT ON COLUMN properties.search_keys IS 'The words of its street and its other names, how they sound (~), and its city (@)';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_properties_search ON properties USING gin (search_keys);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_property
    ON appointments (property_id, start_time) WHERE property_id IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_unknown_home
    ON appointments (agent_id, start_time) WHERE is_home_unknown;

ALTER TABLE appointments DROP CONSTRAINT IF EXISTS appointments_property_known;
ALTER TABLE appointments ADD CONSTRAINT appointments_property_known
    FOREIGN KEY (property_id) REFERENCES properties (property_id) NOT VALID;
ALTER TABLE appointments VALIDATE CONSTRAINT appointments_property_known;

-- =============================================================================
-- ONE VIEWING OF A HOME AT A TIME
-- =============================================================================

CREATE TABLE IF NOT EXISTS property_viewings (
    appointment_id INTEGER PRIMARY KEY REFERENCES appointments (id) ON DELETE CASCADE,
    property_id BIGINT NOT NULL REFERENCES properties (property_id),
    during TSTZRANGE NOT NULL,

    CONSTRAINT property_viewings_no_overlap EXCLUDE USING gist (property_id WITH =, during WITH &&)
);

COMMENT ON TABLE property_viewings IS 'The confirmed viewings that may not overlap others of their home; kept by triggers, empty while the office allows overlaps';

CREATE OR REPLACE FUNCTION keep_property_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    is_kept BOOLEAN := NEW.property_id IS NOT NULL AND NEW.status = 'confirmed' AND NOT NEW.overlap_allowed
        AND NEW.end_time > NEW.start_time
        AND (SELECT one_viewing_at_a_time FROM property_settings);
BEGIN
    IF is_kept IS NOT TRUE THEN
        DELETE FROM property_viewings WHERE appointment_id = NEW.id;
        RETURN NULL;
    END IF;
    -- Two racers would each wait for the other's row: the exclusion constraint alone deadlocks.
    PERFORM pg_advisory_xact_lock(hashtextextended('property_viewings', NEW.property_id));
    INSERT INTO property_viewings (appointment_id, property_id, during)
    VALUES (NEW.id, NEW.property_id, tstzrange(NEW.start_time, NEW.end_time))
    ON CONFLICT (appointment_id) DO UPDATE SET property_id = EXCLUDED.property_id, during = EXCLUDED.during;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION keep_property_viewing() IS 'Refuses a viewing of a home at the time of another one, if the office wants that';

CREATE OR REPLACE TRIGGER appointments_property_viewing
AFTER INSERT ON appointments
FOR EACH ROW WHEN (NEW.property_id IS NOT NULL)
EXECUTE FUNCTION keep_property_viewing();

CREATE OR REPLACE TRIGGER appointments_property_viewing_changed
AFTER UPDATE OF property_id, start_time, end_time, status, overlap_allowed ON appointments
FOR EACH ROW WHEN (
    OLD.property_id IS DISTINCT FROM NEW.property_id
    OR NEW.property_id IS NOT NULL AND (
        OLD.start_time IS DISTINCT FROM NEW.start_time
        OR OLD.end_time IS DISTINCT FROM NEW.end_time
        OR OLD.status IS DISTINCT FROM NEW.status
        OR OLD.overlap_allowed IS DISTINCT FROM NEW.overlap_allowed
    )
)
EXECUTE FUNCTION keep_property_viewing();

CREATE OR REPLACE FUNCTION keep_property_viewings() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM property_viewings;
    IF NEW.one_viewing_at_a_time THEN
        INSERT INTO property_viewings (appointment_id, property_id, during)
        SELECT id, property_id, tstzrange(start_time, end_time)
        FROM appointments
        WHERE property_id IS NOT NULL AND status = 'confirmed' AND NOT overlap_allowed
            AND start_time > NOW() - INTERVAL '1 day' AND end_time > start_time
        ORDER BY created_at, id
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION keep_property_viewings() IS 'The viewings that exist when the office changes its mind; those that overlap stay, the first of them counts';

CREATE OR REPLACE TRIGGER property_settings_viewings
AFTER UPDATE OF one_viewing_at_a_time ON property_settings
FOR EACH ROW WHEN (OLD.one_viewing_at_a_time IS DISTINCT FROM NEW.one_viewing_at_a_time)
EXECUTE FUNCTION keep_property_viewings();

INSERT INTO schema_migrations (version, description)
VALUES (30, 'Find viewings of homes')
ON CONFLICT (version) DO NOTHING;
