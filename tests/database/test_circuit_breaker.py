"""While the database is away one at a time waits for it; everybody else hears so at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from peterental.database.circuit_breaker import CircuitBreaker, Permit
from peterental.database.connect import DatabaseUnavailable
from peterental.database.deadline import deadline
from peterental.database.pool import Database
from tests.proxy import Proxy
from tests.servers import HANG_S, until


def test_as_long_as_nobody_waited_in_vain_everybody_goes() -> None:
    outage = CircuitBreaker()
    assert [outage.acquire() for _ in range(3)] == [Permit.ALLOW] * 3


def test_in_an_outage_one_asks_and_the_others_leave_until_its_turn_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    outage = CircuitBreaker()
    outage.trip()
    assert [outage.acquire() for _ in range(3)] == [Permit.PROBE, Permit.REJECT, Permit.REJECT]
    outage.release()
    assert [outage.acquire() for _ in range(2)] == [Permit.PROBE, Permit.REJECT]


def test_once_somebody_was_answered_everybody_goes_again() -> None:
    outage = CircuitBreaker()
    outage.trip()
    assert outage.acquire() is Permit.PROBE
    outage.reset()
    assert [outage.acquire() for _ in range(2)] == [Permit.ALLOW] * 2


def test_whoever_asks_and_never_comes_back_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", -1.0)
    outage = CircuitBreaker()
    outage.trip()
    assert [outage.acquire() for _ in range(2)] == [Permit.PROBE] * 2


@pytest.fixture
def proxy(empty_database_url: str) -> Iterator[Proxy]:
    with Proxy(empty_database_url) as proxy:
        yield proxy


class Watched(CircuitBreaker):
    """Remembers who was told what; whoever asks begins when as many as wished wait for the answer."""

    told: ClassVar[list[Permit]] = []
    others_first: ClassVar[int] = 0

    def acquire(self) -> Permit:
        acquire = super().acquire()
        self.told.append(acquire)
        if acquire is Permit.PROBE and self.others_first:
            waiting = vars(self._changes)["_waiters"]
            until(lambda: len(waiting) == self.others_first, "all the others wait for the answer")
        return acquire


@pytest.fixture
def remote(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, real_time_limits: None) -> Iterator[Database]:
    """The database as it is reached through the proxy."""
    del real_time_limits
    monkeypatch.setattr("peterental.database.pool.CircuitBreaker", Watched)
    database = Database(proxy.url, pool_size=3)
    assert database.fetch("SELECT 1 AS one") == [{"one": 1}]
    yield database
    database.close()


def ask(database: Database) -> str:
    """Ask with the patience of the phone; give what came of it."""
    with deadline(2):
        try:
            return str(database.fetch("SELECT 1 AS one")[0]["one"])
        except DatabaseUnavailable as fault:
            return str(fault)


@pytest.mark.parametrize("away", ["swallow", "shut"])
def test_while_it_is_away_one_asks_and_the_others_share_the_answer(
    remote: Database, proxy: Proxy, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    getattr(proxy, away)()
    assert ask(remote).startswith("The database does not answer: ")
    Watched.told.clear()
    monkeypatch.setattr(Watched, "others_first", 19)
    monkeypatch.setattr("peterental.database.circuit_breaker.ASK_S", HANG_S)
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, [remote] * 20))
    assert all(answer.startswith("The database does not answer: ") for answer in answers)
    assert Counter(Watched.told) == {Permit.PROBE: 1, Permit.REJECT: 19}


def test_whoever_waited_for_the_answer_goes_when_it_is_good(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert ask(remote).startswith("The database does not answer: ")
    proxy.resume()
    until(lambda: ask(remote) == "1", "it is found back")
    Watched.told.clear()
    assert ask(remote) == "1"
    assert Watched.told == [Permit.ALLOW]


def test_who_waits_while_somebody_asks_is_told_to_go_when_that_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.ASK_S", HANG_S)
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    outage = CircuitBreaker()
    outage.trip()
    assert outage.acquire() is Permit.PROBE
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(outage.acquire)
        outage.reset()
        assert waiting.result() is Permit.ALLOW


def test_the_first_who_asks_when_it_is_back_is_answered_and_then_everybody(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert ask(remote).startswith("The database does not answer: ")
    proxy.resume()
    until(lambda: ask(remote) == "1", "it is found back")
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, [remote] * 30)) == ["1"] * 30


def test_a_connection_that_breaks_under_whoever_asks_gives_the_turn_back(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert ask(remote).startswith("The database does not answer: ")
    proxy.shut()
    assert ask(remote).startswith("The database does not answer: ")
    proxy.resume()
    proxy.open()
    until(lambda: ask(remote) == "1", "it is found back")
