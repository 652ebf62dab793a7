"""Deadline propagation: a time limit for all database waits of a block, and the connection class that enforces it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import Diagnostic
from psycopg.pq import ConnStatus
from psycopg.rows import DictRow, RowFactory, RowMaker, dict_row

from peterental.database.migrations.private_apis import private
from peterental.database.pipeline import BatchingPipeline

GRACE_S = 0.25
"""How long the server has, after the deadline, to act on a cancel request and report the outcome."""

UNRESPONSIVE = "the server stopped responding"
"""The reason that is reported when the server does not even react to a cancel request."""

WaitTimeout: type[psycopg.Error] = private(
    "psycopg.errors",
    "_WaitTimeout",
    "In peterental/database/deadline.py, catch what psycopg.Connection.wait raises now when its timeout is over.",
)

_deadline_s: ContextVar[float | None] = ContextVar("deadline_s", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit all database waits in the block, together, to `seconds` from now.

    A statement that runs past the deadline is cancelled. If the server does not react to that, its connection is
    closed. The outcome is awaited for a moment: a commit that completes just then is reported as done.

    A nested deadline never extends the outer one: the earlier of the two counts.
    """
    deadline_s = time.monotonic() + seconds
    outer_s = _deadline_s.get()
    token = _deadline_s.set(deadline_s if outer_s is None else min(outer_s, deadline_s))
    try:
        yield
    finally:
        _deadline_s.reset(token)


def remaining_s() -> float | None:
    """Return the seconds left until the deadline, at least 0; None without a deadline."""
    deadline_s = _deadline_s.get()
    return None if deadline_s is None else max(0.0, deadline_s - time.monotonic())


class DeadlineConnection(psycopg.Connection[DictRow]):
    """A pooled connection that waits no longer than the current `deadline` allows."""

    _unresponsive = False

    _plans_once: bool | None = False
    """Whether the session plans prepared statements once; None where an error left that open."""

    deadline_passed = False
    """Whether a statement was cancelled because the deadline passed; the borrower clears it."""

    _fatal_message: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Collect the message that the server sends before it ends the session, if it sends one."""
        super().__init__(*args, **kwargs)
        self._idle_cursors: dict[bytes, psycopg.RawCursor[DictRow]] = {}
        self._used_cursors: list[tuple[bytes, psycopg.RawCursor[DictRow]]] = []
        self.add_notice_handler(self._keep_fatal)

    def cursor_for(self, query: bytes) -> psycopg.RawCursor[DictRow]:
        """Return a cursor for one execution of a query, of a borrower that used it before where there is one.

        A kept cursor knows how to convert each value; psycopg works that out again for a new one. The rows of an
        earlier execution by the same borrower stay readable: that has another cursor.

        Args:
            query: one object for all executions, with columns that are named in it.
        """
        cursor = self._idle_cursors.pop(query, None)
        if cursor is None:
            cursor = psycopg.RawCursor(self, row_factory=_named_once())
        self._used_cursors.append((query, cursor))
        return cursor

    def keep_cursors(self) -> None:
        """Leave the borrower's cursors to the next one."""
        self._idle_cursors.update(self._used_cursors)
        self._used_cursors.clear()

    def plan_as_usual(self) -> None:
        """End what `pipeline(plan_once=True)` began. One round trip, if there is anything to end."""
        if self._plans_once is not False:
            self._plans_once = False
            self.execute(b"RESET plan_cache_mode")

    def _keep_fatal(self, notice: Diagnostic) -> None:
        if notice.severity_nonlocalized in {"FATAL", "PANIC"}:
            self._fatal_message = notice.message_primary

    def reason_it_closed(self) -> str | None:
        """Return the server's reason for ending the session; None if it sent none.

        libpq reports an error that arrives between two statements as a notice, and not before it reads on: the
        statement that follows fails with "server closed the connection" only.
        """
        if self.pgconn.status == ConnStatus.BAD and self._fatal_message is None:
            self.pgconn.is_busy()  # parses what has been received
        return self._fatal_message

    @property
    def unresponsive(self) -> bool:
        """Whether the connection was closed because its server did not react to a cancel request."""
        return self._unresponsive

    @property
    def is_planning_once(self) -> bool:
        """Whether `pipeline(plan_once=True)` has nothing to do: statements are planned once, or not prepared at all."""
        return self._plans_once is True or self.prepare_threshold is None

    @contextmanager
    def pipeline(self, *, plan_once: bool = False) -> Iterator[BatchingPipeline]:
        """Queue the statements of the block: they are sent together by `sync`, by reading a result, or at the end.

        Args:
            plan_once: whether the server is to plan each prepared statement once, from now on, and not for its values
                where that seems cheaper to it.
        """
        changes_plans = plan_once and not self.is_planning_once
        pipeline = self._pipeline
        if not isinstance(pipeline, BatchingPipeline):
            pipeline = self._pipeline = BatchingPipeline(self)
        try:
            with super().pipeline():
                if changes_plans:
                    pipeline.queue(b"SET plan_cache_mode TO force_generic_plan")
                    self._plans_once = True
                yield pipeline
        except BaseException:
            if changes_plans:
                self._plans_once = None  # perhaps rolled back with the rest
            raise
        finally:
            if self._pipeline is not None and not self._pipeline.level:  # the connection was closed before
                self._pipeline = None

    def sync(self) -> None:
        """Wait until every statement sent so far is answered: one round trip for the whole pipeline.

        Reading a result waits as well, but leaves the server in the middle of the pipeline, where
        `idle_in_transaction_session_timeout` does not apply. If the client then vanished, its locks would stay.
        """
        pipeline = self._pipeline
        if pipeline is not None:
            pipeline.sync()

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server until the deadline; psycopg waits nowhere else."""
        left_s = remaining_s()
        if left_s is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(left_s, GRACE_S))
        except WaitTimeout:
            return self._cancel(gen, interval)

    def _cancel(self, gen: PQGen[RV], interval: float) -> RV:
        """Cancel the running statement and wait for its outcome: cancelled, or completed just then.

        Raises psycopg.OperationalError, and closes the connection, when no outcome arrives.
        """
        self.deadline_passed = True
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=GRACE_S)
        try:
            return super().wait(gen, interval, GRACE_S)
        except WaitTimeout:
            self._unresponsive = True
            self.close()
            raise psycopg.OperationalError(UNRESPONSIVE) from None


def _named_once() -> RowFactory[DictRow]:
    """Return a row factory of dicts for a cursor of one statement: it reads the names of the columns once."""
    make_row: RowMaker[DictRow] | None = None

    def row_factory(cursor: psycopg.Cursor[Any]) -> RowMaker[DictRow]:
        nonlocal make_row
        if make_row is None:
            make_row = dict_row(cursor)
        return make_row

    return row_factory
