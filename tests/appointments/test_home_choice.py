"""Which home of the catalogue a caller means: a table of what is said, and properties of all of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.agents.model import AgentKey
from peterental.appointments.home_choice import Catalogue, HomeQuestion, choose_home, named_home, pick_among
from peterental.appointments.model import HomeOfColleague, HomeRetired, HomeUnknown, WhichHome
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.matching import may_be_misheard, near_patterns
from peterental.matching.near_numbers import near_numbers
from peterental.properties.keys import said_keys, search_keys
from peterental.properties.model import Property
from peterental.voice.speech import english_words
from tests.appointments.said_homes import HOMES

TABLE = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "said_homes.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
NAMES = {home.property_id: name for name, home in HOMES.items()}
NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


def shown(home: Property) -> bool:
    return home.is_shown_by("ana")


def meaning(said: str, catalogue: Catalogue) -> str:
    """Return what the table says of a text."""
    try:
        choice = choose_home(said, catalogue, shown)
    except WhichHome as refusal:
        return "? " + " ".join(NAMES[home.property_id] for home in refusal.homes)
    except HomeUnknown:
        return "unknown"
    except (HomeRetired, HomeOfColleague) as refusal:
        return " ".join(NAMES[home.property_id] for home in refusal.homes)
    if choice is None:
        return "none"
    assert choice.home is not None
    return f"= {NAMES[choice.home.property_id]}"


def test_table_has_200_pairs() -> None:
    assert len({said for said, _ in TABLE}) == len(TABLE) > 250


@pytest.mark.parametrize(("said", "expected"), TABLE, ids=[said for said, _ in TABLE])
def test_said_home(said: str, expected: str) -> None:
    assert meaning(said, Catalogue(tuple(HOMES.values()))) == expected.removeprefix("retired ").removeprefix(
        "colleague "
    )


def test_database_reads_the_homes_that_matter(database: Database) -> None:
    """A look-up in the database leads to the same answer as the whole catalogue does."""
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'key')")
    fill(database)
    repository = AppointmentRepository(database)
    different = []
    for said, _ in TABLE:
        invocation = ToolInvocation(name="get_availability", tool_call_id="1", agent_key=AgentKey(assistant_id="key"))
        catalogue = repository.line(invocation, said, NOW).catalogue
        assert catalogue is not None
        found, wanted = meaning(said, catalogue), meaning(said, Catalogue(tuple(HOMES.values())))
        if sorted(found.split()) != sorted(wanted.split()):
            different.append((said, found, wanted))
    assert different == []


def fill(database: Database, homes: Iterable[Property] = tuple(HOMES.values())) -> None:
    """Insert the homes of the table, or others."""
    for home in homes:
        database.fetch(
            """
            INSERT INTO properties (
                property_id, line1, unit, city, state, zip_code, said_as, bedrooms, status, number_key, search_keys
            ) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                home.property_id,
                home.line1,
                home.unit,
                home.city,
                home.state,
                home.zip_code,
                list(home.said_as),
                home.bedrooms,
                home.status,
                home.parsed.number,
                search_keys(home.line1, home.unit, home.city, home.said_as),
            ],
        )
        if home.shown_by:
            database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben') ON CONFLICT DO NOTHING")
            database.fetch("INSERT INTO property_agents VALUES (%s, 'ben')", [home.property_id])


# --- properties ------------------------------------------------------------------------------------------------------

STREETS = ("Elm", "Boyd", "Porter", "Jenkins", "Santa Fe", "Chautauqua", "Saint Charles", "Mount Vernon")
TYPES = {"Street": ("St", "St.", "street", "STREET"), "Avenue": ("Ave", "Ave.", "Av"), "Court": ("Ct", "court")}
DIRECTIONS = {"N": ("North", "N.", "north"), "SW": ("Southwest", "S.W.", "South West"), "": ("",)}
UNITS = {"2B": ("Apt 2B", "#2B", "unit two B", "Unit 2 B", "apartment 2b"), "": ("",)}


