"""Reminders: written when they are due, not ahead.

A viewing that was moved, cancelled or booked late needs no clean-up: what it was like before has no reminders yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.notices.reminder_repository import ReminderRepository

BATCH_SIZE = 500
"""Reminders that one transaction writes."""


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """When one kind of reminder is sent. All periods are before the viewing starts.

    Args:
        kind: of its notices.
        due_before: it is due then.
        expires_before: it is not sent any more then. A viewing in the night is reminded of after the quiet hours.
        settled_before: a visitor who booked or moved the viewing later than that needs no reminder.
    """

    kind: Literal["reminder_day", "reminder_hours"]
    due_before: timedelta
    expires_before: timedelta
    settled_before: timedelta


REMINDERS = (
    Reminder(
        kind="reminder_day",
        due_before=timedelta(hours=24),
        expires_before=timedelta(hours=12),
        settled_before=timedelta(hours=26),
    ),
    Reminder(
        kind="reminder_hours",
        due_before=timedelta(hours=2),
        expires_before=timedelta(minutes=15),
        settled_before=timedelta(hours=3),
    ),
)


class ReminderService:
    """Writes the reminders of one database.

    Args:
        repository: of the viewings.
        now: returns the present moment, aware.
    """

    def __init__(self, repository: ReminderRepository, now: Callable[[], datetime] = utc_now) -> None:
        self._repository = repository
        self._now = now

    def plan(self) -> int:
        """Write all reminders that are due, with their jobs, and return how many. Repeating it writes none twice."""
        now = self._now()
        total = 0
        for reminder in REMINDERS:
            while planned := self._repository.plan(reminder, now, BATCH_SIZE):
                total += planned
        return total
