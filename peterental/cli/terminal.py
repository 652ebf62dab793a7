"""Output of the commands: plain lines everywhere, a progress bar and colours on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from peterental.database.migrations.progress import Progress, Reporter

_BAR_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


class ProgressTerminal:
    """A terminal that shows lines and, below them, one progress bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_bar = False

    def report(self, line: str) -> None:
        """Print a line in place of the bar."""
        self._stream.write(f"{_CLEAR_LINE if self._has_bar else ''}{line}\n")
        self._stream.flush()
        self._has_bar = False

    def progress(self, what: str, percent: int) -> None:
        """Redraw the bar: what is in progress, and how far (0 to 100)."""
        full = _BAR_WIDTH * min(percent, 100) // 100
        bar = "█" * full + "░" * (_BAR_WIDTH - full)
        self._stream.write(f"{_CLEAR_LINE}{bar} {percent:3} %  {what}")
        self._stream.flush()
        self._has_bar = True


def colours() -> bool:
    """Return whether to colour standard output: on a capable terminal, unless NO_COLOR is set."""
    return _supports_escapes(sys.stdout) and not os.environ.get("NO_COLOR")


def columns() -> int | None:
    """Return the width of the terminal in columns; None when standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _supports_escapes(stream: TextIO) -> bool:
    """Return whether the stream is a terminal that understands escape sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def output() -> tuple[Reporter, Progress | None]:
    """Return how to print a line and show progress on standard output; without a terminal there is no progress."""
    screen = ProgressTerminal(sys.stdout)
    return (screen.report, screen.progress) if _supports_escapes(sys.stdout) else (screen.report, None)
