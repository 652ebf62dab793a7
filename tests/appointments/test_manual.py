"""Manual bookings: warnings, moves, status changes, history and audit log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentKey, AgentUnknown
from peterental.appointments.manual.free_times import needs_of
from peterental.appointments.manual.model import (
    Action,
    BookingWarning,
    ConfirmationRequired,
    DuplicateSubmission,
    EditConflict,
    ExpectedState,
    InvalidDuration,
    InvalidTransition,
    NewBooking,
    NotStartedYet,
    SameTime,
    WallClockTime,
)
from peterental.appointments.model import (
    AddressMissing,
    Appointment,
    AppointmentUnknown,
    BookingRequest,
    NameMissing,
    SlotTaken,
)
from peterental.calls.model import ToolInvocation
from peterental.clock import TimeSkipped
from peterental.database.constraints import ConstraintViolated
from peterental.database.pool import Database
from peterental.services import Services, build_services
from tests.clocks import Clock
from tests.servers import until_a_session_waits

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ADMIN = Viewer(1, "office@example.com", is_admin=True)
STRANGER = Viewer(99, "stranger@example.com", is_admin=False)
MONDAY = date(2026, 11, 23)
TEN, ELEVEN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC), datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
ENTRY = NewBooking(
    agent_id="ana",
    when=WallClockTime(day=MONDAY, clock_min=600),
    key="k" * 32,
    property_address="1420 Elm Street",
    attendee_name="Dolores",
)


@pytest.fixture
def clock() -> Clock:
    """A clock that shows Sunday morning at first."""
    return Clock(NOW)


@pytest.fixture
def services(database_url: str, clock: Clock) -> Iterator[Services]:
    """The services, with Ana in Chicago."""
    database = Database(database_url, pool_size=8)
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'assistant')")
    yield build_services(database, clock)
    database.close()


@pytest.fixture
def book(services: Services) -> Callable[..., Appointment]:
    """A function that books a viewing manually on Monday."""

    def book(clock_min: int = 600, **others: Any) -> Appointment:
        when = others.pop("when", WallClockTime(day=MONDAY, clock_min=clock_min))
        entry = replace(ENTRY, when=when, key=others.pop("key", f"key-{when.clock_min}-{when.day}"), **others)
        return services.manual.book(entry, ADMIN)

    return book


def seen(appointment: Appointment, services: Services) -> ExpectedState:
    current, _ = services.manual.show(appointment.appointment_id, ADMIN)
    assert current.updated_at
    return ExpectedState(current.updated_at, current.start, current.status)


def states(database: Database) -> list[tuple[datetime, str, bool]]:
    rows = database.fetch("SELECT start_time, status, overlap_allowed FROM appointments ORDER BY id")
    return [(row["start_time"], row["status"], row["overlap_allowed"]) for row in rows]


def acknowledging(refusal: ConfirmationRequired, when: WallClockTime) -> WallClockTime:
    return replace(when, acknowledged=refusal.warnings.fingerprints)


def test_manual_booking_has_history_and_audit_entry(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600, attendee_email="d@example.com", duration_min=45)
    shown, events = services.manual.show(booked.appointment_id, ADMIN)
    assert replace(shown, updated_at=None) == booked
    assert (shown.start, shown.end) == (TEN, TEN + timedelta(minutes=45))
    assert [(e.kind, e.actor, e.new_start) for e in events] == [("booked", ADMIN.email, TEN)]
    (entry,) = services.audit.listing(ADMIN).entries
    assert (entry.actor, entry.change.action, entry.change.subject_id) == (
        ADMIN.email,
        "booked",
        str(shown.appointment_id),
    )
    assert entry.change.subject_name == "Dolores, 1420 Elm Street"
    assert entry.change.after["start"] == "2026-11-23T16:00:00+00:00"
    assert database.fetch("SELECT vapi_call_id FROM appointments") == [{"vapi_call_id": None}]


def test_manual_booking_blocks_the_phone(services: Services, book: Callable[..., Appointment]) -> None:
    book(600)
    heard: list[Any] = []

    def say(result: object, *_: object) -> str:
        heard.append(result)
        return "x"

    invocation = ToolInvocation(
        name="set_appointment", tool_call_id="t", vapi_call_id="c", agent_key=AgentKey(assistant_id="assistant")
    )
    request = BookingRequest(property_address="7 Oak", attendee_name="Max", start_time="2026-11-23T10:00")
    services.appointments.book(invocation, request, say)
    assert isinstance(heard[0], SlotTaken)


@pytest.mark.parametrize("call_id", ["", "c"])
def test_phone_booking_needs_no_call_id(services: Services, book: Callable[..., Appointment], call_id: str) -> None:
    manual = book(600)
    invocation = ToolInvocation(
        name="set_appointment", tool_call_id="t", vapi_call_id=call_id, agent_key=AgentKey(assistant_id="assistant")
    )
    request = BookingRequest(
        property_address="7 Oak", attendee_name="Max", attendee_phone="+13125550100", start_time="2026-11-23T11:00"
    )
    services.appointments.book(invocation, request, lambda *_: "x")
    shown = [services.manual.show(manual.appointment_id + number, ADMIN)[0] for number in (0, 1)]
    assert [(one.booked_by, one.is_by_phone) for one in shown] == [(ADMIN.email, False), ("phone", True)]


def test_double_submission_books_once(services: Services, database: Database) -> None:
    barrier = threading.Barrier(4)

    def send(_: int) -> str:
        barrier.wait()
        try:
            services.manual.book(ENTRY, ADMIN)
        except DuplicateSubmission as refusal:
            return f"used for {refusal.appointment.attendee_name}"
        return "booked"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(send, range(4)))
    assert sorted(outcomes) == ["booked"] + ["used for Dolores"] * 3
    assert len(states(database)) == 1


def test_double_submission_for_two_agents_books_once(services: Services, database: Database, database_url: str) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as pool:
        first.execute(
            """
            INSERT INTO appointments (
                agent_id, property_address, start_time, end_time, attendee_name, vapi_tool_call_id
            )
            VALUES ('ben', '1420 Elm Street', '2026-11-23 16:00Z', '2026-11-23 16:30Z', 'Dolores', %s)
            """,
            [f"form:{ENTRY.key}"],
        )
        answer = pool.submit(services.manual.book, ENTRY, ADMIN)
        until_a_session_waits(database.url)
        first.commit()
        with pytest.raises(DuplicateSubmission) as used:
            answer.result()
    assert used.value.appointment.agent_id == "ben"
    with pytest.raises(DuplicateSubmission):
        services.manual.book(ENTRY, ADMIN)
    assert len(states(database)) == 1


@pytest.mark.parametrize(
    ("set_up", "when", "concern"),
    [
        ("UPDATE agents SET is_active = FALSE", WallClockTime(day=MONDAY, clock_min=600), BookingWarning.AGENT_INACTIVE),
        ("", WallClockTime(day=date(2026, 11, 20), clock_min=600), BookingWarning.PAST),
        ("INSERT INTO agent_hours VALUES ('ana', 7, '00:00', '24:00')", WallClockTime(day=date(2026, 11, 22), clock_min=600), BookingWarning.TOO_SOON),
        ("", WallClockTime(day=date(2026, 12, 21), clock_min=600), BookingWarning.TOO_FAR),
        ("", WallClockTime(day=MONDAY, clock_min=16 * 60 + 45), BookingWarning.OUTSIDE_HOURS),
        ("", WallClockTime(day=date(2026, 11, 28), clock_min=600), BookingWarning.OUTSIDE_HOURS),
        ("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 16:15Z, 2026-11-23 17:00Z)')", WallClockTime(day=MONDAY, clock_min=600), BookingWarning.BUSY),
    ],
)  # fmt: skip
def test_acknowledged_warning_allows_booking(
    services: Services, database: Database, set_up: str, when: WallClockTime, concern: BookingWarning
) -> None:
    if set_up:
        database.fetch(set_up)
    with pytest.raises(ConfirmationRequired) as refused:
        services.manual.book(replace(ENTRY, when=when), ADMIN)
    assert refused.value.warnings.kinds == (concern,)
    assert refused.value.nearest, "other times are offered"
    assert states(database) == []
    services.manual.book(replace(ENTRY, when=acknowledging(refused.value, when)), ADMIN)
    assert [state[2] for state in states(database)] == [False]


def test_time_at_the_end_of_the_notice_needs_no_confirmation(services: Services, database: Database) -> None:
    """As callers may book it: the notice is the least, not what has to be exceeded."""
    minutes = (TEN - NOW) // timedelta(minutes=1)
    database.fetch("UPDATE agents SET notice_minutes = %s", [minutes])
    services.manual.book(ENTRY, ADMIN)
    database.fetch("UPDATE agents SET notice_minutes = %s", [minutes + 1])
    later = replace(ENTRY, key="l" * 32, agent_id="ana", when=WallClockTime(day=MONDAY, clock_min=570))
    with pytest.raises(ConfirmationRequired) as refused:
        services.manual.book(later, ADMIN)
    assert refused.value.warnings.kinds == (BookingWarning.TOO_SOON,)


def test_full_day_needs_confirmation(database: Database, book: Callable[..., Appointment]) -> None:
    database.fetch("UPDATE agents SET daily_cap = 1")
    book(600)
    with pytest.raises(ConfirmationRequired) as refused:
        book(720)
    assert refused.value.warnings.kinds == (BookingWarning.DAY_FULL,)
    book(720, when=acknowledging(refused.value, WallClockTime(day=MONDAY, clock_min=720)))
    assert len(states(database)) == 2


def test_overbooking_needs_each_overlap_acknowledged(database: Database, book: Callable[..., Appointment]) -> None:
    first = book(600)
    when = WallClockTime(day=MONDAY, clock_min=615)
    with pytest.raises(ConfirmationRequired) as refused:
        book(when=when)
    assert refused.value.warnings.kinds == (BookingWarning.OVERLAPS,)
    assert [other.appointment_id for other in refused.value.warnings.overlapping] == [first.appointment_id]
    assert refused.value.nearest == (TEN - HALF_AN_HOUR, TEN + HALF_AN_HOUR, ELEVEN)
    known = acknowledging(refused.value, when)
    book(630)  # another user's, booked after the warnings: it overlaps too and is not acknowledged
    with pytest.raises(ConfirmationRequired) as again:
        book(when=known)
    assert len(again.value.warnings.overlapping) == 2
    with pytest.raises(ConfirmationRequired):
        book(when=replace(known, clock_min=620))  # another time than the acknowledged one
    book(when=acknowledging(again.value, when))
    assert states(database)[-1] == (TEN + timedelta(minutes=15), "confirmed", True)


def test_buffer_counts_as_overlap(services: Services, database: Database, book: Callable[..., Appointment]) -> None:
    database.fetch("UPDATE agents SET buffer_minutes = 15")
    book(600)
    for clock_min in (585, 630):
        with pytest.raises(ConfirmationRequired) as refused:
            book(clock_min)
        assert refused.value.warnings.kinds == (BookingWarning.OVERLAPS,)
    book(645)
    assert len(states(database)) == 2
    assert services.free_times.on("ana", MONDAY, ADMIN).times[:2] == (
        TEN - timedelta(hours=1),
        ELEVEN + HALF_AN_HOUR,
    )


def test_multi_day_booking_blocks_users_and_callers(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', 'x', '2026-11-01 16:00Z', '2026-11-23 22:00Z', 'y'),
               ('ana', 'over', '2026-10-01 16:00Z', '2026-11-01 16:00Z', 'y')
        """
    )
    with pytest.raises(ConfirmationRequired) as refused:
        book(600)
    assert [other.property_address for other in refused.value.warnings.overlapping] == ["x"]
    assert services.free_times.on("ana", MONDAY, ADMIN).times == (
        datetime(2026, 11, 23, 22, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 22, 30, tzinfo=UTC),
    )
    database.fetch("DELETE FROM appointments WHERE property_address = 'x'")
    book(600)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"property_address": " "}, AddressMissing),
        ({"attendee_name": " "}, NameMissing),
        ({"duration_min": 481}, InvalidDuration),
        ({"duration_min": 4}, InvalidDuration),
        ({"agent_id": "nobody"}, AgentUnknown),
        ({"when": WallClockTime(day=date(2027, 3, 14), clock_min=150)}, TimeSkipped),
    ],
)
def test_invalid_booking_is_refused(
    services: Services, database: Database, change: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        services.manual.book(replace(ENTRY, **change), ADMIN)
    assert states(database) == []


def test_repeated_time_means_the_first_instant(services: Services, database: Database) -> None:
    when = WallClockTime(day=date(2027, 11, 7), clock_min=90)
    with pytest.raises(ConfirmationRequired) as refused:
        services.manual.book(replace(ENTRY, when=when), ADMIN)
    booked = services.manual.book(replace(ENTRY, when=acknowledging(refused.value, when)), ADMIN)
    assert booked.start == datetime(2027, 11, 7, 6, 30, tzinfo=UTC)
    assert len(states(database)) == 1


def test_move_has_history_and_audit_entry(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600, duration_min=45)
    moved = services.manual.move(
        booked.appointment_id, seen(booked, services), WallClockTime(day=MONDAY, clock_min=615), ADMIN
    )
    assert (moved.start, moved.end) == (TEN + timedelta(minutes=15), TEN + timedelta(hours=1))
    shown, events = services.manual.show(booked.appointment_id, ADMIN)
    assert (shown.start, shown.end) == (moved.start, moved.end)
    assert (events[-1].kind, events[-1].old_start, events[-1].new_start) == ("moved", TEN, moved.start)
    change = services.audit.listing(ADMIN).entries[0].change
    assert (change.action, set(change.after)) == ("moved", {"start", "end"})
    assert states(database)[0][2] is False


def test_refused_move_keeps_the_old_time(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600)
    other = book(660)
    number, as_seen = booked.appointment_id, seen(booked, services)
    with pytest.raises(SameTime):
        services.manual.move(number, as_seen, WallClockTime(day=MONDAY, clock_min=600), ADMIN)
    with pytest.raises(TimeSkipped):
        services.manual.move(number, as_seen, WallClockTime(day=date(2027, 3, 14), clock_min=150), ADMIN)
    when = WallClockTime(day=MONDAY, clock_min=660)
    with pytest.raises(ConfirmationRequired) as refused:
        services.manual.move(number, as_seen, when, ADMIN)
    assert states(database)[0] == (TEN, "confirmed", False)
    services.manual.move(number, as_seen, acknowledging(refused.value, when), ADMIN)
    assert states(database)[0] == (ELEVEN, "confirmed", True)
    services.manual.change(other.appointment_id, seen(other, services), "cancel", ADMIN)
    with pytest.raises(InvalidTransition):
        services.manual.move(other.appointment_id, seen(other, services), when, ADMIN)


def test_constraint_stops_manual_race_without_the_lock(
    services: Services, database: Database, database_url: str, book: Callable[..., Appointment]
) -> None:
    booked = book(720)
    as_seen = seen(booked, services)
    jobs = (
        lambda: services.manual.book(ENTRY, ADMIN),
        lambda: services.manual.move(booked.appointment_id, as_seen, WallClockTime(day=MONDAY, clock_min=600), ADMIN),
    )
    for job in jobs:
        with psycopg.connect(database_url) as rude, ThreadPoolExecutor(1) as pool:
            rude.execute("DELETE FROM appointments WHERE property_address = 'rude'")
            rude.commit()
            rude.execute(
                """
                INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
                VALUES ('ana', 'rude', '2026-11-23 16:00Z', '2026-11-23 16:30Z', 'y')
                """
            )
            answer = pool.submit(job)
            until_a_session_waits(database.url)
            rude.commit()
            with pytest.raises(SlotTaken, match="That time was just taken.") as refused:
                answer.result()
            assert refused.value.nearest == (TEN - timedelta(hours=1), TEN - HALF_AN_HOUR, TEN + HALF_AN_HOUR)
    assert services.manual.show(booked.appointment_id, ADMIN)[0].start == TEN + timedelta(hours=2)


def test_an_unknown_constraint_of_appointments_is_a_fault(services: Services, database: Database) -> None:
    database.fetch("ALTER TABLE appointments ADD CONSTRAINT operators_own CHECK (attendee_email IS NOT NULL)")
    with pytest.raises(ConstraintViolated, match="operators_own of table appointments"):
        services.manual.book(ENTRY, ADMIN)


@pytest.mark.parametrize(
    ("action", "status"),
    [("cancel", "cancelled"), ("complete", "completed"), ("no_show", "no_show")],
)
def test_status_changes_are_recorded_and_restorable(
    services: Services, clock: Clock, book: Callable[..., Appointment], action: Action, status: str
) -> None:
    booked = book(600)
    clock.now = TEN + HALF_AN_HOUR
    number = booked.appointment_id
    assert services.manual.change(number, seen(booked, services), action, ADMIN).status == status
    with pytest.raises(InvalidTransition):
        services.manual.change(number, seen(booked, services), action, ADMIN)
    assert services.manual.change(number, seen(booked, services), "reopen", ADMIN).status == "confirmed"
    shown, events = services.manual.show(number, ADMIN)
    assert shown.status == "confirmed"
    assert [(event.kind, event.actor) for event in events] == [
        (name, ADMIN.email) for name in ("booked", status, "reopened")
    ]
    log = services.audit.listing(ADMIN).entries
    assert [(entry.change.before, entry.change.after) for entry in log[:2]] == [
        ({"status": status}, {"status": "confirmed"}),
        ({"status": "confirmed"}, {"status": status}),
    ]


@pytest.mark.parametrize("action", ["complete", "no_show"])
def test_viewing_cannot_be_completed_before_it_starts(
    services: Services, book: Callable[..., Appointment], action: Action
) -> None:
    booked = book(600)
    with pytest.raises(NotStartedYet):
        services.manual.change(booked.appointment_id, seen(booked, services), action, ADMIN)


def test_taken_time_prevents_restoring(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600)
    services.manual.change(booked.appointment_id, seen(booked, services), "cancel", ADMIN)
    book(600, key="another form, another")
    with pytest.raises(SlotTaken) as refused:
        services.manual.change(booked.appointment_id, seen(booked, services), "reopen", ADMIN)
    assert refused.value.nearest
    assert [state[1] for state in states(database)] == ["cancelled", "confirmed"]


def test_stale_change_is_an_edit_conflict(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600)
    number, before = booked.appointment_id, seen(booked, services)
    services.manual.move(number, before, WallClockTime(day=MONDAY, clock_min=720), ADMIN)
    with pytest.raises(EditConflict) as refused:
        services.manual.move(number, before, WallClockTime(day=MONDAY, clock_min=660), ADMIN)
    assert (refused.value.seen, refused.value.current.start) == (before, TEN + timedelta(hours=2))
    for not_it in (before, None):
        with pytest.raises(EditConflict):
            services.manual.change(number, not_it, "cancel", ADMIN)
    assert states(database) == [(TEN + timedelta(hours=2), "confirmed", False)]


def test_one_of_two_concurrent_moves_conflicts(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600)
    before = seen(booked, services)
    barrier = threading.Barrier(2)

    def move(clock_min: int) -> str:
        barrier.wait()
        try:
            services.manual.move(booked.appointment_id, before, WallClockTime(day=MONDAY, clock_min=clock_min), ADMIN)
        except EditConflict:
            return "conflict"
        return "moved"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(move, (720, 780))) == ["conflict", "moved"]
    assert len(database.fetch("SELECT 1 AS one FROM appointment_events WHERE kind = 'moved'")) == 1


