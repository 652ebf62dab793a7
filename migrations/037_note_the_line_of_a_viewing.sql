-- Migration 037: Note the line of a viewing
-- Purpose: A viewing that a shared line booked without a phone call can be moved to any agent of that line
-- Created: 2026-11-30

-- Without a default the column is added without writing the table. There is no foreign key: a line that is gone means
-- no line, and bookings by phone should not check an empty column.
ALTER TABLE appointments ADD COLUMN IF NOT EXISTS line_agent_id VARCHAR(255);

COMMENT ON COLUMN appointments.line_agent_id IS
'Whose line chose the agent; empty: the line of the phone call that booked it, or none';

INSERT INTO schema_migrations (version, description)
VALUES (37, 'Note the line of a viewing')
ON CONFLICT (version) DO NOTHING;
