-- Migration 027: Describe lost answers
-- Purpose: A deletion whose answer was lost is remembered like a creation, so that it takes no later event away
-- Created: 2026-11-30

COMMENT ON COLUMN calendar_viewings.attempted_at IS
'Since when the answer to a request is missing that creates the event, or deletes it if its id is known';

INSERT INTO schema_migrations (version, description)
VALUES (27, 'Describe lost answers')
ON CONFLICT (version) DO NOTHING;
