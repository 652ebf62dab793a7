"""The first page after sign-in, outcomes in one click, and the numbers of the navigation."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.model import Appointment
from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.database.pool import Database
from peterental.errors import Fault
from peterental.services import Services
from peterental.today.model import Counts
from peterental.today.repository import TodayRepository
from peterental.today.service import TodayService
from peterental.web.today.pages import map_url

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR = timedelta(hours=1)
AT_NOON = f"Etc/GMT{NOW.hour - 12:+d}".replace("GMT+0", "GMT")
"""A time zone in which it is about noon, so that today reaches some hours back and ahead."""

SEEN = re.compile(r'name="seen" value="([^"]+)" formaction="(/today/(\d+)/[\w-]+)"')

Book = Callable[..., int]


@pytest.fixture
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent and Ben, both at noon."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id, time_zone=AT_NOON), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone=AT_NOON), admin)


def buttons(browser: Browser, path: str = "/today") -> dict[str, str]:
    """Return the hidden state of each button with an outcome, by its URL."""
    return {found[1]: unescape(found[0]) for found in SEEN.findall(browser.get(path).text)}


def test_sign_in_and_the_logo_lead_to_today(stranger: Browser, admin: Viewer) -> None:
    answer = stranger.send("/login", email=admin.email, password="correct horse battery")
    assert answer.headers["Location"] == "/today"
    assert stranger.get("/").headers["Location"] == "/today"
    page = stranger.get("/today").text
    assert '<a class="brand" href="/today">' in page
    assert "No agents yet" in page
    assert "Add the first agent" in page


def test_user_without_agents_is_told_whom_to_ask(anas: Browser) -> None:
    assert "An admin can make you the owner of one." in anas.get("/today").text


@pytest.mark.usefixtures("agents")
def test_empty_day_says_that_nothing_needs_anybody(office: Browser, database: Database) -> None:
    database.fetch("UPDATE agents SET vapi_assistant_id = 'a' WHERE agent_id = 'ana-lima'")
    text = office.get("/today").text
    assert "No viewings today" in text
    assert "Nothing needs you." in text


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("is_shared", [False, True])
def test_office_without_a_line_is_led_to_it(
    office: Browser, anas: Browser, database: Database, *, is_shared: bool
) -> None:
    text = office.get("/today").text
    assert "No call can reach these agents yet" in text
    assert 'href="/agents/ana-lima/line"' in text
    assert 'href="/agents/ben/line"' in text
    assert "Nothing needs you." not in text
    database.fetch("UPDATE agents SET phone_number_id = 'n' WHERE agent_id = 'ben'")
    assert "No call can reach" not in office.get("/today").text, "the office works; some agents need no line"
    assert "No call can reach this agent yet" in anas.get("/today").text
    if is_shared:
        database.fetch("INSERT INTO shared_lines (holder_agent_id) VALUES ('ben')")
        database.fetch("INSERT INTO line_members VALUES ('ben', 'ben', 1), ('ben', 'ana-lima', 2)")
    else:
        database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ana-lima'")
    assert "No call can reach" not in anas.get("/today").text


@pytest.mark.usefixtures("agents")
def test_next_viewing_comes_before_the_question_about_the_last_one(office: Browser, book: Book) -> None:
    for hours, name in ((-2, "Past"), (1, "Coming"), (3, "Later")):
        book("ana-lima", NOW + hours * HOUR, attendee_name=name)
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>|<bdi>(Past|Coming|Later)</bdi>", office.get("/today").text)
    shown = [heading or name for heading, name in headings]
    assert shown[:6] == ["Next", "Coming", "How did it go?", "Past", "Later today", "Later"]


@pytest.mark.usefixtures("agents")
def test_agent_who_is_late_has_a_draft_of_a_text(office: Browser, book: Book) -> None:
    number = "(405) 555-0123"
    soon = book("ana-lima", NOW + HOUR, attendee_phone=number, property_address="12 Elm St #4 & more")
    book("ana-lima", NOW + 4 * HOUR, attendee_phone=number)
    book("ben", NOW + HOUR)
    for path, drafts in (("/today", 1), (f"/appointments/{soon}", 1)):
        text = unescape(office.get(path).text)
        found = re.findall(r'href="sms:4055550123\?body=([^"]*)"', text)
        assert len(found) == drafts, path
        assert "This%20is%20Ana%20Lima." in found[0]
        assert "12%20Elm%20St%20%234%20%26%20more" in found[0]
    assert 'href="sms:4055550123"' in office.get("/today").text


@pytest.mark.usefixtures("agents")
def test_draft_is_in_the_language_of_the_visitor(anas: Browser, book: Book, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es' WHERE agent_id = 'ana-lima'")
    soon = book("ana-lima", NOW + HOUR, attendee_phone="(405) 555-0123")
    for path in ("/today", f"/appointments/{soon}"):
        (draft,) = re.findall(r'href="sms:4055550123\?body=([^"]*)"', unescape(anas.get(path).text))
        said = r"Soy Ana Lima\. Llegaré unos 10 minutos tarde a la visita de las? [\d:]+ [ap]\. m\. en 12 Elm Street\."
        assert re.fullmatch(said, unquote(draft)), path


@pytest.mark.usefixtures("agents")
def test_viewing_has_its_call_route_and_origin(office: Browser, book: Book) -> None:
    viewing = book(
        "ana-lima",
        NOW + HOUR,
        attendee_phone="(405) 555-0123",
        property_address="12 Elm St #4 & more",
        confirmed_at=NOW,
    )
    book("ben", NOW + 2 * HOUR, vapi_call_id="c1", caller_number="+14055550199", attendee_name="<b>Zoë")
    text = office.get("/today").text
    for shown in (
        'href="tel:4055550123"', 'href="tel:+14055550199"', "&lt;b&gt;Zoë",
        'href="https://www.google.com/maps/search/?api=1&amp;query=12%20Elm%20St%20%234%20%26%20more" rel="noreferrer"',
        "booked by phone", "booked manually", "· confirmed", "· not confirmed yet", f'href="/appointments/{viewing}"',
        "with <bdi>Ana Lima</bdi>", "with <bdi>Ben</bdi>",
    ):  # fmt: skip
        assert shown in text, shown
    assert not buttons(office), "they have not started"


@pytest.mark.parametrize(
    ("said", "label", "expected"),
    [
        ("12 Elm Street, Norman", "12 Elm Street", "12%20Elm%20Street%2C%20Norman"),
        ("the one on Elm", "12 Elm Street", "12%20Elm%20Street"),
        ("12 Oak", None, "12%20Oak"),
    ],
)
def test_route_has_the_fullest_address(said: str, label: str | None, expected: str) -> None:
    viewing = Appointment(
        appointment_id=1,
        start=NOW,
        end=NOW,
        property_address=said,
        home_label=label,
        attendee_name="Max",
        agent_id="ana",
        agent_name="Ana",
        time_zone="UTC",
        status="confirmed",
    )
    assert map_url(viewing) == f"https://www.google.com/maps/search/?api=1&query={expected}"


@pytest.mark.usefixtures("agents")
def test_agent_sees_only_its_own_day(anas: Browser, office: Browser, book: Book) -> None:
    book("ana-lima", NOW + HOUR, attendee_name="Mine")
    book("ben", NOW + HOUR, attendee_name="Other")
    text = anas.get("/today").text
    assert "Mine" in text
    assert "Other" not in text
    assert 'aria-label="Agents"' not in text, "there is nothing to choose"
    chosen = office.get("/today?agent=ben").text
    assert "Other" in chosen
    assert "Mine" not in chosen
    assert "There is no agent “ben”" in anas.get("/today?agent=ben").text


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("action", "status", "hours"),
    [("complete", "completed", -1), ("no-show", "no_show", -1), ("complete", "completed", -30)],
)
def test_outcome_takes_one_click_and_can_be_undone(
    office: Browser, book: Book, database: Database, *, action: str, status: str, hours: int
) -> None:
    viewing = book("ana-lima", NOW + hours * HOUR)

    def stored() -> str:
        return str(database.fetch("SELECT status FROM appointments WHERE id = %s", [viewing])[0]["status"])

    path = f"/today/{viewing}/{action}"
    answer = office.send(path, at="/today", seen=buttons(office)[path], agent="ana-lima")
    assert answer.headers["Location"] == f"/today?agent=ana-lima&marked={viewing}"
    assert stored() == status
    after = answer.headers["Location"]
    assert f"marked as {'completed' if status == 'completed' else 'a no-show'}" in office.get(after).text
    undo = f"/today/{viewing}/reopen"
    page = office.send(undo, at=after, seen=buttons(office, after)[undo], follow=True)
    assert "the outcome was removed" in page.text
    assert stored() == "confirmed"


@pytest.mark.usefixtures("agents")
def test_second_click_changes_nothing(office: Browser, book: Book, database: Database) -> None:
    viewing = book("ana-lima", NOW - HOUR)
    path = f"/today/{viewing}/no-show"
    seen = buttons(office)[path]
    office.send(path, at="/today", seen=seen)
    page = office.send(f"/today/{viewing}/complete", at="/today", seen=seen, follow=True)
    assert "this viewing was changed after you opened the page, and is no-show" in page.text
    assert database.fetch("SELECT status FROM appointments WHERE id = %s", [viewing])[0]["status"] == "no_show"
    assert "changed after you opened" in office.send(path, at="/today", seen="nonsense", follow=True).text


@pytest.mark.usefixtures("agents")
def test_coming_viewing_has_no_outcome_yet(office: Browser, book: Book, services: Services, admin: Viewer) -> None:
    from peterental.web.appointments.manual_forms import seen_token  # noqa: PLC0415  # for this test only

    viewing = book("ana-lima", NOW + HOUR)
    seen = seen_token(services.manual.show(viewing, admin)[0])
    page = office.send(f"/today/{viewing}/complete", at="/today", seen=seen, follow=True)
    assert "has not started yet" in page.text


@pytest.mark.usefixtures("agents")
def test_taken_time_is_not_restored(office: Browser, book: Book) -> None:
    viewing = book("ana-lima", NOW - HOUR, status="completed")
    path = f"/today/{viewing}/reopen"
    seen = buttons(office)[path]
    book("ana-lima", NOW - HOUR)
    assert "the viewing was not restored" in office.send(path, at="/today", seen=seen, follow=True).text


@pytest.mark.usefixtures("agents")
def test_viewing_of_another_agent_cannot_be_marked(office: Browser, anas: Browser, book: Book) -> None:
    viewing = book("ben", NOW - HOUR)
    path = f"/today/{viewing}/complete"
    assert anas.send(path, at="/today", seen=buttons(office)[path]).status_code == 404
    assert "marked as" not in anas.get(f"/today?marked={viewing}").text
    assert office.get("/today?marked=nonsense").status_code == 200


@pytest.mark.usefixtures("agents")
def test_what_needs_a_person_leads_to_where_it_is_handled(office: Browser, book: Book, database: Database) -> None:
    unknown = book("ana-lima", NOW + 30 * HOUR, is_home_unknown=True)
    for day in range(2, 9):
        book("ben", NOW - day * 24 * HOUR)
    database.fetch("INSERT INTO messages (agent_id, body, is_urgent) VALUES ('ana-lima', 'Please call back', TRUE)")
    database.fetch(
        "INSERT INTO calls (vapi_call_id, agent_id, status, outcomes, caller_number)"
        " VALUES ('failed/1', 'ana-lima', 'ended', '{fault}', '+14055550123')"
    )
    database.fetch(
        "INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state, problem)"
        " VALUES ('ben', 'caldav', 'ben@example.com', '', 'connected', 'The server did not answer.')"
    )
    notice = database.fetch(
        "INSERT INTO notices (appointment_id, agent_id, kind, channel, audience, recipient, state, reason, expires_at)"
        " VALUES (%s, 'ana-lima', 'booked', 'text', 'visitor', '+14055550123', 'failed', 'A landline.', NOW())"
        " RETURNING notice_id",
        [unknown],
    )[0]["notice_id"]
    database.fetch(
        "INSERT INTO line_checks (agent_id, checked_at, assistant_name, assistant_version, number_version, problem)"
        " VALUES ('ben', NOW(), '', '', '', 'No number rings it.')"
    )
    text = office.get("/today").text
    for shown in (
        "and 2 more", "status=confirmed", "Please call back", 'href="/calls/failed/1"', "(405) 555-0123",
        'href="/agents/ben/calendars"', "The server did not answer.", f'href="/outbox/{notice}"', "A landline.",
        'href="/agents/ben/line"', "No number rings it.", f'href="/appointments/{unknown}"',
        "Viewings of unknown homes", "Urgent messages",
    ):  # fmt: skip
        assert shown in text, shown
    more = re.search(r'<a href="([^"]+)">and 2 more', text)
    assert more
    assert office.get(unescape(more.group(1))).text.count('class="viewing viewing-confirmed"') == 7


@pytest.mark.usefixtures("agents")
def test_more_unknown_homes_lead_to_these_alone(office: Browser, book: Book) -> None:
    unknown = [book("ben", NOW + number * 24 * HOUR, is_home_unknown=True) for number in range(1, 8)]
    book("ben", NOW + 12 * 24 * HOUR)
    more = re.search(
        r'<a href="([^"]+)">and 2 more<span class="visually-hidden"> viewings of unknown homes',
        office.get("/today").text,
    )
    assert more
    listed = office.get(unescape(more.group(1))).text
    assert sorted(map(int, re.findall(r'class="row-link" href="/appointments/(\d+)"', listed))) == unknown


@pytest.mark.usefixtures("agents")
def test_webhook_that_was_turned_off_is_for_admins(office: Browser, anas: Browser, database: Database) -> None:
    database.fetch(
        "INSERT INTO webhook_endpoints (url, event_types, secret, is_active, off_reason, created_by)"
        " VALUES ('https://crm.example.com/a-secret-path', '{viewing.booked}', '', FALSE, 'It answered 410.', 'x'),"
        " ('https://off.example.com/', '{viewing.booked}', '', FALSE, NULL, 'x')"
    )
    text = office.get("/today").text
    assert "Webhooks that were turned off" in text
    assert "<bdi>crm.example.com</bdi></a>: It answered 410." in text
    assert "a-secret-path" not in text
    assert "off.example.com" not in text, "a person turned it off"
    assert "crm.example.com" not in anas.get("/today").text
    path = re.search(r'href="(/webhooks/\d+)"><bdi>crm', text)
    assert path
    page = office.send(f"{path.group(1)}/off", at=path.group(1), follow=True).text
    assert "The webhook is off." in page
    assert "crm.example.com" not in office.get("/today").text


@pytest.mark.usefixtures("agents")
def test_full_day_stays_below_60_kb(office: Browser, database: Database, queries: list[str]) -> None:
    name, home = "N" * 200, "12 " + "Long & Winding Road " * 20
    for hours, number in ((-1, 40), (-30, 40), (30, 40)):
        database.fetch(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name, attendee_phone,
                                      overlap_allowed, is_home_unknown)
            SELECT 'ana-lima', at, at + INTERVAL '30 minutes', %(home)s, %(name)s, '+14055550123', TRUE, TRUE
            FROM (SELECT %(at)s - n * INTERVAL '1 second' AS at FROM generate_series(1, %(number)s) AS n) AS made
            """,
            {"at": NOW + hours * HOUR, "number": number, "home": home, "name": name},
        )
    database.fetch(
        "INSERT INTO messages (agent_id, body, is_urgent, attendee_name, vapi_call_id)"
        " SELECT 'ana-lima', repeat('& ', 3000), TRUE, %s, 'c' || n FROM generate_series(1, 9) AS n",
        [name],
    )
    queries.clear()
    page = office.get("/today")
    assert len(queries) == 4, "the sign-in check, the agents, the viewings, and what needs a person"
    assert len(page.data) < 60 * 1024
    assert "and 20 more today" in page.text


