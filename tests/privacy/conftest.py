"""Fixtures: a webhook with two agents, on a database and a clock of the test."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from peterental.services import Services
from tests.voice.phone import Clock, Phone, register_agents, services_on, webhook


@pytest.fixture
def clock() -> Clock:
    """The clock of all services."""
    return Clock()


@pytest.fixture
def services(database: Database, clock: Clock) -> Services:
    """The services, with Ana and Ben registered."""
    register_agents(database)
    return services_on(database, clock)


@pytest.fixture
def phone(services: Services, clock: Clock) -> Phone:
    """Dolores's call to Ana."""
    return Phone(webhook(services, clock))
