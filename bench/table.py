"""Tables and targets, as aligned Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Promise:
    """A target for one of our figures, and the result.

    Args:
        work: what was measured.
        ours: the figure, with its unit.
        must: the target.
        holds: whether the target was met.
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
        how: how it was measured, in a few sentences.
        head: the names of the columns.
        rows: the cells.
        promises: the targets for these figures.
    """

    title: str
    how: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    promises: list[Promise] = field(default_factory=list)

    def text(self) -> str:
        """Return title, explanation and table as Markdown."""
        return f"### {self.title}\n\n{self.how}\n\n{aligned(self.head, self.rows)}\n"


def aligned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table that is aligned as plain text: figures to the right, words to the left."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    are_figures = [all(cell[0].isdigit() for cell in column[1:] if cell) for column in columns]

    def line(cells: tuple[str, ...]) -> str:
        padded = [
            cell.rjust(width) if is_figure else cell.ljust(width)
            for cell, width, is_figure in zip(cells, widths, are_figures, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    ends = [":" if is_figure else "-" for is_figure in are_figures]
    rule = "".join(f"|{'-' * (width + 1)}{end}" for width, end in zip(widths, ends, strict=True))
    return "\n".join([line(head), f"{rule}|", *map(line, rows)])


def promises_text(promises: list[Promise]) -> str:
    """Return the table of targets and results."""
    rows = [(promise.work, promise.ours, promise.must, "yes" if promise.holds else "NO") for promise in promises]
    return aligned(("work", "ours", "must be", "holds"), rows)
