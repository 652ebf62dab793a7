"""The home of a viewing: what was said of it, and what the catalogue calls it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.appointments.manual.free_times import Needs
from peterental.appointments.manual.model import (
    BookingWarning,
    ConfirmationRequired,
    DuplicateSubmission,
    ExpectedState,
    HomeBusy,
    NewBooking,
    WallClockTime,
)
from peterental.appointments.model import PHONE, Appointment, HomeTaken
from peterental.appointments.repository import AppointmentRepository
from peterental.database.pool import Database
from peterental.properties.model import Property, PropertySettings
from peterental.services import build_services
from tests.edits import entry_of
from tests.servers import until_a_session_waits

if TYPE_CHECKING:
    from peterental.appointments.manual.model import Action

ADMIN = Viewer(1, "office@example.com", is_admin=True)
START = datetime(2026, 11, 24, 15, tzinfo=UTC)


def book(database: Database, property_id: int | None, *, is_home_unknown: bool = False) -> Appointment:
    """Book a viewing with Ana, and read it again."""
    repository = AppointmentRepository(database)
    booking = Appointment(
        appointment_id=0,
        agent_id="ana",
        agent_name="Ana",
        time_zone="America/Chicago",
        property_address="fourteen twenty elm",
        start=START,
        end=START + timedelta(minutes=30),
        status="confirmed",
        attendee_name="Dolores",
        attendee_phone="+14055550123",
        created_at=START,
        property_id=property_id,
        is_home_unknown=is_home_unknown,
    )
    with database.transaction() as connection:
        repository.insert(connection, booking, booking.end, "tool-1", PHONE)
    with database.transaction() as connection:
        (stored,) = repository.upcoming_of_number(connection, "ana", "+14055550123", START - timedelta(days=1))
    return stored


@pytest.fixture(autouse=True)
def ana(database: Database) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")


@pytest.mark.parametrize("unit", [None, "", "2B", "Apt 2B", "#7"])
def test_viewing_is_named_as_the_catalogue_names_its_home(database: Database, unit: str | None) -> None:
    row = database.fetch(
        "INSERT INTO properties (line1, unit) VALUES ('1420 Elm Street', %s) RETURNING property_id", [unit]
    )[0]
    viewing = book(database, row["property_id"])
    home = Property(property_id=row["property_id"], line1="1420 Elm Street", unit=unit)
    assert (viewing.property_id, viewing.home, viewing.home_label) == (home.property_id, home.label, home.label)
    assert viewing.property_address == "fourteen twenty elm"


def test_viewing_outside_the_catalogue_is_named_as_it_was_said(database: Database) -> None:
    viewing = book(database, None, is_home_unknown=True)
    assert (viewing.property_id, viewing.home, viewing.home_label) == (None, "fourteen twenty elm", None)
    assert viewing.is_home_unknown


# --- manual bookings -------------------------------------------------------------------------------------------------


class Desk:
    """The office, which wants one viewing of a home at a time, with Ana and Ben, and the home at 1420 Elm Street."""

    def __init__(self, database: Database) -> None:
        database.fetch("INSERT INTO users (user_id, email, password_hash) VALUES (7, 'ben@example.com', '')")
        database.fetch("INSERT INTO agents (agent_id, agent_name, user_id) VALUES ('ben', 'Ben', 7)")
        database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
        self.database = database
        self.elm = self.add_home("1420 Elm Street")
        self.manual = build_services(database, lambda: START - timedelta(days=1)).manual

    def add_home(self, line1: str) -> int:
        """Add a home, and return its number."""
        (row,) = self.database.fetch("INSERT INTO properties (line1) VALUES (%s) RETURNING property_id", [line1])
        return int(row["property_id"])

    def when(self, hour: int, minute: int = 0, acknowledged: frozenset[str] = frozenset()) -> WallClockTime:
        """Return a time on the day of the tests."""
        return WallClockTime(day=date(2026, 11, 24), clock_min=hour * 60 + minute, acknowledged=acknowledged)

    def book(self, agent_id: str, when: WallClockTime, property_id: int | None, viewer: Viewer = ADMIN) -> Appointment:
        """Book a viewing."""
        entry = NewBooking(
            agent_id=agent_id,
            when=when,
            key=f"{agent_id}-{when.clock_min}-{property_id}-{len(when.acknowledged)}",
            property_address="1420 Elm Street",
            attendee_name=f"Visitor of {agent_id.title()}",
            property_id=property_id,
        )
        return self.manual.book(entry, viewer)

    def seen(self, appointment_id: int) -> ExpectedState:
        """Return the present state of a viewing."""
        shown, _ = self.manual.show(appointment_id, ADMIN)
        assert shown.updated_at is not None
        return ExpectedState(shown.updated_at, shown.start, shown.status)

    def edit(self, appointment_id: int, **changes: Any) -> Appointment:
        """Edit a viewing."""
        shown, _ = self.manual.show(appointment_id, ADMIN)
        return self.manual.edit(appointment_id, self.seen(appointment_id), entry_of(shown, **changes), ADMIN)

    def change(self, appointment_id: int, action: Action) -> Appointment:
        """Cancel or restore a viewing."""
        return self.manual.change(appointment_id, self.seen(appointment_id), action, ADMIN)

    def overbook(self, agent_id: str, when: WallClockTime, property_id: int) -> Appointment:
        """Book a viewing after confirming the warnings."""
        with pytest.raises(ConfirmationRequired) as required:
            self.book(agent_id, when, property_id)
        return self.book(agent_id, replace(when, acknowledged=required.value.warnings.fingerprints), property_id)

    def taken(self) -> list[int]:
        """Return the viewings whose homes are kept from others."""
        rows = self.database.fetch("SELECT appointment_id FROM property_viewings ORDER BY appointment_id")
        return [row["appointment_id"] for row in rows]


@pytest.fixture
def desk(database: Database) -> Desk:
    """The office."""
    return Desk(database)


def test_overlap_of_a_home_is_confirmed_like_any_other(desk: Desk) -> None:
    """With another agent, by booking, moving, editing and restoring; the warning names the viewing that is in the way."""
    first = desk.book("ana", desk.when(10), desk.elm)
    with pytest.raises(ConfirmationRequired) as required:
        desk.book("ben", desk.when(10, 15), desk.elm)
    (other,) = required.value.warnings.same_home
    assert required.value.warnings.kinds == (BookingWarning.HOME_TAKEN,)
    assert (other.appointment_id, other.agent_name, other.attendee_name) == (
        first.appointment_id, "Ana", "Visitor of Ana",
    )  # fmt: skip
    assert (other.start, other.zone.key) == (first.start, "America/Chicago")
    half_an_hour = timedelta(minutes=30)
    assert required.value.nearest
    assert first.start not in required.value.nearest, "Ben is free then, but the home is not"
    assert all(abs(start - first.start) >= half_an_hour for start in required.value.nearest)
    second = desk.overbook("ben", desk.when(10, 15), desk.elm)
    assert second.overlap_allowed
    assert desk.book("ben", desk.when(11), None).property_id is None, "words that are no home of the catalogue"
    assert not desk.book("ana", desk.when(14), desk.elm).overlap_allowed


def test_moving_and_editing_into_a_taken_home_needs_a_confirmation(desk: Desk) -> None:
    first = desk.book("ana", desk.when(10), desk.elm).appointment_id
    oak = desk.add_home("9 Oak Avenue")
    second = desk.book("ben", desk.when(12), desk.elm).appointment_id
    with pytest.raises(ConfirmationRequired) as moving:
        desk.manual.move(second, desk.seen(second), desk.when(10), ADMIN)
    acknowledged = moving.value.warnings.fingerprints
    moved = desk.manual.move(second, desk.seen(second), desk.when(10, acknowledged=acknowledged), ADMIN)
    assert moved.overlap_allowed
    assert not desk.edit(second, property_id=oak).overlap_allowed, "the other home is free"
    with pytest.raises(ConfirmationRequired) as editing:
        desk.edit(second, property_id=desk.elm)
    assert [other.appointment_id for other in editing.value.warnings.same_home] == [first]
    acknowledged = editing.value.warnings.fingerprints
    assert desk.edit(second, property_id=desk.elm, acknowledged=acknowledged).overlap_allowed
    assert desk.edit(second, notes="two keys").overlap_allowed, "what was confirmed stays"


def test_longer_viewing_of_a_taken_home_needs_a_confirmation(desk: Desk) -> None:
    desk.book("ana", desk.when(10, 30), desk.elm)
    second = desk.book("ben", desk.when(10), desk.elm).appointment_id
    with pytest.raises(ConfirmationRequired) as required:
        desk.edit(second, duration_min=60)
    assert required.value.warnings.kinds == (BookingWarning.HOME_TAKEN,)
    assert not desk.edit(second, duration_min=15).overlap_allowed


def test_restoring_names_the_viewing_in_the_way(desk: Desk) -> None:
    second = desk.book("ben", desk.when(10), desk.elm).appointment_id
    desk.change(second, "cancel")
    first = desk.book("ana", desk.when(10), desk.elm)
    with pytest.raises(HomeBusy, match="Ana has another viewing of this home then") as busy:
        desk.change(second, "reopen")
    assert busy.value.other.appointment_id == first.appointment_id
    desk.change(first.appointment_id, "cancel")
    assert desk.change(second, "reopen").status == "confirmed"


def test_visitor_of_another_user_is_not_named(desk: Desk) -> None:
    desk.book("ana", desk.when(10), desk.elm)
    with pytest.raises(ConfirmationRequired) as required:
        desk.book("ben", desk.when(10), desk.elm, Viewer(7, "ben@example.com", is_admin=False))
    (other,) = required.value.warnings.same_home
    assert (other.agent_name, other.attendee_name) == ("Ana", None)


@given(
    others=st.lists(st.tuples(st.integers(9 * 4, 16 * 4), st.sampled_from(["ana", "ben"])), max_size=4),
    minutes=st.sampled_from([15, 30, 45, 90]),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_free_time_is_booked_without_a_warning(desk: Desk, others: list[tuple[int, str]], minutes: int) -> None:
    """For viewings of any length, and whatever other agents have booked: each offered time can be booked."""
    desk.database.fetch("DELETE FROM appointments")
    for quarter, agent_id in others:
        with suppress(ConfirmationRequired, DuplicateSubmission):
            desk.book(agent_id, desk.when(0, quarter * 15), desk.elm)
    offered = desk.manual.free_times.on("ben", date(2026, 11, 24), ADMIN, Needs(desk.elm, minutes)).times
    for number, start in enumerate(offered):
        local = start.astimezone(ZoneInfo("America/Chicago"))
        entry = NewBooking(
            agent_id="ben",
            when=desk.when(local.hour, local.minute),
            key=f"offered-{number}-{len(others)}",
            property_address="1420 Elm Street",
            attendee_name="Visitor",
            property_id=desk.elm,
            duration_min=minutes,
        )
        booked = desk.manual.book(entry, ADMIN)
        desk.database.fetch("DELETE FROM appointments WHERE id = %s", [booked.appointment_id])


def test_office_that_allows_overlaps_is_not_warned(desk: Desk) -> None:
    desk.book("ana", desk.when(10), desk.elm)
    desk.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = FALSE")
    assert not desk.book("ben", desk.when(10), desk.elm).overlap_allowed


def test_booking_between_the_warning_and_the_click_is_refused_by_the_database(desk: Desk) -> None:
    """The warning is read without a lock on the home: the constraint has the last word, in a sentence."""
    warned = desk.manual._manual.of_same_home  # a read that comes too early
    desk.manual._manual.of_same_home = lambda *_, **__: ()  # type: ignore[method-assign]  # likewise
    desk.book("ana", desk.when(10), desk.elm)
    with pytest.raises(HomeTaken, match="Another viewing of this home"):
        desk.book("ben", desk.when(10), desk.elm)
    desk.manual._manual.of_same_home = warned  # type: ignore[method-assign]  # likewise
    assert desk.overbook("ben", desk.when(10), desk.elm).overlap_allowed


def test_overbooked_viewing_takes_its_home_where_that_is_free(desk: Desk) -> None:
    """What is overbooked for the agent keeps callers of others out, and what was in a home's way leaves it to the next."""
    desk.book("ana", desk.when(10), None)
    overbooked = desk.overbook("ana", desk.when(10), desk.elm)
    assert overbooked.overlap_allowed
    assert desk.taken() == [overbooked.appointment_id]
    second = desk.overbook("ben", desk.when(10), desk.elm).appointment_id
    third = desk.overbook("ben", desk.when(10, 15), desk.elm).appointment_id
    assert desk.taken() == [overbooked.appointment_id], "one at a time"
    desk.change(overbooked.appointment_id, "cancel")
    assert desk.taken() == [second]
    desk.edit(second, property_id=desk.add_home("9 Oak Avenue"))
    assert desk.taken() == [second, third]
    desk.change(third, "cancel")
    assert desk.taken() == [second]


