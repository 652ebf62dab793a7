"""What db-lint can say: rules, each with its weight and its reason, and findings, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from peterental.database.migrations.sql.error_location import SourceLocation


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The runner or the server would refuse the file, or a waiver is wrong."""
    UNSAFE = "unsafe"
    """It would run, and hurt: a lock, a rewrite, a scan, lost data, or old code that meets a schema it cannot use."""
    ADVICE = "advice"
    """Good manners: shown, and counted only on demand."""


@dataclass(frozen=True)
class Rule:
    """One thing to look for.

    Args:
        name: what a waiver calls it.
        severity: its weight.
        why: what happens to a running system otherwise, in whole sentences.
    """

    name: str
    severity: Severity
    why: str


RULES: dict[str, Rule] = {}
"""Every rule by name."""


def new_rule(name: str, severity: Severity, why: str) -> Rule:
    """Make a rule known to waivers and documentation. Raises ValueError for a name that is taken."""
    if name in RULES:
        raise ValueError(f"there is a rule {name} already")
    RULES[name] = Rule(name, severity, why)
    return RULES[name]


def error(name: str, why: str) -> Rule:
    """Make a rule whose findings stop a migration."""
    return new_rule(name, Severity.ERROR, why)


def unsafe(name: str, why: str) -> Rule:
    """Make a rule whose findings hurt a running system."""
    return new_rule(name, Severity.UNSAFE, why)


def advice(name: str, why: str) -> Rule:
    """Make a rule about manners."""
    return new_rule(name, Severity.ADVICE, why)


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken.

    Args:
        rule: which.
        file_name: in which file; the folder's name where no file is to blame.
        place: where in it; None where no line is to blame.
        what: what was found there, with the names it concerns.
        safe: the safe way: SQL that can be copied, its remarks as SQL comments; empty where there is none.
        lines: where a waiver for it may stand: its line, its statement's, and that of a DO block around it.
        waived_because: the reason somebody gave for leaving it.
    """

    rule: Rule
    file_name: str
    place: SourceLocation | None
    what: str
    safe: str = ""
    lines: tuple[int, ...] = ()
    waived_because: str | None = None

    def as_json(self) -> dict[str, object]:
        """Give it as scripts read it."""
        found: dict[str, object] = {
            "file": self.file_name,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "rule": self.rule.name,
            "severity": self.rule.severity.value,
            "message": self.what,
            "why": self.rule.why,
            "safe": self.safe,
        }
        return found if self.waived_because is None else {**found, "waived_because": self.waived_because}
