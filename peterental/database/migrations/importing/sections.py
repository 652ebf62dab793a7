"""Split a file that has its up and down part between marker lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from peterental.database.migrations.importing.sql_edits import has_statement, lines_of, terminated


@dataclass(frozen=True)
class Marker:
    """What a marker line means.

    Args:
        kind: `up` or `down` begins a part; `begin` and `end` enclose one statement; `no transaction` is for the part
            that it is in, or for both above the first; `file without transaction` is for both; `ignored` and `unknown`
            are removed; `text` stays, as a comment.
        no_transaction: whether a part that begins here runs outside a transaction.
        problem: what cannot be carried over because of this line.
    """

    kind: str
    no_transaction: bool = False
    problem: str = ""


MarkerReader = Callable[[str], Marker | None]
"""Returns what a line, without its line end, means to a tool; None for a line of SQL."""


@dataclass
class Sections:
    """The parts of one file.

    Args:
        preamble: what is above the first part.
        up: the lines of the up part.
        down: the lines of the down part.
        has_up: whether the file has a marker of an up part.
        no_transaction: the parts that run outside a transaction.
        removed: the markers that were removed, apart from those that begin a part.
        problems: line number and text of what cannot be carried over.
        semicolons_added: how many statements between `begin` and `end` had none.
    """

    preamble: str = ""
    up: str = ""
    down: str = ""
    has_up: bool = False
    no_transaction: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    semicolons_added: int = 0


def split_sections(text: str, read_marker: MarkerReader, first: str = "", *, only_first: bool = False) -> Sections:
    """Split `text` at its marker lines; every other line stays as it is.

    Args:
        text: of the file.
        read_marker: reads one line.
        first: the part that begins with the file, `up`; by default, a marker begins it.
        only_first: whether a second marker of a part is a comment to the tool.
    """
    splitter = _Splitter(first, only_first=only_first)
    for number, line in enumerate(lines_of(text), 1):
        splitter.take(number, line, read_marker(line.rstrip("\r\n")))
    return splitter.sections()


class _Splitter:
    """Collects the lines of each part."""

    def __init__(self, first: str, *, only_first: bool) -> None:
        self._only_first = only_first
        self._seen = {first}
        self._found = Sections()
        self._parts: dict[str, list[str]] = {"": [], "up": [], "down": []}
        self._current = first
        self._block_start: int | None = None

    def take(self, number: int, line: str, marker: Marker | None) -> None:
        """Take the next line, and what it means."""
        if marker is not None and self._only_first and marker.kind in self._seen:
            marker = None
        if marker is None or marker.kind == "text":
            self._parts[self._current].append(line)
        if marker is None:
            return
        if marker.problem:
            self._found.problems.append((number, marker.problem))
        if marker.kind in {"up", "down"}:
            self._begin_part(marker)
        elif marker.kind == "no transaction":
            self._found.no_transaction |= {self._current} if self._current else {"up", "down"}
        elif marker.kind == "file without transaction":
            self._found.no_transaction |= {"up", "down"}
        elif marker.kind in {"begin", "end", "ignored"}:
            self._mark_block(marker)
            self._found.removed.append(re.sub(r"\s+", " ", line.strip()))

    def sections(self) -> Sections:
        """Return the parts."""
        found = self._found
        found.preamble, found.up, found.down = ("".join(self._parts[name]) for name in ("", "up", "down"))
        return found

    def _begin_part(self, marker: Marker) -> None:
        self._current = marker.kind
        self._seen.add(marker.kind)
        self._found.has_up = self._found.has_up or marker.kind == "up"
        if marker.no_transaction:
            self._found.no_transaction.add(marker.kind)

    def _mark_block(self, marker: Marker) -> None:
        lines = self._parts[self._current]
        if marker.kind == "begin":
            self._block_start = len(lines)
        elif marker.kind == "end" and self._block_start is not None:
            self._found.semicolons_added += _terminate(lines, self._block_start)
            self._block_start = None


def _terminate(lines: list[str], start: int) -> int:
    """End the statement in the lines from `start` on with a semicolon; return whether it had none, as 0 or 1."""
    block = "".join(lines[start:])
    ended = terminated(block)
    if not has_statement(block) or ended == block:
        return 0
    lines[start:] = [ended]
    return 1
