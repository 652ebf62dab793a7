"""How much work one reading may be. Beyond that it fails: what was not read is never taken for free time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic

from peterental.calendars.model import CalendarNonsense

_STEPS_PER_CHECK = 512


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one reading.

    Args:
        max_bytes: of the text.
        max_lines: of the text, after unfolding.
        max_events: VEVENTs and VFREEBUSYs.
        max_values: properties that are read, and dates in lists, of all events together.
        max_instances: busy times in the window.
        max_steps: components of every kind, and times that rules of repetition produce, in the window or before it.
        time_s: for everything, in seconds.
    """

    max_bytes: int = 20_000_000
    max_lines: int = 2_000_000
    max_events: int = 50_000
    max_values: int = 600_000
    max_instances: int = 100_000
    max_steps: int = 1_000_000
    time_s: float = 30.0

    def within(self, time_s: float) -> Limits:
        """Return the same limits with at most this time, in seconds: a caller may be waiting for the reading."""
        return replace(self, time_s=min(self.time_s, time_s))


USUAL_LIMITS = Limits()


class Budget:
    """What is left of the limits.

    Args:
        limits: of this reading.
        host: whom the fault names.
    """

    def __init__(self, limits: Limits, host: str) -> None:
        self._limits = limits
        self._host = host
        self._end = monotonic() + limits.time_s
        self._events = 0
        self._values = 0
        self._instances = 0
        self._steps = 0

    def nonsense(self, reason: str) -> CalendarNonsense:
        """Return the fault that names the host."""
        return CalendarNonsense(host=self._host, reason=reason)

    def check_size(self, byte_count: int) -> None:
        """Raise CalendarNonsense if the text is too large."""
        if byte_count > self._limits.max_bytes:
            raise self.nonsense(f"it is larger than {self._limits.max_bytes / 1e6:.0f} MB")

    def check_lines(self, line_count: int) -> None:
        """Raise CalendarNonsense if there are too many lines."""
        if line_count > self._limits.max_lines:
            raise self.nonsense(f"it has more than {self._limits.max_lines:,} lines")

    def take_event(self) -> None:
        """Count an event."""
        self._events += 1
        if self._events > self._limits.max_events:
            raise self.nonsense(f"it has more than {self._limits.max_events:,} events")

    def take_value(self) -> None:
        """Count a property or a date that is kept in memory."""
        self._values += 1
        if self._values > self._limits.max_values:
            raise self.nonsense(f"its events have more than {self._limits.max_values:,} properties and dates")

    def take_instance(self) -> None:
        """Count a busy time."""
        self._instances += 1
        if self._instances > self._limits.max_instances:
            raise self.nonsense(f"its events repeat more than {self._limits.max_instances:,} times")

    def take_step(self) -> None:
        """Count a step, and look at the time now and then."""
        self._steps += 1
        if self._steps > self._limits.max_steps:
            raise self.nonsense("its events repeat too often")
        if self._steps % _STEPS_PER_CHECK == 1:
            self.check_time()

    def check_time(self) -> None:
        """Raise CalendarNonsense if the time is over."""
        if monotonic() > self._end:
            raise self.nonsense(f"it takes longer than {round(self._limits.time_s, 1):g} seconds to read")
