-- migrate: no-transaction
-- Migration 035: Wait for homes
-- Purpose: A caller on the waitlist waits for a home of the catalogue, and is offered its times
-- Created: 2026-11-30

-- Constraints that are replaced do not exist the first time: the notices of that would hide others.
SET client_min_messages TO warning;

ALTER TABLE waitlist
    ADD COLUMN IF NOT EXISTS property_id BIGINT,
    ADD COLUMN IF NOT EXISTS is_home_unknown BOOLEAN DEFAULT FALSE NOT NULL;

COMMENT ON COLUMN waitlist.property_id IS 'The home in the catalogue; property_address keeps what the caller said';
COMMENT ON COLUMN waitlist.is_home_unknown IS 'The caller named a home that the catalogue does not have: so does the viewing';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_waitlist_property
    ON waitlist (property_id, state) WHERE property_id IS NOT NULL;

-- The phone reads which times of homes are held. It is empty but for a quarter of an hour after an offer.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_waitlist_held_homes
    ON waitlist (property_id) WHERE state = 'offered' AND property_id IS NOT NULL;

ALTER TABLE waitlist DROP CONSTRAINT IF EXISTS waitlist_property_known;
ALTER TABLE waitlist ADD CONSTRAINT waitlist_property_known
    FOREIGN KEY (property_id) REFERENCES properties (property_id) ON DELETE SET NULL NOT VALID;
ALTER TABLE waitlist VALIDATE CONSTRAINT waitlist_property_known;

-- Who waits already has the catalogue's name of the home, since entries had nothing else of it.
UPDATE waitlist
SET property_id = home.property_id
FROM (
    SELECT MIN(property_id) AS property_id, label
    FROM (
        SELECT property_id, line1 || CASE
            WHEN COALESCE(unit, '') = '' THEN ''
            WHEN strpos(unit, ' ') > 0 OR starts_with(unit, '#') THEN ', ' || unit
            ELSE ', Unit ' || unit
        END AS label
        FROM properties
        WHERE status = 'active'
    ) AS named
    GROUP BY label
    HAVING COUNT(*) = 1
) AS home
WHERE waitlist.property_address = home.label
    AND waitlist.property_id IS NULL
    AND waitlist.state IN ('waiting', 'offered');

-- As in migration 033. Where viewings of a home may not overlap, it frees the home for callers of other agents, too.
CREATE OR REPLACE FUNCTION offer_freed_time() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    jobs procrastinate_job_to_defer_v1 [];
BEGIN
    SELECT array_agg(ROW(
        'offer_waitlist', 'offer_waitlist', 0, NULL, NULL, jsonb_build_object('agent_id', waiting.agent_id), NULL
    )::procrastinate_job_to_defer_v1 ORDER BY waiting.first_entry)
    INTO jobs
    FROM appointments AS viewing
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(NEW.changes #>> '{agent_id,0}', viewing.agent_id) AS agent_id,
            CASE WHEN NEW.changes ? 'home_id' THEN (NEW.changes #>> '{home_id,0}')::bigint
                 ELSE viewing.property_id END AS property_id
    ) AS freed
    CROSS JOIN LATERAL (
        SELECT open.agent_id, MIN(open.entry_id) AS first_entry
        FROM (
            (
                SELECT waitlist.agent_id, waitlist.entry_id
                FROM waitlist
                WHERE waitlist.agent_id = freed.agent_id AND waitlist.state IN ('waiting', 'offered')
                ORDER BY waitlist.entry_id
                LIMIT 1
            )
            UNION ALL
            SELECT waitlist.agent_id, waitlist.entry_id
            FROM waitlist
            WHERE waitlist.property_id = freed.property_id
                AND waitlist.state IN ('waiting', 'offered')
                AND (SELECT one_viewing_at_a_time FROM property_settings)
        ) AS open
        GROUP BY open.agent_id
    ) AS waiting
    WHERE viewing.id = NEW.appointment_id;

    IF jobs IS NOT NULL THEN
        PERFORM procrastinate_defer_jobs_v1(jobs);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointment_events_waitlist
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (
        NEW.kind IN ('moved', 'cancelled', 'released')
        OR NEW.kind = 'edited' AND NEW.changes ?| '{agent_id,minutes,home_id}'
    )
    EXECUTE FUNCTION offer_freed_time();

INSERT INTO schema_migrations (version, description)
VALUES (35, 'Wait for homes')
ON CONFLICT (version) DO NOTHING;
