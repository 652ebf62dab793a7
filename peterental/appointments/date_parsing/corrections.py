"""Corrections: "Tuesday, no, Wednesday at 4" is Wednesday at four. What is not said again stays as it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from peterental.appointments.date_parsing.expressions import CalendarDate, Clock, DayExpression, Weekday
from peterental.appointments.date_parsing.phrase_model import Phrase


def corrected(first: Phrase, second: Phrase) -> Phrase:
    """Return the later of two phrases, completed by what only the earlier one says."""
    unknown = (*first.unknown, *second.unknown)
    if second.is_empty:
        return replace(first, unknown=unknown, flags=first.flags | second.flags)
    is_timed = bool(second.clocks or second.bare or second.windows or second.instants)
    if is_timed:
        clocks, bare, windows = _with_meridiem(second.clocks, first.clocks), second.bare, second.windows
        parts = second.parts or (first.parts if second.clocks else ())
    elif second.parts:
        clocks, bare, windows = tuple(replace(clock, meridiem=None) for clock in first.clocks), first.bare, ()
        parts = second.parts
    else:
        clocks, bare, windows, parts = first.clocks, first.bare, first.windows, first.parts
    says_when = bool(second.days or second.names_time or second.instants)
    return replace(
        second,
        days=_with_month(second.days, first.days) if second.days else () if second.instants else first.days,
        clocks=clocks,
        bare=bare,
        parts=parts,
        windows=windows,
        excluded=(*first.excluded, *second.excluded),
        instants=second.instants or (() if says_when else first.instants),
        shifts=second.shifts or (() if says_when else first.shifts),
        picks=second.picks or (() if says_when else first.picks),
        zones=second.zones or first.zones,
        flags=second.flags | (first.flags - {"NOT"}),
        unknown=unknown,
    )


def _with_meridiem(clocks: Sequence[Clock], before: Sequence[Clock]) -> tuple[Clock, ...]:
    """Return clock times with the half of the day that the corrected one had: "3 pm, no, 4" is four PM."""
    meridiems = {clock.meridiem for clock in before}
    if len(meridiems) != 1:
        return tuple(clocks)
    half = min(meridiems, key=str)
    return tuple(clock if clock.meridiem or clock.is_24h else replace(clock, meridiem=half) for clock in clocks)


def _with_month(days: Sequence[DayExpression], before: Sequence[DayExpression]) -> tuple[DayExpression, ...]:
    """Return days with the month, or the "next", that the corrected one had: "January 5th, no, 6th"."""
    return tuple(_completed(day, before) for day in days)


def _completed(day: DayExpression, before: Sequence[DayExpression]) -> DayExpression:
    if isinstance(day, CalendarDate) and day.month is None and day.months_ahead is None:
        dated = [old for old in before if isinstance(old, CalendarDate) and not old.is_swappable]
        return (
            replace(day, month=dated[0].month, year=dated[0].year, months_ahead=dated[0].months_ahead) if dated else day
        )
    if isinstance(day, Weekday) and not day.which and not day.weeks:
        named = [old for old in before if isinstance(old, Weekday)]
        return replace(day, which=named[0].which, weeks=named[0].weeks) if named else day
    return day
