"""The caller's own lines: which day and which time of day they named last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TypeGuard

from peterental.appointments.date_parsing.context import DAY_MINUTES, Context, Language
from peterental.appointments.date_parsing.day_agreement import nearest_weekday
from peterental.appointments.date_parsing.expressions import (
    AheadDays,
    CalendarDate,
    Clock,
    DayExpression,
    DayPart,
    Pick,
    Span,
    TimeWindow,
    Weekday,
)
from peterental.appointments.date_parsing.offers import by_place, chosen
from peterental.appointments.date_parsing.other_events import (
    changes_something,
    conclusion,
    is_about_another_event,
)
from peterental.appointments.date_parsing.phrase import ParsedText, parse_text
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.places import placed
from peterental.appointments.date_parsing.result import ExactTime, Option, Search
from peterental.appointments.date_parsing.searching import search_for
from peterental.appointments.date_parsing.times import clock_readings, halves
from peterental.appointments.date_parsing.tokens import LONGEST_PHRASE

_REFUSALS = frozenset(("no", "nope"))
_MOST_CHOICES = 3
_HALF_A_YEAR = timedelta(days=183)
LINES_READ = 8
"""How many of the latest lines are read; what was said before them is settled or forgotten."""


class CallerLines:
    """What the caller said, read from the latest line back, and only as far as it is needed.

    Args:
        context: its `said` returns the lines, oldest first.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def lines(self) -> tuple[ParsedText, ...]:
        """The latest lines, the latest first."""
        return tuple(_parsed(text, self._context.language) for text in self._texts)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        said = [line for line in self._context.said() if isinstance(line, str)]
        return tuple(line[-LONGEST_PHRASE:] for line in reversed(said[-LINES_READ:]))

    @cached_property
    def _told(self) -> tuple[ParsedText, ...]:
        """The lines without those about something else: "I called yesterday at five", "my lease ends on Friday"."""
        return tuple(line for _, line in self._told_texts)

    @cached_property
    def _told_texts(self) -> tuple[tuple[str, ParsedText], ...]:
        return tuple(
            (text, line)
            for text, line in zip(self._texts, self.lines, strict=True)
            if all(phrase.is_empty for phrase in line.alternatives)
            or not (self._is_about_past(line) or is_about_another_event(text))
        )

    def _is_about_past(self, line: ParsedText) -> bool:
        days = _days_of(line)
        return bool(days) and all(map(self._is_past, days))

    def _is_past(self, day: DayExpression) -> bool:
        """Return whether a day is past, or would come again only after more than half a year: "in October"."""
        if isinstance(day, AheadDays):
            return day.days < 0
        if isinstance(day, Weekday):
            return day.which == "last"
        ranges = [range_ for reading in placed(day, self._context) for range_ in reading.days]
        if not ranges:
            return False
        today = self._context.today
        has_year = getattr(day, "year", None) is not None
        is_far = not has_year and min(ranges).first - today > _HALF_A_YEAR
        return is_far or max(range_.last for range_ in ranges) < today

    @property
    def last(self) -> ParsedText | None:
        """The latest line."""
        return self.lines[0] if self.lines else None

    def day_agrees(self, day: date) -> bool | None:
        """Return whether the day named last is `day`; None where no line names a day."""
        found = self._last_days
        if found is None:  # a number contradicts a date; alone it does not settle a year
            return (
                False if self._last_dates and not any(self._means(date_, day) for date_ in self._last_dates) else None
            )
        days, excluded = found
        if self._changed_dates and not any(self._means(date_, day) for date_ in self._changed_dates):
            return False
        if any(self._means(expression, day) for expression in excluded):
            return False
        numbers = self._last_numbers
        return (not days or any(self._means(expression, day) for expression in days)) and (
            not numbers or any(self._means(number, day) for number in numbers)
        )

    def other_day(self, day: date) -> date:
        """Return the day that the caller's line names instead of `day`."""
        days, _ = self._last_days or (self._last_dates, ())
        for expression in (*self._changed_dates, *self._last_numbers, *days):
            if isinstance(expression, Weekday) and not _is_of_one_week(expression):
                return nearest_weekday(day, expression.weekday, self._context)
            found = next(
                (reading.day for reading in placed(expression, self._context) if reading.day is not None), None
            )
            if found is not None:
                return found
        return day

    @property
    def refuses(self) -> bool:
        """Whether the caller's latest line begins with a plain no."""
        return self.last is not None and bool(self.last.tokens) and self.last.tokens[0].text in _REFUSALS

    def agreed_since(self) -> bool:
        """Return whether the caller said yes, or chose, after the line that names a day."""
        for line in self._told:
            if _days_of(line):
                return False
            if any("YES" in phrase.flags or phrase.picks or phrase.names_time for phrase in line.alternatives):
                return True
        return False

    def names_minutes(self, minutes: int) -> bool | None:
        """Return whether the time of day named last may be `minutes` after midnight; None where none was named."""
        for line in self._told:
            readings = [reading for clock, phrase in _clocks_of(line) for reading in halves(clock, phrase.parts)]
            if readings:
                return any(reading.minutes == minutes for reading in readings)
        return None

    @cached_property
    def last_phrase(self) -> Phrase | None:
        """What the latest line about a time says; None where it has alternatives, or there is none."""
        line = next((line for line in self._told if not all(phrase.is_empty for phrase in line.alternatives)), None)
        return line.alternatives[0] if line is not None and len(line.alternatives) == 1 else None

    def chosen_start(self) -> datetime | None:
        """Return the offered time that the caller's last words choose: "the second one", "nine", "the earliest".

        None for any other words.
        """
        phrase, context = self.last_phrase, self._context
        if phrase is None or not context.offered_last or not all(map(_is_number, phrase.days)):
            return None
        if phrase == Phrase(flags=phrase.flags) and "ASAP" in phrase.flags:
            return min(context.last_offer)
        clocks = (*phrase.clocks, *phrase.bare)
        said = replace(phrase, picks=(), days=(), clocks=(), bare=(), parts=(), flags=phrase.flags & {"NOT"})
        if said != Phrase() or any(clock.approximate for clock in clocks):
            return None
        found = chosen(phrase, context)
        is_offered = isinstance(found, ExactTime) and found.start in context.last_offer
        return found.start if isinstance(found, ExactTime) and is_offered else None

    def offers_left(self) -> tuple[datetime, ...] | None:
        """Return what the caller's last words leave of the offer: "not the last one"; None for any other words."""
        phrase, context = self.last_phrase, self._context
        if phrase is None or not context.offered_last or phrase != Phrase(excluded=phrase.excluded, flags=phrase.flags):
            return None
        gone = {by_place(found, context.last_offer) for found in phrase.excluded if isinstance(found, Pick)}
        return tuple(start for start in context.last_offer if start not in gone) if gone else None

    def changed_option(self, option: Option) -> Option | None:
        """Return the day and time by the caller's last words, relative to the booking: "an hour later", "same time".

        None for any other words, and where they leave open which way is meant.

        Args:
            option: what was sent; its day counts for "same time Friday".
        """
        phrase, current = self.last_phrase, self._context.current
        if phrase is None or current is None:
            return None
        day, minutes = self._context.local(current.start)
        if phrase.flags & {"SAME_TIME"} and not (phrase.names_time or phrase.shifts or phrase.unknown):
            return Option(option.day, minutes)
        if len(phrase.shifts) != 1 or phrase != Phrase(shifts=phrase.shifts, flags=phrase.flags - {"NOT"}):
            return None
        shift = phrase.shifts[0]
        days, minutes = divmod(minutes + shift.minutes, DAY_MINUTES)
        return None if shift.is_doubtful else Option(day + timedelta(days=shift.days + days), minutes)

    def other_minutes(self, day: date, minutes: int) -> int | None:
        """Return the time of day that the caller's last words about a time name instead of `minutes` on `day`.

        None where they may mean `minutes`, and where they do not name one time of day, with or without a day, and
        nothing else. A number alone ("four") may answer another question.
        """
        for text, line in self._told_texts:
            if all(phrase.is_empty for phrase in line.alternatives):
                continue
            phrase = _with_hour(line.alternatives[0], day)
            if len(line.alternatives) > 1 or len(phrase.clocks) != 1:
                return None
            excluded = tuple(found for found in phrase.excluded if not isinstance(found, Clock))
            flags = phrase.flags - {"ANY", "YES"}
            if replace(phrase, days=(), clocks=(), parts=(), excluded=excluded, flags=flags) != Phrase():
                return None
            if not (phrase.days or _says_a_time(line) or changes_something(text)):
                return None
            clock = phrase.clocks[0]
            if clock.approximate or any(found.minutes == minutes for found in halves(clock, phrase.parts)):
                return None
            readings = clock_readings(clock, phrase.parts, self._context, day)
            return readings[0].minutes if len(readings) == 1 else None
        return None

    def other_limits(self, minutes: int) -> Search | None:
        """Return the limits of the time of day in the caller's last words about a time that leave `minutes` out.

        "Friday afternoon", "not before three". None where they leave it in, and where those words say more.
        """
        phrase = self.last_phrase
        if phrase is None or not (phrase.parts or phrase.windows or phrase.excluded):
            return None
        excluded = tuple(found for found in phrase.excluded if isinstance(found, DayPart | TimeWindow | Clock))
        limits = Phrase(parts=phrase.parts, windows=phrase.windows, excluded=excluded)
        said = replace(phrase, days=(), excluded=excluded, flags=phrase.flags - {"ANY", "YES", "NOT"})
        if said != limits or limits == Phrase():
            return None
        search = search_for(limits, (), self._context)
        return search if search is not None and not search.allows_minutes(minutes) else None

    @cached_property
    def _last_days(self) -> tuple[tuple[DayExpression, ...], tuple[DayExpression, ...]] | None:
        for line in self._told:
            days = tuple(day for day in _days_of(line) if not self._is_past(day))
            days = tuple(day for day in days if not self._is_of_booking(day, line)) or days
            excluded = tuple(
                found for phrase in line.alternatives for found in phrase.excluded if isinstance(found, DayExpression)
            )
            if days or excluded:
                return days, excluded
        return None

    def _is_of_booking(self, day: DayExpression, line: ParsedText) -> bool:
        """Return whether a day says which booking is moved: Tuesday in "move my Tuesday one to Thursday"."""
        current = self._context.current
        names = {pick.named_by for phrase in line.alternatives for pick in phrase.picks}
        return current is not None and day in names and self._means(day, self._context.local(current.start)[0])

    @cached_property
    def _last_numbers(self) -> tuple[CalendarDate, ...]:
        """The days of the month that were named beside a weekday in the last line about days: "Friday the fourth"."""
        line = next((line for line in self._told if _days_of(line)), None)
        phrases = line.alternatives if line is not None else ()
        return tuple(
            day
            for phrase in phrases
            for day in phrase.days
            if _is_number(day) and any(isinstance(found, Weekday) for found in phrase.days)
        )

    @cached_property
    def _last_dates(self) -> tuple[DayExpression, ...]:
        return next(filter(None, map(self._dates_in, self._told)), ())

    @cached_property
    def _changed_dates(self) -> tuple[DayExpression, ...]:
        """The day of "make it the fourth", said after a day was named."""
        for text, line in zip(self._texts, self.lines, strict=True):
            if _days_of(line):
                return ()
            dates = self._dates_in(line)
            if dates:
                return dates if changes_something(text) else ()
        return ()

    def _dates_in(self, line: ParsedText) -> tuple[DayExpression, ...]:
        """Return the day of "the fifth at three", which is no choice where nothing was offered."""
        if self._context.offered:
            return ()
        return tuple(
            day
            for phrase in line.alternatives
            for day in phrase.days
            if isinstance(day, CalendarDate) and not day.is_vague and (phrase.clocks or _is_only_a_day(phrase, day))
        )

    def other_week(self, day: date) -> date | None:
        """Return another day that the weekday in the caller's words may be, where that is not settled.

        "Friday" is the coming one and no later one; "next Friday" may be either. None where anything else was said
        about days (a week, a date, another weekday), and where the caller agreed since.
        """
        found = {
            expression
            for line in self._told
            for phrase in line.alternatives
            for expression in (*phrase.days, *phrase.excluded)
        }
        only = found.pop() if len(found) == 1 else None
        if not isinstance(only, Weekday) or only.weeks or only.is_plural or only.weekday != day.isoweekday():
            return None
        days = [reading.day for reading in placed(only, self._context) if reading.day is not None]
        if only.which == "next":
            others = [other for other in days if other != day] if day in days and not self.agreed_since() else []
        else:
            others = days if only.which in {"", "this", "coming"} and day not in days else []
        return min(others, default=None)

    def _means(self, expression: DayExpression, day: date) -> bool:
        if isinstance(expression, Weekday) and not _is_of_one_week(expression):
            return expression.weekday == day.isoweekday()
        if isinstance(expression, CalendarDate) and expression.month is None and expression.months_ahead is None:
            return expression.day == day.day
        context = self._context
        is_past_midnight = context.local_now.hour < 1
        days = (day, day + timedelta(days=1)) if is_past_midnight else (day,)
        return any(reading.contains(found) for reading in placed(expression, context) for found in days)


