"""Pages to book, move and cancel viewings manually, and to record their outcome."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.services import Services
from peterental.web.appointments import manual_pages
from peterental.web.appointments.manual_forms import is_repeated, parse_seen_token
from tests.clocks import next_repeated_hour, next_skipped_hour

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
CHICAGO = ZoneInfo("America/Chicago")
HIDDEN = re.compile(r'<(?:input|button)[^>]*name="(csrf_token|key|seen|acknowledged)"[^>]*value="([^"]*)"')
TODAY = datetime.now(CHICAGO).date()
MONDAY = TODAY + timedelta(days=8 - TODAY.isoweekday() if TODAY.isoweekday() < 7 else 8)
"""A Monday after tomorrow, within the booking horizon of 14 days."""

FILLED_IN = {
    "agent_id": "ana-lima",
    "day": MONDAY.isoformat(),
    "slot": "10:00",
    "time": "",
    "property_address": "1420 Elm Street",
    "attendee_name": "Dolores <Whitcomb>",
    "attendee_email": "",
    "attendee_phone": "312 555 0199",
    "minutes": "",
}


@pytest.fixture(autouse=True)
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, Ben in Lisbon."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id, notice_minutes=0), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon"), admin)


def at(clock: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), CHICAGO).astimezone(UTC)


def hidden(page: TestResponse) -> dict[str, str]:
    return {name: unescape(value) for name, value in HIDDEN.findall(page.text)}


def fill_in(browser: Browser, path: str, fields: Mapping[str, str], page: TestResponse | None = None) -> TestResponse:
    """Send the form of `page`, or of the page at `path`, with these fields."""
    opened = page or browser.get(path)
    hidden_fields = {name: value for name, value in hidden(opened).items() if name != "acknowledged"}
    return browser.post(path, {**hidden_fields, **fields})


def rows(database: Database) -> list[dict[str, object]]:
    return database.fetch(
        "SELECT start_time, status, overlap_allowed, attendee_name, attendee_email FROM appointments ORDER BY id"
    )


def test_form_offers_free_times(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", at("10:00"))
    assert 'name="slot"' not in office.get("/appointments/new").text
    text = office.get(f"/appointments/new?agent=ana-lima&day={MONDAY}&time=16:30").text
    assert 'name="slot" value="09:30"' in text
    assert 'name="slot" value="10:00"' not in text
    assert '<option selected value="ana-lima">' in text
    assert "Chicago time" in text
    assert 'value="16:30"' in text
    sunday = office.get(f"/appointments/new?agent=ana-lima&day={MONDAY - timedelta(days=1)}").text
    assert "There are no free times on that day. Pick one of the nearest" in " ".join(sunday.split())


def test_new_form_begins_with_today_and_its_free_times(office: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    evening = datetime.combine(MONDAY, time(23, 30), CHICAGO)  # in Lisbon it is Tuesday
    monkeypatch.setattr(manual_pages, "utc_now", lambda: evening.astimezone(UTC))
    for agent, day in (("ana-lima", MONDAY), ("ben", MONDAY + timedelta(days=1)), ("", MONDAY)):
        page = office.get(f"/appointments/new?agent={agent}").text
        assert re.search(rf'<input[^>]* name="day"[^>]* value="{day}"', page), agent
        assert ('name="slot"' in page) is bool(agent), "free times need an agent"
    assert f'value="{MONDAY}"' not in office.get("/appointments/new?agent=ana-lima&day=").text


@pytest.mark.parametrize(
    "odd",
    ["agent=unknown&day=2026-13-40", "agent=ana-lima&day=0001-01-01&time=99:99", "day=x", f"agent=%00&day={MONDAY}"],
)
def test_invalid_params_give_an_empty_form(office: Browser, odd: str) -> None:
    page = office.get(f"/appointments/new?{odd}")
    assert page.status_code == 200
    assert 'name="slot"' not in page.text


def test_showing_free_times_books_nothing(office: Browser, database: Database) -> None:
    page = fill_in(office, "/appointments/new", {**FILLED_IN, "slot": "", "look": "1"})
    assert page.status_code == 200
    assert 'value="Dolores &lt;Whitcomb&gt;"' in page.text
    assert 'name="slot" value="10:00"' in page.text
    assert "Nothing was saved" not in page.text
    assert rows(database) == []
    assert re.findall(r"<(\w+ [^>]*)autofocus", page.text) == [
        'div class="field" role="radiogroup" aria-labelledby="slot-label" tabindex="-1" '
    ], "one goes on with the times"
    sunday = (MONDAY - timedelta(days=1)).isoformat()
    none = fill_in(office, "/appointments/new", {**FILLED_IN, "day": sunday, "slot": "", "look": "1"})
    assert '<div class="note" tabindex="-1" autofocus>' in none.text
    assert "autofocus" not in office.get(f"/appointments/new?agent=ana-lima&day={MONDAY}").text


def test_nearest_free_time_is_picked_by_its_button(office: Browser, database: Database) -> None:
    sunday = {**FILLED_IN, "day": f"{MONDAY - timedelta(days=1)}", "time": "11:00"}
    looked = fill_in(office, "/appointments/new", {**sunday, "look": "1"})
    offered = re.findall(r'<button[^>]* name="look" value="([^"]+T[^"]+)" formnovalidate>', looked.text)
    assert f"{MONDAY}T09:00" in offered
    for page in (looked, fill_in(office, "/appointments/new", sunday)):
        picked = fill_in(office, "/appointments/new", {**sunday, "look": f"{MONDAY}T09:00"}, page)
        assert picked.status_code == 200
        assert page.text.count(f'value="{MONDAY}T09:00"') == 1
        assert f'value="{MONDAY}"' in picked.text
        assert 'name="slot" value="09:00" checked' in picked.text
        assert 'value="11:00"' not in re.sub('name="slot" value="11:00"', "", picked.text), "it takes the other's place"
        assert 'value="Dolores &lt;Whitcomb&gt;"' in picked.text
    assert rows(database) == []


def test_odd_time_that_is_picked_shows_the_form(office: Browser) -> None:
    opened = office.get("/appointments/new")
    for odd in ("x", "0001-01-01T09:00", "2026-13-01T09:00", "9999-12-31T23:59", "T", "1\0"):
        page = fill_in(office, "/appointments/new", {**FILLED_IN, "look": odd}, opened)
        assert page.status_code == 200
        assert 'value="Dolores &lt;Whitcomb&gt;"' in page.text


def test_free_times_without_agent_or_day_say_what_is_missing(office: Browser) -> None:
    opened = office.get("/appointments/new")
    assert "to see" not in opened.text
    for missing, expected in (
        ({"day": ""}, "Choose a day to see its free times."),
        ({"day": "x"}, "Choose a day to see its free times."),
        ({"agent_id": ""}, "Choose an agent to see free times."),
        ({"agent_id": "", "day": ""}, "Choose an agent and a day to see free times."),
    ):
        page = fill_in(office, "/appointments/new", {**FILLED_IN, "slot": "", **missing, "look": "1"}, opened)
        assert f'<p class="note" tabindex="-1" autofocus>{expected}</p>' in page.text


def test_booking_is_shown_with_its_history(office: Browser, database: Database, admin: Viewer) -> None:
    answer = fill_in(office, "/appointments/new", FILLED_IN)
    assert answer.status_code == 303
    (row,) = rows(database)
    assert (row["start_time"], row["overlap_allowed"], row["attendee_email"]) == (at("10:00"), False, None)
    page = office.get(answer.location)
    text = unescape(page.text)
    assert f"Booked: Dolores <Whitcomb>, {MONDAY:%A, %B} {MONDAY.day}" in text
    assert "with Ana Lima." in text
    assert f"by <bdi>{admin.email}</bdi>" in text
    assert "<Whitcomb>" not in page.text


def test_typed_time_overrides_the_chosen_one(office: Browser, database: Database) -> None:
    assert fill_in(office, "/appointments/new", {**FILLED_IN, "time": "11:15"}).status_code == 303
    assert rows(database)[0]["start_time"] == at("11:15")


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"agent_id": ""}, "agent_id", "Choose an agent."),
        ({"agent_id": "unknown"}, "agent_id", "Choose one of the options."),
        ({"day": ""}, "day", "Choose a day."),
        ({"day": "1999-12-31"}, "day", "Choose a day from 2000 to 2999."),
        ({"slot": ""}, "time", "Choose a free time or enter another one."),
        ({"slot": "25:99"}, "time", "Choose a free time"),
        ({"time": "noon"}, "time", "Enter a time such as 15:30."),
        ({"property_address": " "}, "property_address", "Enter the address of the home."),
        ({"property_address": "x" * 501}, "property_address", "At most 500 characters."),
        ({"attendee_name": ""}, "attendee_name", "Enter the visitor"),
        ({"attendee_email": "dolores"}, "attendee_email", "Enter an e-mail address such as"),
        ({"attendee_phone": "1" * 41}, "attendee_phone", "At most 40 characters."),
        ({"minutes": "481"}, "minutes", "Enter a whole number from 5 to 480"),
    ],
)
def test_invalid_entry_is_shown_at_its_field(
    office: Browser, database: Database, change: dict[str, str], field: str, expected: str
) -> None:
    page = fill_in(office, "/appointments/new", {**FILLED_IN, **change})
    assert page.status_code == 400
    assert f'id="{field}-error">{expected}' in page.text
    assert "312 555 0199" in page.text or field == "attendee_phone"
    assert rows(database) == []


def test_skipped_time_is_shown_at_its_field(office: Browser, database: Database) -> None:
    page = fill_in(office, "/appointments/new", {**FILLED_IN, "day": str(next_skipped_hour()), "time": "02:30"})
    assert page.status_code == 400
    assert 'id="time-error">The clocks skip 02:30 on that day' in page.text
    assert rows(database) == []


def test_repeated_time_books_the_earlier_one(office: Browser, database: Database) -> None:
    day = next_repeated_hour()
    fields = {**FILLED_IN, "day": str(day), "time": "01:30"}
    warned = fill_in(office, "/appointments/new", fields)
    page = office.post("/appointments/new", {**hidden(warned), **fields}, follow=True)
    assert "The clocks in Chicago show that time twice that night; this is the earlier one." in page.text
    assert rows(database)[0]["start_time"] == datetime.combine(day, time(6, 30), UTC)


def test_overlap_requires_confirmation(office: Browser, database: Database, book: Callable[..., int]) -> None:
    other = book("ana-lima", at("10:00"), attendee_name="<i>First</i>")
    warned = fill_in(office, "/appointments/new", FILLED_IN)
    assert warned.status_code == 409
    text = " ".join(warned.text.split())
    assert "Not saved. Check this time" in text
    assert f'It overlaps <a href="/appointments/{other}"><bdi>&lt;i&gt;First&lt;/i&gt;</bdi>' in text
    assert "Overbook anyway" in text
    assert "Nearest free times:" in text
    unticked = fill_in(office, "/appointments/new", FILLED_IN, warned)
    assert unticked.status_code == 409
    assert len(rows(database)) == 1
    done = office.post("/appointments/new", {**hidden(warned), **FILLED_IN}, follow=True)
    assert "Overlaps another" in done.text
    assert rows(database)[1]["overlap_allowed"] is True


def test_every_warning_is_shown(
    office: Browser, services: Services, admin: Viewer, database: Database, book: Callable[..., int]
) -> None:
    services.agents.set_active("ana-lima", admin, active=False)
    database.fetch("UPDATE agents SET daily_cap = 1, buffer_minutes = 15, notice_minutes = 20160, horizon_days = 1")
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('ana-lima', tstzrange(%s, %s))", [at("20:00"), at("21:00")]
    )
    book("ana-lima", at("20:00"))
    text = unescape(fill_in(office, "/appointments/new", {**FILLED_IN, "time": "20:15"}).text)
    for expected in (
        "takes no bookings at present",
        "It is sooner than the minimum notice of 14 days.",
        "It is later than callers can book, which is 1 day in advance.",
        "It is outside the working hours of",
        "already has the maximum of 1 viewing on that day",
        "It overlaps the blocked time",
        "including the buffer of 15 min",
    ):
        assert expected in text
    past = unescape(fill_in(office, "/appointments/new", {**FILLED_IN, "day": "2020-01-06"}).text)
    assert "That time is in the past." in past
    assert "Use this time anyway" in past


def test_warning_names_what_takes_the_time(office: Browser, database: Database, book: Callable[..., int]) -> None:
    other = book("ana-lima", at("10:00"))
    database.fetch(
        "INSERT INTO calendar_viewings (appointment_id, remote_change, remote_start, remote_end) VALUES (%s, %s, %s, %s)",
        (other, "moved", at("14:00"), at("14:30")),
    )
    moved = " ".join(fill_in(office, "/appointments/new", {**FILLED_IN, "slot": "14:00"}).text.split())
    assert f'The event of <a href="/appointments/{other}">another viewing</a> was moved there in the calendar.' in moved
    assert "blocked time" not in moved
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note, source) VALUES ('ana-lima', tstzrange(%s, %s), '<i>', 'Google')",
        [at("15:00"), at("16:00")],
    )
    blocked = " ".join(fill_in(office, "/appointments/new", {**FILLED_IN, "slot": "15:00"}).text.split())
    assert re.search(
        r"It overlaps the blocked time <time [^>]*>[^<]*, 3:00 pm</time> .*>4:00 pm</time> .*"
        r": <bdi>&lt;i&gt;</bdi>, from <bdi>Google</bdi>\.</li>",
        blocked,
    )
    assert "was moved there" not in blocked


def test_double_submission_books_once(office: Browser, database: Database) -> None:
    opened = office.get("/appointments/new")
    first = fill_in(office, "/appointments/new", FILLED_IN, opened)
    again = fill_in(office, "/appointments/new", FILLED_IN, opened)
    assert again.location == first.location
    assert "Already booked:" in office.get(again.location).text
    other = fill_in(office, "/appointments/new", {**FILLED_IN, "attendee_name": "Max", "slot": "11:00"}, opened)
    assert other.location == first.location
    assert "Your later changes were not saved." in office.get(other.location).text
    assert len(rows(database)) == 1


def test_form_without_key_gets_one(office: Browser, database: Database) -> None:
    opened = office.get("/appointments/new")
    for key in ("", "short", "x" * 65):
        fill_in(office, "/appointments/new", {**FILLED_IN, "key": key, "attendee_name": "N"}, opened)
    assert len(rows(database)) == 1, "the others overlap"
    keys = database.fetch("SELECT vapi_tool_call_id AS key FROM appointments")
    assert re.fullmatch(r"form:[\w-]{32}", keys[0]["key"])


def test_expired_form_keeps_its_entries(office: Browser, database: Database) -> None:
    page = office.post("/appointments/new", FILLED_IN, csrf_token="old")
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert 'value="1420 Elm Street"' in page.text
    assert rows(database) == []


def test_single_agent_needs_no_choice(anas: Browser, database: Database) -> None:
    opened = anas.get("/appointments/new")
    assert 'value="ben"' not in opened.text
    assert fill_in(anas, "/appointments/new", {**FILLED_IN, "agent_id": "ben"}, opened).status_code == 303
    assert database.fetch("SELECT agent_id FROM appointments") == [{"agent_id": "ana-lima"}]


def test_form_without_agents_explains_itself(office: Browser, anas: Browser, database: Database) -> None:
    database.fetch("DELETE FROM agents")
    assert 'href="/agents/new"' in office.get("/appointments/new").text
    assert "An admin can make you the owner of one." in anas.get("/appointments/new").text


def test_move_is_recorded_in_the_history(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", at("10:00"))
    path = f"/appointments/{number}/move"
    opened = office.get(path)
    assert f'value="{MONDAY}"' in opened.text
    assert 'name="slot" value="10:00"' in opened.text, "it does not block itself"
    looked = fill_in(office, path, {"day": str(MONDAY), "look": "1"}, opened)
    assert (looked.status_code, hidden(looked)["seen"]) == (200, hidden(opened)["seen"])
    page = office.get(fill_in(office, path, {"day": str(MONDAY), "slot": "14:00"}, looked).location)
    assert "Moved: Max Muster" in page.text
    history = " ".join(page.text.split())
    assert "<strong>Moved</strong> from <time" in history
    assert "10:00 am</time>" in history
    assert rows(database)[0]["start_time"] == at("14:00")


def test_refused_move_keeps_the_old_time(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", at("10:00"))
    book("ana-lima", at("11:00"))
    path = f"/appointments/{number}/move"
    same = fill_in(office, path, {"day": str(MONDAY), "slot": "10:00"})
    assert 'id="time-error">The viewing is already at that time.' in same.text
    assert fill_in(office, path, {"day": "x", "slot": "10:00"}).status_code == 400
    assert "Choose a day to see its free times." in fill_in(office, path, {"day": "x", "look": "1"}).text
    warned = fill_in(office, path, {"day": str(MONDAY), "time": "11:00"})
    assert warned.status_code == 409
    nearest = re.findall(r'name="look" value="([^"]+T[^"]+)"', warned.text)[0]
    picked = fill_in(office, path, {"day": str(MONDAY), "time": "11:00", "look": nearest}, warned)
    assert f'name="slot" value="{nearest[-5:]}" checked' in picked.text
    assert rows(database)[0]["start_time"] == at("10:00")
    fields = {"day": str(MONDAY), "time": "11:00"}
    assert office.post(path, {**hidden(warned), **fields}).status_code == 303
    assert rows(database)[0]["overlap_allowed"] is True


def test_cancelled_viewing_cannot_be_moved(office: Browser, book: Callable[..., int]) -> None:
    number = book("ana-lima", at("10:00"), status="cancelled")
    page = fill_in(office, f"/appointments/{number}/move", {"day": str(MONDAY), "slot": "14:00"})
    assert page.status_code == 400
    assert "That is not possible for a viewing that is cancelled." in page.text


def test_viewing_is_cancelled_and_restored(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ana-lima", at("10:00"), caller_number="+13125550100")
    path = f"/appointments/{number}/cancel"
    asked = office.get(path)
    assert (
        'PeteRental does not notify the visitor. Call the visitor: <a href="tel:+13125550100">(312) 555-0100</a>.'
        in asked.text
    )
    page = office.get(fill_in(office, path, {}, asked).location)
    assert "The viewing of 12 Elm Street was cancelled." in page.text
    assert office.get(path, follow=True).text.count("That is not possible for a viewing that is cancelled.") == 1
    again = office.get(fill_in(office, f"/appointments/{number}/reopen", {}, page).location)
    assert "was restored" in again.text
    assert rows(database)[0]["status"] == "confirmed"


@pytest.mark.parametrize(
    ("action", "expected"), [("complete", "was marked as completed"), ("no-show", "was marked as a no-show")]
)
def test_outcome_is_recorded_after_the_start(
    office: Browser, book: Callable[..., int], action: str, expected: str
) -> None:
    past = book("ana-lima", NOW - timedelta(hours=1))
    page = office.get(f"/appointments/{past}")
    assert ">Completed</button>" in page.text
    assert expected in office.get(fill_in(office, f"/appointments/{past}/{action}", {}, page).location).text
    coming = book("ana-lima", at("10:00"))
    page = office.get(f"/appointments/{coming}")
    assert ">Completed</button>" not in page.text
    early = {"csrf_token": office.token(f"/appointments/{past}"), "seen": office_seen(office, coming)}
    assert "has not started yet" in office.post(f"/appointments/{coming}/{action}", early, follow=True).text
    assert office.get(f"/appointments/{coming}/{action}").status_code == 405


def office_seen(office: Browser, number: int) -> str:
    return hidden(office.get(f"/appointments/{number}/cancel"))["seen"]


def test_taken_time_cannot_be_restored(office: Browser, book: Callable[..., int]) -> None:
    number = book("ana-lima", at("10:00"), status="cancelled")
    book("ana-lima", at("10:00"))
    page = office.get(f"/appointments/{number}")
    answer = fill_in(office, f"/appointments/{number}/reopen", {}, page)
    assert "That time was just booked. Choose another time." in office.get(answer.location).text


def test_edit_conflict_shows_both_states(
    office: Browser, anas: Browser, ana: Viewer, database: Database, book: Callable[..., int]
) -> None:
    number = book("ana-lima", at("10:00"))
    path = f"/appointments/{number}/move"
    opened, asked = office.get(path), office.get(f"/appointments/{number}/cancel")
    fill_in(anas, path, {"day": str(MONDAY), "slot": "14:00"})
    for page in (
        fill_in(office, path, {"day": str(MONDAY), "slot": "15:00"}, opened),
        fill_in(office, f"/appointments/{number}/cancel", {}, asked),
    ):
        assert page.status_code == 409
        text = " ".join(page.text.split())
        assert "the viewing changed after you opened the page" in text
        assert f"Moved, by <bdi>{ana.email}</bdi>" in text
        assert "<dt>You saw</dt>" in text
        assert "10:00 am" in text
        assert "2:00 pm" in text
    assert office.post(f"/appointments/{number}/cancel", csrf_token=office.token(path), seen="?").status_code == 409
    assert [(row["start_time"], row["status"]) for row in rows(database)] == [(at("14:00"), "confirmed")]


def test_actions_require_token_and_ownership(
    office: Browser, anas: Browser, database: Database, book: Callable[..., int]
) -> None:
    number = book("ben", at("10:00"))
    for action in ("move", "cancel", "complete", "no-show", "reopen"):
        path = f"/appointments/{number}/{action}"
        assert office.post(path, {"seen": "x"}).status_code == 400
        assert anas.post(path, csrf_token=anas.token("/account"), seen="x").status_code == 404
    for path in (f"/appointments/{number}/move", f"/appointments/{number}/cancel", "/appointments/99999999999/move"):
        assert anas.get(path).status_code == 404
    assert rows(database)[0]["status"] == "confirmed"


def test_old_viewing_has_no_history(office: Browser, book: Callable[..., int]) -> None:
    text = office.get(f"/appointments/{book('ben', NOW)}").text
    assert "older than the history of changes" in text


def test_history_shows_phone_or_user(office: Browser, database: Database, book: Callable[..., int]) -> None:
    number = book("ben", NOW, vapi_call_id="call-1")
    database.fetch(
        "INSERT INTO appointment_events (appointment_id, kind, actor, new_start) VALUES (%s, 'booked', 'phone', NOW()), (%s, 'no_show', 'a@example.com', NULL)",
        [number, number],
    )
    text = " ".join(office.get(f"/appointments/{number}").text.split())
    assert text.index("<strong>No-show</strong>") < text.index("<strong>Booked</strong> for <time")
    assert "by phone ·" in text
    assert "by <bdi>a@example.com</bdi>" in text


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "x",
        "2026-11-22T15:00:00+00:00 2026-11-22T15:00:00+00:00",
        "2026-11-22T15:00:00+00:00 2026-11-22T15:00:00+00:00 gone",
        "2026-11-22T15:00:00 2026-11-22T15:00:00 confirmed",
        "2026-11-22T15:00:00+00:00 9999-12-31T23:59:59-12:00 confirmed",
        "2026-11-22T15:00:00+00:00 0001-01-01T00:00:00+14:00 confirmed",
    ],
)
def test_malformed_seen_token_is_none(token: str | None) -> None:
    assert parse_seen_token(token) is None


def test_only_repeated_times_are_repeated() -> None:
    assert is_repeated(datetime(2027, 11, 7, 6, 30, tzinfo=UTC), CHICAGO)
    assert not is_repeated(datetime(2027, 11, 7, 8, 30, tzinfo=UTC), CHICAGO)
    assert not is_repeated(datetime(2027, 3, 14, 8, 30, tzinfo=UTC), CHICAGO)


def test_errors_are_listed_in_page_order(office: Browser) -> None:
    page = fill_in(office, "/appointments/new", dict.fromkeys(FILLED_IN, ""))
    listed = re.findall(r'<li><a href="#(\w+)">', page.text)
    assert listed == sorted(listed, key=lambda name: page.text.index(f'<label for="{name}"'))
    assert listed[:3] == ["agent_id", "property_address", "day"]


# --- one viewing of a home at a time ---------------------------------------------------------------------------------


@pytest.fixture
def elm(database: Database) -> int:
    """A home of the catalogue, in an office that wants one viewing of a home at a time."""
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    (row,) = database.fetch("INSERT INTO properties (line1) VALUES ('1420 Elm Street') RETURNING property_id")
    return int(row["property_id"])


def test_taken_home_shows_the_viewing_and_can_be_overbooked(
    office: Browser, database: Database, book: Callable[..., int], elm: int
) -> None:
    other = book("ben", at("10:00"), property_id=elm, attendee_name="Max <b>")
    page = fill_in(office, "/appointments/new", FILLED_IN)
    assert page.status_code == 409
    assert "The office wants one viewing of a home at a time, and <bdi>Ben</bdi> has" in page.text
    assert (
        f'<a href="/appointments/{other}">a viewing of this home with <bdi>Max &lt;b&gt;</bdi></a>, 4:00 pm'
        in page.text
    )
    assert "Choose another time, or move or cancel that viewing." in page.text
    assert "Overbook anyway" in page.text
    done = fill_in(office, "/appointments/new", {**FILLED_IN, "acknowledged": hidden(page)["acknowledged"]}, page)
    assert done.status_code == 303
    assert [row["overlap_allowed"] for row in rows(database)] == [False, True]
    assert "Overlaps another" in office.get(done.location).text


def test_taken_home_names_no_visitor_of_another_user(anas: Browser, book: Callable[..., int], elm: int) -> None:
    other = book("ben", at("10:00"), property_id=elm, attendee_name="Secret Visitor")
    text = fill_in(anas, "/appointments/new", FILLED_IN).text
    assert "<bdi>Ben</bdi> has another viewing of this home" in text
    assert "Secret Visitor" not in text
    assert f"/appointments/{other}" not in text


def test_free_times_are_those_of_the_chosen_home(office: Browser, book: Callable[..., int], elm: int) -> None:
    """In any writing of its name, and for the entered length. What is not in the catalogue takes no home's time."""
    book("ben", at("10:00"), property_id=elm)

    def offered(home: str, minutes: str = "") -> list[str]:
        entries = {**FILLED_IN, "property_address": home, "minutes": minutes, "look": "1"}
        return re.findall(r'name="slot" value="([\d:]+)"', fill_in(office, "/appointments/new", entries).text)

    assert "10:00" in offered("9 Birch Lane")
    assert "10:00" not in offered(" 1420  ELM street")
    assert {"09:30", "10:30"} <= {*offered("1420 Elm Street")}
    assert "09:30" not in offered("1420 Elm Street", "45")


