"""How many of a worker's threads take requests at the same time.

Threads that are at work together cost each other time. They take turns with Python's interpreter, and each has its own
database connection: the more of them are in use, the more server processes share the processor's caches. So few
threads take requests. When they are held up, by a lock, a slow calendar or a long page, others join them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Slot:
    """One thread of the worker. Its attributes belong to the `ConcurrencyLimit`."""

    __slots__ = ("began_s", "is_lent")

    def __init__(self) -> None:
        self.began_s: float | None = None
        """When its event began; None while it waits for one."""
        self.is_lent = False
        """Whether another thread takes requests in its place."""


class ConcurrencyLimit:
    """Lets `at_once` threads take requests, and one more for each of them that is held up.

    Each thread calls `enter` before it waits for an event, `begin` when it has one, and `end` after it.

    Args:
        at_once: the number of threads that take requests while none is held up.
        held_up_s: a thread that is at work on one event for so long, in seconds, counts as held up.
        watch: called when all threads that take requests are at work, from the last one; `lend` must be called soon.
        clock: seconds.
    """

    def __init__(
        self, at_once: int, held_up_s: float, watch: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._held_up_s = held_up_s
        self._watch = watch
        self._clock = clock
        self._permits = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._at_work: set[Slot] = set()
        self._limit = at_once
        self.is_watched = False
        """Whether all threads that take requests were at work, so that `lend` has to be called."""

    def enter(self) -> Slot:
        """Wait until the calling thread, which is a new one, may take requests."""
        self._permits.acquire()
        return Slot()

    def begin(self, slot: Slot) -> None:
        """Record that a thread has an event."""
        with self._lock:
            slot.began_s = self._clock()
            self._at_work.add(slot)
            starts_watch = not self.is_watched and len(self._at_work) >= self._limit
            self.is_watched |= starts_watch
        if starts_watch:
            self._watch()

    def end(self, slot: Slot) -> None:
        """Record that a thread is done with its event, and wait until it may take another one."""
        with self._lock:
            self._at_work.remove(slot)
            was_lent, slot.is_lent = slot.is_lent, False
            self._limit -= was_lent
        if was_lent:
            self._permits.acquire()

    def lend(self) -> bool:
        """Let another thread take requests for each one that is held up; return whether to call this again soon."""
        with self._lock:
            latest_s = self._clock() - self._held_up_s
            for slot in self._at_work:
                if not slot.is_lent and slot.began_s is not None and slot.began_s <= latest_s:
                    slot.is_lent = True
                    self._limit += 1
                    self._permits.release()
            self.is_watched = len(self._at_work) >= self._limit
            return self.is_watched

    def lift(self, threads: int) -> None:
        """Let all threads pass, because the worker stops."""
        self._permits.release(threads)
