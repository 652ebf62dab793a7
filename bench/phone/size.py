"""Free times with a thousand and with a million bookings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from bench.load.runs import Plan
from bench.measure import interleaved, ratio
from bench.phone.stage import AGENTS, AVAILABILITY, FEW, SECRET, Stage, serving
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.table import Promise, Table

_MAX_RATIO = 1.5


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Query both databases in turn, one request at a time."""
    with serving("wsgi:app", stage.few_url) as few, serving("wsgi:app", stage.many_url) as many:
        names = {f"{FEW:,} bookings": few.url, f"{stage.many:,} bookings": many.url}
        samples = interleaved(
            {name: one_at_a_time(stage, url, AVAILABILITY) for name, url in names.items()},
            bench.rounds(9, 1),
            warm_up=True,
        )
    first, last = samples
    times = ratio(samples[last], samples[first])
    yield Table(
        "Free times with a thousand and with a million bookings",
        "get_availability over HTTP, one connection, one request after the other, to each of 1,000 agents in turn. An"
        " agent of the large database has about sixty upcoming viewings, the others are past.",
        ("database", "median", "times the small one's", "rounds"),
        [
            (name, f"{sample.median:.2f} ms", f"{ratio(sample, samples[first]):.2f}", sample.spread("ms", 2))
            for name, sample in samples.items()
        ],
        [
            Promise(
                f"get_availability with {stage.many:,} bookings",
                f"{times:.2f} x its time with {FEW:,}",
                f"<= {_MAX_RATIO} x",
                times <= _MAX_RATIO,
            )
        ],
    )


_numbers = count(50_000_000, 100_000)


def one_at_a_time(stage: Stage, url: str, body: bytes) -> Callable[[int], float]:
    """Return a function that sends requests one at a time for a while and returns their median in milliseconds."""

    def turn(_: int) -> float:
        seconds = 0.3 if stage.bench.quick else 3.0
        result = stage.load.run(Plan(url, SECRET, body, AGENTS, [""], next(_numbers), 1, seconds))
        if result.failed:
            raise ProgramFailed(f"{result.failed} of {result.answered} requests failed")
        return result.median_ms

    return turn
