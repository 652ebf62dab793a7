"""Pages of time off: the list, blocked times, closures, public holidays, repeating blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.agents.time_off.model import ClosureEntry, RepeatingBlock, RepeatingEntry
from peterental.agents.working_hours.model import DateOverride
from peterental.database.pool import Database
from peterental.services import Services
from tests.web.conftest import Browser

TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=5)
NOON_UTC_OF_SOON = datetime.combine(SOON, time(19), UTC)
NEXT_MONTH = TODAY + timedelta(days=40)

pytestmark = pytest.mark.usefixtures("agents")


def closed(services: Services, admin: Viewer, name: str = "Party", day: date = SOON, **more: Any) -> int:
    (closure,) = services.closures.add([ClosureEntry(name=name, first_day=day, last_day=day, **more)], admin)
    return closure.closure_id


def repeating(services: Services, admin: Viewer, agent_id: str = "ana-lima", **more: Any) -> RepeatingBlock:
    fields = {"weekdays": (1, 2, 3, 4, 5, 6, 7), "from_min": 720, "until_min": 780, "first_day": TODAY, "note": "Lunch"}
    return services.repeating_blocks.add(agent_id, RepeatingEntry(**{**fields, **more}), admin)


def blocked(database: Database) -> list[dict[str, Any]]:
    return database.fetch(
        "SELECT agent_id, lower(during) AS start, upper(during) AS until, note FROM agent_busy ORDER BY busy_id"
    )


def words(html: str) -> str:
    """Return the text of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_list_has_everything_ahead_by_date(office: Browser, services: Services, admin: Viewer) -> None:
    repeating(services, admin, every_weeks=2, weekdays=(SOON.isoweekday(),), first_day=SOON + timedelta(days=14))
    services.hours.add_override("ben", DateOverride(SOON + timedelta(days=2), (), "Moving"), admin)
    closed(services, admin, day=SOON + timedelta(days=1), from_min=720, exempt=frozenset({"ben"}))
    office.send("/time-off/block", {"block-agent_id": "ben", "block-day": str(SOON), "block-note": "Dentist", "part": "afternoon"}, at="/time-off")  # fmt: skip
    page = words(office.get("/time-off").text)
    parts = (
        "Ben : from 12 pm Dentist",
        "Party Office closed, from 12 pm, 1 agent works anyway.",
        "Ben : day off Moving",
    )
    places = [page.index(part) for part in (*parts, "Ana Lima : 12 pm – 1 pm Lunch , every 2 weeks on")]
    assert places == sorted(places)


def test_users_see_their_own_agents_and_closures(
    office: Browser, anas: Browser, services: Services, admin: Viewer
) -> None:
    closure_id = closed(services, admin, exempt=frozenset({"ben"}))
    repeating(services, admin, "ben", note="Secret of Ben")
    own = repeating(services, admin)
    page = anas.get("/time-off").text
    assert "Party" in page
    assert "Lunch" in page
    assert "Secret of Ben" not in page
    assert "Close the office" not in page
    assert f"/time-off/closures/{closure_id}" not in page
    assert anas.get(f"/time-off/repeating/{own.repeating_id}").status_code == 200
    for path in (f"/time-off/closures/{closure_id}", "/time-off/closures/new", "/time-off/holidays"):
        assert anas.get(path).status_code == 403
    assert anas.get("/time-off?agent=ben").status_code == 404
    assert "Party" not in office.get("/time-off?agent=ben").text


def test_list_runs_few_queries_and_stays_small(
    office: Browser, services: Services, admin: Viewer, database: Database, queries: list[str]
) -> None:
    for number in range(60):
        closed(services, admin, f"{number} " + "x" * 110, SOON + timedelta(days=number))
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name) SELECT 'a' || n, 'A ' || n || repeat('y', 80) FROM generate_series(1, 98) n"
    )
    office.get("/time-off")
    queries.clear()
    page = office.get("/time-off")
    assert len(queries) <= 1 + 1 + 3, "the sign-in check, the navigation's counts, and three"
    assert "Only 50 agents can be chosen here." in office.get("/time-off").text
    assert len(page.data) < 60_000
    assert page.text.count("Office closed") == 50
    assert office.get("/time-off?page=2").text.count("Office closed") == 10
    assert "This page is empty" in office.get("/time-off?page=3").text


