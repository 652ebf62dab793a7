-- migrate: no-transaction
-- Migration 020: Find calls to reduce
-- Purpose: The daily reduction finds what is due without reading what was reduced before
-- Created: 2026-11-29

-- Rows leave these indexes when they are reduced, so that the oldest entries are the ones that are due.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_calls_unreduced
    ON calls ((LEAST(started_at, created_at))) WHERE reduced_at IS NULL;

-- Tool calls without a call, which are rare. All others are reduced with their call.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tool_calls_without_call
    ON tool_calls (received_at) WHERE vapi_call_id = '' AND reduced_at IS NULL;

-- Bookings by phone that still have the number of the call.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_appointments_caller_kept
    ON appointments (end_time) WHERE caller_number IS NOT NULL;

-- As the file before has it, for existing rows.
ALTER TABLE audit_log VALIDATE CONSTRAINT audit_log_subject_kind_known;

INSERT INTO schema_migrations (version, description)
VALUES (20, 'Find calls to reduce')
ON CONFLICT (version) DO NOTHING;
