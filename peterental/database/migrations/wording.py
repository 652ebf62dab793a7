"""Nouns in the form that goes with a count, lists of versions, long lists, and texts."""

from __future__ import annotations

from collections.abc import Iterable


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the form of a noun that goes with `count`; without `many`, the plural is `one` with an s."""
    return one if count == 1 else many or f"{one}s"


def version_ranges(versions: Iterable[int]) -> str:
    """Return versions in order with ranges for three or more in a row: `001–013, 015`."""
    runs: list[list[int]] = []
    for version in sorted(set(versions)):
        if runs and version == runs[-1][-1] + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    parts: list[str] = []
    for run in runs:
        is_range = len(run) > 2  # noqa: PLR2004  # two neighbours are listed: 001, 002
        parts += [f"{run[0]:03d}–{run[-1]:03d}"] if is_range else [f"{version:03d}" for version in run]
    return ", ".join(parts)


def shortened(lines: list[str], limit: int) -> list[str]:
    """Return the first lines of a long list, and how many more there are; a list within the limit unchanged."""
    if len(lines) <= limit + 1:
        return lines
    return [*lines[:limit], f"… and {len(lines) - limit} more"]


def printable(text: str) -> str:
    """Return a text with line ends and control characters escaped: a terminal would obey some of them."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def printable_lines(text: str, *, max_lines: int, max_chars: int) -> str:
    """Return a text of several lines with control characters escaped; of a long one, the beginning and a count."""
    lines = ["\t".join(printable(part) for part in line.split("\t")) for line in text[:max_chars].splitlines() or [""]]
    if len(text) > max_chars:
        lines[-1] += f"… ({len(text):,} characters)"
    return "\n".join(shortened(lines, max_lines))


def mentions(text: str, *words: str) -> bool:
    """Return whether a text contains one of some words in lower case, in whatever case.

    Searching for a word takes a hundredth of the time of a regular expression that ignores case: files may be large.
    """
    lowered = text.lower()
    return any(word in lowered for word in words)
