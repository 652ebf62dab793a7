"""What is sent after an edit: to the visitor, to both agents, and reminders to a new number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from peterental.agents.model import Profile
from peterental.appointments.manual.model import ExpectedState
from tests.edits import entry_of
from tests.notices.office import ADMIN, EMAIL, NOON, PHONE_NUMBER, Office

OTHER_NUMBER = "+14055550199"
START = NOON + timedelta(days=2)


def edit(office: Office, viewing: int, **fields: Any) -> None:
    old, _ = office.services.manual.show(viewing, ADMIN)
    assert old.updated_at is not None
    seen = ExpectedState(old.updated_at, old.start, old.status)
    office.services.manual.edit(viewing, seen, entry_of(old, **fields), ADMIN)


@pytest.fixture
def viewing(office: Office) -> int:
    """A viewing with Ana whose first letters were sent; Ana and Ben are told by e-mail."""
    office.services.agents.create(Profile(agent_name="Ben", time_zone="America/Chicago"), ADMIN, "ben")
    office.database.fetch(
        "INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'a@x.org'), ('ben', 'b@x.org')"
    )
    viewing = office.book(START, email=EMAIL)
    office.send(viewing)
    office.texts.taken.clear()
    office.mails.taken.clear()
    return viewing


def test_visitor_gets_the_new_home_and_a_later_invitation(office: Office, viewing: int) -> None:
    edit(office, viewing, property_address="9 Pine Road")
    office.send(viewing)
    (text,) = office.texts.taken
    assert text.body.startswith("Leasing office: Viewing changed: 9 Pine Road, Thu, Dec 3 at 12:00 PM, with Ana.")
    mails = {mail.recipient: mail for mail in office.mails.taken}
    invitation = mails[EMAIL].invitation
    assert invitation is not None
    assert (invitation.method, invitation.sequence, invitation.location) == ("REQUEST", 1, "9 Pine Road")
    assert mails["a@x.org"].subject == "Changed: Thu, Dec 3 at 12:00 PM, until 12:30 PM, 9 Pine Road"


def test_longer_viewing_moves_the_end_of_the_invitation(office: Office, viewing: int) -> None:
    edit(office, viewing, duration_min=45)
    office.send(viewing)
    mail = next(mail for mail in office.mails.taken if mail.recipient == EMAIL)
    assert mail.invitation is not None
    assert mail.invitation.end == START + timedelta(minutes=45)
    assert "Until: 12:45 PM" in mail.body


def test_both_agents_are_told_once_each(office: Office, viewing: int) -> None:
    edit(office, viewing, agent_id="ben")
    office.send(viewing)
    mails = {mail.recipient: mail for mail in office.mails.taken}
    assert set(mails) == {EMAIL, "a@x.org", "b@x.org"}
    assert mails["a@x.org"].subject == "Reassigned: Thu, Dec 3 at 12:00 PM, now with Ben, 12 Elm Street"
    assert "/appointments/" not in mails["a@x.org"].body, "the page is Ben's"
    assert mails["b@x.org"].subject == "New viewing Thu, Dec 3 at 12:00 PM: 12 Elm Street"
    assert "with Ben" in office.texts.taken[0].body


def test_name_and_notes_send_nothing(office: Office, viewing: int) -> None:
    edit(office, viewing, attendee_name="Maria", notes="Has a dog")
    office.send(viewing)
    assert (office.texts.taken, office.mails.taken) == ([], [])


def test_reminders_go_to_the_new_number(office: Office, viewing: int) -> None:
    office.clock.now = START - timedelta(hours=24)
    office.services.reminders.plan()
    edit(office, viewing, attendee_phone=OTHER_NUMBER)
    office.send(viewing)
    waiting = office.database.fetch(
        "SELECT state, reason FROM notices WHERE recipient = %s AND kind = 'reminder_day'", (PHONE_NUMBER,)
    )
    assert waiting == [{"state": "suppressed", "reason": "The visitor has another number now."}]
    office.services.reminders.plan()
    office.send(viewing)
    assert [text.recipient for text in office.texts.taken] == [OTHER_NUMBER]
    office.services.reminders.plan()
    office.send(viewing)
    assert len(office.texts.taken) == 1
    assert [mail.recipient for mail in office.mails.taken] == [EMAIL]


def test_changed_viewing_is_not_reminded_at_once(office: Office, viewing: int) -> None:
    office.clock.now = START - timedelta(hours=25)
    edit(office, viewing, property_address="9 Pine Road")
    office.send(viewing)
    office.clock.now = START - timedelta(hours=24)
    office.services.reminders.plan()
    assert "reminder_day" not in office.notices("kind")