@lru_cache(maxsize=512)
def _parsed(text: str, language: Language) -> ParsedText:
    """Read a line; of "the dentist is on Thursday, so Friday" only the conclusion, if it names a day or a time."""
    concluded = conclusion(text)
    if concluded != text:
        found = parse_text(concluded, language)
        if any(phrase.days or phrase.names_time for phrase in found.alternatives):
            return found
    return parse_text(text, language)


def _is_only_a_day(phrase: Phrase, day: CalendarDate) -> bool:
    """Return whether "the fourth" was said alone; "the second" may be one of two homes."""
    return day.day > _MOST_CHOICES and phrase == Phrase(days=phrase.days, flags=phrase.flags)


def _is_of_one_week(weekday: Weekday) -> bool:
    """Return whether a weekday is that of a certain week: "a week from Friday", "Friday next week"."""
    return bool(weekday.weeks) or weekday.which in {"next week", "this week"}


def _days_of(line: ParsedText) -> tuple[DayExpression, ...]:
    """Return the days that a line names; a bare "the third" may be a choice from an offer, and does not count alone."""
    found = tuple(day for phrase in line.alternatives for day in phrase.days if not _is_vague(day))
    return tuple(day for day in found if not (isinstance(day, CalendarDate) and day.month is None))


def _is_number(day: DayExpression) -> TypeGuard[CalendarDate]:
    """Return whether a day is only a day of the month."""
    if not isinstance(day, CalendarDate) or day.is_vague:
        return False
    return day.month is None and day.months_ahead is None


