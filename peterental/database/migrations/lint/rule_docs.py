"""Writes docs/lint-rules.md from the rules themselves: `python -m peterental.database.migrations.lint.rule_docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from peterental.config import PROJECT_DIR
from peterental.database.migrations.lint.examples import BEFORE, EXAMPLE_FILE, EXAMPLES
from peterental.database.migrations.lint.findings import RULES, Finding, Rule, Severity
from peterental.database.migrations.lint.linter import lint_directory

PAGE = PROJECT_DIR / "docs" / "lint-rules.md"

_OPENING = """\
# The rules of db-lint

`flask db-lint` looks for these. Each has an example, what the linter says of it, why, and the safe way as it offers it.
The examples change a database with the tables `agents` and `visits`. How to overrule a finding, with a reason, is told
in [Changing the schema](migrations.md#good-manners).

Written by `python -m peterental.database.migrations.lint.rule_docs`; a test keeps it current.
"""

_CHAPTERS = {
    Severity.UNSAFE: "It would run, and hurt: a lock, a rewrite, a scan, lost data, or code that the schema fails.",
    Severity.ERROR: "The runner or the server would refuse it, or a waiver is wrong. Cannot be overruled.",
    Severity.ADVICE: "Good manners. Shown, and counted only with `flask db-lint --strict`.",
}


def rule_docs() -> str:
    """Give the whole page."""
    return "\n".join([_OPENING, *(_chapter(severity, opening) for severity, opening in _CHAPTERS.items())])


def finding_of(rule: Rule) -> Finding:
    """Give what the linter finds in the example of a rule. Raises LookupError where it finds nothing."""
    example = EXAMPLES[rule.name]
    files = {EXAMPLE_FILE: example.encode()} if isinstance(example, str) else example
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "001_before.sql").write_text(BEFORE, encoding="utf-8")
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        found = lint_directory(Path(folder)).findings
    mine = next((one for one in found if one.rule == rule and one.file_name in files), None)
    if mine is None:
        raise LookupError(
            f"the example of {rule.name} breaks other rules only: {sorted({one.rule.name for one in found})}"
        )
    return mine


def _chapter(severity: Severity, opening: str) -> str:
    rules = sorted((rule for rule in RULES.values() if rule.severity is severity), key=lambda rule: rule.name)
    listed = " · ".join(f"[{rule.name}](#{rule.name})" for rule in rules)
    title = severity.value[0].upper() + severity.value[1:]
    return "\n".join([f"## {title}\n", f"{opening}\n", f"{listed}\n", *(_entry(rule) for rule in rules)])


def _entry(rule: Rule) -> str:
    finding = finding_of(rule)
    example = EXAMPLES[rule.name]
    shown = f"```sql\n{example}\n```" if isinstance(example, str) else ""
    if not isinstance(example, str):
        shown = "A file called " + " and ".join(f"`{name}`" for name in example) + " after `001_before.sql`:"
    parts = [f"### {rule.name}", shown, f"> {finding.what}", rule.why]
    if finding.safe:
        parts.append(f"```sql\n-- Instead\n{finding.safe}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(rule_docs(), encoding="utf-8")
