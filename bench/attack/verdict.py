"""What an attack did to the calls, compared with its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.attack.attacks import Attack
from bench.attack.line import TIMEOUT_S, Calls
from bench.table import aligned

Holds = Literal["yes", "NO", "machine too busy"]

MAX_OTHERS = 0.5
"""The share of the processor time from which on other programs explain a late answer."""

_HEAD = (
    "attack",
    "sent",
    "calls",
    "unanswered",
    "median ms",
    "p99 ms",
    "worst ms",
    "lag ms",
    "others",
    "memory MB",
    "holds",
)


@dataclass(frozen=True)
class Result:
    """The measurement of one attack.

    Args:
        attack: what was done.
        calls: the calls while it went on.
        details: what was sent, counted, with the answers.
        growth_mb: by how much the memory of one worker grew at most.
        complaints: what must not happen in any attack, such as a 500 or a traceback.
    """

    attack: Attack
    calls: Calls
    details: str = ""
    growth_mb: float = 0.0
    complaints: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return each violated requirement as a sentence, apart from late answers."""
        faults = list(self.complaints)
        if self.calls.cut_off:
            faults.append(f"{self.calls.cut_off} calls were cut off")
        if self.calls.apologies:
            faults.append(f"{self.calls.apologies} callers heard only an apology")
        if not self.calls.response_times_s:
            faults.append("no call was answered")
        limit_mb = self.attack.growth_mb
        if limit_mb is not None and self.growth_mb > limit_mb:
            faults.append(f"a worker grew by {self.growth_mb:.0f} MB, the limit is {limit_mb} MB")
        return faults

    def lateness(self) -> list[str]:
        """Return a sentence if a call took longer than the attack permits."""
        if self.calls.late:
            return [f"{self.calls.late} calls were not answered within {TIMEOUT_S:.0f} s"]
        if self.calls.worst_s > self.limit_s:
            return [f"the slowest answer took {self.calls.worst_s:.2f} s, the limit is {self.limit_s:.0f} s"]
        return []

    @property
    def limit_s(self) -> float:
        """The longest permitted response time."""
        return self.attack.limit_s or TIMEOUT_S

    def holds(self, calm: Calls) -> Holds:
        """Return whether every requirement was met.

        Args:
            calm: the calls without any attack. If they or a timer were as late, or other programs used most of the
                machine, a late answer shows nothing.
        """
        if self.faults():
            return "NO"
        if not self.lateness():
            return "yes"
        here = self.calls
        is_busy = max(calm.worst_s, here.lag_s) > self.limit_s or here.others > MAX_OTHERS
        is_our_delay = not here.late and here.worst_s - here.lag_s <= self.limit_s
        return "machine too busy" if is_busy or is_our_delay else "NO"


def table(results: Sequence[Result], calm: Calls) -> str:
    """Return the report as text, with a first row for the calls without any attack."""
    rows = [("none", "", *_figures(calm), "0", "")]
    rows += [
        (result.attack.name, result.attack.sent, *_figures(result.calls), f"{result.growth_mb:.0f}", result.holds(calm))
        for result in results
    ]
    lines = [
        f"{result.holds(calm)}  {result.attack.name}: {sentence}"
        for result in results
        for sentence in [*result.faults(), *result.lateness()]
    ]
    details = [f"{result.attack.name}: {result.details}" for result in results]
    return "\n".join([aligned(_HEAD, rows), "", *details, "", *lines])


def _figures(calls: Calls) -> tuple[str, ...]:
    times = (calls.quantile_s(0.5), calls.quantile_s(0.99), calls.worst_s, calls.lag_s)
    milliseconds = [f"{1000 * time:.0f}" for time in times]
    return (str(len(calls.response_times_s)), str(calls.unanswered), *milliseconds, f"{100 * calls.others:.0f} %")
