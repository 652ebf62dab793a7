-- migrate: no-transaction
-- Migration 010: List calls and messages
-- Purpose: The pages about calls and messages stay fast whatever their length
-- Created: 2026-11-22

-- Someone rang for an assistant that nobody registered.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_unregistered ON calls (created_at DESC) WHERE agent_id IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_caller
    ON calls (caller_number, created_at DESC) WHERE caller_number IS NOT NULL;

-- What went wrong is rare, and looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tool_calls_faults
    ON tool_calls (received_at DESC) WHERE outcome = 'fault';

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_received ON messages (received_at DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_messages_received_open ON messages (received_at DESC) WHERE done_at IS NULL;

INSERT INTO schema_migrations (version, description)
VALUES (10, 'List calls and messages')
ON CONFLICT (version) DO NOTHING;
