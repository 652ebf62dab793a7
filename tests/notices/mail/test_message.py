"""What a letter looks like as a message: its headers, its text and its invitation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.mail_settings import MailSender
from peterental.notices.mail.message import message_of
from peterental.notices.model import Invitation, Letter
from tests.notices.mail.conftest import START

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SENDER = MailSender("office@example.com", "PeteRental")


def sent(letter: Letter, sender: MailSender = SENDER) -> EmailMessage:
    """Return the message of a letter, written and read again."""
    return message_from_bytes(message_of(letter, sender, NOW).as_bytes(), policy=default)


def event_of(message: EmailMessage) -> tuple[icalendar.Calendar, Any]:
    """Return the calendar of the part that Gmail and Outlook read, and its event."""
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    calendar = icalendar.Calendar.from_ical(part.get_content())
    assert isinstance(calendar, icalendar.Calendar)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_headers_say_who_writes_when_and_that_a_program_does(letter: Letter) -> None:
    message = sent(letter)
    assert message["From"] == "Norman Homes <office@example.com>"
    assert message["To"] == "max@example.com"
    assert message["Subject"] == "Your viewing on Thursday"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<booked.7@rent.example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"


def test_the_name_of_the_settings_is_used_where_a_letter_has_none(letter: Letter) -> None:
    assert sent(replace(letter, sender_name=""))["From"] == "PeteRental <office@example.com>"
    assert sent(replace(letter, sender_name=""), MailSender("office@example.com"))["From"] == "office@example.com"


@pytest.mark.parametrize("message_id", ["", "x", "a@b\r\nBcc: eve@example.com", "ñ@example.com", "a@b>"])
def test_what_is_no_message_id_is_left_to_the_server(letter: Letter, message_id: str) -> None:
    assert sent(replace(letter, message_id=message_id))["Message-ID"] is None


def test_letters_outside_ascii_arrive_through_seven_bit_servers(letter: Letter, invitation: Invitation) -> None:
    names = replace(invitation, attendee_name="Zoë Ñandú", summary="Visita: Calle Ñ 5", location="Calle Ñ 5")
    spanish = replace(letter, subject="Su visita es mañana", body="¡Hasta mañana, Zoë! 🏠", invitation=names)
    raw = message_of(spanish, SENDER, NOW).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=default)
    assert message["Subject"] == "Su visita es mañana"
    assert message["To"] == "Zoë Ñandú <max@example.com>"
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "¡Hasta mañana, Zoë! 🏠"
    _, event = event_of(message)
    assert (event["SUMMARY"], event["LOCATION"]) == ("Visita: Calle Ñ 5", "Calle Ñ 5")
    assert event["ATTENDEE"].params["CN"] == "Zoë Ñandú"


def test_a_long_link_is_not_broken(letter: Letter) -> None:
    link = "https://rent.example.com/join?token=" + "x" * 200
    assert f"\r\n{link}\r\n" in message_of(replace(letter, body=f"Here:\n{link}\n"), SENDER, NOW).as_bytes().decode()


def test_a_line_that_is_too_long_for_smtp_is_encoded(letter: Letter) -> None:
    raw = message_of(replace(letter, body="x" * 5000), SENDER, NOW).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert message_from_bytes(raw, policy=default).get_content().strip() == "x" * 5000


def test_an_invitation_has_the_shape_that_gmail_and_outlook_show(invited: Letter) -> None:
    message = sent(invited)
    assert message.get_content_type() == "multipart/mixed"
    alternative, attachment = message.iter_parts()
    assert alternative.get_content_type() == "multipart/alternative"
    plain, calendar_part = alternative.iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert calendar_part.get_content_type() == "text/calendar"
    assert calendar_part.get_param("method") == "REQUEST"
    assert calendar_part.get_content_charset() == "utf-8"
    assert calendar_part.get_content_disposition() is None
    assert (attachment.get_content_type(), attachment.get_filename()) == ("application/ics", "invite.ics")
    assert attachment.get_content().decode() == calendar_part.get_content().replace("\r\n", "\n").replace("\n", "\r\n")


def test_an_invitation_names_who_invites_whom_to_what(invited: Letter) -> None:
    calendar, event = event_of(sent(invited))
    assert calendar["METHOD"] == "REQUEST"
    assert event["UID"] == "viewing-7@rent.example.com"
    assert event["SEQUENCE"] == 2
    assert event["STATUS"] == "CONFIRMED"
    assert event["DTSTAMP"].dt == NOW
    assert (event["DTSTART"].dt, event["DTEND"].dt.minute) == (START, 0)
    assert event["DTSTART"].to_ical() == b"20261203T213000Z"
    assert event["SUMMARY"] == "Viewing: 12 Elm Street"
    assert event["LOCATION"] == "12 Elm Street, Norman"
    assert event["DESCRIPTION"] == "Nora Castillo shows it.\nhttps://rent.example.com/v/abc"
    assert event["ORGANIZER"] == "mailto:office@example.com"
    assert event["ORGANIZER"].params["CN"] == "Norman Homes"
    attendee = event["ATTENDEE"]
    assert attendee == "mailto:max@example.com"
    assert dict(attendee.params) == {
        "CN": "Max Muster",
        "CUTYPE": "INDIVIDUAL",
        "PARTSTAT": "NEEDS-ACTION",
        "ROLE": "REQ-PARTICIPANT",
        "RSVP": "TRUE",
    }


def test_a_cancellation_takes_the_event_away(letter: Letter, invitation: Invitation) -> None:
    message = sent(replace(letter, invitation=replace(invitation, method="CANCEL", sequence=3)))
    calendar, event = event_of(message)
    assert calendar["METHOD"] == "CANCEL"
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("viewing-7@rent.example.com", 3, "CANCELLED")
    assert "RSVP" not in event["ATTENDEE"].params
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    assert part.get_param("method") == "CANCEL"


def test_long_lines_of_a_calendar_are_folded(letter: Letter, invitation: Invitation) -> None:
    long = replace(letter, invitation=replace(invitation, description="ñ" * 500, attendee_name="ñ" * 200))
    part = next(part for part in sent(long).walk() if part.get_content_type() == "application/ics")
    assert max(map(len, part.get_content().split(b"\r\n"))) <= 75
    assert event_of(sent(long))[1]["DESCRIPTION"] == "ñ" * 500


def test_a_long_subject_is_cut(letter: Letter) -> None:
    assert len(sent(replace(letter, subject="x" * 5000))["Subject"]) == 200


@pytest.mark.parametrize(
    "name", ["Max\r\nBcc: eve@example.com", "Max\nX: 1", "Max\x00", "Max\u2028X: 1", 'Max" <a@b>', "Max,\tEve"]
)
def test_no_name_can_add_a_header_or_a_property(letter: Letter, invitation: Invitation, name: str) -> None:
    evil = replace(
        letter,
        sender_name=name,
        subject=name,
        invitation=replace(invitation, attendee_name=name, summary=name, location=name, uid=name),
    )
    message = sent(evil)
    plain = sent(replace(letter, invitation=invitation))
    assert list(message.keys()) == list(plain.keys())
    assert message["To"].addresses[0].addr_spec == "max@example.com"
    assert message["From"].addresses[0].addr_spec == "office@example.com"
    _, event = event_of(message)
    assert set(event) == set(event_of(plain)[1])


@settings(deadline=None, max_examples=50)
@given(text=st.text(max_size=200))
def test_any_text_arrives_without_adding_headers(text: str) -> None:
    letter = Letter(
        channel="email", recipient="max@example.com", body=text, subject=text, message_id=text, sender_name=text,
        invitation=Invitation(uid="u@x", sequence=0, method="REQUEST", start=START, end=START, time_zone="UTC",
                              summary=text, location=text, description=text, attendee_name=text),
    )  # fmt: skip
    message = sent(letter)
    expected = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"}
    assert set(message.keys()) <= expected | {"MIME-Version", "Content-Type"}
    assert message["To"].addresses[0].addr_spec == "max@example.com"
    assert len(message["To"].addresses) == 1
    assert len(event_of(message)[1].walk()) == 1
