"""Release viewings that were not confirmed, so that others can book their times."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from peterental.appointments.model import AppointmentUnknown
from peterental.appointments.visitors.model import ViewingChanged
from peterental.clock import utc_now
from peterental.notices.release.repository import ReleaseRepository

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.appointments.visitors.service import VisitorService
    from peterental.database.pool import Database


class ReleaseService:
    """Releases unconfirmed viewings of one database, if the office wishes it.

    Args:
        database: where they are stored.
        visitors: makes the change, under the agent's lock.
        now: returns the present moment, aware.
    """

    def __init__(self, database: Database, visitors: VisitorService, now: Callable[[], datetime] = utc_now) -> None:
        self._unconfirmed = ReleaseRepository(database)
        self._visitors = visitors
        self._now = now

    def release_unconfirmed(self) -> int:
        """Release the viewings that are due. Return how many were released.

        A viewing is due within the hours that the office has set, if its visitor was asked to confirm it at least two
        hours ago and did not, and if the visitor may be notified now. Each is one transaction, which looks again.
        """
        now, released = self._now(), 0
        for appointment_id in self._unconfirmed.due(now):
            is_due = partial(self._unconfirmed.is_due, appointment_id=appointment_id, now=now)
            try:
                released += self._visitors.release(appointment_id, is_due)
            except (AppointmentUnknown, ViewingChanged):  # deleted since, or another agent just took it over
                continue
        return released
