"""Rules of db-lint, with severity and reason, and findings, with location."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from peterental.database.migrations.sql.error_location import SourceLocation


class Severity(StrEnum):
    """How serious a finding is."""

    ERROR = "error"
    """The runner or the server would refuse the file, or a waiver is wrong."""
    UNSAFE = "unsafe"
    """It would run and do harm: a lock, a rewrite, a scan, lost data, or a schema that running code cannot use."""
    ADVICE = "advice"
    """A convention. Shown always, counted only with `--strict`."""


@dataclass(frozen=True)
class Rule:
    """One rule of the linter.

    Args:
        name: its name in waivers.
        severity: how serious its findings are.
        why: what happens to a running system otherwise, in full sentences.
        breaks_release: whether it harms only the previous release, which is gone when a contract file runs.
    """

    name: str
    severity: Severity
    why: str
    breaks_release: bool = False


RULES: dict[str, Rule] = {}
"""Every rule by name."""


def new_rule(name: str, severity: Severity, why: str, *, breaks_release: bool = False) -> Rule:
    """Register a rule for waivers and documentation.

    Raises ValueError if the name is taken.
    """
    if name in RULES:
        raise ValueError(f"the rule {name} already exists")
    RULES[name] = Rule(name, severity, why, breaks_release)
    return RULES[name]


def error(name: str, why: str) -> Rule:
    """Register a rule whose findings stop a migration."""
    return new_rule(name, Severity.ERROR, why)


def unsafe(name: str, why: str) -> Rule:
    """Register a rule whose findings harm a running system."""
    return new_rule(name, Severity.UNSAFE, why)


def breaking(name: str, why: str) -> Rule:
    """Register a rule whose findings break the previous release; they are allowed in a contract file."""
    return new_rule(name, Severity.UNSAFE, why, breaks_release=True)


def advice(name: str, why: str) -> Rule:
    """Register a rule about conventions."""
    return new_rule(name, Severity.ADVICE, why)


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken.

    Args:
        rule: the rule.
        file_name: the file; the folder's name if the finding is not about one file.
        location: where in the file; None if the finding is not about one line.
        what: what was found, with the names of the objects.
        safe: the safe alternative, as SQL to copy, with remarks as SQL comments; empty if there is none.
        lines: the lines that a waiver may cover: the finding's, its statement's, and the surrounding DO block's.
        waived_because: the waiver's reason; None if the finding is not waived.
    """

    rule: Rule
    file_name: str
    location: SourceLocation | None
    what: str
    safe: str = ""
    lines: tuple[int, ...] = ()
    waived_because: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the finding as `flask db-lint --json` prints it."""
        found: dict[str, object] = {
            "file": self.file_name,
            "line": self.location.line if self.location else None,
            "column": self.location.column if self.location else None,
            "rule": self.rule.name,
            "severity": self.rule.severity.value,
            "message": self.what,
            "why": self.rule.why,
            "safe": self.safe,
        }
        return found if self.waived_because is None else {**found, "waived_because": self.waived_because}
