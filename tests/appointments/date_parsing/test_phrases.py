"""Every phrase of the table is read as its right answer, and none of them as another time."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from peterental.appointments.date_parsing import ExactTime, explain
from tests.appointments.date_parsing.table import Row, context, rows

ROWS = list(rows())
MACHINE = re.compile(r"[+-]\d{4}|GMT$|\d{4}-", re.ASCII)


def test_table_is_large_and_has_three_todays() -> None:
    assert len(ROWS) >= 400
    assert len({row.now for row in ROWS}) == 3
    assert len({(row.now, row.phrase) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.now:%a} {row.phrase}")
def test_phrase_has_its_right_answer(row: Row) -> None:
    assert explain(row.phrase, context(row.now)).decision == row.answer


@pytest.mark.parametrize("change", [str.upper, "  {} please ".format, "uh, {}".format])
def test_case_and_filler_change_nothing(change: Callable[[str], str]) -> None:
    for row in ROWS:
        if row.phrase[:1].isalpha() and not MACHINE.search(row.phrase):
            assert explain(change(row.phrase), context(row.now)).decision == row.answer, row.phrase


@pytest.mark.parametrize(
    "phrase",
    [
        "noon two", "2:30 thirty", "two 3 pm", "one pm two", "tomorrow noon 5th", "today at 3 in the morning",
        "the first, Tuesday the 5th at 2:30", "the day before at noon", "weeks tomorrow Tuesday at 2", "tomorrow at 3 and 4",
        "Friday 3 5", "Tuesday at 3 an hour later", "the second one tomorrow at 3", "same time tomorrow at 3",
        "tomorrow at 3 the last", "early tomorrow at 3:30 and 4:30", "today at 02:30", "tomorrow 3 pm 4 pm", "Monday at 3 not",
        "tomorrow at 3 ish or so 4", "last month on the 5th at 3", "3 days ago at 3", "tomorrow at 3 ago",
    ],
)  # fmt: skip
def test_leftover_words_book_nothing(phrase: str) -> None:
    assert not isinstance(explain(phrase, context()).result, ExactTime)
