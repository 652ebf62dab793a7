"""Pages of the agents: list, overview, form, activation and working hours."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import pytest

from peterental.access import Viewer
from peterental.agents.model import Agent, Profile, Rules, Window
from peterental.database.pool import Database
from peterental.services import Services
from peterental.web.agents.pages import hours_by_weekday
from peterental.web.agents.time_zones import SUGGESTED_ZONES, named_zone

if TYPE_CHECKING:
    from tests.web.conftest import Browser

ASSISTANT = "0f7a2d1c-2a75-4a39-9c0b-2d7c7f3f0a11"
FILLED_IN = {
    "agent_name": "Ana Lima",
    "user_id": "",
    "vapi_assistant_id": ASSISTANT,
    "phone_number_id": "",
    "handover_number": "+1 312 555 0142",
    "time_zone": "America/Denver",
    "calendar_user_id": "ana@example.com",
    "slot_minutes": "45",
    "step_minutes": "15",
    "buffer_minutes": "10",
    "notice_minutes": "60",
    "horizon_days": "30",
    "daily_cap": "",
}
NOW = datetime.now(UTC)
ANYBODY = Viewer(user_id=0, email="", is_admin=True)


@pytest.fixture
def make(services: Services, admin: Viewer) -> Callable[..., Agent]:
    """A function that creates an agent."""
    return lambda name, **others: services.agents.create(Profile(agent_name=name, **others), admin)


def seen(browser: Browser, agent_id: str = "ana-lima") -> dict[str, str]:
    """Return the version field of an agent's form."""
    found = re.search(r'name="seen"[^>]*value="([^"]+)"', browser.get(f"/agents/{agent_id}/edit").text)
    assert found
    return {"seen": found.group(1)}


def test_empty_list_asks_to_add_an_agent(office: Browser) -> None:
    page = office.get("/agents")
    assert "No agents yet" in page.text
    assert 'href="/agents/new"' in page.text


def test_admin_creates_an_agent(office: Browser, services: Services, admin: Viewer) -> None:
    page = office.send("/agents/new", FILLED_IN, follow=True)
    assert page.request.path == "/agents/ana-lima"
    assert "Ana Lima was added with working hours Monday to Friday, 9 am to 5 pm." in page.text
    agent = services.agents.get("ana-lima", admin)
    assert agent.vapi_assistant_id == ASSISTANT
    assert agent.phone_number_id is None
    assert agent.time_zone == "America/Denver"
    assert (agent.rules.slot_minutes, agent.rules.step_minutes, agent.rules.daily_cap) == (45, 15, None)
    assert agent.language == "en"


def test_language_on_the_phone_is_chosen(office: Browser, services: Services, admin: Viewer) -> None:
    page = office.send("/agents/new", FILLED_IN, language="es", follow=True)
    assert "<dt>Language on the phone</dt><dd>Spanish</dd>" in page.text
    assert services.agents.get("ana-lima", admin).language == "es"
    assert '<option selected value="es">Spanish</option>' in office.get("/agents/ana-lima/edit").text
    assert office.send("/agents/ana-lima/edit", {**FILLED_IN, **seen(office)}, language="fr").status_code == 400
    office.send("/agents/ana-lima/edit", {**FILLED_IN, **seen(office)}, language="en")
    assert services.agents.get("ana-lima", admin).language == "en"


@pytest.mark.parametrize("assistant", [ASSISTANT, ""])
def test_double_submission_creates_one_agent(
    office: Browser, services: Services, admin: Viewer, assistant: str
) -> None:
    opened = office.get("/agents/new").text
    seen = re.search(r'name="seen"[^>]* value="([^"]+)"', opened)
    assert seen
    fields = {**FILLED_IN, "seen": seen[1], "csrf_token": office.token("/agents/new"), "vapi_assistant_id": assistant}
    assert office.post("/agents/new", fields).headers["Location"] == "/agents/ana-lima"
    assert office.post("/agents/new", fields).headers["Location"] == "/agents/ana-lima"
    other = office.post("/agents/new", {**fields, "vapi_assistant_id": "", "slot_minutes": "20"})
    assert other.headers["Location"] == "/agents/ana-lima-2", "another form data is another agent"
    assert len(services.agents.names(admin)) == 2
    later = office.send("/agents/new", {**fields, "vapi_assistant_id": "", "slot_minutes": "20"}, seen="")
    assert later.headers["Location"] == "/agents/ana-lima-3", "a form opened later creates another agent"


