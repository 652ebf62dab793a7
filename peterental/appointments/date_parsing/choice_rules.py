"""Rules for changes of a booking, choices from an offer, time zones and negations."""

from __future__ import annotations

from peterental.appointments.date_parsing.clock_rules import clock_of
from peterental.appointments.date_parsing.date_rules import LAST_DAY_OF_MONTH
from peterental.appointments.date_parsing.expressions import (
    CalendarDate,
    Clock,
    DayExpression,
    DayPart,
    Duration,
    Pick,
    Shift,
    ZoneName,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import Token

_ONE = frozenset(("one", "una", "uno"))
_EITHER_WAY = frozenset(("back", "forward", "move it up", "move up", "moved up", "move that up", "bring it up"))
"""Words that some callers mean the other way round."""

_EITHER_SIDE = "either side"
"""The value of a negation that may be about what stands before it."""

choices = RuleSet()


@choices.rule(
    "SHIFT",
    "length=DUR way=(LATER|EARLIER|ONWARD)",
    "(LATER|EARLIER|BACK|ONWARD) (BY)? length=DUR",
    "way=(SHIFT_EARLIER|SHIFT_LATER) (BY)? length=DUR",
    "length=DUR way=BACK",
    "length=DUR way=(AFTER|BEFORE)",
)
def _shift(found: RuleMatch) -> Shift | None:
    length = found.value("length")
    if not isinstance(length, Duration) or length.is_vague or length.is_month:
        return None
    is_end = found.after is None or found.after.kind == "SAME_TIME"
    if (found.contains("AFTER") or found.contains("BEFORE")) and not is_end:
        return None  # "an hour after noon"; at the end of a phrase, "una hora después" is later than the booking
    sign = -1 if any(map(found.contains, ("EARLIER", "BEFORE", "SHIFT_EARLIER"))) else 1
    way = found.token("way") if "way" in found.names else found.first
    is_doubtful = way.text in _EITHER_WAY
    return Shift(sign * length.minutes, sign * length.days, is_doubtful=is_doubtful)


@choices.rule("PICK", "other=OTHER_ONE")
def _other_choice(found: RuleMatch) -> Pick | None:
    """Read "no, the other one" as a choice that is open; "the other Friday" is none."""
    goes_on = found.after is not None and (found.after.kind in _AFTER_OTHER or found.after.text.startswith(_LEADS_TO))
    return Pick(comparison="other", is_explicit=True) if found.after is None or goes_on else None


_AFTER_OTHER = frozenset(("TO", "NOT"))
"""What goes on after "the other one": "to Monday at three", "not the Friday one"."""


_LEADS_TO = ("al ", "a ", "para ")
"""What a new day begins with behind the viewing that is moved: "la otra, al martes"."""


@choices.rule(
    "PICK",
    "OPTION n=NUM",
    "n=ORD OPTION",
    "mid=MID OPTION",
    "mid=MID one=NUM",
    "any=ANY one=NUM",
    "middle=MIDDLE_ONE",
)
def _numbered_choice(found: RuleMatch) -> Pick | None:
    if "middle" in found.names:
        return Pick(comparison="middle", is_explicit=True)
    if "n" in found.names:
        return Pick(found.number("n") - 1, is_explicit=True) if found.number("n") > 0 else None
    if "one" in found.names and found.token("one").text not in _ONE:
        return None
    return Pick(comparison="middle" if "mid" in found.names else "", is_explicit=True)


@choices.rule("UNKNOWN", "n=ORD count=NUM", "which=WHICH count=NUM")
def _several_offers(found: RuleMatch) -> str | None:
    """Set "the first two" and "the last three" aside: they choose no single time, and are no date with an hour."""
    is_end = found.value("n") == 1 if "n" in found.names else found.value("which") == "last"
    is_count = found.number("count") in _COUNTS and found.token("count").text not in _ONE
    is_date = found.before is not None and found.before.kind == "DAY"
    return found.first.text if is_end and is_count and not is_date else None


_COUNTS = range(2, 6)


@choices.rule(
    "PICK",
    "n=FROM_END one=NUM",
    "n=ORD one=NUM",
    "n=NUM ORD",
    "which=WHICH one=NUM",
    "way=(LATER|EARLIER) one=NUM",
    "last=LAST_ONE one=NUM?",
    "ASAP one=NUM",
)
def _pick(found: RuleMatch) -> Pick | None:
    if "one" in found.names and found.has("one") and found.token("one").text not in _ONE:
        return None
    if "way" in found.names:
        return Pick(comparison="later" if found.token("way").kind == "LATER" else "earlier", is_explicit=True)
    if "which" in found.names:
        return Pick(-1, is_explicit=True) if found.value("which") == "last" else None
    if "n" in found.names:
        place = found.number("n") - (found.number("n") > 0)
        return Pick(place, is_explicit=True) if "one" in found.names else None
    return Pick(-1 if "last" in found.names else 0, is_explicit=True)


@choices.rule(
    "PICK",
    "t=(TIME|PARTDAY|DAY) one=NUM",
    "one=NUM t=(TIME|PARTDAY|DAY)",
    "one=NUM ON t=ORD",
)
def _the_one_at(found: RuleMatch) -> list[Token] | None:
    if found.token("one").text not in _ONE:
        return None
    named = found.token("t")
    return [named, Token("PICK", _named_by(named.value), "one")]


def _named_by(value: object) -> Pick:
    """Return the choice of "the Friday one"."""
    return Pick(is_explicit=True, named_by=value if isinstance(value, DayExpression | Clock | DayPart) else None)


@choices.rule("PICK", "one=(ONE_OF|ONE_OF_THE|ONE_ON) t=(TIME|PARTDAY|DAY|NUM|ORD)")
def _spanish_one_of(found: RuleMatch) -> list[Token] | None:
    """Read "la del viernes", "la de las tres" and "la del 15"; the choice comes first: "la del lunes siete"."""
    named = found.token("t")
    if named.kind in {"NUM", "ORD"}:
        number = found.number("t")
        is_day = found.token("one").kind == "ONE_ON" and 0 < number <= LAST_DAY_OF_MONTH
        clock = None if is_day else clock_of(named)
        if not is_day and clock is None:
            return None
        named = Token("DAY", CalendarDate(number), named.text) if is_day else Token("TIME", clock, named.text)
    return [Token("PICK", _named_by(named.value), "one"), named]


@choices.rule("PICK", "n=ORD t=DAY", "last=WHICH t=DAY")
def _spanish_place_on_day(found: RuleMatch) -> list[Token] | None:
    """Read "la primera del viernes" and "la última del viernes": dates are no feminine."""
    if found.first.text not in _FEMININE:
        return None
    return [
        Token("PICK", Pick(found.number("n") - 1 if "n" in found.names else -1, is_explicit=True), "one"),
        found.token("t"),
    ]


_FEMININE = frozenset(("primera", "segunda", "tercera", "cuarta", "quinta", "ultima"))


@choices.rule("EXCLUDED", "NOT pick=PICK t=(DAY|TIME|PARTDAY)", "NOT t=(DAY|TIME|PARTDAY) pick=PICK", "NOT pick=PICK")
def _negated_choice(found: RuleMatch) -> object:
    """Read "not the first one", "not the Monday one" and "no la del viernes"."""
    pick = found.value("pick")
    if "t" not in found.names or not isinstance(pick, Pick):
        return pick
    return found.value("t") if pick.named_by == found.value("t") else None


@choices.rule(
    "PICK",
    "way=LATER",
    "way=EARLIER",
    "last=LAST_ONE",
    "which=WHICH",
)
def _comparison(found: RuleMatch) -> Pick | None:
    if "which" in found.names:
        return Pick(-1) if found.value("which") == "last" else None
    if "last" in found.names:
        return Pick(-1)
    return Pick(comparison="later" if found.token("way").kind == "LATER" else "earlier")


@choices.rule(
    "ZONENAME",
    "IN? zone=ZONE",
)
def _zone(found: RuleMatch) -> ZoneName:
    return ZoneName(found.token("zone").text, found.word("zone"))


@choices.rule("OR", "IF x=DAY y=TIME? (NOT_THAT|NOT)", "IF x=TIME (NOT_THAT|NOT)", "IF (NOT_THAT|NOT)", "only=IF")
def _condition(found: RuleMatch) -> list[Token]:
    """Read "if that doesn't work, Saturday" as a second choice, which is asked about; any other "if" is dropped."""
    named = [found.token(name) for name in ("x", "y") if name in found.names and found.has(name)]
    return [] if "only" in found.names else [*named, Token("OR", None, "or")]


@choices.rule(
    "EXCLUDED",
    "a=DAY b=TIME (NOT_THAT)",
    "x=(DAY|PARTDAY|WINDOW|TIME|ORD|NUM) (NOT_THAT)",
)
def _negation_after(found: RuleMatch) -> list[Token] | None:
    """Read "Thursday doesn't work"; of "Thursday at 3 doesn't work" the day stays unless another one follows."""
    if "x" in found.names:
        named = found.token("x")
        if named.kind == "NUM":  # "two won't work"
            hour = clock_of(named)
            return None if hour is None else [Token("EXCLUDED", hour, named.text)]
        is_date = named.kind == "ORD"
        return [Token("EXCLUDED", CalendarDate(found.number("x")) if is_date else named.value, named.text)]
    day, clock, after = found.token("a"), found.token("b"), found.after
    is_other_day = after is not None and after.kind == "DAY" and after.value != day.value
    return [_excluded(day)] if is_other_day else [day, _excluded(clock)]


def _excluded(token: Token) -> Token:
    return Token("EXCLUDED", token.value, token.text)


@choices.rule(
    "EXCLUDED",
    "a=(DAY|TIME) not=NOT (IN|ON|AT)? b=(DAY|TIME)",
    "a=(TIME|NUM) not=NOT AT? b=NUM",
    "a=NUM not=NOT AT? b=TIME",
    "a=(DAY|ORD) not=NOT ON? b=ORD",
    "a=ORD not=NOT b=DAY",
    "x=(DAY|TIME|PARTDAY) not=NOT",
)
def _negation_between(found: RuleMatch) -> list[Token] | None:
    """Read "Thursday I can't, Friday" as a question of which: it may also be "Thursday, I can't Friday"."""
    if found.value("not") != _EITHER_SIDE:
        return None
    if "x" in found.names:
        is_last = found.after is None or found.after.kind in {"OR", "CORRECTION"}
        return [_excluded(found.token("x"))] if is_last else None
    first = found.token("a")
    other = _of_the_same_kind(first, found.token("b"))
    if first.kind == "NUM":
        clock = clock_of(first)
        first = Token("TIME", clock, first.text)
        other = None if clock is None else other  # "ten, no eleven"
    return None if other is None else [first, Token("OR", None, "or"), other]


def _of_the_same_kind(token: Token, other: Token) -> Token | None:
    """Return the later of two as a day or a time; "the 5th" after a date is of the same month."""
    if other.kind == "NUM":
        clock = clock_of(other)
        return None if clock is None else Token("TIME", clock, other.text)
    if other.kind != "ORD":
        return other
    day = other.value if isinstance(other.value, int) else 0
    month = token.value.month if isinstance(token.value, CalendarDate) and not token.value.is_swappable else None
    return Token("DAY", CalendarDate(day, month), other.text) if 0 < day <= LAST_DAY_OF_MONTH else None


@choices.rule("EXCLUDED", "NOT ON? day=DAY t=TIME other=(DAY|TIME)")
def _negated_moment(found: RuleMatch) -> list[Token]:
    """Read "not Friday at 3, Friday at 5": of a day that is named again only the time does not suit."""
    day, clock, other = found.token("day"), found.token("t"), found.token("other")
    if other.kind == "TIME":
        return [day, _excluded(clock), other]
    return [_excluded(clock if other.value == day.value else day), other]


@choices.rule(
    "EXCLUDED",
    "NOT (IN|ON|AT)? A? x=(DAY|PARTDAY|WINDOW|TIME)",
    "NOT (IN|ON|AT)? x=(ORD|NUM)",
    "MINUS x=(DAY|PARTDAY)",
)
def _negation(found: RuleMatch) -> object:
    token = found.token("x")
    if token.kind == "ORD":
        return CalendarDate(found.number("x")) if 0 < found.number("x") <= LAST_DAY_OF_MONTH else None
    return clock_of(token) if token.kind == "NUM" else token.value


@choices.rule(
    "EXCLUDED",
    "not=EXCLUDED (OR|AND|NOT) x=(DAY|PARTDAY|WINDOW)",
)
def _negations(found: RuleMatch) -> list[Token] | None:
    # "not Tuesday or Wednesday"; but "not Tuesday, Wednesday at 3" names the day that suits.
    return [found.token("not"), Token("EXCLUDED", found.value("x"), found.token("x").text)]
