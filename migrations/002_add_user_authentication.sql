-- Migration 002: Add user authentication
-- Purpose: People who sign in to the admin pages, and the agents that are theirs
-- Created: 2025-10-09

-- =============================================================================
-- USERS
-- =============================================================================

CREATE TABLE IF NOT EXISTS users (
    user_id SERIAL PRIMARY KEY,
    email VARCHAR(255) UNIQUE NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    full_name VARCHAR(255),
    is_active BOOLEAN DEFAULT TRUE NOT NULL,
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,

    CONSTRAINT email_valid CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')
);

CREATE INDEX IF NOT EXISTS idx_users_email ON users (email);
CREATE INDEX IF NOT EXISTS idx_users_active ON users (is_active);

COMMENT ON TABLE users IS 'People who may sign in to the admin pages';
COMMENT ON COLUMN users.password_hash IS 'Argon2id';

-- =============================================================================
-- WHOSE AGENT
-- =============================================================================

ALTER TABLE agents
    ADD COLUMN IF NOT EXISTS user_id INTEGER REFERENCES users (user_id) ON DELETE SET NULL;

-- lint: allow create-index because agents are people: a few hundred rows, indexed in a millisecond
CREATE INDEX IF NOT EXISTS idx_agents_user ON agents (user_id);

COMMENT ON COLUMN agents.user_id IS 'The user who looks after this agent';

-- =============================================================================
-- RECORD THIS MIGRATION
-- =============================================================================

INSERT INTO schema_migrations (version, description)
VALUES (2, 'Add user authentication and link to agents')
ON CONFLICT (version) DO NOTHING;
