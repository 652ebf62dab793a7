"""Few threads take requests, and one more for each that is held up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from peterental.serving.concurrency import ConcurrencyLimit, Slot
from tests.servers import HANG_S, until


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched() -> list[None]:
    """An entry for each call of `watch`."""
    return []


@pytest.fixture
def limit(clock: Clock, watched: list[None]) -> ConcurrencyLimit:
    """Two at once; held up after a second."""
    return ConcurrencyLimit(2, 1.0, lambda: watched.append(None), clock)


class Waiting:
    """A thread that waits to take requests, and those that have."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.entered: list[Slot] = []
        self._limit = limit
        self._threads: list[threading.Thread] = []

    def add(self) -> None:
        thread = threading.Thread(target=lambda: self.entered.append(self._limit.enter()))
        thread.start()
        self._threads.append(thread)

    def join(self) -> None:
        self._limit.lift(len(self._threads))
        for thread in self._threads:
            thread.join(HANG_S)


@pytest.fixture
def waiting(limit: ConcurrencyLimit) -> Iterator[Waiting]:
    waiting = Waiting(limit)
    yield waiting
    waiting.join()


def test_a_third_thread_waits(limit: ConcurrencyLimit, waiting: Waiting) -> None:
    limit.enter()
    limit.enter()
    waiting.add()
    assert not limit.lend()
    assert not waiting.entered


def test_a_thread_joins_for_each_one_that_is_held_up(limit: ConcurrencyLimit, clock: Clock, waiting: Waiting) -> None:
    first, second = limit.enter(), limit.enter()
    waiting.add()
    waiting.add()
    limit.begin(first)
    clock.now = 0.5
    limit.begin(second)
    clock.now = 1.2
    assert not limit.lend(), "the one that joins is not at work"
    until(lambda: len(waiting.entered) == 1, "one joins for the first")
    limit.begin(waiting.entered[0])
    assert limit.lend(), "nobody is free, so it must be called again"
    assert len(waiting.entered) == 1, "the second is not held up yet"
    clock.now = 1.6
    assert not limit.lend()
    until(lambda: len(waiting.entered) == 2, "one joins for the second")


def test_who_was_held_up_waits_for_its_turn(limit: ConcurrencyLimit, clock: Clock) -> None:
    held_up, other = limit.enter(), limit.enter()
    limit.begin(held_up)
    clock.now = 2.0
    limit.lend()
    third = limit.enter()
    ended = threading.Thread(target=limit.end, args=(held_up,))
    ended.start()
    for slot in (other, third):
        limit.begin(slot)
        limit.end(slot)
    assert ended.is_alive(), "two others take requests"
    limit.begin(other)
    clock.now = 4.0
    limit.lend()
    ended.join(HANG_S)
    assert not ended.is_alive()


def test_work_that_ends_in_time_is_nobodys_turn(limit: ConcurrencyLimit, clock: Clock, waiting: Waiting) -> None:
    slot = limit.enter()
    limit.enter()
    waiting.add()
    for _ in range(3):
        limit.begin(slot)
        clock.now += 0.9
        limit.lend()
        limit.end(slot)
    assert not waiting.entered


def test_it_is_watched_only_while_all_are_at_work(limit: ConcurrencyLimit, clock: Clock, watched: list[None]) -> None:
    first, second = limit.enter(), limit.enter()
    limit.begin(first)
    assert not watched, "the other one is free"
    limit.begin(second)
    limit.end(second)
    limit.begin(second)
    assert len(watched) == 1, "once, until it was looked at"
    assert limit.is_watched
    limit.end(second)
    clock.now = 0.5
    assert not limit.lend()
    limit.begin(second)
    assert len(watched) == 2


def test_all_pass_when_it_is_lifted(limit: ConcurrencyLimit, waiting: Waiting) -> None:
    limit.enter()
    limit.enter()
    for _ in range(3):
        waiting.add()
    limit.lift(5)
    until(lambda: len(waiting.entered) == 3, "all pass")
