"""How much of a process the API may take, so that a tool cannot keep callers waiting.

The limits are of one process: with several workers a token has as many times as much. They need no query, and what has
to be kept free for phone calls are the threads and connections of each process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from peterental.web.api.problems import ApiError

REQUESTS_PER_S = 5.0
"""The steady rate of one token."""

BURST = 60
"""Requests that a token may send at once after a pause."""

MAX_BUCKETS = 1_000


@dataclass
class _Bucket:
    left: float
    filled_at_s: float


class Limits:
    """The limits of one process.

    Args:
        threads: how many requests the process serves at once, of every kind.
        clock_s: monotonic, in seconds.
    """

    def __init__(self, threads: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._in_all = max(1, threads // 2)
        self._per_token = max(1, threads // 4)
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._buckets: dict[int, _Bucket] = {}
        self._running = 0
        self._running_of: Counter[int] = Counter()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Take one of the places for requests of the API. Raises ApiError if all are taken."""
        with self._lock:
            if self._running >= self._in_all:
                raise _wait(1, "The API is busy.")
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    @contextmanager
    def of_token(self, token_id: int) -> Iterator[None]:
        """Count a request of a token. Raises ApiError if it sends too many, or too many at once."""
        with self._lock:
            wait_s = self._take(token_id)
            if wait_s > 0:
                raise _wait(wait_s, "This token sends too many requests.")
            if self._running_of[token_id] >= self._per_token:
                raise _wait(1, "This token sends too many requests at the same time.")
            self._running_of[token_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running_of[token_id] -= 1
                if not self._running_of[token_id]:
                    del self._running_of[token_id]

    def _take(self, token_id: int) -> float:
        """Take one request from the bucket of a token; return how long to wait for it, in seconds."""
        now_s = self._clock_s()
        bucket = self._buckets.get(token_id)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._forget_full(now_s)
            bucket = self._buckets[token_id] = _Bucket(BURST, now_s)
        bucket.left = min(BURST, bucket.left + (now_s - bucket.filled_at_s) * REQUESTS_PER_S)
        bucket.filled_at_s = now_s
        if bucket.left < 1:
            return (1 - bucket.left) / REQUESTS_PER_S
        bucket.left -= 1
        return 0.0

    def _forget_full(self, now_s: float) -> None:
        full_after_s = BURST / REQUESTS_PER_S
        self._buckets = {
            token_id: bucket for token_id, bucket in self._buckets.items() if now_s - bucket.filled_at_s < full_after_s
        }


def _wait(seconds: float, sentence: str) -> ApiError:
    wait = max(1, round(seconds + 0.5))
    return ApiError("too_many_requests", f"{sentence} Wait, then try again.", headers={"Retry-After": str(wait)})
