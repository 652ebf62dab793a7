"""Whether a caller could book one time of an agent, and the reason if not."""

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
    from peterental.calendars.account import CalendarAge

NOON_MIN = 12 * 60


@dataclass(frozen=True)
class LineSlotCheck:
    """Whom a shared line can book at one time.

    Args:
        free: the names of those agents, in order.
        books_agent: whether the line books the agent whose line it is, too.
    """

    free: tuple[str, ...]
    books_agent: bool


@dataclass(frozen=True, kw_only=True)
class SlotCheck:
    """Whether one time of an agent is free.

    Args:
        agent: whose.
        day, minutes: the time asked for, on the agent's wall clock, as minutes after midnight.
        start: when that is, in UTC; None where the clocks skip it.
        reason: why no caller can book it; None where it is free, or skipped.
        nearest: the nearest free times, in UTC; none where it is free.
        last_day: the last day that callers may book.
        booking: the viewing that takes it.
        moved_event_of: the id of the viewing whose event a person moved there in the calendar.
        busy: the busy block that takes it.
        calendar_age: how old the agent's busy times are; None without a calendar.
        is_phone_closed: whether callers are offered no times at all, because a calendar was read too long ago.
        busy_age_s: the seconds since the calendar of `busy` was read; None if it is not from one.
        line: whom the agent's line can book then, if it is shared; None: it books the agent only.
    """

    agent: Agent
    day: date
    minutes: int
    start: datetime | None
    reason: UnavailableReason | None
    nearest: tuple[datetime, ...]
    last_day: date
    booking: Appointment | None = None
    moved_event_of: int | None = None
    busy: BusyBlock | None = None
    calendar_age: CalendarAge | None = None
    is_phone_closed: bool = False
    busy_age_s: float | None = None
    line: LineSlotCheck | None = None

    @property
    def is_free(self) -> bool:
        """Whether a caller can book it."""
        return self.start is not None and self.reason is None and self.agent.is_active and not self.is_phone_closed

    @property
    def windows(self) -> tuple[Window, ...]:
        """The working hours of that day."""
        return self.agent.rules.windows_on(self.day)

    @property
    def until(self) -> datetime | None:
        """The end of a viewing at that time, in UTC, without the buffer after it."""
        return self.start + timedelta(minutes=self.agent.rules.slot_minutes) if self.start else None


def check_slot(agent: Agent, availability: Availability, day: date, minutes: int) -> SlotCheck:
    """Check one time of an agent.

    Args:
        agent: whose.
        availability: the agent's.
        day: on the agent's calendar.
        minutes: after midnight, on the agent's wall clock.
    """
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
