"""Count attempts before they are made, across all workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil

from peterental.users import login_throttle
from peterental.users.login_throttle import ThrottleKey
from peterental.users.model import TooManyAttempts
from peterental.users.repository import UserRepository


class Throttle:
    """Counts attempts in the database.

    Args:
        users: stores the counts.
        now: returns the current time, aware.
    """

    def __init__(self, users: UserRepository, now: Callable[[], datetime]) -> None:
        self._users = users
        self._now = now

    def consume(self, keys: Sequence[ThrottleKey]) -> None:
        """Count an attempt before it is made; one query if it is allowed.

        Raises TooManyAttempts.
        """
        now = self._now()
        allowed = self._users.consume(keys, now)
        refused = [key for key in keys if key.subject not in allowed]
        if refused:
            self._users.refund([key for key in keys if key.subject in allowed])
            wait_s = max(1, ceil(self._users.remaining_wait_s(refused, now)))
            raise TooManyAttempts(wait=login_throttle.format_wait(wait_s), wait_s=wait_s)

    def refund(self, keys: Sequence[ThrottleKey]) -> None:
        """Take back an attempt that was not made, or that succeeded."""
        self._users.refund(keys)
