"""Interrupt a run on SIGTERM and Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from peterental.database.migrations.errors import Interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted on SIGTERM and SIGINT during the block, so that transaction and lock end cleanly."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can install signal handlers
        return
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Interrupt once: the clean-up that follows is short and must not be interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted
