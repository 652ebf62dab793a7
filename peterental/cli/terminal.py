"""What commands print: plain lines anywhere, a progress bar and colours where a terminal is there."""

from __future__ import annotations

import sys
from typing import TextIO

from peterental.database.migrations.lock import Tell
from peterental.database.migrations.watch import Progress

_BAR_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


class Screen:
    """A terminal that shows lines, and below them one bar that is drawn over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_bar = False

    def tell(self, line: str) -> None:
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


def voice() -> tuple[Tell, Progress | None]:
    """Give the ways to tell a line and to show progress that suit standard output; no bar where nobody watches."""
    screen = Screen(sys.stdout)
    return (screen.tell, screen.progress) if sys.stdout.isatty() else (screen.tell, None)
