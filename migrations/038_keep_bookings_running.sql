-- Migration 038: Keep bookings running
-- Purpose: A booking is neither refused because a webhook is removed at that moment, nor missed by a setting that is changed
-- Created: 2026-11-30

-- As in migration 034. An endpoint that is being removed is passed over: without the lock, the booking would wait for
-- the removal and then violate the foreign key of its delivery.
CREATE OR REPLACE FUNCTION queue_webhooks_of_event() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    wanted TEXT := 'viewing.' || CASE NEW.kind
        WHEN 'released' THEN 'cancelled'
        WHEN 'reopened' THEN 'restored'
        ELSE NEW.kind
    END;
    endpoint BIGINT;
BEGIN
    FOR endpoint IN
        SELECT endpoint_id FROM webhook_endpoints WHERE is_active AND wanted = ANY (event_types)
        FOR KEY SHARE SKIP LOCKED
    LOOP
        INSERT INTO webhook_deliveries (
            endpoint_id, event_type, event_id, appointment_id, happened_at, next_attempt_at
        )
        VALUES (endpoint, wanted, NEW.event_id, NEW.appointment_id, NEW.happened_at, NEW.happened_at);

        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'deliver_webhooks', 'deliver_webhooks', 0, NULL, NULL, jsonb_build_object('endpoint_id', endpoint), NULL
        )::procrastinate_job_to_defer_v1]);
    END LOOP;
    RETURN NULL;
END
$$;

-- As in migration 030. The lock of the table comes before the setting is read, and `keep_property_viewings` waits for it:
-- a booking that reads the setting before it changes is committed before the viewings are collected.
CREATE OR REPLACE FUNCTION keep_property_viewing() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    is_kept BOOLEAN;
BEGIN
    LOCK TABLE property_viewings IN ROW EXCLUSIVE MODE;
    is_kept := NEW.property_id IS NOT NULL AND NEW.status = 'confirmed' AND NOT NEW.overlap_allowed
        AND NEW.end_time > NEW.start_time
        AND (SELECT one_viewing_at_a_time FROM property_settings);
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

CREATE OR REPLACE FUNCTION keep_property_viewings() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE property_viewings IN SHARE ROW EXCLUSIVE MODE;
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

INSERT INTO schema_migrations (version, description)
VALUES (38, 'Keep bookings running')
ON CONFLICT (version) DO NOTHING;
