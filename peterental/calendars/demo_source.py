"""A calendar that exists nowhere: the first look at a fresh installation shows busy times that move."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from peterental.calendars.model import BusyTime, Reading, ReadWindow, RemoteCalendar
from peterental.clock import instant_of

_REMOTE = RemoteCalendar(remote_id="demo", name="Demo calendar", is_default=True)
_TITLES = ("Dentist", "Team meeting", "School run", "Lunch with a landlord", "Key handover", "Inspection")
_HOURS = range(8, 15)
"""When events begin. Four o'clock stays free on other days than today: `make run` prints a command that books it."""


class DemoAccount:
    """Invents one or two events for each day; one of today's begins later every ten minutes.

    Args:
        seed: different for each account.
        now: the present moment, aware.
    """

    def __init__(self, seed: int, now: datetime) -> None:
        self._seed = seed
        self._now = now

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the one calendar."""
        return (_REMOTE,)

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:  # noqa: ARG002  # of the protocol
        """Invent the events of the window."""
        day = window.start.astimezone(window.zone).date()
        busy: dict[str, tuple[BusyTime, ...]] = {}
        while day <= window.end.astimezone(window.zone).date():
            busy |= self._events_of(day, window)
            day += timedelta(days=1)
        return Reading(is_whole=True, busy=busy)

    def _events_of(self, day: date, window: ReadWindow) -> dict[str, tuple[BusyTime, ...]]:
        chance = random.Random(f"{self._seed} {day}")  # noqa: S311  # nothing secret
        events: dict[str, tuple[BusyTime, ...]] = {}
        for number in range(chance.randint(1, 2)):
            minutes = chance.choice(_HOURS) * 60 + chance.choice((0, 30))
            if number == 0 and day == self._now.astimezone(window.zone).date():
                minutes += 10 * (self._now.minute // 10)
            start = instant_of(day, minutes, window.zone) or datetime.combine(day, time(12), tzinfo=window.zone)
            length = timedelta(minutes=chance.choice((30, 45, 60, 90)))
            events[f"{day} {number}"] = (BusyTime(start=start, end=start + length, title=chance.choice(_TITLES)),)
        return events
