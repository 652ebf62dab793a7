"""A thousand reminders that are due in one minute."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from bench.notices.lab import AGENT, DAYTIME, LATENCY_S, VIEWINGS, Provider, migrated, worker
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_REMINDERS = 1_000
_QUICK_REMINDERS = 50
_MOST_S = 120
_POLL_S = 0.1
_TIMEOUT_S = 300.0
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('plan_notices', 'plan_notices', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1
    ])
"""
_SENT = "SELECT COUNT(*) FROM notices WHERE state = 'sent'"
_READY = "SELECT COUNT(*) FROM notice_channels"
_TOOK = "SELECT EXTRACT(EPOCH FROM MAX(ended_at) - MIN(created_at)) FROM notices"


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Let one worker plan and send them all."""
    number = _QUICK_REMINDERS if bench.quick else _REMINDERS
    url, provider = migrated(server), Provider(bench.folder / "reminders.txt")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(AGENT)
        db.execute(DAYTIME)
        db.execute(VIEWINGS, {"viewings": number, "ahead": "1 hour 59 minutes"})
    with worker(url, provider):
        _wait(url, _READY, 1)
        with psycopg.connect(url) as db:
            db.execute(_DEFER)
        _wait(url, _SENT, number)
    seconds, taken = float(str(ask(url, _TOOK))), provider.taken
    if taken.total() != number or len(taken) != number:
        raise ProgramFailed(f"{taken.total()} texts of {number} reminders")
    yield Table(
        f"{number:,} reminders due in one minute",
        f"One worker, five at a time; the provider answers after {LATENCY_S * 1000:.0f} ms. From the moment at which"
        " the first is written to the answer to the last.",
        ("reminders", "seconds", "per second"),
        [(f"{number:,}", f"{seconds:.1f}", f"{number / seconds:.0f}")],
        [Promise(f"{number:,} reminders sent", f"{seconds:.0f} s", f"<= {_MOST_S} s", seconds <= _MOST_S)],
    )


def _wait(url: str, question: str, answer: int) -> None:
    ends_s = time.monotonic() + _TIMEOUT_S
    while ask(url, question) != answer:
        if time.monotonic() > ends_s:
            raise ProgramFailed(f"{question}: {ask(url, question)} instead of {answer}")
        time.sleep(_POLL_S)
