"""Constraints on existing tables: a check of all rows runs under a table lock."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import Rule, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command
from peterental.database.migrations.lint.schema_model import constraint_name

FOREIGN_KEY = unsafe(
    "add-foreign-key",
    "PostgreSQL looks up every row in the other table while both tables are locked against writes (SHARE ROW "
    "EXCLUSIVE). Inserts and updates of either table wait until it is done.",
)
CHECK = unsafe(
    "add-check",
    "PostgreSQL checks every row while the table is locked against reads and writes (ACCESS EXCLUSIVE), also for a "
    "CHECK on a column added in the same statement.",
)
UNIQUE = unsafe(
    "add-unique",
    "Its index is built while the table is locked against reads and writes (ACCESS EXCLUSIVE).",
)
PRIMARY_KEY = unsafe(
    "add-primary-key",
    "Its index is built, and its columns are searched for NULL, while the table is locked against reads and writes "
    "(ACCESS EXCLUSIVE).",
)
EXCLUSION = unsafe(
    "add-exclusion",
    "Its index is built while the table is locked against reads and writes (ACCESS EXCLUSIVE). PostgreSQL can neither "
    "build it concurrently nor leave existing rows unchecked.",
)
NOT_NULL = unsafe(
    "set-not-null",
    "PostgreSQL searches every row for NULL while the table is locked against reads and writes (ACCESS EXCLUSIVE), "
    "unless a validated CHECK already rules NULL out.",
)
SAME_FILE = unsafe(
    "validate-in-same-file",
    "The lock of ADD CONSTRAINT … NOT VALID is held until the file's transaction ends, so the long validation runs "
    "under that lock, and NOT VALID has no benefit.",
)
DOMAIN = unsafe(
    "add-domain-constraint",
    "Every table with a column of the domain is read while it is locked against writes (SHARE).",
)


@on_command("AT_AddConstraint")
def check_constraint(lint: FileLint, command: AlterCommand) -> None:
    """Check ADD CONSTRAINT."""
    check_new_constraint(lint, command, ast.definition_of(command.node).constraint)


def check_new_constraint(
    lint: FileLint, command: AlterCommand, node: Any, *, column: str | None = None, filled: bool = True
) -> None:
    """Check a new table constraint, or a column constraint of a new column.

    Args:
        lint: the file.
        command: the ADD CONSTRAINT or ADD COLUMN.
        node: the constraint.
        column: the new column, for a column constraint.
        filled: whether the column gets a value in existing rows. If not, PostgreSQL skips the check of a foreign key.
    """
    if lint.is_created_here(command.table):
        return
    kind = ast.enum_name(node, "contype")
    if kind == "CONSTR_FOREIGN" and not node.skip_validation and filled:
        _report_validation(lint, command, node, column, FOREIGN_KEY)
    elif kind == "CONSTR_CHECK" and not node.skip_validation:
        _report_validation(lint, command, node, column, CHECK)
    elif kind == "CONSTR_UNIQUE" and not node.indexname:
        _report_index(lint, command, node, column, UNIQUE)
    elif kind == "CONSTR_PRIMARY" and not node.indexname:
        _report_index(lint, command, node, column, PRIMARY_KEY)
    elif kind == "CONSTR_PRIMARY":
        _check_nullable_key(lint, command, node)
    elif kind == "CONSTR_EXCLUSION":
        _report_exclusion(lint, command, node)
    elif kind == "CONSTR_NOTNULL" and column is None and not node.skip_validation:
        for name in ast.strings(node.keys):
            _check_not_null(lint, command, name)


@on_command("AT_SetNotNull")
def check_not_null(lint: FileLint, command: AlterCommand) -> None:
    """Check SET NOT NULL."""
    _check_not_null(lint, command, command.node.name)


@on_command("AT_ValidateConstraint")
def check_validation(lint: FileLint, command: AlterCommand) -> None:
    """Check VALIDATE CONSTRAINT.

    An earlier transaction must have added the constraint.
    """
    table = lint.schema.table(command.table)
    constraint = table.constraints.get(command.node.name) if table else None
    if lint.no_transaction or lint.is_created_here(command.table) or not constraint or constraint.valid:
        return
    if constraint.position.file == lint.number:
        name = ast.quoted(constraint.name)
        lint.report(
            SAME_FILE,
            f"{name} was added to {command.sql_name} on line {lint.line_of(constraint.position.offset)} of this file.",
            command.statement,
            at=command.offset,
            safe=f"-- in a separate file, the next one:\nALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {name};",
        )


@on("alter_domain_stmt")
def check_domain(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER DOMAIN … ADD CONSTRAINT and SET NOT NULL."""
    node = statement.node
    domain = ast.sql_name_of_parts(ast.strings(node.type_name))
    added = ast.definition_of(node).constraint if node.subtype == "C" else None
    if added is not None and added.skip_validation:
        return
    if added is not None and ast.enum_name(added, "contype") == "CONSTR_CHECK":
        constraint = type(ast.definition_of(node).constraint)()
        constraint.CopyFrom(ast.definition_of(node).constraint)
        if not constraint.conname:
            constraint.conname = f"{ast.strings(node.type_name)[-1]}_check"
        expression = ast.sql_of_expression(constraint.raw_expr)
        name = ast.quoted(constraint.conname)
        lint.report(
            DOMAIN,
            f"All columns of the domain {domain} are checked at once.",
            statement,
            safe=f"ALTER DOMAIN {domain} ADD CONSTRAINT {name} CHECK ({expression}) NOT VALID;\n"
            f"-- next file:\nALTER DOMAIN {domain} VALIDATE CONSTRAINT {name};",
        )
    elif added is not None or node.subtype == "O":
        lint.report(
            DOMAIN,
            f"All columns of the domain {domain} are searched for NULL at once.",
            statement,
            safe=f"ALTER DOMAIN {domain} ADD CONSTRAINT not_null CHECK (VALUE IS NOT NULL) NOT VALID;\n"
            f"-- next file:\nALTER DOMAIN {domain} VALIDATE CONSTRAINT not_null;",
        )


