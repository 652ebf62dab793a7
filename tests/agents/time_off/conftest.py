"""Services of time off on this test's database, at a fixed moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import Agent, Profile
from peterental.agents.service import AgentService
from peterental.agents.time_off.closure_service import ClosureService
from peterental.agents.time_off.listing import TimeOffListing
from peterental.agents.time_off.model import Closure, ClosureEntry, RepeatingBlock, RepeatingEntry
from peterental.agents.time_off.repeating_service import RepeatingBlockService
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.audit.service import AuditService
from peterental.database.pool import Database

NOW = datetime(2026, 10, 20, 16, 0, tzinfo=UTC)  # a Tuesday, 11:00 in Chicago
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
STRANGER = Viewer(user_id=77, email="x@example.com", is_admin=False)
THANKSGIVING = date(2026, 11, 26)
LUNCH = RepeatingEntry(weekdays=(1, 2, 3, 4, 5), from_min=720, until_min=780, first_day=date(2026, 10, 1), note="Lunch")


def holiday(name: str = "Thanksgiving", day: date = THANKSGIVING, **more: Any) -> ClosureEntry:
    return ClosureEntry(name=name, first_day=day, last_day=more.pop("last_day", day), **more)


@dataclass
class Office:
    """An office with agents, at a moment that the test chooses."""

    database: Database
    now: datetime = NOW
    agents: AgentService = field(init=False)
    audit: AuditService = field(init=False)
    closures: ClosureService = field(init=False)
    repeating: RepeatingBlockService = field(init=False)
    listing: TimeOffListing = field(init=False)
    hours: WorkingHoursService = field(init=False)

    def __post_init__(self) -> None:
        def clock() -> datetime:
            return self.now

        self.audit = AuditService(self.database)
        self.agents = AgentService(self.database, self.audit, clock)
        self.closures = ClosureService(self.database, self.audit, clock)
        self.repeating = RepeatingBlockService(self.database, self.audit, clock)
        self.listing = TimeOffListing(self.database, clock)
        self.hours = WorkingHoursService(self.database, self.agents, self.audit, clock)

    def add_agent(self, name: str = "Ana", time_zone: str = "America/Chicago") -> Agent:
        return self.agents.create(Profile(agent_name=name, time_zone=time_zone), ADMIN)

    def close(self, *entries: ClosureEntry) -> tuple[Closure, ...]:
        return self.closures.add(entries or (holiday(),), ADMIN)

    def repeat(self, agent_id: str = "ana", entry: RepeatingEntry = LUNCH) -> RepeatingBlock:
        return self.repeating.add(agent_id, entry, ADMIN)

    def blocks(self, where: str = "TRUE") -> list[dict[str, Any]]:
        """Return the stored busy blocks, in order."""
        return self.database.fetch(
            f"""
            SELECT agent_id, lower(during) AS start, upper(during) AS until, note, closure_id, repeating_id, repeats_on
            FROM agent_busy
            WHERE {where}
            ORDER BY agent_id, lower(during), busy_id
            """
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return every stored busy block with its row version: a row that is written again has another one."""
        return self.database.fetch("SELECT xmin::text AS version, * FROM agent_busy ORDER BY busy_id")

    def days_off(self, agent_id: str = "ana") -> list[tuple[datetime, datetime]]:
        return [
            (row["start"], row["until"]) for row in self.blocks("closure_id IS NOT NULL") if row["agent_id"] == agent_id
        ]

    def repeats_on(self, count: int = 4) -> Sequence[date]:
        return [row["repeats_on"] for row in self.blocks("repeating_id IS NOT NULL")][:count]

    def actions(self) -> list[str]:
        """Return the recorded actions, newest first."""
        return [entry.change.action for entry in self.audit.listing(ADMIN).entries]


@pytest.fixture
def office(database: Database) -> Office:
    made = Office(database)
    made.add_agent()
    return made


@pytest.fixture
def later(office: Office) -> Callable[[float], None]:
    """Return a function that moves the clock by a number of days."""

    def move(days: float) -> None:
        office.now += timedelta(days=days)

    return move
