"""Reads the days and weeks of all agents of the office side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments.calendar.model import DAYS_PER_WEEK, CalendarDay, days_of
from peterental.appointments.calendar.office import AgentDay, AgentDays, OfficeCalendar, free_of, office_windows
from peterental.appointments.calendar.repository import ViewingCalendarRepository
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peterental.access import Viewer
    from peterental.agents.working_hours.model import BusyBlock
    from peterental.appointments.listing.service import ListingService
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.database.pool import Database

AGENTS_PER_PAGE = 6
"""Agents on one page, so that it stays below 60 KB; further ones are on the next."""

ENTRIES_PER_DAY = 20
ENTRIES_PER_WEEKDAY = 3
"""Viewings of one agent and day that are shown; a link leads to all."""

MAX_BUSY_PER_DAY = 20
READ_AHEAD = timedelta(days=14)
"""How far ahead schedules are read from the present moment on; those of later and past days from their own start."""


class OfficeCalendarService:
    """The calendar of the office.

    Args:
        database: where bookings, hours and busy times are stored.
        listing: knows the agents whose viewings a viewer may see.
        zone: the office's, in which its days begin and end.
        now: returns the present moment, UTC.
    """

    def __init__(
        self, database: Database, listing: ListingService, zone: ZoneInfo, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._calendar = ViewingCalendarRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._listing = listing
        self._zone = zone
        self._now = now

    def day(
        self, viewer: Viewer, on: date | None = None, agent_ids: Sequence[str] = (), *, page: int = 1
    ) -> OfficeCalendar:
        """Return a day of the viewer's agents, AGENTS_PER_PAGE to a page. Four queries, one without agents.

        Args:
            viewer: an admin sees all agents.
            on: a date of the office; today by default.
            agent_ids: only these; those that the viewer may not see are ignored.
            page: of agents, from 1.
        """
        days = days_of(on or self._today(), self._zone, count=1)
        return self._filled(viewer, days, agent_ids, page, limit=ENTRIES_PER_DAY)

    def week(
        self, viewer: Viewer, on: date | None = None, agent_ids: Sequence[str] = (), *, page: int = 1
    ) -> OfficeCalendar:
        """Return the week, from Monday, around `on`; arguments and queries as for `day`."""
        on = on or self._today()
        days = days_of(on - timedelta(days=on.weekday()), self._zone, count=DAYS_PER_WEEK)
        return self._filled(viewer, days, agent_ids, page, limit=ENTRIES_PER_WEEKDAY)

    def _today(self) -> date:
        return self._now().astimezone(self._zone).date()

    def _filled(
        self,
        viewer: Viewer,
        days: Sequence[CalendarDay],
        agent_ids: Sequence[str],
        page: int,
        *,
        limit: int,
    ) -> OfficeCalendar:
        choices = self._listing.agents(viewer, next(iter(agent_ids), None))
        chosen = tuple(choice.agent_id for choice in choices if choice.agent_id in set(agent_ids))
        wanted = chosen or tuple(choice.agent_id for choice in choices)
        shown = wanted[(page - 1) * AGENTS_PER_PAGE : page * AGENTS_PER_PAGE]
        return OfficeCalendar(
            zone=self._zone,
            today=self._today(),
            dates=tuple(day.day for day in days),
            choices=choices,
            chosen=chosen,
            rows=self._rows(shown, days, limit) if shown else (),
            has_more=len(wanted) > page * AGENTS_PER_PAGE,
        )

    def _rows(self, agent_ids: Sequence[str], days: Sequence[CalendarDay], limit: int) -> tuple[AgentDays, ...]:
        now, first = self._now(), days[0].starts
        reads_from = now if now <= first <= now + READ_AHEAD else first
        schedules = self._calendar.schedules(agent_ids, reads_from)
        entries = self._calendar.days_of_agents(agent_ids, days, limit)
        busy = self._hours.busy_blocks_of(agent_ids, first, days[-1].ends, MAX_BUSY_PER_DAY * len(days))
        return tuple(
            self._agent_days(schedules[agent_id], entries[agent_id], busy[agent_id], now)
            for agent_id in agent_ids
            if agent_id in schedules  # it may have been deleted since
        )

    def _agent_days(
        self, schedule: AgentSchedule, days: Sequence[CalendarDay], busy: Sequence[BusyBlock], now: datetime
    ) -> AgentDays:
        agent = schedule.agent
        assert agent is not None  # noqa: S101  # for mypy; the schedules of unknown agents are left out
        availability = schedule.availability(now)
        filled = [
            AgentDay(
                day=replace(
                    day,
                    windows=office_windows(agent, day, self._zone),
                    busy=tuple(block for block in busy if block.start < day.ends and day.starts < block.until),
                ),
                free=free_of(availability, day) if agent.is_active else (),
            )
            for day in days
        ]
        return AgentDays(agent=agent, days=tuple(filled))
