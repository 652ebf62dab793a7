"""Run flask commands as processes, which a server forks that has imported the application once."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flask.cli import main

from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import HANG_S

FLASK = str(Path(sys.executable).with_name("flask"))

# Importing the application takes most of the time of a command. A forked process has done so already; all else, such as
# creating the application from its environment, is as in one that is started.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.commands", "peterental.app", "peterental.web.install", "peterental.cli"])


def flask(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a flask command without a terminal.

    Args:
        arguments: of the command.
        stdin: its standard input.
        settings: environment variables beside those of the tests; none of those that configure PeteRental are kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(stdin, encoding="utf-8")
        process = _FORKS.Process(target=_run, args=(arguments, environment(settings), streams))
        process.start()
        process.join(HANG_S)
        code = process.exitcode
        assert code is not None, "the command hangs"
        process.close()
        stdout, stderr = (path.read_text(encoding="utf-8") for path in streams[1:])
    assert "Traceback" not in stderr, stderr
    return subprocess.CompletedProcess(arguments, code, stdout, stderr)


def _run(arguments: tuple[str, ...], environ: dict[str, str], streams: list[Path]) -> None:
    """Run in the forked process, in place of `flask`."""
    for number, path in enumerate(streams):
        descriptor = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for the rest of the process
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(PROJECT_DIR)
    sys.argv = [FLASK, *arguments]
    sys.path[:] = [entry for entry in sys.path if entry]
    main()
