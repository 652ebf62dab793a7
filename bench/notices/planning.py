"""What looking for due reminders costs with a million viewings."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from bench.measure import interleaved
from bench.notices.lab import AGENT, CHANNELS_ON, migrated
from bench.section import Bench
from bench.server import Server, drop_indexes
from bench.table import Promise, Table
from peterental.database.pool import Database
from peterental.services import build_services

_VIEWINGS = 1_000_000
_QUICK_VIEWINGS = 20_000
_MOST_MS = 100

# As many as an office has in three years, some 900 a day.
_FILL = """
    INSERT INTO appointments (
        agent_id, property_address, attendee_name, attendee_phone, start_time, end_time, overlap_allowed, created_at
    )
    SELECT 'lab', n || ' Elm Street', 'Visitor', '+14055550123', at, at + INTERVAL '30 minutes', TRUE,
           at - INTERVAL '50 days'
    FROM generate_series(1, %s) AS n,
         LATERAL (SELECT NOW() + INTERVAL '10 days' - n * INTERVAL '96 seconds') AS start (at)
"""


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Plan with nothing to do, as every minute, and with all viewings of the next day to be reminded of."""
    viewings = _QUICK_VIEWINGS if bench.quick else _VIEWINGS
    url = migrated(server)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(AGENT)
        db.execute(CHANNELS_ON)
        later = drop_indexes(db, "appointments")
        db.execute(_FILL, [viewings])
        for statement in later:
            db.execute(statement.encode())
        db.execute("VACUUM ANALYZE")
    database = Database(url, pool_size=1)
    reminders = build_services(database).reminders
    began = time.perf_counter()
    planned = reminders.plan()
    first_ms = (time.perf_counter() - began) * 1000

    def again(_: int) -> float:
        began = time.perf_counter()
        reminders.plan()
        return (time.perf_counter() - began) * 1000

    (idle,) = interleaved({"again": again}, bench.rounds(50, 3), warm_up=True).values()
    database.close()
    yield Table(
        f"Looking for due reminders among {viewings:,} viewings",
        "As the worker does every minute. At first all viewings of the next twelve hours, from twelve hours ahead, and"
        " of the next two have no reminder; later all have.",
        ("look", "reminders written", "time", "rounds"),
        [
            ("first", str(planned), f"{first_ms:.0f} ms", ""),
            ("with nothing due", "0", f"{idle.median:.1f} ms", idle.spread("ms", 1)),
        ],
        [
            Promise(
                f"looking for reminders among {viewings:,} viewings",
                f"{idle.median:.0f} ms",
                f"<= {_MOST_MS} ms",
                idle.median <= _MOST_MS,
            )
        ],
    )
