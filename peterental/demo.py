"""Load demo data: two agents with calendars, and calls that book last and next week."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentKey, Profile
from peterental.agents.time_off.model import ClosureEntry
from peterental.appointments.model import BookingRequest
from peterental.calls.model import CallUpdate, ToolInvocation
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database import Database
from peterental.errors import Refusal
from peterental.messages.model import MessageDraft
from peterental.properties.model import PropertyDetails
from peterental.services import Services, build_services
from peterental.voice.speech import APOLOGY, render

GREETING = "Leasing desk, good day. Which home may I show you?"
BETWEEN_CALLS = timedelta(minutes=47)
SECONDS_PER_TURN = 6
WELL_AHEAD = timedelta(days=30)

_OFFICE = Viewer(user_id=0, email="demo", is_admin=True)


class NotEmpty(Refusal):
    """There are agents in this database already, so no demo data was loaded."""


class NotInProduction(Refusal):
    """Demo data is for development; this is production."""


@dataclass(frozen=True)
class _Booking:
    """A booking by a caller.

    Args:
        day: the working day, counted from 0.
        at: the time on the agent's wall clock.
        home: the address.
        visitor: the caller's name.
        number: the caller's phone number.
    """

    day: int
    at: time
    home: str
    visitor: str
    number: str


_AGENTS = (
    Profile(
        agent_name="Nora Castillo",
        vapi_assistant_id="24464697-0000-4000-8000-000000000001",
        phone_number_id="c6c03223-5fd3-41f9-ab42-faedca7d8919",
        calendar_user_id="nora@soonerleasing.example",
        time_zone="America/Chicago",
        handover_number="+15550100011",
    ),
    Profile(
        agent_name="Ben Whitfield",
        vapi_assistant_id="24464697-0000-4000-8000-000000000002",
        phone_number_id="808554cd-cc4a-4204-862c-d41a6b929ebd",
        calendar_user_id="ben@soonerleasing.example",
        time_zone="America/Denver",
        handover_number="+15550100012",
        buffer_minutes=15,
    ),
)

# Four o'clock stays free: the command that `make run` prints books it.
_BOOKINGS = (
    (
        _Booking(0, time(9, 30), "1420 Elm Street, Norman", "Carmen Reyes", "+15550163001"),
        _Booking(0, time(14), "1420 Elm Street, Norman", "Theo Abara", "+15550163002"),
        _Booking(1, time(10), "908 Chautauqua Avenue, Norman", "Grace Lindqvist", "+15550163003"),
        _Booking(1, time(11, 30), "3315 Porter Avenue, Norman", "Hana Kobayashi", "+15550163004"),
        _Booking(3, time(15), "1420 Elm Street, Norman", "Luis and Ana Ortega", "+15550163005"),
        _Booking(4, time(9), "908 Chautauqua Avenue, Norman", "Søren Dahl", "+15550163006"),
    ),
    (
        _Booking(0, time(11), "77 Lindsey Court, Boulder", "June Halloran", "+15550163007"),
        _Booking(2, time(9), "512 Flood Avenue, Boulder", "Kofi Mensah", "+15550163008"),
        _Booking(2, time(13, 30), "77 Lindsey Court, Boulder", "Rosa Petrov", "+15550163009"),
        _Booking(4, time(10, 30), "512 Flood Avenue, Boulder", "Walt Jimenez", "+15550163010"),
    ),
)


_HOMES = (
    (
        PropertyDetails(
            line1="1420 Elm Street",
            city="Norman",
            state="OK",
            zip_code="73071",
            said_as=("the yellow house",),
            bedrooms=3,
            bathrooms=2,
            rent=1650,
            notice_minutes=240,
        ),
        PropertyDetails(
            line1="908 Chautauqua Avenue",
            city="Norman",
            state="OK",
            zip_code="73069",
            bedrooms=2,
            bathrooms=1,
            rent=1250,
        ),
        PropertyDetails(
            line1="3315 Porter Avenue",
            city="Norman",
            state="OK",
            zip_code="73071",
            bedrooms=2,
            bathrooms=1.5,
            rent=1190,
        ),
        PropertyDetails(
            line1="118 Elmwood Court", unit="2B", city="Norman", state="OK", zip_code="73072", bedrooms=0, rent=795
        ),
    ),
    (
        PropertyDetails(
            line1="77 Lindsey Court", city="Boulder", state="CO", zip_code="80302", bedrooms=1, bathrooms=1, rent=1895
        ),
        PropertyDetails(
            line1="512 Flood Avenue", city="Boulder", state="CO", zip_code="80304", bedrooms=4, bathrooms=2.5, rent=3400
        ),
    ),
)
"""The homes that each agent shows."""


def load(config: Config, services: Services, database: Database) -> None:
    """Load the demo data into an empty database.

    Raise NotInProduction, NotEmpty if there is an agent already, and SchemaOutdated before the first migration.
    """
    if config.is_production:
        raise NotInProduction
    if not load_if_empty(services, database):
        raise NotEmpty


def load_if_empty(services: Services, database: Database) -> bool:
    """Load the demo data unless there is an agent already.

    Return whether it was loaded.
    """
    if services.agents.listing(_OFFICE).agents:
        return False
    for profile, bookings, homes in zip(_AGENTS, _BOOKINGS, _HOMES, strict=True):
        agent = services.agents.create(profile, _OFFICE)
        for home in homes:
            services.properties.add(replace(home, shown_by=frozenset({agent.agent_id})), _OFFICE)
        for ago in (timedelta(days=8), timedelta()):
            _play_bookings(agent, bookings, database, utc_now() - ago)
        if profile is _AGENTS[0]:
            _play_other_calls(agent, bookings[0], database, utc_now())
        services.calendars.connect_demo(agent.agent_id, _OFFICE)  # after the bookings, whose times it may take
    day = _next_holiday(utc_now().date())
    services.closures.add([ClosureEntry(name="New Year’s Day", first_day=day, last_day=day)], _OFFICE)  # noqa: RUF001  # an apostrophe
    return True


def curl_line(services: Services, config: Config) -> str:
    """Return a shell command that books a viewing at four by a tool call."""
    assistant_id = _AGENTS[0].vapi_assistant_id
    agent = services.agents.find(AgentKey(assistant_id=assistant_id))
    today = utc_now().astimezone(agent.zone if agent else UTC).date()
    start = datetime.combine(next(_working_days(today)), time(16))
    message = {
        "type": "tool-calls",
        "call": {"id": f"demo-{start:%Y%m%d}", "assistantId": assistant_id, "customer": {"number": "+15550163099"}},
        "toolCallList": [
            {
                "id": f"call_demo_{start:%Y%m%d}",
                "function": {
                    "name": "set_appointment",
                    "arguments": {
                        "property_address": _BOOKINGS[0][0].home,
                        "start_time": f"{start:%Y-%m-%dT%H:%M}",
                        "attendee_name": "Pat Sample",
                    },
                },
            }
        ],
    }
    secret = ' -H "X-Vapi-Secret: $VAPI_WEBHOOK_SECRET"' if config.vapi_webhook_secret else ""
    return (
        f"curl -s {config.address}/vapi/webhook -H 'Content-Type: application/json'{secret}"
        f" -d '{json.dumps({'message': message}, separators=(',', ':'))}'"
    )


def _play_bookings(agent: Agent, bookings: tuple[_Booking, ...], database: Database, now: datetime) -> None:
    """Book viewings one after the other, in calls that end before `now`."""
    days = list(zip(range(10), _working_days(now.astimezone(agent.zone).date()), strict=False))
    for number, booking in enumerate(bookings):
        started_at = now - (len(bookings) - number) * BETWEEN_CALLS
        call = _DemoCall(agent, database, started_at, f"demo-{agent.agent_id}-{now:%Y%m%d}-{number}", booking.number)
        start = datetime.combine(days[booking.day][1], booking.at)
        call.assistant_says(GREETING)
        call.caller_says(f"Hi, I'd like to see {booking.home}.")
        call.use_tool("get_availability", BookingRequest(property_address=booking.home, date=f"{start:%Y-%m-%d}"))
        call.caller_says(f"I'll come at {start.hour % 12 or 12}:{start:%M}. My name is {booking.visitor}.")
        request = BookingRequest(
            property_address=booking.home, start_time=f"{start:%Y-%m-%dT%H:%M}", attendee_name=booking.visitor
        )
        call.use_tool("set_appointment", request)
        call.end(summary=f"{booking.visitor} booked a viewing of {booking.home}.", success="true")


def _play_other_calls(agent: Agent, taken: _Booking, database: Database, now: datetime) -> None:
    """Play calls without a booking: two messages, a refusal, a fault, a silence.

    Args:
        agent: who is called.
        taken: a booking whose time the refused caller asks for.
        database: where the calls are stored.
        now: when the latest call ended, aware.
    """
    plays: tuple[Callable[[_DemoCall], None], ...] = (
        _ask_about_cats,
        partial(_ask_for_taken_time, agent, taken, now),
        _meet_a_fault,
        _say_nothing,
        _report_a_key_box,
    )
    for number, play in enumerate(plays, start=1):
        vapi_call_id, caller = f"demo-{agent.agent_id}-other-{number}", f"+1555016302{number}"
        call = _DemoCall(agent, database, now - number * BETWEEN_CALLS, vapi_call_id, caller)
        call.assistant_says(GREETING)
        play(call)


def _ask_about_cats(call: _DemoCall) -> None:
    call.caller_says("Is the apartment on Flood Avenue fine with two cats? Could someone call me back?")
    call.leave_message("Are two cats fine in the apartment on Flood Avenue?", "Ines Carvalho")
    call.end(summary="Ines Carvalho wants to know whether two cats are fine on Flood Avenue.", success="true")


def _ask_for_taken_time(agent: Agent, taken: _Booking, now: datetime, call: _DemoCall) -> None:
    day = next(_working_days(now.astimezone(agent.zone).date()))
    request = BookingRequest(
        property_address=taken.home,
        start_time=f"{datetime.combine(day, taken.at):%Y-%m-%dT%H:%M}",
        attendee_name="Marta Blum",
    )
    call.caller_says(f"I want to see {taken.home} at {taken.at.hour}:{taken.at:%M}. Marta Blum.")
    call.use_tool("set_appointment", request)
    call.caller_says("No, only then. Never mind.")
    call.end(summary="Marta Blum wanted a time that was taken, and hung up.", success="false")


def _meet_a_fault(call: _DemoCall) -> None:
    call.caller_says("Do you have anything on Saturday?")
    call.fail("get_availability", {"date": "Saturday"})
    call.end(summary="The calendar could not be reached.", success="false")


def _say_nothing(call: _DemoCall) -> None:
    call.end(reason="silence-timed-out", summary="", success="false")


def _report_a_key_box(call: _DemoCall) -> None:
    call.caller_says("This is Dev from the plumber. The key box on Porter Avenue is stuck.")
    call.leave_message("The key box on Porter Avenue is stuck.", "Dev, the plumber")
    call.end(summary="The plumber says that the key box on Porter Avenue is stuck.", success="true")


class _DemoCall:
    """One phone call to an agent, played as Vapi would report it.

    Args:
        agent: who is called.
        database: where the call is stored.
        started_at: when it started, aware; every turn takes a few seconds.
        vapi_call_id: its id.
        caller: the caller's phone number.
    """

    def __init__(self, agent: Agent, database: Database, started_at: datetime, vapi_call_id: str, caller: str) -> None:
        self._agent = agent
        self._started_at = started_at
        self._vapi_call_id = vapi_call_id
        self._caller = caller
        self._turns: list[tuple[str, str]] = []
        services = build_services(database, self._now, reads_calendars=False)
        self._calls, self._appointments = services.calls, services.appointments

    def assistant_says(self, text: str) -> None:
        """Add a turn of the assistant."""
        self._turns.append(("bot", text))

    def caller_says(self, text: str) -> None:
        """Add a turn of the caller."""
        self._turns.append(("user", text))

    def use_tool(self, tool: str, request: BookingRequest) -> None:
        """Call a tool about viewings and say its answer."""
        arguments = {name: value for name, value in asdict(request).items() if value and not callable(value)}
        tools = {"get_availability": self._appointments.availability, "set_appointment": self._appointments.book}
        self.assistant_says(tools[tool](self._invocation(tool, arguments), request, render))

    def leave_message(self, body: str, name: str) -> None:
        """Leave a message with the caller's number, and say the answer."""
        draft = MessageDraft(body=body, attendee_name=name, attendee_phone=self._caller)
        arguments = {
            "message": draft.body,
            "attendee_name": draft.attendee_name,
            "attendee_phone": draft.attendee_phone,
        }
        self.assistant_says(self._calls.take_message(self._invocation("take_message", arguments), draft, render))

    def fail(self, tool: str, arguments: Mapping[str, object]) -> None:
        """Record a tool call that ends in a fault, and apologise."""
        self._calls.record_tool_call_alone(self._invocation(tool, arguments), answer=APOLOGY, outcome="fault")
        self.assistant_says(APOLOGY)

    def end(self, *, summary: str, success: str, reason: str = "customer-ended-call") -> None:
        """End the call, and record the report that Vapi would send."""
        messages = [
            {"role": role, "message": text, "secondsFromStart": number * SECONDS_PER_TURN}
            for number, (role, text) in enumerate(self._turns)
        ]
        names = {"bot": "AI", "user": "User"}
        self._calls.record_update(
            CallUpdate(
                vapi_call_id=self._vapi_call_id,
                is_report=True,
                agent_key=self._key,
                caller_number=self._caller,
                status="ended",
                started_at=self._started_at,
                ended_at=self._now() + timedelta(seconds=SECONDS_PER_TURN),
                ended_reason=reason,
                cost=round(0.02 + 0.011 * len(self._turns), 4),
                summary=summary or None,
                transcript="\n".join(f"{names[role]}: {text}" for role, text in self._turns),
                messages=json.dumps(messages),
                success_evaluation=success,
            )
        )

    @property
    def _key(self) -> AgentKey:
        return AgentKey(assistant_id=self._agent.vapi_assistant_id)

    def _now(self) -> datetime:
        return self._started_at + timedelta(seconds=SECONDS_PER_TURN * len(self._turns))

    def _invocation(self, tool: str, arguments: Mapping[str, object]) -> ToolInvocation:
        return ToolInvocation(
            name=tool,
            tool_call_id=f"call_{len(self._turns)}",
            arguments=arguments,
            vapi_call_id=self._vapi_call_id,
            agent_key=self._key,
            caller_number=self._caller,
        )


def _next_holiday(today: date) -> date:
    """Return the next January 1 that is later than the days on which callers can book."""
    day = date(today.year + 1, 1, 1)
    return day if day - today > WELL_AHEAD else date(today.year + 2, 1, 1)


def _working_days(today: date) -> Iterator[date]:
    """Yield the days after `today` from Monday to Friday."""
    day = today
    while True:
        day += timedelta(days=1)
        if day.isoweekday() <= 5:  # noqa: PLR2004  # Friday
            yield day