def test_new_agent_form_has_defaults(office: Browser) -> None:
    text = office.get("/agents/new").text
    assert '<option value="America/Chicago">Chicago (Central)</option>' in text
    assert re.search(r'<input[^>]*name="time_zone"[^>]*value="America/Chicago"', text)
    assert len(text.encode()) < 20_000
    assert re.search(r'id="notice_minutes"[^>]* value="120"', text)
    assert len(text.encode()) < 60_000


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"agent_name": " "}, "agent_name", "Enter a name."),
        ({"agent_name": "\u200b\u202e \ufeff"}, "agent_name", "Enter a name."),
        ({"agent_name": "x" * 256}, "agent_name", "At most 255 characters."),
        ({"vapi_assistant_id": "x" * 37}, "vapi_assistant_id", "At most 36 characters."),
        ({"vapi_assistant_id": "assistant-ana"}, "vapi_assistant_id", "Enter the id as Vapi shows it, such as"),
        ({"phone_number_id": "+14055550111"}, "phone_number_id", "Enter the id as Vapi shows it, such as"),
        ({"handover_number": "555 0142 or so"}, "handover_number", "Enter a phone number with its area code"),
        ({"handover_number": "12", "time_zone": "Mars"}, "handover_number", "Enter a phone number with its area code"),
        ({"slot_minutes": "half an hour"}, "slot_minutes", "Enter a whole number from 5 to 480."),
        ({"daily_cap": "few"}, "daily_cap", "Enter a whole number."),
        ({"slot_minutes": ""}, "slot_minutes", "Enter a whole number from 5 to 480."),
        ({"slot_minutes": "9" * 30}, "slot_minutes", "Enter a whole number"),
        ({"daily_cap": "0"}, "daily_cap", "Enter a whole number from 1 to 200."),
        (
            {"time_zone": "Mars/Olympus"},
            "time_zone",
            "Mars/Olympus is not a time zone. Enter a name such as America/Chicago.",
        ),
        ({"time_zone": " "}, "time_zone", "Enter a time zone."),
        ({"user_id": "999999"}, "user_id", "Choose one of the options."),
    ],
)
def test_invalid_entry_is_shown_at_its_field(
    office: Browser, services: Services, change: dict[str, str], field: str, expected: str
) -> None:
    page = office.send("/agents/new", {**FILLED_IN, **change})
    assert page.status_code == 400
    assert f'id="{field}-error">{expected}' in page.text
    assert f'<a href="#{field}">' in page.text
    assert ('value="+1 312 555 0142"' in page.text) is ("handover_number" not in change)
    assert services.agents.listing(ANYBODY).agents == ()


def test_ids_stored_earlier_are_accepted(office: Browser, make: Callable[..., Agent], services: Services) -> None:
    make("Ana Lima", vapi_assistant_id="assistant-ana", phone_number_id="p-1", handover_number="555 0100")
    ids = {"vapi_assistant_id": "assistant-ana", "phone_number_id": "p-1", "handover_number": "555 0100"}
    path = "/agents/ana-lima/edit"
    assert office.send(path, {**FILLED_IN, **ids, **seen(office)}).status_code == 303
    assert services.agents.get("ana-lima", ANYBODY).vapi_assistant_id == "assistant-ana"
    assert office.send(path, {**FILLED_IN, **ids, **seen(office), "phone_number_id": "p-2"}).status_code == 400


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ("vapi_assistant_id", "Another agent already has that Vapi assistant."),
        ("phone_number_id", "Another agent already has that Vapi phone number."),
    ],
)
def test_taken_assistant_is_shown_at_its_field(
    office: Browser, make: Callable[..., Agent], taken: str, expected: str
) -> None:
    make("Ben", **{taken: ASSISTANT})
    page = office.send("/agents/new", {**FILLED_IN, "vapi_assistant_id": "", taken: ASSISTANT})
    assert page.status_code == 400
    assert f'id="{taken}-error">{expected}' in page.text


