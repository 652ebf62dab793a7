"""A day's viewings, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from peterental.appointments.listing.model import AgentChoice
from peterental.appointments.model import Appointment
from peterental.calls.model import PROBLEMS_STAY_OPEN, Problem
from peterental.webhooks.service import host_of

Item = TypeVar("Item")

MOST_COUNTED = 100
"""Counting ends at this number, which is shown as `99+`."""

MOST_OF_A_DAY = 200
"""Counting the viewings of a day ends at this number."""

SHOWN = 5
"""How many of a kind that need a person are shown; a link leads to all."""

LOOKS_BACK = PROBLEMS_STAY_OPEN
"""Viewings without an outcome and flagged calls need a person for this long."""

DELIVERY_LOOKS_BACK = timedelta(days=7)
"""Notices that were not delivered need a person for this long."""


@dataclass(frozen=True)
class Counts:
    """The numbers of the navigation, each counted up to MOST_COUNTED.

    Args:
        viewings: past viewings without an outcome.
        calls: calls with a problem that no one handled.
        messages: open messages.
    """

    viewings: int = 0
    calls: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Found(Generic[Item]):
    """The first of what needs a person, and how many there are, counted up to MOST_COUNTED."""

    items: tuple[Item, ...] = ()
    total: int = 0

    @property
    def more(self) -> int:
        """How many are not among `items`."""
        return self.total - len(self.items)


@dataclass(frozen=True, kw_only=True)
class OpenMessage:
    """An urgent message that is not done. Its time is UTC."""

    message_id: int
    agent_name: str
    time_zone: str
    sender: str
    phone: str | None
    body: str
    received_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class FlaggedCall:
    """A call with an open problem, the first that it has. Its time is UTC."""

    vapi_call_id: str
    agent_name: str | None
    time_zone: str | None
    caller_number: str | None
    problem: Problem
    began_at: datetime

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        """Return the agent's time zone; the default for a call of no agent."""
        return ZoneInfo(self.time_zone) if self.time_zone else default


@dataclass(frozen=True, kw_only=True)
class TroubledCalendar:
    """A calendar account that could not be read."""

    agent_id: str
    agent_name: str
    account: str
    needs_sign_in: bool
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class UndeliveredNotice:
    """A notice that failed, or of which it is unknown whether it arrived."""

    notice_id: int
    kind: str
    channel: Literal["email", "text"]
    recipient: str
    state: Literal["failed", "unknown"]
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class TroubledLine:
    """A line that is not as it should be at Vapi."""

    agent_id: str
    agent_name: str
    problem: str | None
    differences: int


@dataclass(frozen=True, kw_only=True)
class UnreachedAgent:
    """An active agent whom no call can reach, where none of the viewer's agents has a line."""

    agent_id: str
    agent_name: str


@dataclass(frozen=True, kw_only=True)
class WebhookOff:
    """A webhook that PeteRental turned off."""

    endpoint_id: int
    url: str
    reason: str

    @property
    def host(self) -> str:
        """The host of its address: the path may be a secret."""
        return host_of(self.url)


@dataclass(frozen=True, kw_only=True)
class Attention:
    """What needs a person, kind by kind.

    Args:
        viewings: of earlier days, over, without an outcome, the latest first.
        messages: urgent ones that are not done, oldest first.
        calls: those with an open problem, the latest first.
        calendars: accounts that could not be read.
        notices: those that failed, or may have, the latest first.
        homes: upcoming viewings of homes that the catalogue does not have, soonest first.
        lines: agents' lines that are not as they should be.
        unreached: agents without a line, if no agent has one: an office that is not set up yet.
        webhooks: those that PeteRental turned off, for admins, who see the whole office.
    """

    viewings: Found[Appointment] = Found()
    messages: Found[OpenMessage] = Found()
    calls: Found[FlaggedCall] = Found()
    calendars: Found[TroubledCalendar] = Found()
    notices: Found[UndeliveredNotice] = Found()
    homes: Found[Appointment] = Found()
    lines: Found[TroubledLine] = Found()
    unreached: Found[UnreachedAgent] = Found()
    webhooks: Found[WebhookOff] = Found()

    @property
    def total(self) -> int:
        """How many there are in all, each kind counted up to MOST_COUNTED."""
        found: list[Found[Any]] = [getattr(self, kind.name) for kind in fields(self)]
        return sum(each.total for each in found)


@dataclass(frozen=True, kw_only=True)
class DayBounds:
    """Today in one time zone: the date, its first moment, that of tomorrow and of the day after. Times are UTC."""

    time_zone: str
    day: date
    starts: datetime
    tomorrow: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class DayViewings:
    """The viewings of today, as many as are shown, and what tomorrow brings.

    Args:
        viewings: of today, confirmed ones first, each in order of time; none is cancelled.
        total: how many viewings today has, counted up to MOST_OF_A_DAY.
        tomorrow_total: how many tomorrow has, counted so, too.
        tomorrow_first: the first of them.
    """

    viewings: tuple[Appointment, ...] = ()
    total: int = 0
    tomorrow_total: int = 0
    tomorrow_first: Appointment | None = None


@dataclass(frozen=True, kw_only=True)
class Today:
    """The first page after sign-in.

    Args:
        now: the present moment, UTC.
        agents: to choose from, the chosen one first.
        chosen: the agent whose day it is; None for all of the viewer's agents.
        is_agent_unknown: whether another agent was asked for, which the viewer may not see.
        days: today, in each time zone of these agents.
        day: their viewings.
        attention: what needs a person.
    """

    now: datetime
    agents: tuple[AgentChoice, ...]
    chosen: AgentChoice | None
    is_agent_unknown: bool
    days: tuple[DayBounds, ...]
    day: DayViewings
    attention: Attention

    @property
    def to_mark(self) -> tuple[Appointment, ...]:
        """Today's viewings that are over and have no outcome."""
        return tuple(each for each in self.day.viewings if each.status == "confirmed" and each.end <= self.now)

    @property
    def ahead(self) -> tuple[Appointment, ...]:
        """Today's viewings that are not over."""
        return tuple(each for each in self.day.viewings if each.status == "confirmed" and each.end > self.now)

    @property
    def over(self) -> tuple[Appointment, ...]:
        """Today's viewings with an outcome."""
        return tuple(each for each in self.day.viewings if each.status != "confirmed")
