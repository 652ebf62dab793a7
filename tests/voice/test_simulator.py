"""A rehearsal says word for word what a caller would hear, and changes no row of any table."""

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


def everything(database: Database) -> dict[str, Any]:
    """Give, for every table, how many rows it has and a digest of what is in them."""
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
    """Ana, who is called."""
    agent = services.agents.find(AgentKey(assistant_id=ANA))
    assert agent
    return agent


def hear(
    database: Database, agent: Agent, tool: str, arguments: Mapping[str, object], number: str | None = DOLORES
) -> SimulationResult:
    return simulate_tool_call(database, agent, tool, arguments, caller_number=number, now=SUNDAY_MORNING)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tool_tester_has_a_field_for_every_argument(tool: ToolSpec) -> None:
    assert {argument.name for argument in tool.arguments} <= set(dir(form_for(tool)))


def test_a_rehearsed_booking_is_told_and_not_made(database: Database, ana: Agent, phone: Phone) -> None:
    before = everything(database)
    heard = hear(database, ana, "set_appointment", {"start_time": "tomorrow 3 pm"} | ELM)
    assert heard.sentence == BOOKED_MONDAY_AT_THREE
    assert heard.outcome == "booked"
    assert heard.reply["results"] == [
        {"toolCallId": "rehearsal", "name": "set_appointment", "result": BOOKED_MONDAY_AT_THREE}
    ]
    assert heard.request["message"]["customer"] == {"number": DOLORES}
    assert everything(database) == before
    assert book(phone) == BOOKED_MONDAY_AT_THREE, "the time is still free, for whoever really calls"


@pytest.mark.parametrize(
    ("tool", "arguments", "outcome", "heard"),
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
def test_whatever_is_rehearsed_no_row_of_any_table_changes(
    *, database: Database, ana: Agent, phone: Phone, tool: str, arguments: dict[str, object], outcome: str, heard: str
) -> None:
    book(phone)
    before = everything(database)
    rehearsed = hear(database, ana, tool, arguments)
    assert heard in rehearsed.sentence
    assert rehearsed.outcome == outcome
    assert everything(database) == before
    assert phone.say(tool, arguments) == rehearsed.sentence, "on the phone it is the same, word for word"


def test_a_caller_without_a_number_is_a_stranger(database: Database, ana: Agent, phone: Phone) -> None:
    book(phone)
    assert "without the number" in hear(database, ana, "find_appointment", {}, number=None).sentence


def test_a_pretended_moment_is_believed(database: Database, ana: Agent) -> None:
    later = SUNDAY_MORNING.replace(year=2027)
    heard = simulate_tool_call(database, ana, "get_availability", {"date": "2026-11-24"}, caller_number=None, now=later)
    assert "past" in heard.sentence or "2026" not in heard.sentence
    now = simulate_tool_call(
        database, ana, "get_availability", {"date": "2026-11-24"}, caller_number=None, now=SUNDAY_MORNING
    )
    assert heard.sentence != now.sentence


def test_what_breaks_in_a_rehearsal_is_an_apology_as_on_the_phone(
    database: Database, ana: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    database.fetch("ALTER TABLE appointment_events RENAME TO away")
    before = everything(database)
    heard = hear(database, ana, "set_appointment", {"start_time": "tomorrow 3 pm"} | ELM)
    assert heard.sentence.startswith("I'm sorry, I can't get to our calendar")
    assert heard.outcome == "fault"
    assert everything(database) == before
    assert "appointment_events" in caplog.text
