"""The worker process of the benchmarks: `python -m bench.notices.work URL FILE`."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bench.notices.lab import LATENCY_S, pause
from peterental import services as assembly
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices import sending
from peterental.notices.model import Delivery, Letter, of_no_other
from peterental.worker.notices import NOTICE_TASKS
from peterental.worker.runner import CONCURRENCY, JobWorker

CLAIM_LASTS = timedelta(seconds=10)
"""The provider answers within a tenth of a second, and the benchmark does not wait for minutes."""


class FileProvider:
    """Sends texts by adding a line to a file, which is all or nothing.

    Args:
        path: of the file.
    """

    sender = "+14055550100"
    is_real = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        """Take a letter, and answer after 50 ms."""
        hand_over()
        pause(LATENCY_S / 2)
        line = _line(letter)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.write(file, f"{line}\n".encode())
        os.close(file)
        pause(LATENCY_S / 2)
        return Delivery(provider_id=line)

    def find(
        self,
        letter: Letter,
        since: datetime,  # noqa: ARG002  # the interface
        is_of_another: Callable[[str], bool] = of_no_other,  # noqa: ARG002  # see above
    ) -> Delivery | None:
        """Look for the letter."""
        line = _line(letter)
        return Delivery(provider_id=line) if line in self._path.read_text(encoding="utf-8").splitlines() else None


def _line(letter: Letter) -> str:
    return f"{letter.recipient} {hashlib.sha256(letter.body.encode()).hexdigest()[:16]}"


def main(url: str, path: str) -> None:
    """Send until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    sending.CLAIM_LASTS = sending.LOOK_UP_AFTER = CLAIM_LASTS
    vars(assembly)["transports"] = lambda *_: {"text": FileProvider(Path(path))}
    database = Database(url, pool_size=CONCURRENCY)
    config = Config(database_url=url, public_url="https://rent.example.com", secret_key="of the bench")  # noqa: S106  # of no use elsewhere
    JobWorker(config, database, assembly.build_services(database, config=config), NOTICE_TASKS, stop).run()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
