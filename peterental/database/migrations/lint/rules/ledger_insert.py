"""What a file writes to schema_migrations: its own version, and nothing else."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import advice, error, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_file

WRONG_VERSION = error(
    "wrong-version-recorded",
    "The runner refuses the file, because the migration with that version would count as applied and never run.",
)
LEDGER = unsafe(
    "writes-ledger",
    "The runner relies on schema_migrations to know what is applied. After manual changes, files run twice or never.",
)
SELF_RECORD = advice(
    "self-record",
    "The runner records every file itself. With this INSERT, a file that is run manually (psql -f) is recorded too.",
)

TABLE = "schema_migrations"


@on("insert_stmt")
def check_version(lint: FileLint, statement: ParsedStatement) -> None:
    """Check the version under which a file records itself."""
    node = statement.node
    if node.relation.relname != TABLE:
        return
    names = [one.res_target.name for one in node.cols]
    column = names.index("version") if "version" in names else 0
    for row in node.select_stmt.select_stmt.values_lists:
        items = row.list.items
        if column < len(items):
            value = ast.text_of_constant(items[column])
            if value is not None and value != str(lint.version):
                lint.report(
                    WRONG_VERSION,
                    f"It records itself as {value}, not as {lint.version}.",
                    statement,
                    at=statement.offset_of(ast.inner(items[column])),
                    safe=record_insert(lint.version, "…"),
                )


@on(
    "update_stmt",
    "delete_stmt",
    "merge_stmt",
    "copy_stmt",
    "truncate_stmt",
    "drop_stmt",
    "alter_table_stmt",
    "rename_stmt",
)
def check_ledger(lint: FileLint, statement: ParsedStatement) -> None:
    """Check for other changes of the ledger."""
    node = statement.node
    if statement.kind == "truncate_stmt":
        names = [one.range_var.relname for one in node.relations]
    elif statement.kind == "drop_stmt":
        names = [name for one in node.objects if one.HasField("list") for name in ast.strings(one.list.items)[-1:]]
    else:
        names = [node.relation.relname] if statement.kind != "copy_stmt" or node.is_from else []
    if TABLE in names:
        lint.report(
            LEDGER, "The file changes schema_migrations.", statement, safe="-- use flask db-repair or flask db-adopt"
        )


@on_file
def check_self_record(lint: FileLint) -> None:
    """Check for the INSERT with which a file records itself."""
    inserts = [
        one for one in lint.source.statements if one.kind == "insert_stmt" and one.node.relation.relname == TABLE
    ]
    if not inserts and lint.source.statements:
        last = lint.source.statements[-1]
        lint.report(
            SELF_RECORD,
            f"The file does not record itself in {TABLE}.",
            None,
            at=last.offset,
            safe=record_insert(lint.version, "…"),
        )


def is_ledger_insert(statement: ParsedStatement) -> bool:
    """Whether a statement is the INSERT with which a file records itself."""
    return bool(statement.kind == "insert_stmt" and statement.node.relation.relname == TABLE)


def record_insert(version: int, description: str) -> str:
    """Return the INSERT with which a file records itself.

    Its form is that of the migration guide.
    """
    quoted = description.replace("'", "''")
    return (
        f"INSERT INTO {TABLE} (version, description)\nVALUES ({version}, '{quoted}')\nON CONFLICT (version) DO NOTHING;"
    )
