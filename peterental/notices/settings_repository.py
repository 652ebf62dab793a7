"""What the office sends, and through which channels, in PostgreSQL."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from peterental.notices.model import Channel, ChannelState, NoticeSettings, StoredSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_COLUMNS = tuple(field.name for field in fields(NoticeSettings))
_STORED = f"SELECT {', '.join(_COLUMNS)}, updated_at FROM notice_settings"


class NoticeSettingsRepository:
    """The settings and channels of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> NoticeSettings:
        """Return what the office sends."""
        return self.stored().settings

    def stored(self) -> StoredSettings:
        """Return what the office sends, and when it last changed."""
        (row,) = self._database.fetch(_STORED)
        return _stored(row)

    def lock(self, connection: Connection) -> StoredSettings:
        """Return what the office sends, and lock it until the transaction ends."""
        row = connection.execute(f"{_STORED} FOR UPDATE".encode()).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; the migration inserted it
        return _stored(row)

    def store(self, connection: Connection, settings: NoticeSettings) -> None:
        """Queue storing what the office sends."""
        values = ", ".join(f"{name} = %({name})s" for name in _COLUMNS)
        version = "GREATEST(clock_timestamp(), updated_at + INTERVAL '1 microsecond')"
        query = f"UPDATE notice_settings SET {values}, updated_at = {version}"
        connection.execute(query.encode(), {name: getattr(settings, name) for name in _COLUMNS})

    def record_channels(self, channels: Mapping[Channel, ChannelState]) -> None:
        """Store which channels can be sent through, in place of what was stored."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM notice_channels WHERE channel <> ALL (%s)", [list(channels)])
            for channel, state in channels.items():
                connection.execute(
                    """
                    INSERT INTO notice_channels (channel, sender, is_real) VALUES (%s, %s, %s)
                    ON CONFLICT (channel) DO UPDATE
                    SET sender = EXCLUDED.sender, is_real = EXCLUDED.is_real, ready_at = NOW()
                    """,
                    (channel, state.sender, state.is_real),
                )

    def channels(self) -> dict[Channel, ChannelState]:
        """Return the channels that can be sent through."""
        rows = self._database.fetch("SELECT channel, sender, is_real FROM notice_channels ORDER BY channel")
        return {row["channel"]: ChannelState(sender=row["sender"], is_real=row["is_real"]) for row in rows}


def _stored(row: DictRow) -> StoredSettings:
    values = {name: row[name] for name in _COLUMNS}
    return StoredSettings(settings=NoticeSettings(**values), updated_at=row["updated_at"])
