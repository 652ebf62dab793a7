"""What frees up is offered to the first who fits, held for a quarter of an hour, and then offered to the next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.access import Viewer
from peterental.notices.waitlist.model import EntryUnknown, OfferEnded
from tests.notices.waitlist.conftest import HALF_HOUR, MONDAY_10AM, Office
from tests.together import at_once

ADMIN = Viewer(1, "office@example.com", is_admin=True)


def entry_ids(office: Office) -> list[int]:
    return [entry["entry_id"] for entry in office.entries()]


def book_by_phone(office: Office, last_digits: int, start: str) -> str:
    return office.caller(last_digits).say(
        "set_appointment", {"property_address": "77 Ash Lane", "attendee_name": "Bo Diaz", "start_time": start}
    )


def test_freed_time_is_offered_to_the_first_who_fits(office: Office) -> None:
    office.join(121, time_of_day="at eleven")
    office.join(122)
    office.join(123)
    office.cancel(MONDAY_10AM)
    assert office.jobs() == ["ana"]
    assert office.offer() == 1
    assert office.states() == ["waiting", "offered", "waiting"]
    (text,) = office.texts()
    second = office.entries()[1]
    assert (text["recipient"], text["about"], text["is_answer"]) == (
        "+14055550122",
        f"waitlist:{second['entry_id']}:1",
        False,
    )
    assert second["offered_start"] == MONDAY_10AM
    assert second["offer_expires_at"] == office.clock.now + timedelta(minutes=15)
    assert office.offer() == 0


def test_cancellation_without_waiting_callers_queues_nothing(office: Office) -> None:
    office.cancel(MONDAY_10AM)
    assert office.jobs() == []


def test_held_time_is_taken_for_other_callers(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    assert "is taken" in book_by_phone(office, 150, "2026-11-23T10:00:00")
    found = office.services.appointments.check_slot("ana", MONDAY_10AM.date(), 10 * 60, ADMIN)
    assert not found.is_free
    office.clock.forward(minutes=15)
    assert book_by_phone(office, 151, "2026-11-23T10:00:00").startswith("You're booked")


def test_held_time_counts_among_the_viewings_of_its_day(office: Office) -> None:
    office.database.fetch("UPDATE agents SET daily_cap = 8")
    office.join(123)
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    assert "no room for more viewings" in book_by_phone(office, 150, "2026-11-23T15:00:00")


def test_accepting_books_the_time(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    (entry_id,) = entry_ids(office)
    assert office.services.waitlist.offered_to("+14055550123") == entry_id
    viewing = office.services.waitlist.accept(entry_id)
    assert (viewing.start, viewing.end) == (MONDAY_10AM, MONDAY_10AM + HALF_HOUR)
    (stored,) = office.viewings()
    assert (stored["id"], stored["caller_number"], stored["property_address"]) == (
        viewing.appointment_id,
        "+14055550123",
        "12 Elm Street",
    )
    assert office.states() == ["booked"]
    event = office.database.fetch("SELECT kind, actor FROM appointment_events ORDER BY event_id DESC LIMIT 1")
    assert event == [{"kind": "booked", "actor": "visitor"}]
    assert office.services.waitlist.accept(entry_id).appointment_id == viewing.appointment_id
    assert len(office.viewings()) == 1
    assert office.services.waitlist.show(entry_id).viewing == office.services.waitlist.accept(entry_id)
    assert office.services.waitlist.offered_to("+14055550123") is None


def test_accepting_moves_the_viewing_of_that_home(office: Office) -> None:
    phone = office.caller(123)
    home = {"property_address": "12 Elm Street", "attendee_name": "Mia Caller123"}
    assert phone.say("set_appointment", home | {"start_time": "2026-11-24T15:00:00"}).startswith("You're booked")
    phone.say("join_waitlist", home | {"date": "Monday", "time_of_day": "morning"})
    (before,) = office.viewings()
    office.cancel(MONDAY_10AM)
    office.offer()
    viewing = office.services.waitlist.accept(*entry_ids(office))
    (after,) = office.viewings()
    assert (before["id"], viewing.appointment_id) == (after["id"], after["id"])
    assert after["start_time"] == MONDAY_10AM
    assert office.jobs() == ["ana", "ana"]  # the move has freed a time, too


def test_offer_that_passes_goes_to_the_next(office: Office) -> None:
    office.join(121)
    office.join(122)
    office.cancel(MONDAY_10AM)
    office.offer()
    office.clock.forward(minutes=15)
    assert office.offer() == 1
    assert office.states() == ["waiting", "offered"]
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(entry_ids(office)[0])
    office.clock.forward(minutes=15)
    assert office.offer() == 0  # both let it pass
    assert office.states() == ["waiting", "waiting"]
    office.cancel(MONDAY_10AM + HALF_HOUR)
    assert office.offer() == 1
    assert office.states() == ["offered", "waiting"]


def test_late_answer_is_refused_although_nobody_else_has_the_time(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    office.clock.forward(minutes=15)
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(*entry_ids(office))
    assert not office.services.waitlist.show(*entry_ids(office)).is_held
    assert office.viewings() == []


def test_time_that_a_user_booked_is_not_booked_again(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    office.book(MONDAY_10AM)
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(*entry_ids(office))
    assert office.states() == ["waiting"]
    (entry,) = office.entries()
    assert entry["passed"] == []
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1, "the caller did not let it pass"


def test_two_who_accept_one_offer_get_one_viewing(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    (entry_id,) = entry_ids(office)
    done = at_once(
        [lambda: office.services.waitlist.accept(entry_id), lambda: office.services.waitlist.accept(entry_id)]
    )
    assert len({viewing.appointment_id for viewing in done}) == 1
    assert len(office.viewings()) == 1


def test_two_workers_make_one_offer(office: Office) -> None:
    office.join(121)
    office.join(122)
    office.cancel(MONDAY_10AM)
    made = at_once([lambda: office.services.waitlist.offer("ana"), lambda: office.services.waitlist.offer("ana")])
    assert sorted(made) == [0, 1]
    assert office.states() == ["offered", "waiting"]


def test_two_free_times_are_offered_to_two(office: Office) -> None:
    for last_digits in (121, 122, 123):
        office.join(last_digits)
    office.cancel(MONDAY_10AM)
    office.cancel(MONDAY_10AM + HALF_HOUR)
    assert office.offer() == 2
    starts = [entry["offered_start"] for entry in office.entries()]
    assert starts == [MONDAY_10AM, MONDAY_10AM + HALF_HOUR, None]


def test_time_that_is_too_soon_is_not_offered(office: Office) -> None:
    office.join(123)
    late_morning = MONDAY_10AM + 3 * HALF_HOUR
    office.clock.now = late_morning - timedelta(hours=2)
    office.cancel(late_morning)
    assert office.offer() == 0
    office.clock.now -= timedelta(minutes=15)
    assert office.offer() == 1


def test_nothing_is_offered_in_quiet_hours(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM + 2 * HALF_HOUR)
    office.clock.now = MONDAY_10AM - timedelta(hours=2, minutes=1)
    assert office.offer() == 0
    assert "is taken" not in book_by_phone(office, 150, "2026-11-23T15:00:00")
    office.clock.forward(minutes=1)
    assert office.offer() == 1


def test_nothing_is_offered_minutes_before_quiet_hours(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.clock.now = MONDAY_10AM - timedelta(hours=14, minutes=4)
    assert office.offer() == 0


def test_text_that_could_not_be_sent_frees_the_time_for_an_hour(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    assert office.services.waitlist.offer("ana") == 1  # nothing is handed over
    office.clock.forward(minutes=15)
    assert office.services.waitlist.offer("ana") == 0
    (entry,) = office.entries()
    assert (entry["state"], entry["passed"]) == ("waiting", [])
    office.clock.forward(minutes=46)
    assert office.offer() == 1
    assert [text["about"][-1] for text in office.texts()] == ["1", "2"]


def test_suppressed_text_ends_the_hold_at_once(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.services.waitlist.offer("ana")
    office.clock.forward(minutes=6)
    office.database.fetch("UPDATE notices SET state = 'suppressed', ended_at = NOW()")
    assert office.services.waitlist.offer("ana") == 0
    assert office.states() == ["waiting"]
    assert book_by_phone(office, 150, "2026-11-23T10:00:00").startswith("You're booked")


def test_number_that_gets_no_texts_leaves_the_list(office: Office) -> None:
    office.join(121)
    office.join(122)
    office.cancel(MONDAY_10AM)
    office.services.waitlist.offer("ana")
    office.hand_over("failed")
    assert office.offer() == 1
    assert office.states() == ["ended", "offered"]


def test_number_that_said_stop_leaves_the_list(office: Office) -> None:
    office.join(121)
    office.database.fetch(
        "INSERT INTO contact_consents (channel, recipient, purpose, revoked_at) VALUES ('text', '+14055550121', 'all', NOW())"
    )
    office.cancel(MONDAY_10AM)
    assert office.offer() == 0
    assert office.states() == ["ended"]


def test_entry_ends_with_the_times_that_it_wants(office: Office) -> None:
    office.join(123)
    office.clock.forward(days=2)
    assert office.offer() == 0
    assert office.states() == ["ended"]
    assert office.services.waitlist.agents_waited_for() == []


def test_entry_ends_with_a_viewing_at_a_time_that_suits(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    phone = office.caller(123, call="another")
    home = {"property_address": "12 Elm Street", "attendee_name": "Mia Caller123"}
    assert phone.say("set_appointment", home | {"start_time": "2026-11-23T10:00:00"}).startswith("You're booked")
    office.offer()
    assert office.states() == ["ended"]


@pytest.mark.parametrize(
    "query",
    [
        "UPDATE agents SET is_active = FALSE",
        "DELETE FROM notice_channels",
        "UPDATE notice_settings SET texts_visitors = FALSE",
    ],
)
def test_nothing_is_offered_where_nothing_can_be_sent_or_booked(office: Office, query: str) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.database.fetch(query)
    assert office.offer() == 0
    assert office.states() == ["waiting"]


def test_agent_who_was_deactivated_meets_nobody(office: Office) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    office.database.fetch("UPDATE agents SET is_active = FALSE")
    with pytest.raises(OfferEnded):
        office.services.waitlist.accept(*entry_ids(office))


def test_writer_without_a_lock_wins_and_the_caller_waits_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    waitlist = office.services.waitlist
    write = waitlist._write

    def write_late(*arguments: object) -> object:
        office.book(MONDAY_10AM)  # commits in between
        return write(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(waitlist, "_write", write_late)
    with pytest.raises(OfferEnded):
        waitlist.accept(*entry_ids(office))
    assert office.states() == ["waiting"]
    assert office.database.fetch("SELECT 1 FROM agent_busy") == []


def test_user_removes_an_entry_and_its_hold(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.join(123)
    office.cancel(MONDAY_10AM)
    office.offer()
    agent = office.services.agents.get("ana", ADMIN)
    (entry,) = office.services.waitlist.waiting(agent)
    with pytest.raises(EntryUnknown):
        office.services.waitlist.remove(entry.entry_id, Viewer(2, "eve@example.com", is_admin=False))
    office.services.waitlist.remove(entry.entry_id, ADMIN)
    office.services.waitlist.remove(entry.entry_id, ADMIN)
    monkeypatch.setattr(office.services.waitlist._waitlist, "show", lambda _: entry)
    office.services.waitlist.remove(entry.entry_id, ADMIN)  # of two clicks at once, the second reads before the lock
    assert office.states() == ["ended"]
    assert office.services.waitlist.waiting(agent) == ()
    assert office.database.fetch("SELECT 1 FROM agent_busy") == []
    log = office.database.fetch("SELECT action, actor FROM audit_log WHERE action = 'waiting caller removed'")
    assert log == [{"action": "waiting caller removed", "actor": "office@example.com"}]


@pytest.mark.parametrize("entry_id", [0, -1, 999, 2**63])
def test_unknown_entries_are_refused(office: Office, entry_id: int) -> None:
    for work in (office.services.waitlist.show, office.services.waitlist.accept):
        with pytest.raises(EntryUnknown):
            work(entry_id)
    with pytest.raises(EntryUnknown):
        office.services.waitlist.remove(entry_id, ADMIN)
