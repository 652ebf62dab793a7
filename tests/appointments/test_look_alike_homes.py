"""Homes that look alike: streets named by a letter, units, saints, one address in two cities."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.agents.model import AgentKey
from peterental.appointments.home_choice import Catalogue, choose_home
from peterental.appointments.model import HomeUnknown, WhichHome
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.matching import Match, compare_texts
from tests.appointments.test_heard_homes import home
from tests.appointments.test_home_choice import NOW, fill

LINES = Path(__file__).with_name("look_alike_homes.txt").read_text(encoding="utf-8").splitlines()
ROWS = [tuple(line.split("\t")) for line in LINES if line and not line.startswith(("#", "+"))]
_NAMED = [line.removeprefix("+ ").partition(": ") for line in LINES if line.startswith("+")]
HOMES = {name: home(number, text) for number, (name, _, text) in enumerate(_NAMED, 1)}
NAMES = {each.property_id: name for name, each in HOMES.items()}
CATALOGUE = Catalogue(tuple(HOMES.values()))


def meaning(said: str, catalogue: Catalogue = CATALOGUE) -> tuple[str, frozenset[str]]:
    """Return the sign of the table, and the homes."""
    try:
        choice = choose_home(said, catalogue, lambda _: True)
    except WhichHome as refusal:
        return "?", frozenset(NAMES[each.property_id] for each in refusal.homes)
    except HomeUnknown:
        return "unknown", frozenset()
    return "=", frozenset({NAMES[choice.home.property_id]} if choice and choice.home else ())


@pytest.mark.parametrize(("said", "expected"), ROWS, ids=[said for said, _ in ROWS])
def test_look_alike_is_that_home_or_asked_about(said: str, expected: str) -> None:
    sign, *homes = expected.split()
    assert meaning(said) == (sign, frozenset(homes))


def test_database_reads_the_look_alikes(database: Database) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'key')")
    fill(database, HOMES.values())
    repository = AppointmentRepository(database)
    invocation = ToolInvocation(name="get_availability", tool_call_id="1", agent_key=AgentKey(assistant_id="key"))
    for said, _ in ROWS:
        catalogue = repository.line(invocation, said, NOW).catalogue
        assert catalogue is not None
        found, wanted = meaning(said, catalogue), meaning(said)
        assert found[1] <= wanted[1], said
        assert found == wanted or wanted[0] != "=", said


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz")
def test_street_named_by_a_letter_has_no_unit(letter: str) -> None:
    """The two orders are asked about: a town may have both."""
    assert compare_texts(f"300 Avenue {letter}", f"300 Ave {letter}").match is Match.SAME
    assert compare_texts(f"300 {letter} Avenue", f"300 {letter} Ave").match is Match.SAME
    assert compare_texts(f"300 {letter} Avenue", f"300 Avenue {letter}").match is Match.UNSURE
    other = "b" if letter != "b" else "c"
    assert compare_texts(f"300 Avenue {letter}", f"300 Avenue {other}").match is Match.DIFFERENT


@pytest.mark.parametrize("letter", "abcdfghijklmopqrtuvyz")
def test_letter_behind_a_street_is_the_unit(letter: str) -> None:
    written = f"1402 Elm Street, Unit {letter}"
    for said in (f"1402 Elm Street {letter}", f"1402 Elm {letter}"):
        assert compare_texts(said, written).match is Match.SAME, said
        assert compare_texts(said, "1402 Elm Street, Unit 9").match is Match.DIFFERENT, said
