"""Fake clocks for code that measures time: they move on each reading and each sleep, not with real time."""

from __future__ import annotations


class Ticking:
    """Replaces the module `time`: each reading advances the clock, and sleeping takes no real time.

    Args:
        step_s: how far a reading advances it, in seconds.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def monotonic(self) -> float:
        """Advance by one step and return the time, in seconds."""
        self._now_s += self._step_s
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once."""
        self._now_s += seconds
