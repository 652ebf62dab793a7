"""Processes that are killed at a chosen step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peterental.database.pool import Database


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, no `finally` either."""


class Guillotine:
    """Kills at one step: before or after a use of the database or of the provider.

    Args:
        at: the step, from 0.
        is_after: whether the step still takes effect.
    """

    def __init__(self, at: int, *, is_after: bool) -> None:
        self.at, self.is_after = at, is_after
        self.steps = 0
        self.is_dead = False

    def before(self) -> bool:
        """Begin a step; return whether it is the last one."""
        if self.is_dead:
            raise Killed
        is_last = self.steps == self.at
        self.steps += 1
        if is_last and not self.is_after:
            self.is_dead = True
            raise Killed
        return is_last

    def after(self, *, is_last: bool) -> None:
        """End a step."""
        if is_last:
            self.is_dead = True
            raise Killed


class MortalDatabase(Database):
    """A database of a process that is killed."""

    guillotine: Guillotine

    @contextmanager
    def _borrow(self) -> Iterator[Any]:
        is_last = self.guillotine.before()
        with super()._borrow() as connection:
            yield connection
        self.guillotine.after(is_last=is_last)
