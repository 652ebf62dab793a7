"""Texts whose handling is cut off at every step, repeated, or delivered at once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from peterental.notices.replies.model import IncomingText
from tests.guillotine import Guillotine, Killed, MortalDatabase
from tests.notices.office import NOON, Office
from tests.notices.replies.conftest import Visitor
from tests.servers import close_for_good


def receive_and_die(office: Office, text: IncomingText, at: int, *, is_after: bool) -> bool:
    """Receive a text in a process that is killed at a step; return whether there is such a step."""
    mortal = MortalDatabase(office.database.url)
    mortal.guillotine = Guillotine(at, is_after=is_after)
    try:
        office.new_services(mortal).replies.receive(text)
    except Killed:
        return True
    finally:
        close_for_good(mortal)
    return False


@pytest.mark.parametrize(("body", "kind"), [("C", "confirmed"), ("cancel my viewing", "cancelled"), ("Parking?", None)])
@pytest.mark.parametrize("is_after", [True, False])
def test_a_killed_process_is_finished_by_the_next_delivery(
    office: Office, body: str, kind: str | None, *, is_after: bool
) -> None:
    for step in range(20):
        visitor = Visitor(office, f"+140555501{step:02}")
        appointment_id = office.book(NOON + timedelta(days=2 + step), phone=visitor.number)
        assert len(visitor.reads()) == 1
        text = visitor.text(body, provider_id=f"SM{step}")
        was_killed = receive_and_die(office, text, step, is_after=is_after)
        office.services.replies.receive(text)
        events = office.database.fetch(
            "SELECT kind FROM appointment_events WHERE appointment_id = %s", [appointment_id]
        )
        assert [row["kind"] for row in events] == ["booked", *([kind] if kind else [])]
        assert [about for _, about in visitor.messages()].count(appointment_id) == (0 if kind else 1)
        assert len(visitor.reads()) == 1
        if not was_killed:
            assert step >= 2
            return
    pytest.fail("there are more steps than expected")


def test_a_text_that_is_delivered_at_once_is_handled_once(office: Office, visitor: Visitor, viewing: int) -> None:
    text = visitor.text("Parking?")
    threads = [threading.Thread(target=office.services.replies.receive, args=[text]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert visitor.messages() == [("Parking?", viewing)]
    assert len(visitor.reads()) == 1


def test_a_viewing_that_ends_meanwhile_is_not_changed(
    office: Office, visitor: Visitor, viewing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the text and changing the viewing, the agent cancels it."""
    confirm = office.services.visitors.confirm

    def late(appointment_id: int, seen_start: object) -> object:
        office.cancel(viewing, "ana@example.com")
        return confirm(appointment_id, seen_start)  # type: ignore[arg-type]  # as it was passed

    monkeypatch.setattr(office.services.visitors, "confirm", late)
    answers = visitor.says("C")
    assert any("There is no upcoming viewing to change" in answer for answer in answers)
    assert visitor.viewing(viewing) == ("cancelled", False)


def test_a_viewing_that_is_moved_meanwhile_is_not_confirmed(
    office: Office, visitor: Visitor, viewing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = office.services.visitors.confirm

    def late(appointment_id: int, seen_start: object) -> object:
        office.move(viewing, NOON + timedelta(days=5), "ana@example.com")
        return confirm(appointment_id, seen_start)  # type: ignore[arg-type]  # as it was passed

    monkeypatch.setattr(office.services.visitors, "confirm", late)
    visitor.says("C")
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [("C", viewing)]


# --- the waitlist ----------------------------------------------------------------------------------------------------


def offer(office: Office) -> None:
    """Hold a time for the visitor, and text it."""
    office.database.fetch(
        """
        INSERT INTO waitlist (
            agent_id, attendee_name, phone, property_address, wanted, state, offered_start, offered_end,
            offer_expires_at, offers
        )
        VALUES ('ana', 'Dolores Whitcomb', '+14055550123', '12 Elm Street', tstzmultirange(tstzrange(%(a)s, %(b)s)),
                'offered', %(a)s, %(b)s, %(until)s, 1)
        """,
        {
            "a": NOON + timedelta(days=1, hours=3),
            "b": NOON + timedelta(days=1, hours=3, minutes=30),
            "until": office.clock.now + timedelta(minutes=15),
        },
    )
    office.database.fetch(
        """
        INSERT INTO notices (agent_id, about, kind, channel, audience, recipient, is_answer, state, handed_over_at,
                             expires_at, ended_at)
        VALUES ('ana', 'waitlist:1:1', 'waitlist_offer', 'text', 'visitor', '+14055550123', FALSE, 'sent', %s, %s, %s)
        """,
        [office.clock.now, office.clock.now + timedelta(minutes=5), office.clock.now],
    )


@pytest.mark.parametrize("body", ["C", "Yes please", "ok"])
def test_an_offer_is_taken_by_text(office: Office, visitor: Visitor, body: str) -> None:
    offer(office)
    (answer,) = visitor.says(body)
    assert "Viewing booked: 12 Elm Street, Wed, Dec 2 at 3:00 PM" in answer
    ((row),) = office.database.fetch(
        "SELECT id, booked.actor FROM appointments JOIN appointment_events AS booked ON appointment_id = id"
    )
    assert row["actor"] == "visitor"
    assert visitor.outcomes() == ["take_offer"]


def test_an_offer_that_has_passed_changes_no_older_viewing(office: Office, visitor: Visitor, viewing: int) -> None:
    offer(office)
    office.clock.forward(minutes=16)
    (answer,) = visitor.says("C")
    assert "Sorry, that time is no longer held." in answer
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.outcomes() == ["offer_ended"]


def test_an_offer_that_ends_meanwhile_is_not_taken(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(office)
    accept = office.services.waitlist.accept

    def late(entry_id: int) -> object:
        office.clock.forward(minutes=16)
        return accept(entry_id)

    monkeypatch.setattr(office.services.waitlist, "accept", late)
    visitor.says("C")
    assert visitor.outcomes() == ["offer_ended"]
    assert office.database.fetch("SELECT id FROM appointments") == []
