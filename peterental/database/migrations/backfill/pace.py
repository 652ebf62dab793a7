"""How many rows the next batch has, and how fast a backfill advances."""

from __future__ import annotations

import time
from collections.abc import Callable

from peterental.database.migrations.source.directives import MAX_BATCH

TARGET_MS = 200
"""How long one batch should take, in milliseconds: its rows stay locked that long."""

_MAX_GROWTH = 2.0
_MAX_SHRINK = 0.25
_SMOOTHING = 0.2


def next_batch_rows(batch_rows: int, *, rows: int, took_ms: float, is_contended: bool = False) -> int:
    """Return the size of the next batch.

    Args:
        batch_rows: the size of the last batch.
        rows: how many rows it found; a batch that was not full says little about a full one.
        took_ms: how long it took, in milliseconds.
        is_contended: whether another session waited for its locks.
    """
    if is_contended:
        return max(1, batch_rows // 2)
    factor = min(_MAX_GROWTH, max(_MAX_SHRINK, TARGET_MS / max(took_ms, 1.0)))
    if rows < batch_rows:
        factor = min(factor, 1.0)
    return min(MAX_BATCH, max(1, round(batch_rows * factor)))


class Rate:
    """The recent number of rows per second, pauses included.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_s: float | None = None
        self._rows_per_s: float | None = None

    def after(self, rows: int) -> float | None:
        """Return the rate after a batch of `rows` rows; None after the first one."""
        now_s, before_s = self._clock(), self._last_s
        self._last_s = now_s
        if before_s is not None:
            latest = rows / max(now_s - before_s, 1e-3)
            known = self._rows_per_s
            self._rows_per_s = latest if known is None else known + _SMOOTHING * (latest - known)
        return self._rows_per_s
