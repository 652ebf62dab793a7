"""An agent with a scripted calendar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentKey
from peterental.appointments.model import BookingRequest
from peterental.calendars.account import Calendar, SyncResult
from peterental.calendars.model import BusyTime
from peterental.calls.model import ToolInvocation
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.voice import speech
from tests.calendars.scripted import ScriptedCalendar, providers_of

ANA = "24464697-0000-4000-8000-000000000001"
CONFIG = Config(secret_key="a key for tests, long enough to be one", public_url="https://rent.example.com")
OFFICE = Viewer(user_id=0, email="office@example.com", is_admin=True)


@dataclass
class Line:
    """An agent's phone and calendar.

    Args:
        services: of the application.
        database: where it stores.
        remote: the agent's calendar at the provider.
        noon: tomorrow at noon on the agent's clock, UTC.
    """

    services: Services
    database: Database
    remote: ScriptedCalendar
    noon: datetime
    calls: list[int] = field(default_factory=list)
    caller_number: str | None = "+14055550142"

    def connect(self) -> SyncResult:
        """Connect the calendar of Ana."""
        return self.services.calendars.connect_caldav("ana", "dav.example.com", "ana@example.com", "pass", OFFICE)

    @property
    def account_id(self) -> int:
        """The id of Ana's account."""
        ((found),) = self.services.calendars.overview("ana", OFFICE).accounts
        return found.account.account_id

    def sync(self) -> SyncResult:
        """Read the calendar now."""
        result = self.services.calendar_sync.sync(self.account_id)
        assert result is not None
        return result

    def calendar(self, name: str = "Work") -> Calendar:
        """One of Ana's calendars."""
        (found,) = [
            c
            for each in self.services.calendars.overview("ana", OFFICE).accounts
            for c in each.calendars
            if c.name == name
        ]
        return found

    def age(self, minutes: float) -> None:
        """Make the readings older."""
        self.database.fetch("UPDATE calendars SET read_at = read_at - %s::interval", (timedelta(minutes=minutes),))

    def busy_at(self, start: datetime, minutes: int = 60, key: str = "e1", calendar: str = "work") -> None:
        """Put an event into the calendar at the provider."""
        self.remote.busy[calendar][key] = (
            BusyTime(start=start, end=start + timedelta(minutes=minutes), title="Dentist"),
        )

    def busy_rows(self) -> list[dict[str, Any]]:
        """The stored busy times."""
        return self.database.fetch(
            "SELECT lower(during) AS start, upper(during) AS until, source, note, kind, calendar_id"
            " FROM agent_busy ORDER BY during"
        )

    def _invocation(self, name: str, arguments: dict[str, object], call: str) -> ToolInvocation:
        self.calls.append(1)
        return ToolInvocation(
            name=name,
            tool_call_id=f"tool-{len(self.calls)}",
            vapi_call_id=call,
            agent_key=AgentKey(assistant_id=ANA),
            arguments=arguments,
            caller_number=self.caller_number,
        )

    def say(self, name: str, call: str = "call-1", **arguments: str) -> str:
        """Call a tool; return what the caller hears."""
        do: dict[str, Callable[..., str]] = {
            "get_availability": self.services.appointments.availability,
            "set_appointment": self.services.appointments.book,
            "reschedule_appointment": self.services.appointments.reschedule,
            "cancel_appointment": self.services.appointments.cancel,
        }
        request = BookingRequest(**arguments)  # type: ignore[arg-type]  # texts only
        return do[name](self._invocation(name, dict(arguments), call), request, speech.render)

    def book(self, start: datetime | None = None, **more: str) -> str:
        """Book a viewing of Elm Street by phone."""
        arguments = {
            "property_address": "1420 Elm Street",
            "attendee_name": "Dolores Whitcomb",
            "start_time": (start or self.noon).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self.say("set_appointment", **(arguments | more))

    def work(self) -> None:
        """Do what the background jobs would do."""
        query = "SELECT appointment_id FROM calendar_viewings WHERE version <> written_version ORDER BY 1"
        for row in self.database.fetch(query):
            self.services.calendar_events.write(row["appointment_id"])

    def jobs(self, task: str) -> list[dict[str, Any]]:
        """The arguments of the waiting jobs of a task."""
        query = "SELECT args FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' ORDER BY id"
        return [row["args"] for row in self.database.fetch(query, (task,))]

    def viewings(self) -> list[dict[str, Any]]:
        """The outbox."""
        return self.database.fetch("SELECT * FROM calendar_viewings ORDER BY appointment_id")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> ScriptedCalendar:
    """The provider of every calendar in this test."""
    remote = ScriptedCalendar()
    monkeypatch.setattr("peterental.services.Providers", providers_of(remote))
    return remote


@pytest.fixture
def line(database: Database, remote: ScriptedCalendar) -> Line:
    """Ana, who works from eight to eight on every day in UTC, and whose calendar is not connected yet."""
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, time_zone) VALUES ('ana', 'Ana', %s, 'UTC')",
        (ANA,),
    )
    database.fetch("DELETE FROM agent_hours")
    database.fetch(
        "INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)"
        " SELECT 'ana', weekday, '08:00', '20:00' FROM generate_series(1, 7) AS weekday"
    )
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    return Line(
        build_services(database, config=CONFIG),
        database,
        remote,
        datetime(tomorrow.year, tomorrow.month, tomorrow.day, 12, tzinfo=UTC),
    )
