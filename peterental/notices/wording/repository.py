"""The wordings that admins changed, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.wording.model import StoredWording, Wording, WordingKey

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_COLUMNS = "kind, channel, language, subject, body, updated_at, updated_by"
_ONE = f"SELECT {_COLUMNS} FROM notice_templates WHERE kind = %s AND channel = %s AND language = %s"


class WordingRepository:
    """The changed wordings of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changed(self) -> list[StoredWording]:
        """Return all changed wordings."""
        return [_stored(row) for row in self._database.fetch(f"SELECT {_COLUMNS} FROM notice_templates")]

    def one(self, key: WordingKey) -> StoredWording | None:
        """Return one changed wording; None if it is built in."""
        rows = self._database.fetch(_ONE, (key.kind, key.channel, key.language))
        return _stored(rows[0]) if rows else None

    def lock(self, connection: Connection, key: WordingKey) -> StoredWording | None:
        """Lock and return one changed wording; None if it is built in. Waits for the server."""
        row = connection.execute(f"{_ONE} FOR UPDATE".encode(), (key.kind, key.channel, key.language)).fetchone()
        return None if row is None else _stored(row)

    def store(self, connection: Connection, key: WordingKey, wording: Wording, updated_at: datetime, by: str) -> None:
        """Queue storing a wording instead of the built-in one."""
        connection.execute(
            """
            INSERT INTO notice_templates (kind, channel, language, subject, body, updated_at, updated_by)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (kind, channel, language) DO UPDATE
            SET subject = EXCLUDED.subject, body = EXCLUDED.body,
                updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by
            """,
            (key.kind, key.channel, key.language, wording.subject, wording.body, updated_at, by),
        )

    def remove(self, connection: Connection, key: WordingKey) -> None:
        """Queue removing a changed wording: the built-in one is used again."""
        connection.execute(
            "DELETE FROM notice_templates WHERE kind = %s AND channel = %s AND language = %s",
            (key.kind, key.channel, key.language),
        )


def _stored(row: DictRow) -> StoredWording:
    return StoredWording(
        key=WordingKey(row["kind"], row["channel"], row["language"]),
        wording=Wording(row["body"], row["subject"]),
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
