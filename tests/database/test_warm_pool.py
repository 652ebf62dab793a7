"""The pool of the web and of jobs: one warm connection, others where it is not returned soon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import PoolClosed, PoolTimeout

from peterental.database import warm_pool
from peterental.database.deadline import DeadlineConnection
from peterental.database.warm_pool import WarmPool
from tests.servers import HANG_S


@pytest.fixture
def pool(empty_database_url: str) -> Iterator[WarmPool]:
    """Yield a pool of two idle connections."""
    with WarmPool(
        empty_database_url,
        connection_class=DeadlineConnection,
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=2,
        max_size=2,
        timeout=HANG_S,
    ) as pool:
        pool.wait(HANG_S)
        yield pool


class ObservedLock:
    """A lock that tells when somebody is about to wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_awaited = threading.Event()
        self.release = self._lock.release

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as of a lock
        """Acquire it."""
        if blocking:
            self.is_awaited.set()
        return self._lock.acquire(blocking, timeout)


def test_a_borrower_waits_for_the_connection_in_use(pool: WarmPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_pool, "PATIENCE_S", HANG_S)
    lock = ObservedLock()
    monkeypatch.setattr(pool, "_turn", lock)
    first = pool.getconn()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.getconn)
        assert lock.is_awaited.wait(HANG_S)
        pool.putconn(first)
        second = waiting.result(HANG_S)
    assert second is first
    pool.putconn(second)


def test_another_connection_is_handed_out_where_one_is_not_returned_soon(
    pool: WarmPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_pool, "PATIENCE_S", 0)
    first, second = pool.getconn(), pool.getconn()
    assert first is not second
    pool.putconn(first)
    third = pool.getconn()
    assert third is first  # the borrower of the second one is not waited for
    pool.putconn(second)
    pool.putconn(third)


def test_the_connection_returned_last_is_the_next_one(pool: WarmPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_pool, "PATIENCE_S", 0)
    both = pool.getconn(), pool.getconn()
    for connection in both:
        pool.putconn(connection)
        assert pool.getconn() is connection
        pool.putconn(connection)


def test_a_failed_wait_for_a_connection_holds_up_nobody(pool: WarmPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_pool, "PATIENCE_S", 0)
    taken = [pool.getconn(), pool.getconn()]
    pool.putconn(taken[0])
    pool.putconn(taken[1])
    with monkeypatch.context() as patch:

        def none(_self: object, _timeout: float | None) -> None:
            raise PoolTimeout

        patch.setattr(WarmPool, "_get_ready_connection", none)
        with pytest.raises(PoolTimeout):
            pool.getconn()
    monkeypatch.setattr(warm_pool, "PATIENCE_S", HANG_S)
    connection = pool.getconn()
    pool.putconn(connection)


def test_a_connection_that_broke_gives_its_turn_back(pool: WarmPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_pool, "PATIENCE_S", HANG_S)
    broken = pool.getconn()
    broken.close()
    pool.putconn(broken)
    connection = pool.getconn()
    assert not connection.closed
    pool.putconn(connection)
    pool.close()
    with pytest.raises(PoolClosed):
        pool.getconn()
    with pytest.raises(PoolClosed):
        pool.getconn()


def test_rows_of_an_earlier_execution_stay_readable(pool: WarmPool) -> None:
    query = b"SELECT $1::int AS number"
    connection = pool.getconn()
    with connection.pipeline():
        cursors = [connection.cursor_for(query).execute(query, [number]) for number in (1, 2)]
        assert [cursor.fetchall() for cursor in cursors] == [[{"number": 1}], [{"number": 2}]]
    connection.keep_cursors()
    pool.putconn(connection)


def test_the_next_borrower_has_the_cursor_of_the_last_one(pool: WarmPool) -> None:
    query = b"SELECT $1::int AS number, $2::text AS word"
    connection = pool.getconn()
    first = connection.cursor_for(query)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        first.execute(query, ["no number", "a"])
    connection.keep_cursors()
    second = connection.cursor_for(query)
    assert second is first
    for number, word in ((1, "a"), (2, None), (3, "c")):
        assert second.execute(query, [number, word]).fetchall() == [{"number": number, "word": word}]
    pool.putconn(connection)
