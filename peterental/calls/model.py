"""What a phone call is to us: who rang whom, how it went, what the robot asked for, and messages taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, AgentKey
from peterental.errors import NotFound, Refusal


class MessageMissing(Refusal):
    """There is nothing in that message."""


class CallUnknown(NotFound):
    """There is no such call."""


@dataclass(frozen=True)
class Outcome:
    """What a tool call led to when it was not refused; its type says what to tell the caller."""


@dataclass(frozen=True)
class MessageTaken(Outcome):
    """A message is in the agent's inbox; whether a number to call back is known."""

    can_call_back: bool


Render = Callable[[Outcome | Refusal, Agent | None, datetime], str]
"""Makes the one line that the caller hears: of an outcome or a refusal, for this agent, at this moment."""


@dataclass(frozen=True, kw_only=True)
class ToolInvocation:
    """One tool call as it reached us. All of it comes from the envelope, only `arguments` from the model.

    Args:
        name: the tool asked for.
        arguments: as sent, cleaned of control characters.
        tool_call_id: Vapi's id, or one made of the message where it sent none.
        vapi_call_id: the phone call; empty where the message does not say.
        agent_key: whose phone was called.
        caller_number: as the telephone network gave it; None for web calls and withheld numbers.
        began_s: when it reached us, on the monotonic clock, in seconds.
    """

    name: str
    tool_call_id: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    vapi_call_id: str = ""
    agent_key: AgentKey = field(default_factory=AgentKey)
    caller_number: str | None = None
    began_s: float = field(default_factory=time.perf_counter)

    @property
    def duration_ms(self) -> float:
        """How long it has taken so far."""
        return (time.perf_counter() - self.began_s) * 1000


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool call as kept: what was asked, what was answered, what it led to."""

    name: str
    tool_call_id: str
    arguments: Mapping[str, object]
    answer: str
    outcome: str
    """answered, booked, moved, cancelled, message, refused, fault or unknown tool."""
    appointment_id: int | None = None
    offered: tuple[datetime, ...] = ()
    duration_ms: float | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class CallHistory:
    """What this phone call has asked and been told before, oldest first.

    Args:
        redelivered: what this very tool-call id was answered, if it came before and did not end in a fault.
        others: the call's other tool calls.
    """

    redelivered: ToolCall | None = None
    others: tuple[ToolCall, ...] = ()

    @property
    def offered(self) -> frozenset[datetime]:
        """The starting times that were named to the caller."""
        return frozenset(start for call in self.others for start in call.offered)

    def answer_to_identical_call(self, invocation: ToolInvocation, outcome: str) -> str | None:
        """Give what an earlier call of the same tool with the same arguments was told, if it led to `outcome`."""
        for call in reversed(self.others):
            if (call.name, call.outcome) == (invocation.name, outcome) and call.arguments == invocation.arguments:
                return call.answer
        return None


@dataclass(frozen=True, kw_only=True)
class CallUpdate:
    """What one status update or end-of-call report says about a call; None where it says nothing.

    Args:
        is_report: an end-of-call report: it knows better than status updates, whichever comes first.
        status: Vapi's word; `ended` is final.
        messages, structured_data: JSON as text.
    """

    vapi_call_id: str
    is_report: bool = False
    agent_key: AgentKey = field(default_factory=AgentKey)
    caller_number: str | None = None
    status: str = "in-progress"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None
    cost: float | None = None
    """In US dollars."""
    summary: str | None = None
    transcript: str | None = None
    messages: str | None = None
    success_evaluation: str | None = None
    structured_data: str | None = None
    recording_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One phone call as kept. Times are UTC."""

    vapi_call_id: str
    agent_id: str | None
    assistant_id: str | None
    phone_number_id: str | None
    caller_number: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    cost: float | None
    summary: str | None
    transcript: str | None
    messages: object
    success_evaluation: str | None
    structured_data: object
    recording_url: str | None
    created_at: datetime

    @property
    def duration(self) -> timedelta | None:
        """From start to end, where both are known."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else None


Flag = Literal["unbooked", "fault"]
"""What may be wrong with a call: see `CallSummary.is_unbooked` and `CallSummary.has_fault`."""

UNASSIGNED = "(nobody)"
"""In the place of an agent's id: calls for an assistant that nobody has registered. Only admins see them."""


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls are wanted; what is empty does not narrow.

    Args:
        agent_id: whose; NOBODY for calls that belong to no agent.
        flag: only those with it.
        since, until: from and before when they rang, aware.
        text: the last digits of the caller's number, a whole call id, or a part of the visitor's name or of the
            address in a booking made in the call.
    """

    agent_id: str = ""
    flag: Flag | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class CallSummary:
    """One line of the list of calls. Times are UTC.

    Two flags are kept with the call by triggers of migration 010, and judged here:

    *fault*: some tool call of the call ended in the outcome `fault`, and no repetition of it mended that.

    *unbooked* (agreed, but nothing booked): the call has ended; the caller got as far as agreeing, that is a
    `set_appointment` or `reschedule_appointment` was asked for, or the report's success evaluation or structured data
    claims a booking; and yet no tool call of it booked, moved, or found the viewing standing, nor is there an
    appointment with this call's id.
    """

    vapi_call_id: str
    agent_id: str | None
    agent_name: str | None
    time_zone: str | None
    caller_number: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    cost: float | None
    created_at: datetime
    outcomes: tuple[str, ...]
    """Outcomes of its tool calls, each once, and `stands` where a viewing asked for was booked before."""
    agreed: bool
    appointment_id: int | None
    """The appointment that was made in it; of several, the latest."""
    attendee_name: str | None
    property_address: str | None

    @property
    def started_or_created_at(self) -> datetime:
        """When it began, or, where nobody told, when we first heard of it."""
        return self.started_at or self.created_at

    @property
    def duration(self) -> timedelta | None:
        """From start to end, where both are known."""
        return max(self.ended_at - self.started_at, timedelta()) if self.started_at and self.ended_at else None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone; UTC where nobody is registered."""
        return ZoneInfo(self.time_zone or "UTC")

    @property
    def has_ended(self) -> bool:
        """Whether the caller has hung up, or was hung up on."""
        return self.status == "ended"

    @property
    def has_fault(self) -> bool:
        """Whether something on our side was broken."""
        return "fault" in self.outcomes

    @property
    def is_unbooked(self) -> bool:
        """Whether the caller agreed to a viewing and there is none."""
        has_viewing = self.appointment_id is not None or not {"booked", "moved", "stands"}.isdisjoint(self.outcomes)
        return self.has_ended and self.agreed and not has_viewing

    @property
    def actions(self) -> tuple[str, ...]:
        """What was done in it: booked, moved, cancelled, message."""
        found = {*self.outcomes, *(("booked",) if self.appointment_id is not None else ())}
        return tuple(deed for deed in ("booked", "moved", "cancelled", "message") if deed in found)


@dataclass(frozen=True, kw_only=True)
class CallPage:
    """One page of the list of calls, latest first."""

    calls: tuple[CallSummary, ...]
    has_more: bool
    is_truncated: bool = False
    """More fit than could be looked up: these are the latest, or some, of them."""


@dataclass(frozen=True, kw_only=True)
class UnknownAssistant:
    """An assistant, or a phone number without one, that was rung and that nobody has registered. The time is UTC."""

    assistant_id: str | None
    phone_number_id: str | None
    last_rang_at: datetime
    calls: int
    """How many calls there were lately."""


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """All that is known of one call, its tool calls in the order they were answered."""

    summary: CallSummary
    call: Call
    tool_calls: tuple[ToolCall, ...]
