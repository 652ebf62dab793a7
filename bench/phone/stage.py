"""Databases of two sizes, and gunicorn that serves PeteRental or the bare view on them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from bench.load.runs import Load
from bench.programs import SCRIPTS, Command, ProgramFailed, Running
from bench.section import Bench
from bench.server import Server, drop_indexes
from peterental.config import Config
from peterental.database.migrations import MigrationRunner
from tests.servers import free_port, until

AGENTS = 1_000
FEW, MANY = 1_000, 1_000_000
SECRET = "a secret of the bench"  # noqa: S105  # of temporary servers only
ZONE = ZoneInfo("America/Chicago")
HORIZON_DAYS = 14

# Five a day, ninety minutes apart, back in time from twelve days ahead: an agent with a thousand has about sixty in the
# future and the rest in the past. An agent with one has it in the last months. Each was booked twelve days before.
BOOKINGS = """
    INSERT INTO appointments (agent_id, property_address, start_time, end_time, blocked_until, attendee_name,
                              caller_number, vapi_call_id, vapi_tool_call_id, created_at)
    SELECT 'agent-' || agent, agent || ' Elm Street, Norman, OK', start, start + INTERVAL '30 minutes',
           start + INTERVAL '30 minutes', 'Visitor ' || lpad(n::text, 3, '0'),
           '+1555' || lpad((agent * 1000 + n)::text, 7, '0'), 'call-' || agent || '-' || n, 'tool-' || n,
           LEAST(start - INTERVAL '12 days', now()) - agent * INTERVAL '7 seconds'
    FROM generate_series(%(first)s::int, %(agents)s) AS agent, generate_series(0, %(each)s - 1) AS n,
         LATERAL (
             SELECT (
                 %(newest)s::date - n / 5 - CASE WHEN %(each)s = 1 THEN agent %% 200 ELSE 0 END
                 + TIME '09:00' + n %% 5 * INTERVAL '90 minutes'
             ) AT TIME ZONE 'America/Chicago'
         ) AS at (start)
"""


# Calls of the last months, so that no table is small enough for a sequential scan.
_HISTORY = """
    WITH past AS (
        SELECT 'past-' || n AS call_id, 'agent-' || n %% %(agents)s + 1 AS agent_id,
               now() - n * INTERVAL '10 minutes' AS at
        FROM generate_series(1, %(calls)s) AS n
    ), made AS (
        INSERT INTO calls (vapi_call_id, agent_id, status, started_at, ended_at, created_at)
        SELECT call_id, agent_id, 'ended', at, at, at FROM past
    )
    INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, received_at)
    SELECT call_id, 'tool', agent_id, 'get_availability', '{}', 'I have tomorrow at noon.', 'answered', at FROM past
