"""The memory of one worker over a hundred thousand webhook calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.load.runs import Plan
from bench.phone.stage import AGENTS, AVAILABILITY, BOOKING, SECRET, Served, Stage, bookable_starts, serving
from bench.section import Bench
from bench.table import Promise, Table

_CALLS = 100_000
_MAX_RATIO = 1.05
_REPORT = (
    b'{"message": {"type": "end-of-call-report", "endedReason": "customer-ended-call", "cost": 0.08,'
    b' "summary": "Booked.", "call": {"id": "call-@NUMBER@", "assistantId": "assistant-@AGENT@"},'
    b' "artifact": {"transcript": "AI: Hello.", "messages": [{"role": "user", "message": "Hi", "time": 1}]}}}'
)
_BURST_S = 4.0


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Send bursts of each kind of message in turn, and measure the worker's resident set."""
    calls = _CALLS if not bench.quick else 400
    with serving("wsgi:app", stage.empty_url(), WEB_CONCURRENCY="1") as served:
        first_kb, last_kb, sent = _measured(stage, served, calls, 0.5 if bench.quick else _BURST_S)
    growth = last_kb / first_kb
    yield Table(
        f"Memory of one worker over {calls:,} webhook calls",
        "Bursts of get_availability, set_appointment and end-of-call reports by turns, sixteen connections. The"
        " resident set of the one worker, after a tenth of the calls and at the end.",
        ("calls", "resident"),
        [
            (f"{calls // 10:,}", f"{first_kb / 1024:.1f} MB"),
            (f"{sent:,}", f"{last_kb / 1024:.1f} MB"),
        ],
        [
            Promise(
                f"memory of one worker over {calls:,} calls",
                f"{(growth - 1) * 100:+.1f} % after the first {calls // 10:,}",
                f"< +{(_MAX_RATIO - 1) * 100:.0f} %",
                growth < _MAX_RATIO,
            )
        ],
    )


def _measured(stage: Stage, served: Served, calls: int, burst_s: float) -> tuple[int, int, int]:
    """Return the kilobytes after a tenth of the calls and at the end, and the final number of calls."""
    (worker,) = served.workers()
    starts = bookable_starts()
    sent = turn = 0
    first_kb: int | None = None
    while sent < calls:
        body = (AVAILABILITY, BOOKING, _REPORT)[turn % 3]
        turn += 1
        result = stage.load.run(Plan(served.url, SECRET, body, AGENTS, starts, sent, 16, max(1.0, burst_s)))
        sent += result.answered
        if first_kb is None and sent >= calls // 10 and turn >= 3:  # noqa: PLR2004  # each kind was sent
            first_kb = _resident_kb(worker)
    return first_kb or _resident_kb(worker), _resident_kb(worker), sent


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
