"""The table that `flask db-status` prints."""

from __future__ import annotations

from peterental.database.migrations.errors import BETWEEN_PROBLEMS
from peterental.database.migrations.ledger.state import HistoryEntry
from peterental.database.migrations.ledger.status import Status
from peterental.database.migrations.sql.error_location import width_of
from peterental.database.migrations.wording import printable

_MARKS = {
    "applied": "✅",
    "unverified": "✅",
    "comments-edited": "✅",
    "newer": "✅",
    "pending": "⏳",
    "waiting": "⏳",
    "running": "⏳",
}


_GREEN, _YELLOW, _RED = "32", "33", "31"
_COLOURS = {"✅": _GREEN, "⏳": _YELLOW}
"""The colour of a state by its mark; others are red."""

_DESCRIPTION, _STATE, _TOOK, _BY = 2, 3, 5, 6
_GAP = 2
_MIN_WIDTHS = {_BY: 8, _DESCRIPTION: 16}
"""Columns of the table that shrink on a narrow terminal, in this order, with their minimum width."""


def status_table(status: Status, *, colour: bool = False, width: int | None = None) -> str:
    """Return one aligned line per migration, and a summary.

    Args:
        status: the status to show.
        colour: whether to colour the states with ANSI codes.
        width: the terminal's width in columns; None if there is no terminal.
    """
    rows: list[tuple[str, ...]] = [("", "", "migration", "state", "applied", "took", "by")]
    rows += [_row(entry) for entry in status.entries]
    widths = [max(width_of(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[0] = 2  # the marks are two columns wide
    for column, narrowest in _MIN_WIDTHS.items():
        excess = sum(widths) + _GAP * (len(widths) - 1) - (width or sum(widths) * 2)
        widths[column] = max(min(narrowest, widths[column]), widths[column] - max(excess, 0))
    lines = [_line(row, widths, colour=colour) for row in rows] if status.entries else ["No migrations."]
    return "\n".join([*lines, "", status.summary(between_problems=BETWEEN_PROBLEMS)])


def _line(row: tuple[str, ...], widths: list[int], *, colour: bool) -> str:
    cells = [
        _pad_or_cut(cell, width, right=column == _TOOK)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    if row[0]:
        cells[0] = row[0]
        if colour:
            cells[_STATE] = f"\x1b[{_COLOURS.get(row[0], _RED)}m{cells[_STATE]}\x1b[0m"
    return (" " * _GAP).join(cells).rstrip()


def _pad_or_cut(cell: str, width: int, *, right: bool) -> str:
    """Return a cell exactly as wide as its column.

    It is cut with an ellipsis or padded with spaces.
    """
    if width_of(cell) > width:
        while width_of(cell) > width - 1:
            cell = cell[:-1]
        cell += "…"
    space = " " * (width - width_of(cell))
    return space + cell if right else cell + space


def _row(entry: HistoryEntry) -> tuple[str, ...]:
    row = entry.row
    return (
        _MARKS.get(entry.state, "❌"),
        entry.label,
        printable(entry.description),
        entry.backfill.summary if entry.backfill else entry.state,
        f"{row.applied_at:%Y-%m-%d %H:%M} UTC" if row and row.applied_at else "",
        f"{row.duration_ms} ms" if row and row.duration_ms is not None else "",
        printable((row.applied_by or "") if row else ""),
    )
