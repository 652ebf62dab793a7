"""Demo data for a first look: two agents, a week behind them and a week ahead, all booked as phone calls would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentKey, Profile
from peterental.appointments.model import BookingRequest
from peterental.appointments.phone_service import PhoneBookingService
from peterental.calls.model import CallUpdate, ToolInvocation
from peterental.calls.service import CallService
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database import Database
from peterental.errors import Refusal
from peterental.messages.model import MessageDraft
from peterental.services import Services
from peterental.voice.responses import APOLOGY, render

GREETING = "Leasing desk, good day. Which home may I show you?"
BETWEEN_CALLS = timedelta(minutes=47)
SECONDS_A_TURN = 6

_OFFICE = Viewer(user_id=0, email="demo", is_admin=True)


class NotEmpty(Refusal):
    """There are agents in this database already, so no demo data was loaded."""


class NotInProduction(Refusal):
    """Demo data is for development; this is production."""


@dataclass(frozen=True)
class _Call:
    """A caller's booking: so many working days from the start, at that time on the agent's wall clock."""

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

# Four o'clock stays free: the line that `make run` prints books it.
_CALLS = (
    (
        _Call(0, time(9, 30), "1420 Elm Street, Norman", "Carmen Reyes", "+15550163001"),
        _Call(0, time(14), "1420 Elm Street, Norman", "Theo Abara", "+15550163002"),
        _Call(1, time(10), "908 Chautauqua Avenue, Norman", "Grace Lindqvist", "+15550163003"),
        _Call(1, time(11, 30), "3315 Porter Avenue, Norman", "Hana Kobayashi", "+15550163004"),
        _Call(3, time(15), "1420 Elm Street, Norman", "Luis and Ana Ortega", "+15550163005"),
        _Call(4, time(9), "908 Chautauqua Avenue, Norman", "Søren Dahl", "+15550163006"),
    ),
    (
        _Call(0, time(11), "77 Lindsey Court, Boulder", "June Halloran", "+15550163007"),
        _Call(2, time(9), "512 Flood Avenue, Boulder", "Kofi Mensah", "+15550163008"),
        _Call(2, time(13, 30), "77 Lindsey Court, Boulder", "Rosa Petrov", "+15550163009"),
        _Call(4, time(10, 30), "512 Flood Avenue, Boulder", "Walt Jimenez", "+15550163010"),
    ),
)


def load(config: Config, services: Services, database: Database) -> None:
    """Fill an empty database.

    Raises NotInProduction, NotEmpty when there is an agent already, and SchemaOutdated before the first migration.
    """
    if config.is_production:
        raise NotInProduction
    if not load_if_empty(services, database):
        raise NotEmpty


def load_if_empty(services: Services, database: Database) -> bool:
    """Fill the database unless there is an agent already; tell whether it was empty."""
    if services.agents.listing(_OFFICE).agents:
        return False
    for profile, calls in zip(_AGENTS, _CALLS, strict=True):
        agent = services.agents.create(profile, _OFFICE)
        for ago in (timedelta(days=8), timedelta()):
            _play(agent, calls, database, utc_now() - ago)
        if profile is _AGENTS[0]:
            _play_what_went_otherwise(agent, calls[0], database, utc_now())
    return True


def curl_line(services: Services, config: Config) -> str:
    """Give a shell command that plays a phone call: somebody books a viewing at four, and hears the answer."""
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
                        "property_address": _CALLS[0][0].home,
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


def _play(agent: Agent, calls: tuple[_Call, ...], database: Database, then: datetime) -> None:
    """Book `calls` as if it were `then`, one after the other."""
    days = list(zip(range(10), _working_days(then.astimezone(agent.zone).date()), strict=False))
    for number, call in enumerate(calls):
        started_or_created_at = then - (len(calls) - number) * BETWEEN_CALLS
        line = _Line(
            agent, database, started_or_created_at, f"demo-{agent.agent_id}-{then:%Y%m%d}-{number}", call.number
        )
        start = datetime.combine(days[call.day][1], call.at)
        line.says(GREETING)
        line.hears(f"Hi, I'd like to see {call.home}.")
        line.asks("get_availability", BookingRequest(property_address=call.home, date=f"{start:%Y-%m-%d}"))
        line.hears(f"I'll come at {start.hour % 12 or 12}:{start:%M}. My name is {call.visitor}.")
        request = BookingRequest(
            property_address=call.home, start_time=f"{start:%Y-%m-%dT%H:%M}", attendee_name=call.visitor
        )
        line.asks("set_appointment", request)
        line.ends(summary=f"{call.visitor} booked a viewing of {call.home}.", success="true")


def _play_what_went_otherwise(agent: Agent, taken: _Call, database: Database, then: datetime) -> None:
    """Play the calls that make the lists worth looking through: two messages, a refusal, a fault, a silence."""

    def line(number: int, caller: str) -> _Line:
        return _Line(agent, database, then - number * BETWEEN_CALLS, f"demo-{agent.agent_id}-other-{number}", caller)

    ringing = line(1, "+15550163021")
    ringing.says(GREETING)
    ringing.hears("Is the flat on Flood Avenue fine with two cats? Somebody please tell me.")
    ringing.leaves(
        MessageDraft(
            body="Are two cats fine in the flat on Flood Avenue?",
            attendee_name="Ines Carvalho",
            attendee_phone="+15550163021",
        )
    )
    ringing.ends(summary="Ines Carvalho wants to know whether two cats are fine on Flood Avenue.", success="true")

    day = next(_working_days(then.astimezone(agent.zone).date()))
    request = BookingRequest(
        property_address=taken.home,
        start_time=f"{datetime.combine(day, taken.at):%Y-%m-%dT%H:%M}",
        attendee_name="Marta Blum",
    )
    ringing = line(2, "+15550163022")
    ringing.says(GREETING)
    ringing.hears(f"I want to see {taken.home} at {taken.at.hour}:{taken.at:%M}. Marta Blum.")
    ringing.asks("set_appointment", request)
    ringing.hears("No, only then. Never mind.")
    ringing.ends(summary="Marta Blum wanted a time that was taken, and hung up.", success="false")

    ringing = line(3, "+15550163023")
    ringing.says(GREETING)
    ringing.hears("Do you have anything on Saturday?")
    ringing.fails("get_availability", {"date": "Saturday"})
    ringing.ends(summary="The calendar could not be reached.", success="false")

    ringing = line(4, "+15550163024")
    ringing.says(GREETING)
    ringing.ends(reason="silence-timed-out", summary="", success="false")

    ringing = line(5, "+15550163025")
    ringing.says(GREETING)
    ringing.hears("This is Dev from the plumber. The key box on Porter Avenue is stuck.")
    ringing.leaves(
        MessageDraft(
            body="The key box on Porter Avenue is stuck.",
            attendee_name="Dev, the plumber",
            attendee_phone="+15550163025",
        )
    )
    ringing.ends(summary="The plumber says that the key box on Porter Avenue is stuck.", success="true")


class _Line:
    """One phone call to an agent, played as Vapi would report it.

    Args:
        agent: who is called.
        database: where the call is kept.
        rang_at: when it began; every answer takes a few seconds.
        vapi_call_id: its id.
        caller: the number it came from.
    """

    def __init__(
        self, agent: Agent, database: Database, started_or_created_at: datetime, vapi_call_id: str, caller: str
    ) -> None:
        self._agent = agent
        self._rang_at = started_or_created_at
        self._vapi_call_id = vapi_call_id
        self._caller = caller
        self._spoken: list[tuple[str, str]] = []
        self._calls = CallService(database, self._now)
        self._appointments = PhoneBookingService(database, self._calls, self._now)

    def says(self, text: str) -> None:
        """Have the assistant say something."""
        self._spoken.append(("bot", text))

    def hears(self, text: str) -> None:
        """Have the caller say something."""
        self._spoken.append(("user", text))

    def asks(self, tool: str, request: BookingRequest) -> None:
        """Have the assistant ask for something about viewings, and tell the caller the answer."""
        asked = {name: value for name, value in asdict(request).items() if value and name != "said"}
        tools = {"get_availability": self._appointments.availability, "set_appointment": self._appointments.book}
        self.says(tools[tool](self._invocation(tool, asked), request, render))

    def leaves(self, draft: MessageDraft) -> None:
        """Have the caller leave a message."""
        asked = {"message": draft.body, "attendee_name": draft.attendee_name, "attendee_phone": draft.attendee_phone}
        self.says(self._calls.take_message(self._invocation("take_message", asked), draft, render))

    def fails(self, tool: str, arguments: Mapping[str, object]) -> None:
        """Have something break on our side."""
        self._calls.record_tool_call_alone(self._invocation(tool, arguments), answer=APOLOGY, outcome="fault")
        self.says(APOLOGY)

    def ends(self, *, summary: str, success: str, reason: str = "customer-ended-call") -> None:
        """Have the caller hang up, and Vapi report the call."""
        messages = [
            {"role": role, "message": text, "secondsFromStart": number * SECONDS_A_TURN}
            for number, (role, text) in enumerate(self._spoken)
        ]
        names = {"bot": "AI", "user": "User"}
        self._calls.record_update(
            CallUpdate(
                vapi_call_id=self._vapi_call_id,
                is_report=True,
                agent_key=self._key,
                caller_number=self._caller,
                status="ended",
                started_at=self._rang_at,
                ended_at=self._now() + timedelta(seconds=SECONDS_A_TURN),
                ended_reason=reason,
                cost=round(0.02 + 0.011 * len(self._spoken), 4),
                summary=summary or None,
                transcript="\n".join(f"{names[role]}: {text}" for role, text in self._spoken),
                messages=json.dumps(messages),
                success_evaluation=success,
            )
        )

    @property
    def _key(self) -> AgentKey:
        return AgentKey(assistant_id=self._agent.vapi_assistant_id)

    def _now(self) -> datetime:
        return self._rang_at + timedelta(seconds=SECONDS_A_TURN * len(self._spoken))

    def _invocation(self, tool: str, arguments: Mapping[str, object]) -> ToolInvocation:
        return ToolInvocation(
            name=tool,
            tool_call_id=f"call_{len(self._spoken)}",
            arguments=arguments,
            vapi_call_id=self._vapi_call_id,
            agent_key=self._key,
            caller_number=self._caller,
        )


def _working_days(today: date) -> Iterator[date]:
    """Give the days after `today` from Monday to Friday."""
    day = today
    while True:
        day += timedelta(days=1)
        if day.isoweekday() <= 5:  # noqa: PLR2004  # Friday
            yield day