@pytest.mark.parametrize(
    ("part", "hours", "length"), [("day", 0, 24), ("morning", 0, 12), ("afternoon", 12, 12), ("nonsense", 0, 24)]
)
def test_part_of_a_day_is_blocked_by_a_button(
    anas: Browser, database: Database, part: str, hours: int, length: int
) -> None:
    day = date(2030, 7, 4)
    fields = {"block-agent_id": "ana-lima", "block-day": str(day), "part": part}
    page = anas.send("/time-off/block", fields, at="/time-off", follow=True)
    assert "Blocked for Ana Lima: Thu, Jul 4" in page.text
    (row,) = blocked(database)
    start = datetime.combine(day, time(5), UTC) + timedelta(hours=hours)
    assert (row["start"], row["until"]) == (start, start + timedelta(hours=length))


def test_other_times_are_blocked(office: Browser, database: Database) -> None:
    fields = {
        "times-agent_id": "ana-lima",
        "times-first_day": "2030-07-04",
        "times-from_time": "15:00",
        "times-last_day": "2030-07-05",
        "times-until_time": "10:00",
    }
    page = office.send("/time-off/times?agent=ana-lima", fields, at="/time-off?agent=ana-lima")
    assert page.location == "/time-off?agent=ana-lima"
    (row,) = blocked(database)
    assert row["until"] - row["start"] == timedelta(hours=19)


@pytest.mark.parametrize(
    ("path", "fields", "error"),
    [
        ("/time-off/block", {"block-agent_id": "ana-lima", "block-day": ""}, "Choose a day."),
        ("/time-off/block", {"block-agent_id": "", "block-day": "2030-07-04"}, "Choose an agent."),
        ("/time-off/block", {"block-agent_id": "ana-lima", "block-day": "2020-07-04"}, "That time is in the past."),
        ("/time-off/times", {"times-agent_id": "nobody", "times-first_day": "2030-07-04"}, "Choose an agent."),
        (
            "/time-off/times",
            {"times-agent_id": "ana-lima", "times-first_day": "2030-03-10", "times-from_time": "02:30"},
            "The clocks skip 02:30 on that day.",
        ),
        (
            "/time-off/times",
            {"times-agent_id": "ana-lima", "times-first_day": "2030-03-10", "times-until_time": "02:30"},
            "The clocks skip 02:30 on that day.",
        ),
        (
            "/time-off/times",
            {
                "times-agent_id": "ana-lima",
                "times-first_day": "2030-07-04",
                "times-from_time": "9:00",
                "times-until_time": "08:00",
            },
            "Enter a time such as 14:30.",
        ),
        (
            "/time-off/times",
            {"times-agent_id": "ana-lima", "times-first_day": "2030-07-04", "times-last_day": "2030-07-03"},
            "The end must be after the start.",
        ),
    ],
)
def test_invalid_block_shows_its_error(
    office: Browser, database: Database, path: str, fields: dict[str, str], error: str
) -> None:
    page = office.send(path, fields, at="/time-off", part="day")
    assert page.status_code == 400
    assert error in page.text
    assert blocked(database) == []


def test_blocks_and_days_off_are_removed(
    office: Browser, services: Services, admin: Viewer, database: Database
) -> None:
    services.hours.add_override("ben", DateOverride(SOON, ()), admin)
    office.send("/time-off/block", {"block-agent_id": "ben", "block-day": str(SOON), "part": "day"}, at="/time-off")
    buttons = re.findall(r'name="remove" value="([^"]+)"', office.get("/time-off").text)
    assert len(buttons) == 2
    for value in buttons:
        assert "was removed" in office.send("/time-off/remove", at="/time-off", remove=value, follow=True).text
    assert blocked(database) == []
    for value, message in (
        (buttons[0], "already removed"),
        (buttons[1], "already removed"),
        ("day nonsense ben", "the day was invalid"),
        ("block x ben", "already removed"),
    ):
        assert message in office.send("/time-off/remove", at="/time-off", remove=value, follow=True).text


def test_user_cannot_remove_from_agents_of_others(anas: Browser) -> None:
    assert anas.send("/time-off/remove", at="/time-off", remove=f"day {SOON} ben").status_code == 404


