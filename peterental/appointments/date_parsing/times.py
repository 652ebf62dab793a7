"""Times of day in minutes after midnight: which half of the day is meant, what parts and limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from peterental.appointments.date_parsing.context import DAY_MINUTES, Context
from peterental.appointments.date_parsing.expressions import Clock, DayPart, TimeWindow
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.result import MinuteRange

NOON_MIN = 12 * 60
HALF_DAY = 12
SMALL_HOURS_END = 6
END_OF_DAY_MIN = 3 * 60
"""How long before closing the end of the day begins."""

_RANGES: dict[str, tuple[int, int]] = {
    "am": (0, 720),
    "pm": (720, 1440),
    "morning": (0, 720),
    "early morning": (0, 600),
    "mid morning": (540, 661),
    "late morning": (600, 720),
    "first thing": (0, 720),
    "before work": (0, 570),
    "before lunch": (540, 720),
    "midday": (660, 840),
    "lunchtime": (720, 810),
    "after lunch": (780, 1020),
    "afternoon": (720, 1020),
    "early afternoon": (720, 900),
    "mid afternoon": (840, 961),
    "late afternoon": (900, 1080),
    "after school": (900, 1140),
    "after work": (1020, 1440),
    "evening": (1020, 1440),
    "early evening": (1020, 1140),
    "mid evening": (1080, 1200),
    "late evening": (1170, 1440),
    "dinnertime": (1080, 1230),
    "night": (1080, 1440),
    "small hours": (0, 360),
    "daytime": (480, 1080),
    "end of the day": (900, 1440),
    "early": (0, 660),
    "late": (960, 1440),
}
"""Starting times of each part of the day, on the wall clock."""

_CLOCK_LIMITS: dict[str, tuple[int, int]] = {
    "evening": (960, 1440),
    "night": (1080, 1440),
    "lunchtime": (660, 900),
    "midday": (660, 900),
    "afternoon": (720, 1200),
    "after work": (960, 1440),
    "end of the day": (720, 1440),
    "dinnertime": (960, 1380),
    "before work": (0, 720),
    "before lunch": (0, 780),
    "after lunch": (720, 1140),
    "early": (0, 1440),
    "late": (0, 1440),
}
"""Where a clock time said with a part may lie, if that is wider than the part: "three in the evening" is none."""


@dataclass(frozen=True)
class TimeReading:
    """One reading of a time of day, in minutes after midnight, and why it is one."""

    minutes: int
    reason: str


def part_name(part: DayPart) -> str:
    """Return the name of a part of the day: `late afternoon`."""
    full = f"{part.portion} {part.name}".strip()
    return full if full in _RANGES else part.name


def part_range(part: DayPart, context: Context, day: date | None) -> MinuteRange:
    """Return the starting times of a part of the day; its end depends on the working hours."""
    name = part_name(part)
    if name.startswith(("after ", "before ")) and name not in _RANGES:
        way, _, inner = name.partition(" ")
        first, last = _RANGES.get(inner, (0, DAY_MINUTES))
        return MinuteRange(last, DAY_MINUTES) if way == "after" else MinuteRange(0, first)
    if name == "end of the day" and context.windows(day):
        closes = max(window.closes_min for window in context.windows(day))
        return MinuteRange(max(closes - END_OF_DAY_MIN, 0), closes)
    return MinuteRange(*_RANGES.get(name, (0, DAY_MINUTES)))


def _may_lie_in(minutes: int, part: DayPart) -> bool:
    low, high = _CLOCK_LIMITS.get(part.name, _RANGES.get(part.name, (0, DAY_MINUTES)))
    is_deep_night = part.name == "night" and 0 < minutes < SMALL_HOURS_END * 60
    return low <= minutes < high or is_deep_night


def halves(clock: Clock, parts: Sequence[DayPart] = ()) -> tuple[TimeReading, ...]:
    """Return what a clock time may be: two readings where the half of the day is open, none for a contradiction.

    AM, PM and parts of the day win over the shape of the digits ("evening at 06:30").
    """
    hour, minute = clock.hour, clock.minute
    if clock.meridiem is not None:
        is_impossible = hour > HALF_DAY if clock.meridiem == "am" else hour == 0
        if is_impossible:
            return ()
        hour24 = hour if hour > HALF_DAY else hour % HALF_DAY + (HALF_DAY if clock.meridiem == "pm" else 0)
        found = [TimeReading(hour24 * 60 + minute, clock.meridiem.upper())]
    elif hour == 0 or hour > HALF_DAY or (clock.is_24h and not parts):
        found = [TimeReading(hour * 60 + minute, "24-hour clock")]
    else:
        first = hour % HALF_DAY * 60 + minute
        found = [TimeReading(first, "AM is possible"), TimeReading(first + NOON_MIN, "PM is possible")]
    for part in parts:
        found = [
            TimeReading(reading.minutes, f"in the {part_name(part)}")
            for reading in found
            if _may_lie_in(reading.minutes, part)
        ]
    return tuple(found)


def clock_readings(
    clock: Clock, parts: Sequence[DayPart], context: Context, day: date | None
) -> tuple[TimeReading, ...]:
    """Return the readings of a clock time that the agent's working hours leave: one, or both halves of the day.

    Where only one half lies in working hours it is the one; where neither does, the likelier one is returned, so that
    the refusal can name it.
    """
    found = halves(clock, parts)
    both = _both(clock)
    if clock.meridiem is None and clock.hour == HALF_DAY and any(part.name == "morning" for part in parts):
        # "12 in the morning": midnight by the rule, noon by habit.
        return both
    if len(found) == 1 and len(both) > 1:
        is_odd = clock.meridiem is None and _is_odd(found[0].minutes, clock, parts)
        other = next(reading for reading in both if reading.minutes != found[0].minutes)
        if is_odd and not context.is_open(found[0].minutes, day) and context.is_open(other.minutes, day):
            return both
    if len(found) <= 1:
        return found
    return _in_hours(found, context, day)


def _both(clock: Clock) -> tuple[TimeReading, ...]:
    return halves(Clock(clock.hour, clock.minute))


def _is_odd(minutes: int, clock: Clock, parts: Sequence[DayPart]) -> bool:
    """Return whether a reading is so unlikely that its opposite is asked about: two in the morning, 02:30."""
    is_morning = any(part.name in {"morning", "night"} for part in parts)
    return minutes < SMALL_HOURS_END * 60 + 60 and (is_morning or (clock.is_24h and not parts))


def _in_hours(found: tuple[TimeReading, ...], context: Context, day: date | None) -> tuple[TimeReading, ...]:
    inside = [reading for reading in found if context.is_open(reading.minutes, day)]
    if len(inside) > 1:
        inside = [reading for reading in inside if context.fits(reading.minutes, day)] or inside
    if len(inside) == 1:
        return (TimeReading(inside[0].minutes, "only this half lies in working hours"),)
    if inside or not context.windows(day):
        return found
    nearest = min(reversed(found), key=lambda reading: _distance(reading.minutes, context, day))
    return (TimeReading(nearest.minutes, "neither half lies in working hours; this one is nearer"),)


def _distance(minutes: int, context: Context, day: date | None) -> int:
    return min(max(window.opens_min - minutes, minutes - window.closes_min, 0) for window in context.windows(day))


# --- limits ----------------------------------------------------------------------------------------------------------


def window_range(
    window: TimeWindow, parts: Sequence[DayPart], context: Context, day: date | None
) -> MinuteRange | None:
    """Return the starting times between two clock times, or after or before one; None for a contradiction."""
    if window.first is not None and window.last is not None:
        return _between(window.first, window.last, parts, context, day)
    if window.first is not None:
        found = clock_readings(window.first, parts, context, day)
        return MinuteRange(found[0].minutes, DAY_MINUTES) if found else None
    if window.last is None:
        return None
    found = halves(window.last, parts)
    closing = [reading for reading in found if _is_closing(reading.minutes, context, day)]
    found = tuple(closing) or found
    return MinuteRange(0, found[0].minutes + window.has_last) if found else None


def _is_closing(minutes: int, context: Context, day: date | None) -> bool:
    return any(window.opens_min < minutes <= window.closes_min for window in context.windows(day))


def _between(
    first: Clock, last: Clock, parts: Sequence[DayPart], context: Context, day: date | None
) -> MinuteRange | None:
    """Choose the halves of the day: the first before the last, in working hours, as short as possible."""
    pairs = [
        MinuteRange(start.minutes, end.minutes)
        for start in halves(first, parts)
        for end in halves(last, parts)
        if start.minutes < end.minutes
    ]
    if not pairs:
        return None

    def cost(pair: MinuteRange) -> tuple[bool, bool, int]:
        return (
            not context.is_open(pair.from_min, day),
            not _is_closing(pair.until_min, context, day),
            pair.until_min - pair.from_min,
        )

    return min(pairs, key=cost)


def is_the_viewing(window: TimeWindow, range_: MinuteRange, context: Context) -> bool:
    """Return whether "9:30 to 10" names the viewing itself: it is as long as one."""
    length = context.current.minutes if context.current else context.rules.slot_minutes
    return window.is_span and range_.until_min - range_.from_min in {length, context.rules.slot_minutes}


def limits(phrase: Phrase, context: Context, day: date | None) -> tuple[MinuteRange, ...] | None:
    """Return the starting times that a phrase leaves; empty for no limit, None where its limits exclude each other."""
    if not phrase.parts and not phrase.windows:
        return ()
    low, high = 0, DAY_MINUTES
    ranges: list[MinuteRange] = []
    for window in phrase.windows:
        found = window_range(window, phrase.parts, context, day)
        if found is None:
            return None
        ranges.append(found)
    if not phrase.windows:
        ranges += [part_range(part, context, day) for part in phrase.parts]
    for range_ in ranges:
        low, high = max(low, range_.from_min), min(high, range_.until_min)
    return (MinuteRange(low, high),) if low < high else None
