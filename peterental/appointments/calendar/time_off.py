"""Viewings that fall into time off: they stay booked until a person moves or cancels them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.access import Viewer, owner_filter
from peterental.appointments.calendar.time_off_repository import TimeOffViewingRepository
from peterental.appointments.model import BookingSummary
from peterental.clock import midnight, utc_now

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.agents.time_off.model import TimeOffItem
    from peterental.agents.working_hours.model import DateOverride
    from peterental.database.pool import Database

MAX_SHOWN = 100
"""Viewings in one piece of time off that are listed."""


@dataclass(frozen=True, kw_only=True)
class ViewingInTimeOff(BookingSummary):
    """A confirmed viewing to come that falls into time off, with its agent."""

    agent_id: str
    agent_name: str
    time_zone: str

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


class TimeOffViewings:
    """The viewings of one database that fall into time off.

    Args:
        database: where they are stored.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._viewings = TimeOffViewingRepository(database)
        self._now = now

    def counts(self, items: Iterable[TimeOffItem], viewer: Viewer) -> dict[tuple[str, int], int]:
        """Return how many viewings fall into each line of the list of time off, by `closure`, `repeating` or `block`.

        The viewings of agents that the viewer may not see are not counted. One query.
        """
        ids: dict[str, list[int]] = {"closure": [], "repeating": [], "block": []}
        for item in items:
            if item.closure is not None:
                ids["closure"].append(item.closure.closure_id)
            elif item.repeating is not None:
                ids["repeating"].append(item.repeating.repeating_id)
            elif item.block is not None:
                ids["block"].append(item.block.busy_id)
        return self._viewings.counts(self._now(), owner_filter(viewer), {**ids}) if any(ids.values()) else {}

    def in_block(self, busy_id: int, viewer: Viewer) -> int:
        """Return how many viewings fall into a blocked time, none of agents that the viewer may not see. One query."""
        return self._viewings.counts(self._now(), owner_filter(viewer), {"block": [busy_id]}).get(("block", busy_id), 0)

    def outside(self, override: DateOverride, agent: Agent, viewer: Viewer) -> int:
        """Return how many viewings to come of an agent's day are outside the hours of its date override. One query.

        There are none of an agent that the viewer may not see.
        """
        if owner_filter(viewer) not in (None, agent.user_id):
            return 0
        first, end = (midnight(override.day + timedelta(days=number), agent.zone) for number in (0, 1))
        found = self._viewings.of_agent(agent.agent_id, max(first, self._now()), end)
        return sum(not _is_within(override, start.astimezone(agent.zone), end - start) for start, end in found)

    def of_closure(self, closure_id: int, viewer: Viewer) -> tuple[ViewingInTimeOff, ...]:
        """Return the first MAX_SHOWN viewings in a closure that the viewer may see, soonest first. One query."""
        return self._list(viewer, closure_id=closure_id)

    def of_repeating(self, repeating_id: int, viewer: Viewer) -> tuple[ViewingInTimeOff, ...]:
        """Return the first MAX_SHOWN viewings in a repeating block that the viewer may see. One query."""
        return self._list(viewer, repeating_id=repeating_id)

    def _list(
        self, viewer: Viewer, *, closure_id: int | None = None, repeating_id: int | None = None
    ) -> tuple[ViewingInTimeOff, ...]:
        rows = self._viewings.viewings(
            self._now(), owner_filter(viewer), closure_id=closure_id, repeating_id=repeating_id, limit=MAX_SHOWN
        )
        return tuple(ViewingInTimeOff(**row) for row in rows)


def _is_within(override: DateOverride, start: datetime, length: timedelta) -> bool:
    """Return whether one window of an override covers a viewing.

    Args:
        override: of the viewing's day.
        start: on the agent's clock.
        length: of the viewing.
    """
    from_min = start.hour * 60 + start.minute
    until_min = from_min + length / timedelta(minutes=1)
    return any(window.opens_min <= from_min and until_min <= window.closes_min for window in override.windows)
