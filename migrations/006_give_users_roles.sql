-- Migration 006: Give users roles
-- Purpose: Admins see everything, agents their own; a password change signs out everywhere
-- Created: 2026-11-22

-- lint: allow add-check because users are people: a few hundred rows, read in a millisecond
ALTER TABLE users
    ADD COLUMN IF NOT EXISTS role TEXT DEFAULT 'agent' NOT NULL,
    ADD COLUMN IF NOT EXISTS session_epoch INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN IF NOT EXISTS last_sign_in_at TIMESTAMPTZ,
    ADD CONSTRAINT users_role_known CHECK (role IN ('admin', 'agent'));

-- Addresses differ in more than case: one person, one account, however it is typed.
-- lint: allow create-index because users are people: a few hundred rows, indexed in a millisecond
CREATE UNIQUE INDEX IF NOT EXISTS idx_users_email_folded ON users (LOWER(email));

COMMENT ON COLUMN users.role IS 'admin: everything; agent: the agents with this user_id';
COMMENT ON COLUMN users.session_epoch IS 'Counted up by a password change; sessions of an earlier epoch are signed out';

INSERT INTO schema_migrations (version, description)
VALUES (6, 'Give users roles')
ON CONFLICT (version) DO NOTHING;
