"""The db-lint report for review tools: annotations of GitHub Actions, and SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peterental.database.migrations.lint.findings import RULES, Finding, Rule, Severity
from peterental.database.migrations.lint.report import Report

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_ORDER = list(Severity)
_DOCS = "docs/lint-rules.md"


@dataclass(frozen=True)
class Place:
    """Where the files are, as a review tool names them.

    Args:
        directory: the linted folder.
        root: the folder of the repository; paths are relative to it.
    """

    directory: Path
    root: Path

    @classmethod
    def of(cls, directory: Path) -> Place:
        """Return the place of a folder: in its repository, or else below the current folder."""
        absolute = directory.resolve()
        root = next((folder for folder in (absolute, *absolute.parents) if (folder / ".git").exists()), Path.cwd())
        return cls(absolute, root)

    def path(self, file_name: str) -> str:
        """Return a file's path, relative to the repository if it is inside; the folder's for a finding about it."""
        path = self.directory if file_name == self.directory.name else self.directory / file_name
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


# --- GitHub Actions ---------------------------------------------------------------------------------------------------


def github_text(report: Report, place: Place, *, strict: bool = False) -> str:
    """Return the findings as workflow commands, which GitHub shows beside the lines, and the summary.

    GitHub shows ten of each level for one step, so the worst come first.
    """
    ordered = sorted(report.findings, key=lambda finding: _ORDER.index(finding.rule.severity))
    commands = [_command(finding, place, _LEVELS[finding.rule.severity, strict][0]) for finding in ordered]
    return "\n".join([*commands, report.summary()])


def _command(finding: Finding, place: Place, level: str) -> str:
    properties = {"file": place.path(finding.file_name)}
    if finding.location:
        properties |= {"line": str(finding.location.line), "col": str(finding.location.column)}
    properties["title"] = finding.rule.name
    listed = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items())
    return f"::{level} {listed}::{_escaped(_message(finding))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


# --- SARIF ------------------------------------------------------------------------------------------------------------


def sarif(report: Report, place: Place, *, strict: bool = False) -> dict[str, Any]:
    """Return the report as SARIF 2.1.0; waived findings are suppressed, with the waiver's reason."""
    found = [*report.findings, *report.waived]
    rules = sorted({finding.rule.name for finding in found})
    seen: Counter[str] = Counter()
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "db-lint", "rules": [_rule(RULES[name], strict=strict) for name in rules]}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules, place, seen, strict=strict) for finding in found],
            }
        ],
    }


def _rule(rule: Rule, *, strict: bool) -> dict[str, Any]:
    words = rule.name.replace("-", " ")
    return {
        "id": rule.name,
        "shortDescription": {"text": words[0].upper() + words[1:]},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} See {_DOCS}#{rule.name}."},
        "defaultConfiguration": {"level": _LEVELS[rule.severity, strict][1]},
        "properties": {"tags": [rule.severity.value]},
    }


def _result(finding: Finding, rules: list[str], place: Place, seen: Counter[str], *, strict: bool) -> dict[str, Any]:
    path = place.path(finding.file_name)
    artifact = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    if path.startswith("/"):
        artifact = {"uri": f"file://{quote(path)}"}
    line, column = (finding.location.line, finding.location.column) if finding.location else (1, 1)
    result: dict[str, Any] = {
        "ruleId": finding.rule.name,
        "ruleIndex": rules.index(finding.rule.name),
        "level": _LEVELS[finding.rule.severity, strict][1],
        "message": {"text": _message(finding)},
        "locations": [
            {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line, "startColumn": column}}}
        ],
        "partialFingerprints": {"findingHash/v1": _fingerprint(finding, seen)},
    }
    if finding.waived_because is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.waived_because}]
    return result


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Return what identifies a finding while lines above it change: its rule, file, line's text and repetition."""
    excerpt = finding.location.excerpt.strip() if finding.location else ""
    same = f"{finding.rule.name}\n{finding.file_name}\n{excerpt}\n{finding.what}"
    seen[same] += 1
    return hashlib.sha256(f"{same}\n{seen[same]}".encode()).hexdigest()[:32]


# --- both -------------------------------------------------------------------------------------------------------------

_LEVELS = {
    (Severity.ERROR, False): ("error", "error"),
    (Severity.ERROR, True): ("error", "error"),
    (Severity.UNSAFE, False): ("error", "error"),
    (Severity.UNSAFE, True): ("error", "error"),
    (Severity.ADVICE, False): ("notice", "note"),
    (Severity.ADVICE, True): ("warning", "warning"),
}
"""The level of an annotation and of a SARIF result, by severity and `--strict`: an error makes the exit code 1."""


def _message(finding: Finding) -> str:
    instead = f"\n\nInstead:\n{finding.safe}" if finding.safe else ""
    return f"{finding.what}\n\n{finding.rule.why}{instead}"
