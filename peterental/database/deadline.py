"""How long whoever is at work here may wait for the database, all waits together, and a connection that keeps to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import DictRow

from peterental.database.migrations.private_apis import private

GRACE_S = 0.25
"""What the server gets, once patience is over, to obey a cancellation and to say how it ended."""

WaitTimeout: type[psycopg.Error] = private(
    "psycopg.errors",
    "_WaitTimeout",
    "In peterental/database/deadline.py, catch what psycopg.Connection.wait raises now when its timeout is over.",
)

_give_up_at_s: ContextVar[float | None] = ContextVar("give_up_at_s", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Have every wait for the database inside the block end when `seconds` are over, counted from here.

    A statement that is still at work then is cancelled, a server that does not even answer to that is hung up on. What
    ends so late has a moment to end well: a commit that was on its way is told as done.

    Inside another such block the earlier of the two ends counts.
    """
    give_up_at_s = time.monotonic() + seconds
    outer_s = _give_up_at_s.get()
    token = _give_up_at_s.set(give_up_at_s if outer_s is None else min(outer_s, give_up_at_s))
    try:
        yield
    finally:
        _give_up_at_s.reset(token)


def remaining_s() -> float | None:
    """Give how many seconds are left, 0 where they are over; None where nobody is in a hurry."""
    give_up_at_s = _give_up_at_s.get()
    return None if give_up_at_s is None else max(0.0, give_up_at_s - time.monotonic())


class DeadlineConnection(psycopg.Connection[DictRow]):
    """A connection of the pool: one that waits no longer than `deadline` allows."""

    _fell_silent = False

    deadline_passed = False
    """Whether what it ran was cancelled because patience was over; the pool's user clears it."""

    @property
    def unresponsive(self) -> bool:
        """Whether it was hung up on because its server did not even answer to a cancellation."""
        return self._fell_silent

    def sync(self) -> None:
        """Wait, in a unit of work, until everything asked so far is answered. One round trip, whatever was asked.

        Reading a result would wait as well, but leave the server in the middle of a series: then it would not notice
        that whoever was to go on has vanished, and keep the locks.
        """
        pipeline = self._pipeline
        if pipeline is not None:
            pipeline.sync()

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server: psycopg does all its waiting here."""
        left = remaining_s()
        if left is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(left, GRACE_S))
        except WaitTimeout:
            return self._give_up(gen, interval)

    def _give_up(self, gen: PQGen[RV], interval: float) -> RV:
        """Have the server stop, and hear how it ended: cancelled, or done in that very moment."""
        self.deadline_passed = True
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=GRACE_S)
        try:
            return super().wait(gen, interval, GRACE_S)
        except WaitTimeout:
            self._fell_silent = True
            self.close()
            message = "it fell silent"
            raise psycopg.OperationalError(message) from None
