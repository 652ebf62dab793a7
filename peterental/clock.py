"""The clock: the present moment, midnight, and wall-clock time to instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from peterental.errors import Refusal


class TimeSkipped(Refusal):
    """The clocks skip {clock} on that day. Choose a time before or after the gap."""


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a local day, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def instant_of(day: date, minutes: int, zone: ZoneInfo, *, fold: int = 0) -> datetime | None:
    """Return when the wall clock of `zone` shows `minutes` after midnight on `day`, in UTC.

    Args:
        day: on the local calendar.
        minutes: after midnight on the wall clock; may exceed a day.
        zone: whose wall clock.
        fold: which of the two instants of a repeated hour: 0 the first, 1 the second.

    Returns None for a time that the clocks skip.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == wall else None


def existing_instant(day: date, minutes: int, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """Return the same, in UTC. Raises TimeSkipped for a time that the clocks skip."""
    instant = instant_of(day, minutes, zone, fold=fold)
    if instant is None:
        raise TimeSkipped(clock=clock_time(minutes))
    return instant


def clock_time(minutes: int) -> str:
    """Return minutes after midnight as a 24-hour clock shows them: `09:00`, `24:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