def test_deleted_owner_is_shown_at_the_field(
    office: Browser,
    admin: Viewer,
    ana: Viewer,
    services: Services,
    *,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = services.users.active_users(admin)
    monkeypatch.setattr(
        services.users, "active_users", lambda _viewer: people
    )  # the form was opened before the user was deleted
    database.fetch("DELETE FROM users WHERE user_id = %s", (ana.user_id,))
    page = office.send("/agents/new", {**FILLED_IN, "user_id": str(ana.user_id)})
    assert 'id="user_id-error">That user no longer exists.' in page.text


def test_service_refusal_is_shown_at_its_field(office: Browser, database: Database) -> None:
    database.fetch("ALTER TABLE agents DROP CONSTRAINT agents_slot_sane")
    database.fetch("ALTER TABLE agents ADD CONSTRAINT agents_slot_sane CHECK (slot_minutes < 45)")
    page = office.send("/agents/new", FILLED_IN)
    assert 'id="slot_minutes-error">The length of a viewing must be from 5 to 480.' in page.text


def test_expired_form_keeps_its_entries(office: Browser, services: Services, admin: Viewer) -> None:
    page = office.post("/agents/new", FILLED_IN, csrf_token="old")
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert 'value="Ana Lima"' in page.text
    assert services.agents.listing(admin).agents == ()
    again = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert again
    assert office.post("/agents/new", FILLED_IN, csrf_token=again.group(1)).status_code == 303


def test_agent_is_edited(office: Browser, make: Callable[..., Agent], services: Services, admin: Viewer) -> None:
    make("Ana Lima", daily_cap=5, time_zone="Europe/Lisbon")
    form = office.get("/agents/ana-lima/edit").text
    assert 'value="Ana Lima"' in form
    assert re.search(r'<input[^>]*name="time_zone"[^>]*value="Europe/Lisbon"', form)
    assert re.search(r'id="daily_cap"[^>]* value="5"', form)
    page = office.send(
        "/agents/ana-lima/edit", {**FILLED_IN, **seen(office), "agent_name": "Ana Lima Silva"}, follow=True
    )
    assert page.request.path == "/agents/ana-lima"
    assert "Ana Lima Silva was saved." in page.text
    assert services.agents.get("ana-lima", admin).rules.daily_cap is None


def test_refused_edit_changes_nothing(
    office: Browser, make: Callable[..., Agent], services: Services, admin: Viewer
) -> None:
    make("Ben", vapi_assistant_id=ASSISTANT)
    before = make("Ana Lima")
    page = office.send("/agents/ana-lima/edit", FILLED_IN | seen(office))
    assert page.status_code == 400
    assert "already has that Vapi assistant" in page.text
    assert services.agents.get("ana-lima", admin) == before


def test_edit_conflict_shows_both_values(
    office: Browser, anas: Browser, ana: Viewer, make: Callable[..., Agent], services: Services
) -> None:
    make("Ana Lima", user_id=ana.user_id)
    opened = seen(office)
    theirs = {**FILLED_IN, "slot_minutes": "60", "time_zone": "America/Phoenix"}
    assert anas.send("/agents/ana-lima/edit", theirs | seen(anas)).status_code == 303

    typed = {**FILLED_IN, "user_id": str(ana.user_id), "agent_name": "Anna", "handover_number": "+1 312 555 0100"}
    page = office.send("/agents/ana-lima/edit", typed | opened)
    assert page.status_code == 400
    assert "ana@example.com changed Ana Lima at " in page.text
    assert 'id="slot_minutes-error">Now saved by ana@example.com: 60.' in page.text
    assert 'id="time_zone-error">Now saved by ana@example.com: Phoenix (Arizona).' in page.text
    assert 'id="handover_number-error">Now saved by ana@example.com: +1 312 555 0142.' in page.text
    assert 'id="step_minutes-error"' not in page.text, "both entered the same value"
    assert re.search(r'id="slot_minutes"[^>]* value="45"', page.text), "the entry stays"
    assert services.agents.get("ana-lima", ana).rules.slot_minutes == 60

    again = re.search(r'name="seen"[^>]*value="([^"]+)"', page.text)
    assert again
    assert office.send("/agents/ana-lima/edit", typed | {"seen": again.group(1)}).status_code == 303
    agent = services.agents.get("ana-lima", ana)
    assert (agent.agent_name, agent.rules.slot_minutes) == ("Anna", 45)


@pytest.mark.parametrize("mark", ["", "yesterday", "2026-01-01T00:00:00"])
def test_form_without_version_is_a_conflict(
    office: Browser, make: Callable[..., Agent], services: Services, admin: Viewer, mark: str
) -> None:
    before = make("Ana Lima", user_id=admin.user_id, daily_cap=3)
    page = office.send("/agents/ana-lima/edit", {**FILLED_IN, "seen": mark})
    assert page.status_code == 400
    assert "Another user changed Ana Lima" in page.text
    assert 'id="daily_cap-error">Now saved: 3.' in page.text
    assert 'id="user_id-error">Now saved: Olga Office (office@example.com).' in page.text
    assert 'id="calendar_user_id-error">Now saved: nothing.' in page.text
    assert services.agents.get("ana-lima", admin) == before


def test_agent_is_deactivated_and_reactivated(
    office: Browser, make: Callable[..., Agent], book: Callable[..., int], services: Services, admin: Viewer
) -> None:
    make("Ana")
    path = "/agents/ana/deactivate"
    assert "No upcoming viewings are affected" in office.get(path).text
    book("ana", NOW + timedelta(days=1))
    assert "1 upcoming viewing stays booked" in office.get(path).text
    book("ana", NOW + timedelta(days=2))
    asked = office.get(path).text
    assert "2 upcoming viewings stay booked" in asked
    assert "Callers hear an apology" in asked
    assert services.agents.get("ana", admin).is_active
    page = office.send(path, follow=True)
    assert "Ana no longer takes bookings." in page.text
    assert "Take bookings again" in page.text
    assert not services.agents.get("ana", admin).is_active
    assert "offered free times" in office.get("/agents/ana/reactivate").text
    assert "Ana takes bookings again." in office.send("/agents/ana/reactivate", follow=True).text
    assert services.agents.get("ana", admin).is_active


def test_list_shows_next_viewing_in_agent_zone(
    office: Browser, make: Callable[..., Agent], book: Callable[..., int]
) -> None:
    make("Ana", time_zone="America/Denver", vapi_assistant_id=ASSISTANT)
    make("Ben", phone_number_id="p-1")
    make("Carl")
    start = (NOW + timedelta(days=1)).replace(hour=18, minute=30, second=0, microsecond=0)
    book("ana", start, property_address="12 Elm Street")
    text = office.get("/agents").text
    local = start.astimezone(ZoneInfo("America/Denver"))
    assert f'<time datetime="{local.isoformat(timespec="minutes")}">' in text
    assert f'title="America/Denver">{local:%Z}</abbr>' in text
    assert "12 Elm Street" in text
    assert text.count("Taking bookings") == 3
    assert text.count("No line yet") == 1
    assert text.count("<dt>Line</dt><dd>Set up</dd>") == 2


def test_overview_shows_hours_rules_and_viewings(
    office: Browser, make: Callable[..., Agent], book: Callable[..., int], database: Database
) -> None:
    make("Ana", daily_cap=8, notice_minutes=0)
    database.fetch("INSERT INTO agent_hours VALUES ('ana', 6, '18:30', '24:00')")
    database.fetch(
        "INSERT INTO agent_days VALUES ('ana', CURRENT_DATE + 1, '10:00', '12:15'), ('ana', CURRENT_DATE + 2, NULL, NULL)"
    )
    for day in range(1, 13):
        book("ana", NOW + timedelta(days=day), attendee_name=f"Visitor {day}")
    text = office.get("/agents/ana").text
    assert "Chicago time" in text
    assert text.count("9 am – 5 pm") == 5
    assert "6:30 pm – midnight" in text
    assert "10 am – 12:15 pm" in text
    assert text.count("Closed") == 2
    assert "Visitor 10" in text
    assert "Visitor 11" not in text
    assert "Showing 10 of 12." in text
    assert "No call can reach this agent yet." in text


def test_agent_pages_run_few_queries(
    office: Browser, anas: Browser, ana: Viewer, make: Callable[..., Agent], queries: list[str]
) -> None:
    for number in range(5):
        make(f"Agent {number}", user_id=ana.user_id)
    for browser, path, expected in ((office, "/agents", 3), (office, "/agents/agent-0", 6), (anas, "/agents", 2)):
        queries.clear()
        page = browser.get(path)
        assert page.status_code == 200
        assert len(page.text.encode()) < 60_000
        assert len(queries) == 1 + expected, "the sign-in check, and these"


def test_unassigned_calls_prefill_a_new_agent(office: Browser, anas: Browser, database: Database) -> None:
    assert "Calls without an agent" not in office.get("/agents").text
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, assistant_id, phone_number_id, created_at) VALUES
            ('1', %(id)s, 'p-1', NOW() - INTERVAL '1 day'), ('2', %(id)s, NULL, NOW() - INTERVAL '2 days'),
            ('3', %(id)s, NULL, NOW() - INTERVAL '40 days'), ('4', NULL, 'p-2', NOW()), ('5', NULL, NULL, NOW())
        """,
        {"id": ASSISTANT},
    )
    text = office.get("/agents").text
    assert f"Assistant <code>{ASSISTANT}</code>:\n      2 calls in the last 30 days, the latest <time" in text
    assert "Phone number <code>p-2</code>:\n      1 call in the last 30 days" in text
    assert f'href="/agents/new?assistant={ASSISTANT}">Add an agent' in text
    assert 'href="/agents/new?number=p-2">' in text
    assert 'href="/calls?agent=(nobody)"' in text
    assert "Calls without an agent" not in anas.get("/agents").text
    form = office.get(f"/agents/new?assistant={ASSISTANT}&number=p-2").text
    assert re.search(f'id="vapi_assistant_id"[^>]* value="{ASSISTANT}"', form)
    assert re.search('id="phone_number_id"[^>]* value="p-2"', form)
    assert 'value="xxx' not in office.get("/agents/new?assistant=" + "x" * 37).text
    for field, value in (("vapi_assistant_id", ASSISTANT.upper()), ("phone_number_id", "p-2")):
        database.fetch(f"INSERT INTO agents (agent_id, agent_name, {field}) VALUES (%s, 'x', %s)", (field, value))
    assert "Calls without an agent" not in office.get("/agents").text


def test_overview_shows_the_latest_calls(office: Browser, make: Callable[..., Agent], database: Database) -> None:
    make("Ana")
    make("Ben")
    assert "No calls yet." in office.get("/agents/ana").text
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, status, ended_reason, caller_number, created_at)
        SELECT 'call/' || n, 'ana', 'ended', 'customer-ended-call', '+1312555010' || n, NOW() - n * INTERVAL '1 h'
        FROM generate_series(1, 6) n
        """
    )
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id, caller_number) VALUES ('b', 'ben', '+15559999')")
    database.fetch(
        "INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, answer, outcome) VALUES ('call/1', 't', 'take_message', 'x', 'message')"
    )
    text = office.get("/agents/ana").text
    assert text.count("The caller hung up") == 5
    assert 'href="/calls/call/1"><bdi>(312) 555-0101</bdi></a>' in text
    assert "Message taken" in text
    assert "(312) 555-0106" not in text
    assert "+15559999" not in text
    assert 'href="/calls?agent=ana">All calls' in text
    assert 'href="/appointments?agent=ana"' in text


