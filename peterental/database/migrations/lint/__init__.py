"""db-lint: report errors, unsafe statements and style advice for migration files, without a database."""

from peterental.database.migrations.lint.findings import RULES, Finding, Rule, Severity
from peterental.database.migrations.lint.linter import lint_directory
from peterental.database.migrations.lint.report import Report

__all__ = ["RULES", "Finding", "Report", "Rule", "Severity", "lint_directory"]
