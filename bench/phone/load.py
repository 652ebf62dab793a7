"""Load: requests sent over kept-alive connections as fast as they are answered, by wrk or by a program of our own."""

from __future__ import annotations

import json
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from bench.programs import Command, must

_LATE_S = 120.0


@dataclass(frozen=True)
class Plan:
    """What to send.

    Args:
        url: where to.
        secret: the webhook's.
        body: with `@NUMBER@`, `@AGENT@` and `@START@`, which are filled in anew for each request.
        agents: how many take turns.
        starts: what `@START@` becomes: the first for each agent, then the second for each, and so on.
        first: the number of the first request; no two requests of one database may have the same.
        connections: how many at once.
        seconds: for how long.
    """

    url: str
    secret: str
    body: bytes
    agents: int
    starts: list[str]
    first: int
    connections: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """What came of it; `failed` counts answers other than 200, and connections that broke."""

    answered: int
    failed: int
    per_second: float
    median_ms: float
    p99_ms: float


class Load(ABC):
    """A way to send requests."""

    description: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def run(self, plan: Plan) -> Result:
        """Send what is planned."""


_LUA = """\
local plan = { %s }
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Vapi-Secret"] = plan.secret
local number = plan.first - 1
function request()
  number = number + 1
  local values = {
    NUMBER = string.format("%%08d", number),
    AGENT = tostring(number %% plan.agents + 1),
    START = plan.starts[math.floor(number / plan.agents) %% #plan.starts + 1],
  }
  local body = string.gsub(plan.body, "@(%%u+)@", values)
  return wrk.format(nil, nil, nil, body)
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "RESULT [%%d, %%d, %%f, %%f, %%f]\\n", summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class Wrk(Load):
    """wrk, from the PATH."""

    description = "Load is made by wrk with one thread, on the same machine."

    def run(self, plan: Plan) -> Result:
        """Run wrk with a script that fills in the bodies."""
        starts = "{" + ", ".join(f'"{start}"' for start in plan.starts) + "}"
        fields = {
            "secret": _quoted(plan.secret),
            "body": _quoted(plan.body.decode()),
            "agents": str(plan.agents),
            "starts": starts,
            "first": str(plan.first),
        }
        script = self.folder / "load.lua"
        script.write_text(_LUA % ", ".join(f"{name} = {value}" for name, value in fields.items()), encoding="utf-8")
        words = [
            "wrk",
            "-t1",
            f"-c{plan.connections}",
            f"-d{plan.seconds:.0f}s",
            "--timeout",
            "120s",
            "-s",
            str(script),
        ]
        outcome = must(Command([*words, plan.url]), plan.seconds + _LATE_S)
        return _result(next(line for line in outcome.output.splitlines() if line.startswith("RESULT ")))


class Generator(Load):
    """Our own, in a process of its own."""

    description = (
        "There is no wrk on the PATH: load is made by bench/phone/generator.py, one Python process that takes about as"
        " much of a core per request as the bare view itself. Ratios to the bare view come out flattering; requests per"
        " second come out low."
    )

    def run(self, plan: Plan) -> Result:
        """Run the generator."""
        path = self.folder / "plan.json"
        path.write_text(json.dumps({**vars(plan), "body": plan.body.decode()}), encoding="utf-8")
        outcome = must(Command([sys.executable, "-m", "bench.phone.generator", str(path)]), plan.seconds + _LATE_S)
        return _result(next(line for line in outcome.output.splitlines() if line.startswith("RESULT ")))


def load_generator(folder: Path) -> Load:
    """Give the best there is here."""
    return Wrk(folder) if shutil.which("wrk") else Generator(folder)


def _result(line: str) -> Result:
    answered, failed, seconds, median_ms, p99_ms = json.loads(line.removeprefix("RESULT "))
    return Result(answered, failed, answered / seconds, median_ms, p99_ms)


def _quoted(text: str) -> str:
    """Give a Lua string that no text can break out of."""
    return "'" + "".join(f"\\{byte:03}" for byte in text.encode()) + "'"
