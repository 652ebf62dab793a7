-- migrate: no-transaction
-- Migration 009: Search viewings
-- Purpose: Find a viewing by any part of the visitor's name, address of the home, e-mail or phone number
-- Created: 2026-11-22

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_words ON appointments USING gin (
    (
        attendee_name || ' ' || property_address || ' ' || COALESCE(attendee_email, '') || ' '
        || COALESCE(attendee_phone, '') || ' ' || COALESCE(caller_number, '')
    ) gin_trgm_ops
);

INSERT INTO schema_migrations (version, description)
VALUES (9, 'Search viewings')
ON CONFLICT (version) DO NOTHING;
