"""Decide which entries of a waitlist end, and who is offered which time. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from peterental.appointments.availability import BookedInterval
from peterental.appointments.busy_times import NO_BUSY_TIMES
from peterental.clock import midnight
from peterental.notices.waitlist.model import HOLD, SEND_WITHIN
from peterental.properties.lookup import HELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from peterental.agents.model import Agent
    from peterental.appointments.availability import Availability
    from peterental.appointments.home_choice import Catalogue
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.notices.model import NoticeSettings
    from peterental.notices.waitlist.model import Entry, OpenEntry

Resolution = Literal["keep", "end", "passed", "unsent"]
"""What is done with an entry. Its offer ends as `passed` if the caller let it pass.

It ends as `unsent`, and may be made again, if no text was sent or the home is not shown any more.
"""


def resolution_of(found: OpenEntry, now: datetime) -> Resolution:
    """Return what is done with an entry at a moment, before anything is offered."""
    entry = found.entry
    is_over = entry.state == "waiting" and all(until <= now for _, until in entry.wanted)
    if found.has_stopped or found.has_viewing or is_over or found.text_state == "failed":
        return "end"
    if entry.state == "offered" and not entry.is_held(now):
        return "passed" if found.was_handed_over else "unsent"
    is_withdrawn = entry.state == "offered" and entry.home_problem is not None
    return "unsent" if is_withdrawn or found.text_state == "suppressed" else "keep"


def is_quiet(settings: NoticeSettings, agent: Agent, now: datetime) -> bool:
    """Return whether a text that is written now would have to wait for the morning."""
    moments = (now.astimezone(agent.zone), (now + SEND_WITHIN).astimezone(agent.zone))
    return any(not settings.quiet_until <= moment.time() < settings.quiet_from for moment in moments)


def offers(
    entries: Iterable[Entry], agent: Agent, schedule: AgentSchedule, catalogue: Catalogue, now: datetime
) -> Iterator[Entry]:
    """Yield the entries that are offered a time, with their offers: each caller in turn gets the first that suits.

    A time is offered only if it can still be booked at the end of the hold. Who waits for a home that is not shown now
    keeps the place and is offered nothing.

    Args:
        entries: those that wait, first come first.
        agent: for whose times they wait.
        schedule: when the agent is taken; what is offered to others counts.
        catalogue: the homes that they wait for, and when those are taken.
        now: the present moment, aware.
    """
    free = _FreeTimes(schedule, catalogue, now)
    for entry in entries:
        found = None if entry.home_problem else free.first_for(entry)
        if found is not None:
            start, end = found
            free.hold(start, agent.rules.blocked_until(end))
            yield replace(
                entry,
                state="offered",
                offered_start=start,
                offered_end=end,
                offer_expires_at=now + HOLD,
                offers=entry.offers + 1,
            )


class _FreeTimes:
    """The times of an agent that can be offered, by home: each may have other hours, another length and notice.

    Args:
        schedule: when the agent is taken.
        catalogue: the homes, and when they are taken.
        now: the present moment, aware.
    """

    def __init__(self, schedule: AgentSchedule, catalogue: Catalogue, now: datetime) -> None:
        self._schedule = schedule
        self._catalogue = catalogue
        self._bookable_at = now + HOLD
        self._by_home: dict[int | None, Availability] = {}

    def first_for(self, entry: Entry) -> tuple[datetime, datetime] | None:
        """Return start and end of the first free time that suits a caller; None for none."""
        availability = self._of(entry.property_id)
        days = (day for day in availability.days() if _reaches(entry, day, availability))
        start = next((start for start in availability.free(days) if entry.wants(start)), None)
        if start is None:
            return None
        return start, start + timedelta(minutes=availability.slot_minutes_at(start))

    def hold(self, start: datetime, until: datetime) -> None:
        """Take a time that is offered, with the buffer after it."""
        held = BookedInterval(start, until, HELD)
        self._schedule = replace(self._schedule, taken=(*self._schedule.taken, held))
        self._by_home.clear()

    def _of(self, property_id: int | None) -> Availability:
        if property_id not in self._by_home:
            home = self._catalogue.get(property_id)
            self._by_home[property_id] = self._schedule.availability(
                self._bookable_at,
                home=home,
                home_taken=self._catalogue.busy_times(home, None) if home else NO_BUSY_TIMES,
            )
        return self._by_home[property_id]


def _reaches(entry: Entry, day: date, availability: Availability) -> bool:
    """Return whether one of the periods that suit a caller reaches into a day of the agent."""
    begins = midnight(day, availability.zone)
    ends = midnight(day + timedelta(days=1), availability.zone)
    return any(first < ends and until > begins for first, until in entry.wanted)
