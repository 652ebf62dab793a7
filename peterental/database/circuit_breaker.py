"""What a process knows about its database being away, so that not everybody has to find out by waiting."""

from __future__ import annotations

import threading
import time
from enum import Enum, auto

PROBE_TIMEOUT_S = 0.25
"""How long whoever asks may wait for an answer: they may have queued for a thread behind others who waited in vain."""

PROBE_LEASE_S = 3.0
"""How long whoever asks may keep the others from asking; a turn is over sooner, unless something went very wrong."""


class Permit(Enum):
    """What somebody who wants the database is to do."""

    ALLOW = auto()
    """Use it: it is there, as far as anybody knows."""
    PROBE = auto()
    """It was away. Find out whether it is back, and tell."""
    REJECT = auto()
    """It was away, and somebody has just asked in vain."""


class CircuitBreaker:
    """Begins when somebody has waited for the database in vain, ends when it has answered somebody.

    In between one at a time asks, and whoever comes meanwhile shares the answer. Were all to wait as long as the first,
    those who queue for a thread would wait for them too.
    """

    def __init__(self) -> None:
        self._is_on = False
        self._asked_until_s = 0.0
        self._changes = threading.Condition()

    def acquire(self) -> Permit:
        """Tell what to do now, after the answer for whoever is asking, if anybody is.

        Whoever is to ask calls `release` in the end, and `reset` if it was answered.
        """
        if not self._is_on:
            return Permit.ALLOW
        with self._changes:
            if self._asked_until_s <= time.monotonic():
                self._asked_until_s = time.monotonic() + PROBE_LEASE_S
                return Permit.PROBE
            self._changes.wait_for(lambda: not self._asked_until_s, PROBE_TIMEOUT_S)
            return Permit.REJECT if self._is_on else Permit.ALLOW

    def release(self) -> None:
        """Let the next one ask, if the outage goes on."""
        with self._changes:
            self._asked_until_s = 0.0
            self._changes.notify_all()

    def trip(self) -> None:
        """Note that somebody has waited in vain."""
        self._is_on = True

    def reset(self) -> None:
        """Note that the database has answered; whoever has asked may go on, and so may those who waited for it."""
        self._is_on = False
        self.release()
