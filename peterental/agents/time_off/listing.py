"""List the time off that is ahead: closures, days off, blocked times and repeating blocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from peterental.access import Viewer, owner_filter
from peterental.agents.time_off.listing_repository import TimeOffListingRepository
from peterental.agents.time_off.model import TimeOffPage
from peterental.clock import utc_now
from peterental.database.pool import Database

PAGE_SIZE = 50


class TimeOffListing:
    """The time off of one database's agents.

    Args:
        database: where it is stored.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._listing = TimeOffListingRepository(database)
        self._now = now

    def upcoming(self, viewer: Viewer, *, agent_id: str = "", page: int = 1) -> TimeOffPage:
        """Return one page of the time off that has not ended, by date.

        A repeating block is one line, at its next time. One query.

        Args:
            viewer: whose agents; an admin sees all. Everyone sees the closures of the office.
            agent_id: only this agent; empty for all.
            page: from 1.
        """
        found = self._listing.upcoming(
            self._now(),
            user_id=owner_filter(viewer),
            agent_id=agent_id.replace("\x00", ""),
            limit=PAGE_SIZE + 1,
            offset=(page - 1) * PAGE_SIZE,
        )
        return TimeOffPage(items=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)
