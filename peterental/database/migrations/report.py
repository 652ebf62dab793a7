"""What a person reads about migrations in a terminal."""

from __future__ import annotations

from peterental.database.migrations.history import Entry
from peterental.database.migrations.status import Status

_MARKS = {
    "applied": "✅",
    "unverified": "✅",
    "comments-edited": "✅",
    "newer": "✅",
    "pending": "⏳",
}


def status_table(status: Status) -> str:
    """Give one aligned line per migration and a sentence about the whole."""
    rows: list[tuple[str, ...]] = [("", "", "migration", "state", "applied", "took", "by")]
    rows += [_row(entry) for entry in status.entries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[0] = 2  # the marks are two columns wide
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column == _TOOK else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        if row[0]:
            cells[0] = row[0]
        lines.append("  ".join(cells).rstrip())
    if not status.entries:
        lines = ["No migrations."]
    return "\n".join([*lines, "", status.summary()])


_TOOK = 5


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
