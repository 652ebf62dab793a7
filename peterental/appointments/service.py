"""The rules of viewings: what may be booked, moved and cancelled, by whom, and who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments import repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.appointments.model import Appointment, Page, Wish
    from peterental.calls.model import Delivery, Say
    from peterental.calls.service import CallService
    from peterental.database.connection import Database
    from peterental.users.model import Viewer


class AppointmentService:
    """Viewings, as the phone and the pages use them.

    Args:
        database: where they are kept.
        calls: keeps what each tool call was told.
        now: gives the present moment, aware.
    """

    def __init__(self, database: Database, calls: CallService, now: Callable[[], datetime]) -> None:
        self._database = database
        self._calls = calls
        self._now = now

    def availability(self, delivery: Delivery, wish: Wish, say: Say) -> str: ...
    def book(self, delivery: Delivery, wish: Wish, say: Say) -> str: ...
    def reschedule(self, delivery: Delivery, wish: Wish, say: Say) -> str: ...
    def cancel(self, delivery: Delivery, wish: Wish, say: Say) -> str: ...
    def find(self, delivery: Delivery, wish: Wish, say: Say) -> str: ...

    def listing(self, viewer: Viewer, *, limit: int, offset: int = 0) -> Page:
        """Give appointments that `viewer` may see: upcoming ones first, soonest first, then past ones, latest first."""
        return repository.listing(self._database, viewer, now=self._now(), limit=limit, offset=offset)

    def get(self, appointment_id: int, viewer: Viewer) -> Appointment:
        """Give one appointment. Raises AppointmentUnknown, also where `viewer` may not see it."""
        return repository.get(self._database, appointment_id, viewer)
