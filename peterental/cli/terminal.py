"""Output of the commands: plain lines everywhere, a progress bar and colours on a terminal."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from peterental.cli.next_commands import completed
from peterental.database.migrations.progress import Progress, Reporter

_BAR_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


class ProgressTerminal:
    """A terminal that shows lines and, below them, one progress bar.

    A stream that takes no more lines, because the disk is full or the reader has gone, does not stop the work.

    Attributes:
        error: why the stream takes no more lines; None as long as it does.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_bar = False
        self.error: OSError | None = None

    def report(self, line: str) -> None:
        """Print a line in place of the bar."""
        self._write(f"{_CLEAR_LINE if self._has_bar else ''}{line}\n")
        self._has_bar = False

    def progress(self, what: str, percent: int) -> None:
        """Redraw the bar: what is in progress, and how far (0 to 100)."""
        full = _BAR_WIDTH * min(percent, 100) // 100
        bar = "█" * full + "░" * (_BAR_WIDTH - full)
        self._write(f"{_CLEAR_LINE}{bar} {percent:3} %  {what}")
        self._has_bar = True

    def _write(self, text: str) -> None:
        if self.error is None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError as error:
                self.error = error


def make_printable() -> None:
    """Let standard output take any text: no line may fail, and stop a migration, for the sake of its characters.

    What the encoding of the locale lacks is escaped, as Python does on standard error. A closed stream is replaced.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # for good


def prints_unicode() -> bool:
    """Return whether standard output takes every character as it is."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def colours() -> bool:
    """Return whether to colour standard output: on a capable terminal, unless NO_COLOR is set."""
    return _supports_escapes(sys.stdout) and not os.environ.get("NO_COLOR")


def columns() -> int | None:
    """Return the width of the terminal in columns; None when standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _supports_escapes(stream: TextIO) -> bool:
    """Return whether the stream is a terminal that understands escape sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def output() -> Iterator[tuple[Reporter, Progress | None]]:
    """Yield how to print a line and show progress on standard output; without a terminal there is no progress.

    Raises OSError at the end if a line could not be printed.
    """
    screen = ProgressTerminal(sys.stdout)

    def report(line: str) -> None:
        screen.report(completed(line))

    yield report, screen.progress if _supports_escapes(sys.stdout) else None
    if screen.error:
        raise screen.error
