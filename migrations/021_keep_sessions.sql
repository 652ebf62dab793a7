-- Migration 021: Keep sessions
-- Purpose: Sessions end on the server, wherever their cookie was copied; a second factor at sign-in
-- Created: 2026-11-29

-- =============================================================================
-- SESSIONS
-- =============================================================================

CREATE TABLE IF NOT EXISTS user_sessions (
    session_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    session_epoch INTEGER NOT NULL,
    token_hash BYTEA NOT NULL,
    address TEXT NOT NULL,
    browser TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    last_seen_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    ended_at TIMESTAMPTZ
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_user_sessions_token ON user_sessions (token_hash);
CREATE INDEX IF NOT EXISTS idx_user_sessions_user ON user_sessions (user_id, last_seen_at);
CREATE INDEX IF NOT EXISTS idx_user_sessions_age ON user_sessions (last_seen_at);

COMMENT ON TABLE user_sessions IS 'One row per sign-in; rows that ended long ago are deleted by later sign-ins';
COMMENT ON COLUMN user_sessions.session_epoch IS 'Valid while it is the user''s: raising that ends all sessions at once';
COMMENT ON COLUMN user_sessions.token_hash IS 'SHA-256 of the random token in the cookie, which is stored nowhere else';
COMMENT ON COLUMN user_sessions.address IS 'IP address at sign-in, shown to the user';
COMMENT ON COLUMN user_sessions.browser IS 'Browser and system at sign-in, such as Firefox on Windows';
COMMENT ON COLUMN user_sessions.last_seen_at IS 'Written at most once a minute';

-- =============================================================================
-- SECOND FACTOR
-- =============================================================================

CREATE TABLE IF NOT EXISTS second_factors (
    user_id INTEGER PRIMARY KEY REFERENCES users (user_id) ON DELETE CASCADE,
    secret TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    turned_on_at TIMESTAMPTZ DEFAULT NOW() NOT NULL
);

COMMENT ON TABLE second_factors IS 'Users who enter a code of an authenticator app (TOTP, RFC 6238) after the password';
COMMENT ON COLUMN second_factors.secret IS 'Encrypted with CREDENTIALS_KEY, or with a key derived from SECRET_KEY';
COMMENT ON COLUMN second_factors.last_step IS 'The 30-second step of the last accepted code: each code is accepted once';

CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id INTEGER NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,

    PRIMARY KEY (user_id, code_hash)
);

COMMENT ON TABLE recovery_codes IS 'Unused recovery codes; a used one is deleted';
COMMENT ON COLUMN recovery_codes.code_hash IS 'SHA-256: a code has 120 random bits, so it cannot be guessed from the hash';

INSERT INTO schema_migrations (version, description)
VALUES (21, 'Keep sessions')
ON CONFLICT (version) DO NOTHING;