def test_switching_it_on_takes_overbooked_viewings_last(desk: Desk) -> None:
    first = desk.book("ana", desk.when(10), desk.elm).appointment_id
    second = desk.overbook("ben", desk.when(10), desk.elm).appointment_id
    third = desk.overbook("ben", desk.when(10, 15), desk.add_home("9 Oak Avenue")).appointment_id
    desk.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = FALSE")
    assert desk.taken() == []
    desk.database.fetch(
        "UPDATE appointments SET start_time = start_time + INTERVAL '99 years', end_time = end_time + INTERVAL '99 years',"
        " blocked_until = blocked_until + INTERVAL '99 years'"
    )
    desk.database.fetch("UPDATE appointments SET created_at = created_at - INTERVAL '1 day' WHERE id = %s", [second])
    desk.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    assert desk.taken() == [first, third]


# --- one viewing of a home at a time ---------------------------------------------------------------------------------


def stored_viewings(database: Database) -> int:
    return int(database.fetch("SELECT COUNT(*) AS number FROM property_viewings")[0]["number"])


@pytest.mark.parametrize("wanted", [True, False])
def test_setting_is_changed_between_bookings_and_not_within_one(database: Database, *, wanted: bool) -> None:
    """A booking that has read the setting is committed before its viewings are collected."""
    (row,) = database.fetch("INSERT INTO properties (line1) VALUES ('1420 Elm Street') RETURNING property_id")
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = %s", [not wanted])
    services = build_services(database, lambda: START - timedelta(days=1))
    with psycopg.connect(database.url) as booking, ThreadPoolExecutor() as pool:
        booking.execute(
            """
            INSERT INTO appointments (agent_id, property_address, property_id, start_time, end_time, attendee_name)
            VALUES ('ana', '1420 Elm', %s, NOW() + INTERVAL '1 day', NOW() + INTERVAL '1 day 1 hour', 'Dolores')
            """,
            [row["property_id"]],
        )
        settings = PropertySettings(one_viewing_at_a_time=wanted)
        changing = pool.submit(services.properties.change_settings, settings, ADMIN)
        until_a_session_waits(database.url)
        booking.commit()
        changing.result()
    assert stored_viewings(database) == int(wanted)
