"""Phone calls, their tool calls, and what these led to. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, AgentKey
from peterental.errors import NotFound, Refusal


class MessageMissing(Refusal):
    """The message is empty."""


class CallUnknown(NotFound):
    """There is no such call."""


@dataclass(frozen=True)
class Outcome:
    """The result of a tool call that was not refused.

    Its type decides what the caller hears.
    """


@dataclass(frozen=True)
class MessageTaken(Outcome):
    """A message is in the agent's inbox.

    Args:
        can_call_back: whether a number to call back is known.
    """

    can_call_back: bool


REDUCED_ANSWER = "That was answered before."
"""The answer of a reduced tool call, as the trigger of `tool_calls` writes it; a repeated delivery gets it, too."""

ConversationKind = Literal["call", "chat"]
"""Vapi's two kinds of conversations: a phone or web call, or a chat in writing. A chat is stored like a call."""

Render = Callable[[Outcome | Refusal, Agent | None, datetime], str]
"""Renders the line that the caller hears, from an outcome or a refusal, the agent, and the current time (aware)."""


def content_id(sent: str, *content: object) -> str:
    """Return an id of a tool call whose own id says too little: the same for the same content, another for any other.

    Args:
        sent: its own id.
        content: what tells it apart, as JSON has it.
    """
    text = json.dumps(content, sort_keys=True)
    return f"{sent} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, kw_only=True)
