"""New columns on tables in use: rewrites, scans, and inserts of old code that fail."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.registry import on_command
from peterental.database.migrations.lint.rules.constraints import check_new_constraint
from peterental.database.migrations.lint.schema_model import SERIALS, SchemaModel

VOLATILE_DEFAULT = unsafe(
    "add-column-volatile-default",
    "The default differs from row to row, so PostgreSQL rewrites the whole table and its indexes under ACCESS "
    "EXCLUSIVE: every query on it, reads too, waits until the last row is written.",
)
REQUIRED = unsafe(
    "add-required-column",
    "PostgreSQL refuses a NOT NULL column without a default as soon as the table has a row, and the code of the "
    "version still running, which does not know the column, can insert no more.",
)
GENERATED = unsafe(
    "add-generated-column",
    "A stored generated column is computed for every row at once: the table is rewritten under ACCESS EXCLUSIVE, "
    "and every query on it waits.",
)
SERIAL = unsafe(
    "add-serial-column",
    "Numbering the rows rewrites the whole table under ACCESS EXCLUSIVE: every query on it waits until the last row "
    "has its number.",
)
DOMAIN = unsafe(
    "add-domain-column",
    "A column of a domain with constraints is checked by rewriting the whole table under ACCESS EXCLUSIVE: every "
    "query on it waits.",
)

# Functions that give one value to all rows of a statement; any other may be volatile.
# fmt: off
_STEADY = frozenset(
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
    """Look at a new column and at the constraints written beside it."""
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
    elif default is not None and (function := _volatile_in(default, lint.catalog)):
        _report_volatile(lint, command, node, default, function)
    elif ast.type_of(node.type_name) in lint.catalog.constrained_domains:
        _report_domain(lint, command, node)
    filled = numbered or generated or default is not None
    if not filled and constraints.keys() & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
        _report_required(lint, command, node)
    for constraint in constraints.values():
        check_new_constraint(lint, command, constraint, column=node.colname, filled=filled)


def filling(table: str, column: str, value: str, *, may_be_null: bool = False) -> str:
    """Give the statement that fills a column in batches; rows whose value is NULL must not be filled for ever."""
    condition = f"{column} IS NULL AND ({value}) IS NOT NULL" if may_be_null else f"{column} IS NULL"
    return (
        f"-- repeat until it changes no row, committing each time:\n"
        f"UPDATE {table} SET {column} = {value}\n"
        f"WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT 10000));"
    )


def _volatile_in(default: Any, catalog: SchemaModel) -> str | None:
    """Give the function in a default that gives, or may give, each row a value of its own."""
    for call in ast.nodes_of(default, "FuncCall"):
        name = ast.strings(call.funcname)[-1]
        if name in _VOLATILE or name in catalog.volatile_functions:
            return name
        if name not in _STEADY and name not in catalog.stable_functions:
            return f"{name}?"
    return None


def _report_volatile(lint: FileLint, command: AlterCommand, node: Any, default: Any, function: str) -> None:
    column, kind, value = ast.quoted(node.colname), ast.sql_of_type(node.type_name), ast.sql_of_expression(default)
    unsure = function.endswith("?")
    doubt = f", unless {function[:-1]}() is STABLE or IMMUTABLE" if unsure else ""
    lint.report(
        VOLATILE_DEFAULT,
        f"The default of {command.shown}.{column} calls {function.removesuffix('?')}(), "
        f"which gives each row a value of its own{doubt}.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.shown} ADD COLUMN {column} {kind};\n"
        f"ALTER TABLE {command.shown} ALTER COLUMN {column} SET DEFAULT {value};\n"
        f"-- then, outside this file, the rows that were there before;\n{filling(command.shown, column, value)}",
    )


def _report_required(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    check = ast.quoted(f"{command.node_table}_{node.colname}_not_null")
    lint.report(
        REQUIRED,
        f"The new column {command.shown}.{column} is NOT NULL and has no default.",
        command.statement,
        at=command.offset,
        safe="-- either a constant default, which costs nothing:\n"
        f"--   ALTER TABLE {command.shown} ADD COLUMN {column} {kind} DEFAULT … NOT NULL;\n"
        "-- or nullable first; once all running code fills it and the old rows are filled:\n"
        f"ALTER TABLE {command.shown} ADD COLUMN {column} {kind};\n"
        f"-- the next file:\n"
        f"ALTER TABLE {command.shown} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;\n"
        f"-- the one after:\n"
        f"ALTER TABLE {command.shown} VALIDATE CONSTRAINT {check};\n"
        f"ALTER TABLE {command.shown} ALTER COLUMN {column} SET NOT NULL;\n"
        f"ALTER TABLE {command.shown} DROP CONSTRAINT {check};",
    )


def _report_generated(lint: FileLint, command: AlterCommand, node: Any, constraint: Any) -> None:
    if constraint.generated_kind == "v":
        return  # computed when read
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    value = ast.sql_of_expression(constraint.raw_expr)
    function, trigger = (ast.quoted(f"{command.node_table}_fill_{node.colname}") for _ in range(2))
    lint.report(
        GENERATED,
        f"The new column {command.shown}.{column} is generated and stored.",
        command.statement,
        at=command.offset,
        safe=f"-- an index on the expression, a view, or (PostgreSQL 18) a VIRTUAL column need no stored one; else:\n"
        f"ALTER TABLE {command.shown} ADD COLUMN {column} {kind};\n"
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n    NEW.{column} := (SELECT {value} FROM (SELECT NEW.*) AS new_row);\n    RETURN NEW;\nEND $$;\n"
        f"CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {command.shown}\n"
        f"    FOR EACH ROW EXECUTE FUNCTION {function}();\n"
        f"-- then, outside this file, the rows that were there before;\n"
        f"{filling(command.shown, column, value, may_be_null=True)}",
    )


def _report_serial(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column = ast.quoted(node.colname)
    sequence = ast.quoted(f"{command.node_table}_{node.colname}_seq")
    number = f"nextval('{sequence}')"
    lint.report(
        SERIAL,
        f"The new column {command.shown}.{column} numbers the rows that are there.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.shown} ADD COLUMN {column} bigint;\n"
        f"CREATE SEQUENCE {sequence} OWNED BY {command.shown}.{column};\n"
        f"ALTER TABLE {command.shown} ALTER COLUMN {column} SET DEFAULT {number};\n"
        f"-- then, outside this file, the rows that were there before;\n"
        f"{filling(command.shown, column, number)}",
    )


def _report_domain(lint: FileLint, command: AlterCommand, node: Any) -> None:
    column, kind = ast.quoted(node.colname), ast.sql_of_type(node.type_name)
    lint.report(
        DOMAIN,
        f"The new column {command.shown}.{column} is of the domain {kind}, which has constraints.",
        command.statement,
        at=command.offset,
        safe=f"-- give it the domain's plain type, and the domain's rule as a constraint:\n"
        f"--   ALTER TABLE {command.shown} ADD COLUMN {column} …;\n"
        f"--   ALTER TABLE {command.shown} ADD CONSTRAINT … CHECK ({column} …) NOT VALID;\n"
        f"-- the next file:\n"
        f"--   ALTER TABLE {command.shown} VALIDATE CONSTRAINT …;",
    )
