"""Queue call updates in memory while the database is unavailable.

They are stored once it is back: Vapi reports the end of a call only once. The queue is lost with the process, so it
bridges seconds, such as those of a database that restarts. The log says which updates were queued, stored and dropped.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.errors import Fault

if TYPE_CHECKING:
    from peterental.calls.model import CallUpdate

log = logging.getLogger(__name__)

RETRY_INTERVAL_S = 1.0
MAX_QUEUED = 2_000
MAX_QUEUED_CHARS = 32 * 1024 * 1024
"""Of all queued texts together; one report has up to some hundred thousand."""

Store = Callable[["CallUpdate", datetime], None]


class CallUpdateQueue:
    """The call updates that one process has not stored yet.

    Args:
        store: writes one update to the database; raises a Fault while the database is unavailable.
        retry_interval_s: the pause between two attempts, in seconds.
    """

    def __init__(self, store: Store, retry_interval_s: float = RETRY_INTERVAL_S) -> None:
        self._store = store
        self._retry_interval_s = retry_interval_s
        self._queue: deque[tuple[CallUpdate, datetime]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Return how many updates are queued."""
        return len(self._queue)

    def enqueue(self, update: CallUpdate, received_at: datetime) -> None:
        """Queue an update and start the retries. A full queue drops its oldest update."""
        with self._lock:
            self._queue.append((update, received_at))
            while len(self._queue) > MAX_QUEUED or self._characters() > MAX_QUEUED_CHARS:
                dropped, _ = self._queue.popleft()
                log.error("Dropped a call update: the queue is full", extra={"call_id": dropped.vapi_call_id})
            if self._thread is None:
                self._thread = threading.Thread(target=self._retry_loop, name="call-update-retries", daemon=True)
                self._thread.start()
                atexit.register(self.flush)  # a worker that is stopped makes one more attempt

    def flush(self) -> bool:
        """Store the queued updates, oldest first.

        Return False at the first one that the database cannot take yet.
        """
        while self._queue:
            with self._lock:
                if not self._queue:
                    break
                update, received_at = self._queue[0]
            try:
                self._store(update, received_at)
            except Fault:
                return False
            except Exception:  # an update that can never be stored must not block the others
                log.exception("Dropped a call update: it cannot be stored", extra={"call_id": update.vapi_call_id})
            else:
                log.info("Stored a queued call update", extra={"call_id": update.vapi_call_id})
            with self._lock:
                if self._queue and self._queue[0][0] is update:
                    self._queue.popleft()
        return True

    def _retry_loop(self) -> None:
        """Retry until the queue is empty, then end; the next update starts a new thread."""
        pause = threading.Event()
        while True:
            pause.wait(self._retry_interval_s)
            if not self.flush():
                continue
            with self._lock:
                if not self._queue:
                    self._thread = None
                    return

    def _characters(self) -> int:
        return sum(len(value) for update, _ in self._queue for value in vars(update).values() if isinstance(value, str))
