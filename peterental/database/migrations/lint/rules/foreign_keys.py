"""Foreign keys and the indexes behind them: types that differ, and indexes that are dropped too early."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import advice, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_history
from peterental.database.migrations.lint.rules.indexes import NO_TRANSACTION, create_concurrently
from peterental.database.migrations.lint.rules.schema_design import is_indexed, report_at
from peterental.database.migrations.lint.schema_model import Constraint, Index, SchemaModel, Table

TYPE = advice(
    "foreign-key-type",
    "A value that fits one column may not fit the other, and comparing the two needs a conversion. Widening a column "
    "later rewrites the table.",
)
DROP_FIRST = unsafe(
    "drop-index-first",
    "Until the new index is built, no index serves the queries that used the old one: each reads the whole table.",
)
DROP_KEY_INDEX = unsafe(
    "drop-foreign-key-index",
    "Every delete or key update in the other table scans this whole table from now on.",
)

_TEXTS = {"text", "varchar"}


@on("drop_stmt")
def check_drop_index(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP INDEX of an index that is replaced below, and of the last one behind a foreign key."""
    if ast.enum_name(statement.node, "remove_type") != "OBJECT_INDEX":
        return
    for item in statement.node.objects:
        index = lint.schema.indexes.get(ast.strings(item.list.items)[-1])
        if index is None or lint.is_created_here(index.table) or index.file == lint.number:
            continue
        replacement = _replacement(lint, statement, index)
        if replacement is None:
            _check_keys(lint, statement, index)
        elif lint.no_transaction:
            _report_order(lint, statement, index, replacement)


def _replacement(lint: FileLint, statement: ParsedStatement, index: Index) -> ParsedStatement | None:
    """Return the CREATE INDEX below a DROP INDEX that begins with the same column."""
    for other in lint.source.statements:
        if (
            other.kind == "index_stmt"
            and other.offset > statement.offset
            and ast.key_of(other.node.relation) == index.table
        ):
            first = other.node.index_params[0].index_elem.name
            if other.node.idxname == index.name or (index.columns and first == index.columns[0]):
                return other
    return None


def _report_order(lint: FileLint, statement: ParsedStatement, index: Index, replacement: ParsedStatement) -> None:
    name, new = ast.quoted(index.name), replacement.node.idxname
    building = type(replacement.node)()
    building.CopyFrom(replacement.node)
    renaming = ""
    if new == index.name:
        building.idxname = f"{new}_new"
        renaming = f"\nALTER INDEX {ast.quoted(building.idxname)} RENAME TO {name};"
    lint.report(
        DROP_FIRST,
        f"The index {name} of {ast.quoted(index.table)} is dropped before its replacement is built, on line"
        f" {lint.line_of(replacement.offset)}.",
        statement,
        safe=f"-- build first, then drop:\n{create_concurrently(building)}\n"
        f"DROP INDEX CONCURRENTLY IF EXISTS {name};{renaming}",
    )


def _check_keys(lint: FileLint, statement: ParsedStatement, index: Index) -> None:
    table = lint.schema.table(index.table)
    if table is None:
        return
    for key in table.constraints.values():
        if (
            key.kind == "foreign"
            and is_indexed(lint.schema, table, key)
            and not is_indexed(lint.schema, table, key, without=index.name)
        ):
            columns = ast.quoted_list(key.columns)
            name = _new_name(table, key, index)
            lint.report(
                DROP_KEY_INDEX,
                f"{ast.quoted(index.name)} is the only index of {_sql_name(table)} that begins with the foreign key"
                f" ({columns}).",
                statement,
                safe=f"{NO_TRANSACTION}\n"
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {_sql_name(table)} ({columns});\n"
                f"DROP INDEX CONCURRENTLY IF EXISTS {ast.quoted(index.name)};",
            )


@on_history
def check_types(schema: SchemaModel, lints: list[FileLint]) -> None:
    """Check that the columns of each foreign key have the types of those that they refer to."""
    for table in schema.tables.values():
        for key in table.constraints.values():
            for column, other in _mismatches(schema, table, key):
                report_at(lints, TYPE, f"{column}, but it refers to {other}; give both the same type.", key.position)


def _mismatches(schema: SchemaModel, table: Table, key: Constraint) -> list[tuple[str, str]]:
    """Return each column of a foreign key whose type differs, and the column that it refers to, with their types."""
    target = schema.table(key.references) if key.kind == "foreign" else None
    if target is None:
        return []
    found = []
    for name, referenced in zip(key.columns, key.referenced or target.primary_key, strict=False):
        column, other = table.columns.get(name), target.columns.get(referenced)
        types = {schema.base_type(one.type) for one in (column, other) if one}
        if column and other and len(types) > 1 and types != _TEXTS:
            found.append(
                (
                    f"{_sql_name(table)}.{ast.quoted(name)} is {ast.sql_type(column.type)}",
                    f"{_sql_name(target)}.{ast.quoted(referenced)}, which is {ast.sql_type(other.type)}",
                )
            )
    return found


def _sql_name(table: Table) -> str:
    return ".".join(ast.quoted(part) for part in table.name.split("."))


def _new_name(table: Table, key: Constraint, index: Index) -> str:
    """Return a name for an index on a foreign key, other than that of the dropped one."""
    name = f"idx_{table.name.rpartition('.')[2]}_{'_'.join(key.columns)}"
    return ast.quoted(name if name != index.name else f"{name}_new")
