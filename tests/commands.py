"""Run flask commands."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.forked import ForkedProcess
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import HANG_S

FLASK = str(Path(sys.executable).with_name("flask"))


def flask(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a flask command without a terminal.

    Args:
        arguments: of the command.
        stdin: its standard input.
        settings: environment variables beside those of the tests; none of those that configure PeteRental are kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = tuple(Path(folder) / name for name in ("stdin", "stdout", "stderr"))
        streams[0].write_text(stdin, encoding="utf-8")
        process = ForkedProcess("flask", arguments, PROJECT_DIR, environment(settings), streams)
        code = process.wait(HANG_S)
        stdout, stderr = (path.read_text(encoding="utf-8") for path in streams[1:])
    assert "Traceback" not in stderr, stderr
    return subprocess.CompletedProcess(arguments, code, stdout, stderr)
