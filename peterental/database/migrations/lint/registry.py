"""The registry of checks, and the decorators that add to it."""

from __future__ import annotations

from collections.abc import Callable

from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.schema_model import SchemaModel

Check = Callable[[FileLint, ParsedStatement], None]


CommandCheck = Callable[[FileLint, AlterCommand], None]


FileCheck = Callable[[FileLint], None]


HistoryCheck = Callable[[SchemaModel, list[FileLint]], None]


CHECKS: dict[str, list[Check]] = {}
"""Checks by kind of statement."""


COMMAND_CHECKS: dict[str, list[CommandCheck]] = {}
"""Checks by kind of ALTER TABLE command."""


FILE_CHECKS: list[FileCheck] = []
"""Checks of a whole file, after its statements."""


HISTORY_CHECKS: list[HistoryCheck] = []
"""Checks of the final schema, after the last file."""


def on(*kinds: str) -> Callable[[Check], Check]:
    """Register a check for every statement of these kinds."""

    def register(check: Check) -> Check:
        for kind in kinds:
            CHECKS.setdefault(kind, []).append(check)
        return check

    return register


def on_command(*kinds: str) -> Callable[[CommandCheck], CommandCheck]:
    """Register a check for every ALTER TABLE command of these kinds."""

    def register(check: CommandCheck) -> CommandCheck:
        for kind in kinds:
            COMMAND_CHECKS.setdefault(kind, []).append(check)
        return check

    return register


def on_file(check: FileCheck) -> FileCheck:
    """Register a check for every file."""
    FILE_CHECKS.append(check)
    return check


def on_history(check: HistoryCheck) -> HistoryCheck:
    """Register a check for the final schema."""
    HISTORY_CHECKS.append(check)
    return check
