"""What a person reads about migrations in a terminal."""

from __future__ import annotations

from peterental.database.migrations.files import BETWEEN_PROBLEMS
from peterental.database.migrations.history import Entry
from peterental.database.migrations.status import Status

_MARKS = {
    "applied": "✅",
    "unverified": "✅",
    "comments-edited": "✅",
    "newer": "✅",
    "pending": "⏳",
}


_GREEN, _YELLOW, _RED = "32", "33", "31"
_STATE = 3
_TOOK = 5


def status_table(status: Status, *, colour: bool = False) -> str:
    """Give one aligned line per migration and a sentence about the whole.

    Args:
        status: what to show.
        colour: colour the states, for a terminal.
    """
    rows: list[tuple[str, ...]] = [("", "", "migration", "state", "applied", "took", "by")]
    rows += [_row(entry) for entry in status.entries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[0] = 2  # the marks are two columns wide
    lines = [_line(row, widths, colour=colour) for row in rows] if status.entries else ["No migrations."]
    return "\n".join([*lines, "", status.summary(between_problems=BETWEEN_PROBLEMS)])


def _line(row: tuple[str, ...], widths: list[int], *, colour: bool) -> str:
    cells = [
        cell.rjust(width) if column == _TOOK else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    if row[0]:
        cells[0] = row[0]
        if colour:
            cells[_STATE] = f"\x1b[{_colour_of(row[_STATE])}m{cells[_STATE]}\x1b[0m"
    return "  ".join(cells).rstrip()


def _colour_of(state: str) -> str:
    return {"✅": _GREEN, "⏳": _YELLOW}.get(_MARKS.get(state, ""), _RED)


def _row(entry: Entry) -> tuple[str, ...]:
    row = entry.row
    return (
        _MARKS.get(entry.state, "❌"),
        f"{entry.version:03d}",
        entry.description,
        entry.state,
        f"{row.applied_at:%Y-%m-%d %H:%M} UTC" if row and row.applied_at else "",
        f"{row.duration_ms} ms" if row and row.duration_ms is not None else "",
        (row.applied_by or "") if row else "",
    )
