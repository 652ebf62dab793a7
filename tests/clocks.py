"""Clocks for code that measures time: they move because somebody looks or sleeps, not because the machine is slow."""

from __future__ import annotations


class Ticking:
    """Stands in for the module `time`: each look moves it on, and sleeping takes no time.

    Args:
        step_s: how far a look at it moves it on, in seconds.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def monotonic(self) -> float:
        """Move on by one step and return where it is, in seconds."""
        self._now_s += self._step_s
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds` at once."""
        self._now_s += seconds
