"""Baselines: one file that replaces the files before it, and names each of them with its checksum.

A baseline has the number of the last file that it replaces. Its header has a directive and one line for each file:

    -- migrate: baseline=001-013
    -- replaces 001 <checksum> <digest of its statements> 001_create_agent_tables.sql

A file that was a baseline itself has its range in place of the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from peterental.database.migrations.sql.comments import header_comments

_QUICK_CHECK = re.compile(r"--[ \t]*migrate:.*\bbaseline=")
_DIRECTIVE = re.compile(r"--[ \t]*migrate:(?P<words>.*)")
_RANGE = re.compile(r"baseline=(?P<first>[0-9]{3,10})-(?P<last>[0-9]{3,10})")
_REPLACES = re.compile(
    r"--[ \t]*replaces[ \t]+(?P<first>[0-9]{3,10})(?:-(?P<last>[0-9]{3,10}))?[ \t]+(?P<checksum>[0-9a-f]{64})"
    r"[ \t]+(?P<digest>[0-9a-f]{16})[ \t]+(?P<name>\S.*)"
)


@dataclass(frozen=True)
class Replaced:
    """A file that a baseline replaces.

    Args:
        first: the first version that it made; lower than `last` only for a baseline.
        last: its number.
        checksum: of its text.
        digest: of its statements, without comments and white space.
        name: of the file.
    """

    first: int
    last: int
    checksum: str
    digest: str
    name: str

    def line(self) -> str:
        """Return the line of the header that names it."""
        return f"-- replaces {version_range(self.first, self.last)} {self.checksum} {self.digest} {self.name}"


@dataclass(frozen=True)
class Baseline:
    """What a baseline replaces.

    Args:
        first: the first version, always 1 in a valid baseline.
        last: the last version, always the number of the file in a valid baseline.
        replaced: the files, also those that an earlier baseline replaced.
    """

    first: int
    last: int
    replaced: tuple[Replaced, ...]

    @property
    def versions(self) -> range:
        """The versions that it replaces."""
        return range(self.first, self.last + 1)

    def problem(self, version: int) -> str | None:
        """Return what is wrong with the header of a baseline with this number; None if nothing is."""
        if (self.first, self.last) != (1, version):
            found = version_range(self.first, self.last)
            return (
                f"“-- migrate: baseline={found}” should be baseline={version_range(1, version)}, as the file's number"
            )
        named = {number for file in self.replaced for number in range(file.first, file.last + 1)}
        unnamed = sorted(set(self.versions) - named)
        if unnamed or named - set(self.versions):
            what = f"lacks the “-- replaces” line of {unnamed[0]:03d}" if unnamed else "names versions above its number"
            return f"the baseline {what}, so that databases with the old files could not be recognised"
        return None


def version_range(first: int, last: int) -> str:
    """Return versions as text: `001-013`, or `013` for one."""
    return f"{first:03d}" if first == last else f"{first:03d}-{last:03d}"


def parse_baseline(text: str) -> Baseline | None:
    """Return what a file replaces; None for a file that is not a baseline."""
    if not _QUICK_CHECK.search(text):
        return None
    span = None
    replaced = []
    for _offset, comment in header_comments(text):
        if directive := _DIRECTIVE.fullmatch(comment):
            span = next((found for found in map(_RANGE.fullmatch, directive["words"].split()) if found), span)
        elif found := _REPLACES.fullmatch(comment.rstrip()):
            first, last = int(found["first"]), int(found["last"] or found["first"])
            replaced.append(Replaced(first, last, found["checksum"], found["digest"], found["name"]))
    return Baseline(int(span["first"]), int(span["last"]), tuple(replaced)) if span else None


def baseline_problem(text: str, version: int) -> str | None:
    """Return what is wrong with the header of a baseline with this number; None if nothing is."""
    baseline = parse_baseline(text)
    if baseline is None:
        return f"a baseline is written “-- migrate: baseline={version_range(1, version)}”"
    return baseline.problem(version)