LEADS = (
    "the one at",
    "the place on",
    "I saw the one at",
    "I'm calling about the one at",
    "el de",
    "la casa de",
    "la que está en",
    "quiero ver la de",
    "el departamento en el",
    "me interesa la casa que está en",
)
"""What callers say in front of an address."""


def in_words(number: int) -> str:
    """Return a house number in words, in pairs of digits: "fourteen twenty", "twelve oh five"."""
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return english_words.number(rest)
    said = "hundred" if not rest else f"oh {english_words.number(rest)}" if rest < 10 else english_words.number(rest)
    return f"{english_words.number(hundreds)} {said}"


@st.composite
def homes(draw: st.DrawFn) -> tuple[Property, dict[str, str]]:
    """Draw a home, and the parts of its address."""
    parts = {
        "number": str(draw(st.integers(1, 9999))),
        "direction": draw(st.sampled_from(sorted(DIRECTIONS))),
        "street": draw(st.sampled_from(STREETS)),
        "type": draw(st.sampled_from(sorted(TYPES))),
        "unit": draw(st.sampled_from(sorted(UNITS))),
    }
    line1 = " ".join(filter(None, (parts["number"], parts["direction"], parts["street"], parts["type"])))
    home = Property(property_id=1, line1=line1, unit=parts["unit"] or None, city="Norman", state="OK", zip_code="73069")
    return home, parts


@st.composite
def written_differently(draw: st.DrawFn, parts: dict[str, str]) -> str:
    """Draw another way to write an address."""
    number = int(parts["number"])
    street = " ".join(
        filter(
            None,
            (
                draw(st.sampled_from((parts["number"], in_words(number)))),
                draw(st.sampled_from((parts["direction"], *DIRECTIONS[parts["direction"]]))),
                parts["street"]
                .replace("Saint", draw(st.sampled_from(("St", "St.", "Saint"))))
                .replace("Mount", draw(st.sampled_from(("Mt", "Mt.", "Mount")))),
                draw(st.sampled_from((parts["type"], *TYPES[parts["type"]]))),
            ),
        )
    )
    unit = draw(st.sampled_from(UNITS[parts["unit"]]))
    place = draw(st.sampled_from(("", ", Norman", ", Norman, OK", ", Norman, Oklahoma 73069", " Norman OK")))
    text = f"{street}{', ' if unit else ''}{unit}{place}"
    return draw(
        st.sampled_from((text, text.upper(), text.lower(), *(f"{lead} {text}" for lead in LEADS), f"  {text}  "))
    )


@given(st.data())
def test_writing_an_address_differently_never_changes_the_home(data: st.DataObject) -> None:
    home, parts = data.draw(homes())
    text = data.draw(written_differently(parts))
    choice = choose_home(text, Catalogue((home,)), shown)
    assert choice is not None
    assert choice.home == home


@given(st.data())
def test_changing_a_digit_always_changes_the_home(data: st.DataObject) -> None:
    home, parts = data.draw(homes())
    number = parts["number"]
    at = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from([each for each in "123456789" if each != number[at]]))
    parts["number"] = number[:at] + digit + number[at + 1 :]
    text = data.draw(written_differently(parts))
    with pytest.raises(WhichHome) as asked:
        choose_home(text, Catalogue((home,)), shown)
    assert asked.value.homes == (home,), "one digit may have been misheard: it is asked about"


@given(st.data())
def test_other_unit_or_type_is_never_the_home(data: st.DataObject) -> None:
    home, parts = data.draw(homes())
    changed = data.draw(st.sampled_from(("type", "unit", "street")))
    if changed == "unit":
        text = f"{home.line1}, Unit 9C"
    else:
        others = TYPES if changed == "type" else STREETS
        other = data.draw(st.sampled_from([each for each in others if each != parts[changed]]))
        text = home.label.replace(parts[changed], other)
    with pytest.raises((WhichHome, HomeUnknown)):
        choose_home(text, Catalogue((home,)), shown)


