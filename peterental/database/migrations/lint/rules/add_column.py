"""New columns on existing tables: rewrites, scans, and inserts by old code that fail."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.registry import on_command
from peterental.database.migrations.lint.rules.constraints import NOT_NULL, check_new_constraint
from peterental.database.migrations.lint.schema_model import SERIALS, VIRTUAL, SchemaModel

VOLATILE_DEFAULT = unsafe(
    "add-column-volatile-default",
    "The default differs from row to row, so PostgreSQL rewrites the whole table and its indexes under an ACCESS "
    "EXCLUSIVE lock. Every query on the table, reads included, waits until the last row is written.",
)
REQUIRED = unsafe(
    "add-required-column",
    "PostgreSQL refuses a NOT NULL column without a default if the table has any row, and the code still running, "
    "which does not know the column, can no longer insert.",
)
GENERATED = unsafe(
    "add-generated-column",
    "A stored generated column is computed for every row at once. The table is rewritten under an ACCESS EXCLUSIVE "
    "lock, and every query on it waits.",
)
SERIAL = unsafe(
    "add-serial-column",
    "Numbering the existing rows rewrites the whole table under an ACCESS EXCLUSIVE lock. Every query on it waits "
    "until the last row has its number.",
)
DOMAIN = unsafe(
    "add-domain-column",
    "PostgreSQL checks a column of a domain with constraints by rewriting the whole table under an ACCESS EXCLUSIVE "
    "lock. Every query on it waits.",
)

# Functions that return the same value for all rows of a statement; any other function may be volatile.
# fmt: off
_STABLE = frozenset(
    {
        "abs", "array_append", "array_fill", "btrim", "ceil", "chr", "coalesce", "concat", "concat_ws",
        "convert_from", "convert_to", "current_database", "current_schema", "current_setting", "date_part",
        "date_trunc", "daterange", "decode", "encode", "floor", "format", "greatest", "hashtext", "inet",
        "initcap", "int4range", "int8range", "json_build_array", "json_build_object", "jsonb_build_array",
        "jsonb_build_object", "least", "left", "length", "lower", "lpad", "make_date", "make_interval",
        "make_time", "make_timestamp", "make_timestamptz", "md5", "mod", "now", "nullif", "numrange", "pi",
        "point", "power", "repeat", "replace", "reverse", "right", "round", "rpad", "sha256", "sign",
        "split_part", "sqrt", "statement_timestamp", "string_to_array", "substring", "timezone", "to_char",
        "to_date", "to_json", "to_jsonb", "to_number", "to_timestamp", "to_tsvector", "transaction_timestamp",
        "translate", "trunc", "tsrange", "tstzrange", "upper", "version",
    }
)
_VOLATILE = frozenset(
    {
        "clock_timestamp", "gen_random_bytes", "gen_random_uuid", "gen_salt", "nextval", "pg_current_xact_id",
        "random", "random_normal", "setseed", "timeofday", "txid_current", "uuid_generate_v1",
        "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
    }
)
# fmt: on


@on_command("AT_AddColumn")
def check_column(lint: FileLint, command: AlterCommand) -> None:
    """Check a new column and its column constraints."""
    if lint.is_created_here(command.table):
        return
    node = ast.definition_of(command.node).column_def
    constraints = {ast.enum_name(one.constraint, "contype"): one.constraint for one in node.constraints}
    default = constraints["CONSTR_DEFAULT"].raw_expr if "CONSTR_DEFAULT" in constraints else None
    if default is not None and ast.is_null_constant(default):
        default = None
    numbered = ast.type_of(node.type_name) in SERIALS or "CONSTR_IDENTITY" in constraints
    generated = "CONSTR_GENERATED" in constraints
    if numbered:
        _report_serial(lint, command, node)
    elif generated:
        _report_generated(lint, command, node, constraints["CONSTR_GENERATED"])
    elif default is not None and (function := _volatile_in(default, lint.schema)):
        _report_volatile(lint, command, node, default, function)
    elif ast.type_of(node.type_name) in lint.schema.constrained_domains:
        _report_domain(lint, command, node)
    filled = numbered or generated or default is not None
    if not filled and constraints.keys() & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
        _report_required(lint, command, node)
    for constraint in constraints.values():
        check_new_constraint(lint, command, constraint, column=node.colname, filled=filled)


def backfill_sql(table: str, column: str, value: str, *, may_be_null: bool = False) -> str:
    """Return the statement that backfills a column in batches.

    Args:
        table: the table, as SQL.
        column: the column to fill, as SQL.
        value: the new value, as SQL.
        may_be_null: whether `value` can be NULL; such rows are skipped, so that the repetition ends.
    """
    condition = f"{column} IS NULL AND ({value}) IS NOT NULL" if may_be_null else f"{column} IS NULL"
    return (
        f"-- repeat until it changes no row, and commit each time:\n"
        f"UPDATE {table} SET {column} = {value}\n"
        f"WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT 10000));"
    )


def _volatile_in(default: Any, schema: SchemaModel) -> str | None:
    """Return the function in a default that differs per row.

    A "?" is appended if its volatility is not known.
    """
    for call in ast.nodes_of(default, "FuncCall"):
        name = ast.strings(call.funcname)[-1]
        if name in _VOLATILE or name in schema.volatile_functions:
            return name
        if name not in _STABLE and name not in schema.stable_functions:
            return f"{name}?"
    return None


def _report_volatile(lint: FileLint, command: AlterCommand, node: Any, default: Any, function: str) -> None:
    column, kind, value = ast.quoted(node.colname), ast.sql_of_type(node.type_name), ast.sql_of_expression(default)
    unsure = function.endswith("?")
    doubt = f", unless {function[:-1]}() is STABLE or IMMUTABLE" if unsure else ""
    lint.report(
        VOLATILE_DEFAULT,
        f"The default of {command.sql_name}.{column} calls {function.removesuffix('?')}(), "
        f"which returns a different value for each row{doubt}.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.sql_name} ADD COLUMN {column} {kind};\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {column} SET DEFAULT {value};\n"
        f"-- then, outside this file, backfill the existing rows;\n{backfill_sql(command.sql_name, column, value)}",
    )


def _report_required(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    check = ast.quoted(f"{command.node_table}_{node.colname}_not_null")
    lint.report(
        REQUIRED,
        f"The new column {command.sql_name}.{column} is NOT NULL and has no default.",
        command.statement,
        at=command.offset,
        safe="-- either use a constant default, which does not touch the rows:\n"
        f"--   ALTER TABLE {command.sql_name} ADD COLUMN {column} {kind} DEFAULT … NOT NULL;\n"
        "-- or add it as nullable; once all running code writes it and the old rows are backfilled:\n"
        f"ALTER TABLE {command.sql_name} ADD COLUMN {column} {kind};\n"
        f"-- next file:\n"
        f"ALTER TABLE {command.sql_name} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;\n"
        f"-- file after that:\n"
        f"ALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {check};\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {column} SET NOT NULL;\n"
        f"ALTER TABLE {command.sql_name} DROP CONSTRAINT {check};",
    )


def _report_generated(lint: FileLint, command: AlterCommand, node: Any, constraint: Any) -> None:
    if constraint.generated_kind == VIRTUAL:
        if any(ast.enum_name(one.constraint, "contype") == "CONSTR_NOTNULL" for one in node.constraints):
            _report_virtual_not_null(lint, command, node)
        return  # computed when read
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    value = ast.sql_of_expression(constraint.raw_expr)
    function, trigger = (ast.quoted(f"{command.node_table}_fill_{node.colname}") for _ in range(2))
    lint.report(
        GENERATED,
        f"The new column {command.sql_name}.{column} is generated and stored.",
        command.statement,
        at=command.offset,
        safe=f"-- prefer an index on the expression, a view, or (PostgreSQL 18) a VIRTUAL column; otherwise:\n"
        f"ALTER TABLE {command.sql_name} ADD COLUMN {column} {kind};\n"
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n    NEW.{column} := (SELECT {value} FROM (SELECT NEW.*) AS new_row);\n    RETURN NEW;\nEND $$;\n"
        f"CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {command.sql_name}\n"
        f"    FOR EACH ROW EXECUTE FUNCTION {function}();\n"
        f"-- then, outside this file, backfill the existing rows;\n"
        f"{backfill_sql(command.sql_name, column, value, may_be_null=True)}",
    )


def _report_virtual_not_null(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column, check = ast.quoted(node.colname), ast.quoted(f"{command.node_table}_{node.colname}_not_null")
    adding = type(command.node)()
    adding.CopyFrom(command.node)
    constraints = ast.definition_of(adding).column_def.constraints
    keep = [one for one in constraints if ast.enum_name(one.constraint, "contype") != "CONSTR_NOTNULL"]
    del constraints[:]
    constraints.extend(keep)
    lint.report(
        NOT_NULL,
        f"The new column {command.sql_name}.{column} is computed for every row, to search it for NULL.",
        command.statement,
        at=command.offset,
        safe=f"{ast.alter_with(command.statement.node, adding)}\n"
        f"ALTER TABLE {command.sql_name} ADD CONSTRAINT {check} NOT NULL {column} NOT VALID;\n"
        f"-- next file:\nALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {check};",
    )


def _report_serial(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column = ast.quoted(node.colname)
    sequence = ast.quoted(f"{command.node_table}_{node.colname}_seq")
    number = f"nextval('{sequence}')"
    lint.report(
        SERIAL,
        f"The new column {command.sql_name}.{column} numbers all existing rows.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.sql_name} ADD COLUMN {column} bigint;\n"
        f"CREATE SEQUENCE {sequence} OWNED BY {command.sql_name}.{column};\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {column} SET DEFAULT {number};\n"
        f"-- then, outside this file, backfill the existing rows;\n"
        f"{backfill_sql(command.sql_name, column, number)}",
    )


def _report_domain(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    lint.report(
        DOMAIN,
        f"The new column {command.sql_name}.{column} has the domain {kind}, which has constraints.",
        command.statement,
        at=command.offset,
        safe=f"-- use the domain's base type, and add the domain's check as a constraint:\n"
        f"--   ALTER TABLE {command.sql_name} ADD COLUMN {column} …;\n"
        f"--   ALTER TABLE {command.sql_name} ADD CONSTRAINT … CHECK ({column} …) NOT VALID;\n"
        f"-- next file:\n"
        f"--   ALTER TABLE {command.sql_name} VALIDATE CONSTRAINT …;",
    )
