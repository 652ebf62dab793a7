"""A viewing's page has its notices; the cancel page says how the visitor is notified."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def viewing(services: Services, admin: Viewer, database: Database) -> int:
    """A viewing in four days that a caller booked, with an e-mail address."""
    services.agents.create(Profile(agent_name="Ben"), admin)
    start = NOW + timedelta(days=4)
    (row,) = database.fetch(
        """
        INSERT INTO appointments (
            agent_id, property_address, start_time, end_time, attendee_name, caller_number, attendee_email
        ) VALUES ('ben', '12 Elm Street', %s, %s, 'Robin Vale', '+14055550142', 'robin@example.com')
        RETURNING id
        """,
        (start, start + timedelta(minutes=30)),
    )
    return int(row["id"])


def turn_on(database: Database, *channels: str, is_real: bool = True) -> None:
    for channel in channels:
        database.fetch(
            "INSERT INTO notice_channels (channel, sender, is_real) VALUES (%s, 'us', %s)", (channel, is_real)
        )


def test_a_viewing_shows_what_was_sent_and_what_is_planned(office: Browser, viewing: int, database: Database) -> None:
    assert "None." in office.get(f"/appointments/{viewing}").text
    turn_on(database, "text")
    database.fetch(
        "INSERT INTO appointment_events (appointment_id, kind, actor, new_start) VALUES (%s, 'booked', 'phone', NOW())",
        (viewing,),
    )
    text = " ".join(office.get(f"/appointments/{viewing}").text.split())
    text = text.replace('<span class="visually-hidden">, notice 1</span>', "")
    assert '">Viewing booked</a> <span class="chip chip-waiting">Waiting</span>' in text
    assert "Text to <bdi>(405) 555-0142</bdi>" in text
    assert 'Reminder, a day before <span class="chip chip-off">Planned</span>' in text
    database.fetch("UPDATE notices SET state = 'suppressed', reason = 'The recipient said stop.', ended_at = NOW()")
    assert "The recipient said stop." in office.get(f"/appointments/{viewing}").text
    database.fetch("UPDATE appointments SET start_time = start_time - INTERVAL '9 days', end_time = NOW()")
    assert "Planned" not in office.get(f"/appointments/{viewing}").text


@pytest.mark.parametrize(
    ("channels", "is_real", "ways"),
    [
        ((), True, ""),
        (("text",), True, "by text to (405) 555-0142"),
        (("text", "email"), True, "by text to (405) 555-0142 and by e-mail to robin@example.com"),
        (("email",), False, "by e-mail to robin@example.com (written into files on this machine)"),
    ],
)
def test_cancelling_says_how_the_visitor_is_notified(
    office: Browser, viewing: int, database: Database, channels: tuple[str, ...], ways: str, *, is_real: bool
) -> None:
    turn_on(database, *channels, is_real=is_real)
    text = office.get(f"/appointments/{viewing}/cancel").text
    assert (f"The visitor is notified <bdi>{ways}</bdi>." in text) == bool(ways)
    assert ("PeteRental does not notify the visitor. Call the visitor" in text) == (not ways)
    text = office.get(f"/appointments/{viewing}/move").text
    assert (f"The visitor is then notified <bdi>{ways}</bdi>." in text) == bool(ways)
    assert ("PeteRental does not notify the visitor." in text) == (not ways)


def test_who_said_stop_is_not_notified(office: Browser, viewing: int, services: Services, database: Database) -> None:
    turn_on(database, "text", "email")
    with database.transaction() as connection:
        services.consents.stop(connection, "text", "+14055550142", how="text message", words="STOP", at=NOW)
    text = office.get(f"/appointments/{viewing}/cancel").text
    assert "The visitor is notified <bdi>by e-mail to robin@example.com</bdi>." in text
    text = " ".join(office.get(f"/appointments/{viewing}").text.split())
    assert '<span class="home">E-mail, <time' in text
    assert '<span class="home">Text, <time' not in text


def test_past_viewing_notifies_no_visitor(office: Browser, viewing: int, database: Database) -> None:
    turn_on(database, "text")
    database.fetch("UPDATE appointments SET start_time = NOW() - INTERVAL '1 day', end_time = NOW()")
    assert "PeteRental does not notify the visitor." in office.get(f"/appointments/{viewing}/cancel").text
    assert "notif" not in office.get(f"/appointments/{viewing}/move").text.partition("<main")[2]
