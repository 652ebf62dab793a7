-- migrate: no-transaction
-- Migration 015: Keep chats
-- Purpose: Chats are kept beside calls; every recording is kept; an analysis may claim a booking one level down
-- Created: 2026-11-29

-- =============================================================================
-- CHATS AND RECORDINGS
-- =============================================================================

ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS kind TEXT DEFAULT 'call' NOT NULL,
    ADD COLUMN IF NOT EXISTS recordings JSONB;

ALTER TABLE calls DROP CONSTRAINT IF EXISTS calls_kind_known;
ALTER TABLE calls ADD CONSTRAINT calls_kind_known CHECK (kind IN ('call', 'chat')) NOT VALID;
ALTER TABLE calls VALIDATE CONSTRAINT calls_kind_known;

COMMENT ON COLUMN calls.kind IS 'call for phone and web calls, chat for conversations in writing';
COMMENT ON COLUMN calls.recordings IS 'URLs of all recordings, by the field of the report that held them; they expire';

-- =============================================================================
-- CLAIMS OF A BOOKING
-- =============================================================================

-- As in migration 010, and one level deeper: a named structured output is an object inside structured_data, such as
-- {"Viewing": {"appointment_booked": true}}.
CREATE OR REPLACE FUNCTION claims_a_booking(success_evaluation TEXT, structured_data JSONB) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(
        success_evaluation ~* '\m(appointment|viewing|tour|showing|visit)\M.*\m(booked|made|scheduled|confirmed)\M'
            AND success_evaluation !~* '\m(no|not|never|without|nothing|fail\w*)\M|n''t\M',
        FALSE
    ) OR EXISTS (
        SELECT
        FROM jsonb_each(CASE jsonb_typeof(structured_data) WHEN 'object' THEN structured_data ELSE '{}' END) AS outer_field
        CROSS JOIN LATERAL (
            SELECT outer_field.key, outer_field.value
            UNION ALL
            SELECT inner_field.key, inner_field.value
            FROM jsonb_each(
                CASE jsonb_typeof(outer_field.value) WHEN 'object' THEN outer_field.value ELSE '{}' END
            ) AS inner_field
        ) AS field
        WHERE regexp_replace(field.key, '[^A-Za-z]', '', 'g')
                ~* '^(is|was)?((appointment|viewing|tour|showing|visit)(is|was)?(booked|made|scheduled|set|confirmed)|booked)$'
            AND lower(field.value #>> '{}') IN ('true', 'yes')
    )
$$;

INSERT INTO schema_migrations (version, description)
VALUES (15, 'Keep chats')
ON CONFLICT (version) DO NOTHING;
