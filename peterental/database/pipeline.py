"""A psycopg pipeline that sends the statements of a round trip together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg
from psycopg.generators import send

if TYPE_CHECKING:
    from psycopg.abc import PQGen


class BatchingPipeline(psycopg.Pipeline):
    """Keeps statements in memory until a result is needed, then sends them as one message.

    psycopg's own sends each statement as it is queued: a system call for each on both sides, which wakes the server for
    each. That costs more CPU time than most of the statements.
    """

    _is_synced = True
    """Whether the server has answered everything that was sent, and is still there."""

    def queue(self, command: bytes) -> None:
        """Queue a command without parameters and rows, without the cost of a cursor. Its error is raised later."""
        self.command_queue.append(partial(self.pgconn.send_query_params, command, None))
        self.result_queue.append(None)

    def _communicate_gen(self) -> PQGen[None]:
        """Leave what was queued in the queue, unless it is not the statement of a cursor."""
        if self.result_queue and self.result_queue[-1] is None:
            self._take_queue()
            yield from super()._communicate_gen()

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        """Send what was queued, and read all results."""
        self._take_queue()
        yield from super()._fetch_gen(flush=flush)

    def _sync_gen(self) -> PQGen[None]:
        """Send what was queued and a sync, and read all results."""
        self._enqueue_sync()
        try:
            self._take_queue()
            yield from send(self.pgconn)
        finally:
            yield from self._fetch_gen(flush=False)
        self._is_synced = True

    def _exit_gen(self) -> PQGen[None]:
        """End the pipeline: sync, unless nothing was queued since the last one."""
        if self.command_queue or self.result_queue or not self._is_synced:
            yield from self._sync_gen()

    def _take_queue(self) -> None:
        """Hand what was queued to libpq, which keeps it in memory until it is flushed or becomes large."""
        while self.command_queue:
            self._is_synced = False
            self.command_queue.popleft()()
