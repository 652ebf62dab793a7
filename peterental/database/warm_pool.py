"""A connection pool that hands out the connection that was returned last."""

from __future__ import annotations

from psycopg_pool import ConnectionPool

from peterental.database.deadline import DeadlineConnection


class WarmPool(ConnectionPool[DeadlineConnection]):
    """Uses few connections as long as they suffice.

    psycopg's own pool hands out the connection that has been idle for longest, so all take turns. Each has a server
    process with its own memory of the schema and of prepared statements, which is no longer in the processor's caches
    then: a booking takes the server half as long again.
    """

    def _get_ready_connection(self, timeout: float | None) -> DeadlineConnection | None:
        """Return an idle connection. The first of the queue is taken: let that be the last one that was returned."""
        self._pool.rotate()
        return super()._get_ready_connection(timeout)
