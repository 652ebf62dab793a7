-- Migration 016: Adopt earlier tables
-- Purpose: On tables that the earlier system made: users get passwords, agents need no assistant, old indexes make room
-- Created: 2026-11-29

-- The earlier system signed people in with their calendar's account, and its tables are kept as they are by the
-- IF NOT EXISTS of 001 and 002. On tables that 001 and 002 made, every block below finds nothing to do.

-- =============================================================================
-- TEXTS THAT MAY NOT BE EMPTY
-- =============================================================================

-- As in 001, for new rows only; 017 checks the existing ones. Where old rows do not fit, there is no constraint: it would
-- refuse every change of such a row, also its cancellation. Rows are read first, while no table is locked.
DO $$
DECLARE
    lacks_address BOOLEAN := NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'appointments'::regclass AND conname = 'appointments_address_not_empty'
    ) AND NOT EXISTS (SELECT FROM appointments WHERE btrim(property_address) = '');
    lacks_name BOOLEAN := NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'appointments'::regclass AND conname = 'appointments_name_not_empty'
    ) AND NOT EXISTS (SELECT FROM appointments WHERE btrim(attendee_name) = '');
BEGIN
    IF lacks_address THEN
        ALTER TABLE appointments
            ADD CONSTRAINT appointments_address_not_empty CHECK (btrim(property_address) <> '') NOT VALID;
    END IF;

    IF lacks_name THEN
        ALTER TABLE appointments
            ADD CONSTRAINT appointments_name_not_empty CHECK (btrim(attendee_name) <> '') NOT VALID;
    END IF;
END
$$;

-- =============================================================================
-- PASSWORDS
-- =============================================================================

-- No password is stored as ''. The default stays: until its last process has ended, the earlier system inserts users
-- and does not know the column.
DO $$
DECLARE
    present pg_attribute;
BEGIN
    SELECT * INTO present
    FROM pg_attribute
    WHERE attrelid = 'users'::regclass AND attname = 'password_hash' AND NOT attisdropped;

    IF NOT FOUND THEN
        ALTER TABLE users ADD COLUMN password_hash VARCHAR(255) DEFAULT '' NOT NULL;
        COMMENT ON COLUMN users.password_hash IS 'Argon2id';
    ELSIF NOT present.attnotnull THEN
        -- lint: allow write-after-ddl because only one of the two branches runs
        UPDATE users SET password_hash = '' WHERE password_hash IS NULL;
        ALTER TABLE users ALTER COLUMN password_hash SET DEFAULT '', ALTER COLUMN password_hash SET NOT NULL;
    END IF;

    -- A hash of Argon2id has about a hundred characters. atttypmod is the length and 4.
    IF present.atttypid = 'varchar'::regtype AND present.atttypmod BETWEEN 0 AND 255 + 3 THEN
        ALTER TABLE users ALTER COLUMN password_hash TYPE VARCHAR(255);
    END IF;
END
$$;

-- =============================================================================
-- COLUMNS THAT MAY BE EMPTY OR MISSING
-- =============================================================================

-- An agent may have no assistant yet, and ids of Vapi may have any form: only their length is limited.
DO $$
DECLARE
    found RECORD;
BEGIN
    FOR found IN
        SELECT attrelid::regclass AS table_name, attname AS column_name
        FROM pg_attribute
        WHERE attnotnull AND NOT attisdropped AND (attrelid, attname) IN (
            ('agents'::regclass, 'vapi_assistant_id'),
            ('agents'::regclass, 'calendar_user_id'),
            ('agents'::regclass, 'user_id'),
            ('appointments'::regclass, 'vapi_call_id'),
            ('appointments'::regclass, 'attendee_email'),
            ('appointments'::regclass, 'calendar_event_id'),
            ('users'::regclass, 'full_name'))
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', found.table_name, found.column_name);
    END LOOP;

    FOR found IN
        SELECT conname
        FROM pg_constraint
        WHERE conrelid = 'agents'::regclass AND contype = 'c' AND conkey = (
            SELECT ARRAY[attnum] FROM pg_attribute
            WHERE attrelid = 'agents'::regclass AND attname = 'vapi_assistant_id')
    LOOP
        EXECUTE format('ALTER TABLE agents DROP CONSTRAINT %I', found.conname);
    END LOOP;

    FOR found IN
        SELECT wanted.*
        FROM (VALUES ('users', 'full_name'), ('agents', 'calendar_user_id'), ('appointments', 'calendar_event_id'))
            AS wanted (table_name, column_name)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = wanted.table_name::regclass AND attname = wanted.column_name AND NOT attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN %I VARCHAR(255)', found.table_name, found.column_name);
    END LOOP;
END
$$;

-- =============================================================================
-- INDEXES UNDER OUR NAMES
-- =============================================================================

-- IF NOT EXISTS passes over an index of the same name, whatever its columns. Such an index is renamed and remains in use
-- until 017 has built the right one. An index that belongs to a constraint keeps its name.
DO $$
DECLARE
    wrong RECORD;
BEGIN
    FOR wrong IN
        SELECT index_class.relname AS index_name, index_class.relname || '_earlier' AS new_name
        FROM (VALUES
            ('agents', 'idx_agents_user', FALSE, 'btree (user_id)'),
            ('agents', 'idx_agents_phone_number', TRUE, 'btree (phone_number_id)'),
            ('appointments', 'idx_appointments_call', FALSE, 'btree (vapi_call_id) WHERE (vapi_call_id IS NOT NULL)'),
            ('appointments', 'idx_appointments_status', FALSE, 'btree (status, start_time)'),
            ('appointments', 'idx_appointments_agent_status', FALSE, 'btree (agent_id, status, start_time)'),
            ('appointments', 'idx_appointments_status_created', FALSE, 'btree (status, created_at)'),
            ('appointments', 'idx_appointments_in_time', FALSE, 'btree (start_time, id)'),
            ('appointments', 'idx_appointments_agent_in_time', FALSE, 'btree (agent_id, start_time, id)'),
            ('appointments', 'idx_appointments_as_booked', FALSE, 'btree (created_at, id)'),
            ('appointments', 'idx_appointments_agent_as_booked', FALSE, 'btree (agent_id, created_at, id)'),
            ('users', 'idx_users_email', FALSE, 'btree (email)'),
            ('users', 'idx_users_active', FALSE, 'btree (is_active)'),
            ('users', 'idx_users_email_folded', TRUE, 'btree (lower((email)::text))')
        ) AS wanted (table_name, index_name, is_unique, definition)
        JOIN pg_index ON indrelid = wanted.table_name::regclass
        JOIN pg_class AS index_class ON index_class.oid = indexrelid AND index_class.relname = wanted.index_name
        WHERE (indisunique, split_part(pg_get_indexdef(indexrelid), ' USING ', 2)) <> (is_unique, definition)
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            AND to_regclass(quote_ident(wanted.index_name || '_earlier')) IS NULL
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', wrong.index_name, wrong.new_name);
    END LOOP;
END
$$;

INSERT INTO schema_migrations (version, description)
VALUES (16, 'Adopt earlier tables')
ON CONFLICT (version) DO NOTHING;
