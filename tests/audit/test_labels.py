"""The labels of the audit log are exactly those of the recorded fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

import peterental
from peterental.access import ToolToken, Viewer
from peterental.agents.model import Profile, Window
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.line_bookings.model import LineBooking
from peterental.appointments.listing.model import Filter
from peterental.appointments.manual.model import Action, ConfirmationRequired, NewBooking, ViewingEdit, WallClockTime
from peterental.appointments.model import Appointment
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.line.composition import build_line
from peterental.notices.agent_choices.model import KINDS, Contact, Timing
from peterental.notices.model import AgentKind, Channel, NoticeSettings
from peterental.notices.wording.model import Wording, WordingKey
from peterental.privacy.person import Person
from peterental.properties.model import PropertyDetails, PropertySettings
from peterental.services import Services, build_services
from peterental.users.login_throttle import ClientOrigin
from peterental.users.model import Client, SecondFactorIsOff, SignedIn
from peterental.users.tokens.model import NewToken
from peterental.web.appointments.manual_forms import parse_seen_token, seen_token
from peterental.web.audit.field_labels import LABELS
from peterental.webhooks.model import EndpointEntry
from tests.line.office import config_of, new_line
from tests.line.vapi_server import KEY, VapiServer

PACKAGE = Path(peterental.__file__).parent
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
PASSWORD = "correct horse battery"

TOOL = ToolToken(7, "Sync")
"""The token of a tool, with which all is changed."""

WRITERS = {
    "agents/working_hours/service.py",
    "agents/service.py",
    "agents/shared_lines/service.py",
    "agents/time_off/closure_service.py",
    "agents/time_off/repeating_service.py",
    "appointments/calendar_events/feed_service.py",
    "appointments/calendar_events/service.py",
    "appointments/line_bookings/service.py",
    "appointments/listing/service.py",
    "calendars/connection_service.py",
    "calls/review_service.py",
    "appointments/manual/service.py",
    "appointments/visitors/service.py",
    "jobs/service.py",
    "line/account_service.py",
    "line/set_up_service.py",
    "messages/service.py",
    "notices/agent_choices/service.py",
    "notices/outbox.py",
    "notices/settings.py",
    "notices/waitlist/service.py",
    "notices/wording/service.py",
    "privacy/service.py",
    "properties/importing/service.py",
    "properties/service.py",
    "users/admin_service.py",
    "users/failure_log.py",
    "users/second_factor_service.py",
    "users/service.py",
    "users/session_service.py",
    "users/tokens/service.py",
    "webhooks/service.py",
}
"""The modules that write to the log; `change_every_field` uses each of them."""


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """The services, on a Sunday morning in Chicago."""
    database = Database(database_url)
    yield build_services(database, lambda: NOW)
    database.close()


def change_every_field(services: Services, database: Database) -> None:
    """Change every field that is recorded in the log."""
    first = services.users.create_first_admin("office@example.com", PASSWORD).viewer
    admin = Viewer(first.user_id, first.email, is_admin=True, token=TOOL)
    ben = services.users.create("ben@example.com", PASSWORD, "agent", "Ben Okafor")
    services.user_admin.invite("eva@example.com", "agent", admin, "Eva")
    services.user_admin.set_role(ben.user_id, "admin", admin)
    services.user_admin.deactivate(ben.user_id, admin)
    assert services.users.sign_in("office@example.com", "not the password", ClientOrigin("203.0.113.7")) is None
    signed_in = SignedIn(viewer=admin, session_epoch=0, second_factor="code")
    services.sessions.start(signed_in, Client("203.0.113.7", "Firefox on Linux"))
    with pytest.raises(SecondFactorIsOff):
        services.second_factor.reset(ben.user_id, admin)
    services.agents.create(Profile(agent_name="Ana"), admin, "ana")
    filtered = Filter(agent_id="ana", status="confirmed", first_day=MONDAY, last_day=MONDAY, text="Max")
    assert list(services.listing.batches(admin, filtered)) == []
    other = Profile(
        agent_name="Anna", vapi_assistant_id="a", phone_number_id="p", calendar_user_id="c", user_id=ben.user_id,
        time_zone="Europe/Lisbon", handover_number="+15550100", slot_minutes=45, step_minutes=15, buffer_minutes=5,
        notice_minutes=60, horizon_days=7, daily_cap=9,
    )  # fmt: skip
    services.agents.update("ana", other, admin)
    services.agents.set_active("ana", admin, active=False)
    services.hours.set_week("ana", [(Window(600, 660),)] * 7, admin)
    services.hours.add_override("ana", DateOverride(date(2026, 12, 24), (Window(540, 600),), "Short"), admin)
    services.hours.add_busy_block("ana", BusyBlockRequest(first_day=MONDAY, last_day=MONDAY, note="Dentist"), admin)
    change_time_off(services, admin)
    database.fetch("INSERT INTO messages (agent_id, body) VALUES ('ana', 'Cats?')")
    services.messages.set_done(database.fetch("SELECT message_id FROM messages")[0]["message_id"], admin, done=True)
    services.jobs.defer_once(JobRequest(task="note"))
    job_id = database.fetch("SELECT id FROM procrastinate_jobs")[0]["id"]
    services.jobs.discard(job_id, admin)
    services.jobs.retry(job_id, admin)
    change_calendars(services, database, admin)
    change_notices(services, database, admin)
    change_line(services, database, admin)
    change_tools(services, database, admin)
    change_homes(services, admin)
    services.agents.create(Profile(agent_name="Ben"), admin, "ben")
    services.shared_lines.share("ana", ["ben"], "round_robin", admin, seen=None)
    for key in ("first form of all", "second form of all"):
        booked = book(services, admin, key)
    edit(services, admin, booked)
    database.fetch("INSERT INTO calls (vapi_call_id) VALUES ('handled')")
    services.call_reviews.set_handled("handled", admin, handled=True)
    services.user_admin.set_name(ben.user_id, "Ben", admin)
    act(services, admin, booked, "cancel")
    book_on_line(services, admin)
    services.visitors.confirm(book(services, admin, "form that is confirmed").appointment_id)
    services.visitors.release(book(services, admin, "form that is released").appointment_id, lambda _: True)
    delete_person(services, database, admin)


def change_time_off(services: Services, admin: Viewer) -> None:
    """Close the office, change and reopen it; add a repeating block, leave out a day, change and remove it."""
    day = date(2030, 7, 4)
    party = ClosureEntry(name="Party", first_day=day, last_day=day, from_min=720, exempt=frozenset({"ana"}))
    (closure,) = services.closures.add([party], admin)
    services.closures.change(closure.closure_id, replace(party, name="Picnic"), admin)
    services.closures.remove(closure.closure_id, admin)
    lunch = RepeatingEntry(weekdays=(4,), from_min=720, until_min=780, first_day=day, last_day=day, note="Lunch")
    repeating_id = services.repeating_blocks.add("ana", lunch, admin).repeating_id
    services.repeating_blocks.skip(repeating_id, day, admin)
    services.repeating_blocks.unskip(repeating_id, day, admin)
    services.repeating_blocks.change(repeating_id, replace(lunch, note="Gym"), admin)
    services.repeating_blocks.remove(repeating_id, admin)


def change_calendars(services: Services, database: Database, admin: Viewer) -> None:
    """Connect a calendar, choose otherwise, put back what a person changed in it, and disconnect it."""
    account_id = services.calendars.connect_demo("ana", admin).account.account_id
    services.calendars.choose(account_id, blocking=[], receiving=None, keeps_titles=True, viewer=admin)
    services.calendars.set_trusts_stale("ana", admin, trusts_stale=True)
    appointment_id = book(services, admin, "form of an event").appointment_id
    database.fetch(
        "INSERT INTO calendar_viewings (appointment_id, remote_change) VALUES (%s, 'deleted')", (appointment_id,)
    )
    services.calendar_events.put_back(appointment_id, admin)
    services.feeds.create("ana", admin)
    services.feeds.remove("ana", admin)
    services.calendars.disconnect(account_id, admin)


def change_notices(services: Services, database: Database, admin: Viewer) -> None:
    """Choose otherwise what an agent is told and what is sent, send again, and take a caller off the waitlist."""
    services.notice_settings.change(
        NoticeSettings(
            office_name="Elm Homes", texts_visitors=False, mails_visitors=False, reminds_day_before=False,
            reminds_hours_before=False, follows_up_no_shows=True, release_hours=3, quiet_from=time(21),
            quiet_until=time(9), list_at=time(6),
        ),
        admin,
    )  # fmt: skip
    key = WordingKey("booked", "email", "en")
    services.wordings.change(key, Wording(body="See you on {day} at {time}.[ {link}]", subject="Booked"), admin)
    database.fetch(
        "INSERT INTO notices (kind, channel, audience, recipient, state, expires_at, ended_at)"
        " VALUES ('test', 'email', 'user', 'x@example.com', 'failed', '2027-01-01', NOW())"
    )
    services.outbox.retry(database.fetch("SELECT notice_id FROM notices")[0]["notice_id"], admin)
    choices: dict[tuple[AgentKind, Channel], Timing] = {(kind, "email"): "off" for kind in KINDS}
    services.agent_notices.change("ana", Contact(email="a@example.com", phone="+14055550123"), choices, admin)
    database.fetch(
        """
        INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)
        VALUES ('ana', 'Mia', '+14055550123', '1 Elm', '{[2030-01-01, 2030-01-02)}')
        """
    )
    services.waitlist.remove(database.fetch("SELECT entry_id FROM waitlist")[0]["entry_id"], admin)


def change_tools(services: Services, database: Database, admin: Viewer) -> None:
    """Create and revoke a token; add, change, turn off and remove a webhook."""
    token = services.api_tokens.create(NewToken(name="Sync", lifetime=timedelta(days=1)), admin).token
    services.api_tokens.revoke(token.token_id, admin)
    entry = EndpointEntry(url="https://hooks.example.com/", event_types=("viewing.booked",))
    number = services.webhooks.create(entry, admin).endpoint.endpoint_id
    services.webhooks.change(number, replace(entry, event_types=("viewing.moved",)), admin)
    services.webhooks.rotate(number, admin)
    services.webhooks.send_test(number, admin)
    database.fetch("UPDATE webhook_deliveries SET state = 'failed', ended_at = NOW()")
    services.webhooks.deliver_again(services.webhooks.deliveries(admin)[0].delivery_id, admin)
    services.webhooks.set_active(number, admin, active=False)
    services.webhooks.remove(number, admin)


def change_line(services: Services, database: Database, admin: Viewer) -> None:
    """Connect an account at Vapi, and give the agent a line."""
    with VapiServer() as vapi:
        line = build_line(database, services, config_of(vapi, vapi_api_key=None))
        line.account.connect(KEY, admin)
        line.set_ups.choose("ana", new_line(), admin)
        line.set_ups.resume("ana", admin)
        line.account.disconnect(admin)


def change_homes(services: Services, admin: Viewer) -> None:
    """Add a home with every field, retire it, import a list, and choose otherwise how homes are shown."""
    home = PropertyDetails(
        line1="9 Ash Street", unit="2B", city="Norman", state="OK", zip_code="73069", said_as=("The Gables",), bedrooms=2,
        bathrooms=1.5, rent=900, available_on=MONDAY, showing_minutes=45, notice_minutes=60, windows=((1, Window(600, 660)),),
        shown_by=frozenset({"ana"}),
    )  # fmt: skip
    services.properties.retire(services.properties.add(home, admin), admin)
    services.properties.change_settings(PropertySettings(one_viewing_at_a_time=True), admin)
    import_id = services.property_imports.upload("AppFolio", "homes.csv", b"Id,Street\n1,7 Oak St\n", admin)
    services.property_imports.choose_columns(import_id, [("Id", "source_id"), ("Street", "line1")], admin)
    services.property_imports.confirm(import_id, services.property_imports.preview(import_id, admin).plan.digest, admin)


def delete_person(services: Services, database: Database, admin: Viewer) -> None:
    """Delete the data of the visitor, after adding some of every other kind."""
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, caller_number, summary)
        VALUES ('own', NULL, 'm@example.com'), ('other', '+14055550142', 'm@example.com')
        """
    )
    database.fetch("INSERT INTO messages (agent_id, body) VALUES ('ana', 'm@example.com')")
    database.fetch(
        "INSERT INTO tool_calls (tool_call_id, name, answer, outcome) VALUES ('t', 'find', 'm@example.com', 'answered')"
    )
    database.fetch("UPDATE agent_busy SET note = 'm@example.com'")
    for statement in (
        """
        INSERT INTO notices (kind, channel, audience, recipient, expires_at)
        VALUES ('reply', 'email', 'visitor', 'm@example.com', NOW())
        """,
        """
        INSERT INTO text_replies (provider_id, sender, receiver, body, understood_as)
        VALUES ('SM1', '+14055550142', '+14055550100', 'm@example.com', 'message')
        """,
        """
        INSERT INTO contact_consents (channel, recipient, purpose, revoked_at) VALUES ('email', 'm@example.com', 'all', NOW())
        """,
        """
        INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)
        VALUES ('ana', 'm@example.com', '+14055550142', '1 Elm Street', '{[2030-01-01, 2030-01-02)}')
        """,
    ):
        database.fetch(statement)
    person = Person("email", "m@example.com")
    held = services.persons.find(person, admin)
    assert 0 not in held.counts.values()
    services.persons.delete(person, admin, [booking.appointment_id for booking in held.upcoming])


