"""The viewings that notices are about, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.appointments.model import Status
from peterental.properties.lookup import named_home

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database


@dataclass(frozen=True, kw_only=True)
class ViewingState:
    """What decides whether a notice about a viewing is true. Times are UTC."""

    status: Status
    start: datetime
    sequence: int
    confirmed_at: datetime | None
    released_at: datetime | None
    attendee_phone: str | None
    attendee_email: str | None
    caller_number: str | None

    @property
    def contacts(self) -> frozenset[str | None]:
        """The number and the address at which the visitor is notified."""
        return frozenset((self.attendee_phone or self.caller_number, self.attendee_email))


@dataclass(frozen=True, kw_only=True)
class ViewingOfNotice(ViewingState):
    """A viewing with everything that a notice says. Times are UTC.

    Args:
        was_texted: whether an earlier text about it was handed over to the notice's recipient.
    """

    appointment_id: int
    agent_id: str
    agent_name: str
    time_zone: str
    handover_number: str | None
    end: datetime
    property_address: str
    attendee_name: str
    was_texted: bool

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the home: the agent's."""
        return ZoneInfo(self.time_zone)


_STATE = """
    status, start_time AS start, sequence, confirmed_at, released_at, attendee_phone, attendee_email, caller_number
"""


class ViewingRepository:
    """The viewings of one database. Each method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def viewing(self, appointment_id: int, recipient: str, notice_id: int) -> ViewingOfNotice | None:
        """Return a viewing as a notice says it; None if it was deleted.

        Args:
            appointment_id: which viewing.
            recipient: of the notice.
            notice_id: of the notice.
        """
        rows = self._database.fetch(
            f"""
            SELECT {_STATE}, appointments.id AS appointment_id, appointments.agent_id, agent_name, time_zone,
                   handover_number, end_time AS "end", {named_home()}, attendee_name,
                   EXISTS (
                       SELECT
                       FROM notices
                       WHERE notices.appointment_id = appointments.id AND channel = 'text' AND recipient = %s
                           AND handed_over_at IS NOT NULL AND notice_id <> %s
                   ) AS was_texted
            FROM appointments JOIN agents USING (agent_id)
            WHERE appointments.id = %s
            """,
            (recipient, notice_id, appointment_id),
        )
        return ViewingOfNotice(**rows[0]) if rows else None

    def state(self, connection: Connection, appointment_id: int) -> ViewingState | None:
        """Return the state of a viewing in a transaction; None if it was deleted."""
        row: DictRow | None = connection.execute(
            f"SELECT {_STATE} FROM appointments WHERE id = %s".encode(), (appointment_id,)
        ).fetchone()
        return None if row is None else ViewingState(**row)
