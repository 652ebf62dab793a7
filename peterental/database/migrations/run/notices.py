"""What a migration says while it runs: its notices and warnings, kept to be told below its line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import Diagnostic

from peterental.database.migrations.ledger.reader import LEDGER_TABLE
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.files import printable

_HEARD = frozenset({"WARNING", "NOTICE", "INFO"})
_DUPLICATE_TABLE = "42P07"
_MOST = 20
_LONGEST = 300


class Notices:
    """Hears what the server says about one file; what it says about statements of ours is not listened to."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._unheard = 0
        self._before = (0, 0)

    @contextmanager
    def listening(self, connection: Connection) -> Iterator[None]:
        """Hear what `connection` says during the block."""
        self._before = (len(self._lines), self._unheard)
        connection.add_notice_handler(self._hear)
        try:
            yield
        finally:
            connection.remove_notice_handler(self._hear)

    def forget(self) -> None:
        """Forget everything: what an attempt that is repeated has said is said again."""
        self._lines.clear()
        self._unheard = 0

    def forget_last(self) -> None:
        """Forget what the last block of `listening` heard: its statement is repeated."""
        kept, self._unheard = self._before
        del self._lines[kept:]

    def report(self, report: Reporter) -> None:
        """Tell what was heard, indented, and forget it; of a file that says a lot, the beginning."""
        for line in self._lines:
            report(f"   {line}")
        if self._unheard:
            report(f"   … and {self._unheard} more")
        self.forget()

    def _hear(self, diagnostic: Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or ""
        message = diagnostic.message_primary or ""
        if severity not in _HEARD or (diagnostic.sqlstate == _DUPLICATE_TABLE and LEDGER_TABLE in message):
            return  # the runner has made the ledger before the file that makes it, as the guide teaches, could
        if len(self._lines) == _MOST:
            self._unheard += 1
            return
        said = " ".join(part for part in (message, diagnostic.message_detail) if part)
        line = printable(" ".join(said.split()))
        self._lines.append(f"{severity}: {line if len(line) <= _LONGEST else line[: _LONGEST - 1] + '…'}")
