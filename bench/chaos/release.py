"""A running version of PeteRental: gunicorn as in production, with its own migrations folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.programs import SCRIPTS, Command, Running
from tests.servers import free_port

SECRET = "chaos" * 8  # used by the lab only
START_TIMEOUT_S = 120.0
WORKERS = 2
_JOBS = "supervise_jobs"


class NotServing(Exception):
    """A release did not become healthy."""


def settings_of(database_url: str, migrations: Path) -> dict[str, str]:
    """Return the settings of every process of a version."""
    return {
        "PETERENTAL_ENV": "production",
        "SECRET_KEY": SECRET,
        "VAPI_WEBHOOK_SECRET": SECRET,
        "DATABASE_URL": database_url,
        "MIGRATIONS_DIR": str(migrations),
        "LOG_LEVEL": "warning",
    }


def jobs_worker(database_url: str, migrations: Path, settings: Mapping[str, str]) -> Running:
    """Start a worker of background jobs on its own, as on another machine."""
    words = [sys.executable, "-m", "flask", "--app", "wsgi", "jobs-work"]
    return Running(Command(words, {**settings_of(database_url, migrations), **settings}))


class Release:
    """Starts and controls one version.

    Args:
        database_url: of the database.
        migrations: the migrations folder of this version.
        settings: further environment variables.

    Attributes:
        port: where it listens.
        was_killed: whether `kill` ended it.
    """

    def __init__(self, database_url: str, migrations: Path, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.was_killed = False
        self._running = Running(
            Command(
                [str(SCRIPTS / "gunicorn"), "wsgi:app"],
                {
                    **settings_of(database_url, migrations),
                    **(settings or {}),
                    "PORT": str(self.port),
                    "WEB_CONCURRENCY": str(WORKERS),
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
        return [pid for pid, command in self._processes("--ppid") if _JOBS not in command]

    def jobs_workers(self) -> list[int]:
        """The pids of its workers of background jobs, without the process that restarts them."""
        return [pid for pid, command in self._processes("--sid") if "jobs-work" in command]

    def _processes(self, selection: str) -> list[tuple[int, str]]:
        """Return pid and command line of the processes that an option of ps selects by the pid of the master."""
        command = ["ps", "-ww", "-o", "pid=,args=", selection, str(self._running.process.pid)]
        listing = subprocess.run(command, capture_output=True, text=True, check=False)
        found = (line.split(maxsplit=1) for line in listing.stdout.splitlines())
        return [(int(pid), words) for pid, words in found]

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
