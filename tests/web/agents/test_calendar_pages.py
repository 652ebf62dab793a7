"""Calendar pages of an agent: week, day sheet, slot check and statistics."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.services import Services
from tests.clocks import next_skipped_hour

if TYPE_CHECKING:
    from tests.web.conftest import Browser

CHICAGO = ZoneInfo("America/Chicago")
MONDAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def agent(services: Services, admin: Viewer) -> None:
    services.agents.create(Profile(agent_name="Nora <b>", buffer_minutes=15), admin, agent_id="nora")


def at(hour: int, minute: int = 0, day: date = MONDAY, fold: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHICAGO, fold=fold).astimezone(UTC)


def test_week_places_viewings_by_hour(office: Browser, book: Callable[..., int]) -> None:
    number = book("nora", at(9, 30), property_address="<i>12</i> Elm", attendee_name="מיכל", blocked_until=at(10, 15))
    book("nora", at(13), status="cancelled", attendee_name="Gone")
    text = office.get("/agents/nora/week?from=2026-11-26").text
    assert "November 23 – 29, 2026" in text
    assert (
        f'href="/appointments/{number}"><time datetime="2026-11-23T09:30-06:00">9:30 am</time> <bdi>&lt;i&gt;12&lt;/i&gt; Elm</bdi>'
        in text
    )
    assert 'class="entry entry-confirmed q3 n2"' in text
    assert 'class="buffer q5 n1"' in text
    assert "Gone" not in text
    assert 'href="/agents/nora/week?from=2026-11-16"' in text
    assert 'href="/agents/nora/week?from=2026-11-30"' in text
    assert 'href="/agents/nora/week"' in text
    assert "style=" not in text
    assert 'href="/agents/nora/week"' in office.get("/agents/nora").text


def test_pages_of_an_agents_time_lead_to_a_booking(office: Browser, services: Services, admin: Viewer) -> None:
    def book_links(path: str) -> list[str]:
        return re.findall(r'href="(/appointments/new[^"]*)">Book a viewing</a>', unescape(office.get(path).text))

    today = "/appointments/new?agent=nora"
    for path, link in (
        ("", today), ("/week", today), ("/week?from=2020-01-01", today), ("/day?on=2020-01-01", today),
        ("/week?from=2090-01-05", f"{today}&day=2090-01-02"), ("/day?on=2090-01-05", f"{today}&day=2090-01-05"),
    ):  # fmt: skip
        assert book_links(f"/agents/nora{path}") == [link], path
    assert book_links("/agents/nora/hours") == []
    services.agents.set_active("nora", admin, active=False)
    assert book_links("/agents/nora/week") == []


def test_homes_of_the_catalogue_are_shown_by_their_names(
    office: Browser, book: Callable[..., int], database: Database
) -> None:
    """On every page that lists an agent's viewings."""
    (home,) = database.fetch(
        "INSERT INTO properties (line1, unit) VALUES ('1420 Elm Street', '2B') RETURNING property_id"
    )
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    said = {"property_address": "fourteen twenty elm", "property_id": home["property_id"]}
    day = (now + timedelta(days=2)).astimezone(CHICAGO).date()
    book("nora", at(10, day=day), **said)
    database.fetch(
        "INSERT INTO office_closures (name, first_day, last_day) VALUES ('Party', %(day)s, %(day)s)", {"day": day}
    )
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source, note, closure_id)"
        " SELECT 'nora', tstzrange(%s, %s), 'closure', name, closure_id FROM office_closures",
        (at(0, day=day), at(23, day=day)),
    )
    (closure,) = database.fetch("SELECT closure_id FROM office_closures")
    pages = (
        f"/agents/nora/week?from={day}", f"/agents/nora/day?on={day}", "/agents", "/agents/nora", "/agents/nora/hours",
        f"/agents/nora?on={day}&at=10:00", f"/calendar?day={day}", f"/calendar/week?day={day}",
        f"/time-off/closures/{closure['closure_id']}",
    )  # fmt: skip
    for path in pages:
        page = office.get(path)
        assert page.status_code == 200, path
        assert "fourteen twenty" not in page.text, path
        assert "1420 Elm Street" in page.text, path


