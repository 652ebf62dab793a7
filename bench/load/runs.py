"""The load generator: requests over kept-alive connections as fast as they are answered."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.programs import Command, must

_GRACE_S = 120.0


@dataclass(frozen=True)
class Plan:
    """The requests to send.

    Args:
        url: of the webhook.
        secret: of the webhook.
        body: with the placeholders `@NUMBER@`, `@AGENT@` and `@START@`, filled in for each request.
        agents: number of agents, which take turns.
        starts: values of `@START@`: the first for each agent, then the second for each, and so on.
        first: number of the first request; numbers must be unique in a database.
        connections: number of concurrent connections.
        seconds: duration.
        workers: process ids of the server's workers, of which each gets its share of the connections; empty leaves
            their distribution to chance.
    """

    url: str
    secret: str
    body: bytes
    agents: int
    starts: list[str]
    first: int
    connections: int
    seconds: float
    workers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Result:
    """The result.

    Args:
        answered: the number of answers.
        failed: answers other than 200, and broken connections.
        per_second: answers a second.
        median_ms, p99_ms: of the time to an answer.
        per_worker: the number of answers of each worker of the plan; of all together where it names none.
    """

    answered: int
    failed: int
    per_second: float
    median_ms: float
    p99_ms: float
    per_worker: tuple[int, ...]


class Load:
    """bench/load/generator.py, in a separate process.

    Args:
        folder: for its plans.
    """

    description = "Load is generated on the same machine by bench/load/generator.py, one thread."

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, plan: Plan) -> Result:
        """Send the planned requests."""
        path = self._folder / "plan.json"
        path.write_text(json.dumps({**vars(plan), "body": plan.body.decode()}), encoding="utf-8")
        outcome = must(Command([sys.executable, "-m", "bench.load.generator", str(path)]), plan.seconds + _GRACE_S)
        line = next(line for line in outcome.output.splitlines() if line.startswith("RESULT "))
        answered, failed, seconds, median_ms, p99_ms, per_worker = json.loads(line.removeprefix("RESULT "))
        return Result(answered, failed, answered / seconds, median_ms, p99_ms, tuple(per_worker))
