"""What a viewing's page says about its event in the calendar, and what can be done about changes there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.calendars.account import Account
from peterental.calendars.model import CalendarUnreachable, EventRefused
from peterental.database.pool import Database
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.calendars.conftest import Script
    from tests.web.conftest import Browser

DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


@pytest.fixture
def account(connect: Callable[..., Account]) -> Account:
    return connect()


@pytest.fixture
def browser(account: Account, anas: Browser) -> Browser:
    del account
    return anas


@pytest.fixture
def number(account: Account, book: Callable[..., int], noon: datetime) -> int:
    """A viewing tomorrow at noon UTC, with an agent whose calendar receives viewings."""
    del account
    return book("nora", noon)


@pytest.fixture
def written(number: int, services: Services) -> int:
    """The viewing, in the calendar."""
    services.calendar_events.write(number)
    return number


def read(services: Services) -> None:
    """Read the calendar of the only account."""
    result = services.calendar_sync.sync(1)
    assert result is not None
    assert result.state == "read"


def words(browser: Browser, number: int) -> str:
    """Return what the viewing's page says about the calendar."""
    found = re.search(r"<dt>Calendar</dt><dd>(.*?)</dd>", browser.get(f"/appointments/{number}").text)
    return unescape(found[1]) if found else ""


def test_viewing_says_whether_it_is_in_the_calendar(
    browser: Browser, number: int, services: Services, script: Script, database: Database
) -> None:
    assert words(browser, number) == "Not written yet"
    script.fault = DOWN
    with pytest.raises(CalendarUnreachable):
        services.calendar_events.write(number)
    assert words(browser, number) == "Not written yet: dav.example.com cannot be reached: no answer."
    script.fault = None
    services.calendar_events.write(number)
    assert words(browser, number) == "In the calendar"
    database.fetch("UPDATE appointments SET status = 'cancelled'")
    assert words(browser, number) == "Not deleted yet"
    services.calendar_events.write(number)
    assert words(browser, number) == ""


def test_refused_event_is_named(browser: Browser, number: int, services: Services, script: Script) -> None:
    script.fault = EventRefused(host="dav.example.com", reason="the title <b> is too long")
    services.calendar_events.write(number)
    assert words(browser, number) == (
        "Not in the calendar: dav.example.com refused the event: the title <b> is too long."
    )


def test_disconnected_calendar_is_named(
    browser: Browser, written: int, services: Services, account: Account, ana: Viewer
) -> None:
    services.calendars.disconnect(account.account_id, ana)
    assert words(browser, written) == "In a calendar that was disconnected"


def test_viewing_without_a_calendar_says_nothing(
    anas: Browser, agent: str, book: Callable[..., int], noon: datetime
) -> None:
    assert words(anas, book(agent, noon)) == ""


def test_moved_event_is_adopted_or_put_back(
    browser: Browser, written: int, services: Services, script: Script, noon: datetime
) -> None:
    later = noon + timedelta(hours=3)
    script.person_moves(later, later + timedelta(minutes=30))
    read(services)
    assert words(browser, written) == "Moved in the calendar"
    link = None
    for path in (f"/appointments/{written}", "/agents/nora/calendars"):
        text = browser.get(path).text
        assert "Moved in the calendar to <time" in text
        assert f'action="/appointments/{written}/put-back"' in text
        link = re.search(rf'href="(/appointments/{written}/move\?day=[^"]+)"', text)
        assert link is not None
    assert link is not None
    form = browser.get(unescape(link[1])).text
    clock = re.search(r'name="time"[^>]*value="(\d\d:\d\d)', form)
    day = re.search(r'name="day"[^>]*value="([\d-]+)"', form)
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', form)
    assert clock
    assert day
    assert seen
    fields = {"day": day[1], "time": clock[1], "seen": unescape(seen[1])}
    page = browser.send(f"/appointments/{written}/move", fields, at=f"/appointments/{written}/move")
    token = re.search(r'name="acknowledged" value="([^"]+)"', page.text)
    if token:  # tomorrow is not a working day, or the hour is in the evening
        fields["acknowledged"] = unescape(token[1])
        browser.send(f"/appointments/{written}/move", fields, at=f"/appointments/{written}/move")
    services.calendar_events.write(written)
    assert words(browser, written) == "In the calendar"
    ((event, _),) = script.events.values()
    assert event.start == later


def test_event_is_put_back(browser: Browser, written: int, services: Services, script: Script, noon: datetime) -> None:
    script.person_moves(noon, noon + timedelta(hours=2))
    read(services)
    text = browser.get(f"/appointments/{written}").text
    assert "Changed in the calendar: it ends at <time" in text
    assert "/move?day" not in text
    page = browser.send(f"/appointments/{written}/put-back", at="/account", follow=True)
    assert "The event is put back into the calendar within a minute." in page.text
    services.calendar_events.write(written)
    ((event, _),) = script.events.values()
    assert event.end == noon + timedelta(minutes=30)
    page = browser.send(f"/appointments/{written}/put-back", at="/account", follow=True)
    assert "The viewing and its event in the calendar agree by now." in page.text


def test_deleted_event_offers_to_cancel(
    browser: Browser, written: int, services: Services, script: Script, database: Database
) -> None:
    script.person_deletes()
    services.calendar_events.check(written)
    for path in (f"/appointments/{written}", "/agents/nora/calendars"):
        text = browser.get(path).text
        assert "Deleted in the calendar." in text
        assert f'href="/appointments/{written}/cancel">Cancel the viewing…</a>' in text
    database.fetch("UPDATE appointments SET status = 'cancelled'")
    assert "Deleted in the calendar." not in browser.get(f"/appointments/{written}").text
    assert "Deleted in the calendar." not in browser.get("/agents/nora/calendars").text


def test_events_of_others_cannot_be_put_back(
    written: int, open_browser: Callable[[], Browser], services: Services, script: Script
) -> None:
    script.person_deletes()
    services.calendar_events.check(written)
    services.users.create("zoe@example.com", "correct horse battery", "agent", "Zoe")
    zoe = open_browser()
    zoe.sign_in("zoe@example.com")
    assert zoe.send(f"/appointments/{written}/put-back", at="/account").status_code == 404
    assert zoe.send("/appointments/999/put-back", at="/account", follow=True).status_code == 404
