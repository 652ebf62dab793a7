"""A visitor's e-mails about one viewing, from the booking to a real mail server: an invitation, its change, its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.manual.model import NewBooking, WallClockTime
from peterental.config import Config
from peterental.database.pool import Database
from peterental.mail_settings import MailSender, SmtpServer
from peterental.services import Services, build_services
from tests.notices.mail.mail_server import MailServer, serving

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
KEY = "a session key for tests, long enough"
NOW = datetime(2026, 12, 1, 18, tzinfo=UTC)
THURSDAY = date(2026, 12, 3)
START = datetime(2026, 12, 3, 16, tzinfo=UTC)
"""Ten in Chicago."""


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server."""
    with serving(MailServer()) as running:
        yield running


@pytest.fixture
def services(database: Database, server: MailServer, tmp_path: Path) -> Services:
    """The services of an office that sends through it."""
    config = Config(
        secret_key=KEY,
        public_url="https://rent.example.com",
        instance_dir=tmp_path,
        smtp=SmtpServer("127.0.0.1", server.port),
        mail_from=MailSender("office@example.com"),
    )
    built = build_services(database, lambda: NOW, config)
    built.notice_channels.record(built.notice_sender.transports)
    built.agents.create(Profile(agent_name="Nora Castillo"), ADMIN)
    return built


def book(services: Services) -> int:
    entry = NewBooking(
        agent_id="nora-castillo",
        when=WallClockTime(day=THURSDAY, clock_min=10 * 60),
        key="k" * 32,
        property_address="12 Elm Street, Norman",
        attendee_name="Zoë Müller",
        attendee_email="zoe@example.com",
    )
    return services.manual.book(entry, ADMIN).appointment_id


def events(server: MailServer) -> list[tuple[str, Any]]:
    """Return the method and the event of each invitation that arrived."""
    found = []
    for taken in server.taken:
        part = next(part for part in taken.message.walk() if part.get_content_type() == "text/calendar")
        calendar = icalendar.Calendar.from_ical(part.get_content())
        assert isinstance(calendar, icalendar.Calendar)
        assert part.get_param("method") == calendar["METHOD"]
        found.append((str(calendar["METHOD"]), calendar.walk("VEVENT")[0]))
    return found


def test_a_visitors_calendar_follows_the_viewing(services: Services, server: MailServer) -> None:
    appointment_id = book(services)
    services.notice_sender.send_of_appointment(appointment_id)
    services.visitors.move(appointment_id, START + timedelta(hours=4), START)
    services.notice_sender.send_of_appointment(appointment_id)
    services.visitors.cancel(appointment_id)
    services.notice_sender.send_of_appointment(appointment_id)
    assert [taken.recipients for taken in server.taken] == [["zoe@example.com"]] * 3
    (booked_as, booked), (moved_as, moved), (cancelled_as, cancelled) = events(server)
    assert (booked_as, moved_as, cancelled_as) == ("REQUEST", "REQUEST", "CANCEL")
    assert booked["UID"] == moved["UID"] == cancelled["UID"]
    assert booked["SEQUENCE"] < moved["SEQUENCE"] < cancelled["SEQUENCE"]
    assert moved["DTSTART"].dt - booked["DTSTART"].dt == timedelta(hours=4)
    assert booked["DTSTART"].dt == START
    assert booked["ATTENDEE"].params["CN"] == "Zoë Müller"
    assert (booked["STATUS"], cancelled["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert len({taken.message["Message-ID"] for taken in server.taken}) == 3
    assert "https://rent.example.com/v/" in str(server.taken[0].message.get_body(("plain",)))


def test_a_letter_without_an_answer_is_not_sent_again(
    services: Services, server: MailServer, database: Database
) -> None:
    server.vanishes = True
    appointment_id = book(services)
    for _ in range(3):
        services.notice_sender.send_of_appointment(appointment_id)
        services.notice_sender.look_up()
    assert len(server.taken) == 1
    assert [row["state"] for row in database.fetch("SELECT state FROM notices")] == ["unknown"]


def test_a_server_that_takes_letters_later_gets_one(services: Services, server: MailServer, database: Database) -> None:
    server.answers["RCPT"] = "450 greylisted"
    appointment_id = book(services)
    services.notice_sender.send_of_appointment(appointment_id)
    (row,) = database.fetch("SELECT notice_id, state, due_at FROM notices")
    assert (row["state"], server.taken) == ("waiting", [])
    del server.answers["RCPT"]
    database.fetch("UPDATE notices SET due_at = %s", (NOW,))
    services.notice_sender.send(row["notice_id"])
    services.notice_sender.send(row["notice_id"])
    assert len(server.taken) == 1
