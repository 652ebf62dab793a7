"""Phrases: what the grammar found in one, sorted by what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from peterental.appointments.date_parsing import (
    choice_rules,
    clock_rules,
    date_rules,
    day_rules,
    length_rules,
    window_rules,
)
from peterental.appointments.date_parsing.clock_rules import clock_of
from peterental.appointments.date_parsing.corrections import corrected
from peterental.appointments.date_parsing.expressions import (
    AheadMinutes,
    CalendarDate,
    Clock,
    DayExpression,
    DayPart,
    Pick,
    Shift,
    TimeWindow,
    Weekday,
    ZoneName,
)
from peterental.appointments.date_parsing.grammar import GrammarStep
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.tokens import Token, tokenize

_CASCADE = (
    clock_rules.parts,
    date_rules.dates,
    length_rules.lengths,
    clock_rules.clocks,
    day_rules.days,
    window_rules.windows,
    choice_rules.choices,
)

_IGNORED = frozenset(
    (
        "AT", "ON", "IN", "OF", "A", "AND", "Y", "DASH", "FOR", "BY", "LENGTH", "THAT",
        "OPTION", "OH", "BACK", "SHIFT_EARLIER", "SHIFT_LATER",
    )
)  # fmt: skip
"""Joining words that may be left over without a change of meaning."""

_FLAGS = frozenset(("ANY", "ASAP", "FIRST_OF", "YES", "SAME_TIME", "THIS_TIME", "NEAR_THIS_TIME", "MAYBE_THIS_TIME"))
_NEGATIONS = frozenset(("NOT", "NOT_THAT"))


@dataclass(frozen=True)
class ParsedText:
    """A text as read.

    Args:
        tokens: its tokens.
        steps: how the grammar joined them.
        alternatives: what it says; several for "Tuesday or Wednesday".
        target: what "from Tuesday at 3 to Wednesday at 4" moves to; None for any other text.
    """

    tokens: tuple[Token, ...]
    steps: tuple[GrammarStep, ...]
    alternatives: tuple[Phrase, ...]
    target: Phrase | None = None


@lru_cache(maxsize=512)
def parse_text(text: str, language: str = "en") -> ParsedText:
    """Return what a text says. Nothing of it is placed in a calendar yet.

    Args:
        text: no longer than `tokens.LONGEST_PHRASE`.
        language: the language to prefer.
    """
    tokens = tokenize(text, language)
    steps: list[GrammarStep] = []
    joined = list(tokens)
    for rules in _CASCADE:
        joined = rules.apply(joined, steps)
    return ParsedText(tokens, tuple(steps), _alternatives(joined), _target(joined))


def _alternatives(tokens: list[Token]) -> tuple[Phrase, ...]:
    """Return what the tokens say; what was corrected counts only where the correction leaves something out."""
    said: tuple[Phrase, ...] = ()
    for part in _divided(tokens, "CORRECTION"):
        later = tuple(_phrase(_with_bare_numbers(clause)) for clause in _divided(part, "OR"))
        said = tuple(corrected(said[-1], phrase) for phrase in later) if said else later
    if tokens and tokens[-1].kind == "CORRECTION":  # "Friday at 3? No."
        said = tuple(replace(phrase, flags=phrase.flags | {"NOT"}) for phrase in said)
    return said or (Phrase(),)


def _divided(tokens: list[Token], kind: str) -> list[list[Token]]:
    """Return the runs of tokens between those of a kind."""
    groups = groupby(tokens, lambda token: token.kind == kind)
    return [list(group) for is_divider, group in groups if not is_divider]


def _target(tokens: list[Token]) -> Phrase | None:
    """Return what follows the only "to" between two times, or behind "the other one": where a booking is moved to."""
    kinds = [token.kind for token in tokens]
    if kinds.count("TO") != 1:
        return None
    at = kinds.index("TO")
    names_other = any(isinstance(token.value, Pick) and token.value.comparison == "other" for token in tokens[:at])
    if not (names_other or {"DAY", "TIME"} & set(kinds[:at])) or not {"DAY", "TIME"} & set(kinds[at:]):
        return None
    return _phrase(_with_bare_numbers(tokens[at + 1 :]))


def _with_bare_numbers(tokens: list[Token]) -> list[Token]:
    """Read numbers and ordinals that are left: a day of the month where a time is known, else an hour."""
    has_clock = any(token.kind in {"TIME", "WINDOW"} for token in tokens)
    has_date = any(isinstance(token.value, CalendarDate) for token in tokens)
    padded = [None, *tokens, None]
    return [
        _bare(token, padded[at], padded[at + 2], has_clock=has_clock, has_date=has_date)
        for at, token in enumerate(tokens)
    ]


def _bare(token: Token, before: Token | None, after: Token | None, *, has_clock: bool, has_date: bool) -> Token:
    if token.kind == "ORD" and isinstance(token.value, int):
        is_day = 0 < token.value <= date_rules.LAST_DAY_OF_MONTH
        return Token("DAY" if is_day else "UNKNOWN", CalendarDate(token.value), token.text)
    if token.kind != "NUM" or not isinstance(token.value, int):
        return token
    follows_weekday = before is not None and isinstance(before.value, Weekday)
    is_long = token.text.isdigit() and len(token.text) > 2  # noqa: PLR2004 - 0005
    may_be_day = not has_date and not is_long and 0 < token.value <= date_rules.LAST_DAY_OF_MONTH
    clock = clock_of(token)
    if not has_clock and clock is not None and clock.hour <= clock_rules.NOON_HOUR:
        # "Friday 4" may be Friday the fourth: it is read so where that day is a Friday.
        return Token("BARE" if follows_weekday and may_be_day else "TIME", clock, token.text)
    if may_be_day and (has_clock or follows_weekday):
        # "On 5 at 3" and "Friday 5 at 3" name a date; "noon two" may name anything.
        # "En ocho a las tres" may be in eight days.
        is_led = before is not None and before.kind in {"ON", "IN"}
        is_named = before.kind == "ON" if is_led and before else after is not None and after.text.startswith(_AT)
        return Token("DAY", CalendarDate(token.value, is_vague=not (is_named or follows_weekday)), token.text)
    return Token("UNKNOWN", None, token.text)


_AT = ("at ", "a ", "@ ")


def _is_ignored(token: Token, at: int) -> bool:
    """Return whether a token may be left over; "to" and "from" only where a phrase begins with them."""
    return token.kind in _IGNORED or token.text == "may" or (token.kind in {"TO", "FROM"} and at == 0)


def _phrase(tokens: list[Token]) -> Phrase:
    """Sort the tokens that are left by what they say."""
    days: list[DayExpression] = []
    windows: list[TimeWindow] = []
    parts: list[DayPart] = []
    lists: dict[str, list[object]] = {
        kind: [] for kind in ("TIME", "BARE", "INSTANT", "SHIFT", "PICK", "ZONENAME", "EXCLUDED")
    }
    flags: set[str] = set()
    unknown: list[str] = []
    for at, token in enumerate(tokens):
        if isinstance(token.value, DayPart) and token.kind != "EXCLUDED":
            parts.append(token.value)
        elif token.kind == "MER":
            parts.append(DayPart(str(token.value)))
        elif token.kind == "DAY" and isinstance(token.value, DayExpression):
            days.append(token.value)
        elif token.kind == "WINDOW" and isinstance(token.value, TimeWindow):
            windows.append(token.value)
        elif token.kind in lists:
            lists[token.kind].append(token.value)
        elif token.kind in _NEGATIONS:
            flags.add("NOT")
        elif token.kind in _FLAGS:
            flags.add(token.kind)
        elif not _is_ignored(token, at):
            unknown.append(token.text)
    return Phrase(
        days=tuple(days),
        clocks=tuple(value for value in lists["TIME"] if isinstance(value, Clock)),
        bare=tuple(value for value in lists["BARE"] if isinstance(value, Clock)),
        parts=tuple(parts),
        windows=tuple(windows),
        excluded=tuple(lists["EXCLUDED"]),
        instants=tuple(value for value in lists["INSTANT"] if isinstance(value, AheadMinutes)),
        shifts=tuple(value for value in lists["SHIFT"] if isinstance(value, Shift)),
        picks=tuple(value for value in lists["PICK"] if isinstance(value, Pick)),
        zones=tuple(value for value in lists["ZONENAME"] if isinstance(value, ZoneName)),
        flags=frozenset(flags),
        unknown=tuple(unknown),
    )
