"""Rules for times of day: clock times, parts of the day and limits.

English and Spanish share them: word lists map both to the same kinds.
"""

from __future__ import annotations

from dataclasses import replace

from peterental.appointments.date_parsing.expressions import (
    Clock,
    DayPart,
    Duration,
    Meridiem,
    Portion,
    TimeWindow,
    clock_at,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import HEARD, Token, WrittenTime

NOON_HOUR = 12
MOST_MINUTES = 59
LAST_HOUR = 24
HALF_HOUR = 30
_FRACTIONS = {"HALF": HALF_HOUR, "QUARTER": 15}
NOON = Clock(NOON_HOUR, 0, "pm")
MIDNIGHT = Clock(0, 0, is_24h=True, is_midnight=True)

parts = RuleSet()
clocks = RuleSet()

PORTIONS: dict[str, Portion] = {
    "EARLY": "early",
    "LATE": "late",
    "MID": "mid",
    "BEGIN": "early",
    "END": "late",
    "LATER": "late",
}
_MERIDIEMS: dict[object, Meridiem] = {"am": "am", "pm": "pm"}


def meridiem_of(found: RuleMatch, name: str = "mer") -> Meridiem | None:
    """Return the half of the day that a match captured, if it did."""
    return _MERIDIEMS.get(found.value(name))


# --- parts of the day ------------------------------------------------------------------------------------------------


@parts.rule("AFTER", "way=(ONWARD|BACKWARD) OF? t=(NUM|HM|NOON)")
def _other_limit(found: RuleMatch) -> list[Token] | None:
    """Read "before ten or after six" and "antes de las diez o después de las seis" as two limits."""
    joins, _, way = found.first.text.partition(" ")
    kind = _WAYS.get(way)
    if joins not in _JOINS or kind is None:
        return None
    return [Token(_JOINS[joins], None, joins), Token(kind, None, way), found.token("t")]


_JOINS = {"or": "OR", "and": "AND", "o": "OR", "y": "AND"}
_WAYS = {"after": "AFTER", "before": "BEFORE", "despues": "AFTER", "antes": "BEFORE"}
"""The words of "or after" and "o después", of which "ten or later" is one limit."""


@parts.rule(
    "PARTDAY",
    "(which=WHICH|LAST_ONE) (ON|FOR|IN) day=(AHEAD|WDAY)",
    "(which=WHICH|LAST_ONE) day=AHEAD",
)
def _last_of_day(found: RuleMatch) -> list[Token] | None:
    """Read "the last slot on Tuesday" and "the latest you have on Friday"."""
    if found.first.kind == "WHICH" and found.value("which") != "last":
        return None
    return [found.token("day"), Token("PARTDAY", DayPart("end of the day"), "last")]


@parts.rule(
    "PARTDAY",
    "portion=(EARLY|LATE|LATER) day=(AHEAD|WDAY) part=PART",
)
def _portion_before_day(found: RuleMatch) -> list[Token]:
    """Read "early tomorrow morning"."""
    part = DayPart(found.word("part"), PORTIONS[found.token("portion").kind])
    return [found.token("day"), Token("PARTDAY", part, found.token("part").text)]


@parts.rule(
    "PARTDAY",
    "IN? portion=(EARLY|LATE|LATER|MID|BEGIN|END) (IN|OF)? A? part=PART",
    "(IN|AT|ON|FOR|ANY)? part=PART",
    "IN? part=OF_PART",
    "portion=(EARLY|LATE) part=OF_PART",
)
def _part_of_day(found: RuleMatch) -> DayPart | None:
    portion: Portion = ""
    if "portion" in found.names and found.has("portion"):
        portion = PORTIONS[found.token("portion").kind]
    # "this morning" and "that night" name a day too.
    if found.before is not None and found.before.kind == "WHICH" and found.before.value == "this":
        return None
    return DayPart(found.word("part"), portion)


@parts.rule("PARTDAY", "one=ONE_OF_THE part=MANANA")
def _the_one_of_the_morning(found: RuleMatch) -> list[Token]:
    """Read "la de la mañana", which is not "la de mañana"."""
    return [found.token("one"), Token("PARTDAY", DayPart("morning"), found.token("part").text)]


@parts.rule("PARTDAY", "(ON|ANY)? WEEKNIGHT")
def _weeknight(_: RuleMatch) -> list[Token]:
    return [Token("WEEKDAYS", None, "weekdays"), Token("PARTDAY", DayPart("evening"), "evening")]


@parts.rule(
    "PARTDAY",
    "IN? part=MIDPART",
)
def _middle_of_part(found: RuleMatch) -> DayPart:
    return DayPart(found.word("part"), "mid")


@parts.rule(
    "TONIGHT",
    "portion=(EARLY|LATE|LATER) this=WHICH part=PART",
    "this=WHICH part=PART",
    "part=THIS_PART",
)
def _part_of_today(found: RuleMatch) -> list[Token] | None:
    if "this" in found.names and found.value("this") != "this":
        return None
    portion: Portion = ""
    if "portion" in found.names:
        portion = PORTIONS[found.token("portion").kind]
    part = Token("PARTDAY", DayPart(found.word("part"), portion), found.token("part").text)
    return [Token("AHEAD", 0, "this"), part]


@parts.rule(
    "PARTDAY",
    "portion=(EARLY|LATE|LATER)? part=TONIGHT",
)
def _tonight(found: RuleMatch) -> list[Token]:
    portion: Portion = PORTIONS[found.token("portion").kind] if found.has("portion") else ""
    return [Token("AHEAD", 0, "tonight"), Token("PARTDAY", DayPart("evening", portion), "tonight")]


# --- clock times -----------------------------------------------------------------------------------------------------


def is_minute(token: Token) -> bool:
    """Return whether a number may be minutes that follow an hour: "thirty", "05", not "5"."""
    value = token.value if isinstance(token.value, int) else LAST_HOUR * 60
    is_long = len(token.text) == 2 if token.text.isdigit() else value >= 10  # noqa: PLR2004 - two digits
    return is_long and value <= MOST_MINUTES


def clock_of(token: Token, meridiem: Meridiem | None = None) -> Clock | None:
    """Return the clock time that a number or written time is: 3, 730, 1430, 15h30; None where it cannot be one."""
    if isinstance(token.value, Clock):
        return replace(token.value, meridiem=meridiem) if meridiem else token.value
    if isinstance(token.value, WrittenTime):
        written = token.value
        return _checked(Clock(written.hour, written.minute, meridiem, written.is_24h, approximate=written.has_seconds))
    if not isinstance(token.value, int):
        return None
    digits = token.text
    if digits.isdigit() and len(digits) in {3, 4}:
        hour, minute = divmod(token.value, 100)
        return _checked(Clock(hour, minute, meridiem, is_24h=digits.startswith("0") or hour > NOON_HOUR))
    is_24h = token.value > NOON_HOUR or digits == "00"
    return _checked(Clock(token.value, 0, meridiem, is_24h, is_doubtful=digits.endswith(HEARD)))


def _checked(clock: Clock) -> Clock | None:
    return clock if clock.hour <= LAST_HOUR - 1 and clock.minute <= MOST_MINUTES else None


def _decimal(token: Token) -> Clock | None:
    hour, _, minute = token.text.partition(".")
    if len(minute) != 2:  # noqa: PLR2004 - minutes have two digits
        return None
    is_24h = int(hour) > NOON_HOUR or hour.startswith("0")
    return _checked(Clock(int(hour), int(minute), is_24h=is_24h))


@clocks.rule(
    "TIME",
    "(AT|FOR)? NOON m=NUM",
)
def _noon_thirty(found: RuleMatch) -> Clock | None:
    return replace(NOON, minute=found.number("m")) if is_minute(found.token("m")) else None


@clocks.rule(
    "TIME",
    "(AT|FOR)? n=NUM? NOON",
)
def _noon(found: RuleMatch) -> Clock | None:
    return NOON if found.number("n", NOON_HOUR) == NOON_HOUR else None


@clocks.rule(
    "TIME",
    "(AT|FOR)? n=NUM? MIDNIGHT",
)
def _midnight(found: RuleMatch) -> Clock | None:
    return MIDNIGHT if found.number("n", NOON_HOUR) == NOON_HOUR else None


@clocks.rule(
    "TIME",
    "AT? h=HM OCLOCK? IN? mer=MER",
    "AT? h=HM OCLOCK?",
)
def _written_time(found: RuleMatch) -> Clock | None:
    return clock_of(found.token("h"), meridiem_of(found) if "mer" in found.names else None)


@clocks.rule(
    "TIME",
    "AT? h=DEC mer=MER",
    "AT h=DEC unit=UNIT",
    "AT? h=DEC",
)
def _dotted_time(found: RuleMatch) -> Clock | None:
    if "unit" in found.names and found.value("unit") != "hour":
        return None
    if "unit" not in found.names and found.after is not None and found.after.kind == "UNIT":
        return None
    clock = _decimal(found.token("h"))
    return replace(clock, meridiem=meridiem_of(found)) if clock and "mer" in found.names else clock


@clocks.rule(
    "TIME",
    "(AT|FOR)? h=NUM m=NUM OCLOCK? IN? mer=MER",
    "(AT|FOR)? h=NUM m=NUM OCLOCK?",
)
def _hour_and_minutes(found: RuleMatch) -> Clock | None:
    hour, minute = found.token("h"), found.token("m")
    if not is_minute(minute) or (hour.text.isdigit() and len(hour.text) > 2):  # noqa: PLR2004 - a year, or 1430
        return None
    is_hours = found.after is not None and found.after.kind == "UNIT" and found.after.value == "hour"
    if found.after is not None and found.after.kind in {"UNIT", "MONTH"} and not is_hours:
        return None
    is_24h = found.number("h") > NOON_HOUR or hour.text.startswith("0")
    half = meridiem_of(found) if "mer" in found.names else None
    is_doubtful = hour.text.endswith(HEARD)
    return _checked(Clock(found.number("h"), found.number("m"), half, is_24h, is_doubtful=is_doubtful))


@clocks.rule(
    "TIME",
    "(AT|FOR)? h=NUM OCLOCK? IN? mer=MER",
)
def _hour_with_meridiem(found: RuleMatch) -> Clock | None:
    return clock_of(found.token("h"), meridiem_of(found))


@clocks.rule("TIME", "at=(AT|FOR)? h=NUM unit=UNIT")
def _hours_of_24(found: RuleMatch) -> Clock | None:
    """Read "1500 hours" and "a las 15 horas"."""
    digits = found.token("h").text
    is_afternoon = found.number("h") > NOON_HOUR
    is_hours = found.value("unit") == "hour" and (found.has("at") or len(digits) == 4 or is_afternoon)  # noqa: PLR2004 - 1500
    clock = clock_of(found.token("h")) if is_hours else None
    return replace(clock, is_24h=True) if clock and len(digits) == 4 else clock  # noqa: PLR2004 - 1500


@clocks.rule("TIME", "t=TIME unit=UNIT")
def _hours_after_minutes(found: RuleMatch) -> Clock | None:
    """Read "16:30 hrs" and "las dieciséis treinta horas"."""
    return clock_of(found.token("t")) if found.value("unit") == "hour" else None


@clocks.rule(
    "TIME",
    "AT? A? n=(HALF|QUARTER) (PAST|AFTER) t=(TIME|NUM)",
    "AT? n=NUM (PAST|AFTER) t=(TIME|NUM)",
    "AT? length=DUR (PAST|AFTER|FROM) t=(TIME|NUM)",
)
def _minutes_past(found: RuleMatch) -> Clock | None:
    minutes = _minutes_of(found)
    return None if minutes is None else _shifted(clock_of(found.token("t")), minutes)


@clocks.rule(
    "TIME",
    "AT? (A|NUM)? n=QUARTER to=FOR h=(NUM|TIME)",
    "at=AT n=NUM to=FOR h=(NUM|TIME)",
    "n=NUM to=FOR h=(NUM|TIME)",
)
def _spanish_minutes_before(found: RuleMatch) -> Clock | None:
    """Read "un cuarto para las cinco" and "diez para las cuatro"; after a weekday, "diez" may be a date."""
    minutes = _minutes_of(found)
    if minutes is None or found.token("to").text != "para":
        return None
    clock = _shifted(clock_of(found.token("h")), -minutes)
    is_number = found.token("n").kind == "NUM" and "at" not in found.names
    may_be_date = is_number and found.before is not None and found.before.kind in _LEADS_A_DATE
    return replace(clock, is_doubtful=True) if clock and may_be_date else clock


_LEADS_A_DATE = frozenset(("WDAY", "UNIT", "WHICH", "THAT_COMES"))
"""What stands before the day of a month: "viernes diez", "el día diez"."""


@clocks.rule(
    "WINDOW",
    "from=(OF|FROM) a=(NUM|TIME) Y m=(HALF|QUARTER|NUM) AT b=(NUM|TIME) Y n=(HALF|QUARTER|NUM)",
    "from=(OF|FROM) a=(NUM|TIME) AT b=(NUM|TIME) Y n=(HALF|QUARTER|NUM)",
    "from=(OF|FROM) a=(NUM|TIME) Y m=(HALF|QUARTER|NUM) AT b=(NUM|TIME)",
    "from=(OF|FROM) a=(NUM|TIME) AT b=(NUM|TIME)",
)
def _spanish_from_to(found: RuleMatch) -> TimeWindow | None:
    """Read "de dos a cuatro" and "de nueve a nueve y media" before "a cuatro" becomes a time."""
    first, last = (_with_fraction(found, clock, part) for clock, part in (("a", "m"), ("b", "n")))
    is_spanish = found.first.text in {"de", "desde"}
    return TimeWindow(first, last, is_span=True) if first and last and is_spanish else None


_LEADS_A_RANGE = frozenset(("FROM", "BETWEEN", "ANY"))


@clocks.rule(
    "TIME",
    "AT? A? n=(QUARTER|HALF) (TO|UNTIL|BEFORE|OF) t=(TIME|NUM)",
    "AT? n=NUM (TO|UNTIL|BEFORE|OF) t=(TIME|NUM)",
    "AT? length=DUR (TO|UNTIL|BEFORE|OF) t=(TIME|NUM)",
)
def _minutes_to(found: RuleMatch) -> Clock | None:
    minutes = _minutes_of(found)
    if minutes is None:
        return None
    # "10 to 3" may be a range, unless "at" or "minutes" came with it; "20 to 3", "5 to 3" and "ten to three" cannot.
    bare_number = "n" in found.names and found.token("n").kind == "NUM"
    is_digits = bare_number and found.token("n").text.isdigit()
    if is_digits and (found.first.kind != "AT" and minutes <= NOON_HOUR and minutes != 5):  # noqa: PLR2004
        return None
    if bare_number and (found.before is not None and found.before.kind in _LEADS_A_RANGE):
        return None
    may_be_range = found.contains("UNTIL") or found.value("t") == NOON  # "ten till three", "ten to noon"
    if bare_number and may_be_range and found.first.kind != "AT" and minutes == 10:  # noqa: PLR2004 - an hour, too
        return None
    clock = _shifted(clock_of(found.token("t")), -minutes)
    return replace(clock, minutes_before=minutes) if clock and bare_number and found.first.kind != "AT" else clock


def _with_fraction(found: RuleMatch, clock: str, part: str) -> Clock | None:
    """Return a captured clock time, later by a captured half, quarter or number of minutes."""
    hour = clock_of(found.token(clock))
    if part not in found.names:
        return hour
    token = found.token(part)
    minutes = _FRACTIONS.get(token.kind) or found.number(part)
    return _shifted(hour, minutes) if minutes % 5 == 0 else None


def _minutes_of(found: RuleMatch) -> int | None:
    if "length" in found.names:
        length = found.value("length")
        is_exact = isinstance(length, Duration) and not length.is_vague and not length.days
        return (
            length.minutes if is_exact and isinstance(length, Duration) and length.minutes <= NOON_HOUR * 60 else None
        )
    kind = found.token("n").kind
    if kind in _FRACTIONS:
        return _FRACTIONS[kind]
    minutes = found.number("n")
    return minutes if 0 < minutes <= MOST_MINUTES and minutes % 5 == 0 else None


def _shifted(clock: Clock | None, minutes: int) -> Clock | None:
    """Return the clock time some minutes after (or before) a full one; the half of the day stays open where it was."""
    if clock is None:
        return None
    if clock.meridiem is None and not clock.is_24h:
        if abs(minutes) > MOST_MINUTES:
            return None
        total = (clock.hour * 60 + clock.minute + minutes) % (NOON_HOUR * 60)
        return Clock(total // 60 or NOON_HOUR, total % 60)
    hour = clock.hour if clock.is_24h else clock.hour % NOON_HOUR + (NOON_HOUR if clock.meridiem == "pm" else 0)
    return clock_at((hour * 60 + clock.minute + minutes) % (LAST_HOUR * 60))


@clocks.rule(
    "TIME",
    "(AT|FOR)? HALF h=NUM mer=MER?",
)
def _british_half(found: RuleMatch) -> Clock | None:
    hour = found.number("h")
    return Clock(hour, HALF_HOUR, meridiem_of(found), british_half=True) if 0 < hour <= NOON_HOUR else None


@clocks.rule(
    "TIME",
    "(AT|FOR|IN)? h=NUM Y n=(HALF|QUARTER|NUM)",
)
def _spanish_minutes_past(found: RuleMatch) -> Clock | None:
    minutes = _minutes_of(found)
    is_range = found.token("n").kind == "NUM" and found.before is not None and found.before.kind == "BETWEEN"
    if minutes is None or is_range:
        return None
    return _shifted(clock_of(found.token("h")), minutes)


@clocks.rule(
    "TIME",
    "(AT|FOR|IN)? h=NUM MINUS n=(QUARTER|NUM)",
)
def _spanish_minutes_to(found: RuleMatch) -> Clock | None:
    minutes = _minutes_of(found)
    return None if minutes is None else _shifted(clock_of(found.token("h")), -minutes)


@clocks.rule(
    "TIME",
    "AT? ABOUT AT? h=NUM OCLOCK?",
    "AT? ABOUT t=TIME",
    "t=TIME ISH",
    "AT? h=NUM OCLOCK? DASH? ISH",
)
def _about(found: RuleMatch) -> Clock | None:
    clock = clock_of(found.token("t") if "t" in found.names else found.token("h"))
    return replace(clock, approximate=True) if clock else None


@clocks.rule(
    "TIME",
    "(AT|FOR)? h=NUM OCLOCK",
    "(AT|FOR) h=NUM",
)
def _hour(found: RuleMatch) -> Clock | None:
    if found.after is not None and found.after.kind in {"UNIT", "MONTH", "TO", "DASH"}:
        return None
    if found.first.kind == "FOR" and found.after is not None and found.after.kind == "WDAYS":
        return None  # "for two Fridays from now"
    is_house = len(found.token("h").text) > 2 and found.after is not None and found.after.kind == "UNKNOWN"  # noqa: PLR2004
    if is_house and found.before is not None and found.before.kind in _ENDS_A_TIME:
        return None  # "Friday at 3 at 1420 Elm Street"
    return clock_of(found.token("h"))


_ENDS_A_TIME = frozenset(("NUM", "TIME", "MER", "OCLOCK", "HM", "PARTDAY"))


_PRONOUNS = frozenset(("one", "una", "uno"))
_JOINS_NUMBERS = frozenset(("BETWEEN", "FROM", "TO", "AND", "DASH", "AFTER", "BEFORE", "UNTIL", "BY", "Y"))


@clocks.rule(
    "TIME",
    "h=NUM",
)
def _hour_beside_a_part(found: RuleMatch) -> Clock | None:
    after, before = found.after, found.before
    beside = (after is not None and after.kind == "PARTDAY") or (before is not None and before.kind == "PARTDAY")
    if after is not None and after.kind in {"UNIT", "MONTH", "TO", "DASH", "UNTIL", "AND", "Y"}:
        return None
    if before is not None and before.kind in _JOINS_NUMBERS:
        return None
    digits = found.token("h").text
    if digits in _PRONOUNS and after is None:
        return None  # "the morning one"
    is_led = before is not None and before.kind in {"AT", "FOR"}
    if is_led and len(digits) > 2 and after is not None and after.kind == "UNKNOWN":  # noqa: PLR2004 - as in `_hour`
        return None
    is_time = digits.isdigit() and len(digits) in {3, 4} and not 2020 <= found.number("h") <= 2059  # noqa: PLR2004 - a year
    return clock_of(found.token("h")) if beside or is_time else None


@clocks.rule(
    "TIME",
    "t=TIME mer=MER",
    "t=TIME IN mer=MER",
)
def _meridiem_after(found: RuleMatch) -> Clock | None:
    clock = clock_of(found.token("t"))
    return replace(clock, meridiem=meridiem_of(found)) if clock and clock.meridiem is None else None


@clocks.rule(
    "TIME",
    "t=TIME ISH",
    "ABOUT t=TIME",
)
def _about_time(found: RuleMatch) -> Clock | None:
    clock = clock_of(found.token("t"))
    return replace(clock, approximate=True) if clock else None
