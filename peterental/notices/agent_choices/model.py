"""What an agent chose to be notified of, and the errors about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Literal

from peterental.agents.model import Agent
from peterental.errors import Refusal
from peterental.notices.model import AgentKind, Channel
from peterental.notices.versions import version_of

Timing = Literal["now", "morning", "off"]
"""At once, in the morning list, or not at all."""

CHANNELS: tuple[Channel, ...] = ("email", "text")

CHANNEL_NAMES: Mapping[Channel, str] = MappingProxyType({"email": "e-mail", "text": "text"})

VIEWING_KINDS: tuple[AgentKind, ...] = (
    "agent_booked",
    "agent_moved",
    "agent_changed",
    "agent_reassigned",
    "agent_cancelled",
    "agent_released",
)
OTHER_KINDS: tuple[AgentKind, ...] = ("agent_urgent_message", "agent_flagged_call", "agent_calendar_trouble")
LIST: AgentKind = "agent_morning_list"
KINDS: tuple[AgentKind, ...] = (*VIEWING_KINDS, *OTHER_KINDS, LIST)

USUAL: Mapping[Channel, Timing] = MappingProxyType({"email": "now", "text": "off"})
"""The choices of agents who made none. The functions of migration 026 have the same defaults."""

TROUBLE_AFTER = timedelta(minutes=30)
"""How long a calendar fails before its agent is notified, unless its sign-in was refused."""

MAX_EMAIL_CHARS = 255

Choices = Mapping[tuple[AgentKind, Channel], Timing]


class ContactInvalid(Refusal):
    """{reason}."""

    def __init__(self, *, at: Literal["email", "phone"], reason: str) -> None:
        self.at = at
        super().__init__(reason=reason)


class ListNeeded(Refusal):
    """Something is chosen for the morning list by {name}, so that list has to be sent."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        super().__init__(name=CHANNEL_NAMES[channel])


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Where an agent is notified.

    Args:
        email: in place of the address of the agent's user; None for that.
        phone: in E.164; None for no texts.
    """

    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredChoices:
    """What is stored of an agent's choices.

    Args:
        contact: as chosen.
        user_email: the address of the agent's active user; None where there is none.
        choices: the timing by kind and channel, without those that were never chosen.
    """

    contact: Contact
    user_email: str | None
    choices: Choices


@dataclass(frozen=True, kw_only=True)
class AgentNotices:
    """What an agent is notified of, and where.

    Args:
        agent: who.
        contact: as chosen.
        user_email: the address of the agent's active user; None where there is none.
        choices: the timing by kind and channel, with the usual one where none was chosen.
    """

    agent: Agent
    contact: Contact
    user_email: str | None
    choices: Choices

    @property
    def version(self) -> str:
        """What a form carries to detect edit conflicts: the same for the same choices."""
        choices = sorted([kind, channel, timing] for (kind, channel), timing in self.choices.items())
        return version_of([self.contact.email, self.contact.phone, choices])

    def address(self, channel: Channel) -> str | None:
        """Return the address that a channel notifies the agent at; None for none."""
        return (self.contact.email or self.user_email) if channel == "email" else self.contact.phone


class AgentNoticesChanged(Refusal):
    """Another user changed these notices after you opened them, so nothing was saved."""

    def __init__(self, stored: AgentNotices) -> None:
        self.stored = stored
        """The notices as they are now."""
        super().__init__()


@dataclass(frozen=True, kw_only=True)
class ListedViewing:
    """A viewing in a morning list. Times are UTC."""

    start: datetime
    property_address: str
    attendee_name: str
    phone: str | None
    is_confirmed: bool


@dataclass(frozen=True, kw_only=True)
class ListedChange:
    """A change of a viewing in a morning list. Times are UTC.

    Args:
        kind: what happened.
        start: of the viewing, as it is now.
    """

    kind: AgentKind
    start: datetime
    property_address: str
    attendee_name: str


def list_about(agent_id: str, day: date) -> str:
    """Return what the notices of the morning list of one day are about."""
    return f"list:{agent_id}:{day.isoformat()}"


@dataclass(frozen=True, kw_only=True)
class DueList:
    """A morning list that is due.

    Args:
        agent_id: whose.
        day: on the agent's clock.
    """

    agent_id: str
    day: date

    @property
    def about(self) -> str:
        """What its notices are about."""
        return list_about(self.agent_id, self.day)


@dataclass(frozen=True, kw_only=True)
class MorningList:
    """What a morning list says.

    Args:
        viewings: of the day that are not over.
        changes: since the list before, of the kinds that were chosen for it.
        messages: the urgent ones that are open: who left them, and what they say.
        calls: to check: when they began, from which number, and why.
        calendars: that cannot be read, with the reason.
    """

    viewings: tuple[ListedViewing, ...] = ()
    changes: tuple[ListedChange, ...] = ()
    messages: tuple[str, ...] = ()
    calls: tuple[tuple[datetime, str, str], ...] = ()
    calendars: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to say."""
        return not (self.viewings or self.changes or self.messages or self.calls or self.calendars)
