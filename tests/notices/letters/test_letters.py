"""Letters say what is so now, or are not sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from peterental.appointments.visitors.model import visitor_uid
from peterental.config import Config
from peterental.notices.letters import ViewingLetters, format_phone
from peterental.notices.model import Kind, Letter, NewNotice, NoLongerTrue, Notice, NoticeFilter
from peterental.notices.viewing_repository import ViewingRepository
from peterental.services import build_services
from tests.notices.office import ADMIN, EMAIL, PHONE_NUMBER, Office


def letters(office: Office) -> ViewingLetters:
    return ViewingLetters(
        ViewingRepository(office.database),
        office.services.wordings,
        settings=office.services.notice_settings.get,
        namespace=lambda: "0123456789ab",
        visitor_link=lambda number, _: f"https://rent.example.com/v/{number}",
        public_url="https://rent.example.com",
        now=office.clock,
    )


def notice_of(office: Office, viewing: int, kind: Kind, channel: str = "text") -> Notice:
    """Write a notice about a viewing as it is now, and return it."""
    (row,) = office.database.fetch("SELECT sequence, start_time FROM appointments WHERE id = %s", [viewing])
    is_agents = kind.startswith("agent_")
    with office.database.transaction() as connection:
        notice = NewNotice(
            kind=kind,
            channel="text" if channel == "text" else "email",
            audience="agent" if is_agents else "visitor",
            recipient=PHONE_NUMBER if channel == "text" else EMAIL,
            appointment_id=viewing,
            agent_id="ana",
            revision=row["sequence"],
            expires_at=row["start_time"] + timedelta(days=1),
        )
        office.services.outbox.add(connection, notice)
    found = office.services.notice_listing.listing(ADMIN, NoticeFilter()).notices
    return next(each for each in found if (each.kind, each.channel) == (kind, channel))


def composed(office: Office, notice: Notice) -> Letter:
    letter = letters(office).compose(notice)
    with office.database.transaction() as connection:
        letters(office).require_true(connection, notice)
    return letter


def refused(office: Office, notice: Notice) -> str:
    """Return why a notice is not true any more, said alike before and at the hand-over."""
    with pytest.raises(NoLongerTrue) as composing:
        letters(office).compose(notice)
    with office.database.transaction() as connection, pytest.raises(NoLongerTrue) as handing_over:
        letters(office).require_true(connection, notice)
    assert str(composing.value) == str(handing_over.value)
    return str(composing.value).removesuffix(".")


def test_the_first_text_says_how_to_stop(office: Office) -> None:
    viewing = office.book()
    booked = notice_of(office, viewing, "booked")
    text = composed(office, booked).body
    assert text == (
        "Leasing office: Viewing booked: 12 Elm Street, Thu, Dec 3 at 12:00 PM."
        f" Change: https://rent.example.com/v/{viewing} Reply STOP to opt out."
    )
    office.send(viewing)
    assert office.texts.taken[0].body.endswith("Reply STOP to opt out.")
    reminder = notice_of(office, viewing, "reminder_day")
    assert composed(office, reminder).body.endswith(f"Reply C to confirm. Change: https://rent.example.com/v/{viewing}")
    assert "STOP" in composed(office, booked).body, "an attempt after a crash has the same text"


def test_a_confirmed_visitor_is_not_asked_again(office: Office) -> None:
    viewing = office.book()
    office.database.fetch("UPDATE appointments SET confirmed_at = %s", [office.clock.now])
    assert "Reply C" not in composed(office, notice_of(office, viewing, "reminder_day")).body


def test_a_reminder_names_address_agent_and_link(office: Office) -> None:
    viewing = office.book(office.clock.now + timedelta(hours=2), email=EMAIL)
    assert "Ana will meet you at 12 Elm Street, Tue, Dec 1 at 2:00 PM." in (
        composed(office, notice_of(office, viewing, "reminder_hours")).body
    )
    mail = composed(office, notice_of(office, viewing, "reminder_hours", "email"))
    assert "in about 2 hours" in mail.body
    assert mail.invitation is None


def test_a_moved_letter_has_both_times(office: Office) -> None:
    start = office.clock.now + timedelta(days=2)
    viewing = office.book(start, email=EMAIL)
    office.move(viewing, start + timedelta(hours=3))
    office.send(viewing)
    moved = office.mails.taken[-1]
    assert moved.subject == "Moved to Thu, Dec 3 at 3:00 PM: viewing of 12 Elm Street"
    assert "Before: Thursday, December 3 at 12:00 PM CST" in moved.body
    assert moved.invitation is not None
    assert (moved.invitation.method, moved.invitation.sequence) == ("REQUEST", 1)


def test_invitations_of_a_viewing_are_one_event(office: Office) -> None:
    """A cancelled and restored viewing has the same UID and a higher SEQUENCE, another UID than the agent's event."""
    viewing = office.book(email=EMAIL)
    first = composed(office, notice_of(office, viewing, "booked", "email"))
    office.cancel(viewing)
    last = composed(office, notice_of(office, viewing, "cancelled", "email"))
    assert first.invitation is not None
    assert last.invitation is not None
    assert first.invitation.uid == last.invitation.uid == visitor_uid("0123456789ab", viewing)
    assert (first.invitation.method, last.invitation.method) == ("REQUEST", "CANCEL")
    assert first.invitation.sequence < last.invitation.sequence
    assert first.invitation.summary == last.invitation.summary == "Viewing: 12 Elm Street"
    assert first.invitation.description == f"Ana\nhttps://rent.example.com/v/{viewing}"
    assert first.invitation.location == "12 Elm Street"
    assert first.invitation.attendee_name == "Dolores Whitcomb"
    assert first.message_id != last.message_id


