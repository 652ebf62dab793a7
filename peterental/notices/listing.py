"""The notices that a viewer may see: a page of them, one, and their number in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.access import Viewer, owner_filter
from peterental.database.column_limits import MAX_BIGINT
from peterental.notices.listing_repository import NoticeListingRepository
from peterental.notices.model import NoticePage, NoticeUnknown

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database
    from peterental.notices.model import Notice, NoticeCounts, NoticeFilter

PAGE_SIZE = 25


class NoticeListing:
    """The notices of one database, as pages show them.

    Admins see all; others those of their agents. Each method is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._repository = NoticeListingRepository(database)

    def listing(self, viewer: Viewer, notice_filter: NoticeFilter, *, page: int = 1) -> NoticePage:
        """Return one page of the notices, newest first.

        Args:
            viewer: who reads it.
            notice_filter: which notices.
            page: from 1.
        """
        first = (page - 1) * PAGE_SIZE
        places = slice(first, first + PAGE_SIZE + 1)
        found, is_truncated = self._repository.page(owner_filter(viewer), notice_filter, places)
        return NoticePage(notices=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE, is_truncated=is_truncated)

    def notice(self, notice_id: int, viewer: Viewer) -> Notice:
        """Return one notice. Raises NoticeUnknown, also if it is of an agent of another user."""
        found = self._repository.one(notice_id, owner_filter(viewer)) if 0 < notice_id <= MAX_BIGINT else None
        if found is None:
            raise NoticeUnknown
        return found

    def counts(self, viewer: Viewer, since: datetime) -> NoticeCounts:
        """Count the notices that ended after a moment or are open, by channel and state, and why some were not sent."""
        return self._repository.counts(owner_filter(viewer), since)
