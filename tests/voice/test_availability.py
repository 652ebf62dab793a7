"""Free times offered by get_availability, for the many ways in which callers ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.voice.phone import (
    BOYD,
    Clock,
    Phone,
    book,
)

if TYPE_CHECKING:
    from peterental.database.pool import Database


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ({}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ({"time_of_day": "afternoon"}, "I have tomorrow, Monday the twenty-third, at noon, or Tuesday the twenty-fourth at noon, or Wednesday the twenty-fifth at noon. Which would you like?"),
        ({"date": "tomorrow", "time_of_day": "morning"}, "I have tomorrow, Monday the twenty-third, at nine AM or eleven AM. Which would you like?"),
        ({"date": "2026-11-24T14:00:00", "time_of_day": "3 pm"}, "I have Tuesday the twenty-fourth at two thirty PM, three PM or three thirty PM. Which would you like?"),
        ({"time_of_day": "3 pm"}, "I have tomorrow, Monday the twenty-third, at three PM, or Tuesday the twenty-fourth at three PM, or Wednesday the twenty-fifth at three PM. Which would you like?"),
        ({"date": "Saturday"}, "I have nothing free on Saturday the twenty-eighth. The nearest I have: Friday the twenty-seventh at three thirty PM, four PM or four thirty PM."),
        ({"date": "tomorrow", "time_of_day": "evening"}, "I have nothing free tomorrow, Monday the twenty-third, in the evening; the latest is four thirty PM. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
        ({"date": "next week"}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ({"date": "the weekend"}, "I have nothing free today, Sunday the twenty-second, or from Saturday the twenty-eighth to Sunday the twenty-ninth. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ({"date": "tomorrow afternoon"}, "I have tomorrow, Monday the twenty-third, at noon, two PM or four PM. Which would you like?"),
        ({"date": "March first"}, "Monday, March first, twenty twenty-seven, is too far ahead: viewings can be booked fourteen days ahead at most. The nearest I have: Friday, December fourth, at three thirty PM, four PM or four thirty PM."),
        ({"date": "blue"}, "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
        ({"date": ["tomorrow"], "time_of_day": 3}, "I have tomorrow, Monday the twenty-third, at two thirty PM, three PM or three thirty PM. Which would you like?"),
        ({"date": "2023-11-24"}, "I have Tuesday the twenty-fourth at nine AM, noon or two PM. Which would you like?"),
        ({"date": ""}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ("not an object", "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
    ],
)  # fmt: skip
def test_free_times_match_the_requested_period(phone: Phone, arguments: object, heard: str) -> None:
    assert phone.say("get_availability", arguments) == heard


def test_offered_times_are_stored_with_tool_call(phone: Phone, database: Database) -> None:
    phone.say("get_availability", {"date": "tomorrow"})
    (row,) = database.fetch("SELECT offered::text[], outcome, duration_ms > 0 AS timed FROM tool_calls")
    assert row["offered"] == ["2026-11-23 15:00:00+00", "2026-11-23 18:00:00+00", "2026-11-23 20:00:00+00"]
    assert (row["outcome"], row["timed"]) == ("answered", True)


def test_agent_without_hours_offers_a_call_back(phone: Phone, database: Database) -> None:
    database.fetch("DELETE FROM agent_hours")
    assert phone.say("get_availability") == ("I have nothing free then. Shall I take a message?")


def test_unavailable_times_are_not_offered(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET buffer_minutes = 15, daily_cap = 2 WHERE agent_id = 'ana'")
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 15:10Z, 2026-11-23 20:00Z)')")
    database.fetch("INSERT INTO agent_days (agent_id, day) VALUES ('ana', '2026-11-24')")
    database.fetch(
        "INSERT INTO agent_days (agent_id, day, opens_at, closes_at) VALUES ('ana', '2026-11-25', '20:00', '24:00')"
    )
    assert phone.say("get_availability", {"date": "tomorrow", "time_of_day": "morning"}).startswith(
        "I have nothing free"
    )
    book(phone)
    assert "two PM or four PM" in phone.say("get_availability", {"date": "tomorrow"})
    assert phone.say("get_availability", {"date": "Tuesday"}).startswith("Ana Reyes is not available on Tuesday")
    assert "eight PM or ten PM" in phone.say("get_availability", {"date": "Wednesday"})
    phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4:30 pm"})
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have nothing free tomorrow")
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone, "tomorrow 2 pm").startswith("There is no room for more viewings tomorrow,")


THE_WEEK_AFTER = "Monday the thirtieth at three PM, or Tuesday, December first, at three PM, or Wednesday, December second, at three PM"  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [{"date": "next week", "time_of_day": "3 pm"}, {"date": "next week at 3 pm"}], ids=repr
)
def test_hour_next_week_is_offered_next_week(phone: Phone, clock: Clock, arguments: object) -> None:
    clock.forward(days=1)
    assert phone.say("get_availability", arguments) == f"I have {THE_WEEK_AFTER}. Which would you like?"


def test_full_week_offers_nearest_times(phone: Phone) -> None:
    assert phone.say("get_availability", {"date": "next weekend"}) == (
        "I have nothing free from Saturday the twenty-eighth to Sunday the twenty-ninth. The nearest I have: "
        "Friday the twenty-seventh at three thirty PM, four PM or four thirty PM."
    )


@pytest.mark.parametrize("hours", ["2-4 pm", "2 to 4", "14:00 \N{EN DASH} 16:00", "2pm-4pm"])
def test_hour_range_is_not_minutes_to_the_hour(phone: Phone, hours: str) -> None:
    assert phone.say("get_availability", {"date": "tomorrow", "time_of_day": hours}) == (
        "I have tomorrow, Monday the twenty-third, at two PM or three PM. Which would you like?"
    )