_HOUR_DIGITS = 2
_TIME_KINDS = frozenset(("AT", "OCLOCK", "MER", "HM", "NOON", "CORRECTION"))


def _with_hour(phrase: Phrase, day: date) -> Phrase:
    """Return "Thursday four" with an hour, where it is not the day of the month."""
    is_hour = phrase.days and len(phrase.bare) == 1 and not phrase.clocks and phrase.bare[0].hour != day.day
    return replace(phrase, clocks=phrase.bare, bare=()) if is_hour else phrase


def _says_a_time(line: ParsedText) -> bool:
    """Return whether a line that names no day names a time for sure: "at four", "four thirty", "actually, four".

    "At 1420" may be a house.
    """
    if any(token.kind == "NUM" and token.text.isdigit() and len(token.text) > _HOUR_DIGITS for token in line.tokens):
        return False
    phrase = line.alternatives[0]
    is_contrast = any(isinstance(found, Clock) for found in phrase.excluded)  # "four instead of two"
    is_exact = is_contrast or bool(phrase.parts) or any(clock.minute for clock in phrase.clocks)
    return is_exact or any(token.kind in _TIME_KINDS for token in line.tokens)


def _is_vague(day: DayExpression) -> bool:
    return isinstance(day, Span) and day.unit in {"horizon", "days", "weekdays"}


def _clocks_of(line: ParsedText) -> Iterator[tuple[Clock, Phrase]]:
    for phrase in line.alternatives:
        for clock in (*phrase.clocks, *phrase.bare):
            yield clock, phrase
