"""Edits of viewings: what changes, who is told, whose calendar has the event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.agents.lookup import lock_agent_sql
from peterental.agents.model import AgentUnknown
from peterental.appointments.manual.model import (
    BookingWarning,
    ConfirmationRequired,
    EditConflict,
    ExpectedState,
    HomeRetired,
    InvalidDuration,
    NewBooking,
    NotesTooLong,
    NothingEdited,
    OnlyVisitorEditable,
    WallClockTime,
)
from peterental.appointments.model import AddressMissing, Appointment, AppointmentUnknown, NameMissing, SlotTaken
from peterental.appointments.visitors.model import ViewingChanged
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.services import Services, build_services
from tests.clocks import Clock
from tests.edits import entry_of
from tests.servers import until_a_session_waits

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ADMIN = Viewer(1, "office@example.com", is_admin=True)
STRANGER = Viewer(99, "stranger@example.com", is_admin=False)
MONDAY = date(2026, 11, 23)
TEN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def clock() -> Clock:
    """A clock that shows Sunday morning at first."""
    return Clock(NOW)


@pytest.fixture
def services(database_url: str, clock: Clock) -> Iterator[Services]:
    """The services, with Ana in Chicago and Ben in Denver, who receive notices by e-mail."""
    database = Database(database_url, pool_size=8)
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'assistant')")
    database.fetch("INSERT INTO agents (agent_id, agent_name, time_zone) VALUES ('ben', 'Ben', 'America/Denver')")
    database.fetch("INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'a@x.org'), ('ben', 'b@x.org')")
    database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+1', TRUE), ('email', 'e', TRUE)"
    )
    yield build_services(database, clock)
    database.close()


@pytest.fixture
def book(services: Services) -> Callable[..., Appointment]:
    """A function that books a viewing with Ana on Monday."""

    def book(clock_min: int = 600, **others: Any) -> Appointment:
        entry = NewBooking(
            agent_id="ana",
            when=WallClockTime(day=others.pop("day", MONDAY), clock_min=clock_min),
            key=f"key-of-the-form-{clock_min}",
            property_address="1420 Elm Street",
            attendee_name="Dolores",
            attendee_phone="+14055550123",
            attendee_email="d@example.com",
        )
        booked = services.manual.book(replace(entry, **others), ADMIN)
        return services.manual.show(booked.appointment_id, ADMIN)[0]

    return book


@pytest.fixture
def edit(services: Services) -> Callable[..., Appointment]:
    """A function that edits some fields of a viewing as it was seen."""

    def edit(old: Appointment, viewer: Viewer = ADMIN, **fields: Any) -> Appointment:
        services.manual.edit(old.appointment_id, seen(old), entry_of(old, **fields), viewer)
        return services.manual.show(old.appointment_id, ADMIN)[0]

    return edit


def seen(appointment: Appointment) -> ExpectedState:
    assert appointment.updated_at
    return ExpectedState(appointment.updated_at, appointment.start, appointment.status)


def add_home(database: Database, line1: str = "77 Oak Avenue", status: str = "active") -> int:
    rows = database.fetch(
        "INSERT INTO properties (line1, status) VALUES (%s, %s) RETURNING property_id", (line1, status)
    )
    return int(rows[0]["property_id"])


def told(database: Database) -> list[tuple[str, str, str]]:
    """The kind, recipient and agent of the notices that an edit wrote."""
    rows = database.fetch(
        "SELECT kind, recipient, agent_id FROM notices WHERE kind NOT IN ('booked', 'agent_booked') OR recipient = 'b@x.org'"
        " ORDER BY notice_id"
    )
    return sorted((row["kind"], row["recipient"], row["agent_id"]) for row in rows)


def sequence_of(database: Database, appointment: Appointment) -> int:
    rows = database.fetch("SELECT sequence FROM appointments WHERE id = %s", (appointment.appointment_id,))
    return int(rows[0]["sequence"])


def test_edit_changes_every_field(book: Callable[..., Appointment], edit: Callable[..., Appointment]) -> None:
    old = book()
    new = edit(
        old,
        agent_id="ben",
        duration_min=45,
        property_address="9 Pine Road",
        attendee_name="Maria",
        attendee_email="m@example.com",
        attendee_phone="(405) 555-0199",
        notes="Has a dog",
        acknowledged=frozenset(),
    )
    assert (new.agent_name, new.time_zone, new.start, new.end) == (
        "Ben",
        "America/Denver",
        TEN,
        TEN + timedelta(minutes=45),
    )
    assert (new.property_address, new.attendee_name, new.attendee_email) == ("9 Pine Road", "Maria", "m@example.com")
    assert (new.attendee_phone, new.notes) == ("+14055550199", "Has a dog")
    assert new.updated_at
    assert old.updated_at
    assert new.updated_at > old.updated_at


def test_edit_is_in_history_and_audit_log(
    services: Services, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    new = edit(book(), agent_id="ben", duration_min=45, attendee_name="Maria")
    _, events = services.manual.show(new.appointment_id, ADMIN)
    assert (events[-1].kind, events[-1].actor) == ("edited", ADMIN.email)
    assert events[-1].changes == {
        "agent": ["Ana", "Ben"],
        "agent_id": ["ana", "ben"],
        "minutes": [30, 45],
        "name": ["Dolores", "Maria"],
    }
    change = services.audit.listing(ADMIN).entries[0].change
    assert (change.action, change.subject_name) == ("edited", "Maria, 1420 Elm Street")
    assert change.before == {"agent": "Ana", "minutes": 30, "attendee_name": "Dolores"}
    assert change.after == {"agent": "Ben", "minutes": 45, "attendee_name": "Maria"}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, NothingEdited),
        ({"attendee_name": " "}, NameMissing),
        ({"property_address": " "}, AddressMissing),
        ({"duration_min": 4}, InvalidDuration),
        ({"duration_min": 481}, InvalidDuration),
        ({"notes": "x" * 2001}, NotesTooLong),
        ({"agent_id": "nobody"}, AgentUnknown),
        ({"property_id": 4711}, HomeRetired),
    ],
)
def test_incomplete_edit_is_refused(
    database: Database,
    book: Callable[..., Appointment],
    edit: Callable[..., Appointment],
    fields: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    old = book()
    with pytest.raises(refusal):
        edit(old, **fields)
    assert database.fetch("SELECT kind FROM appointment_events") == [{"kind": "booked"}]


# --- homes -----------------------------------------------------------------------------------------------------------


def test_home_of_the_catalogue_replaces_unknown_home(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book(property_address="the yellow one")
    database.fetch("UPDATE appointments SET is_home_unknown = TRUE")
    number = add_home(database)
    new = edit(old, property_id=number, property_address="77 Oak Avenue")
    assert (new.property_id, new.property_address, new.is_home_unknown) == (number, "77 Oak Avenue", False)


def test_callers_words_stay_for_the_same_home(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book(property_address="77 Oak Ave")
    before = sequence_of(database, old)
    new = edit(old, property_id=add_home(database), property_address="77 Oak Avenue")
    assert (new.property_address, new.home) == ("77 Oak Ave", "77 Oak Avenue")
    assert sequence_of(database, new) == before
    assert told(database) == []


def test_other_words_unlink_the_home(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    linked = edit(book(), property_id=add_home(database), property_address="77 Oak Avenue")
    new = edit(linked, property_id=None, property_address="The Gables")
    assert (new.property_id, new.home) == (None, "The Gables")


def test_retired_home_is_refused_unless_it_was_chosen_before(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    number = add_home(database)
    linked = edit(book(), property_id=number, property_address="77 Oak Avenue")
    database.fetch("UPDATE properties SET status = 'inactive'")
    with pytest.raises(HomeRetired):
        edit(linked, property_id=add_home(database, "1 Elm", "inactive"))
    assert edit(linked, notes="Key at the desk").property_id == number


# --- warnings --------------------------------------------------------------------------------------------------------


def test_longer_viewing_needs_confirmation_of_overlap(
    book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old, other = book(600), book(630)
    with pytest.raises(ConfirmationRequired) as refusal:
        edit(old, duration_min=60)
    assert refusal.value.warnings.kinds == (BookingWarning.OVERLAPS,)
    assert [each.appointment_id for each in refusal.value.warnings.overlapping] == [other.appointment_id]
    assert refusal.value.nearest == ()
    new = edit(old, duration_min=60, acknowledged=refusal.value.warnings.fingerprints)
    assert (new.end - new.start, new.overlap_allowed) == (timedelta(hours=1), True)


def test_shorter_viewing_needs_no_confirmation(
    book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book(600, duration_min=60)
    new = edit(old, duration_min=20)
    assert new.end - new.start == timedelta(minutes=20)


def test_length_is_not_checked_against_the_notice(
    clock: Clock, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book(600)
    clock.now = TEN - timedelta(minutes=5)
    assert edit(old, duration_min=60).end == TEN + timedelta(hours=1)


def test_another_agent_is_checked_by_its_hours(
    book: Callable[..., Appointment], edit: Callable[..., Appointment], database: Database
) -> None:
    old = book(600)  # nine o'clock in Denver
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    database.fetch("INSERT INTO agent_days (agent_id, day) VALUES ('ben', %s)", (MONDAY,))
    with pytest.raises(ConfirmationRequired) as refusal:
        edit(old, agent_id="ben")
    assert refusal.value.warnings.kinds == (BookingWarning.AGENT_INACTIVE, BookingWarning.OUTSIDE_HOURS)


def test_taken_time_of_another_agent_needs_confirmation(
    book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book(600)
    book(540, agent_id="ben")
    with pytest.raises(ConfirmationRequired) as refusal:
        edit(old, agent_id="ben")
    assert refusal.value.warnings.kinds == (BookingWarning.OVERLAPS,)


def test_writer_without_the_lock_wins_the_time(
    book: Callable[..., Appointment],
    edit: Callable[..., Appointment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, _ = book(600), book(540, agent_id="ben")
    repository = "peterental.appointments.manual.repository.ManualBookingRepository"
    monkeypatch.setattr(f"{repository}.overlapping", lambda *_, **__: ())
    with pytest.raises(SlotTaken):
        edit(old, agent_id="ben")


# --- who may, and when -----------------------------------------------------------------------------------------------


def test_edit_of_a_changed_viewing_is_a_conflict(
    services: Services, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book()
    edit(old, attendee_name="Maria")
    with pytest.raises(EditConflict):
        edit(old, attendee_name="Marta")
    with pytest.raises(EditConflict):
        services.manual.edit(old.appointment_id, None, entry_of(old, notes="x"), ADMIN)


def test_users_edit_their_own_viewings_only(
    services: Services, database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book()
    with pytest.raises(AppointmentUnknown):
        edit(old, STRANGER, attendee_name="Maria")
    with pytest.raises(AppointmentUnknown):
        services.manual.edit(2**40, seen(old), entry_of(old), ADMIN)
    database.fetch("INSERT INTO users (user_id, email, password_hash, role) VALUES (7, 'a@x.org', 'x', 'agent')")
    database.fetch("UPDATE agents SET user_id = 7 WHERE agent_id = 'ana'")
    owner = Viewer(7, "a@x.org", is_admin=False)
    with pytest.raises(AgentUnknown):
        edit(old, owner, agent_id="ben")
    assert edit(old, owner, notes="Mine").notes == "Mine"


@pytest.mark.parametrize("how", ["cancelled", "past"])
def test_only_the_visitor_of_an_ended_viewing_is_editable(
    services: Services,
    clock: Clock,
    book: Callable[..., Appointment],
    edit: Callable[..., Appointment],
    how: str,
) -> None:
    old = book()
    if how == "cancelled":
        services.manual.change(old.appointment_id, seen(old), "cancel", ADMIN)
    else:
        clock.now = TEN
    old, _ = services.manual.show(old.appointment_id, ADMIN)
    for fields in ({"agent_id": "ben"}, {"duration_min": 60}, {"property_address": "9 Pine Road"}):
        with pytest.raises(OnlyVisitorEditable):
            edit(old, **fields)
    new = edit(old, attendee_name="Maria", attendee_phone=None, attendee_email=None, notes="Came late")
    assert (new.attendee_name, new.attendee_phone, new.notes) == ("Maria", None, "Came late")


def test_both_agents_are_locked(
    database_url: str, services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    old = book()
    for agent_id in ("ana", "ben"):
        with ThreadPoolExecutor(1) as pool:
            with database.transaction() as connection:
                connection.execute(lock_agent_sql().encode(), {"agent_id": agent_id})
                connection.sync()
                current, _ = services.manual.show(old.appointment_id, ADMIN)
                target = "ana" if current.agent_id == "ben" else "ben"
                entry = entry_of(current, agent_id=target)
                waiting = pool.submit(services.manual.edit, old.appointment_id, seen(current), entry, ADMIN)
                until_a_session_waits(database_url)
            assert waiting.result().agent_id == target


# --- notices ---------------------------------------------------------------------------------------------------------


def test_visitor_is_told_of_home_and_length(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book()
    before = sequence_of(database, old)
    new = edit(old, property_address="9 Pine Road")
    assert sequence_of(database, new) == before + 1
    expected = [
        ("agent_changed", "a@x.org", "ana"),
        ("changed", "+14055550123", "ana"),
        ("changed", "d@example.com", "ana"),
    ]
    assert told(database) == expected
    edit(new, duration_min=45)
    assert told(database) == sorted(expected * 2)


def test_both_agents_are_told_of_another_agent(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    edit(book(), agent_id="ben")
    assert told(database) == [
        ("agent_booked", "b@x.org", "ben"),
        ("agent_reassigned", "a@x.org", "ana"),
        ("changed", "+14055550123", "ben"),
        ("changed", "d@example.com", "ben"),
    ]


def test_nobody_is_told_of_name_contact_and_notes(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    old = book()
    before = sequence_of(database, old)
    new = edit(old, attendee_name="Maria", attendee_phone="+14055550199", attendee_email="m@example.com", notes="x")
    assert told(database) == []
    assert sequence_of(database, new) == before


def test_waitlist_is_offered_freed_time(
    database: Database, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    database.fetch(
        "INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)"
        " VALUES ('ana', 'Max', '+14055550177', '1 Elm', '{[2026-11-23 00:00Z,2026-11-24 00:00Z)}')"
    )
    old = edit(book(), attendee_name="Maria")
    offers = "SELECT COUNT(*) AS n FROM procrastinate_jobs WHERE task_name = 'offer_waitlist'"
    assert database.fetch(offers) == [{"n": 0}]
    edit(old, agent_id="ben")
    assert database.fetch("SELECT args FROM procrastinate_jobs WHERE task_name = 'offer_waitlist'") == [
        {"args": {"agent_id": "ana"}}
    ]


def test_visitor_link_survives_an_edit(
    services: Services, book: Callable[..., Appointment], edit: Callable[..., Appointment]
) -> None:
    new = edit(book(), agent_id="ben", property_address="9 Pine Road")
    view = services.visitors.show(new.appointment_id)
    assert (view.appointment.agent_name, view.appointment.property_address, view.state) == (
        "Ben",
        "9 Pine Road",
        "open",
    )
    assert view.appointment.notes is None


def test_visitor_waits_for_an_edit_and_then_sees_another_agent(
    database_url: str, services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    old = book()
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            connection.execute(lock_agent_sql().encode(), {"agent_id": "ana"})
            connection.execute("UPDATE appointments SET agent_id = 'ben' WHERE id = %s", (old.appointment_id,))
            connection.sync()
            waiting = pool.submit(services.visitors.cancel, old.appointment_id)
            until_a_session_waits(database_url)
        with pytest.raises(ViewingChanged):
            waiting.result()
    assert services.visitors.cancel(old.appointment_id).agent_id == "ben"
