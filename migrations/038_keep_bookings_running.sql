-- Migration 038: Keep bookings running
-- Purpose: A booking is not refused because a webhook is removed at that moment
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

INSERT INTO schema_migrations (version, description)
VALUES (38, 'Keep bookings running')
ON CONFLICT (version) DO NOTHING;
