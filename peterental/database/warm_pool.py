"""A connection pool that has borrowers wait a moment for the connection that is in use, before it hands out another."""

from __future__ import annotations

import threading
import time
from typing import Any

from psycopg_pool import ConnectionPool

from peterental.database.deadline import DeadlineConnection

PATIENCE_S = 0.01
"""Once a connection has been in use for so long, others are handed out as well."""


class WarmPool(ConnectionPool[DeadlineConnection]):
    """Uses one connection as long as that suffices, and then as few as possible.

    Each connection has a server process with its own memory of the schema and of prepared statements. Where several
    take turns, none finds its own in the processor's caches: a booking takes the server up to half as long again, which
    is more than its wait for the only one. psycopg's own pool even hands out the connection that has been idle for
    longest.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what the pool of psycopg takes."""
        self._turn = threading.Lock()
        self._in_turn: DeadlineConnection | None = None
        """The connection whose return releases `_turn`."""
        self._taken_s = 0.0
        super().__init__(*args, **kwargs)

    def getconn(self, timeout: float | None = None) -> DeadlineConnection:
        """Take a connection, as of psycopg's pool, but wait first for the one in use if it was taken just now."""
        has_turn = self._await_turn()
        try:
            connection = super().getconn(timeout)
        except BaseException:
            if has_turn:
                self._turn.release()
            raise
        if has_turn:
            self._in_turn = connection
        return connection

    def putconn(self, conn: DeadlineConnection) -> None:
        """Return a connection to the pool."""
        has_turn = conn is self._in_turn
        if has_turn:
            self._in_turn = None
        try:
            super().putconn(conn)
        finally:
            if has_turn:
                self._turn.release()

    def _await_turn(self) -> bool:
        """Wait until no connection is in use that was taken in its turn; return False where that takes too long."""
        has_turn = self._turn.acquire(blocking=False)
        if not has_turn:
            left_s = self._taken_s + PATIENCE_S - time.monotonic()
            has_turn = left_s > 0 and self._turn.acquire(timeout=left_s)
        if has_turn:
            self._taken_s = time.monotonic()
        return has_turn

    def _get_ready_connection(self, timeout: float | None) -> DeadlineConnection | None:
        """Return an idle connection. The first of the queue is taken: let that be the last one that was returned."""
        self._pool.rotate()
        return super()._get_ready_connection(timeout)
