"""Dates, times and durations of iCalendar data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from peterental.calendars.icalendar_data.limits import Budget
from peterental.calendars.icalendar_data.text import Value, parameter
from peterental.calendars.icalendar_data.zones import UTC_CLOCK, Clock

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?([Zz])?)?", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_LAST_SECOND = 59

ONE_DAY = timedelta(days=1)


class Unreadable(ValueError):
    """A value is not what RFC 5545 allows there."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time as it was written.

    Args:
        wall: without zone; midnight for a date.
        clock: the clock it is read from.
        is_date: whether it is a date without time.
    """

    wall: datetime
    clock: Clock
    is_date: bool = False

    @property
    def earliest(self) -> datetime:
        """The earliest instant that it can mean, in UTC."""
        return self.clock.instants(self.wall)[0]

    @property
    def latest(self) -> datetime:
        """The latest instant that it can mean, in UTC."""
        return self.clock.instants(self.wall)[1]

    def plus(self, duration: timedelta) -> Moment:
        """Return the moment after a duration. Raises Unreadable if no calendar goes that far."""
        try:
            return Moment(self.wall + duration, self.clock, self.is_date)
        except OverflowError:
            raise Unreadable from None


@dataclass(frozen=True)
class Reader:
    """Reads moments of one VCALENDAR.

    Args:
        clock_of: returns the clock of a TZID.
        floating: the clock of times without zone.
        days: the clock of dates.
        budget: is charged for lists of moments.
    """

    clock_of: Callable[[str], Clock]
    floating: Clock
    days: Clock
    budget: Budget

    def moment(self, value: Value, text: str | None = None) -> Moment:
        """Return a moment. Raises Unreadable.

        Args:
            value: of the property.
            text: one of its values, if it has several.
        """
        wall, is_date, is_utc = parse_time(value.text if text is None else text)
        if is_date:
            return Moment(wall, self.days, is_date=True)
        if is_utc:
            return Moment(wall, UTC_CLOCK)
        name = parameter(value.parameters, "TZID")
        return Moment(wall, self.clock_of(name) if name else self.floating)

    def moments(self, value: Value) -> Iterator[Moment]:
        """Yield the moments of a list, without those that cannot be read."""
        for text in value.text.split(","):
            self.budget.take_value()
            try:
                yield self.moment(value, text.strip().partition("/")[0])
            except Unreadable:
                continue

    def periods(self, value: Value) -> Iterator[tuple[Moment, Moment | None]]:
        """Yield moments with their end, if they are periods."""
        for text in value.text.split(","):
            self.budget.take_value()
            start_text, _, end_text = text.strip().partition("/")
            try:
                start = self.moment(value, start_text)
                yield start, self._period_end(value, start, end_text) if end_text else None
            except Unreadable:
                continue

    def _period_end(self, value: Value, start: Moment, text: str) -> Moment:
        if text[0] in "Pp+-":
            return start.plus(parse_duration(text))
        return self.moment(value, text)


def parse_time(text: str) -> tuple[datetime, bool, bool]:
    """Return a time without zone, whether it is a date, and whether it is in UTC. Raises Unreadable."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise Unreadable
    year, month, day, hour, minute, second, utc = match.groups()
    try:
        if hour is None:
            return datetime(int(year), int(month), int(day)), True, False  # noqa: DTZ001 - a date
        if (hour, minute, second or "00") == ("24", "00", "00"):  # ISO 8601's end of a day, which RFC 5545 lacks
            return datetime(int(year), int(month), int(day)) + ONE_DAY, False, utc is not None  # noqa: DTZ001 - see Moment
        seconds = min(int(second or 0), _LAST_SECOND)  # 60 is a leap second
        wall = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds)  # noqa: DTZ001 - see Moment
    except (ValueError, OverflowError):
        raise Unreadable from None
    return wall, False, utc is not None


def parse_duration(text: str) -> timedelta:
    """Return a duration. Raises Unreadable."""
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise Unreadable
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups()[1:])
    duration = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -duration if match[1] == "-" else duration
