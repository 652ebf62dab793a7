"""Explanations: tokens, joins, reasons and the decision, for people who ask why."""

from __future__ import annotations

import pytest

from peterental.appointments.date_parsing import Asked, NotUnderstood, explain, parse_start
from peterental.appointments.date_parsing.grammar import RuleSet
from tests.appointments.date_parsing.table import context


def test_lines_name_tokens_joins_reasons_and_decision() -> None:
    lines = explain("next Tuesday at quarter past 3", context()).lines
    assert lines[0] == "phrase    next Tuesday at quarter past 3"
    assert lines[1] == "tokens    WHICH:next  WDAY:tuesday  AT:at  QUARTER:quarter  PAST:past  NUM:3"
    assert any(line.startswith("joined    'at quarter past 3' by 'minutes past' into TIME") for line in lines)
    assert "because   15:15: only this half lies in working hours" in lines
    assert lines[-1] == "decision  which-day options=Tue 2026-12-01 15:15,Tue 2026-12-08 15:15"


def test_machine_form_is_named_as_the_reason() -> None:
    lines = explain("2026-12-03T14:00", context()).lines
    assert lines[1] == "tokens    (a machine form, or nothing)"
    assert "because   written as ISO 8601" in lines


def test_explanation_of_nothing() -> None:
    found = explain(None, context())
    assert found.result == NotUnderstood()
    assert found.lines == ("phrase    None", "tokens    (a machine form, or nothing)", "decision  not-understood")


def test_search_explains_both_arguments() -> None:
    found = explain("Thursday", context(), "search", "after 3")
    assert [kind for kind, _ in found.tokens] == ["WDAY", "AFTER", "NUM"]
    assert found.entry == "search"


@pytest.mark.parametrize(
    ("phrase", "key"),
    [
        ("banana", "not-understood"), ("3 pm", "day-needed"), ("Thursday", "time-needed"), ("next Tuesday at 3", "which-day"),
        ("Tuesday at 2 or 3", "which-time"), ("2025-12-02T14:00", "confirm-day"), ("Wed Dec 8 at 3", "weekday-mismatch"),
        ("yes", "which-offer"), ("2027-03-14T02:30", "skipped-by-dst"), ("Thursday 3 pm Eastern", "zone-unclear"),
        ("2026-12-03T16:00Z", "offset-unclear"),
    ],
)  # fmt: skip
def test_question_has_a_stable_key(phrase: str, key: str) -> None:
    result = parse_start(phrase, context())
    assert getattr(result, "key", None) == key
    assert explain(phrase, context()).decision.startswith(key)


def test_question_is_remembered_by_key_and_argument() -> None:
    asked = context(asked=(Asked("confirm-day", " Half Two  Friday"), Asked("confirm-day", 5)))
    assert asked.was_asked("confirm-day", "half two friday")
    assert asked.was_asked("confirm-day", 5)
    assert not asked.was_asked("confirm-day", "half two")
    assert not asked.was_asked("which-day", "half two friday")


def test_same_phrase_is_read_the_same_twice() -> None:
    assert explain("tomorrow at 3", context()) == explain("tomorrow at 3", context())


def test_rule_that_declines_leaves_the_tokens() -> None:
    from peterental.appointments.date_parsing.tokens import tokenize  # noqa: PLC0415 - only this test needs tokens

    rules = RuleSet()
    rules.rule("DAY", "n=NUM m=MER?")(lambda found: found.number("n") if found.has("m") else None)
    kinds = [token.kind for token in rules.apply(list(tokenize("3 4 pm")))]
    assert kinds == ["NUM", "DAY"]
