"""The bodies of the API's requests and answers. Their types are the schemas of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from peterental.agents.shared_lines.model import Choice
from peterental.appointments.manual.model import MAX_DURATION_MIN, MAX_NOTES_CHARS, MIN_DURATION_MIN
from peterental.appointments.model import EventKind, Status
from peterental.appointments.viewing_document import ViewingDocument
from peterental.calls.model import Flag
from peterental.clock import clock_time
from peterental.messages.model import State
from peterental.properties.model import PropertyStatus
from peterental.users.tokens.model import TokenScope

if TYPE_CHECKING:
    from peterental.agents.model import Window

Cursor = Annotated[str, Meta(max_length=200, description="`next_cursor` of the page before.")]
AgentId = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=100)]
Words = Annotated[
    str, Meta(max_length=100, pattern=r"^([\s\S]{3,})?$", description="Words, of three characters or more.")
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
Home = Annotated[str, Meta(min_length=1, max_length=500, description="The address of the home.")]
HomeId = Annotated[int, Meta(ge=1, le=2**53)]
ListedHome = Annotated[HomeId, Meta(description="A home of the catalogue, in place of `home`.")]
Notes = Annotated[str, Meta(max_length=MAX_NOTES_CHARS)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Email = Annotated[str, Meta(max_length=255, pattern=r"^[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+$")]
Phone = Annotated[str, Meta(max_length=40)]
Minutes = Annotated[
    int,
    Meta(ge=MIN_DURATION_MIN, le=MAX_DURATION_MIN, description="The length; the agent's own if it is left out."),
]
Acknowledged = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(max_length=100, description="`acknowledge` of the refusal `confirmation_required`, to book anyway."),
]


# --- requests --------------------------------------------------------------------------------------------------------


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list."""

    cursor: Cursor | None = None


class AgentsQuery(PageQuery, frozen=True, kw_only=True):
    """Which agents to list."""

    q: Text = ""


class FreeTimesQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from"}):
    """Which days to look at."""

    first: (
        Annotated[date, Meta(description="The first day, on the agent's calendar; today if it is left out.")] | None
    ) = None
    days: Annotated[int, Meta(ge=1, le=14)] = 7
    home_id: Annotated[HomeId, Meta(description="Its rules narrow the times.")] | None = None


