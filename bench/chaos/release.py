"""A running version of PeteRental: gunicorn as in production, with its own migrations folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

from bench.programs import SCRIPTS, Command, Running
from tests.servers import free_port

SECRET = "chaos" * 8  # used by the lab only
START_TIMEOUT_S = 120.0
WORKERS = 2


class NotServing(Exception):
    """A release did not become healthy."""


class Release:
    """Starts and controls one version.

    Args:
        database_url: of the database.
        migrations: the migrations folder of this version.

    Attributes:
        port: where it listens.
        was_killed: whether `kill` ended it.
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
                    # A worker that is stopped while it starts misses the signal; do not wait half a minute for it.
                    "GUNICORN_CMD_ARGS": "--graceful-timeout 5",
                },
            )
        )

    @property
    def is_alive(self) -> bool:
        """Whether its master is running."""
        return self._running.process.poll() is None

    def until_serving(self) -> None:
        """Wait until /healthz answers 200, as a host does before a switch. Raises NotServing if it does not."""
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
        """Kill one worker with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill master and workers with SIGKILL, like a failing host."""
        self.was_killed = True
        self._running.kill()
        self._running.outcome(1)

    def stop(self) -> None:
        """Stop it gracefully, as a host does after a switch; running requests are finished."""
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