def book(services: Services, admin: Viewer, key: str) -> Appointment:
    """Book a time, and acknowledge every warning."""
    entry = NewBooking(
        agent_id="ana", when=WallClockTime(day=MONDAY, clock_min=600), key=key, property_address="1 Elm", attendee_name="Max",
        attendee_email="m@example.com", attendee_phone="555 0100",
    )  # fmt: skip
    try:
        return services.manual.book(entry, admin)
    except ConfirmationRequired as refusal:
        acknowledged = replace(entry.when, acknowledged=refusal.warnings.fingerprints)
        return services.manual.book(replace(entry, when=acknowledged), admin)


def book_on_line(services: Services, admin: Viewer) -> None:
    """Book the first free time of a line."""
    services.agents.create(Profile(agent_name="Lia"), admin, "lia")
    days = services.line_bookings.free_days("lia", None, 14, admin).days
    start = next(start for times in days.values() for start in times)
    line_booking = LineBooking(
        line_agent_id="lia", start=start, key="line", property_address="1 Elm", attendee_name="Mia"
    )
    services.line_bookings.book(line_booking, admin)


def edit(services: Services, admin: Viewer, booked: Appointment) -> None:
    """Change every field of a viewing, and acknowledge every warning."""
    services.agents.create(Profile(agent_name="Bea"), admin, "bea")
    home = services.properties.add(PropertyDetails(line1="3 Fir Street"), admin)
    viewing = ViewingEdit(
        agent_id="bea", duration_min=15, property_address="3 Fir Street", property_id=home, attendee_name="Maxine",
        attendee_email="m@example.com", attendee_phone="405 555 0142", notes="Has a dog",
    )  # fmt: skip
    shown, _ = services.manual.show(booked.appointment_id, admin)
    seen = parse_seen_token(seen_token(shown))
    with pytest.raises(ConfirmationRequired) as refusal:
        services.manual.edit(booked.appointment_id, seen, replace(viewing, agent_id="ana", duration_min=90), admin)
    acknowledged = refusal.value.warnings.fingerprints
    services.manual.edit(booked.appointment_id, seen, replace(viewing, acknowledged=acknowledged), admin)
    shown, _ = services.manual.show(booked.appointment_id, admin)
    seen = parse_seen_token(seen_token(shown))
    services.manual.edit(booked.appointment_id, seen, replace(viewing, attendee_email=None), admin)