@pytest.mark.parametrize("asked", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "<b>"])
def test_invalid_day_falls_back_to_today(office: Browser, asked: str) -> None:
    for path in (f"/agents/nora/week?from={asked}", f"/agents/nora/day?on={asked}"):
        page = office.get(path)
        assert page.status_code == 200
        assert (
            f"“{asked.replace('<', '&lt;').replace('>', '&gt;')}” is not a valid date. Use the form 2026-11-30. Today is shown instead."
            in page.text
        )
    assert "is not a valid date" not in office.get("/agents/nora/week?from=%20").text


def test_repeated_hour_shows_the_zone(office: Browser, book: Callable[..., int]) -> None:
    autumn = date(2026, 11, 1)
    for fold in (0, 1):
        book("nora", at(1, 30, autumn, fold), property_address="Night owl")
    for path in ("week?from", "day?on"):
        text = office.get(f"/agents/nora/{path}=2026-11-01").text
        assert "25 hours: the clocks go back" in text
        assert re.search(r"1:30 am(</time>)? CDT", text)
        assert re.search(r"1:30 am(</time>)? CST", text)


def test_overfull_week_stays_below_60_kb(office: Browser, database: Database, queries: list[str]) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, overlap_allowed)
        SELECT 'nora', repeat('é', 200), %(from)s + n * INTERVAL '1 minute', %(from)s + (n + 30) * INTERVAL '1 minute',
               repeat('ü', 200), TRUE
        FROM generate_series(0, 10079) AS n
        """,
        {"from": at(0)},
    )
    database.fetch(
        """
        INSERT INTO agent_busy (agent_id, during, note)
        SELECT 'nora', tstzrange(%(from)s + n * INTERVAL '5 minutes', %(from)s + (n + 1) * INTERVAL '5 minutes'), repeat('y', 900)
        FROM generate_series(0, 2000) AS n
        """,
        {"from": at(9)},
    )
    for path in ("week?from", "day?on"):
        queries.clear()
        page = office.get(f"/agents/nora/{path}=2026-11-23")
        assert len(queries) == 5, "the sign-in check, and four"
        assert len(page.text.encode()) < 60_000
        assert re.search(
            r'href="/appointments\?agent=nora&amp;from=2026-11-23&amp;to=2026-11-23">and 1\d\d\d more on Monday',
            page.text,
        )
        assert "more blocked times" in page.text


def test_single_leftover_is_singular(office: Browser, database: Database, book: Callable[..., int]) -> None:
    database.fetch(
        """
        INSERT INTO agent_busy (agent_id, during)
        SELECT 'nora', tstzrange(TIMESTAMPTZ '2026-11-23 15:00Z' + n * INTERVAL '1 min', '2026-11-23 17:00Z')
        FROM generate_series(1, 13) AS n
        """
    )
    for path in ("week?from=2026-11-23", "day?on=2026-11-23"):
        assert ">and 1 more blocked time<" in office.get(f"/agents/nora/{path}").text
    database.fetch(
        "INSERT INTO agent_days (agent_id, day) SELECT 'nora', CURRENT_DATE + n FROM generate_series(1, 31) AS n"
    )
    assert ">and 1 more<" in office.get("/agents/nora/hours").text
    day = datetime.now(UTC).astimezone(CHICAGO).date()
    book("nora", at(9, day=day), status="no_show")
    assert "1 viewing in twelve weeks" in office.get("/agents/nora/figures").text


def test_day_sheet_shows_time_home_name_and_phone(office: Browser, book: Callable[..., int]) -> None:
    book("nora", at(9, 30), attendee_phone="+1 555 0100", caller_number="+1 555 0199")
    book("nora", at(11), caller_number="+1 555 0177", status="no_show")
    text = office.get("/agents/nora/day?on=2026-11-23").text
    assert "Monday, November 23, 2026" in text
    assert "2 viewings · Chicago time · working hours 9 am–5 pm" in text
    assert '<th scope="row"><time datetime="2026-11-23T09:30-06:00">9:30 am</time></th>' in text
    assert '<a href="tel:+15550100">+1 555 0100</a>' in text
    assert '<a href="tel:+15550177">+1 555 0177</a>' in text
    book("nora", at(12), attendee_phone="the <office> one")
    assert "<bdi>the &lt;office&gt; one</bdi>" in office.get("/agents/nora/day?on=2026-11-23").text
    assert "No-show" in text
    for day in (22, 24):
        assert f'href="/agents/nora/day?on=2026-11-{day}"' in text
    assert "No viewings" in office.get("/agents/nora/day?on=2026-11-22").text


def test_week_escapes_names(office: Browser, database: Database) -> None:
    start = datetime.now(UTC) + timedelta(days=1)
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) VALUES ('nora', tstzrange(%s, %s), '<script>1</script>')",
        (start, start + timedelta(days=2)),
    )
    for path in ("week", "day?on=" + (start + timedelta(days=1)).date().isoformat()):
        text = office.get(f"/agents/nora/{path}").text
        assert "<script" not in text
        assert "Nora &lt;b&gt;" in text


def test_other_owners_calendar_returns_404(anas: Browser) -> None:
    for path in ("week", "day", "figures"):
        assert anas.get(f"/agents/nora/{path}").status_code == 404


def next_weekday(isoweekday: int) -> date:
    """Return the next such weekday in Chicago that is three to nine days ahead."""
    today = datetime.now(CHICAGO).date()
    return next(day for n in range(3, 10) if (day := today + timedelta(days=n)).isoweekday() == isoweekday)


def test_slot_check_explains_every_reason(office: Browser, book: Callable[..., int], database: Database) -> None:
    monday = next_weekday(1)

    def ask(day: date | str, clock: str) -> str:
        text = office.get(f"/agents/nora?on={day}&at={clock}").text
        found = re.search(r'<div class="answer.*?</div>', text, re.DOTALL)
        return " ".join(found.group().split()) if found else text

    free = ask(monday, "10:00")
    assert "is free.</strong> Callers are offered this time." in free
    assert f'<a href="/appointments/new?agent=nora&amp;day={monday}&amp;slot=10:00">Book this time</a>' in free
    number = book("nora", at(10, day=monday), blocked_until=at(10, 45, monday), attendee_name="<Max>")
    taken = ask(monday, "10:00")
    assert (
        f'It overlaps the viewing at <a href="/appointments/{number}"><bdi>12 Elm Street</bdi></a> with <bdi>&lt;Max&gt;</bdi>'
        in taken
    )
    nearest = f'Nearest free times: <a href="/appointments/new?agent=nora&amp;day={monday}&amp;slot=09:00"><time'
    assert nearest in taken
    assert "Book this time" not in taken
    assert "It is within the buffer after the viewing at" in ask(monday, "10:30")
    assert "The buffer of 15 min after it would overlap the viewing at" in ask(monday, "09:30")
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note, source) VALUES ('nora', tstzrange(%s, %s), 'Lunch', 'Google')",
        (at(12, day=monday), at(13, day=monday)),
    )
    assert ": <bdi>Lunch</bdi>, from <bdi>Google</bdi>." in ask(monday, "12:00")
    moved = book("nora", at(16, day=monday))
    database.fetch(
        "INSERT INTO calendar_viewings (appointment_id, remote_change, remote_start, remote_end) VALUES (%s, %s, %s, %s)",
        (moved, "moved", at(14, day=monday), at(14, 30, monday)),
    )
    there = f'The event of <a href="/appointments/{moved}">another viewing</a> was moved there in the calendar.'
    assert there in ask(monday, "14:00")
    database.fetch("DELETE FROM calendar_viewings")
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('nora', tstzrange(%s, %s))",
        (at(0, day=monday + timedelta(days=1)), at(0, day=monday + timedelta(days=2))),
    )
    whole_day = ask(monday + timedelta(days=1), "12:00")
    assert re.search(r"It overlaps the blocked time <time [^>]*>Tue, [A-Z][a-z]+ \d+</time>, all day\.", whole_day)
    assert "Viewings start every 30 min, counted from 9 am." in ask(monday, "14:10")
    assert "The working hours on that day are 9 am–5 pm, and a whole viewing of 30 min must fit." in ask(
        monday, "16:45"
    )
    assert "The agent does not work that day." in ask(monday - timedelta(days=1), "10:00")
    assert "It is in the past." in ask("2020-01-01", "10:00")
    assert "Callers can book up to 14 days in advance, until " in ask("2900-01-01", "10:00")
    assert "That time does not exist" in ask(next_skipped_hour(), "02:30")
    database.fetch("UPDATE agents SET daily_cap = 1, notice_minutes = 0")
    assert "There is 1 viewing on that day, which is the maximum" in ask(monday, "15:00")
    database.fetch("UPDATE agents SET notice_minutes = 20160")
    assert "Callers must book at least 14 days in advance." in ask(monday, "15:00")
    database.fetch("UPDATE agents SET is_active = FALSE, notice_minutes = 0, daily_cap = NULL")
    assert "Nora &lt;b&gt; takes no bookings at present" in ask(monday, "15:00")
    database.fetch("UPDATE agents SET is_active = TRUE")
    database.fetch("DELETE FROM agent_hours")
    assert "There is no free time until " in ask(monday, "15:00")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("on=2026-11-23", "Choose a time too."),
        ("at=10:00", "Choose a day too."),
        ("on=monday&at=10:00", "“monday” is not a valid date. Use the form 2026-11-30."),
        ("on=2026-11-23&at=25:00", "“25:00” is not a valid time. Use the form 14:30."),
    ],
)
def test_incomplete_slot_check_shows_a_warning(office: Browser, query: str, expected: str) -> None:
    page = office.get(f"/agents/nora?{query}")
    assert page.status_code == 200
    assert expected in page.text


def test_slot_check_runs_two_more_queries(office: Browser, book: Callable[..., int], queries: list[str]) -> None:
    monday = next_weekday(1)
    book("nora", at(10, day=monday))
    queries.clear()
    office.get(f"/agents/nora?on={monday}&at=10:00")
    assert len(queries) == 9, "the sign-in check, six of the page, the schedule, and the conflicting viewing"


def test_statistics_have_charts_and_tables(
    office: Browser, book: Callable[..., int], queries: list[str], database: Database
) -> None:
    assert "No statistics yet" in office.get("/agents/nora/figures").text
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id) VALUES ('c1', 'nora'), ('c2', 'nora')")
    book("nora", datetime.now(UTC) - timedelta(days=8), status="completed", vapi_call_id="c1")
    book("nora", datetime.now(UTC) - timedelta(days=9), status="no_show")
    queries.clear()
    text = office.get("/agents/nora/figures").text
    assert len(queries) == 4, "the sign-in check, and three"
    assert text.count('role="img" aria-labelledby=') == 2
    assert '<title id="drawn-viewings-title">Viewings by week and status</title>' in text
    assert "2 viewings in twelve weeks: 1 completed, 0 confirmed, 1 no-show, 0 cancelled." in text
    assert "2 calls in twelve weeks, of which 1 led to a booking." in text
    assert '<rect class="bar-completed"' in text
    assert text.count("<summary>Show as table</summary>") == 2
    assert '<td class="number">50 %</td>' in text
    assert "style=" not in text
    assert len(text.encode()) < 60_000
    assert "Only the latest" not in text
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status)
        SELECT 'nora', 'x', NOW() - INTERVAL '1 hour', NOW(), 'y', 'cancelled' FROM generate_series(1, 10000)
        """
    )
    assert "Only the latest 10000 viewings and calls are counted" in office.get("/agents/nora/figures").text
