"""Run and time other programs, and kill them when they take too long."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from tests.gunicorn import STEERING

PROJECT_DIR = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
"""Where `flask` and `pytest` of this environment are."""

TIMEOUT_S = 120.0

# Variables of the caller's shell that would affect the measured programs.
_FOREIGN = (*STEERING, "DBMATE_", "COVERAGE_")


# A name such as psycopg.errors.UniqueViolation, or the word with a colon; not SQLAlchemy's link to "this error".
_ERROR = re.compile(r"\w(?:Error|Timeout|Violation)\b|\berror:", re.IGNORECASE)
_MAX_COMPLAINT_CHARS = 70


class ProgramFailed(Exception):
    """A program failed."""


@dataclass(frozen=True)
class Command:
    """A command line, environment variables and a working directory."""

    words: list[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    folder: Path = PROJECT_DIR


@dataclass(frozen=True)
class Outcome:
    """How a program ended. `code` is None if it was killed for taking too long."""

    code: int | None
    seconds: float
    output: str

    @property
    def complaint(self) -> str:
        """The last line of the output that names an error, else the last line, shortened for a table."""
        lines = [line.strip() for line in self.output.splitlines() if any(map(str.isalpha, line))]
        errors = [line for line in lines if _ERROR.search(line)]
        line = (errors or lines or [f"ended with {self.code}"])[-1].replace("|", "/")
        return line if len(line) <= _MAX_COMPLAINT_CHARS else line[: _MAX_COMPLAINT_CHARS - 1] + "…"


class Running:
    """A running program. Its output goes to a file, so that it never blocks on a full pipe."""

    def __init__(self, command: Command) -> None:
        self._output = TemporaryFile()  # noqa: SIM115  # closed when it has ended
        self._outcome: Outcome | None = None
        self._waiting = threading.Lock()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env={**environment, "DOTENV": "0", "JOBS": "0", **command.settings},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill it and its children with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(self.process.pid, signal.SIGKILL)

    def outcome(self, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Wait for its end and return the outcome; kill it `timeout_s` after its start. Later calls return the same."""
        with self._waiting:
            if self._outcome is None:
                self._outcome = self._wait(timeout_s)
            return self._outcome

    def _wait(self, timeout_s: float) -> Outcome:
        is_late = threading.Event()

        def kill_late() -> None:
            is_late.set()
            self.kill()

        # Not `wait(timeout)`, which polls every 50 ms: the measured programs take less.
        timer = threading.Timer(max(0.01, self.started + timeout_s - time.perf_counter()), kill_late)
        timer.start()
        code = self.process.wait()
        seconds = time.perf_counter() - self.started
        timer.cancel()
        with self._output:
            self._output.seek(0)
            return Outcome(None if is_late.is_set() else code, seconds, self._output.read().decode(errors="replace"))


def run(command: Command, timeout_s: float = TIMEOUT_S) -> Outcome:
    """Run a program to its end and return the outcome."""
    return Running(command).outcome(timeout_s)


def must(command: Command, timeout_s: float = TIMEOUT_S) -> Outcome:
    """Run a program that has to succeed; raise ProgramFailed with its output otherwise."""
    outcome = run(command, timeout_s)
    if outcome.code != 0:
        raise ProgramFailed(f"{' '.join(command.words[:4])} … ended with {outcome.code}:\n{outcome.output[-2000:]}")
    return outcome
