"""Why an agent has, or has not, a certain time free: the rules of the phone, in a form that a page can explain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from peterental.appointments.availability import UnavailableReason
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.agents.model import Agent, Window
    from peterental.agents.working_hours.model import BusyBlock
    from peterental.appointments.availability import Availability
    from peterental.appointments.model import Appointment

NOON_MIN = 12 * 60


@dataclass(frozen=True, kw_only=True)
class SlotCheck:
    """What became of asking for one time of an agent's.

    Args:
        agent: whose.
        day, minutes: the time asked for, on the agent's wall clock, in minutes after midnight.
        start: when that is, in UTC; None where the clocks skip it.
        reason: why no caller gets it; None where it is free, or skipped.
        nearest: the nearest free times, in UTC; none where it is free.
        last_day: the last day that callers may book.
        booking: what takes it, if it is a viewing.
        busy: what takes it, if it is a busy block.
    """

    agent: Agent
    day: date
    minutes: int
    start: datetime | None
    reason: UnavailableReason | None
    nearest: tuple[datetime, ...]
    last_day: date
    booking: Appointment | None = None
    busy: BusyBlock | None = None

    @property
    def is_free(self) -> bool:
        """Whether a caller gets it."""
        return self.start is not None and self.reason is None and self.agent.is_active

    @property
    def windows(self) -> tuple[Window, ...]:
        """The working hours of that day."""
        return self.agent.rules.windows_on(self.day)

    @property
    def until(self) -> datetime | None:
        """When the viewing would be over, in UTC, without the pause after it."""
        return self.start + timedelta(minutes=self.agent.rules.slot_minutes) if self.start else None


def check(agent: Agent, availability: Availability, day: date, minutes: int) -> SlotCheck:
    """Ask a timetable for one time, given on the agent's wall clock in minutes after midnight."""
    start = instant_of(day, minutes, agent.zone)
    reason = availability.reason_unavailable(start) if start else None
    near = start or instant_of(day, NOON_MIN, agent.zone) or availability.now
    free = start is not None and reason is None
    return SlotCheck(
        agent=agent,
        day=day,
        minutes=minutes,
        start=start,
        reason=reason,
        nearest=() if free else availability.nearest(near),
        last_day=availability.last_day,
    )
