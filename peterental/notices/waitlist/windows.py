"""The starting times that a caller's words allow, as periods. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from peterental.appointments.availability import Availability
    from peterental.appointments.date_parsing import Search
    from peterental.notices.waitlist.model import Period

DAY_MIN = 24 * 60
AROUND_MIN = 60
"""How far from a time of day that was not meant exactly a starting time may be, in minutes."""


def wanted_periods(search: Search, availability: Availability) -> tuple[Period, ...]:
    """Return the periods, in order, from now to the agent's horizon, in which a viewing may start; empty for none.

    Args:
        search: what the caller asked for.
        availability: the agent's; whether a time is free does not matter.
    """
    periods = (
        (_instant(day, first, availability.zone), _instant(day, until, availability.zone))
        for day in availability.days()
        if search.allows_day(day)
        for first, until in _minutes(search)
    )
    return tuple((max(first, availability.now), until) for first, until in periods if until > availability.now)


def _minutes(search: Search) -> Iterator[tuple[int, int]]:
    """Yield the limits of the time of day, in minutes after midnight; the second is excluded."""
    if search.clock_min is not None:
        reach = AROUND_MIN if search.approximate else 0
        yield max(search.clock_min - reach, 0), min(search.clock_min + reach + 1, DAY_MIN)
        return
    ranges = (*search.ranges, *search.excluded_ranges)
    inner = {edge for range_ in ranges for edge in (range_.from_min, range_.until_min) if 0 < edge < DAY_MIN}
    edges = sorted({0, DAY_MIN, *inner})
    for first, until in pairwise(edges):
        if search.allows_minutes(first):
            yield first, until


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """Return a wall-clock time in UTC; one that the clocks skip is read with the offset before the change."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=zone).astimezone(UTC)