def test_free_times_of_a_move_are_those_of_its_home_and_length(
    office: Browser, book: Callable[..., int], elm: int
) -> None:
    mine = book("ana-lima", at("12:00"), property_id=elm)
    book("ben", at("10:00"), property_id=elm)
    page = office.get(f"/appointments/{mine}/move")
    assert 'name="slot" value="10:00"' not in page.text
    assert 'name="slot" value="12:00"' in page.text, "it does not block itself"


def test_restoring_into_a_taken_home_says_what_to_do(office: Browser, book: Callable[..., int], elm: int) -> None:
    mine = book("ana-lima", at("10:00"), property_id=elm, status="cancelled")
    other = book("ben", at("10:15"), property_id=elm)
    page = office.post(f"/appointments/{mine}/reopen", hidden(office.get(f"/appointments/{mine}")))
    assert page.status_code == 409
    assert "This viewing was not restored" in page.text
    assert f'<a href="/appointments/{other}"><bdi>Max Muster</bdi></a>' in page.text
    again = re.search(r'href="([^"]+)">Book it again', page.text)
    assert again
    form = office.get(unescape(again.group(1)))
    assert 'value="1420 Elm Street"' in form.text
    assert '<option selected value="ana-lima">' in form.text
    sent = fill_in(office, "/appointments/new", {**FILLED_IN, "slot": "", "time": "10:00"}, form)
    assert sent.status_code == 409, "now the overlap can be confirmed"
    office.post(f"/appointments/{other}/cancel", hidden(office.get(f"/appointments/{other}/cancel")))
    restored = office.post(f"/appointments/{mine}/reopen", hidden(office.get(f"/appointments/{mine}")))
    assert restored.status_code == 303


def test_overlapping_viewing_is_named_as_the_catalogue_does(
    office: Browser, book: Callable[..., int], elm: int
) -> None:
    book("ana-lima", at("10:00"), property_id=elm, property_address="fourteen twenty elm")
    text = fill_in(office, "/appointments/new", {**FILLED_IN, "property_address": "9 Oak Avenue"}).text
    assert "<bdi>Max Muster</bdi> at <bdi>1420 Elm Street</bdi>" in text
    assert "fourteen" not in text