class ToolInvocation:
    """A tool call as received.

    Only `arguments` comes from the language model, the rest from Vapi's envelope.

    Args:
        name: of the tool.
        arguments: as sent, without control characters.
        tool_call_id: Vapi's id, or one derived from the message where it sent none.
        vapi_call_id: the phone call, or the chat; empty where the message names none.
        conversation_kind: which of the two it is.
        agent_key: names the agent who was called.
        caller_number: from the telephone network; None for web calls and withheld numbers.
        began_s: when it arrived, in seconds on the monotonic clock.
    """

    name: str
    tool_call_id: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    vapi_call_id: str = ""
    conversation_kind: ConversationKind = "call"
    agent_key: AgentKey = field(default_factory=AgentKey)
    caller_number: str | None = None
    began_s: float = field(default_factory=time.perf_counter)

    @property
    def duration_ms(self) -> float:
        """Milliseconds since it arrived."""
        return (time.perf_counter() - self.began_s) * 1000

    def under_own_id(self) -> ToolInvocation:
        """Return it with an id made of what it asks for, because its conversation used the id for something else.

        The same tool call delivered again gets the same id.
        """
        return replace(self, tool_call_id=content_id(self.tool_call_id, self.name, self.arguments))


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool call as stored: what was asked, what was answered, what it led to."""

    name: str
    tool_call_id: str
    arguments: Mapping[str, object]
    answer: str
    outcome: str
    """answered, booked, moved, cancelled, message, refused, fault or unknown tool."""
    appointment_id: int | None = None
    offered: tuple[datetime, ...] = ()
    """The start times named in the answer, in the order named."""
    asked: str | None = None
    """The stable key of the question that the answer asks."""
    duration_ms: float | None = None
    received_at: datetime | None = None
    fault: str | None = None
    """The kind of error that kept it from being answered, by its name in the code; read for the page of a call."""

    @property
    def is_reduced(self) -> bool:
        """Whether its arguments and its answer were removed."""
        return self.answer == REDUCED_ANSWER and not self.arguments

    def is_delivered_again_by(self, invocation: ToolInvocation) -> bool:
        """Return whether a tool call with the same id is this one again, and not another one.

        Of one that was reduced nothing but the id is left.
        """
        return self.is_reduced or self.asks_the_same_as(invocation)

    def asks_the_same_as(self, invocation: ToolInvocation) -> bool:
        """Return whether both call the same tool with the same arguments."""
        return self.name == invocation.name and _comparable(self.arguments) == _comparable(invocation.arguments)


def _comparable(value: object) -> object:
    """Return a JSON value with every number as a float: PostgreSQL gives a large one back as an integer."""
    if isinstance(value, Mapping):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return float(value) if isinstance(value, int) else value


@dataclass(frozen=True)
class CallHistory:
    """The earlier tool calls of a phone call.

    Args:
        redelivered: the same tool call, if it was answered before with anything but a fault.
        others: the call's other tool calls, oldest first.
        has_ended: whether the phone call is over: a tool call that arrives after that is late.
        is_id_taken: whether the conversation used the id of the tool call for something else.
    """

    redelivered: ToolCall | None = None
    others: tuple[ToolCall, ...] = ()
    has_ended: bool = False
    is_id_taken: bool = False

    def stored(self, invocation: ToolInvocation) -> ToolInvocation:
        """Return the tool call with the id under which it is stored."""
        return invocation.under_own_id() if self.is_id_taken else invocation

    @cached_property
    def offered(self) -> tuple[datetime, ...]:
        """The start times that the caller was offered, each once, in the order named."""
        return tuple(dict.fromkeys(start for call in self.others for start in call.offered))

    @property
    def last_offer(self) -> tuple[datetime, ...]:
        """The start times in the latest answer that named any."""
        return next((call.offered for call in reversed(self.others) if call.offered), ())

    @property
    def since_last_offer(self) -> tuple[ToolCall, ...]:
        """The tool calls after the latest one whose answer named free times; all of them where none did."""
        offers = [at for at, call in enumerate(self.others) if call.offered]
        return self.others[offers[-1] + 1 :] if offers else self.others

    @property
    def questions(self) -> tuple[ToolCall, ...]:
        """The tool calls whose answer was a question, oldest first."""
        return tuple(call for call in self.others if call.asked)

    def was_asked(self, key: str, invocation: ToolInvocation) -> bool:
        """Return whether an identical tool call was answered with the question `key`: the repetition is the answer."""
        return any(call.asked == key and call.asks_the_same_as(invocation) for call in self.questions)

    def latest_argument(self, name: str) -> str | None:
        """Return the latest value of an argument that is text, in the earlier tool calls."""
        values = (call.arguments.get(name) for call in reversed(self.others))
        return next((value for value in values if isinstance(value, str) and value.strip()), None)

    def answer_to_identical_call(self, invocation: ToolInvocation, outcome: str) -> str | None:
        """Return the answer to an earlier identical call that led to `outcome`.

        Identical means the same tool with the same arguments.
        """
        for call in reversed(self.others):
            if call.outcome == outcome and call.asks_the_same_as(invocation):
                return call.answer
        return None


@dataclass(frozen=True, kw_only=True)
class CallUpdate:
    """What a status update or an end-of-call report says about a call.

    Fields are None where it says nothing. Times are aware.

    Args:
        is_report: an end-of-call report; it takes precedence over status updates, whichever comes first.
        status: as Vapi names it; `ended` is final.
        messages, structured_data, recordings: JSON text; the last one has URLs by the field that held them.
        recording_url: the recording to play.
    """

    vapi_call_id: str
    kind: ConversationKind = "call"
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
    recordings: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A phone call as stored. Times are UTC."""

    vapi_call_id: str
    kind: ConversationKind
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
    recordings: object
    created_at: datetime

    @property
    def duration(self) -> timedelta | None:
        """Time from start to end; None where either is unknown."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else None


Flag = Literal["unbooked", "fault"]
"""A problem of a call that its agent is notified of: see `CallSummary.is_unbooked` and `CallSummary.has_fault`."""

Problem = Literal["fault", "unbooked", "bad_end", "no_report"]
"""What a person should look at: see `CallSummary.problems`."""

ProblemFilter = Problem | Literal["any", "handled"]
"""Which calls a list has: with one problem or any that is open, or those that were handled."""

BAD_END = re.compile(
    "error|fail|invalid|not-found|not-provided|no-assistant|shutdown|websocket|disconnected|rejected|join-timed-out"
)
"""Found in Vapi's reasons for an end that was not meant. Word for word the expression that migration 033 indexes."""

MAX_CALL_LENGTH = timedelta(hours=12)
"""Vapi ends every call by then. An older call without an end is one whose end was not reported."""

MAX_HANDLED_NOTE_CHARS = 500
PROBLEMS_STAY_OPEN = timedelta(days=14)
"""How long a call with an open problem needs a person, and is counted."""

MAX_PROBLEMS_COUNTED = 100
"""Open calls with a problem are counted up to this number."""


class HandledNoteTooLong(Refusal):
    """The note may have at most 500 characters."""