def _report_validation(lint: FileLint, command: AlterCommand, node: Any, column: str | None, rule: Rule) -> None:
    """Report a constraint that can be added NOT VALID and validated later."""
    name = constraint_name(command.table, node, column)
    kind = "foreign key" if rule is FOREIGN_KEY else "check"
    later = type(node)()
    later.CopyFrom(node)
    later.conname = name
    later.skip_validation, later.initially_valid = True, False
    if column and rule is FOREIGN_KEY:
        later.fk_attrs.add().string.sval = column
    adding = type(command.node)()
    adding.CopyFrom(command.node)
    ast.set_enum(adding, "subtype", "AT_AddConstraint")
    adding.missing_ok = False
    ast.definition_of(adding).constraint.CopyFrom(later)
    first = f"{_without_constraint(command, node)}\n" if column else ""
    if rule is FOREIGN_KEY and lint.schema.is_partitioned(command.table):
        first += "-- PostgreSQL 18 and later; before, partitioned tables know no NOT VALID for foreign keys:\n"
    lint.report(
        rule,
        f"The {kind} {ast.quoted(name)} on {command.sql_name} is checked at once.",
        command.statement,
        at=command.offset if column is None else command.statement.offset_of(node),
        safe=f"{first}{ast.alter_with(command.statement.node, adding)}\n"
        f"-- next file:\nALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {ast.quoted(name)};",
    )


def _without_constraint(command: AlterCommand, node: Any) -> str:
    """Return an ADD COLUMN as SQL, without one of its constraints."""
    adding = type(command.node)()
    adding.CopyFrom(command.node)
    constraints = ast.definition_of(adding).column_def.constraints
    keep = [one for one in constraints if one.constraint != node]
    del constraints[:]
    constraints.extend(keep)
    return ast.alter_with(command.statement.node, adding)


