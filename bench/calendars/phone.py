"""What a connected calendar adds to a phone request: to free times, and to a booking that has to be written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count

import psycopg

from bench.load.runs import Load, Plan
from bench.measure import Sample, interleaved, ratio
from bench.phone.stage import AVAILABILITY, BOOKING, SECRET, Served, bookable_starts, serving
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.server import Server, ask, bench_server
from bench.table import Promise, Table
from peterental.database.migrations import MigrationRunner

AGENTS = 200
"""Of each kind. No agent is asked so often that all times are booked."""

BUSY_TIMES = 500
_MAX_FREE_TIMES_RATIO = 1.1
_MAX_BOOKING_RATIO = 1.25

_KINDS = {
    "no calendar": (False, 0),
    "a calendar, empty": (True, 0),
    f"no calendar, {BUSY_TIMES} busy times entered": (False, BUSY_TIMES),
    f"a calendar with {BUSY_TIMES} busy times": (True, BUSY_TIMES),
}
"""For each kind of agent whether there is a calendar, and the number of busy times."""

_AGENTS = """
    INSERT INTO agents (agent_id, agent_name, vapi_assistant_id)
    SELECT kind || '-' || n, kind || ' ' || n, 'kind-' || kind || '-' || n
    FROM generate_series(0, %s) AS kind, generate_series(1, %s) AS n
"""
_CALENDARS = """
    WITH account AS (
        INSERT INTO calendar_accounts (agent_id, kind, name, credentials)
        SELECT agent_id, 'demo', agent_id, '' FROM agents WHERE agent_id LIKE %(agents)s
        RETURNING account_id, agent_id
    )
    INSERT INTO calendars (
        account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings, read_at, read_whole_at,
        read_until, read_zone
    )
    SELECT account_id, agent_id, 'demo', 'Calendar', TRUE, TRUE, TRUE, NOW(), NOW(), NOW() + INTERVAL '99 days',
        'America/Chicago'
    FROM account
"""
# Fifteen minutes each, in the mornings before work and on the days after the horizon as well as in the working hours.
_BUSY = """
    INSERT INTO agent_busy (agent_id, calendar_id, event_key, during, kind, source)
    SELECT agents.agent_id, calendar_id, 'event-' || n, tstzrange(start, start + INTERVAL '15 minutes'), 'busy', 'bench'
    FROM agents LEFT JOIN calendars USING (agent_id), generate_series(0, %(busy)s - 1) AS n,
        LATERAL (SELECT date_trunc('hour', NOW()) + n * INTERVAL '49 minutes') AS at (start)
    WHERE agents.agent_id LIKE %(agents)s
"""


def measure(bench: Bench) -> Iterator[Table]:
    """Ask agents of every kind in turn, one request at a time; then book with two kinds."""
    load = Load(bench.folder)
    with bench_server() as server:
        free = _prepared(server)
        with serving("wsgi:app", free, CALENDAR_MAX_AGE_MINUTES="1440") as served:
            yield _free_times(_measured(bench, load, served, AVAILABILITY, range(len(_KINDS))))
        booked = _prepared(server)
        with serving("wsgi:app", booked, CALENDAR_MAX_AGE_MINUTES="1440") as served:
            samples = _measured(bench, load, served, BOOKING, range(2))
        yield _bookings(samples, booked)


def _prepared(server: Server) -> str:
    """Create a database with agents of every kind; return its URL."""
    url = server.create()
    MigrationRunner(url).run_migrations()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_AGENTS, [len(_KINDS) - 1, AGENTS])
        for kind, (has_calendar, busy) in enumerate(_KINDS.values()):
            values = {"agents": f"{kind}-%", "busy": busy}
            if has_calendar:
                db.execute(_CALENDARS, values)
            db.execute(_BUSY, values)
        db.execute("VACUUM ANALYZE")
    return url


_numbers = count(10_000_000, 100_000)


def _measured(bench: Bench, load: Load, served: Served, body: bytes, kinds: range) -> dict[str, Sample]:
    """Send requests to agents of each kind in turn; return the medians of the rounds in milliseconds."""
    starts = bookable_starts()

    def contender(kind: int) -> Callable[[int], float]:
        asked = body.replace(b"assistant-@AGENT@", f"kind-{kind}-@AGENT@".encode())
        first = {"number": next(_numbers)}

        def turn(_: int) -> float:
            seconds = 0.3 if bench.quick else 1.0
            result = load.run(Plan(served.url, SECRET, asked, AGENTS, starts, first["number"], 1, seconds))
            first["number"] += result.answered + result.failed + 1
            if result.failed:
                raise ProgramFailed(f"{result.failed} of {result.answered} requests failed")
            return result.median_ms

        return turn

    names = list(_KINDS)
    contenders: Mapping[str, Callable[[int], float]] = {names[kind]: contender(kind) for kind in kinds}
    return interleaved(contenders, bench.rounds(25, 1), warm_up=True)


def _free_times(samples: dict[str, Sample]) -> Table:
    names = list(samples)
    promises = []
    for without, connected in (names[:2], names[2:]):
        times = ratio(samples[connected], samples[without])
        promises.append(
            Promise(
                f"free times by phone, {connected}",
                f"{times:.2f} x {without}",
                f"<= {_MAX_FREE_TIMES_RATIO} x",
                times <= _MAX_FREE_TIMES_RATIO,
            )
        )
    return Table(
        "Free times by phone with a connected calendar",
        f"get_availability over HTTP, one request after the other, to {AGENTS} agents of each kind in turn, in one"
        " database and by one server. Busy times are the same whether a calendar or a person entered them; the calendar"
        " was read recently.",
        ("agents with", "median", "times no calendar", "rounds"),
        _rows(samples),
        promises,
    )


def _bookings(samples: dict[str, Sample], url: str) -> Table:
    without, connected = samples
    queued = int(str(ask(url, "SELECT COUNT(*) FROM procrastinate_jobs WHERE task_name = 'write_viewing'")))
    booked = int(str(ask(url, "SELECT COUNT(*) FROM appointments WHERE agent_id LIKE '1-%%'")))
    if queued != booked or not booked:
        raise ProgramFailed(f"{booked} bookings of agents with a calendar, but {queued} jobs")
    times = ratio(samples[connected], samples[without])
    return Table(
        "A booking by phone with a calendar that receives it",
        f"set_appointment over HTTP, one request after the other, {AGENTS} agents of each kind. With a calendar, the"
        " transaction of the booking adds a row of the outbox and a job, by trigger; no worker runs.",
        ("agents with", "median", "times no calendar", "rounds"),
        _rows(samples),
        [
            Promise(
                "a booking with a receiving calendar",
                f"{times:.2f} x without",
                f"<= {_MAX_BOOKING_RATIO} x",
                times <= _MAX_BOOKING_RATIO,
            )
        ],
    )


def _rows(samples: dict[str, Sample]) -> list[tuple[str, ...]]:
    first = next(iter(samples.values()))
    return [
        (name, f"{sample.median:.2f} ms", f"{ratio(sample, first):.2f}", sample.spread("ms", 2))
        for name, sample in samples.items()
    ]