def test_list_is_searched_and_paged(office: Browser, database: Database) -> None:
    for number in range(52):
        database.fetch(
            "INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)", (f"a{number}", f"Agent {number:02}")
        )
    first = office.get("/agents?q=agent").text
    assert 'href="/agents?page=2&amp;q=agent"' in first
    second = office.get("/agents?q=agent&page=2").text
    assert "Agent 51" in second
    assert 'href="/agents?q=agent"' in second
    assert "No agents found for “zzz”" in office.get("/agents?q=zzz").text
    assert "No agents found" in office.get("/agents?page=9").text
    assert office.get("/agents?page=-1&q=%00").status_code == 200
    assert office.get("/agents?page=many").status_code == 200


def test_user_sees_own_agents_only(
    anas: Browser, ana: Viewer, make: Callable[..., Agent], services: Services, admin: Viewer
) -> None:
    assert "You do not own an agent yet" in anas.get("/agents").text
    make("Ana", user_id=ana.user_id)
    make("Ben Secret")
    text = anas.get("/agents").text
    assert "Ana" in text
    assert "Ben Secret" not in text
    assert "/agents/new" not in text
    for path in ("", "/edit", "/deactivate", "/reactivate"):
        assert anas.get(f"/agents/ben-secret{path}").status_code == 404
    token = anas.token("/agents/ana/edit")
    assert anas.post("/agents/ben-secret/deactivate", csrf_token=token).status_code == 404
    assert anas.post("/agents/ben-secret/edit", FILLED_IN, csrf_token=token).status_code == 404
    assert services.agents.get("ben-secret", admin).is_active


