"""db-schema: write the schema that the files create as SQL, proved by building it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from peterental.database.migrations.commands.atomic_write import replace_file
from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.schema_text.skeleton import same_but_for_expressions
from peterental.database.migrations.schema_text.text import SchemaText, schema_text
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.scratch.database import build, scratch_database
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.plain_reading import lift_limits
from peterental.database.migrations.session.server import connect, reason_of
from peterental.database.migrations.source.files import find_files
from peterental.database.migrations.verify.diff import Comparison, compare_catalogs, difference_lines
from peterental.database.migrations.verify.introspection import Catalog
from peterental.database.migrations.verify.rereading import settle
from peterental.database.migrations.verify.verify import scratch_catalog

_MAX_REBUILDS = 4
"""After how many rebuilds the text must no longer change; one or two are usual."""

HEADER = """\
-- The schema that the migrations create, written by flask db-schema for review. Do not edit it, and do not apply it:
-- flask db-migrate does.

"""


class CannotReadSchema(EngineError):
    """Cannot read {path}: {reason}."""


class CannotWriteSchema(EngineError):
    """Cannot write to {path}: {reason}."""


@dataclass(frozen=True)
class BuiltSchema:
    """What a scratch database contains: its catalog, and the same as SQL."""

    catalog: Catalog
    text: SchemaText


def write_schema(url: str, directory: Path, *, scratch_url: str | None = None, report: Reporter) -> str:
    """Return the schema that the files in `directory` create as SQL.

    The text is proved: a scratch database built from it has the same catalog as one built from the files. It is stable:
    such a database is written as the same text. Where the server prints an expression otherwise than it reads it, the
    text has the form that it reads.

    Args:
        url: of a database whose locale and search_path the scratch databases get; it is only read.
        directory: of the migration files.
        scratch_url: of a database on the server for the scratch databases; the live server by default.
        report: receives a line if a scratch database could not be dropped.

    Raises SchemaInexpressible, MigrationFilesError, NoSchema, CatalogUnreadable, ScratchRefused, ScratchBuildFailed,
    ServerUnavailable, Interrupted.
    """
    files = find_files(directory)
    with engine_session(url) as connection:
        schema = ledgers.read(connection).server.schema
    with scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
        if files:
            build(scratch, directory, to=files[-1].version)
        expected = read_schema(scratch, schema)
    for _ in range(_MAX_REBUILDS):
        with scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
            with writing_session(scratch, report=lambda _line: None):
                pass  # views and grants may refer to the ledger, which exists now
            _execute(scratch, expected.text.text)
            rebuilt = read_schema(scratch, schema)
            refuse_different(scratch, rebuilt, expected, schema)
        if rebuilt.text == expected.text:
            return HEADER + expected.text.text
        before, expected = expected, rebuilt
    raise _written_differently(before, expected)


def read_schema(scratch: str, schema: str) -> BuiltSchema:
    """Read the schema of a scratch database. Raises SchemaInexpressible, CatalogUnreadable, ServerUnavailable."""
    catalog = scratch_catalog(scratch, schema)
    with connect(scratch, purpose="schema") as connection:
        return BuiltSchema(catalog, schema_text(connection, schema))


def refuse_different(scratch: str, rebuilt: BuiltSchema, expected: BuiltSchema, schema: str) -> None:
    """Raise SchemaInexpressible if a database built from a text differs from the one that the text describes.

    Expressions may be printed otherwise, if the server reads both forms alike.

    Args:
        scratch: the database that was built; its definitions may be replaced.
        rebuilt: what it contains.
        expected: what the text describes.
        schema: the schema of the migrations.
    """
    readings = settle(scratch, rebuilt.catalog, expected.catalog, schema)
    one, other = readings.applied_to(rebuilt.catalog), readings.applied_to(expected.catalog)
    comparison = compare_catalogs(one, other, schema)
    if comparison.differences or one.column_orders != other.column_orders:
        raise SchemaInexpressible(reason=f"built from it, it would differ\n{_listed(comparison)}\n ")
    if not (
        same_but_for_expressions(rebuilt.text.before_data, expected.text.before_data)
        and same_but_for_expressions(rebuilt.text.after_data, expected.text.after_data)
    ):
        raise _written_differently(expected, rebuilt)


def _written_differently(expected: BuiltSchema, rebuilt: BuiltSchema) -> SchemaInexpressible:
    difference = "\n".join(f"  {line}" for line in schema_diff(expected.text.text, rebuilt.text.text, "built"))
    return SchemaInexpressible(reason=f"built from it, it would be written differently\n{difference}\n ")


def schema_diff(recorded: str, current: str, name: str) -> list[str]:
    """Return a unified diff of two schema texts; empty if they are the same.

    Args:
        recorded: the text of the checked file.
        current: the text that the migrations make.
        name: the file's name, for the first line.
    """
    lines = difflib.unified_diff(
        recorded.splitlines(), current.splitlines(), name, "as the migrations make it", lineterm=""
    )
    return list(lines)


def read_recorded(path: Path) -> str:
    """Return the text of a schema file. Raises CannotReadSchema."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotReadSchema(path=path, reason=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise CannotReadSchema(path=path, reason=f"it is not UTF-8 (byte {error.start + 1})") from error


def write_recorded(path: Path, text: str) -> None:
    """Write a schema file so that it has the old or the new text at any moment. Raises CannotWriteSchema."""
    try:
        replace_file(path, text)
    except OSError as error:
        raise CannotWriteSchema(path=path, reason=error.strerror or str(error)) from error


def _execute(scratch: str, text: str) -> None:
    with connect(scratch, purpose="schema") as connection:
        try:
            lift_limits(connection)
            execute_text(connection, text)
        except StatementFailed as error:
            raise SchemaInexpressible(reason=f"its SQL does not run ({reason_of(error.cause)})") from error
        except psycopg.Error as error:
            raise SchemaInexpressible(reason=reason_of(error)) from error


def _listed(comparison: Comparison) -> str:
    return "\n".join(f"  {line}" for line in [*difference_lines(comparison.differences), *comparison.remarks])
