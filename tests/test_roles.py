"""The services enforce roles, not only the pages.

The tests call every public method of every service. A new method takes a `viewer`, or is listed in WITHOUT_VIEWER with
the reason why it needs none.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental import demo
from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.line_bookings.model import LineBooking
from peterental.appointments.listing.model import Filter
from peterental.appointments.manual.model import NewBooking, ViewingEdit, WallClockTime
from peterental.calls.model import CallFilter
from peterental.config import Config
from peterental.database.pool import Database
from peterental.errors import Forbidden, NotFound, Refusal
from peterental.messages.model import MessageFilter
from peterental.notices.agent_choices.model import Contact
from peterental.notices.model import NoticeFilter, NoticeSettings
from peterental.notices.wording.model import Wording, WordingKey
from peterental.privacy.person import Person
from peterental.properties.model import PropertyDetails, PropertyFilter
from peterental.services import Services, build_services
from peterental.users.model import Client, SignedIn
from peterental.users.tokens.model import NewToken
from peterental.webhooks.model import EndpointEntry

PASSWORD = "correct horse battery"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()

PHONE_CALL = "called for a caller's assistant, which the webhook's secret authenticates"
ALREADY_CHECKED = "takes an object that the viewer was allowed to read"
SIGN_IN = "there is no viewer yet, or a password decides"
OPERATOR = "the command line, which only operators reach"
BACKGROUND = "called by background jobs"
LINK = "the signed link or the visitor's number decides"
PROVIDER = "Twilio's signature decides"
TOKEN = "the token of the API decides"
INTERNAL = "called by another service, which checks the viewer"

WITHOUT_VIEWER = {
    "agent_notice_planner.plan": BACKGROUND,
    "agent_notices.changes_of": ALREADY_CHECKED,
    "agents.changes_since": ALREADY_CHECKED,
    "agents.find": PHONE_CALL,
    "api_requests.begin": TOKEN,
    "api_requests.finish": TOKEN,
    "api_requests.finish_replay": TOKEN,
    "api_requests.release": TOKEN,
    "api_tokens.authenticate": TOKEN,
    "appointments.availability": PHONE_CALL,
    "appointments.book": PHONE_CALL,
    "appointments.cancel": PHONE_CALL,
    "appointments.find": PHONE_CALL,
    "appointments.find_homes": PHONE_CALL,
    "appointments.language_of": PHONE_CALL,
    "appointments.reschedule": PHONE_CALL,
    "audit.record": INTERNAL,
    "audit.since": ALREADY_CHECKED,
    "calendar_events.check": BACKGROUND,
    "calendar_events.delete_stray": BACKGROUND,
    "calendar_events.give_up": BACKGROUND,
    "calendar_events.state_of": ALREADY_CHECKED,
    "calendar_events.write": BACKGROUND,
    "calendar_events.write_waiting": BACKGROUND,
    "calendar_sync.age_s": INTERNAL,
    "calendar_sync.due": BACKGROUND,
    "calendar_sync.is_current": INTERNAL,
    "calendar_sync.lease": INTERNAL,
    "calendar_sync.record_failure": INTERNAL,
    "calendar_sync.refresh": PHONE_CALL,
    "calendar_sync.refresh_for_page": LINK,
    "calendar_sync.sync": BACKGROUND,
    "calendar.conflicts": ALREADY_CHECKED,
    "calendar.summaries": ALREADY_CHECKED,
    "calendar.upcoming": ALREADY_CHECKED,
    "calendars.age": ALREADY_CHECKED,
    "calls.begin": INTERNAL,
    "calls.history": INTERNAL,
    "calls.lock_line": INTERNAL,
    "calls.leave_urgent": INTERNAL,
    "calls.exists": ALREADY_CHECKED,
    "calls.get": INTERNAL,
    "calls.record_signature": PHONE_CALL,
    "calls.record_fetched": BACKGROUND,
    "calls.record_update": PHONE_CALL,
    "calls.record_answer": INTERNAL,
    "calls.record_fault": PHONE_CALL,
    "calls.record_tool_call": INTERNAL,
    "calls.record_tool_call_alone": INTERNAL,
    "calls.settle": INTERNAL,
    "calls.take_message": PHONE_CALL,
    "calls.tool_calls": INTERNAL,
    "calls.weekly_counts": ALREADY_CHECKED,
    "calls.without_report": BACKGROUND,
    "calls.write_buffered": INTERNAL,
    "consents.allow_follow_up": LINK,
    "consents.for_person": INTERNAL,
    "consents.is_stopped": INTERNAL,
    "consents.record_opt_out": PROVIDER,
    "consents.record_viewing": INTERNAL,
    "consents.start": INTERNAL,
    "consents.stop": INTERNAL,
    "jobs.defer": INTERNAL,
    "jobs.defer_once": INTERNAL,
    "jobs.fail_unknown": BACKGROUND,
    "jobs.record_error": INTERNAL,
    "feeds.fetch": "the secret address decides",
    "hours.busy_blocks": ALREADY_CHECKED,
    "hours.date_overrides": ALREADY_CHECKED,
    "hours.today": ALREADY_CHECKED,
    "notice_channels.ready": "tells whether a channel is on",
    "notice_channels.record": BACKGROUND,
    "notice_sender.look_up": BACKGROUND,
    "notice_sender.send": BACKGROUND,
    "notice_sender.send_of_appointment": BACKGROUND,
    "notice_settings.get": "every letter says who writes",
    "outbox.add": INTERNAL,
    "outbox.of_appointment": ALREADY_CHECKED,
    "outbox.record_delivery": PROVIDER,
    "properties.changes_since": ALREADY_CHECKED,
    "free_times.availability": INTERNAL,
    "free_times.near": INTERNAL,
    "properties.collect_viewings": BACKGROUND,
    "properties.has_outdated_keys": BACKGROUND,
    "properties.refresh_keys": BACKGROUND,
    "properties.settings": "tells how homes are shown",
    "property_imports.delete_old_files": BACKGROUND,
    "releases.release_unconfirmed": BACKGROUND,
    "repeating_blocks.extend": BACKGROUND,
    "reminders.plan": BACKGROUND,
    "replies.of_appointment": ALREADY_CHECKED,
    "replies.receive": PROVIDER,
    "retention.due": OPERATOR,
    "retention.reduce": OPERATOR,
    "second_factor.reset_by_operator": OPERATOR,
    "sessions.requires_second_factor": "reads a setting only",
    "shared_lines.sharing_of": ALREADY_CHECKED,
    "sessions.start": SIGN_IN,
    "sessions.viewer": SIGN_IN,
    "user_notices.invite": INTERNAL,
    "user_notices.mail": "tells whether e-mail is on",
    "user_notices.request_reset": SIGN_IN,
    "user_notices.write_reset": BACKGROUND,
    "users.is_set_up": SIGN_IN,
    "users.create": OPERATOR,
    "users.redeem_grant": SIGN_IN,
    "users.user_of_grant": SIGN_IN,
    "users.set_password": OPERATOR,
    "users.set_up_password": OPERATOR,
    "users.create_first_admin": SIGN_IN,
    "users.refusals_of_first_admin": SIGN_IN,
    "users.sign_in": SIGN_IN,
    "users.sign_in_with_code": SIGN_IN,
    "users.check_setup_link": SIGN_IN,
    "visitor_links.is_valid": LINK,
    "visitor_links.signed": INTERNAL,
    "visitor_links.token": INTERNAL,
    "visitor_links.url": INTERNAL,
    "visitor_links.url_of": INTERNAL,
    "visitors.calendar_file": LINK,
    "visitors.cancel": LINK,
    "visitors.confirm": LINK,
    "visitors.contacts": LINK,
    "visitors.free_days": LINK,
    "visitors.move": LINK,
    "visitors.reinstate": LINK,
    "visitors.release": BACKGROUND,
    "visitors.show": LINK,
    "offer_links.entry_of": LINK,
    "offer_links.signed": INTERNAL,
    "offer_links.token": INTERNAL,
    "offer_links.url": INTERNAL,
    "offer_links.url_of": INTERNAL,
    "waitlist.accept": LINK,
    "waitlist.agents_waited_for": BACKGROUND,
    "waitlist.can_text": "tells whether a channel is on",
    "waitlist.join": PHONE_CALL,
    "waitlist.offer": BACKGROUND,
    "waitlist.offered_to": INTERNAL,
    "waitlist.show": LINK,
    "waitlist.waiting": ALREADY_CHECKED,
    "webhook_sender.deliver": BACKGROUND,
    "webhook_sender.plan": BACKGROUND,
    "wording_samples.compose": BACKGROUND,
    "wording_samples.require_true": BACKGROUND,
    "wordings.wording": INTERNAL,
}
"""The methods without a viewer, and the reason for each."""


OWN_ACCOUNT = {
    "api_tokens.create",
    "calendars.finish_sign_in",
    "second_factor.renew_codes",
    "second_factor.turn_off",
    "second_factor.turn_on",
    "sessions.end_others",
    "users.change_password",
    "users.sign_out_everywhere",
}
"""Methods that every user may call, for their own account only."""


@dataclass(frozen=True)
class Method:
    """A public method of a service."""

    name: str
    call: Callable[..., Any]

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """By name."""
        return dict(inspect.signature(self.call).parameters)


def methods(services: Services) -> Iterator[Method]:
    for attribute, service in vars(services).items():
        for name, method in inspect.getmembers(service, inspect.ismethod):
            if not attribute.startswith("_") and not name.startswith("_"):
                yield Method(f"{attribute}.{name}", method)


@pytest.fixture
def services(database: Database) -> Services:
    return build_services(database, config=Config(secret_key="a key for tests, long enough to be one"))


@pytest.fixture
def examples(services: Services, database: Database) -> dict[str, Any]:
    """Return an example of each parameter; what they identify belongs to others."""
    admin = services.users.create("office@example.com", PASSWORD, "admin")
    demo.load_if_empty(services, database)
    busy = services.hours.add_busy_block(
        "nora-castillo", BusyBlockRequest(first_day=TOMORROW, last_day=TOMORROW), admin
    )
    services.sessions.start(SignedIn(viewer=admin, session_epoch=0), Client("203.0.113.7", "Firefox"))
    services.hours.add_override("nora-castillo", DateOverride(day=TOMORROW, windows=()), admin)

    def first(query: str) -> Any:
        return next(iter(database.fetch(query)[0].values()))

    when = WallClockTime(day=TOMORROW, clock_min=600)
    (closure,) = services.closures.add([ClosureEntry(name="Party", first_day=TOMORROW, last_day=TOMORROW)], admin)
    lunch = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=TOMORROW)
    repeating = services.repeating_blocks.add("nora-castillo", lunch, admin)
    return {
        "closure": closure,
        "closure_id": closure.closure_id,
        "closures": [closure],
        "first": TOMORROW,
        "items": services.time_off.upcoming(admin).items,
        "last": TOMORROW,
        "repeating": lunch,
        "repeating_id": repeating.repeating_id,
        "action": "cancel",
        "active": False,
        "account_id": services.calendars.connect_demo("nora-castillo", admin).account.account_id,
        "address": "https://cal.example.com/a.ics",
        "blocking": [],
        "keeps_titles": True,
        "kind": "google",
        "receiving": None,
        "choice": "round_robin",
        "choices": {("agent_booked", "email"): "off"},
        "code": "a code",
        "contact": Contact(email="nora@example.com"),
        "state": "a state",
        "redirect_uri": "https://rent.example.com/oauth/google",
        "trusts_stale": True,
        "user_name": "nora@example.com",
        "after": None,
        "agent": services.agents.get("nora-castillo", admin),
        "agent_id": "nora-castillo",
        "appointment_id": first("SELECT id FROM appointments WHERE agent_id = 'nora-castillo' LIMIT 1"),
        "busy_id": busy.busy_id,
        "call_filter": CallFilter(),
        "content": b"Id,Street\n1,9 Ash St\n",
        "count": 3,
        "day": TOMORROW,
        "delivery_id": 1,
        "details": PropertyDetails(line1="9 Ash Street"),
        "digest": "",
        "done": True,
        "email": "eve@example.com",
        "file_name": "homes.csv",
        "full_name": "Eve",
        "handled": True,
        "home_filter": PropertyFilter(),
        "import_id": services.property_imports.upload("AppFolio", "homes.csv", b"Id,Street\n1,9 Ash St\n", admin),
        "entry_id": first(
            """
            INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)
            VALUES ('nora-castillo', 'Mia', '+14055550123', '1 Elm Street', '{[2030-01-01, 2030-01-02)}')
            RETURNING entry_id
            """
        ),
        "endpoint": EndpointEntry(url="https://hooks.example.com/", event_types=("viewing.booked",)),
        "endpoint_id": services.webhooks.create(
            EndpointEntry(url="https://nora.example.com/", event_types=("viewing.moved",)), admin
        ).endpoint.endpoint_id,
        "entry": NewBooking(
            agent_id="nora-castillo", when=when, key="k" * 32, property_address="1 Elm Street", attendee_name="Eve"
        ),
        "line_booking": LineBooking(
            line_agent_id="nora-castillo",
            start=datetime(2030, 1, 1, 16, tzinfo=UTC),
            key="l" * 32,
            property_address="1 Elm Street",
            attendee_name="Eve",
        ),
        "key": WordingKey("booked", "text", "en"),
        "limit": 10,
        "member_ids": ["nora-castillo"],
        "message_filter": MessageFilter(),
        "notice_filter": NoticeFilter(),
        "notice_id": 1,
        "recipient": "eve@example.com",
        "settings": NoticeSettings(office_name="Eve's office"),
        "source": "AppFolio",
        "since": datetime(2026, 1, 1, tzinfo=UTC),
        "wording": Wording("{office}: {home}"),
        "job_id": 1,
        "message_id": first("SELECT message_id FROM messages LIMIT 1"),
        "minutes": 600,
        "password": "a word of an app",
        "override": DateOverride(day=date(2030, 1, 1), windows=()),
        "person": Person("phone", "+15550163021"),
        "confirmed": [],
        "phrase": "tomorrow at ten",
        "meanings": [("Street", "line1")],
        "profile": Profile(agent_name="Eve"),
        "property_id": first("SELECT property_id FROM properties LIMIT 1"),
        "role": "admin",
        "user_id": admin.user_id,
        "user_ids": [admin.user_id],
        "seen": None,
        "session_id": first("SELECT session_id FROM user_sessions"),
        "token": "",
        "token_id": services.api_tokens.create(NewToken(name="Sync"), admin).token.token_id,
        "viewing": ViewingEdit(agent_id="nora-castillo", property_address="1 Elm Street", attendee_name="Eve"),
        "wanted": Filter(),
        "vapi_call_id": first("SELECT vapi_call_id FROM calls WHERE agent_id = 'nora-castillo' LIMIT 1"),
        "week": [[Window(0, 60)] for _ in range(7)],
        "when": when,
        "request": BusyBlockRequest(first_day=TOMORROW, last_day=TOMORROW),
    }


def arguments(method: Method, examples: dict[str, Any]) -> dict[str, Any]:
    """Return an example of each required parameter of a method but the viewer."""
    needed = {
        name
        for name, parameter in method.parameters.items()
        if name != "viewer" and parameter.default is parameter.empty
    }
    return {name: examples[name] for name in needed}


def outcome(method: Method, viewer: Viewer, examples: dict[str, Any]) -> tuple[str, int]:
    """Return a method's result as text, and the HTTP status that a page would answer."""
    try:
        given = method.call(viewer=viewer, **arguments(method, examples))
        return repr(list(given) if isinstance(given, Iterator) else given), 200
    except Refusal as refusal:
        return str(refusal), 404 if isinstance(refusal, NotFound) else 403 if isinstance(refusal, Forbidden) else 409


