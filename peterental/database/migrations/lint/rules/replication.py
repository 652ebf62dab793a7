"""Logical replication: what a file changes so that writes fail, or subscribers silently fall behind."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command
from peterental.database.migrations.lint.schema_model import Table

IDENTITY = unsafe(
    "replica-identity",
    "If the table is published, every UPDATE and DELETE of it fails at once: PostgreSQL cannot tell subscribers which "
    "row is meant.",
)
STOP = unsafe(
    "stop-replication",
    "Subscribers get no further changes of it, and no error shows that. What they miss must be copied again later.",
)

_SUBSCRIPTION_STOPS = {
    "ALTER_SUBSCRIPTION_DROP_PUBLICATION": "loses publications",
    "ALTER_SUBSCRIPTION_SET_PUBLICATION": "gets other publications",
    "ALTER_SUBSCRIPTION_SKIP": "skips a transaction of the publisher",
    "ALTER_SUBSCRIPTION_ENABLED": "is disabled",
}
_IDENTIFY = (
    "-- a unique index on NOT NULL columns, or, at the price of larger logs, the whole row:\n"
    "ALTER TABLE {table} REPLICA IDENTITY FULL;"
)
_KEEP = "-- first make sure that no subscriber needs it: SELECT * FROM pg_stat_replication;"


@on_command("AT_ReplicaIdentity")
def check_identity(lint: FileLint, command: AlterCommand) -> None:
    """Check REPLICA IDENTITY for a table whose rows cannot be identified afterwards."""
    identity = ast.definition_of(command.node).replica_identity_stmt.identity_type
    table = lint.schema.table(command.table)
    no_key = table is not None and all(one.kind != "primary" for one in table.constraints.values())
    if lint.is_created_here(command.table) or not (identity == "n" or (identity == "d" and no_key)):
        return
    what = "is the primary key, which it does not have" if identity == "d" else "is set to NOTHING"
    lint.report(
        IDENTITY,
        f"The replica identity of {command.sql_name} {what}.",
        command.statement,
        at=command.offset,
        safe=_IDENTIFY.format(table=command.sql_name),
    )


@on("create_publication_stmt", "alter_publication_stmt")
def check_published(lint: FileLint, statement: ParsedStatement) -> None:
    """Check what is published for tables whose rows cannot be identified."""
    node = statement.node
    is_new = statement.kind == "create_publication_stmt"
    publish = [one.def_elem.arg.string.sval for one in node.options if one.def_elem.defname == "publish"]
    if not is_new and ast.enum_name(node, "action") not in {"AP_AddObjects", "AP_SetObjects"}:
        return
    if publish and not any(kind in publish[0].lower() for kind in ("update", "delete")):
        return
    keys = [
        ast.key_of(one.publication_obj_spec.pubtable.relation)
        for one in node.pubobjects
        if one.publication_obj_spec.HasField("pubtable")
    ]
    for key in lint.schema.tables if is_new and node.for_all_tables else keys:
        if _is_unidentified(lint.schema.table(key)):
            table = ast.sql_name_of_parts(key.split("."))
            lint.report(
                IDENTITY,
                f"{table} is published, but has no primary key.",
                statement,
                safe=_IDENTIFY.format(table=table),
            )


def _is_unidentified(table: Table | None) -> bool:
    """Whether subscribers cannot tell the rows of a table apart; False if the files do not show it."""
    if table is None or not table.plain or table.partitioned:
        return False
    return table.replica_identity == "n" or (table.replica_identity == "d" and not table.primary_key)


@on("alter_publication_stmt")
def check_publication(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER PUBLICATION … DROP, SET and SET (publish = …)."""
    node = statement.node
    action = ast.enum_name(node, "action")
    name = ast.quoted(node.pubname)
    if node.options:
        if any(one.def_elem.defname == "publish" for one in node.options):
            _report(lint, statement, f"The publication {name} publishes other kinds of changes.")
    elif action == "AP_DropObjects":
        tables = [
            ast.sql_name(one.publication_obj_spec.pubtable.relation)
            for one in node.pubobjects
            if one.publication_obj_spec.HasField("pubtable")
        ]
        _report(lint, statement, f"The publication {name} loses {', '.join(tables) or 'whole schemas'}.")
    elif action == "AP_SetObjects":
        _report(lint, statement, f"The publication {name} keeps only what is listed here.")


@on("drop_stmt")
def check_drop_publication(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP PUBLICATION."""
    if ast.enum_name(statement.node, "remove_type") == "OBJECT_PUBLICATION":
        names = ", ".join(ast.quoted(item.string.sval) for item in statement.node.objects)
        _report(lint, statement, f"The publication {names} is dropped.")


@on("drop_subscription_stmt")
def check_drop_subscription(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP SUBSCRIPTION."""
    _report(lint, statement, f"The subscription {ast.quoted(statement.node.subname)} is dropped.")


@on("alter_subscription_stmt")
def check_subscription(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER SUBSCRIPTION … DISABLE, SKIP, and other publications."""
    node = statement.node
    kind = ast.enum_name(node, "kind")
    enabled = any(one.def_elem.defname == "enabled" and one.def_elem.arg.boolean.boolval for one in node.options)
    if kind in _SUBSCRIPTION_STOPS and not (kind == "ALTER_SUBSCRIPTION_ENABLED" and enabled):
        _report(lint, statement, f"The subscription {ast.quoted(node.subname)} {_SUBSCRIPTION_STOPS[kind]}.")


@on("select_stmt")
def check_slot(lint: FileLint, statement: ParsedStatement) -> None:
    """Check pg_drop_replication_slot()."""
    for call in ast.nodes_of(statement.node, "FuncCall"):
        if ast.strings(call.funcname)[-1] == "pg_drop_replication_slot":
            _report(lint, statement, "A replication slot is dropped.", statement.offset_of(call))


def _report(lint: FileLint, statement: ParsedStatement, what: str, at: int | None = None) -> None:
    lint.report(STOP, what, statement, at=at, safe=_KEEP)
