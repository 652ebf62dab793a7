"""While the database is unavailable, one thread probes it and the others fail fast."""

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


def test_closed_breaker_allows_all_callers() -> None:
    breaker = CircuitBreaker()
    assert [breaker.acquire() for _ in range(3)] == [Permit.ALLOW] * 3


def test_open_breaker_allows_one_probe_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    breaker = CircuitBreaker()
    breaker.trip()
    assert [breaker.acquire() for _ in range(3)] == [Permit.PROBE, Permit.REJECT, Permit.REJECT]
    breaker.release()
    assert [breaker.acquire() for _ in range(2)] == [Permit.PROBE, Permit.REJECT]


def test_reset_closes_the_breaker() -> None:
    breaker = CircuitBreaker()
    breaker.trip()
    assert breaker.acquire() is Permit.PROBE
    breaker.reset()
    assert [breaker.acquire() for _ in range(2)] == [Permit.ALLOW] * 2


def test_reset_ends_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    breaker = CircuitBreaker()
    breaker.trip()
    assert breaker.acquire() is Permit.PROBE
    breaker.reset()
    breaker.trip()
    assert breaker.acquire() is Permit.PROBE


def test_an_unreleased_probe_expires_with_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", -1.0)
    breaker = CircuitBreaker()
    breaker.trip()
    assert [breaker.acquire() for _ in range(2)] == [Permit.PROBE] * 2


@pytest.fixture
def proxy(empty_database_url: str) -> Iterator[Proxy]:
    with Proxy(empty_database_url) as proxy:
        yield proxy


class RecordingBreaker(CircuitBreaker):
    """Records every permit; a probe starts only when `waiting_first` other threads wait for its result."""

    permits: ClassVar[list[Permit]] = []
    waiting_first: ClassVar[int] = 0

    def acquire(self) -> Permit:
        permit = super().acquire()
        self.permits.append(permit)
        if permit is Permit.PROBE and self.waiting_first:
            waiting = vars(self._changes)["_waiters"]
            until(lambda: len(waiting) == self.waiting_first, "the other threads wait for the probe")
        return permit


@pytest.fixture
def remote(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, real_time_limits: None) -> Iterator[Database]:
    """The database, reached through the proxy."""
    del real_time_limits
    monkeypatch.setattr("peterental.database.pool.CircuitBreaker", RecordingBreaker)
    database = Database(proxy.url, pool_size=3)
    assert database.fetch("SELECT 1 AS one") == [{"one": 1}]
    yield database
    database.close()


def query(database: Database) -> str:
    """Query the database within the deadline of a phone call; return the answer or the fault."""
    with deadline(2):
        try:
            return str(database.fetch("SELECT 1 AS one")[0]["one"])
        except DatabaseUnavailable as fault:
            return str(fault)


@pytest.mark.parametrize("outage", ["swallow", "shut"])
def test_waiting_threads_share_a_failed_probe(
    remote: Database, proxy: Proxy, outage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    getattr(proxy, outage)()
    assert query(remote).startswith("The database does not answer: ")
    RecordingBreaker.permits.clear()
    monkeypatch.setattr(RecordingBreaker, "waiting_first", 19)
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_TIMEOUT_S", HANG_S)
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(query, [remote] * 20))
    assert all(answer.startswith("The database does not answer: ") for answer in answers)
    assert Counter(RecordingBreaker.permits) == {Permit.PROBE: 1, Permit.REJECT: 19}


def test_breaker_closes_when_the_database_recovers(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert query(remote).startswith("The database does not answer: ")
    proxy.resume()
    until(lambda: query(remote) == "1", "the database has recovered")
    RecordingBreaker.permits.clear()
    assert query(remote) == "1"
    assert RecordingBreaker.permits == [Permit.ALLOW]


def test_waiting_threads_share_a_successful_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_TIMEOUT_S", HANG_S)
    monkeypatch.setattr("peterental.database.circuit_breaker.PROBE_LEASE_S", HANG_S)
    breaker = CircuitBreaker()
    breaker.trip()
    assert breaker.acquire() is Permit.PROBE
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(breaker.acquire)
        breaker.reset()
        assert waiting.result() is Permit.ALLOW


def test_recovered_database_serves_all_threads(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert query(remote).startswith("The database does not answer: ")
    proxy.resume()
    until(lambda: query(remote) == "1", "the database has recovered")
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(query, [remote] * 30)) == ["1"] * 30


def test_a_probe_that_breaks_releases_the_lease(remote: Database, proxy: Proxy) -> None:
    proxy.swallow()
    assert query(remote).startswith("The database does not answer: ")
    proxy.shut()
    assert query(remote).startswith("The database does not answer: ")
    proxy.resume()
    proxy.open()
    until(lambda: query(remote) == "1", "the database has recovered")
