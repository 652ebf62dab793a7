"""Tables and promises, as aligned text that is Markdown at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Promise:
    """What a figure of ours has to be, and what it was.

    Args:
        work: what was measured.
        ours: the figure, with its unit.
        must: what it has to be.
        holds: whether it was.
    """

    work: str
    ours: str
    must: str
    holds: bool


@dataclass(frozen=True)
class Table:
    """One table of a section.

    Args:
        title: what was measured.
        how: how, in a few sentences for somebody who doubts it.
        head: the names of the columns; all but the first are aligned to the right.
        rows: the cells.
        promises: what these figures have to be.
    """

    title: str
    how: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    promises: list[Promise] = field(default_factory=list)

    def text(self) -> str:
        """Give title, explanation and table."""
        return f"### {self.title}\n\n{self.how}\n\n{aligned(self.head, self.rows)}\n"


def aligned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Give a Markdown table that reads as well unrendered."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "\n".join([line(head), rule, *(line(row) for row in rows)])


def promises_text(promises: list[Promise]) -> str:
    """Give the table of what was promised and what was measured."""
    rows = [(promise.work, promise.ours, promise.must, "yes" if promise.holds else "NO") for promise in promises]
    return aligned(("work", "ours", "must be", "holds"), rows)
