"""A circuit breaker for the database: while it is unavailable, one thread probes it and the others fail fast."""

from __future__ import annotations

import threading
import time
from enum import Enum, auto

PROBE_TIMEOUT_S = 0.25
"""How long a probe waits for an answer, and how long other threads wait for the probe. Short: requests queue behind."""

PROBE_LEASE_S = 3.0
"""After this time another thread may probe, even if the previous probe was never released."""


class Permit(Enum):
    """What a thread that wants the database may do."""

    ALLOW = auto()
    """Use the database: the breaker is closed."""
    PROBE = auto()
    """Check with a short timeout whether the database is available, then report with `reset` and `release`."""
    REJECT = auto()
    """Fail at once: the breaker is open and a probe has just failed or is still running."""


class CircuitBreaker:
    """Opens after a pool timeout; closes after the first successful probe.

    While it is open, one thread at a time probes, and the others share the result. If each waited for its own timeout,
    the requests that queue for a thread would wait for them, too.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._probe_until_s = 0.0  # 0 while no probe is running
        self._changes = threading.Condition()

    def acquire(self) -> Permit:
        """Return what the caller may do; while another thread probes, wait for its result first.

        After PROBE, the caller must call `release`, and `reset` before it if the database answered.
        """
        if not self._is_open:
            return Permit.ALLOW
        with self._changes:
            if self._probe_until_s <= time.monotonic():
                self._probe_until_s = time.monotonic() + PROBE_LEASE_S
                return Permit.PROBE
            self._changes.wait_for(lambda: not self._probe_until_s, PROBE_TIMEOUT_S)
            return Permit.REJECT if self._is_open else Permit.ALLOW

    def release(self) -> None:
        """End the probe; if the breaker is still open, the next caller probes."""
        with self._changes:
            self._probe_until_s = 0.0
            self._changes.notify_all()

    def trip(self) -> None:
        """Open the breaker: the database did not answer."""
        self._is_open = True

    def reset(self) -> None:
        """Close the breaker and let the waiting threads through: the database answered."""
        self._is_open = False
        self.release()
