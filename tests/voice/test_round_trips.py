"""Round trips to the database per tool call, counted by a proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peterental.database.pool import Database
from tests.proxy import Proxy
from tests.voice.homes import add_home
from tests.voice.phone import Clock, Phone, register_agents, services_on, webhook

ELM = {"property_address": "1420 Elm Street", "attendee_name": "Dolores Whitcomb"}
WARM_UP = 8
"""Calls after which psycopg has prepared the statements."""


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A counting proxy in front of the test's database."""
    with Proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def caller(proxy: Proxy, clock: Clock) -> Iterator[Phone]:
    """A call whose webhook reaches the database through the proxy."""
    database = Database(proxy.url, pool_size=1)
    register_agents(database)
    yield Phone(webhook(services_on(database, clock), clock))
    database.close()


@pytest.mark.parametrize("warm_up", [0, WARM_UP], ids=["first time", "statements prepared"])
def test_availability_takes_two_round_trips(proxy: Proxy, caller: Phone, warm_up: int) -> None:
    for _ in range(warm_up):
        caller.say("get_availability", {"date": "tomorrow"})
    with proxy.counting() as turns:
        assert "nine AM" in caller.say("get_availability", {"date": "tomorrow"})
    assert turns == [2]


def test_search_that_refers_back_reads_what_was_offered(proxy: Proxy, caller: Phone) -> None:
    caller.say("get_availability", {"date": "tomorrow"})
    with proxy.counting() as turns:
        assert "tomorrow" in caller.say("get_availability", {"time_of_day": "afternoon"})
    assert turns == [3]


@pytest.mark.parametrize("warm_up", [0, WARM_UP], ids=["first time", "statements prepared"])
def test_booking_takes_two_round_trips(proxy: Proxy, caller: Phone, warm_up: int) -> None:
    for turn in range(warm_up):
        caller.number = f"+1555014{turn:04}"
        caller.say("set_appointment", ELM | {"start_time": f"2026-11-23T{9 + turn // 2:02}:{turn % 2 * 30:02}:00"})
    caller.number = "+15550149999"
    with proxy.counting() as turns:
        assert caller.say("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}).startswith("You're booked")
    assert turns == [2]


def test_every_other_tool_takes_two_round_trips(proxy: Proxy, caller: Phone) -> None:
    caller.say("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, "same")
    for tool, arguments, tool_call_id, heard in (
        ("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, "same", "You're booked"),
        ("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, "another", "You're booked"),
        ("set_appointment", ELM | {"start_time": "tomorrow 3:10 pm"}, None, "You already have"),
        ("reschedule_appointment", {"start_time": "tomorrow 4 pm"}, None, "Your viewing"),
        ("find_appointment", {"attendee_name": "Dolores"}, None, "You have a viewing"),
        ("cancel_appointment", {}, None, "Your viewing"),
        ("take_message", {"message": "Are cats fine?"}, None, "I've noted"),
    ):
        with proxy.counting() as turns:
            assert caller.say(tool, arguments, tool_call_id).startswith(heard)
        assert turns == [2], tool


def test_homes_are_read_in_the_same_round_trips(proxy: Proxy, caller: Phone, database: Database) -> None:
    add_home(database, "1420 Elm Street")
    add_home(database, "77 Oak Street")
    add_home(database, "77 Oak Court")
    elm = {"property_address": "fourteen twenty elm"}
    for tool, arguments, heard in (
        ("get_availability", elm | {"date": "tomorrow"}, "For 1420 Elm Street"),
        ("get_availability", {"property_address": "77 Oak"}, "Do you mean"),
        ("set_appointment", elm | {"attendee_name": "Dolores", "start_time": "tomorrow 3 pm"}, "You're booked"),
        ("reschedule_appointment", elm | {"start_time": "tomorrow 4 pm"}, "Your viewing"),
        ("find_appointment", elm, "You have a viewing"),
        ("find_property", {"area": "Elm"}, "I have 1420 Elm Street"),
        ("cancel_appointment", elm, "Your viewing"),
    ):
        with proxy.counting() as turns:
            assert caller.say(tool, arguments).startswith(heard)
        assert turns == [2], tool
