"""One worker that keeps a thousand calendars at a provider with latency."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.calendars.accounts import KEY, connect
from bench.programs import Command, ProgramFailed, Running
from bench.section import Bench
from bench.server import Server, ask, bench_server
from bench.table import Promise, Table
from peterental.calendars.sync_service import SYNC_INTERVAL
from peterental.database.migrations import MigrationRunner
from tests.calendars.google.fake import CLIENT_ID, CLIENT_SECRET, GoogleFake

_CALENDARS = 1_000
_QUICK_CALENDARS = 40
_EVENTS = 20
_LATENCY_S = 0.05
_MAX_AGE = timedelta(minutes=10)
_SCHEDULE = timedelta(minutes=1)
_TIMEOUT_S = 900.0
_POLL_S = 0.25

_FORGET = """
    WITH due AS (UPDATE calendars SET read_at = NULL, read_cursor = NULL RETURNING 1) SELECT COUNT(*) FROM due
"""
_AGE = """
    WITH due AS (UPDATE calendars SET read_at = read_at - INTERVAL '6 minutes' RETURNING 1) SELECT COUNT(*) FROM due
"""
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('sync_calendars', 'sync_calendars', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1
    ])
"""
_UNREAD = "SELECT COUNT(*) FROM calendars WHERE read_at IS NULL OR read_at < %s"
_PROBLEMS = "SELECT COUNT(*) FROM calendar_accounts WHERE problem IS NOT NULL"
_BUSY_TIMES = "SELECT COUNT(*) FROM agent_busy"
_REGISTERED = "SELECT COUNT(*) FROM procrastinate_workers"
_READING = """
    SELECT COUNT(*) FROM procrastinate_jobs
    WHERE task_name IN ('sync_calendars', 'sync_calendar') AND status IN ('todo', 'doing')
"""


def measure(bench: Bench) -> Iterator[Table]:
    """Let a worker read all calendars whole, then the changes since."""
    number = _QUICK_CALENDARS if bench.quick else _CALENDARS
    with bench_server() as server, GoogleFake(latency_s=_LATENCY_S) as google:
        url = _prepared(server, google, number)
        running = Running(
            Command([sys.executable, "-m", "flask", "--app", "wsgi", "jobs-work"], _settings(url, google))
        )
        try:
            _wait(running, lambda: bool(ask(url, _REGISTERED)))
            whole = _pass(running, url, _FORGET)
            busy_times = int(str(ask(url, _BUSY_TIMES)))
            changes = _pass(running, url, _AGE)
        finally:
            running.kill()
            running.outcome()
        if busy_times != number * _EVENTS or ask(url, _PROBLEMS) or google.violations:
            raise ProgramFailed(f"{busy_times} busy times of {number} calendars: {google.violations[:3]}")
    longest_s = max(whole[0], changes[0]) * _CALENDARS / number
    age = SYNC_INTERVAL + _SCHEDULE + timedelta(seconds=longest_s)
    yield Table(
        f"{number:,} calendars kept by one worker",
        f"The stand-in for Google answers after {_LATENCY_S * 1000:.0f} ms; {_EVENTS} events in each calendar. All"
        " calendars are due at once. A calendar is due every five minutes and jobs are queued every minute, so the"
        " greatest age is six minutes and one pass. The processor time is that of the worker process alone.",
        ("pass over all calendars", "seconds", "a calendar", "processor time"),
        [
            (name, f"{seconds:.1f} s", f"{seconds / number * 1000:.0f} ms", f"{cpu_s:.1f} s")
            for name, (seconds, cpu_s) in {"read whole": whole, "read the changes": changes}.items()
        ],
        [
            Promise(
                f"age of {_CALENDARS:,} calendars kept by one worker",
                f"{age.total_seconds() / 60:.1f} minutes at most",
                f"<= {_MAX_AGE.total_seconds() / 60:.0f} minutes",
                age <= _MAX_AGE,
            )
        ],
    )


def _settings(url: str, google: GoogleFake) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "CREDENTIALS_KEY": KEY,
        "ALLOW_PRIVATE_ADDRESSES": "1",
        "GOOGLE_API_URL": google.url,
        "GOOGLE_LOGIN_URL": google.url,
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "LOG_LEVEL": "warning",
    }


def _prepared(server: Server, google: GoogleFake, number: int) -> str:
    """Create a database with so many agents, each with a calendar that was never read; return its URL."""
    url = server.create()
    MigrationRunner(url).run_migrations()
    noon = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with psycopg.connect(url, autocommit=True) as db:
        for agent in range(number):
            name, agent_id = f"agent-{agent}@example.com", f"agent-{agent}"
            calendar = google.add_account(name)
            for event in range(_EVENTS):
                start = noon + timedelta(hours=12 * event)
                calendar.put(summary="Dentist", start=start, end=start + timedelta(hours=1))
            db.execute("INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)", (agent_id, name))
            connect(db, agent_id, kind="google", name=name, remote_id=name, tokens=google.sign_in(name))
        db.execute("VACUUM ANALYZE")
    return url


def _pass(running: Running, url: str, make_due: str) -> tuple[float, float]:
    """Make every calendar due, and wait until each was read; return the seconds, and the processor time.

    The worker may have begun by itself, as its schedule says: that is waited for.
    """
    _wait(running, lambda: not ask(url, _READING))
    ask(url, make_due)
    since, began_s, cpu_s = ask(url, "SELECT clock_timestamp()"), time.monotonic(), _cpu_s(running)
    ask(url, _DEFER)
    _wait(running, lambda: not ask(url, _UNREAD, since))
    return time.monotonic() - began_s, _cpu_s(running) - cpu_s


def _wait(running: Running, condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _TIMEOUT_S
    while not condition():
        if running.process.poll() is not None or time.monotonic() > deadline_s:
            running.kill()
            raise ProgramFailed(running.outcome().output[-2000:])
        time.sleep(_POLL_S)


def _cpu_s(running: Running) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
