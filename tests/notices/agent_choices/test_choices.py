"""What an agent chose decides what is written: at once, for the morning, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown
from peterental.notices.agent_choices.model import USUAL, Contact, ContactInvalid, ListNeeded
from tests.notices.agent_choices.conftest import ADMIN, NUMBER, Desk

NORA = ("email", "nora@example.com")
OTHER = Viewer(99, "eve@example.com", is_admin=False)


def test_usual_choices_are_by_email_at_once(desk: Desk) -> None:
    notices = desk.services.agent_notices.show("nora", ADMIN)
    assert {channel: {notices.choices[kind, channel] for kind, _ in notices.choices} for channel in USUAL} == {
        "email": {"now"},
        "text": {"off"},
    }
    assert (notices.address("email"), notices.address("text"), notices.contact) == ("nora@example.com", None, Contact())


@pytest.mark.parametrize("kind", ["booked", "cancelled", "released", "reopened"])
def test_viewing_that_changes_is_told_by_email_unless_chosen_otherwise(desk: Desk, kind: str) -> None:
    viewing = desk.book(desk.clock.now + timedelta(days=1))
    if kind != "booked":
        desk.database.fetch("DELETE FROM notices")
        desk.change(viewing, kind, "confirmed" if kind == "reopened" else "cancelled")
    assert desk.recipients(f"agent_{'booked' if kind == 'reopened' else kind}") == [NORA]


@pytest.mark.parametrize("timing", ["morning", "off"])
def test_kind_that_is_not_wanted_at_once_is_not_written(desk: Desk, timing: str) -> None:
    desk.choose("agent_booked", "email", timing)  # type: ignore[arg-type]  # one of the timings
    viewing = desk.book(desk.clock.now + timedelta(days=1))
    assert desk.recipients("agent_booked") == []
    desk.change(viewing, "cancelled")
    assert desk.recipients("agent_cancelled") == [NORA]


def test_texts_go_to_the_phone_that_was_entered(desk: Desk) -> None:
    desk.choose("agent_booked", "text", "now")
    desk.book(desk.clock.now + timedelta(days=1))
    assert desk.recipients("agent_booked") == [NORA, ("text", NUMBER)]


def test_address_that_was_entered_replaces_the_users(desk: Desk) -> None:
    desk.services.agent_notices.change("nora", Contact(email="desk@example.com"), {}, ADMIN)
    desk.book(desk.clock.now + timedelta(days=1))
    assert desk.recipients("agent_booked") == [("email", "desk@example.com")]


def test_own_changes_are_not_told(desk: Desk) -> None:
    desk.book(desk.clock.now + timedelta(days=1), actor="nora@example.com")
    assert desk.recipients("agent_booked") == []


def test_address_of_a_deactivated_user_is_not_used(desk: Desk) -> None:
    desk.database.fetch("UPDATE users SET is_active = FALSE")
    desk.book(desk.clock.now + timedelta(days=1))
    desk.leave()
    assert desk.database.fetch("SELECT 1 FROM notices WHERE audience = 'agent'") == []
    assert desk.services.agent_notices.show("nora", ADMIN).user_email is None


def test_channel_that_is_off_gets_nothing(desk: Desk) -> None:
    desk.choose("agent_urgent_message", "text", "now")
    desk.database.fetch("DELETE FROM notice_channels WHERE channel = 'email'")
    desk.leave()
    assert desk.recipients("agent_urgent_message") == [("text", NUMBER)]
    desk.database.fetch("DELETE FROM notice_channels")
    desk.leave()
    assert len(desk.notices("agent_urgent_message")) == 1


def test_number_is_stored_in_e164(desk: Desk) -> None:
    desk.services.agent_notices.change("nora", Contact(phone="(405) 555-0123", email=" "), {}, ADMIN)
    assert desk.services.agent_notices.show("nora", ADMIN).contact == Contact(phone=NUMBER)


@pytest.mark.parametrize(
    ("contact", "at"),
    [
        (Contact(email="nora"), "email"),
        (Contact(email="a@b.c, d@e.f"), "email"),
        (Contact(email=f"{'a' * 60}@{'b' * 185}.{'c' * 20}"), "email"),
        (Contact(phone="12"), "phone"),
        (Contact(phone="call me"), "phone"),
    ],
)
def test_contacts_that_cannot_be_reached_are_refused(desk: Desk, contact: Contact, at: str) -> None:
    with pytest.raises(ContactInvalid) as caught:
        desk.services.agent_notices.change("nora", contact, {}, ADMIN)
    assert caught.value.at == at


def test_choice_for_a_list_that_is_not_sent_is_refused(desk: Desk) -> None:
    choices = {("agent_moved", "text"): "morning"}
    with pytest.raises(ListNeeded, match=r"for the morning list by text, so that list has to be sent\."):
        desk.services.agent_notices.change("nora", Contact(phone=NUMBER), choices, ADMIN)  # type: ignore[arg-type]


def test_changes_are_audited_field_by_field(desk: Desk) -> None:
    desk.choose("agent_booked", "text", "morning")
    desk.choose("agent_booked", "text", "morning")
    rows = desk.database.fetch("SELECT before, after FROM audit_log WHERE action = 'notices changed'")
    assert rows == [
        {
            "before": {
                "phone": None,
                "agent_booked": "at once by e-mail",
                "agent_morning_list": "at once by e-mail",
            },
            "after": {
                "phone": NUMBER,
                "agent_booked": "at once by e-mail, in the morning list by text",
                "agent_morning_list": "at once by e-mail, at once by text",
            },
        }
    ]


def test_agents_of_others_are_unknown(desk: Desk) -> None:
    with pytest.raises(AgentUnknown):
        desk.services.agent_notices.show("nora", OTHER)
    with pytest.raises(AgentUnknown):
        desk.services.agent_notices.change("nora", Contact(), {}, OTHER)
