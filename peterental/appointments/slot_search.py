"""Find the free times that a caller's search allows, and the nearest ones where it allows none. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from peterental.appointments.availability import MAX_OFFERED
from peterental.appointments.closed_days import closed_days
from peterental.appointments.date_parsing import (
    Clarification,
    ConfirmDay,
    DayRange,
    MinuteRange,
    Option,
    Search,
    TimeNeeded,
    WhichTime,
)
from peterental.appointments.model import NoneAvailable, TooFar
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.appointments.availability import Availability

NOON_MIN = 12 * 60
DAY_MIN = 24 * 60


def find_times(availability: Availability, search: Search) -> tuple[datetime, ...]:
    """Return up to three free times inside a search, in UTC, in order.

    At a time of day of one day, and around one, they are the nearest ones of that day; none where a time that was asked
    for exactly is not free. At a time of day of several days they are the first days that have it free; otherwise
    the soonest and others well apart from it.
    """
    if search.clock_min is None:
        return availability.pick_diverse(_allowed(availability, search))
    day = search.day
    if day is not None:
        around = _around(availability, search, day, search.clock_min)
        return around if search.approximate or instant_of(day, search.clock_min, availability.zone) in around else ()
    exact = _at_time_of_day(availability, search, search.clock_min)
    if exact or not search.approximate:
        return exact
    nearest = (_around(availability, search, found, search.clock_min, 1) for found in _days(availability, search))
    return tuple(islice(chain.from_iterable(nearest), MAX_OFFERED))


def none_available(availability: Availability, search: Search, home: str | None) -> NoneAvailable:
    """Return what to say where `find_times` finds nothing. Raise TooFar for days beyond the horizon.

    Args:
        availability: the agent's.
        search: what was asked for.
        home: the address, if one was named.
    """
    around = min((days.first for days in search.days), default=availability.today)
    # A time that the clocks skip is read with the offset before the change.
    wall = datetime.combine(around, time()) + timedelta(minutes=_center(search))
    wanted = wall.replace(tzinfo=availability.zone).astimezone(UTC)
    nearest = availability.nearest(wanted)
    if around > availability.last_day:
        start = wanted if search.day else None
        raise TooFar(nearest, horizon_days=availability.rules.horizon_days, start=start)
    latest, earliest = _edges(availability, search)
    return NoneAvailable(
        home=home,
        search=search,
        nearest=nearest,
        latest=latest,
        earliest=earliest,
        closed=closed_days(availability, search),
    )


def closed_days_asked_about(question: Clarification, availability: Availability) -> Search | None:
    """Return the days that a question about the time is of, if none of them has viewings: it need not be asked."""
    match question:
        case TimeNeeded(search=search):
            days = search.days
        case ConfirmDay(option=Option(day=day)) | WhichTime(day=date() as day):
            days = (DayRange(day, day),)
        case _:
            return None
    search = Search(days=days)
    return search if closed_days(availability, search) is not None else None


def minutes_of_day(start: datetime, availability: Availability) -> int:
    """Return the wall-clock minutes after midnight at which `start` lies."""
    return _wall_clock(start, availability)[1]


def _wall_clock(start: datetime, availability: Availability) -> tuple[date, int]:
    local = start.astimezone(availability.zone)
    return local.date(), local.hour * 60 + local.minute


def _days(availability: Availability, search: Search) -> Iterator[date]:
    return (day for day in availability.days() if search.allows_day(day))


def _allowed(availability: Availability, search: Search) -> Iterator[datetime]:
    free = availability.free(_days(availability, search))
    if search.choices:
        return (start for start in free if search.allows(*_wall_clock(start, availability)))
    if not search.ranges and not search.excluded_ranges:
        return free
    return (start for start in free if search.allows_minutes(minutes_of_day(start, availability)))


def _around(
    availability: Availability, search: Search, day: date, clock_min: int, limit: int = MAX_OFFERED
) -> tuple[datetime, ...]:
    """Return the free times of a day that are nearest to a time of day; none where the clocks skip that."""
    if not search.allows_day(day):
        return ()
    free = [s for s in availability.free_on(day) if search.allows_minutes(minutes_of_day(s, availability))]
    wanted = instant_of(day, clock_min, availability.zone)
    if wanted is None:
        return ()
    return tuple(sorted(sorted(free, key=lambda start: abs(start - wanted))[:limit]))


def _at_time_of_day(availability: Availability, search: Search, clock_min: int) -> tuple[datetime, ...]:
    if not search.allows_minutes(clock_min):
        return ()
    return availability.at_time_of_day(clock_min, _days(availability, search))


def _center(search: Search) -> int:
    """Return the time of day to look around, in minutes after midnight."""
    if search.clock_min is not None:
        return search.clock_min
    if not search.ranges:
        return NOON_MIN
    range_ = search.ranges[0]
    if range_.until_min >= DAY_MIN:
        return range_.from_min
    return range_.until_min if range_.from_min <= 0 else (range_.from_min + range_.until_min) // 2


def _edges(availability: Availability, search: Search) -> tuple[datetime | None, datetime | None]:
    """Return the last free time of the only day if later ones were asked for, and the first if earlier ones were."""
    ranges: tuple[MinuteRange, ...] = search.ranges
    if search.clock_min is not None:
        ranges = (MinuteRange(search.clock_min, search.clock_min + 1),)
    free = availability.free_on(search.day) if search.day is not None else []
    if not free or not ranges:
        return None, None
    first, last = minutes_of_day(free[0], availability), minutes_of_day(free[-1], availability)
    latest = free[-1] if all(range_.from_min > last for range_ in ranges) else None
    return latest, free[0] if all(range_.until_min <= first for range_ in ranges) else None
