"""Programs as processes that a server forks, which has imported the application once.

Importing takes most of the time of a command, and of the start of a gunicorn. All else is as in a program that is
started: it reads its environment, creates the application, and ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import Literal

import coverage
import pytest

Program = Literal["flask", "gunicorn"]

# Variables by which coverage starts in a child process. The server starts without, and each fork decides.
COVERAGE_VARIABLES = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")

PRELOADED = (
    "tests.forked",
    "flask.cli",
    "gunicorn.app.wsgiapp",
    "peterental.app",
    "peterental.cli",
    "peterental.deploy",
    "peterental.serving.worker",
    "peterental.web.install",
)

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(list(PRELOADED))


class ForkedProcess:
    """A program that was forked; it has the methods of a `subprocess.Popen` that tests use.

    Args:
        program: which.
        arguments: of the program.
        cwd: its working directory.
        env: its environment.
        streams: the files of its standard input, output and error; it appends to the last two.
    """

    def __init__(
        self, program: Program, arguments: tuple[str, ...], cwd: Path, env: dict[str, str], streams: tuple[Path, ...]
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in COVERAGE_VARIABLES:
                patch.delenv(name, raising=False)
            forkserver.ensure_running()
        self._process = _FORKS.Process(target=_run, args=(program, arguments, str(cwd), env, streams))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def _run(
    program: Program, arguments: tuple[str, ...], cwd: str, env: dict[str, str], streams: tuple[Path, ...]
) -> None:
    """Run a program, in the forked process."""
    for number, path in enumerate(streams):
        descriptor = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for the rest of the process
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:] = [entry for entry in sys.path if entry]
    sys.argv = [str(Path(sys.executable).with_name(program)), *arguments]
    if any(env.get(name) for name in COVERAGE_VARIABLES):
        coverage.process_startup()
    if program == "flask":
        from flask.cli import main  # noqa: PLC0415  # the test's own process has no use for it

        main()
    else:
        from gunicorn.app.wsgiapp import run  # noqa: PLC0415  # see above

        run()
