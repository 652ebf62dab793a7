"""Refuse a ledger that was changed manually so that files would run twice, or could not be recorded.

Privileges count too: without them a file would run to its end before it could not be recorded.
"""

from __future__ import annotations

from psycopg import sql
from psycopg.rows import DictRow

from peterental.database.migrations.errors import LedgerError
from peterental.database.migrations.ledger.reader import LEDGER_COLUMNS, LEDGER_TABLE, OWN_TABLES
from peterental.database.migrations.session.server import Connection

_OURS = ["version", "applied_at", "description", *LEDGER_COLUMNS]

_LOOK = """
SELECT
    relpersistence = 'u' AS is_unlogged,
    EXISTS (
        SELECT FROM pg_index AS i JOIN pg_attribute AS a ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = c.oid AND indisunique AND indisvalid AND indimmediate AND indnkeyatts = 1
            AND indpred IS NULL AND indexprs IS NULL AND attname = 'version'
    ) AS has_key,
    (SELECT min(conname) FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
     WHERE conrelid = c.oid AND contype IN ('p', 'u') AND condeferrable AND attname = 'version') AS deferrable_key,
    (SELECT min(attname) FROM pg_attribute
     WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = ''
        AND attname <> ALL (%(ours)s)) AS required,
    (SELECT min(rulename) FROM pg_rewrite WHERE ev_class = c.oid AND is_instead) AS rule,
    current_user AS role, own.tables, denied.name AS denied, denied.privileges
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(relname ORDER BY relname DESC)::text[] AS tables FROM pg_class
    WHERE relnamespace = n.oid AND relname = ANY (%(own)s) AND relkind IN ('r', 'p')
) AS own
LEFT JOIN LATERAL (
    SELECT name, array_agg(privilege ORDER BY privilege) AS privileges
    FROM unnest(own.tables) AS name, unnest(ARRAY['INSERT', 'SELECT', 'UPDATE']) AS privilege
    WHERE NOT has_any_column_privilege(quote_ident(nspname) || '.' || quote_ident(name), privilege)
    GROUP BY name ORDER BY name DESC LIMIT 1
) AS denied ON true
WHERE nspname = %(schema)s AND relname = %(table)s AND relkind IN ('r', 'p')
"""

_NAMED = {
    "rule": ("its rule {name} replaces writes to it", "run: DROP RULE {name} ON {table}"),
    "required": (
        "its column {name} needs a value that the runner does not know",
        "run: ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL",
    ),
    "deferrable_key": (
        "its key {name} is deferrable, so ON CONFLICT cannot use it",
        "run: ALTER TABLE {table} DROP CONSTRAINT {name}, ADD PRIMARY KEY (version)",
    ),
}
"""What is wrong where a column of the query has a name, and what to do."""


def refuse_unsound(connection: Connection, schema: str) -> None:
    """Raise LedgerError if the ledger in `schema` cannot be relied on; a ledger that does not exist yet is fine.

    It takes one query, and belongs under the migration lock, before anything runs.
    """
    values = {"ours": _OURS, "own": list(OWN_TABLES), "schema": schema, "table": LEDGER_TABLE}
    row = connection.execute(_LOOK, values).fetchone()
    found = row and _problem(connection, schema, row)
    if found:
        reason, advice = found
        raise LedgerError(reason=reason, advice=advice)


def _problem(connection: Connection, schema: str, row: DictRow) -> tuple[str, str] | None:
    """Return what is wrong with the ledger, and what to do."""
    table = sql.Identifier(schema, LEDGER_TABLE).as_string()
    if row["denied"]:
        return _of_privileges(schema, row)
    if row["is_unlogged"]:
        return "it is an unlogged table, which a crash empties", f"run: ALTER TABLE {table} SET LOGGED"
    for column, (reason, advice) in _NAMED.items():
        if row[column]:
            name = sql.Identifier(row[column]).as_string()
            return reason.format(name=name), advice.format(name=name, table=table)
    return None if row["has_key"] else _without_key(connection, schema, table)


def _of_privileges(schema: str, row: DictRow) -> tuple[str, str]:
    tables = ", ".join(sql.Identifier(schema, name).as_string() for name in row["tables"])
    role = sql.Identifier(row["role"]).as_string()
    reason = f"permission denied for table {row['denied']}, {role} lacks {' and '.join(row['privileges'])}"
    return reason, f"as the owner of these tables, run: GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role}"


def _without_key(connection: Connection, schema: str, table: str) -> tuple[str, str]:
    query = sql.SQL("SELECT version, count(*) AS times FROM {} GROUP BY version HAVING count(*) > 1 ORDER BY 1").format(
        sql.Identifier(schema, LEDGER_TABLE)
    )
    twice = connection.execute(query).fetchone()
    key = f"run: ALTER TABLE {table} ADD PRIMARY KEY (version)"
    if twice:
        reason = f"it has no primary key, and version {twice['version']} is in it {twice['times']} times"
        return reason, f"delete all but one of these rows, then {key}"
    return "it has no primary key, so a migration could be recorded twice", key
