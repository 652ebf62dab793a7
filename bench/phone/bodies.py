"""The cost of a long call history in the request body, which is skipped rather than decoded."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.measure import interleaved, ratio
from bench.phone.size import one_at_a_time
from bench.phone.stage import AVAILABILITY, Stage, serving
from bench.section import Bench
from bench.table import Promise, Table

_MAX_RATIO = 1.3
_LONG_BYTES = 100 * 1024


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Send a short and a long body in turn."""
    long = json.loads(AVAILABILITY)
    line = {"role": "user", "message": "Could I come on Tuesday? " * 6, "time": 1795445435022, "secondsFromStart": 3.2}
    long["message"]["artifact"]["messages"] = [line] * (_LONG_BYTES // len(json.dumps(line)))
    bodies = {
        f"{len(AVAILABILITY) / 1024:.0f} KB": AVAILABILITY,
        f"{len(json.dumps(long)) / 1024:.0f} KB": json.dumps(long).encode(),
    }
    with serving("wsgi:app", stage.few_url) as served:
        samples = interleaved(
            {name: one_at_a_time(stage, served.url, body) for name, body in bodies.items()},
            bench.rounds(9, 1),
            warm_up=True,
        )
    short, longer = samples
    times = ratio(samples[longer], samples[short])
    yield Table(
        "A body of 100 KB",
        "get_availability over HTTP, one request after the other; the long body carries the history of a long call, as"
        " Vapi sends it with every tool call.",
        ("body", "median", "times the short one's", "rounds"),
        [
            (name, f"{sample.median:.2f} ms", f"{ratio(sample, samples[short]):.2f}", sample.spread("ms", 2))
            for name, sample in samples.items()
        ],
        [
            Promise(
                "a 100 KB tool-calls body", f"{times:.2f} x the time of 1 KB", f"<= {_MAX_RATIO} x", times <= _MAX_RATIO
            )
        ],
    )
