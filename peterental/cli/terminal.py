"""What commands print: plain lines anywhere, a progress bar and colours where a terminal is there."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from peterental.database.migrations.progress import Progress, Reporter

_BAR_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


class ProgressTerminal:
    """A terminal that shows lines, and below them one bar that is drawn over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_bar = False

    def report(self, line: str) -> None:
        """Print a line above the bar."""
        self._stream.write(f"{_CLEAR_LINE if self._has_bar else ''}{line}\n")
        self._stream.flush()
        self._has_bar = False

    def progress(self, what: str, percent: int) -> None:
        """Draw the bar anew."""
        full = _BAR_WIDTH * min(percent, 100) // 100
        bar = "█" * full + "░" * (_BAR_WIDTH - full)
        self._stream.write(f"{_CLEAR_LINE}{bar} {percent:3} %  {what}")
        self._stream.flush()
        self._has_bar = True


def colours() -> bool:
    """Whether to colour what goes to standard output: on a terminal that can, unless NO_COLOR asks for none."""
    return _is_able(sys.stdout) and not os.environ.get("NO_COLOR")


def columns() -> int | None:
    """Give how wide the terminal is; None where nobody watches, and lines may be as long as they are."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _is_able(stream: TextIO) -> bool:
    """Whether a terminal is there that understands more than plain lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def voice() -> tuple[Reporter, Progress | None]:
    """Give the ways to tell a line and to show progress that suit standard output; no bar where nobody watches."""
    screen = ProgressTerminal(sys.stdout)
    return (screen.report, screen.progress) if _is_able(sys.stdout) else (screen.report, None)
