"""The first page after sign-in: a day's viewings, and what needs a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.access import Viewer, owner_filter
from peterental.clock import midnight, utc_now
from peterental.today.model import Attention, Counts, DayBounds, DayViewings, Today
from peterental.today.repository import TodayRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.appointments.listing.service import ListingService
    from peterental.database.pool import Database

MAX_VIEWINGS = 20
"""Viewings of today on the page: more than one agent has, and about as many as 60 KB hold."""


class TodayService:
    """What the day brings.

    Args:
        database: of all features.
        listing: knows the agents whose viewings a viewer may see.
        now: returns the present moment, UTC.
    """

    def __init__(self, database: Database, listing: ListingService, now: Callable[[], datetime] = utc_now) -> None:
        self._today = TodayRepository(database)
        self._listing = listing
        self._now = now

    def counts(self, viewer: Viewer) -> Counts:
        """Return the numbers of the navigation. One query."""
        return self._today.counts(owner_filter(viewer), self._now())

    def show(self, viewer: Viewer, agent_id: str | None = None) -> Today:
        """Return the day of one of the viewer's agents, or of all of them. Three queries, one without agents.

        Args:
            viewer: whose agents; an admin sees those of the office.
            agent_id: whose day; an agent that the viewer may not see is ignored.
        """
        now = self._now()
        agents, zones = self._listing.agents_and_zones(viewer, agent_id)
        chosen = agents[0] if agents and agents[0].agent_id == agent_id else None
        days = tuple(today_in(zone, now) for zone in ((chosen.time_zone,) if chosen else zones))
        user_id, wanted = owner_filter(viewer), chosen.agent_id if chosen else ""
        day, attention = DayViewings(), Attention()
        if days:
            day = self._today.viewings(user_id, wanted, days, MAX_VIEWINGS)
            attention = self._today.attention(user_id, wanted, days, now)
        return Today(
            now=now,
            agents=agents,
            chosen=chosen,
            is_agent_unknown=agent_id is not None and chosen is None,
            days=days,
            day=day,
            attention=attention,
        )


def today_in(time_zone: str, now: datetime) -> DayBounds:
    """Return the bounds of today and tomorrow on the clocks of a time zone."""
    zone = ZoneInfo(time_zone)
    day = now.astimezone(zone).date()
    return DayBounds(
        time_zone=time_zone,
        day=day,
        starts=midnight(day, zone),
        tomorrow=midnight(day + timedelta(days=1), zone),
        ends=midnight(day + timedelta(days=2), zone),
    )