def test_agents_get_the_visitor_and_no_invitation(office: Office) -> None:
    viewing = office.book()
    mail = composed(office, notice_of(office, viewing, "agent_booked", "email"))
    assert mail.invitation is None
    assert mail.subject == "New viewing Thu, Dec 3 at 12:00 PM: 12 Elm Street"
    for line in (
        "Hello Ana,",
        "Visitor: Dolores Whitcomb",
        "Phone: 405-555-0123",
        f"https://rent.example.com/appointments/{viewing}",
    ):
        assert line in mail.body
    text = composed(office, notice_of(office, viewing, "agent_booked")).body
    assert "STOP" not in text
    assert text.startswith("New viewing: ")


def test_the_agents_number_is_given_where_there_is_one(office: Office) -> None:
    viewing = office.book()
    office.cancel(viewing)
    assert composed(office, notice_of(office, viewing, "cancelled")).body.startswith(
        "Leasing office: Your viewing of 12 Elm Street on Thu, Dec 3 at 12:00 PM is cancelled. Reply STOP"
    )
    office.database.fetch("UPDATE agents SET handover_number = '+14055550199'")
    assert "is cancelled. Questions? Call 405-555-0199. Reply STOP" in (
        composed(office, notice_of(office, viewing, "cancelled")).body
    )


def test_a_changed_wording_and_language_are_used(office: Office) -> None:
    viewing = office.book()
    spanish = notice_of(office, viewing, "booked")
    office.database.fetch("UPDATE notices SET language = 'es'")
    (spanish,) = office.services.notice_listing.listing(ADMIN, NoticeFilter()).notices
    assert composed(office, spanish).body.startswith(
        "Leasing office: Visita reservada: 12 Elm Street, jue 3 dic, 12:00 PM."
    )
    assert composed(office, spanish).body.endswith("Responda STOP para salir.")


def cancelled(office: Office, viewing: int) -> None:
    office.cancel(viewing)


def moved(office: Office, viewing: int) -> None:
    office.move(viewing, office.clock.now + timedelta(days=3))


def restored(office: Office, viewing: int) -> None:
    office.set_status(viewing, "confirmed", "reopened")


def deleted(office: Office, viewing: int) -> None:
    office.database.fetch("DELETE FROM appointments WHERE id = %s", [viewing])


def begun(office: Office, viewing: int) -> None:
    del viewing
    office.clock.forward(days=2)


def completed(office: Office, viewing: int) -> None:
    office.clock.forward(days=2)
    office.set_status(viewing, "completed", "completed")


def missed(office: Office, viewing: int) -> None:
    """Miss a viewing after agreeing to be written to in that case."""
    office.services.consents.allow_follow_up(viewing, words="Write to me", at=office.clock.now)
    office.clock.forward(days=2)
    office.set_status(viewing, "no_show", "no_show")


def released(office: Office, viewing: int) -> None:
    office.set_status(viewing, "cancelled", "released", "unconfirmed")
    office.database.fetch("UPDATE appointments SET released_at = %s", [office.clock.now])