"""
_PAST_CALLS = 20_000


@dataclass(frozen=True)
class Served:
    """A running gunicorn: its port, and the process id of its master."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """The URL of the webhook."""
        return f"http://127.0.0.1:{self.port}/vapi/webhook"

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


class Stage:
    """Databases and servers for the rows of the section."""

    def __init__(self, bench: Bench, server: Server, load: Load) -> None:
        self.bench = bench
        self.load = load
        self._server = server

    @property
    def many(self) -> int:
        """The number of bookings in the large database."""
        return MANY if not self.bench.quick else 20 * AGENTS

    @cached_property
    def few_url(self) -> str:
        """A database with 1,000 agents and a booking for each."""
        return self._filled(FEW)

    @cached_property
    def many_url(self) -> str:
        """A database with 1,000 agents and a thousand bookings for each."""
        return self._filled(self.many)

    def empty_url(self) -> str:
        """A new database with 1,000 agents and no booking."""
        return self._server.create(self._without_bookings)

    @cached_property
    def _without_bookings(self) -> str:
        return self._filled(0)

    @cached_property
    def _with_agents(self) -> str:
        url = self._server.create()
        MigrationRunner(url).run_migrations()
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(
                """
                INSERT INTO agents (agent_id, agent_name, vapi_assistant_id)
                SELECT 'agent-' || n, 'Agent ' || n, 'assistant-' || n FROM generate_series(1, %s) AS n
                """,
                [AGENTS],
            )
        return url

    def _filled(self, bookings: int) -> str:
        url = self._server.create(self._with_agents)
        with psycopg.connect(url, autocommit=True) as db:
            if bookings:
                newest = datetime.now(ZONE).date() + timedelta(days=12)
                db.execute("SET maintenance_work_mem TO '512MB'")
                later = drop_indexes(db, "appointments")
                db.execute(BOOKINGS, {"first": 1, "agents": AGENTS, "each": bookings // AGENTS, "newest": newest})
                for statement in later:
                    db.execute(statement.encode())
            db.execute(_HISTORY, {"agents": AGENTS, "calls": _PAST_CALLS})
            db.execute("VACUUM ANALYZE")
        return url


@contextmanager
def serving(app: str, database_url: str, **settings: str) -> Iterator[Served]:
    """Run gunicorn with our gunicorn.conf.py for the block.

    Args:
        app: the application, as `module:name`.
        database_url: its database.
        settings: further environment variables.
    """
    port = free_port()
    environment = {"DATABASE_URL": database_url, "PORT": str(port), "VAPI_WEBHOOK_SECRET": SECRET, **settings}
    running = Running(Command([str(SCRIPTS / "gunicorn"), app], environment))
    served = Served(port, running.process.pid)
    try:
        expected = int(settings.get("WEB_CONCURRENCY", Config.web_concurrency))

        def is_ready() -> bool:
            return running.process.poll() is not None or (_answers(served) and len(served.workers()) >= expected)

        until(is_ready, f"{app} answers with every worker")
        if running.process.poll() is not None:
            raise ProgramFailed(f"{app} ended:\n{running.outcome().output[-2000:]}")
        yield served
    finally:
        if running.process.poll() is None:
            running.kill()
            running.outcome()


def message(tool: str, arguments: dict[str, str], **more: object) -> bytes:
    """Build the body of a tool call, about 1 KB like a short real one; `@…@` is filled in for each request."""
    body = {
        "message": {
            "type": "tool-calls",
            "timestamp": 1795445435022,
            "toolCallList": [
                {"id": "tool-@NUMBER@", "type": "function", "function": {"name": tool, "arguments": arguments}}
            ],
            "call": {
                "id": "call-@NUMBER@",
                "assistantId": "assistant-@AGENT@",
                "type": "inboundPhoneCall",
                "status": "ringing",
                "orgId": "d142efcd-80b8-4e93-9d83-2d254a50784c",
            },
            "customer": {"number": "+155@NUMBER@"},
            "artifact": {
                "messages": [{"role": "user", "message": "Could I see the one on Elm Street?", "time": 1}] * 5
            },
            **more,
        }
    }
    return json.dumps(body).encode()


AVAILABILITY = message("get_availability", {"property_address": "1420 Elm Street, Norman, OK"})
BOOKING = message(
    "set_appointment",
    {
        "property_address": "1420 Elm Street, Norman, OK",
        "start_time": "@START@",
        "attendee_name": "Dolores Whitcomb",
        "attendee_email": "dolores@example.com",
    },
)


def bookable_starts() -> list[str]:
    """Return the free half hours of an agent without bookings, from the day after tomorrow, as wall-clock times."""
    today = datetime.now(UTC).astimezone(ZONE).date()
    days = [today + timedelta(days=ahead) for ahead in range(2, HORIZON_DAYS)]
    return [
        f"{day}T{hour:02}:{minute:02}:00"
        for day in days
        if day.weekday() < 5  # noqa: PLR2004  # Monday to Friday
        for hour in range(9, 17)
        for minute in (0, 30)
    ]


def _answers(served: Served) -> bool:
    request = urllib.request.Request(served.url, b"{}", {"X-Vapi-Secret": SECRET})  # noqa: S310  # our own server
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # our own server
            return bool(answer.status)
    except OSError:
        return False
