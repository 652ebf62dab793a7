"""What still receives the data of an agent's visitors when the agent's user can no longer sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.agents.model import OwnedAgents
    from peterental.services import Services


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """What one agent's visitors' names and numbers still go to.

    Args:
        agent_id, agent_name: whose visitors.
        calendar: the account into one of whose calendars viewings are written; None for none.
        has_feed: whether there is a secret address to subscribe to.
        contacts: where the agent is notified, beside the address of its user.
    """

    agent_id: str
    agent_name: str
    calendar: str | None
    has_feed: bool
    contacts: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.calendar or self.has_feed or self.contacts)


def what_stays(services: Services, agents: OwnedAgents | None, viewer: Viewer) -> list[Remaining]:
    """Return what remains of the named agents that a user owns, without those of which nothing does.

    The user may have made the address, or connected an account of their own. About ten queries for each agent.
    """
    found = [_remaining(services, *named, viewer) for named in (agents.agents if agents else ())]
    return [each for each in found if not each.is_empty]


def _remaining(services: Services, agent_id: str, agent_name: str, viewer: Viewer) -> Remaining:
    overview = services.calendars.overview(agent_id, viewer)
    receiving = overview.receiving
    accounts = [
        each.account for each in overview.accounts if receiving and each.account.account_id == receiving.account_id
    ]
    contact = services.agent_notices.show(agent_id, viewer).contact
    return Remaining(
        agent_id=agent_id,
        agent_name=agent_name,
        calendar=accounts[0].label if accounts else None,
        has_feed=services.feeds.address(agent_id, viewer) is not None,
        contacts=tuple(filter(None, (contact.email, contact.phone))),
    )
