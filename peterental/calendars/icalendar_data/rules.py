"""Rules of repetition: RRULE, expanded within bounds.

dateutil expands a rule until it finds the next time, up to the year 9999, and nothing can stop it. Three
things keep that short. A rule without COUNT starts just before the time of interest. The Gregorian calendar repeats
every 400 years, so every rule is expanded 7,600 years later, where less than 400 years are left to search. And a rule
that dateutil would search second by second is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dateutil import rrule

from peterental.calendars.icalendar_data.limits import Budget
from peterental.calendars.icalendar_data.moments import Unreadable, parse_time
from peterental.calendars.icalendar_data.zones import UTC_CLOCK, Clock

_YEARS_LATER = 7600
_LAST_YEAR = 9999 - _YEARS_LATER
_LONGEST_RULE = 4000
_MAX_INTERVAL = 100_000
_MAX_COUNT = 10_000_000

_FREQUENCIES = {
    "YEARLY": rrule.YEARLY, "MONTHLY": rrule.MONTHLY, "WEEKLY": rrule.WEEKLY, "DAILY": rrule.DAILY,
    "HOURLY": rrule.HOURLY, "MINUTELY": rrule.MINUTELY, "SECONDLY": rrule.SECONDLY,
}  # fmt: skip
_PERIODS = {
    rrule.WEEKLY: timedelta(weeks=1), rrule.DAILY: timedelta(days=1), rrule.HOURLY: timedelta(hours=1),
    rrule.MINUTELY: timedelta(minutes=1), rrule.SECONDLY: timedelta(seconds=1),
}  # fmt: skip
_WEEKDAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), rrule.weekdays, strict=True))
_NUMBERS = {
    "BYSECOND": ("bysecond", 0, 59), "BYMINUTE": ("byminute", 0, 59), "BYHOUR": ("byhour", 0, 23),
    "BYMONTHDAY": ("bymonthday", -31, 31), "BYYEARDAY": ("byyearday", -366, 366), "BYWEEKNO": ("byweekno", -53, 53),
    "BYMONTH": ("bymonth", 1, 12), "BYSETPOS": ("bysetpos", -366, 366),
}  # fmt: skip
_DAY_FILTERS = ("bymonth", "bymonthday", "byyearday", "byweekno", "byweekday")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_LAST_COMMON_DAY = 28


@dataclass(frozen=True)
class Rule:
    """A rule of repetition.

    Args:
        frequency: one of dateutil's.
        interval: every how many periods.
        count: how often, with the first time; None without limit.
        until: the last time, on the clock of the first; None without limit.
        filters: dateutil's by… arguments and `wkst`.
    """

    frequency: int
    interval: int
    count: int | None
    until: datetime | None
    filters: dict[str, Any]

    @property
    def is_too_fine(self) -> bool:
        """Whether dateutil may search it second by second."""
        finer_than_daily = self.frequency > rrule.DAILY
        if self.frequency == rrule.SECONDLY and set(self.filters) - {"wkst"}:
            return True
        return finer_than_daily and "bysetpos" in self.filters

    def times(self, start: datetime, span: tuple[datetime, datetime], budget: Budget) -> Iterator[datetime]:
        """Yield the times of the rule in a span, the start among them.

        Args:
            start: the first time, without zone.
            span: from and to, on the same clock.
            budget: is charged for each, and for what comes before the span.

        Raises:
            CalendarNonsense: a limit is exceeded, or the rule is too fine.
        """
        budget.check_time()
        if self.is_too_fine:
            raise budget.nonsense("an event in it repeats in a way that takes too long to follow")
        first = start if self.count is not None else self._skipped(start, span[0])
        if first > span[1] or first.year > _LAST_YEAR or not self._has_days(first, span[1], budget):
            return
        until = self._until_later()
        try:
            expanded = rrule.rrule(
                self.frequency, _later(first), self.interval, count=self.count, until=until, **self.filters
            )
        except ValueError:  # the filters exclude each other
            return
        for time in expanded:
            budget.take_step()
            earlier = time.replace(year=time.year - _YEARS_LATER)
            if earlier > span[1]:
                return
            if earlier >= span[0]:
                budget.take_instance()
                yield earlier

    def _until_later(self) -> datetime | None:
        return _later(self.until) if self.until is not None and self.until.year <= _LAST_YEAR else None

    def _has_days(self, first: datetime, last: datetime, budget: Budget) -> bool:
        """Return whether a rule finer than daily has any day at all: dateutil would look at every hour of them."""
        days = {name: self.filters[name] for name in _DAY_FILTERS if name in self.filters}
        if self.frequency <= rrule.DAILY or not days:
            return True
        midnight = first.replace(hour=0, minute=0, second=0)
        budget.take_step()
        found = next(iter(rrule.rrule(rrule.DAILY, _later(midnight), **days)), None)
        return found is not None and found <= _later(last) if last.year <= _LAST_YEAR else True

    def _skipped(self, start: datetime, target: datetime) -> datetime:
        """Return a later start from which the same times follow, shortly before a target."""
        if start >= target:
            return start
        period = _PERIODS.get(self.frequency)
        if period is not None:
            step = period * self.interval
            return start + step * ((target - start) // step)
        if start.day > _LAST_COMMON_DAY:
            return start
        months_per_step = self.interval * (12 if self.frequency == rrule.YEARLY else 1)
        months = (target.year - start.year) * 12 + target.month - start.month
        steps = max(months // months_per_step - 1, 0)
        years, month = divmod(start.month - 1 + steps * months_per_step, 12)
        return start.replace(year=start.year + years, month=month + 1)


def parse_rule(text: str, clock: Clock, *, is_date: bool) -> Rule:
    """Return a rule. Raises Unreadable.

    An interval or an end that cannot be read is ignored: without it the rule blocks more, not less.

    Args:
        text: the value of RRULE.
        clock: of the first time.
        is_date: whether the first time is a date.
    """
    if len(text) > _LONGEST_RULE:
        raise Unreadable
    parts: dict[str, str] = {}
    for part in text.strip().strip(";").upper().split(";"):
        name, _, value = part.partition("=")
        parts[name.strip()] = value.strip()
    frequency = _FREQUENCIES.get(parts.get("FREQ", ""))
    if frequency is None or parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise Unreadable
    filters: dict[str, Any] = {
        argument: _numbers(parts[name], low, high)
        for name, (argument, low, high) in _NUMBERS.items()
        if parts.get(name)
    }
    if parts.get("BYDAY"):
        filters["byweekday"] = _weekdays(parts["BYDAY"])
    if parts.get("WKST"):
        filters["wkst"] = _WEEKDAYS.get(parts["WKST"], rrule.MO)
    return Rule(
        frequency=frequency,
        interval=_number_or_none(parts.get("INTERVAL", ""), _MAX_INTERVAL) or 1,
        count=_number_or_none(parts.get("COUNT", ""), _MAX_COUNT),
        until=_until(parts.get("UNTIL", ""), clock, is_date=is_date),
        filters=filters,
    )


def _until(text: str, clock: Clock, *, is_date: bool) -> datetime | None:
    """Return the end of a rule on the clock of its start. A date includes the whole day."""
    try:
        wall, until_is_date, is_utc = parse_time(text)
    except Unreadable:
        return None
    local = clock.wall(UTC_CLOCK.instants(wall)[0]) if is_utc else wall
    if is_date:
        return datetime.combine(max(wall.date(), local.date()), datetime.min.time())
    return wall.replace(hour=23, minute=59, second=59) if until_is_date else local


def _numbers(text: str, low: int, high: int) -> tuple[int, ...]:
    return tuple(sorted({_number(part, low, high) for part in text.split(",")}))


def _number_or_none(text: str, high: int) -> int | None:
    try:
        return _number(text, 1, high)
    except Unreadable:
        return None


def _number(text: str, low: int, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise Unreadable from None
    if not low <= number <= high or (number == 0 and low < 0):
        raise Unreadable
    return number


def _weekdays(text: str) -> tuple[rrule.weekday, ...]:
    days = []
    for part in text.split(","):
        match = _WEEKDAY.fullmatch(part.strip())
        if match is None or (match[1] is not None and int(match[1]) == 0):
            raise Unreadable
        weekday = _WEEKDAYS[match[2]]
        days.append(weekday(int(match[1])) if match[1] else weekday)
    return tuple(days)


def _later(moment: datetime) -> datetime:
    return moment.replace(year=moment.year + _YEARS_LATER)
