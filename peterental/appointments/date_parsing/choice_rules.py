"""Rules for changes of a booking, choices from an offer, time zones and negations."""

from __future__ import annotations

from peterental.appointments.date_parsing.expressions import (
    Duration,
    Pick,
    Shift,
    ZoneName,
)
from peterental.appointments.date_parsing.grammar import RuleMatch, RuleSet
from peterental.appointments.date_parsing.tokens import Token

_ONE = frozenset(("one", "una", "uno"))

choices = RuleSet()


@choices.rule(
    "SHIFT",
    "length=DUR way=(LATER|EARLIER|ONWARD)",
    "(LATER|EARLIER|BACK|ONWARD) (BY)? length=DUR",
    "length=DUR way=BACK",
)
def _shift(found: RuleMatch) -> Shift | None:
    length = found.value("length")
    if not isinstance(length, Duration) or length.is_vague or length.is_month:
        return None
    sign = -1 if found.contains("EARLIER") else 1
    return Shift(sign * length.minutes, sign * length.days)


@choices.rule(
    "PICK",
    "OPTION n=NUM",
    "mid=MID one=NUM",
    "any=ANY one=NUM",
)
def _numbered_choice(found: RuleMatch) -> Pick | None:
    if "n" in found.names:
        return Pick(found.number("n") - 1, is_explicit=True) if found.number("n") > 0 else None
    if found.token("one").text not in _ONE:
        return None
    return Pick(comparison="middle" if "mid" in found.names else "", is_explicit=True)


@choices.rule(
    "PICK",
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
        return Pick(found.number("n") - 1, is_explicit=True) if "one" in found.names else None
    return Pick(-1 if "last" in found.names else 0, is_explicit=True)


@choices.rule(
    "PICK",
    "t=(TIME|PARTDAY|DAY) one=NUM",
    "one=NUM t=(TIME|PARTDAY|DAY)",
)
def _the_one_at(found: RuleMatch) -> list[Token] | None:
    if found.token("one").text not in _ONE:
        return None
    return [found.token("t"), Token("PICK", Pick(is_explicit=True), "one")]


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


@choices.rule(
    "EXCLUDED",
    "NOT (IN|ON|AT)? x=(DAY|PARTDAY|WINDOW|TIME)",
)
def _negation(found: RuleMatch) -> object:
    return found.value("x")


@choices.rule(
    "EXCLUDED",
    "not=EXCLUDED (OR|AND|NOT) x=(DAY|PARTDAY|WINDOW)",
)
def _negations(found: RuleMatch) -> list[Token] | None:
    # "not Tuesday or Wednesday"; but "not Tuesday, Wednesday at 3" names the day that suits.
    return [found.token("not"), Token("EXCLUDED", found.value("x"), found.token("x").text)]
