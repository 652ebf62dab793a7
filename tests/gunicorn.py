"""Run gunicorn as in production, and send requests to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.forked import ForkedProcess
from tests.servers import HANG_S, free_port, until

PROJECT_DIR = Path(__file__).resolve().parent.parent

STEERING = (
    "ALLOW_",
    "CALENDAR_",
    "CREDENTIALS_",
    "DATABASE_URL",
    "DEFAULT_TIME_ZONE",
    "FLASK_",
    "GOOGLE_",
    "GRAPH_",
    "HSTS_",
    "JOBS",
    "LOG_",
    "MICROSOFT_",
    "MIGRATE_",
    "MIGRATIONS_",
    "PETERENTAL_",
    "PG",
    "PUBLIC_URL",
    "RENDER",
    "REQUIRE_",
    "SCRATCH_",
    "SECRET_KEY",
    "TRUSTED_PROXIES",
    "VAPI_",
    "WEB_",
)
"""Prefixes of the environment variables that configure PeteRental, Flask or libpq."""

UNCOUNTED = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
"""Variables that disable coverage in a child process, which halves its start time."""


class Gunicorn:
    """One gunicorn with its workers.

    Args:
        settings: further environment variables, such as DATABASE_URL.
        project: the working directory.
        log: the file for its output.
        is_forked: whether it is forked from a process that has imported the application, which starts faster.
    """

    def __init__(self, settings: dict[str, str], project: Path, log: Path, *, is_forked: bool = False) -> None:
        self.port = int(settings.get("PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        # A worker that is stopped while it starts misses the signal; do not wait half a minute for it.
        env = environment(
            {"PORT": str(self.port), "JOBS": "0", "GUNICORN_CMD_ARGS": "--graceful-timeout 3", **settings}
        )
        self.process: subprocess.Popen[bytes] | ForkedProcess
        if is_forked:
            self.process = ForkedProcess("gunicorn", ("wsgi:app",), project, env, (Path(os.devnull), log, log))
            return
        program = [str(Path(sys.executable).with_name("gunicorn")), "wsgi:app"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(program, cwd=project, env=env, stdout=output, stderr=output)

    @property
    def output(self) -> str:
        """Its output so far."""
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> tuple[int, Any]:
        """GET a path; return status and decoded JSON. Status 0: no answer."""
        return self._ask(urllib.request.Request(self.url + path))  # noqa: S310  # our own server

    def call(self, message: dict[str, Any]) -> tuple[int, Any]:
        """POST a Vapi message to the webhook; return status and decoded JSON."""
        body = json.dumps({"message": message}).encode()
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(f"{self.url}/vapi/webhook", body, headers))  # noqa: S310  # our own

    def _ask(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=HANG_S) as answer:  # noqa: S310  # our own server
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def until_serving(self) -> None:
        """Wait until it answers with any status."""

        def answers_or_died() -> bool:
            return self.process.poll() is not None or self.get("/healthz")[0] != 0

        until(answers_or_died, "gunicorn answers")
        assert self.process.poll() is None, self.output

    def workers(self) -> list[int]:
        """The pids of its workers."""
        done = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in done.stdout.split()]

    def stop(self) -> int:
        """Stop it with SIGTERM, as a host does; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(HANG_S)


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment without any variable that configures PeteRental, plus `settings`."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(STEERING)}, **settings}


@contextmanager
def running_gunicorn(
    settings: dict[str, str], log: Path, project: Path = PROJECT_DIR, *, is_forked: bool = False
) -> Iterator[Gunicorn]:
    """Run gunicorn for the block, which starts when it answers; stop it at the end."""
    gunicorn = Gunicorn(settings, project, log, is_forked=is_forked)
    try:
        gunicorn.until_serving()
        yield gunicorn
    finally:
        if gunicorn.process.poll() is None:
            try:
                gunicorn.stop()
            except subprocess.TimeoutExpired:
                gunicorn.process.kill()
