"""Which names are one person's, and which texts are no names and no homes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.matching import Match, is_area, is_placeholder_home, is_placeholder_name, names_match

VERDICTS = {"same": Match.SAME, "diff": Match.DIFFERENT, "ask": Match.UNSURE}
GIVEN = ("Ana", "Ben", "Dolores", "Robert", "Zoë", "José", "Kathryn", "Mary-Ann")
FAMILY = ("Whitcomb", "Ruiz", "O'Brien", "Okafor", "Núñez", "De La Cruz", "Smith-Jones")


def pairs() -> list[tuple[Match, str, str]]:
    lines = Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.strip() and not line.startswith("#")]
    return [(VERDICTS[verdict.strip()], one.strip(), other.strip()) for verdict, one, other in rows]


PAIRS = pairs()


@pytest.mark.parametrize(("verdict", "one", "other"), PAIRS)
def test_pair_has_its_verdict_in_both_orders(verdict: Match, one: str, other: str) -> None:
    assert (names_match(one, other), names_match(other, one)) == (verdict, verdict)


def test_table_has_enough_pairs_of_each_kind() -> None:
    assert len(set(PAIRS)) == len(PAIRS) >= 80
    assert min(sum(verdict is match for verdict, _, _ in PAIRS) for match in Match) >= 20


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GIVEN), st.sampled_from(FAMILY), st.data())
def test_writing_a_name_otherwise_never_changes_whose_it_is(given_name: str, family: str, data: st.DataObject) -> None:
    name = f"{given_name} {family}"
    forms = (
        f"{family}, {given_name}",
        f"Ms. {name}",
        f"{given_name[0]}. {family}",
        f"my name is {name}",
        f"{name}.",
        name.replace("-", " "),
        name.replace("'", ""),
    )
    changed = data.draw(st.sampled_from((str.upper, str.lower, str.title)))(data.draw(st.sampled_from(forms)))
    assert names_match(name, changed) is Match.SAME


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(FAMILY),
    st.lists(st.sampled_from(("Ana", "Ben", "Dolores", "Ottilie")), min_size=2, max_size=2, unique=True),
)
def test_another_given_name_is_another_person(family: str, given_names: list[str]) -> None:
    one, other = given_names
    assert names_match(f"{one} {family}", f"{other} {family}") is Match.DIFFERENT


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=2000), st.text(max_size=2000))
def test_any_text_is_compared_alike_in_both_orders(one: str, other: str) -> None:
    assert names_match(one, other) is names_match(other, one)
    assert isinstance(is_placeholder_name(one), bool)
    assert isinstance(is_placeholder_home(one), bool)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "???", "—", "-", "[]", "{}", "TBD", "tbd.", "T.B.D.", "TBA", "N/A", "n / a", "n.a.", "NA"),
        *("null", "None", "undefined", "nan", "unknown", "Unknown", "unspecified", "not provided", "not specified"),
        *("to be determined", "to be confirmed", "not sure", "I don't know", "no preference", "xxx", "string"),
        *("any", "anything", "Any property", "any one", "any house you have", "whatever is available", "whichever"),
        *("it", "this one", "that one", "the one", "the first one", "the second one", "the last one", "the same one"),
        *("the property", "the apartment", "your listing", "a house", "home", "the place", "the unit", "My Home"),
        *("the two-bedroom one", "the two-bedroom", "2br", "the 2 bedroom 1 bath apartment", "a big house", "yes"),
        *("{{property}}", "{{ property.address }}", "{property_address}", "${home}", "[property]", "<property_address>"),
        *("[insert address]", "property_address", "propertyAddress", "PROPERTY ADDRESS", "%property%", "<%= home %>"),
        *("whatever you've got", "the listing I saw online", "apartment for rent", "la de dos recámaras", "any home in your portfolio"),
        *("[object Object]", "the property the caller is interested in", "TBD - caller will confirm", "the newest listing"),
        *("the apartment they called about", "the one I asked about", "la que pregunté", "the unit caller inquired about"),
        *("same as before", "the house on the sign", "lo que tengan"),
        *("address", "the address", "street address", "street name", "some street", "Unknown Rd", "the street"),
        *("la otra", "el otro", "la mía", "mi cita", "la visita", "la segunda", "my appointment", "the booking", "ours"),
        *("the caller", "customer", "user", "the caller's choice", "example", "sample address", "placeholder"),
        *("cualquiera", "cualquier casa", "la casa", "el apartamento", "la que sea", "lo que sea", "no sé", "ninguna"),
        *("desconocido", "por definir", "por confirmar", "la propiedad", "dirección", "mi casa", "sin especificar"),
    ],
)  # fmt: skip
def test_placeholder_home_is_recognised(text: str) -> None:
    assert is_placeholder_home(text)


@pytest.mark.parametrize(
    "text",
    [
        *("1420 Elm Street", "fourteen twenty", "Elm", "the one on Elm", "Norman", "the one in Norman", "Elm Street"),
        *("Any Street 5", "12 Unknown Rd", "1 Place", "First Street", "First", "the one on First", "the one on 5th"),
        *("Park Place", "Circle Drive", "Home Avenue", "North Street", "Court Street", "Center Street", "New Road"),
        *("apartment 2B", "Unit 5", "#3", "[Apt B]", "1420 Elm {{city}}", "{{number}} Elm Street", "the Gables"),
        *("Casa Blanca", "La Casa Grande", "Calle Ocho", "El Paso", "李家", "Maple Court Apartments", "the Elm house"),
        *("Anything Lane 5", "the 2 bedroom on Elm", "2 bed at 1420 Elm", "Las Casas Drive", "Broadway"),
    ],
)
def test_real_home_is_no_placeholder(text: str) -> None:
    assert is_placeholder_home(text) == (text == "First")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "???", "-", "TBD", "N/A", "n / a", "NA", "null", "None", "undefined", "unknown", "xxx"),
        *("the caller", "caller", "Caller", "the caller's name", "unknown caller", "WIRELESS CALLER", "Caller 1"),
        *("customer", "the customer", "client", "user", "User 12", "guest", "visitor", "attendee", "prospect", "lead"),
        *("my name", "your name", "name", "first name", "First Last", "full name", "[name]", "<name>", "{{name}}"),
        *("{{ customer.name }}", "attendee_name", "attendeeName", "<attendee_name>", "[Insert Name Here]", "string"),
        *("me", "it's me", "him", "someone", "anyone", "anybody", "any", "nada", "not provided", "not given"),
        *("Mr.", "Sir", "Mrs", "ma'am", "señor", "anonymous", "Anonymous Caller", "private", "+14055550100"),
        *("Prospective Tenant", "new client", "Interested party", "Caller (unknown)", "same as before", "yes", "hello"),
        *("the person calling", "person on the phone", "assistant", "nombre", "mi nombre", "el cliente", "cliente"),
        *("la persona que llama", "quien llama", "el que llama", "desconocido", "usuario", "sin nombre", "anónimo"),
    ],
)  # fmt: skip
def test_placeholder_name_is_recognised(text: str) -> None:
    assert is_placeholder_name(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Dolores", "Dolores Whitcomb", "X", "Malcolm X", "Al", "Bo", "Jo Li", "Na", "Na Li", "Nil", "Nada", "Su Mi"),
        *("Any Gabrielly", "Any", "Jennifer Null", "Christopher Guest", "Grace Lead", "John Doe", "Mr. Whitcomb"),
        *("{{title}} Whitcomb", "An Do", "To", "Mi Su", "Will", "Ada Test", "Señora Ruiz", "李娜", "Анна", "Del"),
        *("Una Stubbs", "Person Ruiz", "Caller Whitcomb", "Y Lan", "Sir Ian", "Lo", "Don"),
    ],
)
def test_real_name_is_no_placeholder(text: str) -> None:
    assert not is_placeholder_name(text)


def test_initials_in_another_order_are_compared_alike() -> None:
    assert names_match("A B C", "A C A") is names_match("A C A", "A B C")


def test_part_of_town_is_no_home() -> None:
    assert all(map(is_area, ("somewhere in Norman", "anything near Main Street", "Algo en Moore", "Anywhere on Elm")))
    assert not any(map(is_area, ("12 Anywhere Lane", "Anywhere", "Somewhere Lane", "anything on 1420 Elm", "1420 Elm")))