def act(services: Services, admin: Viewer, booked: Appointment, action: Action) -> None:
    shown, _ = services.manual.show(booked.appointment_id, admin)
    services.manual.change(booked.appointment_id, parse_seen_token(seen_token(shown)), action, admin)


def test_labels_match_recorded_fields(services: Services, database: Database) -> None:
    change_every_field(services, database)
    rows = database.fetch(
        """
        SELECT DISTINCT JSONB_OBJECT_KEYS(COALESCE(before, '{}') || COALESCE(after, '{}')) AS name
        FROM audit_log
        """
    )
    assert {row["name"] for row in rows} == set(LABELS)


def test_every_change_by_a_tool_names_its_token(services: Services, database: Database) -> None:
    """Whatever the API comes to change."""
    change_every_field(services, database)
    rows = database.fetch(
        """
        SELECT DISTINCT actor, action, subject_kind, token_id, token_name FROM audit_log
        WHERE actor = 'office@example.com' AND (token_id, token_name) IS DISTINCT FROM (7, 'Sync')
            AND action <> 'set up' -- by the first admin, who has no token yet
        """
    )
    assert [row["action"] for row in rows] == []


def test_every_writing_module_is_exercised() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "_audit.record(" in path.read_text(encoding="utf-8")
    }
    assert found == WRITERS
