"""Statements that write a table anew, lock it, empty it, or switch off what guards it."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

REWRITE = unsafe(
    "rewrite-table",
    "The table is copied row by row, and locked against reads and writes (ACCESS EXCLUSIVE) until the copy is done.",
)
LOCK = unsafe(
    "lock-table",
    "The lock is held until the file's transaction ends; whatever it conflicts with waits until then, and later "
    "queries wait behind that.",
)
TRUNCATE = unsafe(
    "truncate",
    "Its rows are gone for good; it waits for every query on the table (ACCESS EXCLUSIVE), and later ones wait "
    "behind it.",
)
TRIGGER = unsafe(
    "disable-trigger",
    "Until it is switched on again, what the application writes is not checked and not derived; rows that got in "
    "meanwhile stay as they are, foreign keys included.",
)
ROW_SECURITY = unsafe(
    "row-security",
    "From this moment, code that connects as another role than the table's owner sees and writes only what a policy "
    "lets through; without a policy that is nothing.",
)

_REWRITING = {
    "AT_SetLogged": "becomes LOGGED",
    "AT_SetUnLogged": "becomes UNLOGGED",
    "AT_SetTableSpace": "moves to another tablespace",
    "AT_SetAccessMethod": "gets another access method",
    "AT_SetExpression": "has a generated column computed anew",
}
_LOCK_MODES = {5: "SHARE", 6: "SHARE ROW EXCLUSIVE", 7: "EXCLUSIVE", 8: "ACCESS EXCLUSIVE"}
_QUIET_HOUR = (
    "-- see how long it takes (flask db-plan) and choose a quiet hour, or copy the rows to a new table in batches"
)


@on("vacuum_stmt")
def check_vacuum(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at VACUUM FULL."""
    node = statement.node
    full = any(
        one.def_elem.defname == "full" and ast.text_of_option(one.def_elem) not in ("false", "off", "0")
        for one in node.options
    )
    if not (node.is_vacuumcmd and full):
        return
    tables = [ast.shown(one.vacuum_relation.relation) for one in node.rels]
    what = ", ".join(tables)
    lint.report(
        REWRITE,
        f"VACUUM FULL writes {what or 'every table'} anew.",
        statement,
        safe=f"-- makes the space usable again without the lock:\nVACUUM {what}".rstrip()
        + ";\n-- gives it back to the disk without the lock: the extension pg_repack",
    )


@on("cluster_stmt", "repack_stmt")
def check_cluster(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at CLUSTER."""
    node = statement.node
    if node.HasField("relation") and lint.is_created_here(ast.key_of(node.relation)):
        return
    table = ast.shown(node.relation) if node.HasField("relation") else "every clustered table"
    lint.report(REWRITE, f"CLUSTER writes {table} anew.", statement, safe=_QUIET_HOUR)


@on_command(*_REWRITING)
def check_rewriting_command(lint: FileLint, command: AlterCommand) -> None:
    """Look at the commands of ALTER TABLE that copy all rows."""
    if lint.is_created_here(command.table):
        return
    lint.report(
        REWRITE, f"{command.shown} {_REWRITING[command.kind]}.", command.statement, at=command.offset, safe=_QUIET_HOUR
    )


@on("lock_stmt")
def check_lock(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at LOCK TABLE."""
    node = statement.node
    tables = [one.range_var for one in node.relations if not lint.is_created_here(ast.key_of(one.range_var))]
    if node.mode in _LOCK_MODES and tables:
        names = ", ".join(ast.shown(table) for table in tables)
        lint.report(
            LOCK,
            f"It locks {names} in {_LOCK_MODES[node.mode]} mode.",
            statement,
            safe="-- leave it out: every statement takes the lock that it needs, and holds it no longer than it must",
        )


@on("truncate_stmt")
def check_truncate(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at TRUNCATE."""
    node = statement.node
    tables = [one.range_var for one in node.relations if not lint.is_created_here(ast.key_of(one.range_var))]
    if not tables:
        return
    names = ", ".join(ast.shown(table) for table in tables)
    cascades = ast.enum_name(node, "behavior") == "DROP_CASCADE"
    others = ", and every table with a foreign key to it, whichever those are on this server" if cascades else ""
    first = ast.shown(tables[0])
    lint.report(
        TRUNCATE,
        f"It empties {names}{others}.",
        statement,
        safe=f"-- name the rows that are to go; a few thousand at a time:\n"
        f"DELETE FROM {first} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {first} LIMIT 10000));",
    )


@on_command("AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser", "AT_DisableRule")
def check_disabling(lint: FileLint, command: AlterCommand) -> None:
    """Look at DISABLE TRIGGER."""
    if lint.is_created_here(command.table):
        return
    which = f"the trigger {ast.quoted(command.node.name)}" if command.node.name else "the triggers"
    lint.report(
        TRIGGER,
        f"It switches off {which} of {command.shown}.",
        command.statement,
        at=command.offset,
        safe="-- leave them on; let the trigger's function pass over the rows that it need not see",
    )


@on("variable_set_stmt")
def check_replication_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at SET session_replication_role, which switches off all triggers and foreign keys."""
    node = statement.node
    values = [ast.text_of_constant(arg) for arg in node.args]
    if node.name.lower() == "session_replication_role" and "replica" in [str(value).lower() for value in values]:
        lint.report(TRIGGER, "It switches off all triggers and foreign keys for the rest of the file.", statement)


@on_command("AT_EnableRowSecurity", "AT_ForceRowSecurity")
def check_row_security(lint: FileLint, command: AlterCommand) -> None:
    """Look at ENABLE ROW LEVEL SECURITY without a policy in the same file."""
    if lint.is_created_here(command.table):
        return
    policies = [one for one in lint.source.statements if one.kind == "create_policy_stmt"]
    if any(ast.key_of(one.node.table) == command.table for one in policies):
        return
    word = "FORCE" if command.kind == "AT_ForceRowSecurity" else "ENABLE"
    lint.report(
        ROW_SECURITY,
        f"{command.shown} gets row security, and this file makes no policy for it.",
        command.statement,
        at=command.offset,
        safe=f"-- in the same file, before it: CREATE POLICY … ON {command.shown} USING (…);\n"
        f"ALTER TABLE {command.shown} {word} ROW LEVEL SECURITY;",
    )
