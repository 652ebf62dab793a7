"""The home of a viewing: what was said of it, and what the catalogue calls it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from peterental.access import Viewer
from peterental.appointments.manual.model import ExpectedState, NewBooking, WallClockTime
from peterental.appointments.model import Appointment, HomeTaken
from peterental.appointments.repository import AppointmentRepository
from peterental.database.pool import Database
from peterental.properties.model import Property, PropertySettings
from peterental.services import build_services
from tests.servers import until_a_session_waits

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
        repository.insert(connection, booking, booking.end, "tool-1")
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


def test_manual_bookings_of_a_home_do_not_overlap(database: Database) -> None:
    """With any agent, by booking, moving, editing and restoring; a user who confirms an overlap is let through."""
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    (row,) = database.fetch("INSERT INTO properties (line1) VALUES ('1420 Elm Street') RETURNING property_id")
    manual = build_services(database, lambda: START - timedelta(days=1)).manual

    def book_at(agent_id: str, hour: int, property_id: int | None = row["property_id"]) -> Appointment:
        entry = NewBooking(
            agent_id=agent_id,
            when=WallClockTime(day=date(2026, 11, 24), clock_min=hour * 60),
            key=f"{agent_id}-{hour}",
            property_address="1420 Elm Street",
            attendee_name="Dolores",
            property_id=property_id,
        )
        return manual.book(entry, ADMIN)

    def seen(appointment_id: int) -> ExpectedState:
        shown, _ = manual.show(appointment_id, ADMIN)
        assert shown.updated_at is not None
        return ExpectedState(shown.updated_at, shown.start, shown.status)

    book_at("ana", 10)
    with pytest.raises(HomeTaken, match="Another viewing of this home"):
        book_at("ben", 10)
    other = book_at("ben", 11).appointment_id
    with pytest.raises(HomeTaken):
        manual.move(other, seen(other), WallClockTime(day=date(2026, 11, 24), clock_min=600), ADMIN)
    manual.change(other, seen(other), "cancel", ADMIN)
    book_at("ana", 11)
    with pytest.raises(HomeTaken):
        manual.change(other, seen(other), "reopen", ADMIN)
    assert book_at("ben", 10, None).property_id is None, "words that are no home of the catalogue"


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