Change = Callable[[Office, int], None]


@pytest.mark.parametrize(
    ("kind", "before", "after", "reason"),
    [
        ("booked", None, cancelled, "the viewing was cancelled"),
        ("booked", None, moved, "the viewing was changed again"),
        ("booked", None, begun, "the viewing has begun"),
        ("booked", None, completed, "the viewing is over"),
        ("booked", None, deleted, "the viewing was deleted"),
        ("reminder_day", None, moved, "the viewing was changed again"),
        ("reminder_hours", None, cancelled, "the viewing was cancelled"),
        ("agent_booked", None, cancelled, "the viewing was cancelled"),
        ("moved", moved, moved, "the viewing was changed again"),
        ("cancelled", cancelled, restored, "the viewing was restored"),
        ("agent_cancelled", cancelled, restored, "the viewing was restored"),
        ("cancelled", cancelled, begun, "the viewing has begun"),
        ("released", released, restored, "the viewing was restored"),
        ("no_show", missed, restored, "the viewing is not marked as a no-show any more"),
    ],
)
def test_what_is_not_true_any_more_is_not_sent(
    office: Office, kind: Kind, before: Change | None, after: Change, reason: str
) -> None:
    viewing = office.book()
    if before is not None:
        before(office, viewing)
    notice = notice_of(office, viewing, kind)
    assert composed(office, notice).body
    if after is moved and before is moved:
        office.clock.forward(hours=1)
    after(office, viewing)
    assert refused(office, notice) == reason


def test_a_cancelled_viewing_was_not_released(office: Office) -> None:
    viewing = office.book()
    office.cancel(viewing)
    assert refused(office, notice_of(office, viewing, "released")) == "the viewing was cancelled"


def test_released_letters_say_how_to_keep_the_time(office: Office) -> None:
    viewing = office.book()
    released(office, viewing)
    assert f"Keep it (30 min): https://rent.example.com/v/{viewing}" in (
        composed(office, notice_of(office, viewing, "released")).body
    )


def test_a_missed_visitor_is_told_how_to_stop_again(office: Office) -> None:
    viewing = office.book()
    office.send(viewing)
    missed(office, viewing)
    text = composed(office, notice_of(office, viewing, "no_show")).body
    assert text.startswith("Leasing office: Sorry we missed you at 12 Elm Street on Thu, Dec 3.")
    assert text.endswith("Reply STOP to opt out.")


def test_hostile_names_and_homes_become_no_links(office: Office) -> None:
    viewing = office.book(email=EMAIL)
    office.database.fetch(
        "UPDATE appointments SET attendee_name = E'Bank\\nhttps://evil.example/pay {link}', property_address = %s",
        ["evil.example/1 Elm" + "x" * 200],
    )
    for channel in ("text", "email"):
        letter = composed(office, notice_of(office, viewing, "booked", channel))
        assert "evil.example" not in f"{letter.subject}{letter.body}"
        assert len(re.findall(r"https?://", letter.body)) == 1
        assert "evil.example" not in repr(letter.invitation)
    assert len(composed(office, notice_of(office, viewing, "booked")).body) < 320


def test_production_without_a_public_address_sends_no_links(office: Office) -> None:
    services = build_services(office.database, office.clock, Config(environment="production", secret_key="k" * 40))
    services.notice_sender.transports = {"text": office.texts}
    viewing = office.book()
    services.notice_sender.send_of_appointment(viewing)
    assert office.texts.taken[0].body == (
        "Leasing office: Viewing booked: 12 Elm Street, Thu, Dec 3 at 12:00 PM. Reply STOP to opt out."
    )


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+14055550123", "405-555-0123"), ("+442071234567", "+442071234567"), (None, ""), ("555 0100", "555 0100")],
)
def test_numbers_are_written_as_people_do(number: str | None, shown: str) -> None:
    assert format_phone(number) == shown


def test_the_invitation_has_the_time_of_the_viewing(office: Office) -> None:
    start: datetime = office.clock.now + timedelta(days=2)
    invitation = composed(office, notice_of(office, office.book(start, email=EMAIL), "booked", "email")).invitation
    assert invitation is not None
    assert (invitation.start, invitation.end - start) == (start, timedelta(minutes=30))
    assert invitation.time_zone == "America/Chicago"
