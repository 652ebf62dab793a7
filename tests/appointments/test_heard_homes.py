"""Homes as callers and speech recognition say them, in a catalogue of homes that are easily confused."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.agents.model import AgentKey
from peterental.appointments.home_choice import Catalogue, choose_home
from peterental.appointments.model import HomeUnknown, WhichHome
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.properties.model import Property
from tests.appointments.test_home_choice import NOW, fill

LINES = Path(__file__).with_name("heard_homes.txt").read_text(encoding="utf-8").splitlines()
ROWS = [tuple(line.split("\t")) for line in LINES if not line.startswith(("#", "+"))]


def home(property_id: int, text: str) -> Property:
    """Build a home from "1500 Elm Street | A | Norman 73069 | 1"."""
    line1, unit, place, bedrooms = (part.strip() for part in text.split("|"))
    city, _, zip_code = place.rpartition(" ")
    return Property(
        property_id=property_id,
        line1=line1,
        unit=unit or None,
        city=city,
        state="OK",
        zip_code=zip_code,
        bedrooms=int(bedrooms),
    )


_NAMED = [line.removeprefix("+ ").partition(": ") for line in LINES if line.startswith("+")]
HOMES = {name: home(number, text) for number, (name, _, text) in enumerate(_NAMED, 1)}
NAMES = {each.property_id: name for name, each in HOMES.items()}
CATALOGUE = Catalogue(tuple(HOMES.values()))


def meaning(said: str, catalogue: Catalogue = CATALOGUE) -> str:
    """Return what the table says of a text."""
    try:
        choice = choose_home(said, catalogue, lambda _: True)
    except WhichHome as refusal:
        return "? " + " ".join(NAMES[each.property_id] for each in refusal.homes)
    except HomeUnknown:
        return "unknown"
    return "none" if choice is None or choice.home is None else f"= {NAMES[choice.home.property_id]}"


def test_look_up_in_the_database_leads_to_no_other_home(database: Database) -> None:
    """What the database leaves out are homes that a question would name beside the likely ones."""
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'key')")
    fill(database, HOMES.values())
    repository = AppointmentRepository(database)
    invocation = ToolInvocation(name="get_availability", tool_call_id="1", agent_key=AgentKey(assistant_id="key"))
    for said, wanted in ROWS:
        catalogue = repository.line(invocation, said, NOW).catalogue
        assert catalogue is not None
        found = meaning(said, catalogue)
        assert set(found.split()) - {"=", "?", "unknown"} <= set(wanted.split()), said
        assert found == wanted or not wanted.startswith("="), said


def test_catalogue_has_60_homes_and_200_sayings() -> None:
    assert len(HOMES) >= 60
    assert len(ROWS) >= 200


@pytest.mark.parametrize(("said", "expected"), ROWS, ids=[said for said, _ in ROWS])
def test_heard_home_is_that_one_or_asked_about(said: str, expected: str) -> None:
    assert meaning(said) == expected
