"""The waitlist knows homes: which one a caller waits for, when it may be viewed, and whether it is taken."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.appointments.manual.model import ExpectedState, ViewingEdit
from peterental.appointments.model import HomeTaken
from peterental.notices.waitlist.model import OfferEnded
from tests.conftest import PROJECT_DIR
from tests.notices.waitlist.conftest import HALF_HOUR, MONDAY_10AM, Office
from tests.voice.homes import add_home
from tests.voice.phone import BEN, Phone

ADMIN = Viewer(1, "office@example.com", is_admin=True)
ELEVEN = MONDAY_10AM + 2 * HALF_HOUR
MIA = {"attendee_name": "Mia Caller123"}


@pytest.fixture
def elm(office: Office) -> int:
    """1420 Elm Street, and other homes."""
    add_home(office.database, "33 Boyd Street")
    add_home(office.database, "1205 N Porter Avenue", "2B")
    add_home(office.database, "1205 N Porter Avenue", "3A")
    add_home(office.database, "5 Flood Avenue", status="inactive")
    add_home(office.database, "8 Gray Street", shown_by="ben")
    return add_home(office.database, "1420 Elm Street", said_as=("The Gables",))


@pytest.fixture
def one_at_a_time(office: Office) -> None:
    """The office wants that two viewings of one home do not overlap."""
    office.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")


def ask(phone: Phone, home: str, time_of_day: str = "morning") -> str:
    """Ask for a place on the waitlist for Monday, and return the sentence."""
    wish = MIA | {"property_address": home, "date": "Monday", "time_of_day": time_of_day}
    return phone.say("join_waitlist", wish)


def joined(office: Office, last_digits: int, home: str = "1420 Elm", **arguments: str) -> int:
    """Put a caller on the waitlist and return the entry."""
    assert office.join(last_digits, property_address=home, **arguments).startswith("You're on the waiting list")
    return int(office.entries()[-1]["entry_id"])


def open_hours(office: Office, home: int, opens: str, closes: str) -> None:
    """Let a home be shown at these hours only."""
    office.database.fetch("DELETE FROM property_windows WHERE property_id = %s", [home])
    office.database.fetch(
        "INSERT INTO property_windows SELECT %s, day, %s, %s FROM generate_series(1, 7) AS day", [home, opens, closes]
    )


def joined_at_ben(office: Office, last_digits: int, home: str = "1420 Elm") -> int:
    """Put a caller on the waitlist of Ben, who is busy that morning, and return the entry."""
    office.database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('ben', '[2026-11-23 08:00-06, 2026-11-23 13:00-06)')"
    )
    wish = {"property_address": home, "attendee_name": "Bo Diaz", "date": "Monday", "time_of_day": "morning"}
    said = office.caller(last_digits, line=BEN).say("join_waitlist", wish)
    assert said.startswith("You're on the waiting list to see 1420 Elm Street")
    office.database.fetch("DELETE FROM agent_busy WHERE agent_id = 'ben'")
    return int(office.entries()[-1]["entry_id"])


def stored_home(office: Office) -> tuple[object, ...]:
    """Return the home of the only viewing of a caller."""
    (viewing,) = office.viewings()
    return viewing["property_id"], viewing["property_address"], viewing["is_home_unknown"]


# --- joining ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["fourteen twenty elm", "the Gables", "1420 Elm St, Norman"])
def test_entry_keeps_the_home_and_the_words(office: Office, elm: int, words: str) -> None:
    said = office.join(123, property_address=words)
    assert said.startswith("You're on the waiting list to see 1420 Elm Street, tomorrow, Monday the twenty-third")
    (entry,) = office.entries()
    assert (entry["property_id"], entry["property_address"], entry["is_home_unknown"]) == (elm, words, False)
    (shown,) = office.services.waitlist.waiting(office.services.agents.get("ana", ADMIN))
    assert (shown.home, shown.home_problem) == ("1420 Elm Street", None)


@pytest.mark.usefixtures("elm")
def test_unclear_home_is_asked_about_as_for_a_booking(office: Office) -> None:
    phone = office.caller(123)
    assert ask(phone, "1205 Porter") == "At 1205 North Porter Avenue, do you mean unit 2B or unit 3A?"
    assert office.entries() == []
    assert ask(phone, "3A").startswith("You're on the waiting list to see 1205 North Porter Avenue, Unit 3A")
    found = office.database.fetch("SELECT unit FROM waitlist JOIN properties USING (property_id)")
    assert found == [{"unit": "3A"}]


@pytest.mark.usefixtures("elm")
def test_misheard_number_is_asked_about(office: Office) -> None:
    assert office.join(123, property_address="1402 Elm Street") == "Did you mean 1420 Elm Street?"
    assert office.entries() == []


@pytest.mark.usefixtures("elm")
def test_unknown_home_is_waited_for_and_booked_as_unknown(office: Office) -> None:
    question = "I don't find 9 Birch Lane in our list of homes. Is that the right address?"
    phone = office.caller(123)
    assert ask(phone, "9 Birch Lane") == question
    assert ask(phone, "9 Birch Lane").startswith("You're on the waiting list to see 9 Birch Lane")
    (entry,) = office.entries()
    assert (entry["property_id"], entry["is_home_unknown"]) == (None, True)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    viewing = office.services.waitlist.accept(entry["entry_id"])
    assert (viewing.home, viewing.is_home_unknown) == ("9 Birch Lane", True)
    assert stored_home(office) == (None, "9 Birch Lane", True)


@pytest.mark.usefixtures("elm")
@pytest.mark.parametrize(
    ("words", "heard"),
    [("5 Flood Avenue", "5 Flood Avenue is no longer available"), ("8 Gray Street", "Another colleague shows 8 Gray")],
)
def test_home_that_the_agent_cannot_show_is_not_waited_for(office: Office, words: str, heard: str) -> None:
    assert heard in office.join(123, property_address=words)
    assert office.entries() == []


@pytest.mark.usefixtures("elm")
def test_same_home_in_other_words_keeps_the_place(office: Office) -> None:
    joined(office, 123, "The Gables")
    ask(office.caller(123, call="another"), "1420 Elm", "12 pm")
    (entry,) = office.entries()
    assert entry["wanted"][-1].upper.minute == 1, "the new time besides"
    ask(office.caller(123, call="third"), "33 Boyd")
    assert len(office.entries()) == 2


def test_day_on_which_the_home_is_not_shown_is_not_waited_for(office: Office, elm: int) -> None:
    office.database.fetch("INSERT INTO property_windows VALUES (%s, 2, '09:00', '17:00')", [elm])
    assert office.join(123, property_address="1420 Elm").startswith("I have nothing free for 1420 Elm Street")
    assert office.entries() == []


def test_shared_line_waits_for_an_agent_who_shows_the_home(office: Office) -> None:
    add_home(office.database, "8 Gray Street", shown_by="ben")
    office.services.shared_lines.share("ana", ["ana", "ben"], "first_free", ADMIN, seen=None)
    office.database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('ben', '[2026-11-23 08:00-06, 2026-11-23 13:00-06)')"
    )
    joined(office, 123, "8 Gray Street")
    assert [entry["agent_id"] for entry in office.entries()] == ["ben"]


def test_wish_that_no_agent_of_the_line_can_fulfil_is_not_noted(office: Office) -> None:
    """The notice of one agent and the hours of another do not add up to an agent who can come."""
    add_home(office.database, "8 Gray Street")
    office.services.shared_lines.share("ana", ["ana", "ben"], "first_free", ADMIN, seen=None)
    office.database.fetch("DELETE FROM agent_hours WHERE agent_id = 'ana' AND weekday = 1")
    office.database.fetch("UPDATE agents SET notice_minutes = 3 * 24 * 60 WHERE agent_id = 'ben'")
    assert office.join(123, property_address="8 Gray Street").startswith("I have nothing free")
    assert office.entries() == []


# --- offers ----------------------------------------------------------------------------------------------------------


def test_time_outside_the_hours_of_the_home_is_not_offered(office: Office, elm: int) -> None:
    open_hours(office, elm, "11:00", "12:00")
    joined(office, 121)
    joined(office, 122, "33 Boyd")
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    assert office.states() == ["waiting", "offered"]
    office.cancel(ELEVEN)
    assert office.offer() == 1
    assert office.entries()[0]["offered_start"] == ELEVEN


def test_long_viewing_of_a_home_is_offered_only_where_it_fits(office: Office, elm: int) -> None:
    office.database.fetch("UPDATE properties SET showing_minutes = 60 WHERE property_id = %s", [elm])
    entry_id = joined(office, 123)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 0
    office.cancel(MONDAY_10AM + HALF_HOUR)
    assert office.offer() == 1
    (entry,) = office.entries()
    assert (entry["offered_start"], entry["offered_end"]) == (MONDAY_10AM, ELEVEN)
    (held,) = office.database.fetch("SELECT lower(during) AS first, upper(during) AS until FROM agent_busy")
    assert (held["first"], held["until"]) == (MONDAY_10AM, ELEVEN)
    viewing = office.services.waitlist.accept(entry_id)
    assert (viewing.start, viewing.end) == (MONDAY_10AM, ELEVEN)


def test_notice_of_a_home_counts_at_the_end_of_the_hold(office: Office, elm: int) -> None:
    office.database.fetch("UPDATE properties SET notice_minutes = 6 * 60 WHERE property_id = %s", [elm])
    joined(office, 123)
    late_morning = MONDAY_10AM + 3 * HALF_HOUR
    office.cancel(late_morning)
    office.clock.now = late_morning - timedelta(hours=3)
    assert office.offer() == 0
    office.clock.now = late_morning - timedelta(hours=19)
    assert office.offer() == 1


def test_two_homes_do_not_get_one_time_of_the_agent(office: Office, elm: int) -> None:
    office.database.fetch("UPDATE properties SET showing_minutes = 60 WHERE property_id = %s", [elm])
    joined(office, 121)
    joined(office, 122, "33 Boyd")
    joined(office, 123, "1205 N Porter unit 2B")
    for half_hours in range(3):
        office.cancel(MONDAY_10AM + half_hours * HALF_HOUR)
    assert office.offer() == 2
    assert [entry["offered_start"] for entry in office.entries()] == [MONDAY_10AM, ELEVEN, None]


@pytest.mark.parametrize(
    ("hide", "show", "problem"),
    [
        ("UPDATE properties SET status = 'inactive'", "UPDATE properties SET status = 'active'", "retired"),
        (
            "INSERT INTO property_agents SELECT property_id, 'ben' FROM properties WHERE line1 LIKE '1420%'",
            "INSERT INTO property_agents SELECT property_id, 'ana' FROM properties WHERE line1 LIKE '1420%'",
            "not_shown",
        ),
    ],
    ids=["retired", "another agent's"],
)
@pytest.mark.usefixtures("elm")
def test_home_that_is_not_shown_now_is_not_offered(office: Office, hide: str, show: str, problem: str) -> None:
    entry_id = joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.database.fetch(hide)
    assert office.offer() == 0
    assert office.states() == ["waiting"]
    assert office.services.waitlist.show(entry_id).entry.home_problem == problem
    office.database.fetch(show)
    assert office.offer() == 1, "the caller has kept the place"


@pytest.mark.usefixtures("elm")
def test_offer_of_a_home_that_is_retired_is_withdrawn(office: Office) -> None:
    entry_id = joined(office, 121)
    joined(office, 122, "33 Boyd")
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    office.database.fetch("UPDATE properties SET status = 'inactive' WHERE line1 = '1420 Elm Street'")
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(entry_id)
    assert office.viewings() == []
    assert office.offer() == 1
    assert office.states() == ["waiting", "offered"], "the agent's time goes to the next caller"


@pytest.mark.usefixtures("elm")
def test_retired_home_frees_the_time_before_the_end_of_the_hold(office: Office) -> None:
    joined(office, 121)
    joined(office, 122, "33 Boyd")
    office.cancel(MONDAY_10AM)
    office.offer()
    office.database.fetch("UPDATE properties SET status = 'inactive' WHERE line1 = '1420 Elm Street'")
    assert office.offer() == 1
    first, second = office.entries()
    assert (first["state"], first["passed"], second["state"]) == ("waiting", [], "offered")


@pytest.mark.usefixtures("elm")
def test_home_that_is_deleted_leaves_an_entry_with_the_words(office: Office) -> None:
    entry_id = joined(office, 123, "fourteen twenty elm")
    office.database.fetch("DELETE FROM properties WHERE line1 = '1420 Elm Street'")
    (shown,) = office.services.waitlist.waiting(office.services.agents.get("ana", ADMIN))
    assert (shown.entry_id, shown.home, shown.property_id) == (entry_id, "fourteen twenty elm", None)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    assert office.services.waitlist.accept(entry_id).home == "fourteen twenty elm"


@pytest.mark.usefixtures("elm")
def test_viewing_of_the_home_with_another_agent_ends_the_entry(office: Office) -> None:
    joined(office, 123)
    ben = office.caller(123, call="another", line=BEN)
    booked = ben.say("set_appointment", MIA | {"property_address": "The Gables", "start_time": "2026-11-23T10:00:00"})
    assert booked.startswith("You're booked to see 1420 Elm Street")
    office.offer()
    assert office.states() == ["ended"]


def test_same_words_for_another_home_do_not_end_the_entry(office: Office, elm: int) -> None:
    """Words mean another home after the catalogue has changed."""
    joined(office, 123, "The Gables")
    other = add_home(office.database, "7 Gable Court")
    office.book(MONDAY_10AM, agent="ben", home=other)
    office.database.fetch(
        "UPDATE appointments SET caller_number = '+14055550123', property_address = 'The Gables', agent_id = 'ana',"
        " overlap_allowed = TRUE WHERE property_id = %s",
        [other],
    )
    office.offer()
    assert (elm, office.states()) == (office.entries()[0]["property_id"], ["waiting"])


# --- taking an offer -------------------------------------------------------------------------------------------------


def test_viewing_is_of_the_home(office: Office, elm: int) -> None:
    entry_id = joined(office, 123, "the Gables")
    office.cancel(MONDAY_10AM)
    office.offer()
    viewing = office.services.waitlist.accept(entry_id)
    assert (viewing.property_id, viewing.home) == (elm, "1420 Elm Street")
    assert stored_home(office) == (elm, "the Gables", False)
    shown = office.services.waitlist.show(entry_id).viewing
    assert shown is not None
    assert shown.home == "1420 Elm Street"
    assert office.caller(123).say("find_appointment", MIA).startswith("You have a viewing of 1420 Elm Street")


def test_viewing_that_was_booked_in_other_words_is_moved(office: Office, elm: int) -> None:
    phone = office.caller(123)
    booked = phone.say("set_appointment", MIA | {"property_address": "The Gables", "start_time": "2026-11-24T15:00:00"})
    assert booked.startswith("You're booked")
    ask(phone, "1420 Elm")
    (before,) = office.viewings()
    office.cancel(MONDAY_10AM)
    office.offer()
    viewing = office.services.waitlist.accept(office.entries()[0]["entry_id"])
    (after,) = office.viewings()
    assert (viewing.appointment_id, after["id"], after["property_id"]) == (before["id"], before["id"], elm)
    assert after["start_time"] == MONDAY_10AM


def test_viewing_of_another_home_is_not_moved(office: Office, elm: int) -> None:
    phone = office.caller(123)
    home = MIA | {"property_address": "33 Boyd"}
    assert phone.say("set_appointment", home | {"start_time": "2026-11-24T15:00:00"}).startswith("You're booked")
    ask(phone, "1420 Elm")
    office.cancel(MONDAY_10AM)
    office.offer()
    office.services.waitlist.accept(office.entries()[0]["entry_id"])
    assert [viewing["property_id"] == elm for viewing in office.viewings()] == [False, True]


def test_hours_of_the_home_that_changed_since_count(office: Office, elm: int) -> None:
    entry_id = joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.offer()
    open_hours(office, elm, "11:00", "12:00")
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(entry_id)
    assert office.states() == ["waiting"]


# --- one viewing of a home at a time ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_at_a_time")
def test_time_of_another_agents_viewing_of_the_home_is_not_offered(office: Office, elm: int) -> None:
    joined(office, 121)
    joined(office, 122, "33 Boyd")
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    assert office.states() == ["waiting", "offered"]
    office.cancel(ELEVEN)
    office.cancel_viewing(bens)
    assert office.offer() == 1
    assert office.entries()[0]["offered_start"] == ELEVEN, "the agent's own time at ten is held for the other caller"


@pytest.mark.usefixtures("one_at_a_time")
def test_cancellation_by_another_agent_offers_the_time_of_the_home(office: Office, elm: int) -> None:
    joined(office, 123)
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 0
    queued = office.jobs()
    office.cancel_viewing(bens)
    assert office.jobs() == [*queued, "ana"]
    assert office.offer() == 1
    assert office.entries()[0]["offered_start"] == MONDAY_10AM


@pytest.mark.usefixtures("one_at_a_time")
def test_freed_home_queues_each_agent_once_the_longest_waited_for_first(office: Office, elm: int) -> None:
    joined_at_ben(office, 121)
    joined(office, 122)
    joined(office, 123)
    joined(office, 124, "33 Boyd")
    office.cancel_viewing(office.book(MONDAY_10AM + timedelta(days=1), agent="ben", home=elm))
    assert office.jobs() == ["ben", "ana"]


def test_other_agents_are_not_asked_where_viewings_may_overlap(office: Office, elm: int) -> None:
    joined(office, 123)
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    office.cancel_viewing(bens)
    assert office.jobs() == []
    office.book(MONDAY_10AM, agent="ben", home=elm)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1, "another agent's viewing does not matter"


@pytest.mark.usefixtures("one_at_a_time")
def test_viewing_that_is_given_another_home_frees_its_home(office: Office, elm: int) -> None:
    joined(office, 123)
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    shown, _ = office.services.manual.show(bens, ADMIN)
    assert shown.updated_at is not None
    seen = ExpectedState(shown.updated_at, shown.start, shown.status)
    entry = ViewingEdit(agent_id="ben", property_address="77 Ash Lane", attendee_name=shown.attendee_name)
    office.services.manual.edit(bens, seen, entry, ADMIN)
    assert office.jobs() == ["ana"]
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1


@pytest.mark.usefixtures("one_at_a_time")
def test_viewing_that_becomes_one_of_the_home_frees_nothing_of_it(office: Office, elm: int) -> None:
    joined(office, 123)
    bens = office.book(MONDAY_10AM, agent="ben")
    shown, _ = office.services.manual.show(bens, ADMIN)
    assert shown.updated_at is not None
    seen = ExpectedState(shown.updated_at, shown.start, shown.status)
    entry = ViewingEdit(
        agent_id="ben", property_id=elm, property_address="1420 Elm Street", attendee_name=shown.attendee_name
    )
    office.services.manual.edit(bens, seen, entry, ADMIN)
    assert office.jobs() == []


@pytest.mark.usefixtures("one_at_a_time", "elm")
def test_held_time_of_the_home_is_taken_for_callers_of_other_agents(office: Office) -> None:
    joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.offer()
    ben = office.caller(150, line=BEN)
    wish = {"property_address": "1420 Elm", "attendee_name": "Bo Diaz"}
    offered = ben.say("get_availability", {"property_address": "1420 Elm", "date": "Monday", "time_of_day": "10 am"})
    assert offered.startswith("I have nothing free for 1420 Elm Street tomorrow")
    assert "is taken" in ben.say("set_appointment", wish | {"start_time": "2026-11-23T10:00:00"})
    other = wish | {"property_address": "33 Boyd"}
    assert ben.say("set_appointment", other | {"start_time": "2026-11-23T10:00:00"}).startswith("You're booked")
    assert ben.say("cancel_appointment", other).startswith("Your viewing")
    office.clock.forward(minutes=15)
    assert ben.say("set_appointment", wish | {"start_time": "2026-11-23T10:00:00"}).startswith("You're booked")


@pytest.mark.usefixtures("elm")
def test_held_time_of_the_home_is_free_where_viewings_may_overlap(office: Office) -> None:
    joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.offer()
    wish = {"property_address": "1420 Elm", "attendee_name": "Bo Diaz", "start_time": "2026-11-23T10:00:00"}
    assert office.caller(150, line=BEN).say("set_appointment", wish).startswith("You're booked")


@pytest.mark.usefixtures("one_at_a_time", "elm")
def test_held_time_of_the_home_is_offered_to_one_caller(office: Office) -> None:
    joined_at_ben(office, 121)
    joined(office, 122)
    office.database.fetch("UPDATE waitlist SET wanted = '{[2026-11-23 10:00-06, 2026-11-23 10:01-06)}'")
    office.cancel(MONDAY_10AM)
    assert [office.offer("ben"), office.offer("ana")] == [1, 0]
    office.clock.forward(minutes=15)
    assert [office.offer("ben"), office.offer("ana")] == [0, 1]
    assert [entry["passed"] for entry in office.entries()] == [[MONDAY_10AM], []]


@pytest.mark.usefixtures("one_at_a_time", "elm")
def test_visitor_with_a_link_finds_the_held_time_taken(office: Office) -> None:
    phone = office.caller(150, line=BEN)
    wish = {"property_address": "1420 Elm", "attendee_name": "Bo Diaz"}
    assert phone.say("set_appointment", wish | {"start_time": "2026-11-24T15:00:00"}).startswith("You're booked")
    (viewing,) = office.viewings()
    joined(office, 123)
    office.cancel(MONDAY_10AM)
    free = office.services.visitors.free_days(viewing["id"]).days[MONDAY_10AM.date()]
    assert MONDAY_10AM in free
    office.offer()
    free = office.services.visitors.free_days(viewing["id"]).days[MONDAY_10AM.date()]
    assert MONDAY_10AM not in free
    assert MONDAY_10AM - HALF_HOUR in free


@pytest.mark.usefixtures("one_at_a_time")
def test_released_viewing_is_not_taken_back_while_its_home_is_held(office: Office, elm: int) -> None:
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    words = office.book(MONDAY_10AM + timedelta(days=1), agent="ben")
    joined(office, 123)
    office.cancel(MONDAY_10AM)
    for number in (bens, words):
        assert office.services.visitors.release(number, lambda _: True)
    assert office.offer() == 1
    assert office.services.visitors.reinstate(words).status == "confirmed", "of no home in the catalogue"
    with pytest.raises(HomeTaken):
        office.services.visitors.reinstate(bens)
    office.clock.forward(minutes=15)
    assert office.services.visitors.reinstate(bens).status == "confirmed"


@pytest.mark.usefixtures("one_at_a_time")
def test_home_that_a_user_booked_since_is_not_booked_again(office: Office, elm: int) -> None:
    entry_id = joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.offer()
    bens = office.book(MONDAY_10AM, agent="ben", home=elm)
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(entry_id)
    (entry,) = office.entries()
    assert (entry["state"], entry["passed"]) == ("waiting", [])
    assert office.database.fetch("SELECT 1 FROM agent_busy") == []
    assert office.offer() == 0
    office.cancel_viewing(bens)
    assert office.offer() == 1, "the caller did not let it pass"


@pytest.mark.usefixtures("one_at_a_time")
def test_viewing_without_a_home_in_the_catalogue_is_not_moved_onto_a_taken_one(office: Office, elm: int) -> None:
    """It was booked before the home was listed; the constraint does not know it."""
    phone = office.caller(123)
    booked = phone.say("set_appointment", MIA | {"property_address": "1420 Elm", "start_time": "2026-11-24T15:00:00"})
    assert booked.startswith("You're booked")
    office.database.fetch("UPDATE appointments SET property_id = NULL, property_address = '1420 Elm Street'")
    assert ask(phone, "1420 Elm").startswith("You're on the waiting list")
    office.cancel(MONDAY_10AM)
    office.offer()
    office.book(MONDAY_10AM, agent="ben", home=elm)
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(office.entries()[0]["entry_id"])
    assert office.states() == ["waiting"]


@pytest.mark.usefixtures("one_at_a_time")
def test_constraint_on_viewings_of_a_home_has_the_last_word(
    office: Office, elm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_id = joined(office, 123)
    office.cancel(MONDAY_10AM)
    office.offer()
    waitlist = office.services.waitlist
    write = waitlist._write

    def write_late(*arguments: Any) -> object:
        book = threading.Thread(target=office.book, args=(MONDAY_10AM,), kwargs={"agent": "ben", "home": elm})
        book.start()  # commits after this transaction has read
        book.join()
        return write(*arguments)

    monkeypatch.setattr(waitlist, "_write", write_late)
    with pytest.raises(OfferEnded):
        waitlist.accept(entry_id)
    (entry,) = office.entries()
    assert (entry["state"], entry["passed"]) == ("waiting", [])
    assert office.database.fetch("SELECT 1 FROM agent_busy") == []
    assert office.viewings() == []


# --- what people see -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("elm")
def test_audit_names_the_home_as_the_catalogue_does(office: Office) -> None:
    office.services.waitlist.remove(joined(office, 123, "The Gables"), ADMIN)
    (change,) = office.database.fetch("SELECT before FROM audit_log WHERE action = 'waiting caller removed'")
    assert change["before"]["property_address"] == "1420 Elm Street"


def test_entries_from_before_the_migration_get_their_home(office: Office, elm: int) -> None:
    """Until then an entry had only the catalogue's name of the home."""
    text = (PROJECT_DIR / "migrations" / "035_wait_for_homes.sql").read_text(encoding="utf-8")
    add_home(office.database, "3 Hill Road")
    add_home(office.database, "3 Hill Road")
    add_home(office.database, "4 Lake Road", "#7")
    porter = office.database.fetch("SELECT property_id FROM properties WHERE unit = '2B'")[0]["property_id"]
    for home, state in (
        ("1420 Elm Street", "waiting"),
        ("1205 N Porter Avenue, Unit 2B", "offered"),
        ("1420 Elm Street", "ended"),
        ("5 Flood Avenue", "waiting"),
        ("3 Hill Road", "waiting"),
        ("9 Birch Lane", "waiting"),
    ):
        office.database.fetch(
            """
            INSERT INTO waitlist (
                agent_id, attendee_name, phone, property_address, wanted, state, offered_start, offered_end,
                offer_expires_at
            )
            VALUES ('ana', 'Mia', '+14055550123', %s, '{[2026-11-23, 2026-11-24)}', %s, NOW(), NOW() + '1 hour', NOW())
            """,
            [home, state],
        )
    (update,) = (statement for statement in text.split(";") if "UPDATE waitlist" in statement)
    office.database.fetch(update)
    assert [entry["property_id"] for entry in office.entries()] == [elm, porter, None, None, None, None]
