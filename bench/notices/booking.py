"""What notices add to a booking by phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import psycopg

from bench.load.runs import Load, Plan
from bench.measure import Sample, interleaved, ratio
from bench.notices.lab import CHANNELS_OFF, CHANNELS_ON, migrated
from bench.phone.stage import BOOKING, SECRET, Served, bookable_starts, serving
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

AGENTS = 400
_MAX_RATIO = 1.25
_AGENTS = """
    WITH made AS (
        INSERT INTO users (email, password_hash, full_name, role)
        SELECT 'user-' || n || '@example.com', '', 'User ' || n, 'agent' FROM generate_series(1, %s) AS n
        RETURNING user_id
    )
    INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, user_id)
    SELECT 'agent-' || n, 'Agent ' || n, 'assistant-' || n, user_id
    FROM (SELECT user_id, row_number() OVER () AS n FROM made) AS numbered
"""


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Book with and without channels, in turns."""
    url = migrated(server)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_AGENTS, [AGENTS])
        db.execute("VACUUM ANALYZE")
    load = Load(bench.folder)
    with serving("wsgi:app", url, JOBS="0") as served:
        samples = interleaved(
            {
                "no channel": _contender(bench, load, served, url, CHANNELS_OFF),
                "texts and e-mail": _contender(bench, load, served, url, CHANNELS_ON),
            },
            bench.rounds(25, 1),
            warm_up=True,
        )
    yield _table(samples, url)


_numbers = count(50_000_000, 1_000_000)


def _contender(bench: Bench, load: Load, served: Served, url: str, channels: str) -> Callable[[int], float]:
    first = {"number": next(_numbers)}
    starts = bookable_starts()

    def turn(_: int) -> float:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(channels.encode())
        seconds = 0.3 if bench.quick else 1.0
        result = load.run(Plan(served.url, SECRET, BOOKING, AGENTS, starts, first["number"], 1, seconds))
        first["number"] += result.answered + result.failed + 1
        if result.failed:
            raise ProgramFailed(f"{result.failed} of {result.answered} requests failed")
        return result.median_ms

    return turn


def _table(samples: dict[str, Sample], url: str) -> Table:
    booked = int(str(ask(url, "SELECT COUNT(DISTINCT appointment_id) FROM notices")))
    written = int(str(ask(url, "SELECT COUNT(*) FROM notices")))
    jobs = int(str(ask(url, "SELECT COUNT(*) FROM procrastinate_jobs WHERE task_name = 'send_notices'")))
    if not booked or jobs != booked:
        raise ProgramFailed(f"{booked} bookings with notices, but {jobs} jobs")
    without, told = samples.values()
    times = ratio(told, without)
    return Table(
        "A booking by phone with notices",
        f"set_appointment over HTTP, one request after the other, to {AGENTS} agents. With channels, the transaction of"
        f" the booking adds {written / booked:.1f} notices (a text and an e-mail to the visitor, an e-mail to the"
        " agent) and a job, by trigger.",
        ("channels", "median", "times no channel", "rounds"),
        [
            (name, f"{sample.median:.2f} ms", f"{ratio(sample, without):.2f}", sample.spread("ms", 2))
            for name, sample in samples.items()
        ],
        [Promise("a booking with notices", f"{times:.2f} x without", f"<= {_MAX_RATIO} x", times <= _MAX_RATIO)],
    )
