"""Choose whom a line books for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.access import require_admin
from peterental.agents.repository import AgentRepository
from peterental.agents.service import agent_change, lock_agent
from peterental.agents.shared_lines.model import (
    MAX_MEMBERS,
    LineSharing,
    MemberInactive,
    MemberUnknown,
    SharedLine,
    SharingChanged,
    TooManyMembers,
)
from peterental.agents.shared_lines.repository import SharedLineRepository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.agents.shared_lines.model import Choice, LineMember
    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database


class SharedLineService:
    """The shared lines of one database.

    Args:
        database: where they are stored.
        agents: knows who may see which agent.
        audit: records the changes.
    """

    def __init__(self, database: Database, agents: AgentService, audit: AuditService) -> None:
        self._database = database
        self._agents = agents
        self._repository = AgentRepository(database)
        self._lines = SharedLineRepository(database)
        self._audit = audit

    def sharing(self, agent_id: str, viewer: Viewer) -> LineSharing:
        """Return whom the line of an agent books for. Two queries. Raises AgentUnknown."""
        return self.sharing_of(self._agents.get(agent_id, viewer))

    def sharing_of(self, holder: Agent) -> LineSharing:
        """Return whom the line of an agent that the viewer may see books for. One query."""
        found = self._lines.get(holder.agent_id)
        return LineSharing(holder=holder, members=found.members, choice=found.choice, updated_at=found.updated_at)

    def share(
        self, agent_id: str, member_ids: Sequence[str], choice: Choice, viewer: Viewer, *, seen: datetime | None
    ) -> LineSharing:
        """Choose whom the line of an agent books for.

        Args:
            agent_id: whose line.
            member_ids: whom it books for, in order, the agent itself only if it is named. Without another agent the
                line is not shared.
            choice: how one of those who are free is chosen.
            viewer: who chooses; an admin.
            seen: `updated_at` of the sharing when the form was opened. What is stored already is no conflict: people
                press a button twice.

        Raises AgentUnknown, AdminsOnly, SharingChanged, MemberUnknown, MemberInactive, TooManyMembers.
        """
        require_admin(viewer)
        wanted = tuple(dict.fromkeys(member_ids))
        if len(wanted) > MAX_MEMBERS:
            raise TooManyMembers(limit=MAX_MEMBERS)
        with self._database.transaction() as connection:
            holder = lock_agent(self._repository, connection, agent_id, viewer)
            found = self._lines.read(connection, agent_id)
            line = SharedLine(agent_id, wanted, choice)
            after = line if line.is_shared else SharedLine(agent_id, choice=choice)
            before = SharedLine(agent_id, tuple(each.agent_id for each in found.members), found.choice)
            if after != before:
                if found.updated_at != seen:
                    raise SharingChanged
                members = self._checked_members(connection, after, found.members)
                self._lines.save(connection, after)
                change = agent_change(
                    holder,
                    "sharing changed",
                    {"books_for": _names(found.members, holder), "choice": found.choice},
                    {"books_for": _names(members, holder), "choice": choice},
                )
                self._audit.record(connection, viewer, change)
        return self.sharing_of(holder)

    def _checked_members(
        self, connection: Connection, line: SharedLine, present: Sequence[LineMember]
    ) -> tuple[LineMember, ...]:
        """Return the members of a line. Raises MemberUnknown, and MemberInactive for one that is new."""
        if any("\x00" in agent_id for agent_id in line.member_ids):
            raise MemberUnknown
        members = self._lines.members(connection, line.member_ids)
        if len(members) < len(line.member_ids):
            raise MemberUnknown
        known = {each.agent_id for each in present}
        inactive = next((each for each in members if not each.is_active and each.agent_id not in known), None)
        if inactive is not None:
            raise MemberInactive(agent_name=inactive.agent_name)
        return members


def _names(members: Sequence[LineMember], holder: Agent) -> str:
    return ", ".join(each.agent_name for each in members) or holder.agent_name
