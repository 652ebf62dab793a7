"""Deadlines: the earliest one counts, and none outlives its block."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from peterental.database.deadline import deadline, remaining_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock in seconds that only the test moves."""
    now_s = [100.0]
    monkeypatch.setattr("peterental.database.deadline.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    return now_s


def test_no_deadline_means_no_limit() -> None:
    assert remaining_s() is None


def test_nested_deadline_never_extends_the_outer(clock: list[float]) -> None:
    with deadline(2):
        clock[0] += 0.5
        with deadline(10):
            assert remaining_s() == 1.5
        assert remaining_s() == 1.5


def test_nested_deadline_takes_the_earlier(clock: list[float]) -> None:
    with deadline(2):
        with deadline(0.25):
            assert remaining_s() == 0.25
            clock[0] += 1
            assert remaining_s() == 0
        assert remaining_s() == 1
    assert remaining_s() is None


def test_exception_ends_the_deadline(clock: list[float]) -> None:
    with deadline(2):
        with pytest.raises(ZeroDivisionError), deadline(1):
            _ = 1 // 0
        assert remaining_s() == 2
    assert clock == [100.0]
