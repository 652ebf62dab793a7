"""Lines that book for several agents, and the errors about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from peterental.agents.model import AgentName
from peterental.errors import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.agents.model import Agent

Choice = Literal["first_free", "round_robin"]
"""How an agent is chosen: the first in order who is free, or, of those who are, the one booked longest ago."""

MAX_MEMBERS = 20


class SharingChanged(Refusal):
    """Another user changed who shares this line after you opened it, so your changes were not saved."""


class MemberUnknown(Refusal):
    """One of the agents no longer exists. Check the list, then save again."""


class MemberInactive(Refusal):
    """{agent_name} is deactivated. Reactivate the agent first, or leave it out."""


class TooManyMembers(Refusal):
    """A line can book for {limit} agents at most."""


@dataclass(frozen=True)
class SharedLine:
    """Whom a line books for.

    Args:
        holder_agent_id: whose assistant and number it is.
        member_ids: whom it books for, in order; empty: only for its holder.
        choice: how one of those who are free is chosen.
    """

    holder_agent_id: str
    member_ids: tuple[str, ...] = ()
    choice: Choice = "first_free"

    @property
    def is_shared(self) -> bool:
        """Whether it books for anyone but its holder."""
        return bool(self.member_ids) and self.member_ids != (self.holder_agent_id,)


@dataclass(frozen=True, kw_only=True)
class LineMember(AgentName):
    """An agent whom a line books for."""

    last_booked_at: datetime | None = None
    """When a call to the line last booked it; None: never."""


@dataclass(frozen=True, kw_only=True)
class LineSharing:
    """Whom a line books for, as its page shows it.

    Args:
        holder: whose assistant and number it is.
        members: whom it books for, in order; empty: only for its holder.
        choice: how one of those who are free is chosen.
        updated_at: when it was last changed; None: never.
    """

    holder: Agent
    members: tuple[LineMember, ...] = ()
    choice: Choice = "first_free"
    updated_at: datetime | None = None

    @property
    def line(self) -> SharedLine:
        """Whom the line books for, by ids."""
        return SharedLine(self.holder.agent_id, tuple(each.agent_id for each in self.members), self.choice)

    @property
    def is_shared(self) -> bool:
        """Whether it books for anyone but its holder."""
        return self.line.is_shared

    @property
    def has_other_zones(self) -> bool:
        """Whether a member works in another time zone than the one in which callers hear the times."""
        return any(each.time_zone != self.holder.time_zone for each in self.members)
