"""Reduce old calls: remove what was said, and keep times, costs and outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from peterental.appointments.retention_repository import BookingRetentionRepository
from peterental.audit.personal_data_repository import AuditPersonalDataRepository
from peterental.calls.retention_repository import CallRetentionRepository
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.messages.retention_repository import MessageRetentionRepository
from peterental.notices.retention_repository import NoticeRetentionRepository

BATCH_SIZE = 200
"""Rows that one transaction changes: it holds their locks for some ten milliseconds."""

PAUSE_S = 0.02
"""Between two batches, for others."""


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What a reduction changed, or would change.

    Args:
        calls: calls and chats, with their tool calls.
        tool_calls: tool calls without a call.
        caller_numbers: bookings whose viewing is over, from which the caller's number was removed.
        messages: messages that are done, which were deleted.
        notices: notices, texts that were received, and places on the waitlist that are over, which were deleted.
        open_messages: old messages that are kept because they are open.
    """

    calls: int = 0
    tool_calls: int = 0
    caller_numbers: int = 0
    messages: int = 0
    notices: int = 0
    open_messages: int = 0

    @property
    def total(self) -> int:
        """The number of changed rows."""
        return self.calls + self.tool_calls + self.caller_numbers + self.messages + self.notices


class RetentionService:
    """The retention of the calls of one database.

    Work is done in small batches, each a transaction of its own. It may be interrupted at any moment, repeated, and run
    twice at once: a batch takes what is due and not locked, and what one run leaves the next one finds.

    Args:
        database: where the calls are stored.
        now: returns the current time, aware.
        pause_s: seconds between two batches.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now, *, pause_s: float = PAUSE_S) -> None:
        self._database = database
        self._calls = CallRetentionRepository(database)
        self._bookings = BookingRetentionRepository(database)
        self._messages = MessageRetentionRepository(database)
        self._notices = NoticeRetentionRepository(database)
        self._audit = AuditPersonalDataRepository()
        self._now = now
        self._pause_s = pause_s

    def due(self, days: int) -> Reduction:
        """Count what `reduce` would change. Five queries."""
        before = self._now() - timedelta(days=days)
        calls, tool_calls = self._calls.count_due(before)
        done, still_open = self._messages.count_due(before)
        return Reduction(
            calls=calls,
            tool_calls=tool_calls,
            caller_numbers=self._bookings.count_due(before),
            messages=done,
            notices=self._notices.count_due(before),
            open_messages=still_open,
        )

    def reduce(self, days: int, *, report: Callable[[int], None] | None = None) -> Reduction:
        """Reduce what is older than `days` days, and return the counts.

        Args:
            days: at least 1.
            report: called after each batch of calls with the number reduced so far.
        """
        now = self._now()
        before = now - timedelta(days=days)
        return Reduction(
            calls=self._in_batches(
                lambda: self._calls.reduce_calls(before, days=days, now=now, limit=BATCH_SIZE), report
            ),
            tool_calls=self._in_batches(
                lambda: self._calls.reduce_tool_calls_without_call(before, now=now, limit=BATCH_SIZE)
            ),
            caller_numbers=self._in_batches(lambda: self._bookings.remove_caller_numbers(before, limit=BATCH_SIZE)),
            messages=self._in_batches(lambda: self._delete_messages(before)),
            notices=self._in_batches(lambda: self._notices.delete(before, limit=BATCH_SIZE)),
            open_messages=self._messages.count_due(before)[1],
        )

    def _delete_messages(self, before: datetime) -> int:
        """Delete one batch of messages, and what the audit log quotes of them."""
        with self._database.transaction() as connection:
            ids = self._messages.delete_done(connection, before, limit=BATCH_SIZE)
            if ids:
                self._audit.forget_subjects(connection, "message", ids)
        return len(ids)

    def _in_batches(self, reduce_batch: Callable[[], int], report: Callable[[int], None] | None = None) -> int:
        total = 0
        pause = threading.Event()
        while changed := reduce_batch():
            total += changed
            if report is not None:
                report(total)
            pause.wait(self._pause_s)
        return total
