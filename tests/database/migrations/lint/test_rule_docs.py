"""docs/lint-rules.md is current and has an entry for every rule, with an example that breaks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from peterental.config import PROJECT_DIR
from peterental.database.migrations.lint import RULES
from peterental.database.migrations.lint import rule_docs as module
from peterental.database.migrations.lint.examples import EXAMPLES
from peterental.database.migrations.lint.rule_docs import PAGE, finding_of, rule_docs


def test_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == rule_docs(), "run the command in the page's introduction"


def test_rules_and_examples_match() -> None:
    assert EXAMPLES.keys() == RULES.keys()
    assert [name for name, rule in RULES.items() if finding_of(rule).rule.name != name] == []


def test_example_that_breaks_no_rule_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXAMPLES, "drop-table", "SELECT 1;")
    with pytest.raises(LookupError, match=r"drop-table breaks only other rules: \['header"):
        finding_of(RULES["drop-table"])


def test_every_rule_has_a_heading() -> None:
    headings = [line.removeprefix("### ") for line in rule_docs().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(RULES)


def test_documented_command_writes_the_page(tmp_path: Path) -> None:
    assert f"python -m {module.__name__}" in rule_docs()
    subprocess.run([sys.executable, "-m", module.__name__, str(tmp_path / "page.md")], cwd=PROJECT_DIR, check=True)
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == rule_docs()
