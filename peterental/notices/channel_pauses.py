"""Pauses of channels whose provider is away, in this process."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from peterental.notices.model import Channel

FAILURES_BEFORE_PAUSE = 3
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)


class ChannelPauses:
    """Counts failures in a row: after a few, the channel pauses, ever longer while it keeps failing.

    A mail server that is away would otherwise keep every thread waiting for it, once for each notice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[Channel, int] = {}
        self._until: dict[Channel, datetime] = {}

    def until(self, channel: Channel, now: datetime) -> datetime | None:
        """Return when the pause of a channel ends; None if there is none."""
        with self._lock:
            until = self._until.get(channel)
            return until if until is not None and until > now else None

    def record_answer(self, channel: Channel) -> None:
        """Note that the provider answers."""
        with self._lock:
            self._failures.pop(channel, None)
            self._until.pop(channel, None)

    def record_failure(self, channel: Channel, now: datetime) -> None:
        """Note that the provider did not take a letter, for now."""
        with self._lock:
            failures = self._failures[channel] = self._failures.get(channel, 0) + 1
            if failures >= FAILURES_BEFORE_PAUSE:
                pause = FIRST_PAUSE * 2.0 ** min(failures - FAILURES_BEFORE_PAUSE, 10)
                self._until[channel] = now + min(pause, LONGEST_PAUSE)