def test_office_is_closed_and_opened(office: Browser, database: Database) -> None:
    fields = {"name": "Party", "first_day": str(SOON), "from_time": "12:00", "until_time": "16:00", "exempt": "ben"}
    page = office.send("/time-off/closures/new", fields, follow=True)
    assert "Party: the office is closed. No viewing is booked then." in page.text
    (row,) = blocked(database)
    assert (row["agent_id"], row["until"] - row["start"]) == ("ana-lima", timedelta(hours=4))
    path = re.findall(r"/time-off/closures/\d+", page.text)[0]
    shown = office.get(path).text
    assert 'value="ben" checked' in shown
    seen = re.findall(r'name="seen"[^>]*value="([^"]+)"', shown)[0]
    assert (
        "Picnic: the office is closed."
        in office.send(path, {**fields, "name": "Picnic", "seen": seen}, follow=True).text
    )
    assert "Picnic was removed" in office.send(f"{path}/remove", at=path, follow=True).text
    assert blocked(database) == []
    assert (
        "already removed" in office.post(f"{path}/remove", {"csrf_token": office.token("/time-off")}, follow=True).text
    )


def test_viewings_in_a_closure_are_listed(
    office: Browser, book: Callable[..., int], services: Services, admin: Viewer
) -> None:
    stands = book("ana-lima", NOON_UTC_OF_SOON)
    book("ana-lima", NOON_UTC_OF_SOON, status="cancelled", attendee_name="Cancelled")
    book("ana-lima", NOON_UTC_OF_SOON + timedelta(days=1), attendee_name="Another day")
    book("ben", NOON_UTC_OF_SOON, attendee_name="Of Ben")
    page = office.send(
        "/time-off/closures/new", {"name": "Party", "first_day": str(SOON), "exempt": "ben"}, follow=True
    )
    assert "1 viewing is booked then, see below." in page.text
    for what in ("", "/move", "/cancel"):
        assert f'href="/appointments/{stands}{what}"' in page.text
    assert "Another day" not in page.text
    assert "Of Ben" not in page.text
    assert ">1 viewing is booked then</a>" in office.get("/time-off").text
    repeating(services, admin, "ben", from_min=0, until_min=1440)
    assert office.get("/time-off").text.count("1 viewing is booked then") == 2


def test_viewings_in_blocked_time_are_listed(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", NOON_UTC_OF_SOON, attendee_name="In it")
    book("ana-lima", NOON_UTC_OF_SOON + timedelta(hours=1), attendee_name="After lunch")
    book("ana-lima", NOON_UTC_OF_SOON + timedelta(days=1), attendee_name="Another day")
    book("ana-lima", NOON_UTC_OF_SOON, attendee_name="Cancelled", status="cancelled")
    fields = {"block-agent_id": "ana-lima", "block-day": str(SOON), "part": "day"}
    page = office.send("/time-off/block", fields, at="/time-off", follow=True).text
    assert "2 viewings are booked then: move or cancel them." in page
    (link,) = re.findall(r'href="([^"]*)">2 viewings are booked then</a>', office.get("/time-off").text)
    for found in (page, office.get(unescape(link)).text):
        assert "In it" in found
        assert "After lunch" in found
        assert "Another day" not in found
        assert "Cancelled" not in re.sub("<option.*", "", found)
    hour = NOON_UTC_OF_SOON.astimezone(ZoneInfo("America/Chicago")).strftime("%H")
    fields = {"busy-first_day": str(SOON), "busy-from_time": f"{hour}:00", "busy-until_time": f"{hour}:10"}
    page = office.send("/agents/ana-lima/hours/busy", fields, at="/agents/ana-lima/hours", follow=True).text
    assert "1 viewing is booked then: move or cancel it." in page
    fields = {"block-agent_id": "ana-lima", "block-day": str(SOON + timedelta(days=3)), "part": "day"}
    page = office.send("/time-off/block", fields, at="/time-off", follow=True).text
    assert "all day.</p>" in page, "a day without viewings stays with the time off"
    assert "Time off</h1>" in page


def test_viewings_outside_a_date_override_are_listed(
    office: Browser, book: Callable[..., int], database: Database
) -> None:
    for clock, status in (("14:00", "confirmed"), ("15:00", "confirmed"), ("16:00", "cancelled")):
        start = datetime.combine(SOON, time.fromisoformat(clock), ZoneInfo("America/Chicago"))
        book("ana-lima", start.astimezone(UTC), attendee_name=f"At {clock}", status=status)
    at = "/agents/ana-lima/hours"
    for hours, expected in (
        ("", "2 viewings are booked then: move or cancel them."),
        ("9-15:20", "1 viewing is booked outside these hours: move or cancel it."),
        ("14:30-17", "1 viewing is booked outside these hours: move or cancel it."),
        ("9-14:30, 15-17", ""),
    ):
        page = office.send(f"{at}/days", {"day-day": str(SOON), "day-hours": hours}, at=at, follow=True).text
        assert f"was added. {expected}".strip() in page
        assert ("At 15:00" in page) is bool(expected)
        assert "At 16:00" not in page
        database.fetch("DELETE FROM agent_days")


def test_closure_added_twice_is_reported(office: Browser) -> None:
    fields = {"name": "Party", "first_day": str(SOON)}
    office.send("/time-off/closures/new", fields)
    assert "closed then already" in office.send("/time-off/closures/new", fields, follow=True).text


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "", "first_day": "2030-07-04"}, "Enter a name."),
        ({"name": "Party", "first_day": "2030-07-04", "last_day": "2030-07-03"}, "The last day must not be before"),
        (
            {"name": "Party", "first_day": "2030-07-04", "from_time": "12:00", "until_time": "11:00"},
            "The end must be after",
        ),
        ({"name": "Party", "first_day": "2020-07-04"}, "That time is in the past."),
    ],
)
def test_invalid_closure_shows_its_error(
    office: Browser, services: Services, admin: Viewer, fields: dict[str, str], error: str
) -> None:
    for path in ("/time-off/closures/new", f"/time-off/closures/{closed(services, admin)}"):
        page = office.send(path, {**fields, "seen": datetime.now(UTC).isoformat()})
        assert page.status_code == 400
        assert error in page.text or "Another user changed" in page.text


