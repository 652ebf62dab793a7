"""A running version of PeteRental: gunicorn as in production, with its migrations folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

from bench.chaos.postgres import free_port
from bench.programs import SCRIPTS, Command, Running

SECRET = "chaos" * 8  # the lab's own
START_TIMEOUT_S = 120.0
WORKERS = 2


class NotServing(Exception):
    """A release did not come into service."""


class Release:
    """Starts one.

    Args:
        database_url: of the database.
        migrations: the folder that this version ships.

    Attributes:
        port: where it listens.
        was_killed: whether it was we who ended it.
    """

    def __init__(self, database_url: str, migrations: Path) -> None:
        self.port = free_port()
        self.was_killed = False
        self._running = Running(
            Command(
                [str(SCRIPTS / "gunicorn"), "wsgi:app"],
                {
                    "PETERENTAL_ENV": "production",
                    "SECRET_KEY": SECRET,
                    "VAPI_WEBHOOK_SECRET": SECRET,
                    "DATABASE_URL": database_url,
                    "MIGRATIONS_DIR": str(migrations),
                    "PORT": str(self.port),
                    "WEB_CONCURRENCY": str(WORKERS),
                    "LOG_LEVEL": "warning",
                    # A worker told to end while it starts misses it; the lab does not wait half a minute for that.
                    "GUNICORN_CMD_ARGS": "--graceful-timeout 5",
                },
            )
        )

    @property
    def is_alive(self) -> bool:
        """Whether its master runs."""
        return self._running.process.poll() is None

    def until_serving(self) -> None:
        """Wait for /healthz to say 200, as a host does before it sends anybody there. Raises NotServing."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._health() != http.HTTPStatus.OK:
            if not self.is_alive or time.monotonic() > deadline:
                raise NotServing(self._running.outcome(1).output[-2000:])
            time.sleep(0.05)

    def workers(self) -> list[int]:
        """The pids of its workers."""
        listing = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._running.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in listing.stdout.split()]

    def kill_worker(self, pid: int) -> None:
        """Kill one worker with -9."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill master and workers with -9, as a host that fails does."""
        self.was_killed = True
        self._running.kill()
        self._running.outcome(1)

    def stop(self) -> None:
        """Ask it to end, as a host does when the next version is in service; what it is working on is finished."""
        self._running.process.send_signal(signal.SIGTERM)
        self._running.outcome(60 + time.perf_counter() - self._running.started)

    def _health(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
