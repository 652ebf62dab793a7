-- Migration 007: Keep an audit log
-- Purpose: Who changed what by hand, with what was there before and what came after
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS audit_log (
    audit_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_name TEXT NOT NULL,
    before JSONB,
    after JSONB,

    CONSTRAINT audit_log_subject_kind_known CHECK (subject_kind IN ('agent', 'appointment', 'message', 'user'))
);

CREATE INDEX IF NOT EXISTS idx_audit_log_subject ON audit_log (subject_kind, subject_id, audit_id DESC);
CREATE INDEX IF NOT EXISTS idx_audit_log_actor ON audit_log (actor, audit_id DESC);

COMMENT ON TABLE audit_log IS 'Every change that a person made, newest last; rows are added and never changed';
COMMENT ON COLUMN audit_log.actor IS 'The e-mail address of the user who did it, or ''command line''';
COMMENT ON COLUMN audit_log.subject_id IS 'Not a foreign key: the log outlives what it speaks of';
COMMENT ON COLUMN audit_log.before IS 'The fields that changed, as they were; empty where something was made';

INSERT INTO schema_migrations (version, description)
VALUES (7, 'Keep an audit log')
ON CONFLICT (version) DO NOTHING;
