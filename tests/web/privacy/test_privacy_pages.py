"""The privacy page: search, export and deletion for admins; reduced calls in the pages of the calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.calls.model import CallUpdate
from peterental.config import Config
from peterental.database.pool import Database
from peterental.privacy.model import SearchTooSlow
from peterental.privacy.service import PersonService
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NUMBER = "+14055550142"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

pytestmark = pytest.mark.usefixtures("agents")


@pytest.fixture
def dolores(book: Callable[..., int], services: Services) -> int:
    """An upcoming viewing of Dolores, and a call with her words."""
    services.calls.record_update(CallUpdate(vapi_call_id="c1", caller_number=NUMBER, transcript="User: I am Dolores."))
    return book("ana-lima", TOMORROW, attendee_name="Dolores Whitcomb", attendee_phone=NUMBER, vapi_call_id="c1")


def test_page_names_what_is_stored(office: Browser, dolores: int) -> None:
    page = office.send("/privacy", person="(405) 555-0142")
    assert page.status_code == 200
    assert "Stored about <bdi>(405) 555-0142</bdi>" in page.text
    for part in ("1 viewing", "1 call", f"/appointments/{dolores}", "/calls/c1", "Dolores Whitcomb"):
        assert part in page.text
    assert len(page.data) < 60_000


def test_number_is_in_no_address_and_no_cookie(office: Browser, dolores: int) -> None:
    """URLs and cookies end up in logs and histories."""
    del dolores
    page = office.send("/privacy", person=NUMBER)
    assert not re.findall(r'(?:href|action)="[^"]*4055550142', page.text)
    gone = office.send("/privacy/delete", at="/privacy", person="+14055550143")
    assert "405555" not in str(gone.headers)


def test_nothing_stored_is_said(office: Browser) -> None:
    page = office.send("/privacy", person=NUMBER)
    assert "Nothing is stored about" in page.text
    for path in ("/privacy/export", "/privacy/delete"):
        answer = office.send(path, at="/privacy", person=NUMBER, follow=True)
        assert "Nothing is stored about that person." in answer.text


@pytest.mark.parametrize("text", ["", "Dolores", "555-0142", "x" * 300])
def test_what_is_no_person_is_refused_at_its_field(office: Browser, text: str) -> None:
    page = office.send("/privacy", person=text)
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.text
    assert "area code" in office.send("/privacy/export", at="/privacy", person=text, follow=True).text


def test_export_is_a_file(office: Browser, dolores: int) -> None:
    answer = office.send("/privacy/export", at="/privacy", person=NUMBER)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="person-\d{4}-\d\d-\d\d\.json"', answer.headers["Content-Disposition"])
    assert answer.headers["Cache-Control"] == "no-store"
    document = json.loads(answer.text)
    assert [booking["booking"] for booking in document["bookings"]] == [dolores]
    assert document["calls"][0]["transcript"] == "User: I am Dolores."


def test_deletion_is_confirmed_and_names_what_it_cancels(office: Browser, dolores: int, database: Database) -> None:
    asked = office.send("/privacy/delete", at="/privacy", person=NUMBER)
    assert "1 upcoming viewing will be cancelled" in asked.text
    assert "Dolores Whitcomb" in asked.text
    assert database.fetch("SELECT status FROM appointments") == [{"status": "confirmed"}]
    done = office.send(
        "/privacy/delete", at="/privacy", person=NUMBER, upcoming=str(dolores), confirm="yes", follow=True
    )
    assert "Deleted: 1 viewing, 1 call" in done.text
    (row,) = database.fetch("SELECT status, attendee_name, attendee_phone FROM appointments")
    assert tuple(row.values()) == ("cancelled", "Name deleted", None)
    log = office.get("/audit?kind=person").text
    assert "Data deleted" in log
    assert "phone number ending in 42" in log
    assert "5550142" not in log


def test_viewing_booked_meanwhile_is_shown_first(
    office: Browser, dolores: int, book: Callable[..., int], database: Database
) -> None:
    book("ben", TOMORROW, attendee_phone=NUMBER)
    page = office.send("/privacy/delete", at="/privacy", person=NUMBER, upcoming=f"{dolores},x", confirm="yes")
    assert page.status_code == 409
    assert "Another viewing of this person was booked" in page.text
    assert "2 upcoming viewings will be cancelled" in page.text
    assert {row["status"] for row in database.fetch("SELECT status FROM appointments")} == {"confirmed"}


def test_odd_ids_of_viewings_confirm_nothing(office: Browser, dolores: int, database: Database) -> None:
    assert dolores
    odd = f"{'9' * 5_000},-1,\N{SUPERSCRIPT TWO},,{2**63}"
    page = office.send("/privacy/delete", at="/privacy", person=NUMBER, upcoming=odd, confirm="yes")
    assert page.status_code == 409
    assert database.fetch("SELECT status FROM appointments") == [{"status": "confirmed"}]


def test_deletion_needs_a_token(office: Browser, dolores: int, database: Database) -> None:
    answer = office.post("/privacy/delete", person=NUMBER, upcoming=str(dolores), confirm="yes")
    assert answer.status_code == 400
    assert database.fetch("SELECT attendee_phone FROM appointments") == [{"attendee_phone": NUMBER}]


def test_agents_find_no_such_page(anas: Browser, dolores: int, database: Database) -> None:
    token = anas.token("/account")
    assert anas.get("/privacy").status_code == 404
    for path in ("/privacy", "/privacy/export", "/privacy/delete"):
        answer = anas.post(path, person=NUMBER, upcoming=str(dolores), confirm="yes", csrf_token=token)
        assert answer.status_code == 404
    assert database.fetch("SELECT attendee_phone FROM appointments") == [{"attendee_phone": NUMBER}]
    calls = anas.get("/calls").text
    assert "/privacy" not in calls
    assert "Calls are kept" not in calls


def test_long_results_stay_small(office: Browser, book: Callable[..., int], services: Services) -> None:
    for number in range(60):
        book(
            "ana-lima",
            TOMORROW + timedelta(hours=number),
            attendee_name="N" * 255,
            property_address="<b>" * 400,
            attendee_phone=NUMBER,
        )
        services.calls.record_update(CallUpdate(vapi_call_id=f"c{number}" + "x" * 200, caller_number=NUMBER))
    for path in ("/privacy", "/privacy/delete"):
        page = office.send(path, at="/privacy", person=NUMBER)
        assert len(page.data) < 60_000
        assert "And 40 more viewings. The export has all." in page.text


def test_user_account_is_pointed_to(office: Browser, admin: Viewer) -> None:
    assert "user of PeteRental" in office.send("/privacy", person=admin.email).text


def test_slow_search_names_the_command(office: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SearchTooSlow(wait="25 seconds", command="flask person-export")

    monkeypatch.setattr(PersonService, "find", refuse)
    page = office.send("/privacy", person=NUMBER)
    assert page.status_code == 503
    assert "Run flask person-export in a shell instead." in page.text
    assert "in a shell" in office.send("/privacy/delete", at="/privacy", person=NUMBER, follow=True).text


def test_retention_is_shown_to_admins(
    office: Browser,
    config: Config,
    make_app: Callable[[Config], Flask],
    browse: Callable[[Flask], Browser],
    admin: Viewer,
) -> None:
    assert "Calls are kept without a limit." in office.get("/calls").text
    browser = browse(make_app(replace(config, keep_calls_days=90)))
    browser.sign_in(admin.email)
    assert "Calls are kept for 90 days." in browser.get("/calls").text
    assert "Calls are kept for 90 days." in browser.get("/privacy").text


def test_reduced_call_says_so(office: Browser, services: Services, database: Database) -> None:
    services.calls.record_update(
        CallUpdate(vapi_call_id="c1", caller_number=NUMBER, status="ended", transcript="User: Hi.")
    )
    database.fetch(
        """
        INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, arguments, answer, outcome)
        VALUES ('c1', 't', 'set_appointment', '{"attendee_name": "Dolores"}', 'No.', 'refused')
        """
    )
    database.fetch("UPDATE calls SET created_at = '2026-01-01T12:00Z'")
    assert services.retention.reduce(90).calls == 1
    database.fetch("UPDATE calls SET reduced_at = '2026-04-05T12:00Z'")
    listed = office.get("/calls").text
    assert "Reduced on April 5, 2026 after 90 days" in listed
    assert "Number removed" in listed
    page = office.get("/calls/c1").text
    for part in (
        "Reduced on April 5, 2026 after 90 days",
        "The conversation was removed.",
        "asked and answered was removed",
    ):
        assert part in page
    assert "That was answered before." not in page
    assert "call back" not in page
    assert office.get("/calls?flag=unbooked").text.count('href="/calls/c1"') == 1
    assert office.get("/calls/c1/transcript").text.strip() == ""


def test_call_reduced_by_request_says_so(office: Browser, dolores: int) -> None:
    office.send("/privacy/delete", at="/privacy", person=NUMBER, upcoming=str(dolores), confirm="yes")
    assert "by request" in office.get("/calls/c1").text
