"""Rules for limits of the time of day: between two and four, after three, by five."""

from __future__ import annotations

from peterental.appointments.date_parsing.clock_rules import PORTIONS, clock_of, meridiem_of
from peterental.appointments.date_parsing.expressions import DayPart, TimeWindow
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import Token

windows = RuleSet()


def _between(found: RuleMatch, *, is_span: bool) -> TimeWindow | None:
    meridiem = meridiem_of(found) if "mer" in found.names else None
    last = clock_of(found.token("b"), meridiem)
    first = clock_of(found.token("a"))
    return TimeWindow(first, last, is_span=is_span) if first and last else None


@windows.rule(
    "WINDOW",
    "BETWEEN a=(TIME|NUM) (AND|Y|TO|DASH|UNTIL) b=(TIME|NUM) mer=MER",
    "BETWEEN a=(TIME|NUM) (AND|Y|TO|DASH|UNTIL) AT? b=(TIME|NUM)",
)
def _between_times(found: RuleMatch) -> TimeWindow | None:
    return _between(found, is_span=False)


@windows.rule(
    "WINDOW",
    "(FROM|OF|AT) a=(TIME|NUM) (TO|DASH|UNTIL|AND|Y|AT) b=(TIME|NUM)",
    "a=(TIME|NUM) (TO|DASH|UNTIL) b=(TIME|NUM)",
)
def _from_to(found: RuleMatch) -> TimeWindow | None:
    return _between(found, is_span=True)


@windows.rule("WINDOW", "way=(AFTER|BEFORE|FROM) UNKNOWN+ a=TIME")
def _beside_an_event(found: RuleMatch) -> TimeWindow | None:
    """Read "after I get off at five" and "before I pick up the kids at three"."""
    clock = clock_of(found.token("a"))
    if clock is None:
        return None
    return TimeWindow(last=clock) if found.first.kind == "BEFORE" else TimeWindow(first=clock)


@windows.rule(
    "WINDOW",
    "FROM a=(TIME|NUM) (ON|ONWARD)?",
    "(AFTER|SINCE) a=(TIME|NUM) (ON|ONWARD)?",
    "a=TIME ONWARD",
    "a=TIME ON ONWARD",
    "a=NUM ONWARD",
)
def _after(found: RuleMatch) -> TimeWindow | None:
    clock = clock_of(found.token("a"))
    return TimeWindow(first=clock) if clock else None


@windows.rule("WINDOW", "a=TIME part=PARTDAY? way=BY", "a=TIME part=PARTDAY way=(ONWARD|BACKWARD)")
def _limit_behind(found: RuleMatch) -> list[Token] | None:
    """Read "three in the afternoon or later", and at the end "a las tres a más tardar"."""
    clock, way = clock_of(found.token("a")), found.token("way").kind
    if clock is None or (way == "BY" and found.after is not None):
        return None
    window = TimeWindow(first=clock) if way == "ONWARD" else TimeWindow(last=clock, has_last=_has_last(found))
    return [Token("WINDOW", window, found.first.text), *([found.token("part")] if found.has("part") else ())]


@windows.rule(
    "WINDOW",
    "way=(BEFORE|UNTIL|BY) (AT|ABOUT)? a=(TIME|NUM)",
    "a=(TIME|NUM) way=BACKWARD",
)
def _before(found: RuleMatch) -> TimeWindow | None:
    clock = clock_of(found.token("a"))
    if found.after is not None and found.after.kind == "UNIT":
        return None
    return TimeWindow(last=clock, has_last=_has_last(found)) if clock else None


def _has_last(found: RuleMatch) -> bool:
    """Return whether the limit itself is left in, as in "no later than three"; "by three" may mean to be back."""
    return found.token("way").kind == "BACKWARD" or found.value("way") == "or at"


@windows.rule(
    "WINDOW",
    "(AFTER|FROM|SINCE) a=PARTDAY",
    "(BEFORE|UNTIL|BY) b=PARTDAY",
)
def _beside_part(found: RuleMatch) -> DayPart | None:
    if "a" in found.names:
        part = found.value("a")
        return DayPart(f"after {part.name}") if isinstance(part, DayPart) else None
    part = found.value("b")
    return DayPart(f"before {part.name}") if isinstance(part, DayPart) else None


@windows.rule(
    "PARTDAY",
    "portion=(EARLY|LATE)",
)
def _early_or_late(found: RuleMatch) -> DayPart:
    return DayPart(PORTIONS[found.token("portion").kind])
