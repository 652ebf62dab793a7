-- A database of the system before PeteRental, as its migrations 1 and 2 left it, with rows. It signed people in with
-- their calendar's account: users have tokens and no password.

CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY,
    applied_at TIMESTAMP DEFAULT NOW() NOT NULL,
    description TEXT
);

INSERT INTO schema_migrations (version, description) VALUES (1, 'Agents, appointments'), (2, 'Users');

CREATE TABLE users (
    user_id SERIAL PRIMARY KEY,
    email VARCHAR(255) NOT NULL UNIQUE,
    full_name VARCHAR(255),
    is_active BOOLEAN DEFAULT TRUE NOT NULL,
    microsoft_user_id VARCHAR(255),
    microsoft_access_token TEXT,
    microsoft_refresh_token TEXT,
    microsoft_token_expires_at TIMESTAMP,
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMP DEFAULT NOW() NOT NULL,
    CONSTRAINT email_valid CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')
);

CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_active ON users (is_active);
CREATE INDEX idx_users_microsoft_id ON users (microsoft_user_id);

CREATE TABLE agents (
    agent_id VARCHAR(255) PRIMARY KEY,
    agent_name VARCHAR(255) NOT NULL,
    vapi_assistant_id VARCHAR(255) NOT NULL UNIQUE,
    calendar_user_id VARCHAR(255),
    is_active BOOLEAN DEFAULT TRUE NOT NULL,
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMP DEFAULT NOW() NOT NULL,
    user_id INTEGER REFERENCES users (user_id) ON DELETE SET NULL,
    CONSTRAINT vapi_id_valid CHECK (LENGTH(vapi_assistant_id) = 36),
    CONSTRAINT agent_name_not_empty CHECK (LENGTH(agent_name) > 0)
);

CREATE INDEX idx_agents_user_id ON agents (user_id);
CREATE INDEX idx_agents_vapi_id ON agents (vapi_assistant_id);
CREATE INDEX idx_agents_active ON agents (is_active);

CREATE TABLE appointments (
    id SERIAL PRIMARY KEY,
    agent_id VARCHAR(255) NOT NULL REFERENCES agents (agent_id) ON DELETE CASCADE,
    attendee_name VARCHAR(255) NOT NULL,
    attendee_email VARCHAR(255),
    property_address TEXT NOT NULL,
    start_time TIMESTAMP NOT NULL,
    end_time TIMESTAMP NOT NULL,
    status VARCHAR(50) DEFAULT 'confirmed' NOT NULL,
    vapi_call_id VARCHAR(255),
    calendar_event_id VARCHAR(255),
    created_at TIMESTAMP DEFAULT NOW() NOT NULL,
    CONSTRAINT valid_status CHECK (status IN ('confirmed', 'cancelled', 'completed', 'no_show')),
    CONSTRAINT end_after_start CHECK (end_time > start_time),
    CONSTRAINT attendee_name_not_empty CHECK (LENGTH(attendee_name) > 0)
);

-- Three names that later migrations use for other columns.
CREATE INDEX idx_appointments_status ON appointments (status);
CREATE INDEX idx_appointments_agent_status ON appointments (agent_id, status);
CREATE INDEX idx_appointments_call ON appointments (calendar_event_id);
CREATE INDEX idx_appointments_start_time ON appointments (start_time);

INSERT INTO users (email, full_name, is_active, microsoft_access_token, microsoft_token_expires_at) VALUES
    ('rosa@example.com', 'Rosa Reyes', TRUE, 'an access token', '2025-10-09 12:00'),
    ('sam@example.com', 'Sam Stone', TRUE, NULL, NULL),
    ('gone@example.com', NULL, FALSE, NULL, NULL);

INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, calendar_user_id, is_active, user_id) VALUES
    ('agent_rosa', 'Rosa Reyes', '11111111-2222-4333-8444-555555555555', 'rosa@example.com', TRUE, 1),
    ('agent_old', 'Old Agent', '11111111-2222-4333-8444-666666666666', NULL, FALSE, NULL);

INSERT INTO appointments (agent_id, attendee_name, attendee_email, property_address, start_time, end_time, status,
    vapi_call_id, calendar_event_id) VALUES
    ('agent_rosa', 'Ida Ito', 'ida@example.com', '5 Oak Lane', '2025-11-03 16:00', '2025-11-03 16:30', 'confirmed', 'a', 'e'),
    ('agent_rosa', 'Jon Jung', NULL, '5 Oak Lane', '2025-11-03 16:15', '2025-11-03 16:45', 'confirmed', 'b', NULL),
    ('agent_rosa', 'Kay Kern', NULL, ' ', '2025-11-04 16:00', '2025-11-04 16:30', 'cancelled', NULL, NULL),
    ('agent_rosa', 'Lee Lang', NULL, '7 Elm Street', '2030-06-04 16:00', '2030-06-04 16:30', 'confirmed', NULL, NULL),
    ('agent_old', 'Max Moll', NULL, '9 Ash Court', '2025-11-05 16:00', '2025-11-05 17:00', 'no_show', NULL, NULL);
