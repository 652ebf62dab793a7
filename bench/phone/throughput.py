"""Requests per second and latency, compared with a bare Flask view with one pooled SELECT.

The bare view is served twice: by our own worker class, and by gunicorn's gthread with eight threads. `get_availability`
and its slowest answers are compared with the faster one, ours. A booking is compared with gthread's, which was the
baseline when its goal was set. Our worker class made the bare view half as fast again; against that one even a booking
with no other load does not reach the goal (docs/decisions/040-few-threads-few-connections.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

from bench.load.runs import Plan, Result
from bench.measure import Sample, interleaved, ratio
from bench.phone.cpu import CpuTimes
from bench.phone.stage import AGENTS, AVAILABILITY, BOOKING, SECRET, Served, Stage, bookable_starts, serving
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.server import ask
from bench.table import Promise, Table
from tests.servers import until

CONNECTIONS = 24
_MAX_P99_RATIO = 3.0
_FLOOR = "bare view, one SELECT"
_GTHREAD = "bare view, gunicorn's gthread"
_MIN_RATIO = {("get_availability", _FLOOR): 0.35, ("set_appointment", _GTHREAD): 0.22}
_NAMES = {_FLOOR: "bare view", _GTHREAD: "bare view of gthread"}
_MAX_MISSED_SHARE = 0.01


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Measure the bare view on two worker classes and two tools in turn, each under its own gunicorn."""
    seconds = 5.0 if not bench.quick else 0.3
    starts = bookable_starts()
    numbers = count(step=len(starts) * AGENTS)
    results: dict[str, list[Result]] = {}
    cpu: dict[str, list[tuple[float, float]]] = {}

    def contender(name: str, served: Served, body: bytes, database_url: str) -> Callable[[int], float]:
        state = {"next": next(numbers)}

        def turn(number: int) -> float:
            workers = tuple(served.workers())
            plan = Plan(served.url, SECRET, body, AGENTS, starts, state["next"], CONNECTIONS, seconds, workers)
            before = CpuTimes.of(workers, database_url)
            result = stage.load.run(plan)
            used = CpuTimes.of(workers, database_url).since(before)
            state["next"] += result.answered + result.failed + CONNECTIONS
            if result.failed:
                raise ProgramFailed(f"{name}: {result.failed} of {result.answered} requests failed")
            if number >= 0:
                results.setdefault(name, []).append(result)
                cpu.setdefault(name, []).append((used[0] / result.answered, used[1] / result.answered))
            return result.per_second

        return turn

    with ExitStack() as stack:
        url = stage.few_url
        bookings_url = stage.empty_url()
        bare = stack.enter_context(serving("bench.phone.bare:app", url))
        gthread = {"GUNICORN_CMD_ARGS": "--worker-class=gthread", "WEB_THREADS": "8"}
        bare_on_gthread = stack.enter_context(serving("bench.phone.bare:app", url, **gthread))
        ours = stack.enter_context(serving("wsgi:app", url))
        booking = stack.enter_context(serving("wsgi:app", bookings_url))
        samples = interleaved(
            {
                _FLOOR: contender(_FLOOR, bare, AVAILABILITY, url),
                _GTHREAD: contender(_GTHREAD, bare_on_gthread, AVAILABILITY, url),
                "get_availability": contender("get_availability", ours, AVAILABILITY, url),
                "set_appointment": contender("set_appointment", booking, BOOKING, bookings_url),
            },
            bench.rounds(7, 1),
            warm_up=True,
        )
        _check(url, "answered", results["get_availability"])
        _check(bookings_url, "booked", results["set_appointment"])
    yield _table(samples, results, cpu, seconds)


def _check(url: str, outcome: str, results: list[Result]) -> None:
    """Raise ProgramFailed unless the counted requests had the expected outcome."""
    fresh = "SELECT count(*) FROM tool_calls WHERE vapi_call_id LIKE 'call-%%'"

    def stored() -> int:
        return int(str(ask(url, f"{fresh} AND outcome = %s", outcome)))

    until(lambda: stored() >= sum(result.answered for result in results), "every counted tool call is stored")
    stored_total = int(str(ask(url, fresh)))
    if stored() < stored_total * (1 - _MAX_MISSED_SHARE):
        raise ProgramFailed(f"only {stored()} of {stored_total} tool calls were {outcome}")


def _table(
    samples: dict[str, Sample],
    results: dict[str, list[Result]],
    cpu: dict[str, list[tuple[float, float]]],
    seconds: float,
) -> Table:
    medians = {name: Sample([result.median_ms for result in some]) for name, some in results.items()}
    slowest = {name: Sample([result.p99_ms for result in some]) for name, some in results.items()}
    promises = []
    for (name, floor), minimum in _MIN_RATIO.items():
        share = ratio(samples[name], samples[floor])
        ours, must = (f"{share:.2f} x {_NAMES[floor]}", f">= {minimum} x {_NAMES[floor]}")
        promises.append(Promise(f"{name}, requests/s", ours, must, share >= minimum))
    times = ratio(slowest["get_availability"], slowest[_FLOOR])
    must = f"<= {_MAX_P99_RATIO:.0f} x bare view's"
    promises.insert(1, Promise("get_availability, p99", f"{times:.2f} x bare view's", must, times <= _MAX_P99_RATIO))
    return Table(
        "Over HTTP, against a bare view",
        "gunicorn with our gunicorn.conf.py for each, workers, threads and access log included, on the same server. The"
        " bare view is a Flask view that takes a connection from a pool, runs one SELECT of one row and returns it as"
        " JSON; it is served by our worker class and, a second time, by gunicorn's gthread with eight threads."
        " Every request is a new phone call to one of 1,000 agents, and is stored with its answer; every"
        f" set_appointment books a viewing. {CONNECTIONS} connections, kept alive; {seconds:.0f} s a turn,"
        f" {len(results[_FLOOR])} rounds of turns after one to warm up. A connection stays with the worker that"
        " accepted it, which is chance: connections are opened until each worker has its share, and the answers of"
        " each are counted. CPU is the processor time of the workers, and of PostgreSQL's sessions, by request.",
        (
            *(
                "view",
                "requests/s",
                "of the bare view",
                "of gthread's",
                "rounds",
                "p50",
                "p99",
                "p99 of the bare view's",
            ),
            *("CPU, worker", "CPU, PostgreSQL", "by worker"),
        ),
        [
            (
                name,
                f"{sample.median:.0f}",
                *(f"{ratio(sample, samples[floor]):.2f}" for floor in _NAMES),
                sample.spread("/s", 0),
                f"{medians[name].median:.1f} ms",
                f"{slowest[name].median:.1f} ms",
                f"{ratio(slowest[name], slowest[_FLOOR]):.2f}",
                *(f"{Sample([used[at] for used in cpu[name]]).median * 1000:.2f} ms" for at in range(2)),
                _by_worker(results[name]),
            )
            for name, sample in samples.items()
        ],
        promises,
    )


def _by_worker(results: list[Result]) -> str:
    """Return the answers of each worker in all rounds, with its share."""
    counts = [sum(some) for some in zip(*(result.per_worker for result in results), strict=True)]
    return ", ".join(f"{count} ({count / sum(counts):.0%})" for count in counts)
