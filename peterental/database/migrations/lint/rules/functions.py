"""Functions that are replaced, although PostgreSQL has stored what the old ones computed."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on
from peterental.database.migrations.lint.rules.indexes import NO_TRANSACTION
from peterental.database.migrations.lint.schema_model import Index

REPLACED = unsafe(
    "replace-stored-function",
    "PostgreSQL keeps what the old function computed, in indexes and in stored columns. Queries by such an index miss "
    "rows, and a unique one accepts duplicates.",
)


@on("create_function_stmt")
def check_replaced(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE OR REPLACE FUNCTION of a function in an index or in a stored generated column."""
    node = statement.node
    signature, body = ast.signature_of(node), ast.body_of(node)
    before = lint.schema.functions.get(signature)
    if before is None or (body and body == before.body):
        return
    name = signature[0]
    for index in lint.schema.indexes.values():
        is_used = any(lint.schema.may_call(call, signature) for call in index.calls)
        if is_used and not lint.is_created_here(index.table) and not _is_rebuilt(lint, index, statement):
            quoted = ast.quoted(index.name)
            lint.report(
                REPLACED,
                f"{ast.quoted(name)}() is replaced, but the index {quoted} has the values of the old one.",
                statement,
                safe=f"{NO_TRANSACTION}\n{lint.source.text[statement.offset : statement.end].strip()};\n"
                f"REINDEX INDEX CONCURRENTLY {quoted};\n"
                "-- queries miss rows until then; if they must not, create a function of another name, and an index "
                "with it",
            )
    for column in _stored_columns(lint, signature):
        lint.report(
            REPLACED,
            f"{ast.quoted(name)}() is replaced, but {column} has the values of the old one.",
            statement,
            safe="-- next file, a backfill: an UPDATE that sets any column to itself computes the stored one again",
        )


def _stored_columns(lint: FileLint, function: ast.Signature) -> Iterator[str]:
    """Yield the stored columns of existing tables that a function computes, as SQL."""
    for table in lint.schema.tables.values():
        if not lint.is_created_here(table.name):
            for column in table.columns.values():
                if any(lint.schema.may_call(call, function) for call in column.calls):
                    yield f"{ast.sql_name_of_parts(table.name.split('.'))}.{ast.quoted(column.name)}"


def _is_rebuilt(lint: FileLint, index: Index, replaced: ParsedStatement) -> bool:
    """Return whether the file builds the index with the new function."""
    return index.file == lint.number or any(
        statement.kind == "reindex_stmt"
        and statement.offset > replaced.offset
        and ast.key_of(statement.node.relation) in {index.name, index.table}
        for statement in lint.source.statements
    )
