"""Which viewings are to be released, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

TIME_TO_ANSWER = timedelta(hours=2)
"""How long a visitor has to confirm, at least."""

LONGEST = timedelta(hours=20)
"""The most that `release_hours` may be."""

# The notices of each viewing are looked up (OFFSET 0 keeps it so): few viewings start soon. The notice that asked is
# of the viewing as it is now: one that was moved or restored since was not asked about. In quiet hours no notice is
# sent, so nothing is released.
_DUE = """
    SELECT appointments.id
    FROM appointments
    JOIN agents USING (agent_id)
    CROSS JOIN notice_settings AS office
    WHERE appointments.status = 'confirmed'
        AND appointments.confirmed_at IS NULL
        AND appointments.start_time > %(now)s::timestamptz
        AND appointments.start_time <= %(now)s::timestamptz + %(longest)s::interval
        AND appointments.start_time <= %(now)s::timestamptz + make_interval(hours => office.release_hours)
        AND (%(now)s::timestamptz AT TIME ZONE agents.time_zone)::time >= office.quiet_until
        AND (%(now)s::timestamptz AT TIME ZONE agents.time_zone)::time < office.quiet_from
        AND EXISTS (
            SELECT
            FROM notices
            WHERE notices.appointment_id = appointments.id
                AND notices.kind = 'reminder_day'
                AND notices.revision = appointments.sequence
                AND notices.state IN ('sent', 'delivered')
                AND notices.handed_over_at <= %(now)s::timestamptz - %(time_to_answer)s::interval
            OFFSET 0
        )
"""

_VALUES: dict[str, object] = {"time_to_answer": TIME_TO_ANSWER, "longest": LONGEST}


class ReleaseRepository:
    """The unconfirmed viewings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime) -> list[int]:
        """Return the ids of the viewings that are to be released, soonest first. One round trip.

        Args:
            now: the present moment, aware.
        """
        values = _VALUES | {"now": now}
        return [row["id"] for row in self._database.fetch(f"{_DUE} ORDER BY appointments.start_time", values)]

    def is_due(self, connection: Connection, appointment_id: int, now: datetime) -> bool:
        """Return whether one viewing is to be released. Waits for the server."""
        values = _VALUES | {"now": now, "id": appointment_id}
        return connection.execute(f"{_DUE} AND appointments.id = %(id)s".encode(), values).fetchone() is not None
