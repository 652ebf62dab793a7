"""Calls to a line that books for several agents."""

from __future__ import annotations

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.services import Services
from tests.proxy import Proxy
from tests.voice.homes import add_home
from tests.voice.phone import BEN, BOYD, ELM, Clock, Phone, book, register_agents, services_on, webhook

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
MONDAY = "tomorrow, Monday the twenty-third,"


def share(services: Services, *members: str, choice: str = "first_free", holder: str = "ana") -> None:
    """Let a line book for these agents."""
    seen = services.shared_lines.sharing(holder, ADMIN).updated_at
    services.shared_lines.share(holder, members, choice, ADMIN, seen=seen)  # type: ignore[arg-type]


def hours(database: Database, agent_id: str, opens: str, closes: str) -> None:
    """Let an agent work from Monday to Friday between two times."""
    database.fetch(
        "UPDATE agent_hours SET opens_at = %s, closes_at = %s WHERE agent_id = %s", (opens, closes, agent_id)
    )


def viewings(database: Database) -> list[tuple[str, str, str]]:
    """Return agent, start and status of all viewings, in the order of their booking."""
    rows = database.fetch(
        """
        SELECT agent_id, to_char(start_time AT TIME ZONE 'America/Chicago', 'DD HH24:MI') AS start, status
        FROM appointments ORDER BY id
        """
    )
    return [(row["agent_id"], row["start"], row["status"]) for row in rows]


def busy_all_day(database: Database, agent_id: str) -> None:
    """Block an agent's Monday."""
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES (%s, '[2026-11-23 00:00-06, 2026-11-24 00:00-06)')",
        [agent_id],
    )


def next_caller(phone: Phone, number: int) -> None:
    phone.number, phone.call_id = f"+1555014{number:04}", f"call-{number}"


def test_times_of_all_agents_are_offered_as_one(phone: Phone, services: Services, database: Database) -> None:
    hours(database, "ana", "09:00", "10:00")
    hours(database, "ben", "14:00", "15:00")
    share(services, "ana", "ben")
    heard = phone.say("get_availability", {"date": "tomorrow"})
    assert heard == f"I have {MONDAY} at nine AM or two PM. Which would you like?"