def test_edit_conflict_of_closure_shows_what_is_saved(office: Browser, services: Services, admin: Viewer) -> None:
    path = f"/time-off/closures/{closed(services, admin)}"
    for seen in ("", "nonsense", "2020-01-01T00:00"):
        page = office.send(path, {"name": "Mine", "first_day": str(SOON), "seen": seen})
        assert page.status_code == 400
        assert "Another user changed this closure" in page.text
        assert 'value="Party"' in page.text
    assert office.get("/time-off/closures/999").status_code == 404


def test_federal_holidays_are_offered_and_none_is_applied_unasked(office: Browser, database: Database) -> None:
    page = office.get("/time-off/holidays")
    assert page.status_code == 200
    assert len(page.data) < 60_000
    assert "Washington&#39;s Birthday" in page.text
    assert database.fetch("SELECT 1 FROM office_closures") == []
    days = re.findall(r'name="day" value="([^"]+)"', page.text)
    done = office.post(
        "/time-off/holidays?country=US", {"csrf_token": office.token("/time-off/holidays"), "day": days[0]}, follow=True
    )
    assert "The office is closed on 1 more day." in done.text
    assert len(blocked(database)) == 2
    assert "Closed already" in office.get("/time-off/holidays").text


@pytest.mark.parametrize(("hour", "is_offered"), [(5, True), (6, False)])
def test_holiday_is_offered_until_it_ends_for_the_office(
    office: Browser, monkeypatch: pytest.MonkeyPatch, hour: int, *, is_offered: bool
) -> None:
    """Christmas 2026 ends in Chicago at six in the morning of the next day, UTC."""
    now = datetime(2026, 12, 26, hour, tzinfo=UTC)
    monkeypatch.setattr("peterental.web.time_off.holiday_pages.utc_now", lambda: now)
    assert ('value="2026-12-25"' in office.get("/time-off/holidays").text) == is_offered


def test_holidays_of_states_and_countries(office: Browser) -> None:
    year = TODAY.year + 1
    assert "Day After Thanksgiving" in office.get(f"/time-off/holidays?country=US&state=OK&year={year}").text
    bavaria = office.get(f"/time-off/holidays?country=DE&state=BY&year={year}").text
    assert "Epiphany" in bavaria
    assert "Columbus Day" not in bavaria
    assert "No public holidays are known" in office.get(f"/time-off/holidays?country=BV&year={year}").text
    warned = office.get("/time-off/holidays?country=XX&state=YY&year=1999").text
    assert warned.count("There is no") == 2
    nothing = office.send("/time-off/holidays", {"day": "2020-01-01"})
    assert nothing.status_code == 400
    assert 'role="alert"' in nothing.text


