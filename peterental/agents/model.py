"""What an agent is: a person with a voice assistant, a time zone, working hours and rules for viewings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from peterental.errors import NotFound, Refusal


class AgentUnknown(NotFound):
    """There is no such agent."""


class AgentInactive(Refusal):
    """{agent_name} does not take calls at present."""


class AssistantTaken(Refusal):
    """Another agent already has that Vapi assistant."""


class PhoneNumberTaken(Refusal):
    """Another agent already has that Vapi phone number."""


class AgentIdTaken(Refusal):
    """There is already an agent called {agent_id}."""


class AgentNameMissing(Refusal):
    """An agent needs a name."""


class AgentTextTooLong(Refusal):
    """That is longer than PeteRental can keep: {field} has room for {characters} characters."""


class TimeZoneUnknown(Refusal):
    """{time_zone} is not a time zone; it should be an IANA name such as America/Chicago."""


class RuleOutOfRange(Refusal):
    """{label} must be from {low} to {high}."""


class OwnerUnknown(Refusal):
    """That user does not exist any more."""


class AgentChanged(Refusal):
    """Somebody else changed this agent after you had opened it, so nothing of yours was saved yet."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        """As it is now."""
        super().__init__()


@dataclass(frozen=True, kw_only=True)
class AgentKey:
    """How a Vapi message names an agent: by assistant, else by the phone number that was dialled."""

    assistant_id: str | None = None
    phone_number_id: str | None = None


@dataclass(frozen=True, order=True)
class Window:
    """A stretch of a local day, in wall-clock minutes after midnight; 1440 is its end."""

    opens_min: int
    closes_min: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When an agent may be booked. Minutes and days as named; times are the agent's wall clock."""

    slot_minutes: int = 30
    step_minutes: int = 30
    buffer_minutes: int = 0
    notice_minutes: int = 120
    horizon_days: int = 14
    daily_cap: int | None = None
    week: tuple[tuple[int, Window], ...] = ()
    """(ISO weekday, window) pairs, 1 is Monday."""
    days: tuple[tuple[date, Window | None], ...] = ()
    """Overrides: (day, window) pairs; None closes that day. A day that appears here ignores the week."""

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Give the working windows of one local day, in order."""
        overrides = [window for overridden, window in self.days if overridden == day]
        if overrides:
            return tuple(sorted(window for window in overrides if window is not None))
        return tuple(sorted(window for weekday, window in self.week if weekday == day.isoweekday()))

    def covers(self, day: date, from_min: int, until_min: int) -> bool:
        """Return whether one working window of a local day covers these wall-clock minutes after midnight."""
        return any(w.opens_min <= from_min and until_min <= w.closes_min for w in self.windows_on(day))


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One leasing agent as stored."""

    agent_id: str
    agent_name: str
    vapi_assistant_id: str | None = None
    phone_number_id: str | None = None
    calendar_user_id: str | None = None
    user_id: int | None = None
    time_zone: str = "America/Chicago"
    handover_number: str | None = None
    is_active: bool = True
    rules: Rules = Rules()
    updated_at: datetime | None = None
    """When anything about it was last changed, in UTC: the mark by which an edit knows that it is not out of date."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class RuleLimits:
    """What a rule may be, as the schema's CHECK has it, and what people call it."""

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
"""By name in `Profile` and in `agents`; minutes and days as named."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What people may say about an agent when they make or edit one. Minutes and days as named."""

    agent_name: str
    vapi_assistant_id: str | None = None
    phone_number_id: str | None = None
    calendar_user_id: str | None = None
    user_id: int | None = None
    """The user who looks after this agent; only admins may say."""
    time_zone: str = "America/Chicago"
    handover_number: str | None = None
    slot_minutes: int = 30
    step_minutes: int = 30
    buffer_minutes: int = 0
    notice_minutes: int = 120
    horizon_days: int = 14
    daily_cap: int | None = None

    @classmethod
    def of(cls, agent: Agent) -> Profile:
        """Give the profile that an agent has."""
        return cls(
            **{name: getattr(agent.rules if name in RULE_LIMITS else agent, name) for name in cls.__dataclass_fields__}
        )


@dataclass(frozen=True, kw_only=True)
class AgentName:
    """An agent as something to choose: for filters and forms."""

    agent_id: str
    agent_name: str
    time_zone: str
    is_active: bool

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class AgentPage:
    """One page of the list of agents."""

    agents: tuple[Agent, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class OwnedAgents:
    """The agents that one user looks after: (agent_id, agent_name) of the first few, and how many there are."""

    agents: tuple[tuple[str, str], ...]
    total: int
