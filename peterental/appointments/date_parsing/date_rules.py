"""Rules for dates and holidays. They run before the clock rules, so that "December 8 10 pm" is no 8:10."""

from __future__ import annotations

from peterental.appointments.date_parsing.expressions import (
    CalendarDate,
    HolidayDay,
    NthWeekday,
    Portion,
    ShiftedDay,
    Span,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import NumericDate, Token

YEARS = range(1900, 3000)
"""Years that are read; at the ends of the calendar, time zones overflow."""

LAST_DAY_OF_MONTH = 31
MONTHS = 12

PORTIONS: dict[str, Portion] = {
    "EARLY": "early", "LATE": "late", "LATER": "late", "MID": "mid", "BEGIN": "start", "END": "end",
}  # fmt: skip
"""Which part of a month or week a word names."""

dates = RuleSet()


@dates.rule(
    "DAY",
    "(ON|IN)? n=(ORD|WHICH|FROM_END) wday=(WDAY|WEEKDAYS) (OF|IN) mon=MONTH OF? y=NUM",
    "(ON|IN)? n=(ORD|WHICH|FROM_END) wday=(WDAY|WEEKDAYS) (OF|IN) mon=MONTH",
    "ON? n=(ORD|WHICH|FROM_END) wday=(WDAY|WEEKDAYS) (OF|IN) which=WHICH unit=UNIT",
    "ON? n=(ORD|WHICH|FROM_END) wday=(WDAY|WEEKDAYS) OF unit=UNIT",
)
def _nth_weekday(found: RuleMatch) -> NthWeekday | None:
    """Read "the third Thursday of December", "the last weekday of the month" and "the second to last Friday of May"."""
    nth = found.number("n") or (-1 if found.value("n") == "last" else 0)
    if not nth or nth > 5 or ("unit" in found.names and found.value("unit") != "month"):  # noqa: PLR2004 - weeks of a month
        return None
    year = found.number("y") if "y" in found.names else None
    if year is not None and year not in YEARS:
        return None
    ahead = int(found.value("which") == "next") if "which" in found.names else 0 if "unit" in found.names else None
    return NthWeekday(nth, found.number("wday"), found.number("mon") if "mon" in found.names else None, year, ahead)


@dates.rule(
    "DAY",
    "ON? n=ORD wday=WDAY",
)
def _nth_weekday_of_some_month(found: RuleMatch) -> NthWeekday | None:
    nth = found.number("n")
    return NthWeekday(nth, found.number("wday")) if nth <= 5 else None  # noqa: PLR2004 - weeks of a month


@dates.rule(
    "DAY",
    "ON? which=WHICH day=UNIT (OF|IN) mon=MONTH",
    "ON? which=WHICH day=UNIT (OF|IN) this=WHICH unit=UNIT",
    "ON? which=WHICH day=UNIT OF unit=UNIT",
)
def _last_day_of_month(found: RuleMatch) -> ShiftedDay | None:
    """Read "the last day of the month": the day before the first of the next one."""
    is_month = "mon" in found.names or found.value("unit") == "month"
    if found.value("which") != "last" or found.value("day") != "day" or not is_month:
        return None
    if "mon" in found.names:
        return ShiftedDay(CalendarDate(1, found.number("mon") % MONTHS + 1), -1)
    this = found.value("this") if "this" in found.names else "this"
    return ShiftedDay(CalendarDate(1, months_ahead=1 if this == "this" else 2), -1) if this != "last" else None


@dates.rule(
    "DAY",
    "(ON|IN|BY)? part=(EARLY|LATE|MID|BEGIN|END) (OF|IN)? mon=MONTH",
    "IN mon=MONTH",
    "n=ORD unit=UNIT (OF|IN) mon=MONTH",
)
def _part_of_month(found: RuleMatch) -> Span | None:
    if found.after is not None and found.after.kind in {"NUM", "ORD"}:
        return None
    if "n" in found.names:
        nth = found.number("n")
        is_week = found.value("unit") == "week" and nth <= 4  # noqa: PLR2004 - weeks of a month
        return Span("month", month=found.number("mon"), length=nth) if is_week else None
    portion = PORTIONS[found.token("part").kind] if "part" in found.names else ""
    return Span("month", month=found.number("mon"), portion=portion)


def _date(found: RuleMatch) -> CalendarDate | None:
    day, token = found.number("d"), found.token("d")
    if not 0 < day <= LAST_DAY_OF_MONTH or (token.text.isdigit() and len(token.text) > 2):  # noqa: PLR2004 - 1430
        return None
    year = found.number("y") if "y" in found.names else None
    if year is not None and year not in YEARS:
        return None
    return CalendarDate(day, found.number("mon"), year)


@dates.rule(
    "DAY",
    "ON? d=(ORD|NUM) (OF|IN|DASH)? mon=MONTH (OF|DASH)? y=NUM",
    "ON? d=(ORD|NUM) (OF|IN|DASH)? mon=MONTH",
    "ON? mon=MONTH (ON|DASH)? d=(ORD|NUM) DASH? y=NUM",
)
def _day_and_month(found: RuleMatch) -> CalendarDate | None:
    return _date(found)


@dates.rule(
    "DAY",
    "(ON|IN)? mon=MONTH (ON|DASH)? d=ORD",
    "(ON|IN)? mon=MONTH DASH? d=NUM",
)
def _month_and_day(found: RuleMatch) -> CalendarDate | None:
    after = found.after
    is_hour = found.token("d").kind == "NUM" and after is not None and after.kind in {"MER", "OCLOCK", "ISH"}
    return None if is_hour else _date(found)


@dates.rule("DAY", "unit=UNIT d=(NUM|ORD)")
def _numbered_day(found: RuleMatch) -> CalendarDate | None:
    """Read the Spanish "el día cinco"."""
    is_day = found.first.text == "dia" and 0 < found.number("d") <= LAST_DAY_OF_MONTH
    return CalendarDate(found.number("d")) if is_day else None


@dates.rule("DAY", "unit=UNIT day=(WDAY|DAY)")
def _day_named_twice(found: RuleMatch) -> list[Token] | None:
    """Read the Spanish "el día viernes" and "el día 2 de noviembre"."""
    return [found.token("day")] if found.first.text == "dia" else None


@dates.rule(
    "DAY",
    "ON? date=DATE",
)
def _iso_date(found: RuleMatch) -> CalendarDate | None:
    value = found.value("date")
    if not isinstance(value, tuple) or value[0] not in YEARS:
        return None
    return CalendarDate(value[2], value[1], value[0])


@dates.rule(
    "DAY",
    "ON? date=NDATE",
)
def _numeric_date(found: RuleMatch) -> CalendarDate | None:
    value = found.value("date")
    if found.after is not None and found.after.kind == "UNIT":
        return None
    if not isinstance(value, NumericDate) or (value.year is not None and value.year not in YEARS):
        return None
    return CalendarDate(value.second, value.first, value.year, is_swappable=True)


@dates.rule(
    "DAY",
    "(ON|IN)? which=WHICH unit=UNIT ON? d=(ORD|NUM)",
    "ON? d=(ORD|NUM) (OF|IN) which=WHICH unit=UNIT",
    "ON? d=ORD which=WHICH unit=UNIT",
    "ON? d=ORD OF unit=UNIT",
    "ON? d=(ORD|NUM) OF unit=UNIT coming=THAT_COMES",
)
def _day_of_relative_month(found: RuleMatch) -> CalendarDate | None:
    day = found.number("d")
    if found.value("unit") != "month" or not 0 < day <= LAST_DAY_OF_MONTH:
        return None
    if "coming" in found.names:
        return CalendarDate(day, months_ahead=1)
    if "which" not in found.names:
        return CalendarDate(day)
    which = found.value("which")
    if which not in {"this", "next", "coming"}:
        return None
    return CalendarDate(day, months_ahead=0 if which == "this" else 1)


@dates.rule(
    "DAY",
    "ON? (WHICH)? name=HOLIDAY (OF|IN)? y=NUM",
    "(ON|AT)? which=WHICH? name=HOLIDAY",
)
def _holiday(found: RuleMatch) -> HolidayDay | None:
    if "y" not in found.names:
        return None if found.value("which") == "last" else HolidayDay(found.word("name"))
    return HolidayDay(found.word("name"), found.number("y")) if found.number("y") in YEARS else None
