"""Check pending files against the database before the first one runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from peterental.database.migrations.errors import MigrationFilesError, Problem
from peterental.database.migrations.ledger.reader import Ledger, StoppedAttempt, stopped_attempts
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.checks import PreparedMigration
from peterental.database.migrations.source.statements import split_statements
from peterental.database.migrations.sql.embedded import statements_in
from peterental.database.migrations.sql.parser import pg_enums
from peterental.database.migrations.sql.trees import walk
from peterental.database.migrations.wording import mentions

_NAMES_SCHEMA = re.compile(r"\b(?:create|alter)\s+schema\b", re.IGNORECASE)
_MAYBE_MOVES_LEDGER = re.compile(
    rf"{_NAMES_SCHEMA.pattern}|\bexecute\b|\bcreate\s+extension\b|\balter\s+(?:role|user|database)\b", re.IGNORECASE
)
_PATH_WORD = re.compile(r'"(?:[^"]|"")*"|[^,]+')


def refuse_unfit(connection: Connection, ledger: Ledger, todo: list[PreparedMigration], report: Reporter) -> None:
    """Check what the files alone do not show.

    Args:
        connection: to the database, reset, under the migration lock.
        ledger: as read under the lock.
        todo: the files to run, in order.
        report: receives a line about progress that does not count any more.

    Raises MigrationFilesError with every problem.
    """
    problems: list[Problem] = []
    if ledger.complete and todo:
        stopped = stopped_attempts(connection, ledger.server.schema, [item.file.version for item in todo])
        for item in todo:
            if item.file.version in stopped:
                problems += _of_stopped(item, stopped[item.file.version], report)
    problems += _of_schemas(connection, ledger.server.schema, todo)
    if problems:
        raise MigrationFilesError(problems)


def may_move_ledger(text: str) -> bool:
    """Return whether another schema may come first in the search_path after a file, by its words.

    It may create a schema, or change the default of search_path. EXECUTE may build any statement.
    """
    return mentions(text, "schema", "execute", "extension", "search_path") and bool(_MAYBE_MOVES_LEDGER.search(text))


def _of_schemas(connection: Connection, schema: str, todo: list[PreparedMigration]) -> list[Problem]:
    """Return statements that create a schema which comes before the ledger's in the runner's search_path."""
    suspects = [(item.file, text) for item in todo if _NAMES_SCHEMA.search(text := item.file.text())]
    if not suspects:
        return []
    row = connection.execute("SELECT current_setting('search_path') AS path, current_user AS role").fetchone()
    path, role = (row["path"], row["role"]) if row is not None else ("", "")
    names = [role if name == "$user" else name for name in _names_in(path)]
    before = set(names[: names.index(schema)] if schema in names else names)
    problems = []
    for file, text in suspects:
        for statement in split_statements(text) if before else ():
            for created, offset in _created_schemas(statement.sql, role):
                if created in before:
                    message = f"it creates schema {created}, which comes before {schema} in the search_path ({path})"
                    next_step = (
                        "every command would then look there for schema_migrations; name it otherwise, or take it out"
                        " of this role's search_path (ALTER ROLE … SET search_path)"
                    )
                    problems.append(file.problem(text, statement.offset + offset, message, next_step))
    return problems


def _names_in(path: str) -> list[str]:
    """Return the schemas that a search_path names."""
    words = [word.strip() for word in _PATH_WORD.findall(path)]
    return [word[1:-1].replace('""', '"') if word.startswith('"') else word.lower() for word in words if word]


def _created_schemas(sql: str, role: str) -> Iterator[tuple[str, int]]:
    """Yield each schema that a statement creates, or renames another to, with its offset in the statement."""
    if not _NAMES_SCHEMA.search(sql):
        return
    for part in statements_in(sql):
        for node in walk(part.tree) if part.tree is not None else ():
            kind = node.DESCRIPTOR.name
            if kind == "CreateSchemaStmt":
                yield node.schemaname or node.authrole.rolename or role, part.offset
            elif kind == "RenameStmt" and node.rename_type == pg_enums().OBJECT_SCHEMA:
                yield node.newname, part.offset


def _of_stopped(item: PreparedMigration, stopped: StoppedAttempt, report: Reporter) -> list[Problem]:
    """Return why a file that stopped half-way cannot run; report progress that an earlier migration has outdated."""
    name = item.file.path.name
    if stopped.outdated_by is not None:
        if stopped.statement:
            report(
                f"⚠️  {name}: an earlier attempt stopped after {stopped.statement} of its statements, but"
                f" {stopped.outdated_by:03d} was undone or applied since; starting from the first statement"
            )
        return []
    if item.directives.no_transaction or not stopped.statement:
        return []
    done = f"{stopped.statement} of its statements" if stopped.statement > 1 else "its first statement"
    return [
        Problem(
            message=f"{name}: an earlier attempt ran it without a transaction and has done {done}",
            file=name,
            next_step="put “-- migrate: no-transaction” back to resume it, or run flask db-repair to start the file"
            " from its first statement",
        )
    ]
