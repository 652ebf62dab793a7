-- migrate: no-transaction
-- Migration 009: Search viewings
-- Purpose: The list of viewings is found, filtered and sorted as fast with a million of them as with a thousand
-- Created: 2026-11-22

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Any part of the visitor's name, the address of the home, the e-mail or a phone number.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_words ON appointments USING gin (
    (
        attendee_name || ' ' || property_address || ' ' || COALESCE(attendee_email, '') || ' '
        || COALESCE(attendee_phone, '') || ' ' || COALESCE(caller_number, '')
    ) gin_trgm_ops
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_status ON appointments (status, start_time);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_status ON appointments (agent_id, status, start_time);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_created ON appointments (created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_agent_created ON appointments (agent_id, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_status_created ON appointments (status, created_at);

-- Adopted bookings may last for days. They are few, and block time long after they began.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_long ON appointments (agent_id)
    WHERE status = 'confirmed' AND COALESCE(blocked_until, end_time) - start_time > INTERVAL '1 day';

-- How often a word occurs is known only once the index on words has been looked at.
ANALYZE appointments;

INSERT INTO schema_migrations (version, description)
VALUES (9, 'Search viewings')
ON CONFLICT (version) DO NOTHING;
