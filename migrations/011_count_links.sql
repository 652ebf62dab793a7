-- Migration 011: Count links
-- Purpose: Making a link to choose a password calls off the ones made before
-- Created: 2026-11-22

ALTER TABLE users ADD COLUMN IF NOT EXISTS links_made INTEGER DEFAULT 0 NOT NULL;

COMMENT ON COLUMN users.links_made IS 'Counted up by a link to choose a password; links of a lower number are called off';

INSERT INTO schema_migrations (version, description)
VALUES (11, 'Count links')
ON CONFLICT (version) DO NOTHING;
