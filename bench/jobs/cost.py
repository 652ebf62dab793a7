"""What a deferred job adds to the transaction of a booking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bench.jobs.lab import migrated
from bench.measure import interleaved, ratio
from bench.section import Bench
from bench.server import Server
from bench.table import Table
from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.services import build_services

_TRANSACTIONS = 200
_FIRST = datetime(2030, 1, 1, tzinfo=UTC)

_BOOK = """
    INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time, status)
    VALUES ('lab', '12 Elm Street', 'Ben Whitfield', %(start)s, %(start)s + INTERVAL '30 minutes', 'confirmed')
"""


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Commit bookings with and without a job, in turns."""
    url = migrated(server)
    database = Database(url, pool_size=1)
    services = build_services(database)
    services.agents.create(Profile(agent_name="Lab"), Viewer(user_id=0, email="bench", is_admin=True), "lab")
    started = iter(range(10**9))

    def book(*, defers: bool) -> Callable[[int], float]:
        def run(_: int) -> float:
            began = time.perf_counter()
            for _ in range(_TRANSACTIONS):
                number = next(started)
                start = _FIRST + timedelta(hours=number)
                with database.transaction() as connection:
                    connection.execute(_BOOK, {"start": start})
                    if defers:
                        services.jobs.defer(connection, JobRequest(task="note", args={"appointment_id": number}))
            return (time.perf_counter() - began) / _TRANSACTIONS * 1000

        return run

    contenders = {"booking": book(defers=False), "booking and job": book(defers=True)}
    samples = interleaved(contenders, bench.rounds(15, 3), warm_up=True)
    database.close()
    plain = samples["booking"]
    yield Table(
        "A job deferred with a booking",
        f"One transaction with one INSERT of a booking, on one connection; {_TRANSACTIONS} in a row make a round. Both"
        " take one round trip and wait for the disk. A booking by phone does more than this INSERT.",
        ("transaction", "median", "times the booking's", "rounds"),
        [
            (name, f"{sample.median:.2f} ms", f"{ratio(sample, plain):.2f}", sample.spread("ms", 2))
            for name, sample in samples.items()
        ],
    )
