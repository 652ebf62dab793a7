"""The clock: the current time, midnight, and conversion of wall-clock time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from peterental.errors import Refusal


class TimeSkipped(Refusal):
    """The clocks skip {clock} on that day. Choose a time before or after the gap."""


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


def in_utc(moment: datetime | None) -> datetime | None:
    """Return an aware time in UTC; None for None."""
    return None if moment is None else moment.astimezone(UTC)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a local day, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def instant_of(day: date, minutes: int, zone: ZoneInfo, *, fold: int = 0) -> datetime | None:
    """Convert a wall-clock time to UTC; None for a time that the clocks skip.

    Args:
        day: the local date.
        minutes: wall-clock minutes after midnight; may exceed a day.
        zone: the time zone of the wall clock.
        fold: which of the two instants of a repeated hour: 0 the first, 1 the second.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == wall else None


def existing_instant(day: date, minutes: int, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """Convert a wall-clock time to UTC, as `instant_of` does. Raises TimeSkipped."""
    instant = instant_of(day, minutes, zone, fold=fold)
    if instant is None:
        raise TimeSkipped(clock=clock_time(minutes))
    return instant


def zone_abbreviation(local: datetime) -> str:
    """Return the abbreviation of the zone of an aware time, such as `CST`; `UTC-3` where it has none."""
    name = local.tzname() or ""
    if name.isalpha():
        return name
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def clock_time(minutes: int) -> str:
    """Return minutes after midnight as a 24-hour clock shows them: `09:00`, `24:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
