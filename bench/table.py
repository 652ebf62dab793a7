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
        head: the names of the columns.
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
    """Give a Markdown table that reads as well unrendered: figures to the right, words to the left."""
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
    """Give the table of what was promised and what was measured."""
    rows = [(promise.work, promise.ours, promise.must, "yes" if promise.holds else "NO") for promise in promises]
    return aligned(("work", "ours", "must be", "holds"), rows)
