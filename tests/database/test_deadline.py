"""Deadlines: the earliest one counts, and connections keep to it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from peterental.database.deadline import deadline, remaining_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, in seconds, which stands still until a test moves it."""
    now_s = [100.0]
    monkeypatch.setattr("peterental.database.deadline.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    return now_s


def test_outside_a_deadline_nothing_limits_waiting() -> None:
    assert remaining_s() is None


def test_a_later_inner_deadline_does_not_extend_the_outer(clock: list[float]) -> None:
    with deadline(2):
        clock[0] += 0.5
        with deadline(10):
            assert remaining_s() == 1.5
        assert remaining_s() == 1.5


def test_an_earlier_inner_deadline_ends_with_its_block(clock: list[float]) -> None:
    with deadline(2):
        with deadline(0.25):
            assert remaining_s() == 0.25
            clock[0] += 1
            assert remaining_s() == 0
        assert remaining_s() == 1
    assert remaining_s() is None


def test_a_deadline_ends_with_its_block_when_it_raises(clock: list[float]) -> None:
    with deadline(2):
        with pytest.raises(ZeroDivisionError), deadline(1):
            _ = 1 // 0
        assert remaining_s() == 2
    assert clock == [100.0]
