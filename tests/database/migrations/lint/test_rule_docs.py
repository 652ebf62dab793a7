"""docs/lint-rules.md explains every rule of db-lint, with an example that breaks it, and is current."""

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


def test_the_page_is_what_its_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == rule_docs(), "run what the page's first lines say"


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    assert EXAMPLES.keys() == RULES.keys()
    assert [name for name, rule in RULES.items() if finding_of(rule).rule.name != name] == []


def test_an_example_that_does_not_break_its_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXAMPLES, "drop-table", "SELECT 1;")
    with pytest.raises(LookupError, match=r"drop-table breaks other rules only: \['header"):
        finding_of(RULES["drop-table"])


def test_every_rule_has_a_heading_to_link_to() -> None:
    headings = [line.removeprefix("### ") for line in rule_docs().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(RULES)


def test_the_command_that_the_page_names_writes_it(tmp_path: Path) -> None:
    assert f"python -m {module.__name__}" in rule_docs()
    subprocess.run([sys.executable, "-m", module.__name__, str(tmp_path / "page.md")], cwd=PROJECT_DIR, check=True)
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == rule_docs()