@given(homes(), st.data())
def test_keys_of_a_home_and_of_what_is_said_meet(drawn: tuple[Property, dict[str, str]], data: st.DataObject) -> None:
    home, parts = drawn
    said = said_keys(data.draw(written_differently(parts)))
    assert home.parsed.number in said.numbers
    assert set(said.words) & set(search_keys(home.line1, home.unit, home.city, ()))


@given(st.integers(1, 99999), st.integers(0, 99999))
def test_near_numbers_are_near_both_ways_and_found_by_their_patterns(one: int, other: int) -> None:
    near = near_numbers(str(one))
    assert str(one) not in near
    assert (str(other) in near) is (str(one) in near_numbers(str(other))) or other == 0
    patterns = near_patterns(str(one))
    assert all(any(matches(each, pattern) for pattern in patterns) for each in near)


def matches(text: str, pattern: str) -> bool:
    return len(text) == len(pattern) and all(p in {"_", c} for c, p in zip(text, pattern, strict=True))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1402", "1420", True),
        ("15", "50", True),
        ("118", "118 1/2", True),
        ("118 1/2", "118", True),
        ("1420", "1420b", True),
        ("1420", "1420", False),
        ("33", "1420", False),
        ("12345678", "12345679", False),
        ("n6w23001", "1420", False),
    ],
)
def test_numbers_that_may_be_misheard(one: str, other: str, expected: bool) -> None:  # noqa: FBT001  # a column
    assert may_be_misheard(one, other) is expected


# --- after a question ------------------------------------------------------------------------------------------------

PORTER = [HOMES["porter-2b"], HOMES["porter-3a"]]


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ("3A", "porter-3a"),
        ("unit 3A", "porter-3a"),
        ("three A", "porter-3a"),
        ("the 2B one", "porter-2b"),
        ("B", "porter-2b"),
        ("the first one", "porter-2b"),
        ("la segunda", "porter-3a"),
        ("the third one", None),
        ("the two-bedroom", "porter-3a"),
        ("the three-bedroom", None),
        ("1205 N Porter Avenue 3A", "porter-3a"),
        ("Porter", None),
        ("", None),
        ("4C", None),
        ("Z", None),
    ],
)
def test_answers_pick_among_the_homes_named(answer: str, picked: str | None) -> None:
    assert pick_among(answer, PORTER) == (HOMES[picked] if picked else None)


def asked(said: str | None, *names: str) -> Catalogue:
    """Return the catalogue of a call that was asked about some homes."""
    question = HomeQuestion(said, tuple(HOMES[name].property_id for name in names))
    return Catalogue(tuple(HOMES.values()), questions=(question,))


@pytest.mark.parametrize(
    ("line", "expected"),
    [("yes", "elm"), ("Yeah, that one", "elm"), ("sí, claro", "elm"), ("no, 1402", None), ("", None)],
)
def test_callers_own_words_answer(line: str, expected: str | None) -> None:
    choice = choose_home("1402 Elm Street", asked("1402 Elm St", "elm"), shown, lambda: [line] if line else [])
    assert choice is not None
    assert choice.home == (HOMES[expected] if expected else None)
    assert choice.is_unknown is (expected is None)
    assert choice.label == ("1420 Elm Street" if expected else "1402 Elm Street")


def test_callers_own_words_pick_a_unit() -> None:
    catalogue = asked("1205 Porter", "porter-2b", "porter-3a")
    choice = choose_home("1205 Porter", catalogue, shown, lambda: ["Hi", "I think 3A."])
    assert choice is not None
    assert choice.home == HOMES["porter-3a"]


def test_fragment_is_stored_with_what_was_said_before() -> None:
    choice = choose_home("3A", asked("1205 Porter", "porter-2b", "porter-3a"), shown)
    assert choice is not None
    assert (choice.said, choice.property_id) == ("1205 Porter, 3A", HOMES["porter-3a"].property_id)


def test_question_without_words_does_not_count_as_repeated() -> None:
    with pytest.raises(WhichHome):
        choose_home("1402 Elm Street", asked(None, "elm"), shown)


