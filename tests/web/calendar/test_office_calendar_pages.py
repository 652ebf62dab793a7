"""The calendar of the office: what a day and a week show, where free times lead, and how large the pages get."""

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
from peterental.agents.time_off.model import ClosureEntry
from peterental.agents.working_hours.model import BusyBlockRequest
from peterental.database.pool import Database
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

CHICAGO = ZoneInfo("America/Chicago")
Book = Callable[..., int]


def next_monday() -> date:
    """Return the Monday of next week in Chicago."""
    today = datetime.now(UTC).astimezone(CHICAGO).date()
    return today + timedelta(days=7 - today.weekday())


def at(hour: int, minute: int = 0, zone: ZoneInfo = CHICAGO) -> datetime:
    """Return a time of that Monday."""
    day = next_monday()
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


@pytest.fixture
def offices(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, where the office is, and Ben in Denver."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="America/Denver"), admin)


@pytest.mark.usefixtures("offices")
def test_day_shows_each_time_on_its_agents_clock(office: Browser, book: Book) -> None:
    anas, bens = book("ana-lima", at(10)), book("ben", at(11), attendee_name="<i>Zoë")
    text = office.get(f"/calendar?day={next_monday()}").text
    assert re.search(rf'/appointments/{anas}"><time [^>]+>10:00 am</time> <bdi>12 Elm Street</bdi>', text)
    assert re.search(rf'/appointments/{bens}"><time [^>]+>10:00 am M[SD]T</time>', text)
    assert "&lt;i&gt;Zoë" in text
    assert "Denver time" in text
    assert "Chicago time" in text


@pytest.mark.usefixtures("offices")
def test_free_time_leads_to_a_prefilled_form(office: Browser, book: Book) -> None:
    book("ben", at(11))
    text = office.get(f"/calendar?day={next_monday()}&agent=ben").text
    links = [unescape(link) for link in re.findall(r'<li class="free [^"]+"><a href="([^"]+)"', text)]
    assert links, "the next two weeks are open"
    assert f"/appointments/new?agent=ben&day={next_monday()}&slot=10:00" not in [
        link.replace("%3A", ":") for link in links
    ]
    form = office.get(links[0]).text
    assert f'value="{next_monday()}"' in form
    assert re.search(r'<option selected value="ben">', form)
    assert re.search(r'name="slot" value="09:00" checked', form)


@pytest.mark.usefixtures("offices")
def test_week_has_a_row_for_each_agent(office: Browser, book: Book, services: Services, admin: Viewer) -> None:
    day = next_monday()
    for hour in range(9, 15):
        book("ana-lima", at(hour))
    services.hours.add_busy_block(
        "ben", BusyBlockRequest(first_day=day, last_day=day, from_min=600, until_min=660), admin
    )
    services.hours.add_busy_block(
        "ana-lima", BusyBlockRequest(first_day=day + timedelta(days=1), last_day=day + timedelta(days=1)), admin
    )
    services.closures.add(
        [ClosureEntry(name="Retreat", first_day=day + timedelta(days=2), last_day=day + timedelta(days=2))], admin
    )
    text = office.get(f"/calendar/week?day={day + timedelta(days=3)}").text
    assert "and 3 more" in text
    assert "Busy 10:00 am – 11:00 am" in " ".join(text.split())
    assert "Busy all day" in text
    assert text.count("Office closed: <bdi>Retreat</bdi>") == 2
    assert "Closed" in text, "on Saturday"
    assert re.search(r">\d+ free<", text)
    assert text.count('role="rowheader"') == 2


@pytest.mark.usefixtures("offices")
@pytest.mark.parametrize("path", ["/calendar", "/calendar/week"])
def test_days_agents_and_views_are_linked(office: Browser, path: str) -> None:
    step = timedelta(days=1 if path == "/calendar" else 7)
    day = next_monday() + timedelta(days=2)
    text = unescape(office.get(f"{path}?day={day}&agent=ben").text)
    for link in (
        f"{path}?day={day - step}&agent=ben",
        f"{path}?day={day + step}&agent=ben",
        f'href="{path}?agent=ben"',
        f"/calendar?day={day}&agent=ben",
        f"/calendar/week?day={day}&agent=ben",
    ):
        assert link in text, link
    assert 'name="agent" value="ben" checked' in text
    assert "<bdi>Ana Lima</bdi></a>" not in text


@pytest.mark.usefixtures("offices")
def test_invalid_day_and_agent_are_reported(office: Browser) -> None:
    text = office.get("/calendar?day=nonsense&agent=nobody").text
    assert "Today is shown instead." in text
    assert text.count("is not a valid date") == 1
    assert "There is no agent “nobody”. It was ignored." in text
    assert "No agents on this page" in office.get("/calendar?page=9").text


def test_empty_office_says_what_to_do(office: Browser, anas: Browser) -> None:
    assert "Add an agent" in office.get("/calendar").text
    assert "An admin can make you the owner of one." in anas.get("/calendar/week").text


@pytest.mark.usefixtures("offices")
def test_agent_sees_own_columns_only(anas: Browser, book: Book) -> None:
    book("ben", at(11), attendee_name="Other")
    for path in ("/calendar", "/calendar/week"):
        text = anas.get(f"{path}?day={next_monday()}&agent=ben").text
        assert "Ana Lima" in text
        assert "Other" not in text
        assert ">Ben<" not in text


def test_full_pages_stay_below_60_kb(
    office: Browser, services: Services, admin: Viewer, database: Database, queries: list[str]
) -> None:
    for number in range(9):
        services.agents.create(Profile(agent_name=f"Agent {number} " + "of a long name " * 8), admin)
    database.fetch(
        """
        INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name, overlap_allowed)
        SELECT agent_id, at, at + INTERVAL '30 minutes', %(home)s, %(name)s, TRUE
        FROM agents, generate_series(%(from)s, %(from)s + INTERVAL '7 days', INTERVAL '20 minutes') AS at
        """,
        {"from": at(0), "home": "12 " + "Long & Winding Road " * 20, "name": "& " * 100},
    )
    for path in ("/calendar", "/calendar/week"):
        queries.clear()
        page = office.get(f"{path}?day={next_monday()}")
        assert len(queries) == 5, "the sign-in check, the agents, their schedules, viewings and busy times"
        assert len(page.data) < 60 * 1024, path
        assert "Next agents" in page.text
        assert "Previous agents" in office.get(f"{path}?day={next_monday()}&page=2").text