def test_many_agents_are_chosen_in_a_list(office: Browser, services: Services, admin: Viewer) -> None:
    for number in range(9):
        services.agents.create(Profile(agent_name=f"Agent {number}"), admin)
    text = office.get("/today?agent=agent-3").text
    assert '<option value="agent-3" selected>' in text


@pytest.mark.usefixtures("agents")
def test_navigation_counts_in_one_statement(office: Browser, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book("ben", NOW - 30 * HOUR)
    counted: list[object] = []
    count = TodayRepository.counts

    def record(repository: TodayRepository, user_id: int | None, now: datetime) -> Counts:
        counted.append(user_id)
        return count(repository, user_id, now)

    monkeypatch.setattr(TodayRepository, "counts", record)
    text = office.get("/users").text
    assert counted == [None]
    assert re.search(r'<b class="badge">1<span class="visually-hidden"> past viewing without an outcome', text)

    def fail(*_: object) -> None:
        raise DatabaseTooSlow(seconds=3)

    monkeypatch.setattr(TodayService, "counts", fail)
    page = office.get("/users")
    assert page.status_code == 200, "the numbers are missing, not the page"
    assert "badge" not in page.text


def test_page_about_a_lost_database_counts_nothing(office: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []

    def lose(*_: object, **__: object) -> Fault:
        raise DatabaseUnavailable(reason="it is gone")

    monkeypatch.setattr(TodayService, "show", lose)
    monkeypatch.setattr(TodayService, "counts", counted.append)
    assert office.get("/today").status_code == 503
    assert counted == []