def test_repeating_block_is_added_changed_and_removed(anas: Browser, database: Database) -> None:
    fields = {
        "agent_id": "ana-lima",
        "weekdays": str(SOON.isoweekday()),
        "from_time": "12:00",
        "until_time": "13:00",
        "every_weeks": "1",
        "first_day": str(SOON),
        "last_day": str(SOON + timedelta(days=14)),
        "note": "Lunch",
    }
    page = anas.send("/time-off/repeating/new?agent=ana-lima", fields, follow=True)
    assert "Ana Lima is blocked every" in page.text
    assert len(blocked(database)) == 3
    path = re.findall(r"/time-off/repeating/\d+", page.text)[0]
    skipped = {"skip-day": str(SOON + timedelta(days=7))}
    assert "Skipped:" in anas.send(f"{path}/skip", skipped, at=path, follow=True).text
    assert len(blocked(database)) == 2
    wrong = anas.send(f"{path}/skip", {"skip-day": str(SOON + timedelta(days=1))}, at=path)
    assert wrong.status_code == 400
    assert "does not repeat on that day" in wrong.text
    assert anas.send(f"{path}/skip", {"skip-day": ""}, at=path).status_code == 400
    assert "Blocked again" in anas.send(f"{path}/unskip", at=path, day=str(SOON + timedelta(days=7)), follow=True).text
    assert "the day was invalid" in anas.send(f"{path}/unskip", at=path, day="x", follow=True).text
    seen = re.findall(r'name="seen"[^>]*value="([^"]+)"', anas.get(path).text)[0]
    page = anas.send(path, {**fields, "note": "Gym", "seen": seen}, follow=True)
    assert "The repeating block was saved." in page.text
    assert {row["note"] for row in blocked(database)} == {"Gym"}
    assert "Another user changed this repeating block" in anas.send(path, {**fields, "seen": ""}).text
    assert "is no longer blocked" in anas.send(f"{path}/remove", at=path, follow=True).text
    assert "already removed" in anas.post(f"{path}/remove", {"csrf_token": anas.token("/time-off")}, follow=True).text
    assert blocked(database) == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"agent_id": "ben"}, "Choose an agent."),
        ({"weekdays": ""}, "Choose at least one weekday."),
        ({"every_weeks": "0"}, "Enter a whole number from 1 to 52."),
        ({"until_time": "11:00"}, "The end must be after the start."),
        ({"last_day": "2020-01-01"}, "The last day must not be before the first day."),
        ({"first_day": "2020-01-01", "last_day": "2020-01-02"}, "That time is in the past."),
    ],
)
def test_invalid_repeating_block_shows_its_error(
    anas: Browser, services: Services, admin: Viewer, changed: dict[str, str], error: str
) -> None:
    fields = {
        "agent_id": "ana-lima", "weekdays": "1", "from_time": "12:00", "until_time": "13:00", "every_weeks": "1",
        "first_day": str(SOON), **changed,
    }  # fmt: skip
    page = anas.send("/time-off/repeating/new", fields)
    assert page.status_code == 400
    assert error in page.text
    if "agent_id" not in changed:
        path = f"/time-off/repeating/{repeating(services, admin).repeating_id}"
        seen = re.findall(r'name="seen"[^>]*value="([^"]+)"', anas.get(path).text)[0]
        page = anas.send(path, {**fields, "seen": seen})
        assert page.status_code == 400
        assert error in page.text


def test_viewings_in_a_repeating_block_are_listed(office: Browser, book: Callable[..., int]) -> None:
    stands = book("ana-lima", NOON_UTC_OF_SOON)
    fields = {"agent_id": "ana-lima", "weekdays": str(SOON.isoweekday()), "every_weeks": "1", "first_day": str(SOON)}
    page = office.send("/time-off/repeating/new", fields, follow=True)
    assert "1 viewing is booked in this time" in page.text
    assert f'href="/appointments/{stands}/move"' in page.text


def test_left_out_repeating_block_stays_on_the_list(anas: Browser, services: Services, admin: Viewer) -> None:
    block = repeating(services, admin, weekdays=(SOON.isoweekday(),), first_day=SOON, last_day=SOON)
    services.repeating_blocks.skip(block.repeating_id, SOON, admin)
    assert "Skipped on all days to come." in anas.get("/time-off").text