def test_first_free_agent_is_booked_and_named(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben", "ana")
    assert book(phone) == (
        f"You're booked to see 1420 Elm Street, Norman, Oklahoma with Ben Okoro, {MONDAY} at three PM."
    )
    next_caller(phone, 2)
    assert "with Ana Reyes," in book(phone)
    next_caller(phone, 3)
    assert book(phone).startswith(f"I'm sorry, {MONDAY} at three PM, is taken. The nearest I have that day:")
    assert viewings(database) == [("ben", "23 15:00", "confirmed"), ("ana", "23 15:00", "confirmed")]


def test_agents_take_turns(phone: Phone, services: Services, database: Database) -> None:
    """The clock stands still: turns have an order even so."""
    share(services, "ana", "ben", choice="round_robin")
    for number, hour in enumerate((9, 10, 11, 12, 13, 14)):
        next_caller(phone, number)
        assert "You're booked" in book(phone, f"tomorrow at {hour}:00")
    assert [agent for agent, _, _ in viewings(database)] == ["ana", "ben"] * 3


def test_holder_is_booked_only_as_a_member(phone: Phone, services: Services, database: Database) -> None:
    hours(database, "ana", "09:00", "17:00")
    hours(database, "ben", "14:00", "15:00")
    share(services, "ben")
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith(f"I have {MONDAY} at two PM. Which")
    assert book(phone, "tomorrow at 10 am").startswith("The first viewing starts at two PM")
    assert "with Ben Okoro" in book(phone, "tomorrow at 2 pm")
    assert viewings(database) == [("ben", "23 14:00", "confirmed")]


def test_members_own_line_knows_what_was_booked(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben")
    book(phone)
    next_caller(phone, 2)
    phone.assistant_id = BEN
    assert book(phone).startswith(f"I'm sorry, {MONDAY} at three PM, is taken.")
    assert viewings(database) == [("ben", "23 15:00", "confirmed")]


def test_own_viewings_with_any_agent_are_found(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben", "ana")
    book(phone)
    busy_all_day(database, "ben")
    phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"})
    phone.call_id = "another"
    assert phone.say("find_appointment", {"attendee_name": "Dolores"}) == (
        f"You have a viewing of 1420 Elm Street, Norman, Oklahoma with Ben Okoro, {MONDAY} at three PM, "
        f"and of 33 Boyd Street with Ana Reyes, {MONDAY} at four PM."
    )
    assert "Elm Street, Norman, Oklahoma with Ben Okoro" in phone.say(
        "cancel_appointment", {"property_address": "1420 Elm"}
    )
    assert viewings(database)[0] == ("ben", "23 15:00", "cancelled")


def test_moved_viewing_keeps_its_agent(phone: Phone, services: Services, database: Database) -> None:
    hours(database, "ben", "14:00", "17:00")
    share(services, "ben", "ana")
    book(phone)
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"}) == (
        f"Your viewing of 1420 Elm Street, Norman, Oklahoma with Ben Okoro is now {MONDAY} at four PM."
    )
    assert viewings(database) == [("ben", "23 16:00", "confirmed")]


def test_viewing_is_moved_to_another_agent_if_its_own_is_not_free(
    phone: Phone, services: Services, database: Database
) -> None:
    hours(database, "ben", "14:00", "17:00")
    database.fetch("UPDATE agents SET slot_minutes = 60, buffer_minutes = 15 WHERE agent_id = 'ana'")
    share(services, "ben", "ana", choice="round_robin")
    book(phone)
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow at 10 am"}, "same") == (
        f"Your viewing of 1420 Elm Street, Norman, Oklahoma with Ana Reyes is now {MONDAY} at ten AM."
    )
    assert "with Ana Reyes is now" in phone.say("reschedule_appointment", {"start_time": "tomorrow at 10 am"}, "same")
    assert viewings(database) == [("ana", "23 10:00", "confirmed")]
    (stored,) = database.fetch(
        "SELECT end_time - start_time AS length, blocked_until - end_time AS buffer, sequence FROM appointments"
    )
    assert (stored["length"].seconds, stored["buffer"].seconds, stored["sequence"]) == (3600, 900, 1)
    events = database.fetch("SELECT kind, actor, changes FROM appointment_events ORDER BY event_id")
    assert events[1] == {
        "kind": "moved",
        "actor": "phone",
        "changes": {"agent": ["Ben Okoro", "Ana Reyes"], "agent_id": ["ben", "ana"]},
    }
    assert len(events) == 2
    turns = database.fetch("SELECT agent_id FROM line_members ORDER BY last_booked_at DESC")
    assert [row["agent_id"] for row in turns] == ["ana", "ben"]
    assert "with Ana Reyes" in phone.say("find_appointment", {"attendee_name": "Dolores"})


def test_both_agents_are_told_of_a_viewing_that_changes_hands(
    phone: Phone, services: Services, database: Database
) -> None:
    """Their calendars are written again, too; tests of edits show how."""
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'x@example.com', FALSE)")
    database.fetch(
        "INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'ana@example.com'), ('ben', 'ben@example.com')"
    )
    hours(database, "ben", "14:00", "17:00")
    share(services, "ben", "ana")
    book(phone)
    database.fetch("DELETE FROM notices")
    phone.say("reschedule_appointment", {"start_time": "tomorrow at 10 am"})
    told = database.fetch("SELECT agent_id, kind, recipient FROM notices WHERE audience = 'agent' ORDER BY agent_id")
    assert [(row["agent_id"], row["kind"], row["recipient"]) for row in told] == [
        ("ana", "agent_booked", "ana@example.com"),
        ("ben", "agent_reassigned", "ben@example.com"),
    ]


