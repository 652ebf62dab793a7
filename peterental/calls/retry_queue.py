"""News of calls that came while the database was away: held in memory, and kept as soon as it is back.

Vapi reports the end of a call once. What is held here is lost with the process, so it is a bridge over seconds, such as
those of a database that restarts; the log says what is held, kept and given up.
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

TRY_AGAIN_AFTER_S = 1.0
MOST_HELD = 2_000
MOST_HELD_CHARACTERS = 32 * 1024 * 1024
"""Of transcripts and messages together; a report has up to some hundred thousand."""

Keep = Callable[["CallUpdate", datetime], None]


class CallUpdateQueue:
    """What one process holds back.

    Args:
        keep: puts one piece of news into the database; raises a Fault where that does not work yet.
        try_again_after_s: the pause between two attempts, in seconds.
    """

    def __init__(self, keep: Keep, try_again_after_s: float = TRY_AGAIN_AFTER_S) -> None:
        self._keep = keep
        self._try_again_after_s = try_again_after_s
        self._held: deque[tuple[CallUpdate, datetime]] = deque()
        self._lock = threading.Lock()
        self._work: threading.Thread | None = None

    def __len__(self) -> int:
        """How many pieces of news are held."""
        return len(self._held)

    def enqueue(self, update: CallUpdate, heard_at: datetime) -> None:
        """Hold a piece of news until it can be kept; of too much, the oldest is given up."""
        with self._lock:
            self._held.append((update, heard_at))
            while len(self._held) > MOST_HELD or self._characters() > MOST_HELD_CHARACTERS:
                dropped, _ = self._held.popleft()
                log.error("Given up: too much news is waiting", extra={"call_id": dropped.vapi_call_id})
            if self._work is None:
                self._work = threading.Thread(target=self._retry_loop, name="late news", daemon=True)
                self._work.start()
                atexit.register(self.flush)  # a worker that is told to end has one attempt more

    def flush(self) -> bool:
        """Keep what is held, the oldest first; False as soon as one cannot be kept yet."""
        while self._held:
            with self._lock:
                if not self._held:
                    break
                update, heard_at = self._held[0]
            try:
                self._keep(update, heard_at)
            except Fault:
                return False
            except Exception:  # one that can never be kept must not keep the others out
                log.exception("Given up: it cannot be kept", extra={"call_id": update.vapi_call_id})
            else:
                log.info("Kept what was said while the database was away", extra={"call_id": update.vapi_call_id})
            with self._lock:
                if self._held and self._held[0][0] is update:
                    self._held.popleft()
        return True

    def _retry_loop(self) -> None:
        """Try until nothing is held any more; the next piece of news starts this anew."""
        pause = threading.Event()
        while True:
            pause.wait(self._try_again_after_s)
            if not self.flush():
                continue
            with self._lock:
                if not self._held:
                    self._work = None
                    return

    def _characters(self) -> int:
        return sum(len(update.transcript or "") + len(update.messages or "") for update, _ in self._held)
