"""Rules for lengths of time: "an hour and a half", "two weeks", "1/2 hour", "a couple of days"."""

from __future__ import annotations

from peterental.appointments.date_parsing.expressions import (
    Duration,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import NumericDate, Token, WrittenTime

DAYS_OF_UNIT = {"day": 1, "week": 7, "fortnight": 14}
MINUTES_OF_UNIT = {"second": 1 / 60, "minute": 1, "hour": 60}
MONTHS_OF_UNIT = {"month": 1, "year": 12}
COUPLE, FEW = 2, 3
MOST_UNITS = 10_000
"""Larger counts are not read."""

LONGEST_VIEWING_MIN = 240
_SPANISH_WEEKS = frozenset((8, 15))
"""Spanish counts the first day too: "ocho días" is a week to most, so it is asked about."""

_LONGEST_HOURS = 12
"""More hours after a limit are a time of day."""
_HOUR_FRACTIONS = frozenset(((1, 4), (1, 2), (3, 4)))

lengths = RuleSet()


def length_of(count: float, unit: str, *, is_vague: bool = False) -> Duration:
    """Return a count of units as a length of time; `unit` is a key of the tables above."""
    if unit in MINUTES_OF_UNIT:
        return Duration(round(count * MINUTES_OF_UNIT[unit]), is_vague=is_vague, is_short=True)
    if unit in DAYS_OF_UNIT:
        return Duration(days=round(count * DAYS_OF_UNIT[unit]), is_vague=is_vague or count % 1 > 0)
    return Duration(days=round(count * MONTHS_OF_UNIT[unit]), is_vague=is_vague, is_month=True)


@lengths.rule(
    "DUR",
    "n=NUM half=HALF unit=UNIT",
    "n=NUM AND A? half=HALF unit=UNIT",
    "n=(NUM|A) unit=UNIT AND A? half=HALF",
    "n=(NUM|A) unit=UNIT Y half=HALF",
)
def _and_a_half(found: RuleMatch) -> Duration | None:
    return length_of(found.number("n") + 0.5, found.word("unit"))


@lengths.rule(
    "DUR",
    "(HALF|HALF_A) unit=UNIT",
    "half=HALF_HOUR",
)
def _half_a(found: RuleMatch) -> Duration | None:
    if "half" in found.names:
        return Duration(30, is_short=True)
    return Duration(30, is_short=True) if found.value("unit") == "hour" else None


@lengths.rule(
    "DUR",
    "n=(NUM|A) QUARTER OF A? unit=UNIT",
)
def _quarters(found: RuleMatch) -> Duration | None:
    return Duration(found.number("n") * 15, is_short=True) if found.value("unit") == "hour" else None


@lengths.rule(
    "DUR",
    "n=NDATE unit=UNIT",
)
def _fraction(found: RuleMatch) -> Duration | None:
    value = found.value("n")
    if (
        not isinstance(value, NumericDate)
        or value.year is not None
        or (value.first, value.second) not in _HOUR_FRACTIONS
    ):
        return None
    return length_of(value.first / value.second, found.word("unit")) if found.value("unit") == "hour" else None


@lengths.rule(
    "DUR",
    "in=IN h=HM",
    "h=HM in=HENCE",
)
def _hours_as_length(found: RuleMatch) -> list[Token] | None:
    """Read "in 1h30" as a length."""
    written = found.value("h")
    if not isinstance(written, WrittenTime) or "h" not in found.token("h").text:
        return None
    length = Token("DUR", Duration(written.hour * 60 + written.minute, is_short=True), found.token("h").text)
    return [found.token("in"), length] if found.first.kind == "IN" else [length, found.token("in")]


@lengths.rule(
    "DUR",
    "n=DEC unit=UNIT",
)
def _decimal_length(found: RuleMatch) -> Duration | None:
    if found.before is not None and found.before.kind == "AT":
        return None  # "at 09.30 hrs" is a time of day
    return length_of(float(found.token("n").text), found.word("unit"))


@lengths.rule(
    "DUR",
    "first=(A|NUM) unit=UNIT OR second=NUM",
    "first=(A|NUM) OR second=NUM unit=UNIT",
    "first=(A|NUM) unit=UNIT ISH",
)
def _about_as_long(found: RuleMatch) -> Duration | None:
    """Read "a day or two" and "2 or 3 hours"; "at three or four hours" are times of day."""
    if found.before is not None and found.before.kind == "AT":
        return None
    if found.number("first") > MOST_UNITS:
        return None
    return length_of(found.number("first"), found.word("unit"), is_vague=True)


@lengths.rule(
    "DUR",
    "vague=(COUPLE|FEW) unit=UNIT",
    "A vague=(COUPLE|FEW) OF? unit=UNIT",
    "n=(NUM|A) unit=UNIT",
)
def _counted_length(found: RuleMatch) -> Duration | None:
    if "vague" in found.names:
        return length_of(COUPLE if found.token("vague").kind == "COUPLE" else FEW, found.word("unit"), is_vague=True)
    is_at = found.before is not None and found.before.kind == "AT"
    follows_clock = found.before is not None and found.before.kind in {"NUM", "AFTER", "BEFORE", "UNTIL"}
    if found.value("unit") == "hour" and follows_clock and found.number("n") > _LONGEST_HOURS:
        return None  # "después de las 17 horas", "dieciséis treinta horas"
    follows_day = found.before is not None and found.before.kind in {"WDAY", "DAY", "NDATE", "DATE", "AHEAD"}
    is_shift = found.after is not None and found.after.kind in {"HENCE", "LATER", "EARLIER", "AFTER", "BEFORE"}
    if found.value("unit") == "hour" and follows_day and not is_shift and found.number("n") > _LONGEST_HOURS:
        return None  # "viernes 14 hs"
    if found.value("unit") == "hour" and (is_at or (len(found.first.text) == 4 and found.first.text.isdigit())):  # noqa: PLR2004
        return None  # "a las 15 horas" and "1500 hours" are times of day
    if found.number("n") > MOST_UNITS or (
        found.first.kind == "A" and found.before is not None and found.before.kind == "NOT"
    ):
        return None
    is_idiom = found.token("unit").text == "dias" and found.number("n") in _SPANISH_WEEKS
    return length_of(found.number("n"), found.word("unit"), is_vague=is_idiom)


@lengths.rule(
    "DUR",
    "first=DUR AND? second=DUR",
    "first=DUR Y second=DUR",
)
def _sum_of_lengths(found: RuleMatch) -> Duration | None:
    first, second = found.value("first"), found.value("second")
    if not isinstance(first, Duration) or not isinstance(second, Duration) or not second.is_short or first.is_month:
        return None
    is_vague = first.is_vague or second.is_vague
    return Duration(first.minutes + second.minutes, first.days, is_vague=is_vague, is_short=True)


@lengths.rule(
    "LENGTH",
    "FOR length=DUR",
)
def _how_long(found: RuleMatch) -> object:
    """Set aside how long a viewing should take: it is the agent's to say."""
    length = found.value("length")
    return length if isinstance(length, Duration) and 0 < length.minutes <= LONGEST_VIEWING_MIN else None