def _report_index(lint: FileLint, command: AlterCommand, node: Any, column: str | None, rule: Rule) -> None:
    """Report a constraint whose index can be built first."""
    name = ast.quoted(constraint_name(command.table, node, column))
    first = f"{_without_constraint(command, node)}\n" if column else ""
    lint.report(
        rule,
        f"The index of {name} on {command.sql_name} is built under the lock.",
        command.statement,
        at=command.offset if column is None else command.statement.offset_of(node),
        safe=first + _index_first(lint, command, node, rule, column=column),
    )


def _index_first(lint: FileLint, command: AlterCommand, node: Any, rule: Rule, *, column: str | None) -> str:
    """Return the SQL that builds a constraint's index first.

    For a partitioned table, it builds one on each partition.

    Args:
        lint: the file.
        command: the command that adds the constraint.
        node: the constraint.
        rule: PRIMARY_KEY or UNIQUE.
        column: the new column, for a column constraint; an earlier file must then add it.
    """
    name = ast.quoted(constraint_name(command.table, node, column))
    columns = f"({ast.quoted_list(ast.strings(node.keys) or [column or ''])})"
    nulls = " NULLS NOT DISTINCT" if node.nulls_not_distinct else ""
    kind = "PRIMARY KEY" if rule is PRIMARY_KEY else "UNIQUE"
    table = command.sql_name
    if lint.schema.is_partitioned(command.table):
        return (
            "-- for each partition, in a file with “-- migrate: no-transaction” at the top:\n"
            f"--   CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS … ON partition {columns}{nulls};\n"
            "-- next file, for each partition:\n"
            f"--   ALTER TABLE partition ADD CONSTRAINT … {kind} USING INDEX …;\n"
            "-- file after that, which reuses those indexes and builds none:\n"
            f"-- lint: allow {rule.name} because each partition already has the index\n"
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind}{nulls} {columns};"
        )
    return (
        f"-- {'next file' if column else 'a file'} with “-- migrate: no-transaction” at the top:\n"
        f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {columns}{nulls};\n"
        f"-- next file:\n"
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name};"
    )


def _check_nullable_key(lint: FileLint, command: AlterCommand, node: Any) -> None:
    """Report columns of PRIMARY KEY USING INDEX that must be searched for NULL."""
    index = lint.schema.indexes.get(node.indexname)
    table = lint.schema.table(command.table)
    for column in index.columns if index and table else ():
        if table and column in table.columns:
            _check_not_null(lint, command, column)


def _report_exclusion(lint: FileLint, command: AlterCommand, node: Any) -> None:
    name = ast.quoted(constraint_name(command.table, node))
    lint.report(
        EXCLUSION,
        f"The index of the exclusion constraint {name} on {command.sql_name} is built under the lock.",
        command.statement,
        at=command.offset,
        safe=f"-- the lock cannot be avoided; check the duration with flask db-plan, choose a quiet time, and add\n"
        f"-- this waiver above the command:\n-- lint: allow {EXCLUSION.name} because …",
    )


def _check_not_null(lint: FileLint, command: AlterCommand, column: str) -> None:
    """Report a column that must be searched for NULL.

    A validated CHECK that rules NULL out avoids the search.
    """
    table = lint.schema.table(command.table)
    if lint.is_created_here(command.table) or (table and table.is_not_null(column, by_check=True)):
        return
    name, check = ast.quoted(column), ast.quoted(f"{command.node_table}_{column}_not_null")
    lint.report(
        NOT_NULL,
        f"No validated CHECK rules out NULL in {command.sql_name}.{name}.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.sql_name} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID;\n"
        f"-- next file:\n"
        f"ALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {check};\n"
        f"-- file after that:\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {name} SET NOT NULL;\n"
        f"ALTER TABLE {command.sql_name} DROP CONSTRAINT {check};",
    )
