"""The section `understanding` counts right, wrong and open phrases, and our parser meets its targets."""

from __future__ import annotations

from datetime import datetime

import pytest

from bench import understanding
from bench.understanding.peer_program import attempted
from bench.understanding.peers import Answers, names
from tests.appointments.date_parsing.table import SUNDAY, Row

pytestmark = pytest.mark.untraced

TABLE = [
    Row(SUNDAY, "tomorrow at 3 pm", "exactly Mon 2026-11-30 15:00"),
    Row(SUNDAY, "tomorrow at 4 pm", "exactly Mon 2026-11-30 16:00"),
    Row(SUNDAY, "tomorrow", "time-needed search=(search days=Mon 2026-11-30)"),
]
THREE = datetime(2026, 11, 30, 15)  # noqa: DTZ001 - a wall clock


def test_answers_are_counted_by_what_was_meant() -> None:
    other = Answers("other 1", [THREE, THREE, THREE], [1.0, 2.0, 3.0], [None, 5.0])
    table = understanding._understood(TABLE, [understanding._ours(TABLE), other])
    assert table.rows == [(understanding._OURS, "2", "0", "0", "0", "1"), ("other 1", "1", "1", "0", "1", "0")]
    assert all(promise.holds for promise in table.promises)


def test_parser_that_gives_up_is_named_so() -> None:
    other = Answers("other 1", [None] * 3, [1.0, 2.0, 3.0], [None, 5.0])
    table = understanding._speed([other])
    assert table.rows == [("other 1", "2 us", "4 us", "over 60 s", "5.00 ms")]


def test_exception_of_a_parser_counts_as_nothing() -> None:
    def broken(_: str, __: datetime) -> datetime | None:
        raise ValueError

    assert attempted(broken, "tomorrow", THREE) is None
    assert attempted(lambda _, now: now, "tomorrow", THREE) == THREE


def test_every_parser_is_pinned_and_known() -> None:
    from bench.understanding.peer_program import PARSERS  # noqa: PLC0415 - beside its only use

    assert [name.partition("==")[0] for name in names()] == list(PARSERS)
