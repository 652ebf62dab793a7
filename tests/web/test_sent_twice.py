"""Every form that is sent twice, as by a double click: the second answer is that of the first, and nothing is done twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.services import Services
from peterental.users.model import Client, SignedIn
from peterental.web.shell.access_control import MACHINE_BLUEPRINTS
from tests.voice.homes import add_home
from tests.web.html_forms import form_to

if TYPE_CHECKING:
    from tests.web.conftest import Browser

REFUSED = re.compile(
    r'class="(?:message message-refused"|problems[^>]* role="alert")[^>]*>(.*?)</(?:p|div)>', re.DOTALL
)

OTHERS = {
    "sign_in": "has a throttle, and tests of its own",
    **dict.fromkeys(
        ("line.connect", "line.disconnect", "line.choose", "line.compare", "line.write", "line.resume", "line.test"),
        "is done at a provider, in steps that resume",
    ),
    "users.join": "a link that works once",
    "users.forgot": "answers everyone alike",
    "users.second_factor": "codes are used up by design",
    "users.account": "needs the current password, which the first one changed",
    "users.sign_out_everywhere": "ends the session that sends it",
    "users.reset_second_factor": "needs a user with an authenticator app",
    "users.make_link": "every link is another one, and the last is shown",
    "calendars.connect_address": "reads a calendar of a provider",
    "calendars.connect_caldav": "reads a calendar of a provider",
    "calendars.connect_demo": "exists in development only",
    "calendars.begin_sign_in": "changes nothing here",
    "calendars.sync": "reads again",
    "appointments.put_back": "has nothing to put back without a calendar",
    "homes.upload": "keeps both files until one is imported",
    "homes.columns": "stores what it is sent",
    "visits": "visitors' forms have tests of their own",
    "offers": "visitors' forms have tests of their own",
    "notices.send_test": "sends another test",
    "webhooks.send_test": "sends another test",
    "tool_tester.index": "changes nothing",
    "jobs.retry": "runs the job again",
    "users.sign_out_elsewhere": "ends what there is each time",
    "privacy.index": "changes nothing",
    "privacy.export": "is recorded each time",
}
"""Endpoints and blueprints that the table leaves out, and why."""


@dataclass(frozen=True)
class Case:
    """A form that is sent twice.

    Args:
        endpoint: where it is sent.
        page: the address of the page that has it.
        path: where it is sent; empty for the page's own address.
        typed: what a person enters, and the name and value of the button.
        is_audited: whether the audit log has it.
        form: the address of another form of the page, where the answer to that one has the form.
    """

    endpoint: str
    page: str
    path: str = ""
    typed: Mapping[str, str | list[str]] = field(default_factory=dict)
    is_audited: bool = True
    form: str = ""


@dataclass(frozen=True)
class World:
    """What the cases are about."""

    services: Services
    database: Database
    admin: Viewer
    ana: Viewer
    book: Callable[..., int]

    def number(self, query: str) -> int:
        """Return the number that a query finds."""
        return int(next(iter(self.database.fetch(query)[0].values())))

    def past(self, **others: object) -> int:
        """Book a viewing that is over."""
        return self.book("ana-lima", utc_now() - timedelta(minutes=40), overlap_allowed=True, **others)

    def coming(self, days: int, **others: object) -> int:
        """Book a viewing to come."""
        return self.book("ana-lima", utc_now() + timedelta(days=days), **others)


def cases_of_viewings(world: World) -> Iterator[Case]:
    day = (utc_now() + timedelta(days=9)).date().isoformat()
    visitor = {"attendee_name": "Mia", "property_address": "9 Ash Street"}
    yield Case(
        "appointments.new", "/appointments/new", typed={"agent_id": "ben", "day": day, "slot": "10:00", **visitor}
    )
    page, other = (f"/appointments/{world.past()}" for _ in range(2))
    yield Case("appointments.complete", page, f"{page}/complete")
    yield Case("appointments.no_show", other, f"{other}/no-show")
    one, another = (world.past() for _ in range(2))
    yield Case("today.complete", "/today", f"/today/{one}/complete")
    yield Case("today.no_show", "/today", f"/today/{another}/no-show")
    # As the page is after the mark: without that, it has yesterday's viewing no more, and it may be past midnight.
    yield Case("today.reopen", f"/today?marked={another}", f"/today/{another}/reopen")
    viewing = world.past(status="no_show")
    yield Case("appointments.reopen", f"/appointments/{viewing}", f"/appointments/{viewing}/reopen")
    page = f"/appointments/{world.coming(5)}"
    yield Case("appointments.edit", f"{page}/edit", typed={"attendee_name": "Maya", "notes": "Has a dog."})
    yield Case("appointments.move", f"{page}/move", typed={"day": day, "slot": "11:00"})
    yield Case("appointments.cancel", f"{page}/cancel")


def cases_of_agents(world: World) -> Iterator[Case]:
    yield Case("agents.new", "/agents/new", typed={"agent_name": "Cem"})
    page, day = "/agents/ana-lima", (utc_now() + timedelta(days=20)).date().isoformat()
    yield Case("agents.edit", f"{page}/edit", typed={"slot_minutes": "45"})
    yield Case("agents.deactivate", f"{page}/deactivate")
    yield Case("agents.reactivate", f"{page}/reactivate")
    yield Case("line.sharing", f"{page}/line/sharing", typed={"books": ["ana-lima", "ben"]})
    hours = f"{page}/hours"
    yield Case("agents.hours", hours, typed={"monday": "10-4"})
    yield Case("agents.add_day", hours, f"{hours}/days", {"day-day": day, "day-hours": "10-12"})
    yield Case("agents.remove_day", hours, f"{hours}/days/remove", {"day": day})
    yield Case("agents.add_busy", hours, f"{hours}/busy", {"busy-first_day": day, "busy-note": "Away"})
    busy = world.number("SELECT busy_id FROM agent_busy")
    yield Case("agents.remove_busy", hours, f"{hours}/busy/remove", {"busy_id": str(busy)})
    yield Case("agent_notices.show", f"{page}/notices", typed={"email": "ana@example.org"})
    world.database.fetch(
        """
        INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted, state)
        VALUES ('ana-lima', 'Mia', '+14055550123', '12 Elm Street',
                tstzmultirange(tstzrange(NOW() + INTERVAL '1 day', NOW() + INTERVAL '2 days')), 'waiting')
        """
    )
    entry = world.number("SELECT entry_id FROM waitlist")
    yield Case("agents.remove_waiting", page, f"{page}/waitlist/remove", {"entry_id": str(entry)})


def cases_of_time_off(world: World) -> Iterator[Case]:
    page, day = "/time-off", (utc_now() + timedelta(days=25)).date()
    one = {"agent_id": "ana-lima"}
    yield Case(
        "time_off.block", page, f"{page}/block", _prefixed("block", one, day=day.isoformat()) | {"part": "morning"}
    )
    busy = world.number("SELECT busy_id FROM agent_busy")
    yield Case("time_off.remove", page, f"{page}/remove", {"remove": f"block {busy} ana-lima"})
    yield Case("time_off.block_times", page, f"{page}/times", _prefixed("times", one, first_day=day.isoformat()))
    yield Case("time_off.new_closure", f"{page}/closures/new", typed={"name": "Party", "first_day": day.isoformat()})
    closure = f"{page}/closures/{world.number('SELECT closure_id FROM office_closures')}"
    yield Case("time_off.closure", closure, typed={"name": "Summer party"})
    yield Case("time_off.remove_closure", closure, f"{closure}/remove")
    yield Case("time_off.holidays", f"{page}/holidays", f"{page}/holidays?country=US", {"day": f"{day.year + 1}-07-04"})
    weekday = day.strftime("%A").lower()
    yield Case(
        "time_off.new_repeating",
        f"{page}/repeating/new",
        typed={**one, "weekdays": str(day.isoweekday()), "note": weekday},
    )
    block = f"{page}/repeating/{world.number('SELECT repeating_id FROM repeating_blocks')}"
    yield Case("time_off.repeating", block, typed={"note": "Gym"})
    yield Case("time_off.skip", block, f"{block}/skip", {"skip-day": day.isoformat()})
    yield Case("time_off.unskip", block, f"{block}/unskip", {"day": day.isoformat()})
    yield Case("time_off.remove_repeating", block, f"{block}/remove")


def _prefixed(prefix: str, given: Mapping[str, str], **more: str) -> dict[str, str | list[str]]:
    return {f"{prefix}-{name}": value for name, value in {**given, **more}.items()}


def cases_of_homes(world: World) -> Iterator[Case]:
    yield Case("homes.new", "/homes/new", typed={"line1": "7 Oak Street"})
    home = f"/homes/{add_home(world.database, '1420 Elm Street')}"
    yield Case("homes.edit", f"{home}/edit", typed={"bedrooms": "3"})
    yield Case("homes.retire", f"{home}/retire")
    yield Case("homes.restore", home, f"{home}/restore")
    yield Case("homes.settings", "/homes/settings", typed={"one_viewing_at_a_time": "y"})
    imports = world.services.property_imports
    for name in ("confirm", "discard"):
        number = imports.upload(f"List {name}", "homes.csv", b"address,city\n5 Fir Street,Norman\n", world.admin)
        imports.choose_columns(number, [("address", "line1"), ("city", "city")], world.admin)
        page = f"/homes/imports/{number}"
        yield (
            Case("homes.preview", page)
            if name == "confirm"
            else Case("homes.discard", page, f"{page}/discard", is_audited=False)
        )


def cases_of_calls(world: World) -> Iterator[Case]:
    world.database.fetch(
        "INSERT INTO calls (vapi_call_id, agent_id, status, started_at, outcomes) VALUES ('c1', 'ana-lima', 'ended', NOW(), '{fault}')"
    )
    yield Case("calls.handle", "/calls/c1", "/calls/c1/handled", {"note": "Called back."})
    yield Case("calls.reopen", "/calls/c1", "/calls/c1/open")
    world.database.fetch("INSERT INTO messages (agent_id, body, vapi_call_id) VALUES ('ana-lima', 'Call me', 'c1')")
    number = world.number("SELECT message_id FROM messages")
    yield Case("messages.done", "/messages", f"/messages/{number}/done")
    yield Case("messages.reopen", "/messages?show=done", f"/messages/{number}/open?show=done")


def cases_of_the_office(world: World) -> Iterator[Case]:
    yield Case("users.invite", "/users/invite", typed={"email": "new@example.com", "role": "agent"})
    page = f"/users/{world.ana.user_id}"
    yield Case("users.rename", page, f"{page}/name", {"full_name": "Ana María Lima"})
    yield Case("users.show", page, typed={"role": "admin"})
    yield Case("users.deactivate", f"{page}/deactivate")
    yield Case("users.reactivate", f"{page}/reactivate")
    world.services.sessions.start(SignedIn(viewer=world.admin, session_epoch=0), Client("192.0.2.7", "Safari"))
    session = world.number("SELECT MAX(session_id) FROM user_sessions")
    yield Case("users.end_session", "/account", f"/account/sessions/{session}/end")
    yield Case("notices.settings", "/settings", typed={"office_name": "Elm Homes"})
    wording = "/settings/wordings/booked/text/en"
    yield Case("notices.edit_wording", wording, typed={"body": "{office}: booked, {home}, {day}, {time}."})
    yield Case("notices.reset_wording", wording, f"{wording}/reset")
    world.database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)")
    world.database.fetch(
        """
        INSERT INTO notices (agent_id, kind, channel, audience, recipient, state, body, expires_at, ended_at, about)
        VALUES ('ana-lima', 'booked', 'text', 'visitor', '+14055550142', 'failed', 'Booked.',
                NOW() + INTERVAL '1 day', NOW(), '1')
        """
    )
    letter = f"/outbox/{world.number('SELECT notice_id FROM notices')}"
    yield Case("notices.retry", letter, f"{letter}/retry")
    world.services.jobs.defer_once(JobRequest(task="note"))
    job = world.number("SELECT id FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    yield Case("jobs.discard", "/jobs", f"/jobs/{job}/discard")
    world.past(attendee_phone="+14055550177")
    number = {"person": "+14055550177"}
    yield Case("privacy.delete", "/privacy", "/privacy/delete", {**number, "confirm": "yes"}, form="/privacy")


def cases_of_tools(world: World) -> Iterator[Case]:
    yield Case("tokens.index", "/tokens", typed={"name": "Sync", "scope": "book"})
    page = f"/tokens/{world.number('SELECT token_id FROM api_tokens')}/revoke"
    yield Case("tokens.revoke", page)
    yield Case("webhooks.new", "/webhooks/new", typed={"url": "https://hooks.example.com/in"})
    page = f"/webhooks/{world.number('SELECT endpoint_id FROM webhook_endpoints')}"
    yield Case("webhooks.show", page, typed={"url": "https://hooks.example.com/other"})
    yield Case("webhooks.rotate", page, f"{page}/rotate")
    world.database.fetch(
        """
        INSERT INTO webhook_deliveries (endpoint_id, event_type, happened_at, next_attempt_at, state, ended_at)
        SELECT endpoint_id, 'test', NOW(), NOW(), 'failed', NOW() FROM webhook_endpoints
        """
    )
    number = world.number("SELECT delivery_id FROM webhook_deliveries")
    yield Case("webhooks.deliver_again", page, f"/webhooks/deliveries/{number}/again")
    yield Case("webhooks.turn_off", page, f"{page}/off")
    yield Case("webhooks.turn_on", page, f"{page}/on")
    yield Case("webhooks.remove", f"{page}/remove")


def cases_of_calendars(world: World) -> Iterator[Case]:
    page = "/agents/ana-lima/calendars"
    world.services.calendars.connect_demo("ana-lima", world.admin)
    yield Case("calendars.choose", page, page, {"blocks": []})
    yield Case("calendars.choose_stale", page, f"{page}/stale", {"trusts": "yes"})
    yield Case("calendars.make_feed", page, f"{page}/feed")
    yield Case("calendars.make_feed", page, f"{page}/feed")
    yield Case("calendars.remove_feed", page, f"{page}/feed/end")
    account = world.number("SELECT account_id FROM calendar_accounts")
    yield Case("calendars.disconnect", f"/calendars/{account}/disconnect")


TABLE = (
    cases_of_viewings,
    cases_of_agents,
    cases_of_time_off,
    cases_of_homes,
    cases_of_calls,
    cases_of_the_office,
    cases_of_tools,
    cases_of_calendars,
)


def changes(database: Database) -> int:
    """Return how many changes were recorded."""
    return int(database.fetch("SELECT COUNT(*) AS number FROM audit_log")[0]["number"])


def problems_of(case: Case, office: Browser, database: Database) -> Iterator[str]:
    """Send a form twice, before the first answer is shown; yield what is wrong with the second."""
    path = case.path or case.page
    form = form_to(office.get(case.page).text, case.form or path, case.page)
    sent = {**form.fields, **form.button, **case.typed}
    before = changes(database)
    first = office.post(path, sent)
    if first.status_code >= 400:
        yield f"the first answer is {first.status_code}: {wrong_on(first.text)}"
        return
    done = changes(database)
    if done == before and case.is_audited:
        yield "the first one changed nothing"
    second = office.post(path, sent)
    if changes(database) != done:
        yield "it was done twice"
    if second.status_code >= 400:
        yield f"the second answer is {second.status_code}: {wrong_on(second.text)}"
    elif second.status_code >= 300:
        if first.headers["Location"] != second.headers["Location"]:
            yield f"leads to {second.headers['Location']}, not to {first.headers['Location']}"
        page = office.get(second.headers["Location"], follow=True)
        if page.status_code >= 400:
            yield f"leads to {page.status_code}: {wrong_on(page.text)}"
        elif refused := wrong_on(page.text):
            yield f"says {refused}"


def wrong_on(text: str) -> list[str]:
    """Return the messages of a page that say that something was refused."""
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in REFUSED.findall(text)]


@pytest.fixture
def world(services: Services, database: Database, admin: Viewer, ana: Viewer, book: Callable[..., int]) -> World:
    return World(services, database, admin, ana, book)


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("cases", TABLE, ids=lambda cases: cases.__name__)
def test_form_that_is_sent_twice_is_done_once(
    cases: Callable[[World], Iterator[Case]], world: World, office: Browser, database: Database
) -> None:
    problems = [f"{case.endpoint}: {text}" for case in cases(world) for text in problems_of(case, office, database)]
    assert not problems, "\n".join(problems)


def test_every_form_is_in_the_table(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set())}
    machines = {endpoint for endpoint in endpoints if endpoint.partition(".")[0] in MACHINE_BLUEPRINTS}
    left_out = {endpoint for endpoint in endpoints if {endpoint, endpoint.partition(".")[0]} & OTHERS.keys()}
    named = set(re.findall(r'Case\(\s*"([a-z_.]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert endpoints - machines - left_out == named
