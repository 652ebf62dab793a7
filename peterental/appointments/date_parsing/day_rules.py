"""Rules for days relative to today: weekdays, weeks, weekends, spans, shifted days."""

from __future__ import annotations

from dataclasses import replace

from peterental.appointments.date_parsing.date_rules import LAST_DAY_OF_MONTH, PORTIONS
from peterental.appointments.date_parsing.expressions import (
    AheadDays,
    AheadMinutes,
    AheadMonths,
    Around,
    BookedDay,
    CalendarDate,
    DayExpression,
    DaysBetween,
    Duration,
    HolidayDay,
    Portion,
    ShiftedDay,
    Span,
    Weekday,
    WeekdayBeside,
    Which,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.length_rules import COUPLE, DAYS_OF_UNIT, FEW
from peterental.appointments.date_parsing.tokens import Token

_WHICH: dict[object, Which] = {"this": "this", "next": "next", "coming": "coming", "last": "last"}

_DAYS_AFTER = {"week": 7, "wk": 7, "semana": 7, "fortnight": 14, "quincena": 14}
"""Units that may follow a day on their own: "Tuesday week", "Friday fortnight"."""

_SPANISH_DAYS_AFTER = {8: 7, 15: 14}
"""Spanish counts the first day too: "en ocho" is a week, "en quince" two."""

_SPANISH_IN = frozenset(("en", "dentro de", "de aqui a"))
MOST_WEEKDAYS = 12
"""Larger counts of weekdays from now are not read."""

days = RuleSet()


def _day(value: object) -> DayExpression | None:
    """Return a day; an ordinal is a day of the month."""
    if isinstance(value, int):
        return CalendarDate(value) if 0 < value <= LAST_DAY_OF_MONTH else None
    return value if isinstance(value, DayExpression) else None


def _ahead(length: object) -> AheadDays | AheadMinutes | AheadMonths | None:
    if not isinstance(length, Duration):
        return None
    if length.is_month:
        return AheadMonths(length.days)
    if length.is_short:
        return AheadMinutes(length.minutes + length.days * 24 * 60, length.is_vague)
    return AheadDays(length.days, length.is_vague)


@days.rule("DAY", "n=NUM wday=(WDAYS|WDAY) (HENCE|MORE)", "in=IN n=NUM wday=(WDAYS|WDAY)")
def _counted_weekday(found: RuleMatch) -> Weekday | None:
    """Read "two Fridays from now", "in two Fridays" and "dos viernes más": the second Friday after today."""
    is_one_word = found.token("wday").kind == "WDAY"  # "viernes" is singular and plural
    if "in" in found.names and is_one_word and found.token("in").text not in _SPANISH_IN:
        return None
    count = found.number("n")
    return Weekday(found.number("wday"), "coming", weeks=count - 1) if 0 < count <= MOST_WEEKDAYS else None


@days.rule("DAY", "n=NUM wday=(WDAYS|WDAY) AGO", "AGO n=NUM wday=(WDAYS|WDAY)")
def _counted_weekday_ago(found: RuleMatch) -> Weekday | None:
    """Read "two Fridays ago" and "hace dos viernes", so that the answer names the past day."""
    count = found.number("n")
    return Weekday(found.number("wday"), "last", weeks=1 - count) if 0 < count <= MOST_WEEKDAYS else None


@days.rule(
    "INSTANT",
    "IN about=ABOUT length=DUR HENCE?",
    "IN length=DUR (HENCE|LATER)?",
    "length=DUR HENCE",
)
def _from_now(found: RuleMatch) -> list[Token] | None:
    ahead = _ahead(found.value("length"))
    if ahead is None:
        return None
    if "about" in found.names:
        ahead = replace(ahead, is_vague=True)
    text = f"in {found.token('length').text}"
    return [Token("INSTANT" if isinstance(ahead, AheadMinutes) else "DAY", ahead, text)]


@days.rule("DAY", "n=IDIOM_DAYS")
def _spanish_weeks_from_now(found: RuleMatch) -> AheadDays:
    """Read "en ocho días", which means a week to most and eight days to some, so it is asked about."""
    return AheadDays(found.number("n"), is_vague=True)


@days.rule(
    "INSTANT",
    "NOW",
)
def _now(_: RuleMatch) -> AheadMinutes:
    return AheadMinutes(0)


@days.rule(
    "DAY",
    "WITHIN (WHICH)? length=DUR",
    "IN? which=WHICH length=DUR",
    "WITHIN A? unit=UNIT",
    "(OVER)? which=WHICH few=(COUPLE|FEW) OF? unit=UNIT",
    "IN? which=WHICH n=NUM unit=UNIT",
)
def _within(found: RuleMatch) -> Span | None:
    if "which" in found.names and found.value("which") not in {"next", "coming"}:
        return None
    if "length" in found.names:
        length = found.value("length")
        if not isinstance(length, Duration) or not length.days or length.is_month:
            return None
        return Span("days", length=length.days)
    count = found.number("n") if "n" in found.names else 1
    if "few" in found.names:
        count = COUPLE if found.token("few").kind == "COUPLE" else FEW
    size = DAYS_OF_UNIT.get(found.word("unit"))
    return Span("days", length=count * size) if size else None


@days.rule(
    "DAY",
    "NOT which=WHICH? wday=WDAY next=WHICH one=NUM?",
    "NOT which=WHICH wday=WDAY one=NUM after=AFTER",
    "ON? which=WHICH? wday=WDAY NOT (WHICH NUM|YES|WHICH) NUM? next=WHICH? after=AFTER?",
    "ON? wday=WDAY after=AFTER (WHICH NUM|YES)",
    "NOT which=WHICH wday=WDAY other=OTHER_ONE",
    "ON? which=WHICH wday=WDAY (NOT|CORRECTION) other=OTHER_ONE",
    "ON? which=WHICH wday=WDAY (NOT|CORRECTION) (next=WHICH NUM?|THAT_COMES)",
)
def _weekday_after_the_coming(found: RuleMatch) -> Weekday | None:
    """Read "not this Friday but the next" and "Friday, not this one, the one after"."""
    says_this = "which" not in found.names or found.value("which") in {"this", "coming", None}
    says_next = (
        found.value("next") == "next"
        if "next" in found.names and found.has("next")
        else found.contains("AFTER") or found.contains("OTHER_ONE") or found.contains("THAT_COMES")
    )
    is_week = found.after is not None and found.after.kind in {"UNIT", "WDAY"}
    return Weekday(found.number("wday"), weeks=1) if says_this and says_next and not is_week else None


@days.rule("DAY", "NOT ahead=AHEAD n=DAY_AFTER")
def _day_after_the_named(found: RuleMatch) -> AheadDays:
    """Read "not tomorrow, the day after"."""
    return AheadDays(found.number("ahead") + found.number("n"))


@days.rule(
    "DAY",
    "ON? which=WHICH unit=UNIT (ON|IN|OF)? wday=WDAY",
    "ON? wday=WDAY (OF|IN)? which=WHICH unit=UNIT",
    "ON? wday=WDAY (OF|IN)? unit=UNIT THAT_COMES",
    "unit=UNIT THAT_COMES ON? wday=WDAY",
    "unit=UNIT which=WHICH ON? wday=WDAY",
)
def _weekday_of_week(found: RuleMatch) -> Weekday | None:
    which = found.value("which") if "which" in found.names else "next"
    if found.value("unit") != "week" or which == "last":
        return None
    return Weekday(found.number("wday"), "this week" if which == "this" else "next week")


@days.rule(
    "DAY",
    "ON? wday=WDAY AFTER which=WHICH",
    "wday=WDAY A? unit=UNIT (FROM|AFTER) which=WHICH",
)
def _weekday_after_next(found: RuleMatch) -> Weekday | None:
    if found.value("which") != "next":
        return None
    return Weekday(found.number("wday"), "next", weeks=0 if found.after and found.after.kind == "UNIT" else 1)


@days.rule("DAY", "OF a=WDAY at=AT b=WDAY")
def _spanish_days_between(found: RuleMatch) -> DaysBetween | None:
    """Read "de lunes a viernes" and "del viernes al sábado" before "al sábado" becomes a day."""
    is_spanish = found.first.text in {"de", "del"} and found.token("at").text in {"a", "al"}
    return DaysBetween(Weekday(found.number("a")), Weekday(found.number("b"))) if is_spanish else None


@days.rule(
    "DAY",
    "ON? WHICH which=WHICH wday=WDAY",
    "ON? which=WHICH wday=WDAY",
    "ON? wday=WDAY THAT_COMES",
    "ON? wday=WDAY which=WHICH",
    "(ON|FOR|AT|IN)? wday=WDAY",
    "(ON|FOR|ANY)? wdays=WDAYS",
)
def _weekday(found: RuleMatch) -> Weekday | None:
    if "wdays" in found.names:
        return Weekday(found.number("wdays"), is_plural=True)
    which: Which = _WHICH.get(found.value("which"), "") if "which" in found.names else ""
    if found.pattern_ends_with("WHICH") and found.after is not None and found.after.kind == "UNIT":
        return None
    if found.pattern_ends_with("WHICH") and found.token("which").text == "last":
        return None  # "Friday as your last viewing"
    if "which" not in found.names and found.after is not None and found.after.kind == "THAT_COMES":
        return None
    if found.pattern_ends_with("THAT_COMES"):
        which = "next"
    return Weekday(found.number("wday"), which)


@days.rule("DAY", "which=WHICH")
def _spanish_day_after_tomorrow(found: RuleMatch) -> AheadDays | None:
    """Read "pasado a las tres", which is "pasado mañana" cut short, to be confirmed; "el lunes pasado" is past."""
    is_alone = found.first.text == "pasado" and (found.before is None or found.before.kind not in _NAMES_PERIOD)
    is_timed = found.after is not None and found.after.kind in {"TIME", "PARTDAY"}
    return AheadDays(2, is_vague=True) if is_alone and is_timed else None


_NAMES_PERIOD = frozenset(("DAY", "UNIT", "MONTH", "WEEKEND"))


@days.rule(
    "DAY",
    "(ON|FOR)? ahead=AHEAD",
    "MANANA",
)
def _named_day(found: RuleMatch) -> AheadDays:
    return AheadDays(found.number("ahead")) if "ahead" in found.names else AheadDays(1)


@days.rule(
    "DAY",
    "unit=UNIT AFTER which=WHICH UNIT?",
    "WEEKEND AFTER which=WHICH",
)
def _after_next(found: RuleMatch) -> Span | None:
    unit = found.word("unit") if "unit" in found.names else "weekend"
    return Span(unit, ahead=2) if unit in {"week", "weekend", "month"} and found.value("which") == "next" else None


@days.rule("DAY", "day=DAY unit=UNIT")
def _week_of_holiday(found: RuleMatch) -> Around | None:
    """Read "Christmas week", which is no week after Christmas, as "Tuesday week" is one after Tuesday."""
    day = _day(found.value("day"))
    return Around(day, "week") if isinstance(day, HolidayDay) and found.value("unit") == "week" else None


@days.rule("DAY", "day=DAY WEEKEND")
def _long_weekend(found: RuleMatch) -> Around | None:
    day = _day(found.value("day"))
    return Around(day, "weekend") if isinstance(day, HolidayDay) else None


@days.rule(
    "DAY",
    "(ON|IN|AT|OVER|ANY)? part=(EARLY|LATE|LATER)? which=WHICH? wkend=WEEKEND",
)
def _weekend(found: RuleMatch) -> Span | None:
    which = found.value("which")
    if which == "last":
        return None
    if found.value("wkend") == "plural" or (found.first.kind == "ANY"):
        return Span("weekends")
    if found.after is not None and found.after.kind == "THAT_COMES":
        return Span("weekend")
    return Span("weekend", ahead=int(which == "next"))


@days.rule(
    "DAY",
    "(ON|ANY|DUR)* (WHICH)? WEEKDAYS",
)
def _weekdays(_: RuleMatch) -> Span:
    return Span("weekdays")


@days.rule(
    "DAY",
    "(IN|BY|AT|ON|TO)? part=(EARLY|LATE|LATER|MID|BEGIN|END)? (OF|IN)? which=WHICH unit=UNIT",
    "(IN|BY|AT|ON|TO)? part=(EARLY|LATE|LATER|MID|BEGIN|END) (OF|IN) unit=UNIT",
    "part=(BEGIN|END|MID) unit=UNIT",
    "unit=UNIT THAT_COMES",
    "unit=UNIT which=WHICH",
    "IN? other=NEXT_WEEK",
)
def _span(found: RuleMatch) -> Span | None:
    if "other" in found.names:
        return Span("week", ahead=1)
    unit = found.word("unit")
    which = (
        found.value("which") if "which" in found.names else "next" if found.pattern_ends_with("THAT_COMES") else "this"
    )
    if unit not in {"week", "month"} or which == "last":
        return None
    portion: Portion = ""
    if "part" in found.names and found.has("part"):
        portion = PORTIONS[found.token("part").kind]
    return Span(unit, ahead=int(which in {"next", "coming"}), portion=portion)


@days.rule(
    "DAY",
    "which=WHICH? MIDWEEK",
    "MIDWEEK which=WHICH UNIT",
)
def _midweek(found: RuleMatch) -> Span:
    return Span("week", ahead=int(found.value("which") == "next"), portion="mid")


@days.rule(
    "DAY",
    "ON? SAME_DAY",
)
def _same_day(_: RuleMatch) -> BookedDay:
    return BookedDay(0)


@days.rule("NEAR_THIS_TIME", "AT? ABOUT THIS_TIME", "THIS_TIME ISH")
def _about_this_time(found: RuleMatch) -> list[Token]:
    """Read "around this time" before a day."""
    return [Token("NEAR_THIS_TIME", None, found.first.text)]


@days.rule("DAY", "day=DAY THIS_TIME")
def _day_this_time(found: RuleMatch) -> list[Token]:
    """Read "tomorrow this time", which may be said of the occasion: "let's say Friday this time"."""
    return [found.token("day"), Token("MAYBE_THIS_TIME", None, "this time")]


@days.rule("DAY", "unit=UNIT (BEFORE|AFTER) base=DAY")
def _week_beside_day(found: RuleMatch) -> Around | None:
    """Read "the week after Christmas", which is a week; "a week after Christmas" is a day."""
    base = _day(found.value("base"))
    if found.value("unit") != "week" or not isinstance(base, HolidayDay | CalendarDate):
        return None
    return Around(ShiftedDay(base, 7 if found.contains("AFTER") else -7), "week")


@days.rule(
    "DAY",
    "length=DUR (FROM|ON|AFTER|BEFORE)? base=DAY",
    "length=DUR FROM_TOMORROW",
    "base=DAY length=DUR HENCE",
    "base=DAY unit=UNIT",
    "n=DAY_AFTER base=DAY",
    "A? unit=UNIT (FROM|AFTER|ON) base=DAY",
)
def _shifted_day(found: RuleMatch) -> DayExpression | None:
    base = _day(found.value("base")) if "base" in found.names else AheadDays(1)
    if base is None or isinstance(base, Span):
        return None
    if "n" in found.names:
        return ShiftedDay(base, found.number("n"))
    if "unit" in found.names:
        day_count = _DAYS_AFTER.get(found.token("unit").text)
        is_date = found.first.kind == "DAY" and isinstance(base, CalendarDate)
        return None if day_count is None or is_date else _moved(base, day_count)
    length = found.value("length")
    if not isinstance(length, Duration) or length.is_month or length.is_vague or length.minutes or not length.days:
        return None
    is_joined = any(map(found.contains, ("FROM", "ON", "AFTER", "BEFORE", "HENCE", "FROM_TOMORROW")))
    if not is_joined and length.days % 7:
        return None  # "two weeks Tuesday" is an idiom, "three days Tuesday" is not
    return _moved(base, -length.days if found.contains("BEFORE") else length.days)


@days.rule("DAY", "base=DAY length=DUR")
def _weekday_a_week(found: RuleMatch) -> Weekday | None:
    """Read "Friday a week": the Friday of the week after; "Friday a week later" is a change."""
    base, length = found.value("base"), found.value("length")
    is_change = found.after is not None and found.after.kind in {"LATER", "EARLIER", "ONWARD", "BACK"}
    if not isinstance(base, Weekday) or length != Duration(days=7) or is_change:
        return None
    return replace(base, weeks=base.weeks + 1) if found.token("length").text.startswith("a ") else None


@days.rule("DAY", "base=DAY in=IN n=NUM")
def _spanish_weeks_after(found: RuleMatch) -> DayExpression | None:
    """Read "de hoy en ocho" and "martes en quince": the same weekday one and two weeks later."""
    base, day_count = _day(found.value("base")), _SPANISH_DAYS_AFTER.get(found.number("n"))
    if found.token("in").text != "en" or base is None or isinstance(base, Span) or day_count is None:
        return None
    return None if found.after is not None and found.after.kind in {"UNIT", "MONTH"} else _moved(base, day_count)


def _moved(base: DayExpression, day_count: int) -> DayExpression:
    if isinstance(base, Weekday) and day_count % 7 == 0 and day_count > 0:
        return replace(base, weeks=base.weeks + day_count // 7)
    if isinstance(base, AheadDays):
        return AheadDays(base.days + day_count)
    return ShiftedDay(base, day_count)


@days.rule(
    "DAY",
    "a=DAY way=(BEFORE|AFTER) b=(DAY|ORD)",
)
def _weekday_beside(found: RuleMatch) -> WeekdayBeside | None:
    weekday, base = found.value("a"), _day(found.value("b"))
    is_plain = isinstance(weekday, Weekday) and not weekday.which and not weekday.is_plural
    if not is_plain or not isinstance(weekday, Weekday) or base is None or isinstance(base, Weekday | Span):
        return None
    return WeekdayBeside(weekday.weekday, base, found.token("way").kind == "BEFORE")


@days.rule(
    "DAY",
    "BETWEEN a=(DAY|ORD) (AND|TO|DASH|UNTIL|Y) b=(DAY|ORD)",
    "FROM? a=(DAY|ORD) (TO|DASH|UNTIL) b=(DAY|ORD)",
)
def _days_between(found: RuleMatch) -> DaysBetween | None:
    first, last = _day(found.value("a")), _day(found.value("b"))
    return DaysBetween(first, last) if first and last else None


@days.rule(
    "DAY",
    "(BY|UNTIL|BEFORE) b=(DAY|ORD)",
    "(AFTER|FROM|SINCE) a=(DAY|ORD) (ON|ONWARD)?",
    "a=(DAY|ORD) ONWARD",
    "b=(DAY|ORD) BACKWARD",
    "b=DAY at_last=BY",
)
def _days_limited(found: RuleMatch) -> DayExpression | None:
    if "at_last" in found.names and (found.after is not None or found.token("at_last").value is None):
        return None  # "the fourth by noon"
    if "b" in found.names:
        last = _day(found.value("b"))
        if last is None:
            return None
        return DaysBetween(AheadDays(0), ShiftedDay(last, -1) if found.first.kind == "BEFORE" else last)
    first = _day(found.value("a"))
    if first is None:
        return None
    return DaysBetween(ShiftedDay(first, 1) if found.first.kind == "AFTER" else first, Span("horizon"))


@days.rule(
    "DAY",
    "ON? n=(DAY_AFTER|DAY_AFTER_THAT)",
)
def _day_after_booking(found: RuleMatch) -> BookedDay:
    return BookedDay(found.number("n"))


@days.rule("DAY", "unit=UNIT way=(AFTER|BEFORE)")
def _week_beside_booking(found: RuleMatch) -> Around | None:
    """Read "the week after", which follows the week of the booking, or of the day that was offered."""
    is_end = found.after is None or found.after.kind in {"TIME", "PARTDAY", "WHICH"}
    if found.value("unit") != "week" or not is_end:
        return None
    return Around(BookedDay(7 if found.contains("AFTER") else -7), "week")


@days.rule(
    "DAY",
    "mon=MONTH",
)
def _whole_month(found: RuleMatch) -> Span | None:
    return Span("month", month=found.number("mon")) if found.token("mon").text != "may" else None


@days.rule(
    "DAY",
    "unit=UNIT OF day=(DAY|ORD)",
    "OF day=DAY",
)
def _week_of(found: RuleMatch) -> DayExpression | None:
    day = _day(found.value("day"))
    if "unit" not in found.names or day is None:
        return day
    return Around(day, "week") if found.value("unit") == "week" and not isinstance(day, Span) else None
