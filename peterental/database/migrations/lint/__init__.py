"""db-lint: what is wrong with migration files, unsafe in them, or bad manners; no database needed."""

from peterental.database.migrations.lint.findings import RULES, Finding, Rule, Severity
from peterental.database.migrations.lint.linter import lint_directory
from peterental.database.migrations.lint.report import Report

__all__ = ["RULES", "Finding", "Report", "Rule", "Severity", "lint_directory"]
