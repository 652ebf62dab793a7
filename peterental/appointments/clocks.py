"""Which time of day is meant: a clock without its half, a part of the day, hours after or between others. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from peterental.appointments.meaning import Context
from peterental.appointments.model import Hours, Part
from peterental.appointments.words import Clock, Said, understood

NOON_HOUR = 12

_EDGE = re.compile(
    r"(?:any\s?time\s+)?(?P<way>after|from|before|until|till|by)\s+(?P<clock>.+?)(?:\s+(?:on|onwards?|or\s+later|or\s+earlier))?",
    re.IGNORECASE,
)
_DASH = re.compile(r"\s*[-\N{EN DASH}\N{EM DASH}]\s*")
_BETWEEN = re.compile(r"(?:between|from)\s+(?P<first>.+?)\s+(?:and|to|until|till)\s+(?P<last>.+)", re.IGNORECASE)


def read_part(raw: object, context: Context) -> Part | Hours | int | None:
    """Read a `time_of_day`: a part of the day, or minutes after midnight; None where it says neither."""
    if not isinstance(raw, str):
        return None
    hours = read_hours(raw, context)
    if hours is not None:
        return hours
    said = understood(raw)
    if said is None:
        return read_hours(f"from {_DASH.sub(' to ', raw)}", context)
    if said.clocks:
        return _minutes_meant(said, context)
    return Part[said.parts[0].upper()] if said.parts else None


def read_hours(text: str, context: Context) -> Hours | None:
    """Read "after 3 pm", "before noon", "between two and four"; None for anything else."""
    both = _BETWEEN.fullmatch(text.strip())
    if both is not None:
        from_min, until_min = _clock_of(both["first"], context), _clock_of(both["last"], context)
        if from_min is None and until_min is not None:  # "between seven and eight pm": the half is said once
            from_min = _clock_of(f"{both['first']} {'am' if until_min <= NOON_HOUR * 60 else 'pm'}", context)
        if from_min is not None and until_min is not None and from_min < until_min:
            return Hours(from_min, until_min)
    edge = _EDGE.fullmatch(text.strip())
    minutes = None if edge is None else _clock_of(edge["clock"], context)
    if edge is None or minutes is None:
        return None
    return Hours(from_min=minutes) if edge["way"].casefold() in {"after", "from"} else Hours(until_min=minutes)


def _clock_of(text: str, context: Context) -> int | None:
    said = understood(text)
    if said is None or len(said.clocks) != 1 or said.names_a_day or not is_possible(said.clocks[0], said.parts):
        return None
    return _minutes_meant(said, context)


def _minutes_meant(said: Said, context: Context) -> int | None:
    minutes = minutes_of(said.clocks[0], said.parts)
    return minutes if minutes is not None else likely_minutes(said.clocks[0], context, context.today)


def is_possible(clock: Clock, parts: Sequence[str]) -> bool:
    """Tell whether a clock may show that, and goes with the parts of the day said with it."""
    if clock.hour > 23 or clock.minute > 59:  # noqa: PLR2004 - as clocks have it
        return False
    if clock.half is not None and clock.hour > NOON_HOUR:
        return clock.half == "pm"
    if clock.half is not None and clock.hour == 0:
        return clock.half == "am"
    if parts and clock.half is not None:
        return (clock.half == "am") == (parts[0] == "morning")
    return True


def minutes_of(clock: Clock, parts: Sequence[str]) -> int | None:
    """Give minutes after midnight where the half of the day is certain."""
    hour = clock.hour
    if clock.sure or hour == 0 or hour > NOON_HOUR:
        return hour * 60 + clock.minute
    half = clock.half
    if half is None and parts and hour < NOON_HOUR:
        half = "am" if parts[0] == "morning" else "pm"
    if half is None and parts and hour == NOON_HOUR and parts[0] == "afternoon":
        half = "pm"
    if half is None:
        return None
    return (hour % NOON_HOUR + (NOON_HOUR if half == "pm" else 0)) * 60 + clock.minute


def likely_minutes(clock: Clock, context: Context, day: date) -> int | None:
    """Give the one half of the day in which the agent works on that day at that hour; None where it is both or neither.

    "Tuesday at two" is two in the afternoon for whoever works from nine to five: the other two cannot be booked.
    """
    windows = context.rules.windows_on(day) or tuple(window for _, window in context.rules.week)
    either = (clock.hour % NOON_HOUR * 60 + clock.minute, (clock.hour % NOON_HOUR + NOON_HOUR) * 60 + clock.minute)
    open_at = [minutes for minutes in either if any(w.opens_min <= minutes < w.closes_min for w in windows)]
    return open_at[0] if len(open_at) == 1 else None
