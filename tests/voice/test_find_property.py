"""The tool find_property: which homes there are, by bedrooms, rent and area."""

from __future__ import annotations

from datetime import date

import pytest

from peterental.database.pool import Database
from peterental.properties.search import home_search
from tests.voice.homes import add_home
from tests.voice.phone import BEN, Phone

EVERY = "1420 Elm Street, Unit 2B, two bedrooms, 1,200 dollars a month"


@pytest.fixture
def homes(database: Database, phone: Phone) -> None:
    """Five homes; one only Ben shows, one is retired."""
    assert phone
    add_home(database, "1420 Elm Street", "2B", bedrooms=2, rent=1200)
    add_home(database, "33 Boyd Street", bedrooms=2, rent=1450)
    add_home(database, "9 Porter Avenue", bedrooms=0, rent=800, city="Moore")
    add_home(database, "77 Oak Court", bedrooms=3, rent=2000, shown_by="ben")
    add_home(database, "5 Flood Avenue", bedrooms=3, rent=900, status="inactive")


@pytest.mark.usefixtures("homes")
@pytest.mark.parametrize(
    ("wish", "heard"),
    [
        (
            {"bedrooms": "two"},
            f"I have {EVERY}; 33 Boyd Street, two bedrooms, 1,450 dollars a month. Which would you like to see?",
        ),
        ({"bedrooms": "2BR", "max_rent": "$1,300"}, f"I have {EVERY}. Which would you like to see?"),
        (
            {"bedrooms": "studio"},
            "I have 9 Porter Avenue, a studio, 800 dollars a month. Which would you like to see?",
        ),
        (
            {"area": "Moore"},
            "I have 9 Porter Avenue, a studio, 800 dollars a month. Which would you like to see?",
        ),
        (
            {"area": "Elm Street with pets"},
            f"I don't know about pets; the agent can tell you. I have {EVERY}. Which would you like to see?",
        ),
        (
            {"bedrooms": "five", "max_rent": "five hundred"},
            (
                "I have nothing like that. The nearest I have: 9 Porter Avenue, a studio, 800 dollars a month;"
                f" {EVERY}; 33 Boyd Street, two bedrooms, 1,450 dollars a month."
                " Would you like to see one of them?"
            ),
        ),
    ],
)
def test_homes_are_named_by_what_is_asked_for(phone: Phone, wish: dict[str, object], heard: str) -> None:
    assert phone.say("find_property", wish) == heard


@pytest.mark.usefixtures("homes")
def test_more_than_three_homes_are_counted(phone: Phone, database: Database) -> None:
    add_home(database, "100 Main Street", rent=3000)
    add_home(database, "102 Main Street", rent=3100)
    assert "; and two more. Which would you like to see?" in phone.say("find_property")


@pytest.mark.usefixtures("homes")
def test_each_agent_names_its_own_homes(phone: Phone) -> None:
    assert "Oak" not in phone.say("find_property", {"bedrooms": "three"})
    phone.assistant_id = BEN
    assert phone.say("find_property", {"bedrooms": 3}).startswith("I have 77 Oak Court, three bedrooms, 2,000 dollars")


def test_later_home_is_named_with_its_day(phone: Phone, database: Database) -> None:
    add_home(database, "1420 Elm Street")
    database.fetch("UPDATE properties SET available_on = %s", [date(2027, 1, 15)])
    heard = "I have 1420 Elm Street, available from Friday, January fifteenth, twenty twenty-seven."
    assert phone.say("find_property").startswith(heard)


def test_office_without_a_list_asks_for_the_address(phone: Phone) -> None:
    assert phone.say("find_property").startswith("I don't have a list of homes here.")


@pytest.mark.usefixtures("homes")
def test_spanish(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    assert phone.say("find_property", {"bedrooms": "dos", "max_rent": "mil trescientos", "area": "con mascotas"}) == (
        "De mascotas no sé nada; el agente se lo puede decir. Tengo 1420 Elm Street, unidad 2B, dos dormitorios,"
        " 1200 dólares al mes. ¿Cuál le gustaría ver?"
    )
    assert phone.say("find_property", {"bedrooms": "nueve"}).startswith("No tengo nada así. Lo más parecido")


@pytest.mark.usefixtures("homes")
def test_inactive_and_unknown_agents(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ana'")
    assert "not being booked on this line" in phone.say("find_property")
    phone.assistant_id = "nobody"
    assert "not connected to a calendar" in phone.say("find_property")


@pytest.mark.parametrize(
    ("said", "bedrooms", "or_more"),
    [
        ("two", 2, False),
        ("2BR", 2, False),
        ("two-bedroom", 2, False),
        (2, 2, False),
        (2.0, 2, False),
        ("a studio", 0, False),
        ("un estudio", 0, False),
        ("at least three", 3, True),
        ("2 or more bedrooms", 2, True),
        ("3+", 3, True),
        ("dos", 2, False),
        ("al menos tres", 3, True),
        ("three bed two bath", 3, False),
        ("big", None, False),
        ("999", None, False),
        (True, None, False),
        ({"min": 2}, None, False),
        (None, None, False),
    ],
)
def test_bedrooms_are_understood(said: object, bedrooms: int | None, or_more: bool) -> None:  # noqa: FBT001  # a column
    found = home_search(said, None, None)
    assert (found.bedrooms, found.or_more) == (bedrooms, or_more)


@pytest.mark.parametrize(
    ("said", "rent"),
    [
        ("fifteen hundred", 1500),
        ("$1,500", 1500),
        ("under 1500 a month", 1500),
        ("1.5k", 1500),
        ("1,500.00", 1500),
        ("1.500", 1500),
        ("two thousand", 2000),
        ("two grand", 2000),
        ("twelve fifty", 1250),
        ("twelve hundred fifty", 1250),
        ("eighteen hundred and fifty", 1850),
        ("mil quinientos", 1500),
        ("dos mil", 2000),
        (1500, 1500),
        ("cheap", None),
        ("7", None),
        ("99999999999999999999", None),
        (["1500"], None),
    ],
)
def test_rent_is_understood(said: object, rent: int | None) -> None:
    assert home_search(None, said, None).max_rent == rent


@pytest.mark.parametrize(
    ("said", "area", "not_known"),
    [
        ("Norman", "norman", ()),
        ("near Porter Avenue", "porter avenue", ()),
        ("anywhere", None, ()),
        ("pets allowed", None, ("pets",)),
        ("Norman with parking and a pool", "norman", ("parking", "pool")),
        ("", None, ()),
        (7, "7", ()),
    ],
)
def test_area_is_understood(said: object, area: str | None, not_known: tuple[str, ...]) -> None:
    found = home_search(None, None, said)
    assert (found.area, found.not_known) == (area, not_known)
