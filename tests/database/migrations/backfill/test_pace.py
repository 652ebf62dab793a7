"""Batches grow and shrink towards their target time."""

from __future__ import annotations

import pytest

from peterental.database.migrations.backfill.pace import TARGET_MS, Rate, next_batch_rows
from peterental.database.migrations.source.directives import MAX_BATCH


@pytest.mark.parametrize(
    ("took_ms", "expected"),
    [(0, 2_000), (50, 2_000), (150, 1_333), (TARGET_MS, 1_000), (400, 500), (60_000, 250)],
)
def test_size_follows_the_duration_within_limits(took_ms: float, expected: int) -> None:
    assert next_batch_rows(1_000, rows=1_000, took_ms=took_ms) == expected


def test_batch_that_was_not_full_does_not_grow() -> None:
    assert next_batch_rows(1_000, rows=3, took_ms=1) == 1_000
    assert next_batch_rows(1_000, rows=3, took_ms=400) == 500


def test_size_stays_between_one_row_and_the_maximum() -> None:
    assert next_batch_rows(1, rows=1, took_ms=90_000) == 1
    assert next_batch_rows(1, rows=1, took_ms=1, is_contended=True) == 1
    assert next_batch_rows(MAX_BATCH, rows=MAX_BATCH, took_ms=1) == MAX_BATCH


def test_waiting_session_halves_the_batch() -> None:
    assert next_batch_rows(1_000, rows=1_000, took_ms=1, is_contended=True) == 500


def test_rate_follows_recent_batches() -> None:
    times = iter([0.0, 1.0, 2.0])
    rate = Rate(lambda: next(times))
    assert rate.after(100) is None
    assert rate.after(100) == 100
    assert rate.after(200) == 120
