"""What an attack did to the calls, compared with its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.attack.attacks import Attack
from bench.attack.line import Calls
from bench.table import aligned

Holds = Literal["yes", "NO", "machine too busy"]

_HEAD = ("attack", "sent", "calls", "unanswered", "median ms", "p99 ms", "worst ms", "lag ms", "memory MB", "holds")


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
        """Return each violated requirement as a sentence, apart from those that the machine alone may have caused."""
        faults = list(self.complaints)
        if self.calls.unanswered:
            faults.append(f"{self.calls.unanswered} calls were not answered")
        if not self.calls.response_times_s:
            faults.append("no call was answered")
        limit_mb = self.attack.growth_mb
        if limit_mb is not None and self.growth_mb > limit_mb:
            faults.append(f"a worker grew by {self.growth_mb:.0f} MB, the limit is {limit_mb} MB")
        return faults

    def is_late(self) -> bool:
        """Return whether a call took longer than the attack permits."""
        return self.attack.limit_s is not None and self.calls.worst_s > self.attack.limit_s

    def holds(self, calm: Calls) -> Holds:
        """Return whether every requirement was met.

        Args:
            calm: the calls without any attack. If they, or a timer during this attack, missed the limit as well, a late
                answer shows nothing.
        """
        if self.faults():
            return "NO"
        if not self.is_late():
            return "yes"
        limit_s = self.attack.limit_s or 0.0
        is_busy = calm.worst_s > limit_s or self.calls.worst_s - self.calls.lag_s <= limit_s
        return "machine too busy" if is_busy else "NO"


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
        for sentence in [*result.faults(), *_lateness(result)]
    ]
    details = [f"{result.attack.name}: {result.details}" for result in results]
    return "\n".join([aligned(_HEAD, rows), "", *details, "", *lines])


def _figures(calls: Calls) -> tuple[str, str, str, str, str, str]:
    times = [calls.quantile_s(0.5), calls.quantile_s(0.99), calls.worst_s, calls.lag_s]
    return (str(len(calls.response_times_s)), str(calls.unanswered), *[f"{1000 * time:.0f}" for time in times])  # type: ignore[return-value]  # four times


def _lateness(result: Result) -> list[str]:
    if not result.is_late():
        return []
    return [f"the slowest answer took {result.calls.worst_s:.2f} s, the limit is {result.attack.limit_s} s"]
