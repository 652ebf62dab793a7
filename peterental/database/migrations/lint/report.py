"""What db-lint found, as a person reads it and as a script does."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peterental.database.migrations.lint.findings import Finding, Severity
from peterental.database.migrations.sql.error_location import caret_lines

_WIDEST = 100
_INDENT = 8
_COLOURS = {Severity.ERROR: "1;31", Severity.UNSAFE: "1;33", Severity.ADVICE: "36"}
_BOLD, _DIM, _GREEN = "1", "2", "32"
_Painter = Callable[[str, str], str]


@dataclass(frozen=True)
class Report:
    """The findings of one look through a folder.

    Args:
        findings: what stands, by file and line.
        waived: what somebody excused, by file and line.
        file_count: how many migrations were looked through.
    """

    findings: list[Finding]
    waived: list[Finding]
    file_count: int

    def __post_init__(self) -> None:
        self.findings.sort(key=_order)
        self.waived.sort(key=_order)

    def of(self, severity: Severity) -> list[Finding]:
        """Give the findings of one weight."""
        return [finding for finding in self.findings if finding.rule.severity is severity]

    def exit_code(self, *, strict: bool = False) -> int:
        """Give 1 when something counts: anything but advice, and advice too if `strict`; else 0."""
        counting = self.findings if strict else [one for one in self.findings if one.rule.severity != Severity.ADVICE]
        return 1 if counting else 0

    def as_json(self) -> dict[str, object]:
        """Give it as scripts read it."""
        return {
            "files": self.file_count,
            "errors": len(self.of(Severity.ERROR)),
            "unsafe": len(self.of(Severity.UNSAFE)),
            "advice": len(self.of(Severity.ADVICE)),
            "findings": [finding.as_json() for finding in self.findings],
            "waived": [finding.as_json() for finding in self.waived],
        }

    def text(self, *, colour: bool = False, width: int | None = None) -> str:
        """Give it as a person reads it: what counts in full, advice in a line each, a sentence about the whole.

        Args:
            colour: for a terminal.
            width: of the terminal, in columns.
        """
        columns = _WIDEST if width is None else min(_WIDEST, width - _INDENT)
        paint = _paint if colour else _plain
        blocks = []
        explained: dict[tuple[str, str], str] = {}
        for finding in self.findings:
            if finding.rule.severity is not Severity.ADVICE:
                first = explained.setdefault((finding.rule.name, finding.file_name), _where(finding))
                blocks.append(_block(finding, paint, columns, None if first == _where(finding) else first))
        advice = self.of(Severity.ADVICE)
        if advice:
            blocks.append("\n".join(_advice_lines(advice, paint, columns)))
        blocks.append(self._summary(paint))
        return "\n\n".join(blocks)

    def _summary(self, paint: _Painter) -> str:
        errors, dangers, advice = (len(self.of(one)) for one in Severity)
        looked = f"{_count(self.file_count, 'migration', 'migrations')} looked through"
        parts = [
            _count(errors, "error", "errors") if errors else "",
            f"{dangers} unsafe" if dangers else "",
            _count(advice, "piece of advice", "pieces of advice") if advice else "",
            f"{len(self.waived)} allowed by a waiver" if self.waived else "",
        ]
        found = ", ".join(part for part in parts if part)
        if errors or dangers:
            return paint(f"❌ {looked}: {found}.", _BOLD)
        return paint(f"✅ {looked}: nothing unsafe{'; ' + found if found else ''}.", _GREEN)


def _plain(text: str, _style: str) -> str:
    return text


def _paint(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _order(finding: Finding) -> tuple[str, int, int, str]:
    place = finding.place
    return (finding.file_name, place.line if place else 0, place.column if place else 0, finding.rule.name)


def _where(finding: Finding) -> str:
    place = finding.place
    return f"{finding.file_name}:{place.line}:{place.column}" if place else finding.file_name


def _block(finding: Finding, paint: _Painter, columns: int, explained_at: str | None) -> str:
    """Give a finding in full; its reason only the first time in a file."""
    rule = finding.rule
    severity = paint(rule.severity.value, _COLOURS[rule.severity])
    lines = [f"{paint(_where(finding), _BOLD)}  {severity}  {paint(rule.name, _BOLD)}"]
    if finding.place:
        lines += caret_lines(finding.place)
    lines += _labelled("what", _wrapped(finding.what, columns), paint)
    why = rule.why if explained_at is None else f"as at {explained_at}"
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
    """Give a line to each piece of advice, in columns; what is the same in several files is said once, with them."""
    same: dict[tuple[str, str], list[Finding]] = {}
    for finding in advice:
        same.setdefault((finding.rule.name, finding.what), []).append(finding)
    rows: list[tuple[str, Finding, str]] = []
    folded: list[tuple[str, Finding, str]] = []
    for found in same.values():
        names = list(dict.fromkeys(finding.file_name for finding in found))
        if len(names) > 1:
            folded.append((f"{len(names)} files", found[0], ", ".join(names)))
        else:
            rows += [(_where(finding), finding, "") for finding in found]
    rows += folded
    where = max(len(row[0]) for row in rows)
    name = max(len(finding.rule.name) for _, finding, _ in rows)
    lines = []
    for place, finding, files in rows:
        severity = paint(finding.rule.severity.value, _COLOURS[Severity.ADVICE])
        lines.append(f"{place.ljust(where)}  {severity}  {finding.rule.name.ljust(name)}  {finding.what}")
        lines += [f"  {line}" for line in _wrapped(files, columns)]
    return lines


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
