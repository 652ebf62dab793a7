-- migrate: no-transaction
-- Migration 036: Record decisions
-- Purpose: The audit log names API tokens, homes that a person restored stay, and overbooked viewings take their home's time
-- Created: 2026-11-30

-- =============================================================================
-- TOKENS IN THE AUDIT LOG
-- =============================================================================

ALTER TABLE audit_log
    ADD COLUMN IF NOT EXISTS token_id BIGINT,
    ADD COLUMN IF NOT EXISTS token_name TEXT;

COMMENT ON COLUMN audit_log.token_id IS 'The API token with which the actor''s tool did it; not a foreign key, as subject_id';
COMMENT ON COLUMN audit_log.token_name IS 'The name of that token';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_log_token
    ON audit_log (token_id, happened_at, audit_id) WHERE token_id IS NOT NULL;

-- =============================================================================
-- HOMES THAT A PERSON RESTORED
-- =============================================================================

ALTER TABLE properties ADD COLUMN IF NOT EXISTS kept_until_listed BOOLEAN DEFAULT FALSE NOT NULL;

COMMENT ON COLUMN properties.kept_until_listed IS 'A person restored it: no import makes it inactive until its feed has listed it again';

-- =============================================================================
-- OVERBOOKED VIEWINGS OF A HOME
-- =============================================================================

-- A user's overbooking is not refused. It takes the home's time where that is free, and as soon as it becomes free.
CREATE OR REPLACE FUNCTION keep_property_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    is_wanted BOOLEAN;
    is_kept BOOLEAN;
    freed_home BIGINT;
    freed TSTZRANGE;
BEGIN
    -- The lock of the table comes before the setting is read, and `keep_property_viewings` waits for it: a booking that
    -- reads the setting before it changes is committed before the viewings are collected.
    LOCK TABLE property_viewings IN ROW EXCLUSIVE MODE;
    is_wanted := (SELECT one_viewing_at_a_time FROM property_settings);
    is_kept := is_wanted AND NEW.property_id IS NOT NULL AND NEW.status = 'confirmed' AND NEW.end_time > NEW.start_time;
    IF is_wanted IS TRUE THEN
        -- Two racers would each wait for the other's row: the exclusion constraint alone deadlocks.
        IF TG_OP = 'INSERT' THEN
            PERFORM pg_advisory_xact_lock(hashtextextended('property_viewings', NEW.property_id));
        ELSE
            PERFORM pg_advisory_xact_lock(hashtextextended('property_viewings', home))
            FROM (
                SELECT DISTINCT home FROM unnest(ARRAY[OLD.property_id, NEW.property_id]) AS home
                WHERE home IS NOT NULL
                ORDER BY home
            ) AS homes;
        END IF;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        DELETE FROM property_viewings WHERE appointment_id = NEW.id RETURNING property_id, during INTO freed_home, freed;
    END IF;

    IF is_kept IS TRUE THEN
        IF NEW.overlap_allowed THEN
            INSERT INTO property_viewings (appointment_id, property_id, during)
            VALUES (NEW.id, NEW.property_id, tstzrange(NEW.start_time, NEW.end_time))
            ON CONFLICT DO NOTHING;
        ELSE
            INSERT INTO property_viewings (appointment_id, property_id, during)
            VALUES (NEW.id, NEW.property_id, tstzrange(NEW.start_time, NEW.end_time))
            ON CONFLICT (appointment_id) DO UPDATE SET property_id = EXCLUDED.property_id, during = EXCLUDED.during;
        END IF;
    END IF;

    IF is_wanted IS TRUE AND freed_home IS NOT NULL THEN
        INSERT INTO property_viewings (appointment_id, property_id, during)
        SELECT id, property_id, tstzrange(start_time, end_time)
        FROM appointments
        WHERE property_id = freed_home AND status = 'confirmed' AND overlap_allowed AND end_time > start_time
            AND start_time > lower(freed) - INTERVAL '1 day' AND start_time < upper(freed) AND end_time > lower(freed)
        ORDER BY created_at, id
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION keep_property_viewings() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE property_viewings IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM property_viewings;
    IF NEW.one_viewing_at_a_time THEN
        INSERT INTO property_viewings (appointment_id, property_id, during)
        SELECT id, property_id, tstzrange(start_time, end_time)
        FROM appointments
        WHERE property_id IS NOT NULL AND status = 'confirmed'
            AND start_time > NOW() - INTERVAL '1 day' AND end_time > start_time
        ORDER BY overlap_allowed, created_at, id
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END;
$$;

INSERT INTO schema_migrations (version, description)
VALUES (36, 'Record decisions')
ON CONFLICT (version) DO NOTHING;
