"""Buffer the records of tool calls that changed nothing, and write them in batches.

A question for free times costs the database more for its record than for its answer: a statement, a transaction, two
rows and their triggers. One statement for all that arrived within WRITE_INTERVAL_S costs a fraction of it, and no
caller waits for it. A killed process loses what it holds, see docs/decisions/022-records-in-batches.md.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.plural import counted

log = logging.getLogger(__name__)

WRITE_INTERVAL_S = 0.05
"""How long a record waits for others. With the write itself it is visible within 100 ms."""

RETRY_INTERVAL_S = 1.0
IDLE_S = 10.0
"""The writer thread ends after this time without a record; the next one starts another."""

MAX_BUFFERED = 1_000
SETTLE_TIMEOUT_S = 1.0

Record = Mapping[str, object]
"""The values of one tool call, by parameter; `vapi_call_id` and `tool_call_id` identify it."""

Store = Callable[[Sequence[Record]], None]


class RecordBuffer:
    """The records that one process has not written yet, and the thread that writes them.

    While the database is unavailable or too slow, the records stay and are tried again. A record that the database
    refuses is dropped with a log line. Of a tool call that was delivered repeatedly, the latest answer is written.

    Args:
        store: writes records in one statement.
        write_interval_s: how long a record waits for others, in seconds.
        retry_interval_s: the pause after a failed write, in seconds.
    """

    def __init__(
        self, store: Store, write_interval_s: float = WRITE_INTERVAL_S, retry_interval_s: float = RETRY_INTERVAL_S
    ) -> None:
        self._store = store
        self._write_interval_s = write_interval_s
        self._retry_interval_s = retry_interval_s
        self._pending: dict[tuple[object, object], Record] = {}
        self._in_writing: tuple[Record, ...] = ()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._arrived = threading.Event()
        self._thread: threading.Thread | None = None
        self._flushes_at_exit = False
        self._is_waiting = False

    def __len__(self) -> int:
        """Return how many records are buffered, without those that are being written."""
        return len(self._pending)

    def add(self, record: Record) -> bool:
        """Buffer a record; return False if the buffer is full. Waits for nothing."""
        key = (record["vapi_call_id"], record["tool_call_id"])
        with self._lock:
            if len(self._pending) >= MAX_BUFFERED and key not in self._pending:
                return False
            self._pending[key] = record
            if not self._arrived.is_set():
                self._arrived.set()
            if self._thread is None:
                self._start()
        return True

    def settle(self, vapi_call_id: str) -> None:
        """Write what is buffered if there is a record of this phone call, so that its history is complete.

        Waits at most SETTLE_TIMEOUT_S for a write that has begun.
        """
        if vapi_call_id and self._has(vapi_call_id):
            self.flush(SETTLE_TIMEOUT_S)

    def flush(self, timeout_s: float = -1) -> bool:
        """Write all that is buffered; return whether nothing is left.

        Args:
            timeout_s: how long to wait for a write that has begun, in seconds; negative without a limit.
        """
        if not self._writing.acquire(timeout=timeout_s):
            return False
        try:
            with self._lock:
                self._in_writing = tuple(self._pending.values())
                self._pending = {}
                self._arrived.clear()
            kept = self._write(self._in_writing) if self._in_writing else ()
            with self._lock:
                self._in_writing = ()
                self._put_back(kept)
            return not kept
        finally:
            self._writing.release()

    def _has(self, vapi_call_id: str) -> bool:
        with self._lock:
            return any(
                record["vapi_call_id"] == vapi_call_id for record in (*self._pending.values(), *self._in_writing)
            )

    def _write(self, records: Sequence[Record]) -> Sequence[Record]:
        """Write records; return those that have to be tried again."""
        try:
            self._store(records)
        except (DatabaseUnavailable, DatabaseTooSlow) as fault:
            self._report_waiting(len(records), fault)
            return records
        except Exception as error:  # noqa: BLE001  # one that is refused must not block the others
            if len(records) > 1:
                return [kept for record in records for kept in self._write([record])]
            context = {"call_id": records[0]["vapi_call_id"]}
            log.warning("A tool call was answered but not recorded: %s", error, extra=context)
            return ()
        self._is_waiting = False
        return ()

    def _put_back(self, records: Sequence[Record]) -> None:
        """Buffer records again, oldest first, unless a later answer to the same tool call has arrived."""
        if records:
            kept = {(record["vapi_call_id"], record["tool_call_id"]): record for record in records}
            self._pending = kept | self._pending
            self._arrived.set()

    def _report_waiting(self, number: int, fault: Exception) -> None:
        """Log that records wait, once for each outage."""
        if not self._is_waiting:
            self._is_waiting = True
            log.warning("The records of %s wait until the database is back: %s", counted(number, "tool call"), fault)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._write_loop, name="tool-call-records", daemon=True)
        self._thread.start()
        if not self._flushes_at_exit:
            self._flushes_at_exit = True
            atexit.register(self._flush_at_exit)

    def _write_loop(self) -> None:
        pause = threading.Event()
        while True:
            if self._arrived.wait(IDLE_S):
                pause.wait(self._write_interval_s)
                if not self.flush():
                    pause.wait(self._retry_interval_s)
                continue
            with self._lock:
                if not self._arrived.is_set():
                    self._thread = None
                    return

    def _flush_at_exit(self) -> None:
        """Write what is left when the process stops, and log what cannot be written."""
        if not self.flush() and self._pending:
            log.error("The records of %s are lost with this process", counted(len(self._pending), "tool call"))
