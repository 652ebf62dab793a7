"""Demo data for a first look: two agents, a week behind them and a week ahead, all booked as phone calls would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from peterental.agents.model import Agent, AgentKey, Profile
from peterental.appointments.model import Wish
from peterental.appointments.service import AppointmentService
from peterental.calls.model import Delivery
from peterental.calls.service import CallService
from peterental.config import Config
from peterental.database import Database
from peterental.errors import Refusal
from peterental.services import Services, now
from peterental.users.model import Viewer
from peterental.voice.speech import say

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
    if services.agents.listing(_OFFICE).rows:
        return False
    for profile, calls in zip(_AGENTS, _CALLS, strict=True):
        agent = services.agents.create(profile, _OFFICE)
        for ago in (timedelta(days=8), timedelta()):
            _play(agent, calls, database, now() - ago)
    return True


def curl_line(services: Services, config: Config) -> str:
    """Give a shell command that plays a phone call: somebody books a viewing at four, and hears the answer."""
    assistant_id = _AGENTS[0].vapi_assistant_id
    agent = services.agents.find(AgentKey(assistant_id=assistant_id))
    today = now().astimezone(agent.zone if agent else UTC).date()
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
    """Book `calls` as if it were `then`."""
    keeper = CallService(database, lambda: then)
    appointments = AppointmentService(database, keeper, lambda: then)
    days = list(zip(range(10), _working_days(then.astimezone(agent.zone).date()), strict=False))
    for number, call in enumerate(calls):
        delivery = Delivery(
            name="set_appointment",
            tool_call_id=f"call_{number}",
            vapi_call_id=f"demo-{agent.agent_id}-{then:%Y%m%d}-{number}",
            agent_key=AgentKey(assistant_id=agent.vapi_assistant_id),
            caller_number=call.number,
        )
        start = datetime.combine(days[call.day][1], call.at)
        wish = Wish(
            property_address=call.home,
            start_time=f"{start:%Y-%m-%dT%H:%M}",
            attendee_name=call.visitor,
        )
        appointments.book(delivery, wish, say)


def _working_days(today: date) -> Iterator[date]:
    """Give the days after `today` from Monday to Friday."""
    day = today
    while True:
        day += timedelta(days=1)
        if day.isoweekday() <= 5:  # noqa: PLR2004  # Friday
            yield day
