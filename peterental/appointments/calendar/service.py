"""Reads an agent's days, weeks, statistics and summaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from peterental.access import Viewer
from peterental.agents.model import Agent
from peterental.agents.service import AgentService
from peterental.agents.working_hours.model import Schedule
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.appointments.calendar.model import CalendarDay, Week, days_of, hours_shown
from peterental.appointments.calendar.repository import ViewingCalendarRepository
from peterental.appointments.calendar.statistics import MAX_COUNTED, WeeklyStatistics, mondays, weeks_of
from peterental.appointments.calendar.summaries import (
    MAX_CONFLICTS_CHECKED,
    AgentSummary,
    HoursConflicts,
    Upcoming,
    bookings_outside_hours,
)
from peterental.calls.service import CallService
from peterental.clock import midnight, utc_now
from peterental.database.pool import Database

MAX_ENTRIES_IN_WEEK = 20
"""Viewings of one day that the week view shows: a day of working hours with one every half hour."""

MAX_ENTRIES_ON_SHEET = 100
"""Viewings of one day that the day sheet shows."""


class CalendarService:
    """The calendars of one database's agents.

    Args:
        database: where the bookings are stored.
        agents: decides who may see which agent.
        hours: reads working hours and busy blocks.
        calls: counts calls.
        now: returns the present moment, in UTC.
    """

    def __init__(
        self,
        database: Database,
        agents: AgentService,
        hours: WorkingHoursService,
        calls: CallService,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._agents = agents
        self._hours = hours
        self._calls = calls
        self._calendar = ViewingCalendarRepository(database)
        self._now = now

    def week(self, agent_id: str, viewer: Viewer, on: date | None = None) -> Week:
        """Return the week, from Monday, around `on` (default: today).

        Four queries. Raises AgentUnknown.
        """
        agent = self._agents.get(agent_id, viewer)
        today = self._hours.today(agent)
        on = on or today
        days = self._filled(agent, days_of(on - timedelta(days=on.weekday()), agent.zone), MAX_ENTRIES_IN_WEEK)
        return Week(agent=agent, today=today, days=days, shown=hours_shown(days, agent.zone))

    def day_sheet(self, agent_id: str, viewer: Viewer, on: date | None = None) -> tuple[Agent, date, CalendarDay]:
        """Return an agent, its local date, and one of its days (default: today).

        Four queries. Raises AgentUnknown.
        """
        agent = self._agents.get(agent_id, viewer)
        today = self._hours.today(agent)
        (day,) = self._filled(agent, days_of(on or today, agent.zone, count=1), MAX_ENTRIES_ON_SHEET)
        return agent, today, day

    def statistics(self, agent_id: str, viewer: Viewer) -> WeeklyStatistics:
        """Return the statistics of this week and the eleven before it.

        Three queries. Raises AgentUnknown.
        """
        agent = self._agents.get(agent_id, viewer)
        starts = mondays(self._hours.today(agent))
        edges = [midnight(monday, agent.zone) for monday in starts]
        viewings = self._calendar.viewings_by_week(agent_id, edges, MAX_COUNTED)
        calls = self._calls.weekly_counts(agent, edges, MAX_COUNTED)
        found = WeeklyStatistics(agent=agent, weeks=weeks_of(starts[:-1], viewings, calls))
        return replace(found, is_partial=max(found.total, found.calls) >= MAX_COUNTED)

    def summaries(self, agents: Sequence[Agent]) -> tuple[AgentSummary, ...]:
        """Return the next viewing, the counts and the age of the calendars of agents that the viewer may see.

        One query.
        """
        if not agents:
            return ()
        return self._calendar.summaries(agents, self._now())

    def upcoming(self, agent: Agent, limit: int = 10) -> Upcoming:
        """Return the next confirmed viewings of an agent that the viewer may see.

        One query.
        """
        return self._calendar.upcoming(agent.agent_id, self._now(), limit)

    def conflicts(self, schedule: Schedule) -> HoursConflicts:
        """Return the upcoming viewings in closed or busy time. One query."""
        agent = schedule.agent
        booked = self._calendar.starting_after(agent.agent_id, self._now(), MAX_CONFLICTS_CHECKED)
        outside = bookings_outside_hours(schedule.rules, agent.zone, schedule.busy, booked)
        return HoursConflicts(viewings=outside, checked=len(booked))

    def _filled(self, agent: Agent, days: Sequence[CalendarDay], limit: int) -> tuple[CalendarDay, ...]:
        """Return the days with working hours, busy blocks and viewings. Three queries."""
        overrides = {other.day: other for other in self._hours.date_overrides(agent, days[0].day)}
        busy = self._hours.busy_blocks(agent, days[0].starts, days[-1].ends)
        every_week = replace(agent.rules, days=())
        filled = []
        for day in self._calendar.with_entries(agent.agent_id, days, limit):
            other = overrides.get(day.day)
            filled.append(
                replace(
                    day,
                    windows=other.windows if other else every_week.windows_on(day.day),
                    note=other.note if other else None,
                    busy=tuple(block for block in busy if block.start < day.ends and day.starts < block.until),
                )
            )
        return tuple(filled)
