"""How long whoever is at work here may wait for the database, all waits together, before something has to be said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_give_up_at_s: ContextVar[float | None] = ContextVar("give_up_at_s", default=None)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Have every wait for the database inside the block end when `seconds` are over, counted from here.

    A statement that is still at work then is cancelled, a server that does not even answer to that is hung up on. What
    ends so late has a moment to end well: a commit that was on its way is told as done.
    """
    token = _give_up_at_s.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _give_up_at_s.reset(token)


def left_s() -> float | None:
    """Give how many seconds are left, 0 where they are over; None where nobody is in a hurry."""
    give_up_at_s = _give_up_at_s.get()
    return None if give_up_at_s is None else max(0.0, give_up_at_s - time.monotonic())