def database_contents(database: Database) -> str:
    """Return the contents of every table, as JSON."""
    tables = database.fetch(
        """
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
        """
    )
    return json.dumps(
        {
            row["table_name"]: [
                line["row"] for line in database.fetch(f"SELECT t::text AS row FROM {row['table_name']} t ORDER BY 1")
            ]
            for row in tables
        }
    )


def test_every_method_takes_viewer_or_is_listed(services: Services) -> None:
    without = {method.name for method in methods(services) if "viewer" not in method.parameters}
    assert without == set(WITHOUT_VIEWER)


def test_user_without_agents_sees_nothing(services: Services, database: Database, examples: dict[str, Any]) -> None:
    eve = services.users.create("eve.adams@example.com", PASSWORD, "agent")
    before = database_contents(database)
    names = [row["name"] for row in database.fetch("SELECT attendee_name AS name FROM appointments")]
    names += ["Nora Castillo", "Ben Whitfield", "office@example.com"]
    checked = 0
    for method in methods(services):
        if "viewer" not in method.parameters or method.name in OWN_ACCOUNT:
            continue
        checked += 1
        shown, status = outcome(method, eve, examples)
        assert status in {200, 403, 404}, (method.name, shown)
        assert [name for name in names if name in shown] == [], method.name
    assert checked > 25
    assert database_contents(database) == before


def test_admin_sees_the_same_examples(services: Services, examples: dict[str, Any]) -> None:
    """The examples exist, so the test above does not pass because nothing is found."""
    admin = Viewer(user_id=examples["user_id"], email="office@example.com", is_admin=True)
    for method in methods(services):
        parameters = method.parameters
        if "viewer" in parameters and method.name.rpartition(".")[2] in {"get", "listing", "page", "record", "week"}:
            assert method.call(viewer=admin, **arguments(method, examples)), method.name