def test_repetitions_are_one_viewing_across_agents(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ana", "ben", choice="round_robin")
    first = book(phone, tool_call_id="same")
    assert book(phone, tool_call_id="same") == first
    assert book(phone) == first
    phone.call_id = "another"
    assert book(phone) == first
    assert book(phone, "tomorrow at 4 pm").startswith(
        "You already have a viewing of 1420 Elm Street, Norman, Oklahoma with Ana"
    )
    assert viewings(database) == [("ana", "23 15:00", "confirmed")]


def test_inactive_member_is_left_out(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben", "ana")
    book(phone)
    services.agents.set_active("ben", ADMIN, active=False)
    next_caller(phone, 2)
    assert "with Ana Reyes" in book(phone, "tomorrow at 10 am")
    share(services, "ben")
    assert phone.say("get_availability").startswith("I'm sorry, viewings are not being booked")
    phone.number, phone.call_id = "+15550142100", "call-9"
    assert phone.say("reschedule_appointment", ELM | {"start_time": "tomorrow at 4 pm"}).startswith(
        "I'm sorry, viewings are not being booked"
    )
    share(services, "ben", "ana")
    assert "with Ana Reyes is now" in phone.say("reschedule_appointment", ELM | {"start_time": "tomorrow at 3:30 pm"})
    assert "is cancelled" in phone.say("cancel_appointment", ELM)
    assert viewings(database) == [("ana", "23 15:30", "cancelled"), ("ana", "23 10:00", "confirmed")]


def test_viewings_of_who_left_the_line_are_found(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben")
    book(phone)
    share(services, "ana")
    phone.call_id = "another"
    assert "with Ben Okoro" in phone.say("find_appointment", {"attendee_name": "Dolores"})
    assert "with Ben Okoro is now" in phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"})
    assert phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"}) == (
        f"You're booked to see 33 Boyd Street, {MONDAY} at four PM."
    )
    assert viewings(database) == [("ben", "23 16:00", "confirmed"), ("ana", "23 16:00", "confirmed")]


def test_times_are_said_in_the_holders_zone(phone: Phone, services: Services, database: Database) -> None:
    database.fetch("UPDATE agents SET time_zone = 'America/New_York' WHERE agent_id = 'ben'")
    share(services, "ben")
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith(
        f"I have {MONDAY} at eight AM, ten AM or noon."
    )
    assert book(phone, "tomorrow at 8 am").endswith(f"with Ben Okoro, {MONDAY} at eight AM.")
    assert phone.say("find_appointment", ELM).endswith(f"{MONDAY} at eight AM.")
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"}).startswith(
        "The last viewing starts at three thirty PM"
    )
    assert viewings(database) == [("ben", "23 08:00", "confirmed")]


def test_buffer_and_length_are_those_of_who_is_booked(phone: Phone, services: Services, database: Database) -> None:
    database.fetch("UPDATE agents SET slot_minutes = 60, buffer_minutes = 15 WHERE agent_id = 'ben'")
    share(services, "ben", "ana")
    book(phone)
    rows = database.fetch(
        "SELECT end_time - start_time AS length, blocked_until - end_time AS buffer FROM appointments"
    )
    assert [(row["length"].seconds, row["buffer"].seconds) for row in rows] == [(3600, 900)]
    phone.say("reschedule_appointment", {"start_time": "tomorrow at 10 am"})
    rows = database.fetch(
        "SELECT end_time - start_time AS length, blocked_until - end_time AS buffer FROM appointments"
    )
    assert [(row["length"].seconds, row["buffer"].seconds) for row in rows] == [(3600, 900)]


def stale_calendar(database: Database, agent_id: str, age: str = "2 days") -> None:
    """Connect a calendar that was read too long ago, and cannot be read again."""
    database.fetch(
        """
        WITH account AS (
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials, retry_at)
            VALUES (%(id)s, 'ics', 'Feed', '{}', now() + INTERVAL '1 day')
            RETURNING account_id
        )
        INSERT INTO calendars (account_id, agent_id, remote_id, name, blocks, read_at, read_whole_at, read_until)
        SELECT account_id, %(id)s, 'feed', 'Feed', TRUE, now() - %(age)s::interval, now(), '2027-12-31'
        FROM account
        """,
        {"id": agent_id, "age": age},
    )


def test_stale_calendar_leaves_an_agent_out(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben", "ana")
    book(phone)
    stale_calendar(database, "ben")
    next_caller(phone, 2)
    assert "with Ana Reyes" in book(phone, "tomorrow at 10 am")
    stale_calendar(database, "ana")
    for tool in ("get_availability", "set_appointment"):
        next_caller(phone, 3 if tool == "get_availability" else 4)
        assert phone.say(tool, ELM | {"start_time": "tomorrow at 11 am"}).startswith(
            "I'm sorry, I can't reach the calendar just now"
        )
    rows = database.fetch("SELECT agent_id, is_urgent, body FROM messages")
    assert [(row["agent_id"], row["is_urgent"]) for row in rows] == [("ana", True), ("ana", True)]
    assert rows[0]["body"].endswith(
        "The calendars of this line's agents could not be read, so no time was offered or booked."
    )
    assert len(viewings(database)) == 2


def test_viewing_with_a_stale_calendar_is_moved_to_another_agent(
    phone: Phone, services: Services, database: Database
) -> None:
    share(services, "ben", "ana")
    book(phone)
    stale_calendar(database, "ben")
    assert "with Ana Reyes is now" in phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"})
    stale_calendar(database, "ana")
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow at 2 pm"}).startswith(
        "I'm sorry, I can't reach"
    )
    assert viewings(database) == [("ana", "23 16:00", "confirmed")]
    assert database.fetch("SELECT agent_id FROM messages") == [{"agent_id": "ana"}]


def test_calls_and_tool_calls_are_the_holders(phone: Phone, services: Services, database: Database) -> None:
    share(services, "ben")
    book(phone)
    assert database.fetch("SELECT agent_id FROM tool_calls UNION ALL SELECT agent_id FROM calls") == [
        {"agent_id": "ana"},
        {"agent_id": "ana"},
    ]
    services.agents.set_active("ana", ADMIN, active=False)
    next_caller(phone, 2)
    assert book(phone).startswith("I'm sorry, viewings are not being booked on this line")


def test_spanish_line_names_the_agent(phone: Phone, services: Services, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es' WHERE agent_id = 'ana'")
    share(services, "ben")
    assert "1420 Elm Street, Norman, Oklahoma con Ben Okoro, " in book(phone)
    assert "con Ben Okoro es ahora" in phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"})


def test_phrases_are_understood_as_on_the_phone(services: Services, database: Database) -> None:
    hours(database, "ana", "09:00", "10:00")
    hours(database, "ben", "14:00", "15:00")
    share(services, "ben")
    understanding, agent = services.appointments.understand("tomorrow at two", "ana", ADMIN)
    assert agent.agent_id == "ana"
    assert understanding.outcome.appointment.agent_id == "ben"  # type: ignore[union-attr]


@pytest.mark.parametrize("warm_up", [0, 8], ids=["first time", "statements prepared"])
def test_round_trips_stay_two(database_url: str, clock: Clock, warm_up: int) -> None:
    with Proxy(database_url) as proxy:
        database = Database(proxy.url, pool_size=1)
        register_agents(database)
        services = services_on(database, clock)
        share(services, "ana", "ben", choice="round_robin")
        phone = Phone(webhook(services, clock))
        for turn in range(warm_up):
            next_caller(phone, turn)
            book(phone, f"tomorrow at {9 + turn // 2}:{turn % 2 * 30:02}")
            phone.say("get_availability", {"date": "tomorrow"})
        next_caller(phone, 99)
        for tool, arguments, heard in (
            ("get_availability", {"date": "tomorrow"}, "I have"),
            ("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, "You're booked"),
            ("reschedule_appointment", {"start_time": "tomorrow 4 pm"}, "Your viewing"),
            ("find_appointment", {"attendee_name": "Dolores"}, "You have a viewing"),
            ("cancel_appointment", {}, "Your viewing"),
        ):
            with proxy.counting() as turns:
                assert phone.say(tool, arguments).startswith(heard)
            assert turns == [2], tool
        database.close()


# --- homes of the catalogue ------------------------------------------------------------------------------------------


def test_home_is_booked_with_an_agent_who_shows_it(phone: Phone, services: Services, database: Database) -> None:
    hours(database, "ben", "14:00", "17:00")
    add_home(database, "1420 Elm Street", shown_by="ben", showing_minutes=60)
    share(services, "ana", "ben")
    heard = phone.say("get_availability", {"property_address": "1420 Elm", "date": "tomorrow"})
    assert heard == f"For 1420 Elm Street, I have {MONDAY} at two PM or four PM. Which would you like?"
    assert book(phone, property_address="1420 Elm Street") == (
        f"You're booked to see 1420 Elm Street with Ben Okoro, {MONDAY} at three PM."
    )
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow at 10 am"}).startswith(
        "The first viewing starts at two PM"
    )
    assert "with Ben Okoro is now" in phone.say("reschedule_appointment", {"start_time": "tomorrow at 4 pm"})
    assert viewings(database) == [("ben", "23 16:00", "confirmed")]
    (row,) = database.fetch("SELECT end_time - start_time AS length FROM appointments")
    assert row["length"].seconds == 3600


def test_home_that_nobody_of_the_line_shows_is_a_colleagues(
    phone: Phone, services: Services, database: Database
) -> None:
    add_home(database, "1420 Elm Street", shown_by="ana")
    share(services, "ben")
    assert "colleague" in book(phone, property_address="1420 Elm Street")
    assert viewings(database) == []


def test_viewings_of_a_home_do_not_overlap_whoever_shows_it(
    phone: Phone, services: Services, database: Database
) -> None:
    add_home(database, "1420 Elm Street")
    add_home(database, "33 Boyd Street")
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    share(services, "ana", "ben")
    assert "with Ana Reyes" in book(phone, property_address="1420 Elm Street")
    next_caller(phone, 2)
    assert book(phone, property_address="1420 Elm Street").startswith(f"I'm sorry, {MONDAY} at three PM, is taken.")
    assert "with Ben Okoro" in book(phone, property_address="33 Boyd Street")
    assert viewings(database) == [("ana", "23 15:00", "confirmed"), ("ben", "23 15:00", "confirmed")]


def test_own_viewing_is_found_by_any_name_of_the_home(phone: Phone, services: Services, database: Database) -> None:
    add_home(database, "1420 Elm Street", said_as=("The Gables",))
    share(services, "ben", "ana")
    book(phone, property_address="The Gables")
    phone.call_id = "another"
    assert book(phone, "tomorrow at 4 pm", property_address="1420 Elm St").startswith("You already have a viewing")
    assert "is now" in phone.say(
        "reschedule_appointment", {"start_time": "tomorrow at 4 pm", "property_address": "the gables"}
    )
    assert viewings(database) == [("ben", "23 16:00", "confirmed")]
