"""Leasing agents, their booking rules, and the errors about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.clock import clock_time
from peterental.errors import NotFound, Refusal

Language = Literal["en", "es"]
"""English, Spanish."""


class AgentUnknown(NotFound):
    """There is no such agent."""


class AgentInactive(Refusal):
    """{agent_name} is not taking calls at the moment."""


class AssistantTaken(Refusal):
    """Another agent already has that Vapi assistant."""


class PhoneNumberTaken(Refusal):
    """Another agent already has that Vapi phone number."""


class AgentIdTaken(Refusal):
    """There is already an agent with the id {agent_id}."""


class AgentNameMissing(Refusal):
    """An agent needs a name."""


class AgentTextTooLong(Refusal):
    """That text is too long. {field} can have at most {characters} characters."""


class TimeZoneUnknown(Refusal):
    """{time_zone} is not a time zone. Use an IANA name such as America/Chicago."""


class RuleOutOfRange(Refusal):
    """{label} must be from {low} to {high}."""


class OwnerUnknown(Refusal):
    """That user no longer exists."""


class AgentChanged(Refusal):
    """Another user changed this agent after you opened it, so your changes were not saved."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        """The agent as it is now."""
        super().__init__()


@dataclass(frozen=True, kw_only=True)
class AgentKey:
    """How a Vapi message identifies an agent: by assistant, else by the dialled phone number."""

    assistant_id: str | None = None
    phone_number_id: str | None = None


@dataclass(frozen=True, order=True)
class Window:
    """A time range of a local day, in wall-clock minutes after midnight; 1440 is the end of the day."""

    opens_min: int
    closes_min: int


def week_columns(week: Sequence[tuple[int, Window]]) -> tuple[list[int], list[str], list[str]]:
    """Return the weekdays, openings and closings of weekly windows, as arrays that a statement unnests into rows.

    Args:
        week: (ISO weekday, window) pairs.
    """
    opens = [clock_time(window.opens_min) for _, window in week]
    return [weekday for weekday, _ in week], opens, [clock_time(window.closes_min) for _, window in week]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When an agent can be booked. Units as named; times are in the agent's time zone."""

    slot_minutes: int = 30
    step_minutes: int = 30
    buffer_minutes: int = 0
    notice_minutes: int = 120
    horizon_days: int = 14
    daily_cap: int | None = None
    week: tuple[tuple[int, Window], ...] = ()
    """(ISO weekday, window) pairs, 1 is Monday."""
    days: tuple[tuple[date, Window | None], ...] = ()
    """Overrides: (day, window) pairs; a None window closes the day. They replace the weekly hours of the day."""

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Return the working windows of one local day, in order."""
        overrides = [window for overridden, window in self.days if overridden == day]
        if overrides:
            return tuple(sorted(window for window in overrides if window is not None))
        return tuple(sorted(window for weekday, window in self.week if weekday == day.isoweekday()))

    def blocked_until(self, end: datetime) -> datetime:
        """Return until when a viewing that ends at `end` takes the agent's time: the pause after it included."""
        return end + timedelta(minutes=self.buffer_minutes)

    def covers(self, day: date, from_min: int, until_min: int) -> bool:
        """Return whether one window of a local day covers these minutes after midnight."""
        return any(w.opens_min <= from_min and until_min <= w.closes_min for w in self.windows_on(day))


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A leasing agent as stored."""

    agent_id: str
    agent_name: str
    vapi_assistant_id: str | None = None
    phone_number_id: str | None = None
    calendar_user_id: str | None = None
    user_id: int | None = None
    time_zone: str = "America/Chicago"
    handover_number: str | None = None
    is_active: bool = True
    language: Language = "en"
    """Callers are answered in it."""
    rules: Rules = Rules()
    updated_at: datetime | None = None
    """When the agent or its hours last changed, in UTC; a form compares it to detect edit conflicts."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class RuleLimits:
    """The limits of a rule, the same as in the schema's CHECK, and its label in messages."""

    label: str
    low: int
    high: int


RULE_LIMITS = {
    "slot_minutes": RuleLimits("The length of a viewing", 5, 480),
    "step_minutes": RuleLimits("The time between two starts", 5, 480),
    "buffer_minutes": RuleLimits("The pause after a viewing", 0, 480),
    "notice_minutes": RuleLimits("The shortest notice", 0, 20160),
    "horizon_days": RuleLimits("The days ahead", 1, 365),
    "daily_cap": RuleLimits("The most viewings a day", 1, 200),
}
"""By name of the field in `Profile` and of the column in `agents`; units as named."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The editable fields of an agent. Units as named."""

    agent_name: str
    vapi_assistant_id: str | None = None
    phone_number_id: str | None = None
    calendar_user_id: str | None = None
    user_id: int | None = None
    """The user who owns this agent; only admins can change it."""
    time_zone: str = "America/Chicago"
    handover_number: str | None = None
    language: Language = "en"
    slot_minutes: int = 30
    step_minutes: int = 30
    buffer_minutes: int = 0
    notice_minutes: int = 120
    horizon_days: int = 14
    daily_cap: int | None = None

    @classmethod
    def from_agent(cls, agent: Agent) -> Profile:
        """Return the profile of an agent."""
        return cls(
            **{name: getattr(agent.rules if name in RULE_LIMITS else agent, name) for name in cls.__dataclass_fields__}
        )


@dataclass(frozen=True, kw_only=True)
class AgentName:
    """An agent as an option in a form or a filter."""

    agent_id: str
    agent_name: str
    time_zone: str
    is_active: bool

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class SharedNames:
    """With whom an agent shares lines, by name.

    Args:
        books_for: whom its line books, in order, if the line is shared.
        booked_by: whose shared lines book it.
    """

    books_for: tuple[str, ...] = ()
    booked_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AgentPage:
    """One page of the list of agents."""

    agents: tuple[Agent, ...]
    has_more: bool
    shared: Mapping[str, SharedNames] = field(default_factory=dict)
    """With whom each agent shares a line, by id."""


@dataclass(frozen=True, kw_only=True)
class OwnedAgents:
    """The agents that one user owns: (agent_id, agent_name) of the first few, and how many there are."""

    agents: tuple[tuple[str, str], ...]
    total: int
