"""Pages of the viewings: list and one viewing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from peterental.appointments.model import Appointment
from peterental.database.pool import Database
from peterental.web.appointments.pages import by_day

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.mark.usefixtures("agents")
def test_empty_list_leads_to_a_booking_and_a_rehearsal(office: Browser) -> None:
    text = office.get("/appointments").text
    assert "No viewings yet" in text
    assert 'href="/appointments/new"' in text
    assert 'href="/rehearsal">Rehearse a call</a>' in text


@pytest.mark.usefixtures("agents")
def test_list_shows_times_in_the_agents_zone(office: Browser, book: Callable[..., int]) -> None:
    start = NOW + timedelta(days=2)
    number = book("ben", start, property_address="Rua Augusta 7", attendee_name="Li Wei")
    text = office.get("/appointments").text
    local = start.astimezone(ZoneInfo("Europe/Lisbon"))
    assert f'<time datetime="{local.isoformat(timespec="minutes")}">' in text
    assert f'title="Europe/Lisbon">{local:%Z}</abbr>' in text
    for shown in ("Rua Augusta 7", "Li Wei", "Ben", "Confirmed", f'href="/appointments/{number}"'):
        assert shown in text


@pytest.mark.usefixtures("agents")
def test_upcoming_viewings_come_first(office: Browser, book: Callable[..., int]) -> None:
    for days, home in ((-2, "long past"), (-1, "just past"), (2, "later"), (1, "soon")):
        book("ana-lima", NOW + timedelta(days=days), property_address=home)
    text = office.get("/appointments").text
    places = [
        text.index(home) for home in ("soon", "later", '<h2 class="list-divider">Past</h2>', "just past", "long past")
    ]
    assert places == sorted(places)
    assert "There are no upcoming viewings" not in text


@pytest.mark.usefixtures("agents")
def test_list_without_upcoming_viewings_shows_a_note(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", NOW - timedelta(days=1), status="no_show")
    text = office.get("/appointments").text
    assert "There are no upcoming viewings" in text
    assert "No-show" in text


@pytest.mark.usefixtures("agents")
def test_list_is_paged_in_two_queries(office: Browser, book: Callable[..., int], statements: list[str]) -> None:
    for hour in range(51):
        book("ana-lima", NOW + timedelta(days=1, hours=hour), attendee_name=f"Visitor {hour:02}")
    statements.clear()
    first = office.get("/appointments")
    assert len(statements) == 3, "the sign-in check, and two"
    assert len(first.data) < 60_000
    assert "Visitor 49" in first.text
    assert "Visitor 50" not in first.text
    assert 'href="/appointments?page=2"' in first.text
    second = office.get("/appointments?page=2").text
    assert "Visitor 50" in second
    assert 'href="/appointments"' in second
    assert "This page is empty" in office.get("/appointments?page=3").text
    for odd in ("0", "-1", "x", "9999999999999999999999"):
        assert office.get(f"/appointments?page={odd}").status_code == 200


@pytest.mark.usefixtures("agents")
def test_viewing_page_shows_every_detail(
    office: Browser, book: Callable[..., int], database: Database, statements: list[str]
) -> None:
    database.fetch("INSERT INTO calls (vapi_call_id) VALUES ('call-1')")
    start = datetime(2027, 1, 5, 21, 30, tzinfo=UTC)
    number = book(
        "ana-lima",
        start,
        property_address="1200 Lake Shore Drive, Apt 14B",
        attendee_phone="312 555 0199",
        attendee_email="max@example.com",
        caller_number="+13125550100",
        vapi_call_id="call-1",
        overlap_allowed=True,
    )
    statements.clear()
    text = office.get(f"/appointments/{number}").text
    assert len(statements) == 9, "the sign-in check, two, the event, the call, notices, texts, and what may be planned"
    for shown in (
        "<strong>3:30 pm</strong>",
        "4:00 pm",
        'title="America/Chicago">CST</abbr>',
        "Tuesday, January 5",
        "Max Muster",
        "(312) 555-0199",
        "max@example.com",
        'href="tel:+13125550100"',
        "by phone",
        'href="/calls/call-1"',
        "Overlaps another",
        'href="/agents/ana-lima"',
        ">1200</span>",
    ):
        assert shown in text


@pytest.mark.usefixtures("agents")
def test_manual_viewing_omits_missing_data(office: Browser, book: Callable[..., int]) -> None:
    text = office.get(f"/appointments/{book('ben', NOW)}").text
    assert "<dd>manually" in text
    assert "/calls/" not in text
    assert "tel:" not in text
    assert "E-mail" not in text


@pytest.mark.usefixtures("agents")
def test_user_sees_own_viewings_only(anas: Browser, book: Callable[..., int]) -> None:
    hers = book("ana-lima", NOW + timedelta(days=1), attendee_name="Hers")
    other = book("ben", NOW + timedelta(days=1), attendee_name="Secret")
    text = anas.get("/appointments").text
    assert "Hers" in text
    assert "Secret" not in text
    assert anas.get(f"/appointments/{hers}").status_code == 200
    assert anas.get(f"/appointments/{other}").status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "999999", "99999999999999999999", "x"])
def test_unknown_viewing_returns_404(office: Browser, number: str) -> None:
    assert office.get(f"/appointments/{number}").status_code == 404


@pytest.mark.usefixtures("agents")
def test_caller_text_is_escaped(office: Browser, book: Callable[..., int]) -> None:
    number = book(
        "ana-lima",
        NOW + timedelta(days=1),
        property_address="<b>12</b> Elm",
        attendee_name='"><script>alert(1)</script>',
        attendee_email="javascript:alert(1)",
    )
    for path in ("/appointments", f"/appointments/{number}", "/agents", "/agents/ana-lima"):
        text = office.get(path).text
        assert "<script" not in text
        assert "<b>" not in text
        assert "&lt;b&gt;12&lt;/b&gt; Elm" in text
        assert 'href="javascript' not in text


def test_days_are_those_of_the_office() -> None:
    now = datetime(2026, 12, 31, 18, 0, tzinfo=UTC)

    def viewing(start: datetime, zone: str = "America/Chicago") -> Appointment:
        return Appointment(
            appointment_id=1,
            agent_id="ana",
            agent_name="Ana",
            time_zone=zone,
            property_address="12 Elm Street",
            start=start,
            end=start + timedelta(minutes=30),
            status="confirmed",
            attendee_name="Max",
        )

    starts = (
        viewing(now + timedelta(hours=1)),
        viewing(now + timedelta(hours=11)),  # 11 pm in Chicago, tomorrow in UTC
        viewing(now + timedelta(hours=13)),
        viewing(now + timedelta(hours=13), "Europe/Lisbon"),
        viewing(now + timedelta(days=5)),
        viewing(now - timedelta(hours=1)),
        viewing(now - timedelta(days=1)),
    )
    days = by_day(starts, now, ZoneInfo("America/Chicago"))
    assert [(day.title, day.is_past, len(day.appointments)) for day in days] == [
        ("Today · Thursday, December 31", False, 2),
        ("Tomorrow · Friday, January 1, 2027", False, 2),
        ("Tuesday, January 5, 2027", False, 1),
        ("Today · Thursday, December 31", True, 1),
        ("Yesterday · Wednesday, December 30", True, 1),
    ]


@pytest.mark.usefixtures("agents")
def test_list_over_two_zones_has_each_day_once(office: Browser, book: Callable[..., int]) -> None:
    first = datetime(2027, 1, 5, 16, 0, tzinfo=UTC)
    for hours, agent in enumerate(("ana-lima", "ben", "ana-lima", "ben", "ana-lima")):
        book(agent, first + timedelta(hours=3 * hours))
    page = office.get("/appointments").text
    assert page.count("<h3>") == 1
    assert page.count('title="America/Chicago"') == 3
    assert page.count('title="Europe/Lisbon"') == 2
    assert page.count("Wed, Jan 6") >= 1, "midnight in Lisbon is another day than in the list"


@pytest.mark.usefixtures("agents")
def test_links_of_rows_differ(office: Browser, book: Callable[..., int]) -> None:
    for hours in range(3):
        book("ana-lima", datetime(2027, 1, 5, 16 + hours, 0, tzinfo=UTC))
    names = re.findall(r'class="row-link"[^>]*>(.*?)</a>', office.get("/appointments").text)
    assert len(names) == len(set(names)) == 3


@pytest.mark.usefixtures("agents")
def test_months_are_links_and_name_the_file(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", datetime.now(UTC))
    page = office.get("/appointments?agent=ana-lima").text
    this = re.search(r'href="(/appointments\?agent=ana-lima&amp;from=(\d{4}-\d\d)-01&amp;to=[\d-]+)">This month', page)
    assert this
    chosen = office.get(this[1].replace("&amp;", "&")).text
    assert f'{this[1]}" aria-current="true">This month' in chosen
    export = office.get(this[1].replace("&amp;", "&").replace("/appointments?", "/appointments.csv?"))
    assert export.headers["Content-Disposition"] == f'attachment; filename="appointments-{this[2]}.csv"'
