"""The process that keeps `flask jobs-work` running beside gunicorn; gunicorn's master starts it.

It imports nothing of the application, so that it stays small. It starts the worker again when that ends, with growing
pauses, and ends with the master, which holds the other end of its standard input. The worker in turn ends with this
process, so none is left behind when any of them is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

COMMAND = (sys.executable, "-m", "flask", "--app", "wsgi", "jobs-work", "--with-parent")
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
HEALTHY_AFTER_S = 300.0
KILL_AFTER_S = 40.0
"""Longer than a stopping worker waits for its jobs, in seconds."""

_PROJECT_DIR = Path(__file__).parent.parent


def supervise(command: tuple[str, ...], stop: threading.Event) -> None:
    """Run a command again and again until `stop` is set, then end it.

    Args:
        command: the words of the command, run in the project's folder.
        stop: set to end.
    """
    wait_s = FIRST_WAIT_S
    while not stop.is_set():
        began_s = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=_PROJECT_DIR) as process:  # noqa: S603  # our own command
            threading.Thread(target=_end_at_stop, args=(process, stop), daemon=True).start()
            code = process.wait()
        if stop.is_set():
            return
        wait_s = FIRST_WAIT_S if time.monotonic() - began_s > HEALTHY_AFTER_S else wait_s
        print(  # noqa: T201  # the log is standard output
            f"The worker of background jobs ended with code {code}; it starts again in {wait_s:.0f} s", flush=True
        )
        stop.wait(wait_s)
        wait_s = min(wait_s * 2, MAX_WAIT_S)


def _end_at_stop(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    while process.poll() is None and not stop.wait(1.0):
        pass
    if stop.is_set():
        process.terminate()
        try:
            process.wait(KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main() -> None:
    """Supervise the worker until the master is gone, or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_stop_with_the_master, args=(stop,), daemon=True).start()
    supervise(COMMAND, stop)


def _stop_with_the_master(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # empty when the master is gone
        pass
    stop.set()


if __name__ == "__main__":
    main()