def test_empty_list_says_what_to_do(office: Browser, anas: Browser) -> None:
    assert "Choose public holidays" in office.get("/time-off").text
    page = anas.get("/time-off").text
    assert "or a time that repeats" in page
    assert "Choose public holidays" not in page


def test_unknown_repeating_block_is_not_found(anas: Browser, services: Services, admin: Viewer) -> None:
    others = repeating(services, admin, "ben").repeating_id
    for path in (f"/time-off/repeating/{others}", "/time-off/repeating/999"):
        assert anas.get(path).status_code == 404
    assert anas.post(f"/time-off/repeating/{others}/unskip", {"csrf_token": anas.token("/time-off"), "day": "2030-01-01"}).status_code == 404  # fmt: skip


def test_slot_check_names_the_closure(office: Browser, services: Services, admin: Viewer) -> None:
    closed(services, admin, "Thanksgiving")
    services.hours.set_week("ana-lima", [[Window(540, 1020)]] * 7, admin)
    page = words(office.get(f"/agents/ana-lima?on={SOON}&at=11:00").text)
    assert "The office is closed for Thanksgiving" in page
    hours = words(office.get("/agents/ana-lima/hours").text)
    assert "Thanksgiving · the office is closed" in hours
    assert "office closed" in office.get(f"/agents/ana-lima/day?on={SOON}").text


def test_repeating_block_in_slot_check_and_week(office: Browser, services: Services, admin: Viewer) -> None:
    block = repeating(services, admin, from_min=0, until_min=1440)
    services.hours.set_week("ana-lima", [[Window(540, 1020)]] * 7, admin)
    page = office.get(f"/agents/ana-lima?on={SOON}&at=11:00").text
    assert f'which <a href="/time-off/repeating/{block.repeating_id}">repeats</a>' in page
    assert "with repeating blocks" in office.get("/agents/ana-lima/hours").text


def test_rehearsal_names_closures(office: Browser, services: Services, admin: Viewer) -> None:
    agent = services.agents.get("ana-lima", admin)
    services.agents.update("ana-lima", Profile(agent_name=agent.agent_name, vapi_assistant_id="6f1c8a3e-2b4d-4c5e-9f60-7a8b9c0d1e2f"), admin)  # fmt: skip
    closed(services, admin, "Thanksgiving")
    closed(services, admin, "Far away", NEXT_MONTH)
    page = office.send("/rehearsal?tool=get_availability", {"agent": "ana-lima", "date": "tomorrow"}).text
    assert "No time is offered while the office is closed" in page
    assert "(<bdi>Thanksgiving</bdi>)" in page
    assert "Far away" not in page


def test_weekday_is_changed_from_time_off_and_from_the_agent(office: Browser) -> None:
    for path in ("/time-off", "/agents/ana-lima"):
        assert 'href="/agents/ana-lima/hours?day=friday"' in office.get(path).text
    page = office.get("/agents/ana-lima/hours?day=friday").text
    field = re.findall(r'<input[^>]*name="friday"[^>]*>', page)[0]
    assert " autofocus" in field
    assert "autofocus" not in re.findall(r'<input[^>]*name="monday"[^>]*>', page)[0]
    chosen = date.fromisoformat(re.findall(r'name="day-day"[^>]*value="([^"]+)"', page)[0])
    assert chosen.isoweekday() == 5
    assert "autofocus" not in office.get("/agents/ana-lima/hours?day=nonsense").text


@pytest.mark.usefixtures("agents")
def test_no_agent_is_blocked_unasked(office: Browser, anas: Browser, database: Database) -> None:
    """Of several agents none is chosen beforehand; the only one is."""
    fields = {"agent_id": "", "weekdays": "1", "every_weeks": "1", "first_day": str(SOON), "from_time": "12:00"}
    page = office.get("/time-off/repeating/new").text
    assert '<option selected value="">Choose</option>' in page
    refused = office.send("/time-off/repeating/new", fields)
    assert refused.status_code == 400
    assert "Choose an agent." in refused.text
    assert database.fetch("SELECT 1 FROM repeating_blocks") == []
    assert 'value="">Choose' not in anas.get("/time-off/repeating/new").text
