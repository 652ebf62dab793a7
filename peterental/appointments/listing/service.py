"""The list of viewings, one page of it or all that a filter leaves, for whoever may see them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from peterental.appointments.listing.model import (
    AGENTS_OFFERED,
    LAST_PAGE,
    MOST_IN_A_FILE,
    PAGE_SIZE,
    Filter,
    ListPage,
    Scope,
)
from peterental.appointments.listing.repository import ListingRepository
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.appointments.listing.model import AgentChoice
    from peterental.appointments.model import Appointment
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

BATCH = 1_000
"""Viewings that are in memory at once while a file is written."""


class ListingService:
    """The list of one database.

    Args:
        database: where the viewings are kept.
        now: gives the present moment, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._listing = ListingRepository(database)
        self._now = now

    def page(self, viewer: Viewer, wanted: Filter, page: int = 1) -> ListPage:
        """Give one page of the list, as far as the viewer may see it. Two queries.

        Args:
            viewer: who looks.
            wanted: what of it. An agent who is not the viewer's to see is as if none had been asked for.
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
            agents=agents[:AGENTS_OFFERED],
            has_more_agents=len(agents) > AGENTS_OFFERED,
            is_agent_unknown=wanted.agent_id is not None and scope.agent_ids != (wanted.agent_id,),
            is_truncated=is_truncated,
            is_last=page >= LAST_PAGE,
        )

    def agents(self, viewer: Viewer, chosen: str | None = None) -> tuple[AgentChoice, ...]:
        """Give the agents whose viewings are the viewer's to see, at most AGENTS_OFFERED. One query.

        Args:
            viewer: who looks.
            chosen: the id of one that is to be among them, first of all, if it is the viewer's to see.
        """
        with self._database.transaction() as connection:
            return self._scope(connection, viewer, Filter(agent_id=chosen))[0][:AGENTS_OFFERED]

    def batches(self, viewer: Viewer, wanted: Filter) -> Iterator[list[Appointment]]:
        """Give all that the filter leaves, in order of time, at most MOST_IN_A_FILE, some at a time.

        Each batch is one query, and no connection is held between them, however slowly they are read. What is booked
        or moved meanwhile may be in it or not.
        """
        with self._database.transaction() as connection:
            agents, scope = self._scope(connection, viewer, wanted)
        return islice(self._after(wanted, scope), MOST_IN_A_FILE // BATCH) if agents else iter(())

    def _after(self, wanted: Filter, scope: Scope) -> Iterator[list[Appointment]]:
        batch = self._listing.after(wanted, scope, None, BATCH)
        while batch:
            yield batch
            batch = self._listing.after(wanted, scope, batch[-1], BATCH) if len(batch) == BATCH else []

    def _scope(self, connection: Connection, viewer: Viewer, wanted: Filter) -> tuple[tuple[AgentChoice, ...], Scope]:
        """Give the agents that can be chosen (one more than are offered, if there are) and whose viewings are meant."""
        user_id = None if viewer.is_admin else viewer.user_id
        limit = AGENTS_OFFERED + 1 if viewer.is_admin else None
        agents, zones = self._listing.agents(connection, user_id, wanted.agent_id, limit)
        if agents and agents[0].agent_id == wanted.agent_id:
            return agents, Scope((wanted.agent_id,), (agents[0].time_zone,))
        return agents, Scope(None if viewer.is_admin else tuple(agent.agent_id for agent in agents), zones)
