"""Waivers: `-- lint: allow RULE because reason`, on the line of a finding or of its statement, or right above it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import RULES, Finding, Severity, error
from peterental.database.migrations.sql.error_location import locate

UNREADABLE = error(
    "waiver-unreadable", "A comment that looks like a waiver and is none would be taken for one by the next reader."
)
NO_REASON = error(
    "waiver-without-reason", "In a year nobody will know why this was thought safe; the next one will copy it."
)
UNKNOWN_RULE = error("waiver-of-unknown-rule", "A misspelt waiver excuses nothing.")
UNUSED = error(
    "waiver-unused",
    "A waiver that excuses nothing would hide the next mistake on this line without anybody deciding so.",
)
NOT_WAIVABLE = error("waiver-of-error", "The runner or the server refuses this file whatever a comment says.")

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
    """Give the findings of a file that stand, those about its waivers included, and the excused ones."""
    waivers = _read(lint)
    lines = _LINE_END.split(lint.source.text)
    used: set[_Waiver] = set()
    waived = []
    standing = []
    for finding in lint.findings:
        covered = {line for own in finding.lines for line in _lines_for(lines, own)}
        waiver = next((one for one in waivers if one.rule == finding.rule.name and one.line in covered), None)
        if waiver:
            used.add(waiver)
            waived.append(replace(finding, waived_because=waiver.reason))
        else:
            standing.append(finding)
    lint.findings = standing
    for waiver in waivers:
        if waiver not in used:
            lint.report(
                UNUSED, f"It allows {waiver.rule}, of which there is none here; take it out.", None, at=waiver.offset
            )
    return lint.findings, waived


def _read(lint: FileLint) -> list[_Waiver]:
    """Give the waivers of a file, one for each rule that one names; report those that say nothing sensible."""
    if not _MARK.search(lint.source.text):
        return []
    waivers = []
    for comment in lint.source.comments:
        if not _MARK.match(comment.text):
            continue
        match = _WAIVER.fullmatch(comment.text)
        if not match:
            lint.report(UNREADABLE, "Write it as: -- lint: allow RULE because REASON", None, at=comment.offset)
            continue
        reason = match["reason"] or ""
        if not reason:
            lint.report(
                NO_REASON,
                f"It allows {match['rules']} and does not say why.",
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
        likely = _likely(name)
        hint = f"; {likely} is the one that sounds like it" if likely else ""
        lint.report(UNKNOWN_RULE, f"There is no rule {name}{hint}.", None, at=offset)
        return []
    if rule.severity is Severity.ERROR:
        lint.report(NOT_WAIVABLE, f"{name} cannot be allowed.", None, at=offset)
        return []
    return [_Waiver(offset, line, name, reason)]


def _likely(name: str) -> str | None:
    import difflib  # noqa: PLC0415  # only for the one who mistyped

    return next(iter(difflib.get_close_matches(name, RULES, 1)), None)


def _lines_for(lines: list[str], line: int) -> set[int]:
    """Give the lines where a waiver for something on `line` may stand: that one, and the comments right above it."""
    found = {line}
    above = line - 1
    while above >= 1 and above <= len(lines) and _COMMENT_LINE.match(lines[above - 1]):
        found.add(above)
        above -= 1
    return found