UNASSIGNED = "(nobody)"
"""Stands in for an agent id: calls for an assistant that belongs to no agent. Only admins see them."""


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls to list; an empty field does not filter.

    Args:
        agent_id: whose calls; UNASSIGNED for those that belong to no agent.
        flag: only calls with this problem, as long as it is open; `any` with one at least; or handled ones.
        since, until: only calls that started from `since` and before `until`, aware.
        text: the last digits of the caller's number, a whole call id, or a part of the visitor's name or of the
            address in a booking made in the call.
    """

    agent_id: str = ""
    flag: ProblemFilter | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class CallSummary:
    """One row of the list of calls. Times are UTC.

    Triggers of migration 010 maintain `outcomes` and `agreed`, from which two flags follow:

    *fault*: a tool call of the call ended in the outcome `fault`, and no repetition of it succeeded.

    *unbooked* (agreed, but nothing booked): the call has ended; the caller had agreed to a viewing, which means that
    `set_appointment` or `reschedule_appointment` was called, or that the report's success evaluation or structured data
    claims a booking; but no tool call booked or moved a viewing or found it booked already, and no appointment has this
    call's id.
    """

    vapi_call_id: str
    kind: ConversationKind
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
    """Outcomes of its tool calls, each once, and `stands` where the viewing asked for was booked already."""
    agreed: bool
    reduced_at: datetime | None
    """When what was said was removed; None where it is kept."""
    reduced_after_days: int | None
    """After how many days; None where a person asked for it."""
    appointment_id: int | None
    """The appointment made in the call; of several, the latest."""
    attendee_name: str | None
    property_address: str | None
    """The home of that appointment, as the caller said it."""
    home_street: str | None
    home_unit: str | None
    """The street and the unit of that home in the catalogue; None for one that is not in it."""
    handled_at: datetime | None
    """When a user marked its problems as handled; None while they are open."""
    handled_by: str | None
    handled_note: str | None

    @property
    def started_or_created_at(self) -> datetime:
        """When the call started, or else when it was first recorded."""
        return self.started_at or self.created_at

    @property
    def duration(self) -> timedelta | None:
        """Time from start to end; None where either is unknown."""
        return max(self.ended_at - self.started_at, timedelta()) if self.started_at and self.ended_at else None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone; UTC for a call without an agent."""
        return ZoneInfo(self.time_zone or "UTC")

    @property
    def has_ended(self) -> bool:
        """Whether the call is over."""
        return self.status == "ended"

    @property
    def has_fault(self) -> bool:
        """Whether a tool call ended in a fault."""
        return "fault" in self.outcomes

    @property
    def is_unbooked(self) -> bool:
        """Whether the caller agreed to a viewing but none was booked."""
        has_viewing = self.appointment_id is not None or not {"booked", "moved", "stands"}.isdisjoint(self.outcomes)
        return self.has_ended and self.agreed and not has_viewing

    @property
    def has_bad_end(self) -> bool:
        """Whether it ended by an error or another way that was not meant."""
        return self.has_ended and self.ended_reason is not None and BAD_END.search(self.ended_reason) is not None

    def lacks_report(self, now: datetime) -> bool:
        """Return whether its end should have been reported by now."""
        is_open = not self.has_ended and self.kind != "chat"
        return is_open and now - self.started_or_created_at >= MAX_CALL_LENGTH

    def problems(self, now: datetime) -> tuple[Problem, ...]:
        """Return what is wrong with it, whether it was handled or not."""
        found: dict[Problem, bool] = {
            "fault": self.has_fault,
            "unbooked": self.is_unbooked,
            "bad_end": self.has_bad_end,
            "no_report": self.lacks_report(now),
        }
        return tuple(problem for problem, applies in found.items() if applies)

    @property
    def actions(self) -> tuple[str, ...]:
        """The outcomes that changed something: booked, moved, cancelled, message."""
        found = {*self.outcomes, *(("booked",) if self.appointment_id is not None else ())}
        return tuple(action for action in ("booked", "moved", "cancelled", "message") if action in found)


@dataclass(frozen=True, kw_only=True)
class CallPage:
    """One page of the list of calls, latest first."""

    calls: tuple[CallSummary, ...]
    has_more: bool
    is_truncated: bool = False
    """More calls match than were looked up; these are the latest, or some, of them."""
    open_problems: int = 0
    """How many calls of the last PROBLEMS_STAY_OPEN have an open problem, whatever the filter, up to a limit."""


@dataclass(frozen=True, kw_only=True)
class UnknownAssistant:
    """An assistant or phone number that was called but belongs to no agent.

    The time is UTC.
    """

    assistant_id: str | None
    phone_number_id: str | None
    last_called_at: datetime
    calls: int
    """The number of recent calls."""


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """Everything stored about one call, its tool calls in order of their answers."""

    summary: CallSummary
    call: Call
    tool_calls: tuple[ToolCall, ...]
