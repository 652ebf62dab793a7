"""The list of viewings that a viewer may see, page by page or as an export."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

from peterental.access import owner_filter
from peterental.agents.model import AgentUnknown
from peterental.appointments.listing.home_repository import HomeViewingRepository
from peterental.appointments.listing.model import (
    LAST_PAGE,
    MAX_AGENTS_OFFERED,
    MAX_EXPORTED,
    MAX_STRETCH,
    PAGE_SIZE,
    Filter,
    HomeViewings,
    ListPage,
    Scope,
    Stretch,
)
from peterental.appointments.listing.repository import ListingRepository
from peterental.audit.model import Change
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.appointments.listing.model import AgentChoice, Position
    from peterental.appointments.model import Appointment
    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_log = logging.getLogger(__name__)

HOME_VIEWINGS_SHOWN = 10
HOME_WORDS_SHOWN = 10

BATCH_SIZE = 1_000
"""Viewings in memory at once while a file is written."""


class ListingService:
    """The list of one database.

    Args:
        database: where the viewings are stored.
        audit: records exports.
        now: returns the present moment, aware.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._audit = audit
        self._listing = ListingRepository(database)
        self._of_homes = HomeViewingRepository(database)
        self._now = now

    def page(self, viewer: Viewer, wanted: Filter, page: int = 1) -> ListPage:
        """Return one page of the list, as far as the viewer may see it. Two queries.

        Args:
            viewer: who reads it.
            wanted: the filter. An agent that the viewer may not see is ignored.
            page: from 1 to LAST_PAGE.
        """
        with self._database.transaction() as connection:
            agents, scope = self._scope(connection, viewer, wanted)
            found: list[Appointment] = []
            is_truncated = False
            if agents:
                first = (page - 1) * PAGE_SIZE
                places = slice(first, first + PAGE_SIZE + 1)
                found, is_truncated = self._listing.find(connection, wanted, scope, self._now(), places)
        return ListPage(
            appointments=tuple(found[:PAGE_SIZE]),
            has_more=len(found) > PAGE_SIZE,
            agents=agents[:MAX_AGENTS_OFFERED],
            has_more_agents=len(agents) > MAX_AGENTS_OFFERED,
            is_agent_unknown=wanted.agent_id is not None and scope.agent_ids != (wanted.agent_id,),
            is_truncated=is_truncated,
            is_last_page=page >= LAST_PAGE,
        )

    def agents(self, viewer: Viewer, chosen: str | None = None) -> tuple[AgentChoice, ...]:
        """Return the agents to choose from, at most MAX_AGENTS_OFFERED. One query.

        Args:
            viewer: who chooses.
            chosen: the id of the agent to put first, if the viewer may see it.
        """
        with self._database.transaction() as connection:
            return self._scope(connection, viewer, Filter(agent_id=chosen))[0][:MAX_AGENTS_OFFERED]

    def following(self, viewer: Viewer, wanted: Filter, after: Position | None, limit: int) -> Stretch:
        """Return the viewings after a position, earliest first, whatever the order of the filter. Two queries.

        Args:
            viewer: who reads them.
            wanted: the filter.
            after: where the last stretch ended; None for the beginning.
            limit: how many, at most MAX_STRETCH.

        Raises AgentUnknown if the filter names an agent that the viewer may not see.
        """
        limit = min(limit, MAX_STRETCH)
        with self._database.transaction() as connection:
            agents, scope = self._scope(connection, viewer, wanted)
        if wanted.agent_id is not None and scope.agent_ids != (wanted.agent_id,):
            raise AgentUnknown
        found = self._listing.after(wanted, scope, after, limit + 1) if agents else []
        return Stretch(tuple(found[:limit]), has_more=len(found) > limit)

    def agents_and_zones(
        self, viewer: Viewer, chosen: str | None = None
    ) -> tuple[tuple[AgentChoice, ...], tuple[str, ...]]:
        """Return the agents to choose from, as `agents` does, and the time zones of all. One query."""
        user_id = owner_filter(viewer)
        with self._database.transaction() as connection:
            return self._listing.agents(connection, user_id, chosen, MAX_AGENTS_OFFERED)

    def of_home(self, property_id: int, viewer: Viewer) -> HomeViewings:
        """Return the next viewings of a home, and what callers called it, as far as the viewer may see them.

        Two queries.
        """
        user_id = owner_filter(viewer)
        found = self._of_homes.upcoming(property_id, user_id, self._now(), HOME_VIEWINGS_SHOWN + 1)
        return HomeViewings(
            upcoming=tuple(found[:HOME_VIEWINGS_SHOWN]),
            has_more=len(found) > HOME_VIEWINGS_SHOWN,
            words=tuple(self._of_homes.words(property_id, user_id, HOME_WORDS_SHOWN)),
        )

    def batches(self, viewer: Viewer, wanted: Filter) -> Iterator[list[Appointment]]:
        """Return an iterator over all viewings of a filter in order of time, in batches.

        Each batch is one query. No connection is held between them, however slowly they are read. A viewing that is
        booked or moved while the batches are read may be missing or be included. The export is
        recorded in the audit log.
        """
        with self._database.transaction() as connection:
            agents, scope = self._scope(connection, viewer, wanted)
            if not agents:
                return iter(())
            self._audit.record(connection, viewer, _export(viewer, wanted))
        _log.info("Viewings exported: %s", viewer.email)
        return islice(self._after(wanted, scope), MAX_EXPORTED // BATCH_SIZE)

    def _after(self, wanted: Filter, scope: Scope) -> Iterator[list[Appointment]]:
        batch = self._listing.after(wanted, scope, None, BATCH_SIZE)
        while batch:
            yield batch
            batch = self._listing.after(wanted, scope, batch[-1], BATCH_SIZE) if len(batch) == BATCH_SIZE else []

    def _scope(self, connection: Connection, viewer: Viewer, wanted: Filter) -> tuple[tuple[AgentChoice, ...], Scope]:
        """Return the agents to choose from, and the scope of the list.

        If there are more agents than are offered, one more is returned.
        """
        user_id = owner_filter(viewer)
        limit = MAX_AGENTS_OFFERED + 1 if viewer.is_admin else None
        agents, zones = self._listing.agents(connection, user_id, wanted.agent_id, limit)
        if agents and agents[0].agent_id == wanted.agent_id:
            return agents, Scope((wanted.agent_id,), (agents[0].time_zone,))
        return agents, Scope(None if viewer.is_admin else tuple(agent.agent_id for agent in agents), zones)


def _export(viewer: Viewer, wanted: Filter) -> Change:
    """Return the audit log's record of an export; the words that were searched for may be names, and are left out."""
    after = {
        "agent_id": wanted.agent_id,
        "status": wanted.status,
        "from": wanted.first_day,
        "until": wanted.last_day,
        "is_home_unknown": wanted.is_home_unknown or None,
        "is_search": wanted.text is not None or None,
    }
    return Change(
        action="viewings exported",
        subject_kind="user",
        subject_id=str(viewer.user_id),
        subject_name=viewer.email,
        after=after,
    )
