"""Fixtures: Ana's viewing tomorrow, and the path of its link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.services import Services

PHONE = "+14055550123"
"""The number that a link is sent to."""


@dataclass(frozen=True)
class Link:
    """A visitor's link.

    Args:
        path: of the page.
        appointment_id: of the viewing.
        start: when it starts, UTC.
    """

    path: str
    appointment_id: int
    start: datetime

    @property
    def seen(self) -> str:
        """The hidden field of the page's forms."""
        return self.start.isoformat()


@pytest.fixture
def start() -> datetime:
    """Noon the day after tomorrow, in Chicago or an hour beside it."""
    return utc_now().replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=2)


@pytest.fixture
def link_of(services: Services) -> Callable[[int, datetime], Link]:
    """A function that makes the link of a viewing."""

    def link_of(appointment_id: int, start: datetime) -> Link:
        path = urlsplit(services.visitor_links.url(appointment_id, PHONE)).path
        return Link(path, appointment_id, start)

    return link_of


@pytest.fixture
def every_day(services: Services, database: Database, admin: Viewer) -> None:
    """Ana's agent, who works every day from eight to eight."""
    services.agents.create(Profile(agent_name="Ana Lima", handover_number="+14055550100", notice_minutes=0), admin)
    database.fetch("DELETE FROM agent_hours")
    database.fetch(
        """
        INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
        SELECT 'ana-lima', day, '08:00', '20:00' FROM generate_series(1, 7) AS day
        """
    )


@pytest.fixture
def link(every_day: None, book: Callable[..., int], link_of: Callable[[int, datetime], Link], start: datetime) -> Link:
    """The link of a viewing of Ana's."""
    del every_day
    return link_of(book("ana-lima", start, caller_number=PHONE, attendee_email="max@example.com"), start)
