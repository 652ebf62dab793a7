"""Homes that look alike: streets named by a letter, units, saints, one address in two cities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from peterental.agents.model import AgentKey
from peterental.appointments.home_choice import Catalogue, choose_home
from peterental.appointments.model import HomeUnknown, WhichHome
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.matching import Match, compare_texts
from peterental.properties.model import Property
from tests.appointments.test_heard_homes import home
from tests.appointments.test_home_choice import NOW, fill


@dataclass(frozen=True)
class Table:
    """A catalogue, and what callers say of it."""

    homes: dict[str, Property]
    rows: tuple[tuple[str, str], ...]

    def meaning(self, said: str, catalogue: Catalogue | None = None) -> tuple[str, frozenset[str]]:
        """Return the sign of the table, and the homes."""
        names = {each.property_id: name for name, each in self.homes.items()}
        try:
            choice = choose_home(said, catalogue or Catalogue(tuple(self.homes.values())), lambda _: True)
        except WhichHome as refusal:
            return "?", frozenset(names[each.property_id] for each in refusal.homes)
        except HomeUnknown:
            return "unknown", frozenset()
        return "=", frozenset({names[choice.home.property_id]} if choice and choice.home else ())


def _table(name: str) -> Table:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    rows = [line.partition("\t") for line in lines if line and not line.startswith(("#", "+"))]
    named = [line.removeprefix("+ ").partition(": ") for line in lines if line.startswith("+")]
    homes = {name: home(number, text) for number, (name, _, text) in enumerate(named, 1)}
    return Table(homes, tuple((said, expected) for said, _, expected in rows))


TABLES = (_table("look_alike_homes.txt"), _table("look_alike_streets.txt"))
ROWS = [(table, *row) for table in TABLES for row in table.rows]


@pytest.mark.parametrize(("table", "said", "expected"), ROWS, ids=[said for _, said, _ in ROWS])
def test_look_alike_is_that_home_or_asked_about(table: Table, said: str, expected: str) -> None:
    sign, *homes = expected.split()
    assert table.meaning(said) == (sign, frozenset(homes))


@pytest.mark.parametrize("table", TABLES, ids=["homes", "streets"])
def test_database_reads_the_look_alikes(database: Database, table: Table) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'key')")
    fill(database, table.homes.values())
    repository = AppointmentRepository(database)
    invocation = ToolInvocation(name="get_availability", tool_call_id="1", agent_key=AgentKey(assistant_id="key"))
    for said, _ in table.rows:
        catalogue = repository.line(invocation, said, NOW).catalogue
        assert catalogue is not None
        found, wanted = table.meaning(said, catalogue), table.meaning(said)
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
