"""Puts an agent's days together from its hours, its busy blocks and its viewings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from peterental.access import Viewer
from peterental.agents.model import Agent
from peterental.agents.service import AgentService
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments.calendar.model import CalendarDay, Week, days_of, hours_shown
from peterental.appointments.calendar.repository import CalendarRepository
from peterental.appointments.calendar.statistics import MOST_COUNTED, WeeklyStatistics, mondays, weeks_of
from peterental.clock import midnight, utc_now
from peterental.database.pool import Database

VISITS_OF_A_DAY = 20
"""Viewings of one day that the week has room for; a day of working hours, every half hour."""

VISITS_ON_A_SHEET = 100


class CalendarService:
    """The diaries of one database's agents.

    Args:
        database: where everything is kept.
        agents: knows who may see which agent.
        now: gives the time, in UTC.
    """

    def __init__(self, database: Database, agents: AgentService, now: Callable[[], datetime] = utc_now) -> None:
        self._agents = agents
        self._diary = CalendarRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._now = now

    def week(self, agent_id: str, viewer: Viewer, on: date | None = None) -> Week:
        """Give the week, from Monday, that has `on` in it (default: today). Four queries. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        today = self._today(agent)
        on = on or today
        days = self._filled(agent, days_of(on - timedelta(days=on.weekday()), agent.zone), VISITS_OF_A_DAY)
        return Week(agent=agent, today=today, days=days, shown=hours_shown(days, agent.zone))

    def day_sheet(self, agent_id: str, viewer: Viewer, on: date | None = None) -> tuple[Agent, date, CalendarDay]:
        """Give an agent, the present day there, and one day (default: today). Four queries. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        today = self._today(agent)
        (day,) = self._filled(agent, days_of(on or today, agent.zone, count=1), VISITS_ON_A_SHEET)
        return agent, today, day

    def figures(self, agent_id: str, viewer: Viewer) -> WeeklyStatistics:
        """Give figures of this week and the eleven before it. Three queries. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        starts = mondays(self._today(agent))
        edges = [midnight(monday, agent.zone) for monday in starts]
        viewings = self._diary.viewings_by_week(agent_id, edges, MOST_COUNTED)
        calls = self._diary.calls_by_week(agent_id, edges, MOST_COUNTED)
        found = WeeklyStatistics(agent=agent, weeks=weeks_of(starts[:-1], viewings, calls))
        return replace(found, is_partial=max(found.total, found.calls) >= MOST_COUNTED)

    def _filled(self, agent: Agent, days: Sequence[CalendarDay], limit: int) -> tuple[CalendarDay, ...]:
        starts, ends = days[0].starts, days[-1].ends
        differing = {other.day: other for other in self._hours.days(agent.agent_id, days[0].day)}
        busy = self._hours.busy(agent.agent_id, starts, ends)
        every_week = replace(agent.rules, days=())
        filled = []
        for day in self._diary.with_visits(agent.agent_id, days, limit):
            other = differing.get(day.day)
            filled.append(
                replace(
                    day,
                    windows=other.windows if other else every_week.windows_on(day.day),
                    note=other.note if other else None,
                    busy=tuple(block for block in busy if block.start < day.ends and day.starts < block.until),
                )
            )
        return tuple(filled)

    def _today(self, agent: Agent) -> date:
        return self._now().astimezone(agent.zone).date()
