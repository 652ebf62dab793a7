"""Warnings about a time that a user chose manually. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.appointments.manual.model import BookingWarning, BookingWarnings

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.agents.working_hours.model import BusyBlock
    from peterental.appointments.manual.model import HomeViewing
    from peterental.appointments.model import Appointment
    from peterental.calendars.account import CalendarAge


def check_warnings(
    agent: Agent,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    overlapping: Sequence[Appointment] = (),
    same_home: Sequence[HomeViewing] = (),
    moved_event_of: int | None = None,
    busy: BusyBlock | None = None,
    booked_that_day: int = 0,
    calendar_age: CalendarAge | None = None,
    is_calendar_stale: bool = False,
) -> BookingWarnings:
    """Return all reasons against a viewing of `agent` from `start` to `end`.

    Args:
        agent: with its rules.
        start: aware.
        end: aware.
        now: the present moment, aware.
        overlapping: confirmed viewings that it overlaps, all buffers included.
        same_home: viewings of the same home with other agents that it may not overlap.
        moved_event_of: the viewing whose event a person moved into it, in the calendar.
        busy: the busy block that it overlaps.
        booked_that_day: how many other confirmed viewings that local day has.
        calendar_age: how old the agent's busy times are; None without a calendar.
        is_calendar_stale: whether callers would not be offered times by them.
    """
    rules = agent.rules
    day = start.astimezone(agent.zone).date()
    found = {
        BookingWarning.AGENT_INACTIVE: not agent.is_active,
        BookingWarning.PAST: start <= now,
        BookingWarning.TOO_SOON: now < start < now + timedelta(minutes=rules.notice_minutes),
        BookingWarning.TOO_FAR: day > now.astimezone(agent.zone).date() + timedelta(days=rules.horizon_days),
        BookingWarning.OUTSIDE_HOURS: not _is_within_hours(agent, start, end),
        BookingWarning.DAY_FULL: rules.daily_cap is not None and booked_that_day >= rules.daily_cap,
        BookingWarning.BUSY: moved_event_of is not None or busy is not None,
        BookingWarning.OVERLAPS: bool(overlapping),
        BookingWarning.CALENDAR_STALE: is_calendar_stale,
        BookingWarning.HOME_TAKEN: bool(same_home),
    }
    kinds = tuple(kind for kind, applies in found.items() if applies)
    return BookingWarnings(
        start, end, kinds, tuple(overlapping), calendar_age, tuple(same_home), moved_event_of=moved_event_of, busy=busy
    )


def _is_within_hours(agent: Agent, start: datetime, end: datetime) -> bool:
    local = start.astimezone(agent.zone)
    begins_min = local.hour * 60 + local.minute
    return agent.rules.covers(local.date(), begins_min, begins_min + (end - start) // timedelta(minutes=1))
