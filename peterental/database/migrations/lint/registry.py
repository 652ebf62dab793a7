"""Which check looks at what: the tables of checks and the decorators that fill them."""

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
"""What looks at each kind of statement."""


COMMAND_CHECKS: dict[str, list[CommandCheck]] = {}
"""What looks at each kind of ALTER TABLE's commands."""


FILE_CHECKS: list[FileCheck] = []
"""What looks at a file as a whole, once its statements are read."""


HISTORY_CHECKS: list[HistoryCheck] = []
"""What looks at the schema that all files make together."""


def on(*kinds: str) -> Callable[[Check], Check]:
    """Have a function look at every statement of these kinds."""

    def register(check: Check) -> Check:
        for kind in kinds:
            CHECKS.setdefault(kind, []).append(check)
        return check

    return register


def on_command(*kinds: str) -> Callable[[CommandCheck], CommandCheck]:
    """Have a function look at every command of ALTER TABLE of these kinds."""

    def register(check: CommandCheck) -> CommandCheck:
        for kind in kinds:
            COMMAND_CHECKS.setdefault(kind, []).append(check)
        return check

    return register


def on_file(check: FileCheck) -> FileCheck:
    """Have a function look at every file."""
    FILE_CHECKS.append(check)
    return check


def on_history(check: HistoryCheck) -> HistoryCheck:
    """Have a function look at what all files make together."""
    HISTORY_CHECKS.append(check)
    return check
