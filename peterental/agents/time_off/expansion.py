"""Expand closures and repeating blocks into busy blocks on an agent's wall clock. Pure.

The wall clock decides: a block from 12 to 1 is from 12 to 1 in summer and in winter. A start that the clocks skip is
the moment of the change, and so is an end. A start in a repeated hour is the first of its two instants, an end the
second.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.agents.time_off.model import Closure, RepeatingBlock, RepeatingEntry, TimeOffBlock
from peterental.clock import instant_of

DAYS_AHEAD = 365 + 2 + 30
"""How far ahead repeating blocks are written: as far as callers may ever book, and a month in which no job runs."""

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


def closure_block(closure: Closure, agent_id: str, zone: ZoneInfo) -> TimeOffBlock | None:
    """Return the busy block of a closure for one agent.

    None if the agent works anyway, or if the clocks skip all of it.
    """
    start = _instant_from(closure.first_day, closure.from_min, zone, fold=0)
    until = _instant_from(closure.last_day, closure.until_min, zone, fold=1)
    if agent_id in closure.exempt or until <= start:
        return None
    return TimeOffBlock(agent_id=agent_id, start=start, until=until, note=closure.name, closure_id=closure.closure_id)


def repeating_blocks(block: RepeatingBlock, now: datetime) -> Iterator[TimeOffBlock]:
    """Yield the busy blocks of a repeating block that have not ended, up to DAYS_AHEAD, in order.

    Args:
        block: which.
        now: the present moment, aware.
    """
    zone = block.zone
    today = now.astimezone(zone).date()
    for day in days_of(block, today - _DAY, today + timedelta(days=DAYS_AHEAD)):
        start = _instant_from(day, block.from_min, zone, fold=0)
        until = _instant_from(day, block.until_min, zone, fold=1)
        if day not in block.exceptions and start < until and now < until:
            yield TimeOffBlock(
                agent_id=block.agent_id,
                start=start,
                until=until,
                note=block.note,
                repeating_id=block.repeating_id,
                repeats_on=day,
            )


def days_of(entry: RepeatingEntry, first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last` on which a block repeats, exceptions included, in order."""
    first = max(first, entry.first_day)
    last = min(last, entry.last_day or last)
    monday = entry.first_day - timedelta(days=entry.first_day.weekday())
    step = _WEEK * entry.every_weeks
    monday += (first - monday) // step * step
    while monday <= last:
        for weekday in entry.weekdays:
            day = monday + timedelta(days=weekday - 1)
            if first <= day <= last:
                yield day
        monday += step


def _instant_from(day: date, minutes: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """Convert a wall-clock time to UTC; the first later one that exists if the clocks skip it."""
    found = instant_of(day, minutes, zone, fold=fold)
    while found is None:
        minutes += 1
        found = instant_of(day, minutes, zone, fold=fold)
    return found
