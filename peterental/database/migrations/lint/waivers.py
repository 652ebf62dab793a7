"""Waivers: `-- lint: allow RULE because REASON`, on the line of a finding or its statement, or directly above."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import RULES, Finding, Severity, error
from peterental.database.migrations.sql.error_location import locate

UNREADABLE = error(
    "waiver-unreadable", "A comment that looks like a waiver but has no effect misleads the next reader."
)
NO_REASON = error(
    "waiver-without-reason", "Later readers cannot know why this is safe, and copy it to where it is not."
)
UNKNOWN_RULE = error("waiver-of-unknown-rule", "A waiver of a misspelt rule has no effect.")
UNUSED = error(
    "waiver-unused",
    "An unused waiver would hide the next mistake on this line, which no one has reviewed.",
)
NOT_WAIVABLE = error("waiver-of-error", "The runner or the server refuses the file; a comment cannot change that.")

_MARK = re.compile(r"--\s*lint\s*:", re.IGNORECASE)
_WAIVER = re.compile(
    r"--\s*lint\s*:\s*allow\s+(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)(?:\s+because\b\s*(?P<reason>.*\S)?)?\s*",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT_LINE = re.compile(r"\s*--")
_SEPARATOR = re.compile(r"\s*,\s*")


@dataclass(frozen=True)
class _Waiver:
    offset: int
    line: int
    rule: str
    reason: str


def apply_waivers(lint: FileLint) -> tuple[list[Finding], list[Finding]]:
    """Return a file's remaining findings, and the waived ones.

    The remaining findings include those about the waivers themselves.
    """
    waivers = _read(lint)
    lines = _LINE_END.split(lint.source.text)
    used: set[_Waiver] = set()
    waived = []
    remaining = []
    for finding in lint.findings:
        covered = {line for own in finding.lines for line in _lines_for(lines, own)}
        waiver = next((one for one in waivers if one.rule == finding.rule.name and one.line in covered), None)
        if waiver:
            used.add(waiver)
            waived.append(replace(finding, waived_because=waiver.reason))
        else:
            remaining.append(finding)
    lint.findings = remaining
    for waiver in waivers:
        if waiver not in used:
            lint.report(
                UNUSED,
                f"It allows {waiver.rule}, but there is no such finding here. Remove it.",
                None,
                at=waiver.offset,
            )
    return lint.findings, waived


def _read(lint: FileLint) -> list[_Waiver]:
    """Return a file's waivers, one for each rule that they name; report invalid ones."""
    if not _MARK.search(lint.source.text):
        return []
    waivers = []
    for comment in lint.source.comments:
        if not _MARK.match(comment.text):
            continue
        match = _WAIVER.fullmatch(comment.text)
        if not match:
            lint.report(UNREADABLE, "Write it as “-- lint: allow RULE because REASON”.", None, at=comment.offset)
            continue
        reason = match["reason"] or ""
        if not reason:
            lint.report(
                NO_REASON,
                f"It allows {match['rules']} without a reason.",
                None,
                at=comment.offset,
                safe=f"-- lint: allow {match['rules']} because the table has a few hundred rows",
            )
        line = locate(lint.source.text, comment.offset).line
        for name in _SEPARATOR.split(match["rules"]):
            waivers += _waiver(lint, comment.offset, line, name, reason)
    return waivers


def _waiver(lint: FileLint, offset: int, line: int, name: str, reason: str) -> list[_Waiver]:
    rule = RULES.get(name)
    if rule is None:
        likely = _closest_rule(name)
        hint = f"; did you mean {likely}?" if likely else "."
        lint.report(UNKNOWN_RULE, f"There is no rule {name}{hint}", None, at=offset)
        return []
    if rule.severity is Severity.ERROR:
        lint.report(NOT_WAIVABLE, f"{name} is an error and cannot be waived. Fix the file.", None, at=offset)
        return []
    return [_Waiver(offset, line, name, reason)]


def _closest_rule(name: str) -> str | None:
    import difflib  # noqa: PLC0415  # only needed for a misspelt rule

    return next(iter(difflib.get_close_matches(name, RULES, 1)), None)


def _lines_for(lines: list[str], line: int) -> set[int]:
    """Return the lines on which a waiver covers `line`.

    They are the line itself and the comment lines directly above it.
    """
    found = {line}
    above = line - 1
    while above >= 1 and above <= len(lines) and _COMMENT_LINE.match(lines[above - 1]):
        found.add(above)
        above -= 1
    return found
