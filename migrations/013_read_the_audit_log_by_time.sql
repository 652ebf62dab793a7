-- migrate: no-transaction
-- Migration 013: Read the audit log by time
-- Purpose: What was changed on some day is found without walking through all that came later
-- Created: 2026-11-23

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_log_in_time ON audit_log (happened_at, audit_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_log_actor_in_time ON audit_log (actor, happened_at, audit_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_log_subject_in_time
    ON audit_log (subject_kind, subject_id, happened_at, audit_id);

DROP INDEX CONCURRENTLY IF EXISTS idx_audit_log_actor;
DROP INDEX CONCURRENTLY IF EXISTS idx_audit_log_subject;

INSERT INTO schema_migrations (version, description)
VALUES (13, 'Read the audit log by time')
ON CONFLICT (version) DO NOTHING;
