"""Workers share the connections evenly."""

from __future__ import annotations

import os

import pytest

from peterental.serving.balance import Balance


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("ours", "ahead"), [(0, False), (5, False), (6, False), (7, True), (55, True), (56, False)])
def test_a_worker_is_ahead_with_two_more_than_another(ours: int, ahead: bool) -> None:  # noqa: FBT001  # a parameter
    balance = Balance(Clock())
    balance.report(1, ours)
    balance.report(2, 5)
    balance.report(3, 99)
    assert balance.is_ahead(1, ours) is ahead


def test_a_single_worker_is_never_ahead() -> None:
    balance = Balance(Clock())
    balance.report(1, 20)
    assert not balance.is_ahead(1, 20)


def test_workers_that_ended_do_not_count() -> None:
    clock = Clock()
    balance = Balance(clock)
    balance.report(2, 0)
    balance.report(3, 0)
    assert balance.is_ahead(1, 5)
    balance.leave(3)
    clock.now_s += 2
    assert balance.is_ahead(1, 5)
    clock.now_s += 2
    assert not balance.is_ahead(1, 5), "the other was killed, and reports no more"


def test_the_figures_are_shared_by_processes() -> None:
    balance = Balance(Clock())
    pid = os.fork()
    if pid == 0:  # pragma: no cover  # the child ends without a report of its coverage
        balance.report(2, 7)
        os._exit(0)
    os.waitpid(pid, 0)
    assert balance.is_ahead(1, 9)
