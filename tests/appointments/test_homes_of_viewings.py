"""The home of a viewing: what was said of it, and what the catalogue calls it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from peterental.appointments.model import Appointment
from peterental.appointments.repository import AppointmentRepository
from peterental.database.pool import Database
from peterental.properties.model import Property

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
