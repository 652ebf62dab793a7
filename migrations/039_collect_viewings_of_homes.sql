-- Migration 039: Collect viewings of homes
-- Purpose: One viewing of a home at a time is switched on without keeping bookings waiting, and keys of homes have a version
-- Created: 2026-11-30

-- =============================================================================
-- THE SETTING, WITH MANY VIEWINGS
-- =============================================================================

ALTER TABLE property_settings ADD COLUMN IF NOT EXISTS collecting_since TIMESTAMPTZ;

COMMENT ON COLUMN property_settings.collecting_since IS 'Since when a job collects the viewings before one_viewing_at_a_time is switched on; empty: none does';

-- As in migration 036. While viewings are collected, new ones are kept, too, and none is refused yet.
CREATE OR REPLACE FUNCTION keep_property_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    is_wanted BOOLEAN;
    is_enforced BOOLEAN;
    is_kept BOOLEAN;
    freed_home BIGINT;
    freed TSTZRANGE;
BEGIN
    -- The lock of the table comes before the setting is read, and `keep_property_viewings` waits for it: a booking that
    -- reads the setting before it changes is committed before the viewings are collected.
    LOCK TABLE property_viewings IN ROW EXCLUSIVE MODE;
    SELECT one_viewing_at_a_time, one_viewing_at_a_time OR collecting_since IS NOT NULL
    INTO is_enforced, is_wanted
    FROM property_settings;
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
        IF NEW.overlap_allowed OR NOT is_enforced THEN
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

-- Each change waits for the bookings under way, which have read the setting before, and holds up new ones until it is
-- committed. So it collects the viewings itself only where no job has done so; the service asks for a job where they
-- are many.
CREATE OR REPLACE FUNCTION keep_property_viewings() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE property_viewings IN SHARE ROW EXCLUSIVE MODE;
    IF NEW.one_viewing_at_a_time AND NOT OLD.one_viewing_at_a_time AND OLD.collecting_since IS NOT NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM property_viewings;
    IF NEW.one_viewing_at_a_time THEN
        INSERT INTO property_viewings (appointment_id, property_id, during)
        SELECT id, property_id, tstzrange(start_time, end_time)
        FROM appointments
        WHERE property_id IS NOT NULL AND status = 'confirmed'
            AND start_time > NOW() - INTERVAL '1 day' AND end_time > start_time
        ORDER BY overlap_allowed, created_at, id
        ON CONFLICT DO NOTHING;
    ELSIF NEW.collecting_since IS NOT NULL THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'collect_home_viewings', 'collect_home_viewings', 0, NULL, NULL, '{}'::jsonb, NULL
        )::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE TRIGGER property_settings_viewings
AFTER UPDATE OF one_viewing_at_a_time, collecting_since ON property_settings
FOR EACH ROW WHEN (
    OLD.one_viewing_at_a_time IS DISTINCT FROM NEW.one_viewing_at_a_time
    OR OLD.collecting_since IS DISTINCT FROM NEW.collecting_since
)
EXECUTE FUNCTION keep_property_viewings();

CREATE OR REPLACE FUNCTION collect_property_viewings(
    since TIMESTAMPTZ, at_most INTEGER, INOUT home BIGINT, INOUT overbooked BOOLEAN, INOUT beyond INTEGER
)
LANGUAGE plpgsql AS $$
DECLARE
    number INTEGER;
    last_id INTEGER;
BEGIN
    LOCK TABLE property_viewings IN ROW EXCLUSIVE MODE;
    IF (SELECT collecting_since FROM property_settings) IS DISTINCT FROM since THEN
        home := NULL;
        overbooked := NULL;
        RETURN;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtextextended('property_viewings', home));
    WITH batch AS MATERIALIZED (
        SELECT id, tstzrange(start_time, end_time) AS during
        FROM appointments
        WHERE property_id = home AND status = 'confirmed' AND overlap_allowed = overbooked AND id > beyond
            AND start_time > NOW() - INTERVAL '1 day' AND end_time > start_time
        ORDER BY id
        LIMIT at_most
    ), added AS (
        INSERT INTO property_viewings (appointment_id, property_id, during)
        SELECT id, home, during FROM batch ORDER BY id
        ON CONFLICT DO NOTHING
    )
    SELECT COUNT(*), MAX(id) INTO number, last_id FROM batch;

    IF number = at_most THEN
        beyond := last_id;
    ELSIF NOT overbooked THEN
        overbooked := TRUE;
        beyond := 0;
    ELSE
        overbooked := FALSE;
        beyond := 0;
        home := (
            SELECT MIN(property_id) FROM appointments
            WHERE property_id > home AND status = 'confirmed' AND start_time > NOW() - INTERVAL '1 day'
        );
    END IF;
END;
$$;

COMMENT ON FUNCTION collect_property_viewings(TIMESTAMPTZ, INTEGER, BIGINT, BOOLEAN, INTEGER) IS 'Collects some viewings of one home after a position, the overbooked ones last. Returns the next position: no home after the last one, and neither home nor overbooked if the setting changed meanwhile';

-- =============================================================================
-- VERSIONS OF KEYS
-- =============================================================================

ALTER TABLE properties ADD COLUMN IF NOT EXISTS keys_version TEXT;

COMMENT ON COLUMN properties.keys_version IS 'By which rules number_key, street_key, unit_key and search_keys were computed; those by others are computed again';

INSERT INTO schema_migrations (version, description)
VALUES (39, 'Collect viewings of homes')
ON CONFLICT (version) DO NOTHING;
