"""Busy times of an agent, in a form that is cheap to read and to search."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class OfficeClosure(NamedTuple):
    """A closure of the office, where it takes an agent's time; in seconds since 1970-01-01 UTC.

    Args:
        start_s, until_s: when.
        name: as the office typed it.
    """

    start_s: float
    until_s: float
    name: str


class BusyTimes:
    """The busy blocks of an agent's schedule; they may overlap.

    They stay numbers: a connected calendar has hundreds, and an answer looks at a few.

    Args:
        starts: of each block, in seconds since 1970-01-01 UTC.
        ends: in the same unit, in any order. No block is empty.
        closures: those of the blocks that are closures of the office.
    """

    def __init__(self, starts: Sequence[float], ends: Sequence[float], closures: Sequence[OfficeClosure] = ()) -> None:
        self._starts, self._ends = starts, ends
        self.closures = closures

    def overlaps(self, start: datetime, until: datetime) -> bool:
        """Return whether any block takes some of the time between two moments, both aware.

        One does if more blocks have begun before the end of that time than have ended by its start.
        """
        starts, ends = self._sorted
        return bisect_left(starts, until.timestamp()) > bisect_right(ends, start.timestamp())

    @cached_property
    def _sorted(self) -> tuple[list[float], list[float]]:
        """The starts and the ends, each in order. Numbers alone are sorted several times as fast as pairs."""
        return sorted(self._starts), sorted(self._ends)


NO_BUSY_TIMES = BusyTimes((), ())
