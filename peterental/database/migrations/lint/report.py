"""The db-lint report, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peterental.database.migrations.lint.findings import Finding, Severity
from peterental.database.migrations.sql.error_location import caret_lines

_MAX_COLUMNS = 100
_INDENT = 8
_MAX_ALIKE = 3
"""Pieces of advice of one rule in one file that get a line each."""

_COLOURS = {Severity.ERROR: "1;31", Severity.UNSAFE: "1;33", Severity.ADVICE: "36"}
_BOLD, _DIM, _GREEN = "1", "2", "32"
_Painter = Callable[[str, str], str]


@dataclass(frozen=True)
class Report:
    """The findings in one folder.

    Args:
        findings: findings without a waiver, by file and line.
        waived: waived findings, by file and line.
        file_count: the number of migrations checked.
    """

    findings: list[Finding]
    waived: list[Finding]
    file_count: int

    def __post_init__(self) -> None:
        self.findings.sort(key=_sort_key)
        self.waived.sort(key=_sort_key)

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.rule.severity is severity]

    def exit_code(self, *, strict: bool = False) -> int:
        """Return the exit code: 1 if there are findings that count.

        Errors and unsafe findings count; advice counts only if `strict`.
        """
        counting = self.findings if strict else [one for one in self.findings if one.rule.severity != Severity.ADVICE]
        return 1 if counting else 0

    def as_json(self) -> dict[str, object]:
        """Return the report as `flask db-lint --json` prints it."""
        return {
            "files": self.file_count,
            "errors": len(self.of(Severity.ERROR)),
            "unsafe": len(self.of(Severity.UNSAFE)),
            "advice": len(self.of(Severity.ADVICE)),
            "findings": [finding.as_json() for finding in self.findings],
            "waived": [finding.as_json() for finding in self.waived],
        }

    def text(self, *, colour: bool = False, width: int | None = None) -> str:
        """Return the report as text.

        Errors and unsafe findings are shown in full, advice in one line each, then a summary.

        Args:
            colour: whether to add ANSI colours.
            width: the terminal's width in columns; None if there is no terminal.
        """
        columns = _MAX_COLUMNS if width is None else min(_MAX_COLUMNS, width - _INDENT)
        paint = _paint if colour else _plain
        blocks = []
        explained: dict[tuple[str, str], str] = {}
        for finding in self.findings:
            if finding.rule.severity is not Severity.ADVICE:
                first = explained.setdefault((finding.rule.name, finding.file_name), _location_text(finding))
                blocks.append(_block(finding, paint, columns, None if first == _location_text(finding) else first))
        advice = self.of(Severity.ADVICE)
        if advice:
            blocks.append("\n".join(_advice_lines(advice, paint, columns)))
        blocks.append(self._summary(paint))
        return "\n\n".join(blocks)

    def summary(self) -> str:
        """Return the number of findings in one sentence."""
        return self._summary(_plain)

    def _summary(self, paint: _Painter) -> str:
        errors, unsafe, advice = (len(self.of(one)) for one in Severity)
        checked = f"{_count(self.file_count, 'migration', 'migrations')} checked"
        parts = [
            _count(errors, "error", "errors") if errors else "",
            f"{unsafe} unsafe" if unsafe else "",
            _count(advice, "piece of advice", "pieces of advice") if advice else "",
            f"{len(self.waived)} waived" if self.waived else "",
        ]
        found = ", ".join(part for part in parts if part)
        if errors or unsafe:
            return paint(f"❌ {checked}: {found}.", _BOLD)
        return paint(f"✅ {checked}: nothing unsafe{', ' + found if found else ''}.", _GREEN)


def _plain(text: str, _style: str) -> str:
    return text


def _paint(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _sort_key(finding: Finding) -> tuple[str, int, int, str]:
    location = finding.location
    return (finding.file_name, location.line if location else 0, location.column if location else 0, finding.rule.name)


def _location_text(finding: Finding) -> str:
    location = finding.location
    return f"{finding.file_name}:{location.line}:{location.column}" if location else finding.file_name


def _block(finding: Finding, paint: _Painter, columns: int, explained_at: str | None) -> str:
    """Return a finding in full.

    The reason is spelled out only the first time in a file.
    """
    rule = finding.rule
    severity = paint(rule.severity.value, _COLOURS[rule.severity])
    lines = [f"{paint(_location_text(finding), _BOLD)}  {severity}  {paint(rule.name, _BOLD)}"]
    if finding.location:
        lines += caret_lines(finding.location)
    lines += _labelled("what", _wrapped(finding.what, columns), paint)
    why = rule.why if explained_at is None else f"see {explained_at}"
    lines += _labelled("why", _wrapped(why, columns), paint)
    if finding.safe:
        lines += _labelled("safe", finding.safe.splitlines(), paint)
    return "\n".join(lines)


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)


def _labelled(label: str, lines: Iterable[str], paint: _Painter) -> list[str]:
    return [
        f"  {paint((label if number == 0 else '').ljust(5), _DIM)} {line}".rstrip() for number, line in enumerate(lines)
    ]


def _advice_lines(advice: list[Finding], paint: _Painter, columns: int) -> list[str]:
    """Return one aligned line per piece of advice.

    Advice repeated in several files is one line with their names; the same rule's advice on many statements of a file
    is one line with those of the others.
    """
    rows = _advice_rows(advice)
    where = max(len(row.location) for row in rows)
    name = max(len(row.finding.rule.name) for row in rows)
    lines = []
    for row in rows:
        rule = row.finding.rule
        severity = paint(rule.severity.value, _COLOURS[Severity.ADVICE])
        lines.append(f"{row.location.ljust(where)}  {severity}  {rule.name.ljust(name)}  {row.finding.what}")
        lines += [f"  {line}" for line in _wrapped(row.others, columns)]
    return lines


@dataclass(frozen=True)
class _AdviceRow:
    """One piece of advice: where it is, or in how many files, and which others are like it."""

    location: str
    finding: Finding
    others: str = ""


def _advice_rows(advice: list[Finding]) -> list[_AdviceRow]:
    """Return the advice on single files in their order, then what is repeated in several files."""
    same: dict[tuple[str, str], list[Finding]] = {}
    for finding in advice:
        same.setdefault((finding.rule.name, finding.what), []).append(finding)
    in_one_file: dict[tuple[str, str], list[Finding]] = {}
    repeated: list[_AdviceRow] = []
    for found in same.values():
        names = list(dict.fromkeys(finding.file_name for finding in found))
        if len(names) > 1:
            repeated.append(_AdviceRow(f"{len(names)} files", found[0], ", ".join(names)))
        else:
            in_one_file.setdefault((found[0].rule.name, names[0]), []).extend(found)
    rows: list[_AdviceRow] = []
    for found in in_one_file.values():
        if len(found) > _MAX_ALIKE:
            rows.append(_AdviceRow(_location_text(found[0]), found[0], _others_like_it(found[1:])))
        else:
            rows += [_AdviceRow(_location_text(finding), finding) for finding in found]
    rows.sort(key=lambda row: _sort_key(row.finding))
    return rows + repeated


def _others_like_it(found: list[Finding]) -> str:
    lines = ", ".join(str(finding.location.line) for finding in found if finding.location)
    return f"and {len(found)} more like it" + (f", in lines {lines}" if lines else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
