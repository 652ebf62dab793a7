"""The page to edit a viewing, and the history of its edits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.manual.model import Event
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails, PropertyName
from peterental.services import Services
from peterental.web.appointments.history import changed_fields
from peterental.web.appointments.homes import home_names, ids_ignoring_case

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.web.conftest import Browser

HIDDEN = re.compile(r'<input[^>]*name="(csrf_token|seen)"[^>]*value="([^"]*)"')
CHICAGO = ZoneInfo("America/Chicago")
SOON = (datetime.now(UTC) + timedelta(days=3)).replace(hour=16, minute=0, second=0, microsecond=0)
FIELDS = {
    "attendee_name": "Dolores",
    "attendee_phone": "",
    "attendee_email": "",
    "property_address": "1420 Elm Street",
    "agent_id": "ana-lima",
    "minutes": "30",
    "notes": "",
}


@pytest.fixture(autouse=True)
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, Ben in Lisbon."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id, notice_minutes=0), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon"), admin)


def send(browser: Browser, number: int, page: TestResponse | None = None, /, **fields: str) -> TestResponse:
    """Send the form with some fields changed."""
    path = f"/appointments/{number}/edit"
    hidden = {name: unescape(value) for name, value in HIDDEN.findall((page or browser.get(path)).text)}
    return browser.post(path, {**hidden, **FIELDS, **fields})


def words(page: TestResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_edit_is_saved_and_shown_in_the_history(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    saved = send(
        office, number, attendee_name="Maria", attendee_phone="312 555 0199", minutes="45", notes="Has <a> dog"
    )
    assert (saved.status_code, saved.location) == (303, f"/appointments/{number}")
    shown = office.get(f"/appointments/{number}")
    assert "Has &lt;a&gt; dog" in shown.text
    assert 'href="tel:+13125550199">(312) 555-0199</a>' in shown.text
    text = words(shown)
    assert "Edited Visitor Dolores → , now Maria Phone nothing → , now (312) 555-0199" in text
    assert "Length 30 min → , now 45 min Notes nothing → , now Has <a> dog" in text
    assert "by office@example.com" in text
    (row,) = database.fetch("SELECT attendee_phone, notes, end_time - start_time AS length FROM appointments")
    assert row == {"attendee_phone": "+13125550199", "notes": "Has <a> dog", "length": timedelta(minutes=45)}


def test_unchanged_form_changes_nothing(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    assert send(office, number).status_code == 303
    assert "Nothing was changed." in office.get(f"/appointments/{number}").text
    assert database.fetch("SELECT COUNT(*) AS n FROM appointment_events WHERE kind = 'edited'") == [{"n": 0}]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("attendee_name", " ", "Enter the visitor's name."),
        ("attendee_email", "x", "Enter an e-mail address such as dolores@example.com."),
        ("property_address", "", "Enter the address of the home."),
        ("agent_id", "unknown", "Choose one of the options."),
        ("minutes", "", "Enter the length."),
        ("minutes", "481", "Enter a whole number from 5 to 480."),
        ("notes", "x" * 2001, "At most 2,000 characters."),
    ],
)
def test_invalid_entry_is_shown_at_its_field(
    office: Browser, book: Callable[..., int], field: str, value: str, error: str
) -> None:
    page = send(office, book("ana-lima", SOON), None, **{field: value})
    assert page.status_code == 400
    assert re.search(rf'id="{field}-error">{re.escape(error)}', unescape(page.text))


def test_home_of_the_catalogue_is_linked(
    office: Browser, services: Services, admin: Viewer, database: Database, book: Callable[..., int]
) -> None:
    home = services.properties.add(PropertyDetails(line1="77 Oak Avenue"), admin)
    number = book("ana-lima", SOON, property_address="the yellow house", attendee_name="Dolores")
    database.fetch("UPDATE appointments SET is_home_unknown = TRUE")
    assert "Unknown home" in office.get(f"/appointments/{number}").text
    assert '<option value="77 Oak Avenue">' in office.get(f"/appointments/{number}/edit").text
    assert send(office, number, property_address="77 oak  avenue").status_code == 303
    assert database.fetch("SELECT property_id, property_address, is_home_unknown FROM appointments") == [
        {"property_id": home, "property_address": "77 Oak Avenue", "is_home_unknown": False}
    ]
    shown = words(office.get(f"/appointments/{number}"))
    assert "Unknown home" not in shown
    assert "Home the yellow house → , now 77 Oak Avenue" in shown


def test_overlap_requires_confirmation(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    book("ana-lima", SOON + timedelta(minutes=30), attendee_name="Max")
    page = send(office, number, minutes="60")
    assert page.status_code == 409
    assert "It overlaps" in page.text
    token = re.search(r'name="acknowledged" value="([^"]+)"', page.text)
    assert token
    assert send(office, number, page, minutes="60", acknowledged=unescape(token[1])).status_code == 303
    assert database.fetch("SELECT overlap_allowed FROM appointments ORDER BY id LIMIT 1") == [{"overlap_allowed": True}]


def test_taken_time_is_explained(office: Browser, book: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    book("ana-lima", SOON + timedelta(minutes=30), attendee_name="Max")
    repository = "peterental.appointments.manual.repository.ManualBookingRepository"
    monkeypatch.setattr(f"{repository}.overlapping", lambda *_, **__: ())
    page = send(office, number, minutes="60")
    assert page.status_code == 400
    assert "That time of the agent was just booked." in page.text


def test_cancelled_viewing_offers_the_visitor_only(
    office: Browser, database: Database, book: Callable[..., int]
) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores", status="cancelled")
    page = office.get(f"/appointments/{number}/edit")
    assert 'name="minutes"' not in page.text
    assert "It is cancelled, so home, agent and length stay." in page.text
    assert send(office, number, page, notes="Called back", agent_id="ben", minutes="90").status_code == 303
    assert database.fetch("SELECT notes, agent_id FROM appointments") == [
        {"notes": "Called back", "agent_id": "ana-lima"}
    ]


def test_edit_conflict_shows_the_other_change(office: Browser, book: Callable[..., int]) -> None:
    number = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    page = office.get(f"/appointments/{number}/edit")
    send(office, number, attendee_name="Maria")
    late = send(office, number, page, attendee_name="Marta")
    assert late.status_code == 409
    text = " ".join(late.text.split())
    assert "Latest change: Edited, by" in text
    assert "<del><bdi>Dolores</bdi></del>" in text
    assert "<ins><bdi>Maria</bdi></ins>" in text
    assert "You saw" not in text, "its time and status are the same"


def test_agents_user_edits_own_viewings_only(
    office: Browser, anas: Browser, database: Database, book: Callable[..., int]
) -> None:
    own = book("ana-lima", SOON, property_address="1420 Elm Street", attendee_name="Dolores")
    other = book("ben", SOON)
    assert anas.get(f"/appointments/{other}/edit").status_code == 404
    page = anas.get(f"/appointments/{own}/edit")
    assert '<option value="ben">' not in page.text
    assert send(anas, own, page, agent_id="ben").status_code == 400
    assert send(anas, own, notes="Mine").status_code == 303
    assert office.get(f"/appointments/{own}/edit").status_code == 200
    assert database.fetch("SELECT agent_id FROM appointments ORDER BY id LIMIT 1") == [{"agent_id": "ana-lima"}]


def test_words_of_changes() -> None:
    def shown(**changes: tuple[object, object]) -> list[tuple[str, str | None, str | None]]:
        event = Event(kind="edited", happened_at=SOON, actor="x", changes=changes)  # type: ignore[arg-type]  # any names
        return changed_fields(event, CHICAGO)

    assert shown(phone=("+14055550123", "+442079460000")) == [("Phone", "(405) 555-0123", "+44 20 7946 0000")]
    assert shown(agent=("Ana", "Ben"), agent_id=("a", "b")) == [("Agent", "Ana", "Ben")]
    assert shown(home_id=(None, 7)) == [("Home", "not in the list of homes", "in the list of homes")]
    assert shown(home=("x", "y"), home_id=(None, 7)) == [("Home", "x", "y")]
    assert shown(notes=("x" * 121, None)) == [("Notes", "x" * 120 + "…", None)]


def test_homes_of_one_name_are_told_apart() -> None:
    names = home_names([PropertyName(1, "1 Elm"), PropertyName(2, "1 Elm"), PropertyName(3, "2 Oak")])
    assert names == {"1 Elm (home 1)": 1, "1 Elm (home 2)": 2, "2 Oak": 3}
    assert ids_ignoring_case(names)["2 oak"] == 3


def test_enter_books_rather_than_showing_times(office: Browser, book: Callable[..., int]) -> None:
    number = book("ana-lima", SOON)
    for path in ("/appointments/new", f"/appointments/{number}/move"):
        form = office.get(path).text.partition('class="sheet"')[2]
        first = re.search(r"<button([^>]*)>", form)
        assert first
        assert 'name="look"' not in first[1]