@pytest.mark.parametrize("appointment_id", [0, -1, 99, 2**31, 10**30])
def test_unknown_viewing_is_refused(services: Services, appointment_id: int) -> None:
    with pytest.raises(AppointmentUnknown, match="no such appointment"):
        services.manual.show(appointment_id, ADMIN)


def test_other_users_viewings_are_unknown(
    services: Services, database: Database, book: Callable[..., Appointment]
) -> None:
    booked = book(600)
    as_seen = seen(booked, services)
    number = booked.appointment_id
    manual = services.manual
    attempts: tuple[Callable[[], object], ...] = (
        lambda: manual.show(number, STRANGER),
        lambda: manual.move(number, as_seen, WallClockTime(day=MONDAY, clock_min=720), STRANGER),
        lambda: manual.change(number, as_seen, "cancel", STRANGER),
        lambda: manual.show(0, ADMIN),
        lambda: manual.change(2**31, as_seen, "cancel", ADMIN),
    )
    for attempt in attempts:
        with pytest.raises(AppointmentUnknown):
            attempt()
    with pytest.raises(AgentUnknown):
        manual.book(replace(ENTRY, key="x" * 20), STRANGER)
    with pytest.raises(AgentUnknown):
        manual.free_times.on("ana", MONDAY, STRANGER)
    assert states(database) == [(TEN, "confirmed", False)]
    database.fetch("INSERT INTO users (user_id, email, password_hash) VALUES (99, 'stranger@example.com', 'x')")
    database.fetch("UPDATE agents SET user_id = 99")
    assert manual.change(number, as_seen, "cancel", STRANGER).status == "cancelled"


def test_full_day_returns_the_nearest_free_times(services: Services) -> None:
    sunday = services.free_times.on("ana", date(2026, 11, 29), ADMIN)
    assert sunday.times == ()
    assert len(sunday.nearest) == 3


def test_viewing_does_not_block_its_own_move(services: Services, book: Callable[..., Appointment]) -> None:
    booked = book(600)
    assert TEN not in services.free_times.on("ana", MONDAY, ADMIN).times
    assert TEN in services.free_times.on("ana", MONDAY, ADMIN, needs_of(booked)).times