def test_named_home_is_certain_or_none() -> None:
    catalogue = Catalogue(tuple(HOMES.values()))
    assert named_home("the Gables", catalogue, shown) == HOMES["gables"]
    assert named_home("5 Flood", catalogue, shown) == HOMES["retired"]
    assert named_home("8 Gray Street", catalogue, shown) == HOMES["colleague"]
    assert named_home("1402 Elm", catalogue, shown) is None
    assert named_home("100 Birch Lane", catalogue, shown) is None
    assert named_home("TBD", catalogue, shown) is None
    assert named_home(None, catalogue, shown) is None
    assert named_home("1420 Elm", None, shown) is None


def test_homes_that_nothing_tells_apart_are_one() -> None:
    twins = tuple(Property(property_id=number, line1="3 Hill Road") for number in (8, 7))
    choice = choose_home("3 Hill Road", Catalogue(twins), shown)
    assert choice is not None
    assert choice.property_id == 7


STREETS_LIKE_FILLERS = {
    number: Property(property_id=number, line1=line1, city="Norman")
    for number, line1 in enumerate(
        ("12 Casa de Oro Boulevard", "14 Oro Street", "16 La Cienega Avenue", "18 De La Vina Street", "20 Calle Real",
         "22 Real Street", "24 Looking Glass Lane", "26 Glass Lane", "28 El Camino Real", "30 Well Street", "32 View Street"),
        1,
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "line1"),
    [
        ("la casa de oro", "12 Casa de Oro Boulevard"),
        ("Casa de Oro", "12 Casa de Oro Boulevard"),
        ("la de Casa de Oro", "12 Casa de Oro Boulevard"),
        ("la casa en Casa de Oro", "12 Casa de Oro Boulevard"),
        ("la casa de la calle Oro", "14 Oro Street"),
        ("14 calle Oro", "14 Oro Street"),
        ("la Cienega", "16 La Cienega Avenue"),
        ("la de La Cienega", "16 La Cienega Avenue"),
        ("la casa en 16 La Cienega", "16 La Cienega Avenue"),
        ("De La Vina", "18 De La Vina Street"),
        ("el de 18 De La Vina", "18 De La Vina Street"),
        ("Calle Real", "20 Calle Real"),
        ("20 calle Real", "20 Calle Real"),
        ("el 20 de la Calle Real", "20 Calle Real"),
        ("22 Real Street", "22 Real Street"),
        ("22 calle Real", "22 Real Street"),
        ("Looking Glass Lane", "24 Looking Glass Lane"),
        ("I'm looking at Looking Glass Lane", "24 Looking Glass Lane"),
        ("Glass Lane", "26 Glass Lane"),
        ("El Camino Real", "28 El Camino Real"),
        ("la casa de El Camino Real", "28 El Camino Real"),
        ("Well Street", "30 Well Street"),
        ("well, the one on View Street", "32 View Street"),
    ],
)
def test_streets_that_begin_like_words_around_an_address_are_found(said: str, line1: str) -> None:
    choice = choose_home(said, Catalogue(tuple(STREETS_LIKE_FILLERS.values())), shown)
    assert choice is not None
    assert choice.home is not None
    assert choice.home.line1 == line1


@pytest.mark.parametrize(
    "lead", ["el de", "la casa de", "la de la calle", "I'm calling about", "okay, the one at", "quiero ver"]
)
@pytest.mark.parametrize("number", ["1421", "1402", "142"])
def test_words_around_an_address_never_change_its_number(lead: str, number: str) -> None:
    elm = Property(property_id=1, line1="1420 Elm Street", city="Norman")
    with pytest.raises(WhichHome):
        choose_home(f"{lead} {number} Elm", Catalogue((elm,)), shown)


def test_home_that_is_not_offered_does_not_give_way_to_another_reading() -> None:
    """The words of a retired home are no words around another one."""
    retired = Property(property_id=1, line1="12 Casa de Oro Boulevard", city="Norman", status="inactive")
    other = Property(property_id=2, line1="14 Oro Street", city="Norman")
    with pytest.raises(HomeRetired):
        choose_home("la casa de oro", Catalogue((retired, other)), shown)
