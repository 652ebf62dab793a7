-- migrate: no-transaction
-- Migration 014: Understand callers
-- Purpose: A call remembers what it asked; agents have a language; numbers are found in every way they are written
-- Created: 2026-11-29

-- =============================================================================
-- QUESTIONS OF A CALL
-- =============================================================================

-- The same request after its question is an answer: without this column a caller is asked the same thing forever.
ALTER TABLE tool_calls ADD COLUMN IF NOT EXISTS asked TEXT;

COMMENT ON COLUMN tool_calls.asked IS 'The stable key of the question that the answer asks, such as which-day';

-- =============================================================================
-- LANGUAGES
-- =============================================================================

ALTER TABLE agents ADD COLUMN IF NOT EXISTS language TEXT DEFAULT 'en' NOT NULL;

ALTER TABLE agents DROP CONSTRAINT IF EXISTS agents_language_known;
ALTER TABLE agents ADD CONSTRAINT agents_language_known CHECK (language IN ('en', 'es')) NOT VALID;
ALTER TABLE agents VALIDATE CONSTRAINT agents_language_known;

COMMENT ON COLUMN agents.language IS 'The language in which callers are answered: en or es';

-- =============================================================================
-- NUMBERS
-- =============================================================================

-- New bookings store E.164; older ones store what the network sent: with or without +, 00 or the country code. All of
-- them end in the same digits. The application compares the few bookings that it finds by these.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_caller_end
    ON appointments (right(regexp_replace(caller_number, '\D', '', 'g'), 7), start_time)
    WHERE caller_number IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS idx_appointments_caller;

INSERT INTO schema_migrations (version, description)
VALUES (14, 'Understand callers')
ON CONFLICT (version) DO NOTHING;