def test_user_cannot_change_the_owner(
    anas: Browser, ana: Viewer, make: Callable[..., Agent], services: Services, admin: Viewer
) -> None:
    make("Ana", user_id=ana.user_id)
    assert "Owner" not in anas.get("/agents/ana/edit").text
    assert (
        anas.send("/agents/ana/edit", {**FILLED_IN, **seen(anas, "ana"), "user_id": str(admin.user_id)}).status_code
        == 303
    )
    edited = services.agents.get("ana", admin)
    assert (edited.agent_name, edited.user_id) == ("Ana Lima", ana.user_id)


def test_only_admins_create_agents(anas: Browser) -> None:
    page = anas.get("/agents/new")
    assert page.status_code == 403
    assert "Only an admin can open this page" in page.text
    assert anas.post("/agents/new", FILLED_IN, csrf_token=anas.token("/agents")).status_code == 403


@pytest.mark.parametrize("agent_id", ["unknown", "a%00b", "%F0%9F%8F%A0", "x" * 300, "../schema"])
def test_unknown_agent_returns_404(office: Browser, agent_id: str) -> None:
    page = office.get(f"/agents/{agent_id}")
    assert page.status_code == 404
    assert "Page not found" in page.text


def test_agent_id_with_a_slash_has_pages(office: Browser, services: Services, admin: Viewer) -> None:
    services.agents.create(Profile(agent_name="Old"), admin, agent_id="team/old agent")
    assert 'href="/agents/team/old%20agent"' in office.get("/agents").text
    assert office.get("/agents/team/old%20agent").status_code == 200
    assert "Edit <bdi>Old</bdi>" in office.get("/agents/team/old%20agent/edit").text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "{{ 7 * 7 }}{% x %}{0} %(y)s &amp;", "עמית 🏠", "=1+1", "x" * 200]
)
def test_names_are_escaped(office: Browser, services: Services, admin: Viewer, name: str) -> None:
    services.agents.create(Profile(agent_name=name), admin, agent_id="odd")
    for path in ("/agents", "/agents/odd", "/agents/odd/edit", "/agents/odd/deactivate"):
        text = office.get(path).text
        assert "<script" not in text
        assert escape(name if path != "/agents" else name[:70], quote=False) in text


