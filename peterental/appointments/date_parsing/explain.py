"""Why a phrase means what it means: tokens, joins, reasons and the decision, as data and as lines."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.parser import Entry, read_change, read_search, read_start
from peterental.appointments.date_parsing.result import (
    Clarification,
    DayRange,
    ExactTime,
    MinuteRange,
    Option,
    Result,
    Search,
)

_UNSHOWN = frozenset(("from_words", "choices"))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """How one argument was read.

    Args:
        phrase: the argument, as text.
        entry: the entry point.
        tokens: kind and text of each token, in order.
        steps: what the grammar joined: the rule, the text, and what it was joined into.
        reasons: why readings were taken or dropped.
        result: the decision.
        decision: the decision in a line, times on the agent's wall clock.
    """

    phrase: str
    entry: Entry
    tokens: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, str, str], ...]
    reasons: tuple[str, ...]
    result: Result
    decision: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The explanation as lines of text."""
        return (
            f"phrase    {self.phrase}",
            f"tokens    {'  '.join(f'{kind}:{text}' for kind, text in self.tokens) or '(a machine form, or nothing)'}",
            *(f"joined    {text!r} by {rule!r} into {made}" for rule, text, made in self.steps),
            *(f"because   {reason}" for reason in self.reasons),
            f"decision  {self.decision}",
        )


def explain(phrase: object, context: Context, entry: Entry = "start", time_of_day: object = None) -> Explanation:
    """Return how an argument is read.

    Args:
        phrase: the argument; the `date` for a search.
        context: what it is read against.
        entry: which entry point reads it: `start`, `change` or `search`.
        time_of_day: the second argument of a search.
    """
    result: Result
    reasons: tuple[str, ...] = ()
    if entry == "search":
        result, texts = read_search(phrase, time_of_day, context)
    else:
        reading = (read_change if entry == "change" else read_start)(phrase, context)
        result, reasons = reading.result, reading.reasons
        texts = (reading.parsed,) if reading.parsed else ()
    return Explanation(
        phrase=str(phrase),
        entry=entry,
        tokens=tuple((token.kind, token.text) for text in texts for token in text.tokens),
        steps=tuple(
            (step.rule, step.text, f"{step.kind} {_shortened(step.value)}") for text in texts for step in text.steps
        ),
        reasons=tuple(dict.fromkeys(reasons)),
        result=result,
        decision=described(result, context),
    )


def _shortened(value: object) -> str:
    """Return what the grammar made, without the fields that have their default."""
    if isinstance(value, (list, tuple)):
        return " ".join(_shortened(item) for item in value)
    if not is_dataclass(value):
        return str(value)
    shown = (
        f"{field.name}={_shortened(found)}"
        for field in fields(value)
        if (found := getattr(value, field.name)) not in (field.default, None, False, (), "")
    )
    return f"{type(value).__name__}({', '.join(shown)})"


def described(result: Result, context: Context) -> str:
    """Return a result in a line, with times on the agent's wall clock."""
    if isinstance(result, ExactTime):
        note = f" ({result.assumed})" if result.assumed else ""
        return f"exactly {result.start.astimezone(context.zone):%a %Y-%m-%d %H:%M}{note}"
    name = result.key if isinstance(result, Clarification) else "search"
    values = {field.name: getattr(result, field.name) for field in fields(result) if field.name not in _UNSHOWN}
    shown = [f"{label}={_text(value, context)}" for label, value in values.items() if not _is_unset(value)]
    return " ".join([name, *shown])


def _is_unset(value: object) -> bool:
    return value is None or value is False or value in ((), frozenset(), "")


def _text(value: object, context: Context) -> str:
    match value:
        case tuple() | frozenset():
            text = ",".join(_text(item, context) for item in value)
        case DayRange(first=first, last=last):
            text = f"{first:%a %Y-%m-%d}" if first == last else f"{first}..{last}"
        case MinuteRange(from_min=low, until_min=high):
            text = f"{_clock(low)}-{_clock(high)}"
        case Option(day=day, clock_min=minutes):
            text = f"{day:%a %Y-%m-%d}" + ("" if minutes is None else f" {_clock(minutes)}")
        case datetime():
            text = f"{value.astimezone(context.zone):%a %Y-%m-%d %H:%M}"
        case Search():
            text = f"({described(value, context)})"
        case _:
            text = str(value)
    return text


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