class ViewingsQuery(PageQuery, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Which viewings to list. Days are those of the viewing's agent, both included."""

    agent_id: AgentId | None = None
    status: Status | None = None
    first: date | None = None
    last: date | None = None
    q: Annotated[str, Meta(max_length=100, description="Words in the visitor's name, e-mail, phone or the home.")] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class CallsQuery(PageQuery, frozen=True, kw_only=True):
    """Which calls to list: those that started from `since` and before `until`."""

    agent_id: AgentId | None = None
    flag: Flag | None = None
    since: Moment | None = None
    until: Moment | None = None
    q: Text = ""


class HomesQuery(PageQuery, frozen=True, kw_only=True):
    """Which homes to list."""

    q: Text = ""
    status: PropertyStatus | None = None
    bedrooms: Annotated[int, Meta(ge=0, le=20)] | None = None


class MessagesQuery(PageQuery, frozen=True, kw_only=True):
    """Which messages to list: those left from `since` and before `until`."""

    state: State = "open"
    agent_id: AgentId | None = None
    since: Moment | None = None
    until: Moment | None = None
    q: Words = ""


class BookingBody(msgspec.Struct, frozen=True, kw_only=True):
    """A viewing to book, of `home` or of `home_id`."""

    agent_id: AgentId
    start: Moment
    home: Home | None = None
    home_id: ListedHome | None = None
    visitor_name: Name
    visitor_email: Email | None = None
    visitor_phone: Phone | None = None
    minutes: Minutes | None = None
    acknowledge: Acknowledged = []


class LineBookingBody(msgspec.Struct, frozen=True, kw_only=True):
    """A viewing of `home` or of `home_id`, to book with one of a line's agents."""

    start: Moment
    home: Home | None = None
    home_id: ListedHome | None = None
    visitor_name: Name
    visitor_email: Email | None = None
    visitor_phone: Phone | None = None


class MoveBody(msgspec.Struct, frozen=True, kw_only=True):
    """Where a viewing is moved to. It keeps its length."""

    start: Moment
    acknowledge: Acknowledged = []


class EditBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a viewing. What is left out stays; null empties e-mail, phone and notes."""

    agent_id: AgentId | msgspec.UnsetType = msgspec.UNSET
    minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    home: Home | msgspec.UnsetType = msgspec.UNSET
    home_id: ListedHome | msgspec.UnsetType = msgspec.UNSET
    visitor_name: Name | msgspec.UnsetType = msgspec.UNSET
    visitor_email: Email | msgspec.UnsetType | None = msgspec.UNSET
    visitor_phone: Phone | msgspec.UnsetType | None = msgspec.UNSET
    notes: Notes | msgspec.UnsetType | None = msgspec.UNSET
    acknowledge: Acknowledged = []


# --- answers ---------------------------------------------------------------------------------------------------------


class MeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who the token works for."""

    email: str
    role: Literal["admin", "agent"]
    token_name: str
    token_prefix: str
    scopes: list[TokenScope]
    expires_at: datetime | None


class HoursDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Working hours on one weekday; 1 is Monday. Wall-clock times; 24:00 is the end of the day."""

    weekday: int
    opens: str
    closes: str


def hours_documents(week: Iterable[tuple[int, Window]]) -> list[HoursDocument]:
    """Return the hours of a week, in the order of its days; the days are ISO weekdays."""
    return [
        HoursDocument(weekday=weekday, opens=clock_time(window.opens_min), closes=clock_time(window.closes_min))
        for weekday, window in sorted(week)
    ]


class AgentDocument(msgspec.Struct, frozen=True, kw_only=True, rename={"agent_id": "id"}):
    """An agent and its rules."""

    agent_id: str
    name: str
    time_zone: str
    language: str
    is_active: bool
    viewing_minutes: int
    step_minutes: int
    buffer_minutes: int
    notice_minutes: int
    horizon_days: int
    daily_cap: int | None
    hours: list[HoursDocument]
    updated_at: datetime | None


class TimeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One free starting time: with the agent's offset, and in UTC."""

    start: datetime
    start_utc: datetime


class FreeDayDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The free times of one day."""

    day: date
    times: list[TimeDocument]


class FreeTimesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The free times of an agent."""

    agent_id: str
    time_zone: str
    days: list[FreeDayDocument]


class LineTimeDocument(TimeDocument, frozen=True, kw_only=True):
    """One free starting time of a line. `agent_ids` are the agents who are free then; the first would be booked now."""

    agent_ids: list[str]


class LineDayDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The free times of one day of a line."""

    day: date
    times: list[LineTimeDocument]


class LineFreeTimesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The free times of a line, on the clock of the agent whose line it is. `agent_ids`: whom it can book, in order."""

    line_agent_id: str
    time_zone: str
    choice: Choice
    agent_ids: list[str]
    days: list[LineDayDocument]


class HomeDocument(msgspec.Struct, frozen=True, kw_only=True, rename={"home_id": "id"}):
    """A home of the catalogue. `shown_by` has the ids of the agents who show it; empty: every agent."""

    home_id: int
    label: str
    address: str
    unit: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    bedrooms: int | None
    bathrooms: float | None
    rent: int | None
    available_on: date | None
    status: PropertyStatus
    showing_minutes: int | None
    notice_minutes: int | None
    hours: list[HoursDocument]
    shown_by: list[str]
    source: str
    source_id: str | None
    updated_at: datetime | None


class ViewingEventDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a viewing's history. `actor` is `phone`, `visitor`, `unconfirmed` or a user's e-mail address."""

    kind: EventKind
    happened_at: datetime
    actor: str
    old_start: datetime | None
    new_start: datetime | None
    changes: dict[str, list[Any]]
    """Of an edit: the changed fields, each with its old and its new value."""


class ViewingWithHistory(ViewingDocument, frozen=True, kw_only=True, rename={"viewing_id": "id"}):
    """A viewing, the office's notes, and its history, earliest first."""

    notes: str | None
    history: list[ViewingEventDocument]


class CallDocument(msgspec.Struct, frozen=True, kw_only=True, rename={"call_id": "id"}):
    """A phone call. `flags`: `unbooked` if the caller agreed to a viewing that was not booked; `fault` for a fault."""

    call_id: str
    kind: Literal["call", "chat"]
    agent_id: str | None
    agent_name: str | None
    caller_number: str | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    ended_reason: str | None
    seconds: int | None
    cost: float | None
    outcomes: list[str]
    flags: list[Flag]
    viewing_id: int | None


class ToolCallDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the assistant asked PeteRental, and was answered."""

    name: str
    arguments: dict[str, Any]
    answer: str
    outcome: str
    received_at: datetime | None
    viewing_id: int | None


class CallWithDetails(CallDocument, frozen=True, kw_only=True, rename={"call_id": "id"}):
    """A phone call with what was said."""

    summary: str | None
    transcript: str | None
    recording_url: str | None
    tool_calls: list[ToolCallDocument]


class MessageDocument(msgspec.Struct, frozen=True, kw_only=True, rename={"message_id": "id"}):
    """A message for an agent."""

    message_id: int
    agent_id: str
    agent_name: str
    body: str
    visitor_name: str | None
    visitor_phone: str | None
    caller_number: str | None
    received_at: datetime
    is_urgent: bool
    done_at: datetime | None
    done_by: str | None
    call_id: str | None
    viewing_id: int | None


class AgentList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of agents."""

    data: list[AgentDocument]
    next_cursor: str | None


class ViewingList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of viewings, earliest first."""

    data: list[ViewingDocument]
    next_cursor: str | None


class HomeList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of homes, by street and house number."""

    data: list[HomeDocument]
    next_cursor: str | None


class CallList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of calls, latest first. `is_truncated`: more calls match `q` than were looked up; narrow the filter."""

    data: list[CallDocument]
    next_cursor: str | None
    is_truncated: bool


class MessageList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages. `is_truncated`: more messages match `q` than were looked up; narrow the filter."""

    data: list[MessageDocument]
    next_cursor: str | None
    is_truncated: bool