def test_hours_are_grouped_by_weekday() -> None:
    week = hours_by_weekday(Rules(week=((7, Window(600, 660)), (1, Window(780, 840)), (1, Window(540, 600)))))
    assert week[0] == ("Monday", [Window(540, 600), Window(780, 840)])
    assert week[1] == ("Tuesday", [])
    assert week[6] == ("Sunday", [Window(600, 660)])


def week_form(browser: Browser, **days: str) -> dict[str, str]:
    """Return the fields of Ana's hours form with these days changed."""
    text = browser.get("/agents/ana/hours").text
    fields = dict(
        re.findall(r'<input[^>]* name="((?:mon|tues|wednes|thurs|fri|satur|sun)day)"[^>]* value="([^"]*)"', text)
    )
    mark = re.search(r'name="seen"[^>]*value="([^"]+)"', text)
    assert mark
    assert len(fields) == 7
    return {**fields, "seen": mark.group(1), **days}


def test_working_hours_accept_common_notation(office: Browser, make: Callable[..., Agent]) -> None:
    make("Ana")
    assert week_form(office)["monday"] == "9 am–5 pm"
    page = office.send(
        "/agents/ana/hours", week_form(office, monday="9-12, 1-5", friday="", sunday="18-24"), follow=True
    )
    assert page.request.path == "/agents/ana/hours"
    assert "The working hours were saved." in page.text
    assert week_form(office)["monday"] == "9 am–12 pm, 1–5 pm"
    assert (week_form(office)["friday"], week_form(office)["sunday"]) == ("", "6 pm–midnight")
    assert "6 pm – midnight" in office.get("/agents/ana").text


def test_invalid_hours_are_shown_at_their_day(office: Browser, make: Callable[..., Agent], services: Services) -> None:
    before = make("Ana")
    page = office.send(
        "/agents/ana/hours", week_form(office, monday="22-6", tuesday="9-12, 11-13", friday="x", sunday="1-2")
    )
    assert page.status_code == 400
    assert 'id="monday-error">“22-6” closes before it opens.' in page.text
    assert 'id="tuesday-error">“11-13” overlaps the hours before it.' in page.text
    assert 'id="friday-error">“x” is not a range of hours.' in page.text
    assert '<a href="#monday">Monday</a>' in page.text
    assert 'value="1-2"' in page.text
    assert services.agents.get("ana", ANYBODY) == before


