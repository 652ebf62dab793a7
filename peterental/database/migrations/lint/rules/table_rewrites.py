"""Statements that rewrite, lock or empty a table, or disable its triggers."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint, is_reverted
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

REWRITE = unsafe(
    "rewrite-table",
    "The table is copied row by row, and locked against reads and writes (ACCESS EXCLUSIVE) until the copy is done.",
)
LOCK = unsafe(
    "lock-table",
    "The lock is held until the file's transaction ends. Conflicting statements wait until then, and later queries "
    "wait behind them.",
)
TRUNCATE = unsafe(
    "truncate",
    "All rows are lost for good. It waits for every running query on the table (ACCESS EXCLUSIVE), and later queries "
    "wait behind it.",
)
TRIGGER = unsafe(
    "disable-trigger",
    "Until it is enabled again, the trigger neither checks nor changes what the application writes. Rows written in "
    "that time stay unchecked, foreign keys included.",
)
ROW_SECURITY = unsafe(
    "row-security",
    "From now on, roles other than the table's owner can read and write only rows that a policy allows. Without a "
    "policy, those are none.",
)

_REWRITING = {
    "AT_SetLogged": "becomes LOGGED",
    "AT_SetUnLogged": "becomes UNLOGGED",
    "AT_SetTableSpace": "moves to another tablespace",
    "AT_SetAccessMethod": "gets another access method",
    "AT_SetExpression": "recomputes a generated column",
}
_LOCK_MODES = {5: "SHARE", 6: "SHARE ROW EXCLUSIVE", 7: "EXCLUSIVE", 8: "ACCESS EXCLUSIVE"}
_QUIET_TIME = (
    "-- check the duration with flask db-plan and choose a quiet time, or copy the rows to a new table in batches"
)


@on("vacuum_stmt")
def check_vacuum(lint: FileLint, statement: ParsedStatement) -> None:
    """Check VACUUM FULL."""
    node = statement.node
    full = any(
        one.def_elem.defname == "full" and ast.text_of_option(one.def_elem) not in ("false", "off", "0")
        for one in node.options
    )
    if not (node.is_vacuumcmd and full):
        return
    tables = [ast.sql_name(one.vacuum_relation.relation) for one in node.rels]
    what = ", ".join(tables)
    lint.report(
        REWRITE,
        f"VACUUM FULL rewrites {what or 'every table'}.",
        statement,
        safe=f"-- makes the space reusable without the lock:\nVACUUM {what}".rstrip()
        + ";\n-- to return it to the disk without the lock, use the extension pg_repack",
    )


@on("cluster_stmt", "repack_stmt")
def check_cluster(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CLUSTER."""
    node = statement.node
    if node.HasField("relation") and lint.is_created_here(ast.key_of(node.relation)):
        return
    table = ast.sql_name(node.relation) if node.HasField("relation") else "every clustered table"
    lint.report(REWRITE, f"CLUSTER rewrites {table}.", statement, safe=_QUIET_TIME)


@on_command(*_REWRITING)
def check_rewriting_command(lint: FileLint, command: AlterCommand) -> None:
    """Check ALTER TABLE commands that copy all rows."""
    table = lint.schema.table(command.table)
    column = table.columns.get(command.node.name) if table else None
    if lint.is_created_here(command.table) or (command.kind == "AT_SetExpression" and column and column.virtual):
        return
    lint.report(
        REWRITE,
        f"{command.sql_name} {_REWRITING[command.kind]}.",
        command.statement,
        at=command.offset,
        safe=_QUIET_TIME,
    )


