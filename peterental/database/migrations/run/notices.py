"""Collect the server's notices and warnings about a file, and report them below the file's line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import Diagnostic

from peterental.database.migrations.ledger.reader import LEDGER_TABLE
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.wording import printable, shortened

_REPORTED_SEVERITIES = frozenset({"WARNING", "NOTICE", "INFO"})
_DUPLICATE_TABLE = "42P07"
_MAX_LINES = 20
_MAX_LINE_CHARS = 300
_MAX_OBJECTS = 5
_CASCADES = "drop cascades to "


class Notices:
    """The notices about one file; notices about the engine's own statements are not collected."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._omitted = 0
        self._before = (0, 0)

    @contextmanager
    def listening(self, connection: Connection) -> Iterator[None]:
        """Collect the notices of `connection` during the block."""
        self._before = (len(self._lines), self._omitted)
        connection.add_notice_handler(self._collect)
        try:
            yield
        finally:
            connection.remove_notice_handler(self._collect)

    def clear(self) -> None:
        """Discard all notices, before the whole file is retried."""
        self._lines.clear()
        self._omitted = 0

    def clear_last(self) -> None:
        """Discard the notices of the last `listening` block, before its statement is retried."""
        count, self._omitted = self._before
        del self._lines[count:]

    def report(self, report: Reporter) -> None:
        """Report the notices, indented, and discard them; of many, the first ones and a count."""
        for line in self._lines:
            report(f"   {line}")
        if self._omitted:
            report(f"   … and {self._omitted} more")
        self.clear()

    def _collect(self, diagnostic: Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or ""
        message = diagnostic.message_primary or ""
        if severity not in _REPORTED_SEVERITIES or (
            diagnostic.sqlstate == _DUPLICATE_TABLE and LEDGER_TABLE in message
        ):
            return  # the runner created the ledger before the file, which follows the guide, could do so
        if len(self._lines) == _MAX_LINES:
            self._omitted += 1
            return
        text = " ".join(part for part in (message, _listed(diagnostic.message_detail)) if part)
        line = printable(" ".join(text.split()))
        self._lines.append(f"{severity}: {line if len(line) <= _MAX_LINE_CHARS else line[: _MAX_LINE_CHARS - 1] + '…'}")


def _listed(detail: str | None) -> str | None:
    """Return a detail on one line: of the objects that a CASCADE drops, the first ones."""
    lines = (detail or "").split("\n")
    if not all(line.startswith(_CASCADES) for line in lines):
        return detail
    return "– " + "; ".join(shortened([line.removeprefix(_CASCADES) for line in lines], _MAX_OBJECTS))
