"""A simulated tool call answers like a real one and changes no row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from peterental.agents.model import Agent, AgentKey
from peterental.voice.simulator import SimulationResult, simulate_tool_call
from peterental.voice.tool_registry import TOOLS
from peterental.web.tool_tester.forms import form_for
from tests.voice.phone import ANA, BOOKED_MONDAY_AT_THREE, DOLORES, ELM, SUNDAY_MORNING, Phone, book

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.database.pool import Database
    from peterental.services import Services
    from peterental.voice.tool_registry import ToolSpec


def table_digests(database: Database) -> dict[str, Any]:
    """Return the row count and a digest of the rows of every table."""
    tables = [
        row["name"]
        for row in database.fetch(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ]
    found = {}
    for table in tables:
        rows = database.fetch(f'SELECT to_jsonb(t)::text AS row FROM "{table}" AS t ORDER BY 1')
        found[table] = (len(rows), hashlib.sha256("".join(row["row"] for row in rows).encode()).hexdigest())
    assert len(found) > 10
    return found


@pytest.fixture
def ana(services: Services) -> Agent:
    """The agent who is called."""
    agent = services.agents.find(AgentKey(assistant_id=ANA))
    assert agent
    return agent


def simulate(
    database: Database, agent: Agent, tool: str, arguments: Mapping[str, object], number: str | None = DOLORES
) -> SimulationResult:
    return simulate_tool_call(database, agent, tool, arguments, caller_number=number, now=SUNDAY_MORNING)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tool_tester_has_a_field_for_every_argument(tool: ToolSpec) -> None:
    assert {argument.name for argument in tool.arguments} <= set(dir(form_for(tool)))


def test_simulated_booking_is_rolled_back(database: Database, ana: Agent, phone: Phone) -> None:
    before = table_digests(database)
    result = simulate(database, ana, "set_appointment", {"start_time": "tomorrow 3 pm"} | ELM)
    assert result.sentence == BOOKED_MONDAY_AT_THREE
    assert result.outcome == "booked"
    assert result.reply["results"] == [
        {"toolCallId": "rehearsal", "name": "set_appointment", "result": BOOKED_MONDAY_AT_THREE}
    ]
    assert result.request["message"]["customer"] == {"number": DOLORES}
    assert table_digests(database) == before
    assert book(phone) == BOOKED_MONDAY_AT_THREE, "the time is still free for a real call"


@pytest.mark.parametrize(
    ("tool", "arguments", "outcome", "expected"),
    [
        ("get_availability", {"date": "tomorrow"}, "answered", "I have tomorrow"),
        ("set_appointment", {"property_address": "33 Boyd Street"}, "refused", "May I have your name"),
        ("find_appointment", {"attendee_name": "Dolores"}, "answered", "You have a viewing of 1420 Elm Street"),
        ("reschedule_appointment", {"start_time": "tomorrow 4 pm"}, "moved", "is now tomorrow"),
        ("cancel_appointment", {"attendee_name": "Dolores"}, "cancelled", "is cancelled"),
        ("take_message", {"message": "Are cats fine?"}, "message", "I've noted your message"),
        ("order_pizza", {}, "unknown tool", "not something I can do"),
    ],
)
def test_simulation_changes_no_row(
    *,
    database: Database,
    ana: Agent,
    phone: Phone,
    tool: str,
    arguments: dict[str, object],
    outcome: str,
    expected: str,
) -> None:
    book(phone)
    before = table_digests(database)
    simulated = simulate(database, ana, tool, arguments)
    assert expected in simulated.sentence
    assert simulated.outcome == outcome
    assert table_digests(database) == before
    assert phone.say(tool, arguments) == simulated.sentence, "a real call gets the same answer"


def test_simulated_withheld_number_finds_nothing(database: Database, ana: Agent, phone: Phone) -> None:
    book(phone)
    assert "without the number" in simulate(database, ana, "find_appointment", {}, number=None).sentence


def test_simulation_uses_the_given_time(database: Database, ana: Agent) -> None:
    later = SUNDAY_MORNING.replace(year=2027)
    later_result = simulate_tool_call(
        database, ana, "get_availability", {"date": "2026-11-24"}, caller_number=None, now=later
    )
    assert later_result.sentence.startswith("I have Wednesday the twenty-fourth at "), "of 2027: the day is past"
    now_result = simulate_tool_call(
        database, ana, "get_availability", {"date": "2026-11-24"}, caller_number=None, now=SUNDAY_MORNING
    )
    assert now_result.sentence.startswith("I have Tuesday the twenty-fourth at ")


def test_simulated_fault_apologises(database: Database, ana: Agent, caplog: pytest.LogCaptureFixture) -> None:
    database.fetch("ALTER TABLE appointment_events RENAME TO away")
    before = table_digests(database)
    result = simulate(database, ana, "set_appointment", {"start_time": "tomorrow 3 pm"} | ELM)
    assert result.sentence.startswith("I'm sorry, I can't get to our calendar")
    assert result.outcome == "fault"
    assert table_digests(database) == before
    assert "appointment_events" in caplog.text