@on("alter_table_stmt", "alter_table_move_all_stmt")
def check_moved_index(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER INDEX … SET TABLESPACE, and ALTER … ALL IN TABLESPACE, which move whole files under a lock."""
    node = statement.node
    if statement.kind == "alter_table_move_all_stmt":
        what = f"Everything in tablespace {ast.quoted(node.orig_tablespacename)} moves to another one."
    elif ast.enum_name(node, "objtype") == "OBJECT_INDEX" and any(
        ast.enum_name(one.alter_table_cmd, "subtype") == "AT_SetTableSpace" for one in node.cmds
    ):
        what = f"The index {ast.sql_name(node.relation)} moves to another tablespace."
    else:
        return
    lint.report(REWRITE, what, statement, safe="-- for an index: REINDEX (TABLESPACE …) INDEX CONCURRENTLY …;")


@on("lock_stmt")
def check_lock(lint: FileLint, statement: ParsedStatement) -> None:
    """Check LOCK TABLE."""
    node = statement.node
    tables = [one.range_var for one in node.relations if not lint.is_created_here(ast.key_of(one.range_var))]
    if node.mode in _LOCK_MODES and tables:
        names = ", ".join(ast.sql_name(table) for table in tables)
        lint.report(
            LOCK,
            f"It locks {names} in {_LOCK_MODES[node.mode]} mode.",
            statement,
            safe="-- remove it: every statement takes the lock that it needs",
        )


@on("truncate_stmt")
def check_truncate(lint: FileLint, statement: ParsedStatement) -> None:
    """Check TRUNCATE."""
    node = statement.node
    tables = [one.range_var for one in node.relations if not lint.is_created_here(ast.key_of(one.range_var))]
    if not tables:
        return
    names = ", ".join(ast.sql_name(table) for table in tables)
    cascades = ast.enum_name(node, "behavior") == "DROP_CASCADE"
    others = " and every table on this server with a foreign key to it" if cascades else ""
    first = ast.sql_name(tables[0])
    lint.report(
        TRUNCATE,
        f"It empties {names}{others}.",
        statement,
        safe=f"-- delete the rows you mean, a few thousand at a time:\n"
        f"DELETE FROM {first} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {first} LIMIT 10000));",
    )


@on_command(
    "AT_DisableTrig",
    "AT_DisableTrigAll",
    "AT_DisableTrigUser",
    "AT_DisableRule",
    "AT_EnableReplicaTrig",
    "AT_EnableReplicaRule",
)
def check_disabling(lint: FileLint, command: AlterCommand) -> None:
    """Check DISABLE TRIGGER, and ENABLE REPLICA TRIGGER, which disables it for ordinary sessions.

    In one transaction with ENABLE TRIGGER it concerns only the file's own rows.
    """
    if lint.is_created_here(command.table) or is_reverted(lint, command):
        return
    which = f"the trigger {ast.quoted(command.node.name)}" if command.node.name else "the triggers"
    lint.report(
        TRIGGER,
        f"It disables {which} of {command.sql_name}.",
        command.statement,
        at=command.offset,
        safe="-- keep the trigger enabled; let its function skip the rows that it need not process",
    )


@on("variable_set_stmt")
def check_replication_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SET session_replication_role.

    It disables all triggers and foreign keys.
    """
    node = statement.node
    values = [ast.text_of_constant(arg) for arg in node.args]
    if node.name.lower() == "session_replication_role" and "replica" in [str(value).lower() for value in values]:
        lint.report(TRIGGER, "It disables all triggers and foreign keys for the rest of the file.", statement)


@on_command("AT_EnableRowSecurity", "AT_ForceRowSecurity")
def check_row_security(lint: FileLint, command: AlterCommand) -> None:
    """Check ENABLE ROW LEVEL SECURITY for a policy in the same file."""
    if lint.is_created_here(command.table):
        return
    policies = [one for one in lint.source.statements if one.kind == "create_policy_stmt"]
    if any(ast.key_of(one.node.table) == command.table for one in policies):
        return
    word = "FORCE" if command.kind == "AT_ForceRowSecurity" else "ENABLE"
    lint.report(
        ROW_SECURITY,
        f"Row security is enabled on {command.sql_name}, but this file creates no policy for it.",
        command.statement,
        at=command.offset,
        safe=f"-- in the same file, before it: CREATE POLICY … ON {command.sql_name} USING (…);\n"
        f"ALTER TABLE {command.sql_name} {word} ROW LEVEL SECURITY;",
    )