def test_hours_conflict_shows_both_values(
    office: Browser, anas: Browser, ana: Viewer, make: Callable[..., Agent], services: Services
) -> None:
    make("Ana", user_id=ana.user_id)
    typed = week_form(office, monday="8-16", tuesday="8-16")
    assert anas.send("/agents/ana/hours", week_form(anas, monday="10-18")).status_code == 303
    page = office.send("/agents/ana/hours", typed)
    assert page.status_code == 400
    assert "ana@example.com (hours changed) changed Ana at " in page.text
    assert 'id="monday-error">Now saved by ana@example.com: 10 am–6 pm.' in page.text
    assert 'id="tuesday-error"' not in page.text
    assert page.text.count('value="8-16"') == 2
    assert services.agents.get("ana", ana).rules.week[0] == (1, Window(600, 1080))
    mark = re.search(r'name="seen"[^>]*value="([^"]+)"', page.text)
    assert mark
    assert office.send("/agents/ana/hours", {**typed, "seen": mark.group(1)}).status_code == 303
    assert services.agents.get("ana", ana).rules.week[0] == (1, Window(480, 960))


def test_changed_hours_conflict_with_a_profile_edit(office: Browser, make: Callable[..., Agent]) -> None:
    make("Ana")
    mark = seen(office, "ana")
    assert office.send("/agents/ana/hours", week_form(office, monday="10-18")).status_code == 303
    page = office.send("/agents/ana/edit", FILLED_IN | mark)
    assert "office@example.com (hours changed) changed Ana at " in page.text


def test_date_override_is_added_and_removed(office: Browser, make: Callable[..., Agent]) -> None:
    make("Ana")
    day = (NOW + timedelta(days=9)).date()
    add, at = "/agents/ana/hours/days", "/agents/ana/hours"

    def send(**fields: str) -> str:
        return office.send(add, {f"day-{name}": value for name, value in fields.items()}, at=at, follow=True).text

    assert 'id="day-day-error">Choose a day.' in send(hours="9-12")
    assert 'id="day-day-error">Enter a date such as 2026-12-24.' in send(day="tomorrow")
    assert 'id="day-day-error">Choose a day in this century.' in send(day="9999-12-31")
    assert 'id="day-day-error">That day is in the past.' in send(day="2020-01-01")
    assert 'id="day-hours-error">“9” is not a range of hours.' in send(day=day.isoformat(), hours="9")
    assert '<label for="day-day">Day</label>' in office.get(at).text, "the field is required"
    text = send(day=day.isoformat(), hours="", note="Thanks<giving> 🦃")
    assert "was added." in text
    assert "Thanks&lt;giving&gt; 🦃" in text
    assert 'id="day-day-error">That day already has a date override' in send(day=day.isoformat(), hours="9-12")
    remove = "/agents/ana/hours/days/remove"
    assert "was removed." in office.send(remove, at=at, follow=True, day=day.isoformat()).text
    assert (
        "That date override was already removed." in office.send(remove, at=at, follow=True, day=day.isoformat()).text
    )
    assert "the day was invalid" in office.send(remove, at=at, follow=True, day="x").text


def test_blocked_time_is_added_and_removed(office: Browser, make: Callable[..., Agent], database: Database) -> None:
    make("Ana")
    year = NOW.year + 1
    autumn = next(date(year, 11, day) for day in range(1, 8) if date(year, 11, day).isoweekday() == 7)
    spring = next(date(year, 3, day) for day in range(8, 15) if date(year, 3, day).isoweekday() == 7)
    add, at = "/agents/ana/hours/busy", "/agents/ana/hours"

    def send(first_day: date | str, from_time: str = "", until_time: str = "", **more: str) -> str:
        fields = {"first_day": str(first_day), "from_time": from_time, "until_time": until_time, **more}
        return office.send(add, {f"busy-{name}": value for name, value in fields.items()}, at=at, follow=True).text

    assert 'id="busy-first_day-error">Choose a day.' in send("")
    assert 'id="busy-from_time-error">Enter a time such as 14:30.' in send(autumn, "noonish")
    assert 'id="busy-from_time-error">Enter a time such as 14:30.' in send(autumn, "12:00+14:00")
    assert 'id="busy-from_time-error">The clocks skip 02:30' in send(spring, "02:30", "05:00")
    assert 'id="busy-from_time-error">24:00 is the end of a day' in send(autumn, "24:00")
    assert 'id="busy-until_time-error">The clocks skip 02:30' in send(spring, "01:00", "02:30")
    assert 'id="busy-until_time-error">The end must be after' in send(autumn, "12:00", "11:00")
    assert 'id="busy-until_time-error">That time is in the past.' in send("2020-01-01")
    assert 'value="noonish"' in send(autumn, "noonish")
    assert f"Blocked: Sun, Nov {autumn.day}, 1:00 am CDT to 1:30 am CST. The clocks change in this time." in send(
        autumn, "01:00", "01:30", note="Dentist"
    )
    assert f"Sat, Mar {spring.day - 1}, 1:00 pm to Sun, Mar {spring.day}, 12:00 am CST." in send(
        spring - timedelta(1), "13:00", "24:00"
    )
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source) VALUES ('ana', tstzrange(NOW(), NOW() + '1 h'), 'Google')"
    )
    text = office.get(at).text
    assert "Dentist" in text
    assert "from <bdi>Google</bdi> (edit it there)" in text
    ids = re.findall(r'name="busy_id" value="(\d+)"', text)
    assert len(ids) == 2, "blocks of an outside calendar cannot be removed here"
    remove = "/agents/ana/hours/busy/remove"
    assert "The blocked time was removed" in office.send(remove, at=at, follow=True, busy_id=ids[0]).text
    assert "already removed" in office.send(remove, at=at, follow=True, busy_id=ids[0]).text
    assert "already removed" in office.send(remove, at=at, follow=True, busy_id="x").text


def test_hours_page_lists_conflicting_viewings(
    office: Browser, make: Callable[..., Agent], book: Callable[..., int]
) -> None:
    make("Ana")
    for day in range(7):
        book("ana", NOW + timedelta(days=day + 1), attendee_name="<Max>")
    assert (
        office.send(
            "/agents/ana/hours",
            week_form(office, **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "")),
            follow=True,
        ).text.count("<bdi>&lt;Max&gt;")
        == 5
    )
    text = office.get("/agents/ana/hours").text
    assert "7 viewings are outside working hours or in blocked time." in text
    assert "and 2 more" in text


def test_hours_page_runs_four_queries(
    office: Browser, make: Callable[..., Agent], database: Database, queries: list[str]
) -> None:
    make("Ana")
    database.fetch(
        "INSERT INTO agent_days (agent_id, day, note) SELECT 'ana', CURRENT_DATE + n, repeat('x', 200) FROM generate_series(1, 250) n"
    )
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) SELECT 'ana', tstzrange(NOW() + n * INTERVAL '1 h', NOW() + (n + 2) * INTERVAL '1 h'), repeat('y', 3000) FROM generate_series(1, 5000) n"
    )
    queries.clear()
    page = office.get("/agents/ana/hours")
    assert len(queries) == 5, "the sign-in check, and four"
    assert len(page.text.encode()) < 60_000
    assert page.text.count("and 170 more") == 2


def test_user_sets_own_agents_hours_only(
    anas: Browser, ana: Viewer, make: Callable[..., Agent], services: Services
) -> None:
    make("Ana", user_id=ana.user_id)
    before = make("Ben Secret")
    token = anas.token("/agents/ana/hours")
    assert anas.get("/agents/ben-secret/hours").status_code == 404
    fields = {"day-day": "2030-01-01", "busy-first_day": "2030-01-01", "day": "2030-01-01", "busy_id": "1"}
    for path in ("", "/days", "/days/remove", "/busy", "/busy/remove"):
        assert anas.post(f"/agents/ben-secret/hours{path}", fields, csrf_token=token).status_code == 404
    assert services.agents.get("ben-secret", ANYBODY) == before
    assert services.hours.schedule("ben-secret", ANYBODY).days == ()


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("america/chicago", "America/Chicago"),
        ("new york", "America/New_York"),
        ("Phoenix (Arizona)", "America/Phoenix"),
        ("  Asia / Kathmandu", "  Asia / Kathmandu"),
        ("Asia/Kathmandu", "Asia/Kathmandu"),
        ("America/Argentina/buenos aires", "America/Argentina/Buenos_Aires"),
        ("Mars", "Mars"),
        (None, None),
    ],
)
def test_typed_time_zone_is_understood(typed: str | None, zone: str | None) -> None:
    assert named_zone(typed) == zone


def test_suggested_time_zones_exist() -> None:
    assert set(SUGGESTED_ZONES) <= available_timezones()


def test_city_is_saved_as_its_time_zone(office: Browser, services: Services, admin: Viewer) -> None:
    office.send("/agents/new", {**FILLED_IN, "time_zone": "los angeles"})
    assert services.agents.listing(admin).agents[0].time_zone == "America/Los_Angeles"
