"""Triggers, rules, policies and privileges that a file removes: what they guarded is open, or closed, at once."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint, is_reverted
from peterental.database.migrations.lint.created_objects import is_created_too
from peterental.database.migrations.lint.findings import breaking, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

DROP_TRIGGER = breaking(
    "drop-trigger",
    "What it checked or filled in no longer happens, also for the rows that old code writes until the deploy is "
    "complete.",
)
DROP_POLICY = unsafe(
    "drop-policy",
    "The rows that it allowed are hidden from the running code at once, and without any other policy all rows are. A "
    "restrictive policy stops protecting its rows.",
)
DISABLE_ROW_SECURITY = unsafe(
    "disable-row-security",
    "The policies no longer apply: every role with a privilege on the table reads and writes all of its rows.",
)
REVOKE = breaking(
    "revoke",
    "Running code that uses the privilege fails at once, until it is granted again.",
)

OWNER = unsafe(
    "change-owner",
    "The role that owned it loses every privilege that it had as the owner, at once: running code that uses this role "
    "can no longer read or change it.",
)
INSTEAD_RULE = unsafe(
    "instead-rule",
    "What the running code writes is not written, or is written elsewhere, and no error shows it.",
)

_SELF = ("ROLESPEC_CURRENT_USER", "ROLESPEC_CURRENT_ROLE", "ROLESPEC_SESSION_USER")
_ENABLED_FOR_REPLICAS = ("R", "D")
_MEMBERS = {"OBJECT_TRIGGER": "trigger", "OBJECT_RULE": "rule", "OBJECT_POLICY": "policy"}


@on("drop_stmt")
def check_drop(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP TRIGGER, DROP RULE and DROP POLICY for objects that this file does not create again."""
    kind = ast.enum_name(statement.node, "remove_type")
    if kind not in _MEMBERS:
        return
    for item in statement.node.objects:
        *table, name = ast.strings(item.list.items)
        key = ast.key_of_parts(table)
        if lint.is_created_here(key) or is_created_too(lint, statement, kind, item):
            continue
        if kind == "OBJECT_TRIGGER" and _loses_function(lint, lint.schema.trigger_functions.get((key, name))):
            continue  # one finding, about the function, is enough
        on_table = ast.sql_name_of_parts(table)
        word = _MEMBERS[kind]
        lint.report(
            DROP_POLICY if kind == "OBJECT_POLICY" else DROP_TRIGGER,
            f"The {word} {ast.quoted(name)} of {on_table} is dropped.",
            statement,
            safe=f"-- to replace it, create the new {word} in the same file; to remove it, first deploy code that\n"
            f"-- does not rely on it, and once that runs everywhere, in a later file:\n"
            f"DROP {word.upper()} IF EXISTS {ast.quoted(name)} ON {on_table};",
        )


@on("drop_stmt")
def check_drop_event_trigger(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP EVENT TRIGGER for one that this file does not create again."""
    node = statement.node
    if ast.enum_name(node, "remove_type") != "OBJECT_EVENT_TRIGGER":
        return
    created = {one.node.trigname for one in lint.source.statements if one.kind == "create_event_trig_stmt"}
    for name in (item.string.sval for item in node.objects if item.string.sval not in created):
        _report_event_trigger(lint, statement, name, "dropped")


@on("alter_event_trig_stmt")
def check_disabled_event_trigger(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER EVENT TRIGGER … DISABLE, and ENABLE REPLICA, which disables it for ordinary sessions."""
    if statement.node.tgenabled in _ENABLED_FOR_REPLICAS:
        _report_event_trigger(lint, statement, statement.node.trigname, "disabled")


def _report_event_trigger(lint: FileLint, statement: ParsedStatement, name: str, what: str) -> None:
    lint.report(
        DROP_TRIGGER,
        f"The event trigger {ast.quoted(name)} is {what}.",
        statement,
        safe="-- it guards the schema of the whole database; change what it refuses instead:\n"
        "--   CREATE OR REPLACE FUNCTION …;",
    )


@on_command("AT_DisableRowSecurity", "AT_NoForceRowSecurity")
def check_disabling(lint: FileLint, command: AlterCommand) -> None:
    """Check DISABLE and NO FORCE ROW LEVEL SECURITY."""
    if lint.is_created_here(command.table) or is_reverted(lint, command):
        return
    forced = command.kind == "AT_NoForceRowSecurity"
    lint.report(
        DISABLE_ROW_SECURITY,
        f"Row security of {command.sql_name} is {'no longer forced on its owner' if forced else 'disabled'}.",
        command.statement,
        at=command.offset,
        safe=f"-- keep it, and add a policy for what must be allowed:\n"
        f"--   CREATE POLICY … ON {command.sql_name} USING (…);",
    )


@on("grant_stmt")
def check_revoke(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REVOKE of privileges on objects that existed before this file."""
    node = statement.node
    if node.is_grant or node.grant_option:
        return
    kind = ast.enum_name(node, "objtype")
    objects = [item for item in node.objects if not _is_new(lint, statement, kind, item)]
    if not objects:
        return
    privileges = ", ".join(one.access_priv.priv_name.upper() for one in node.privileges) or "ALL"
    word = kind.removeprefix("OBJECT_").lower().replace("_", " ")
    what = ", ".join(_shown(item) for item in objects)
    if ast.enum_name(node, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        what, word = f"in schema {what}", f"every {word}"
    who = ", ".join(_role(one.role_spec) for one in node.grantees)
    _report_revoke(lint, statement, f"{privileges} on {word} {what}", who)


@on("grant_role_stmt")
def check_revoked_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REVOKE of a role."""
    node = statement.node
    if not node.is_grant:
        roles = ", ".join(ast.quoted(one.access_priv.priv_name) for one in node.granted_roles)
        who = ", ".join(_role(one.role_spec) for one in node.grantee_roles)
        _report_revoke(lint, statement, f"The role {roles}", who)


@on_command("AT_ChangeOwner")
def check_table_owner(lint: FileLint, command: AlterCommand) -> None:
    """Check ALTER TABLE … OWNER TO."""
    role = command.node.newowner
    if not lint.is_created_here(command.table) and ast.enum_name(role, "roletype") not in _SELF:
        _report_owner(lint, command.statement, command.sql_name, _role(role), at=command.offset)


@on("alter_owner_stmt")
def check_owner(lint: FileLint, statement: ParsedStatement) -> None:
    """Check OWNER TO of functions, types, schemas and other objects."""
    node = statement.node
    kind = ast.enum_name(node, "object_type")
    if ast.enum_name(node.newowner, "roletype") in _SELF or _is_new(lint, statement, kind, node.object):
        return
    _report_owner(lint, statement, _shown(node.object), _role(node.newowner))


@on("reassign_owned_stmt")
def check_reassigned(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REASSIGN OWNED."""
    who = ", ".join(_role(one.role_spec) for one in statement.node.roles)
    _report_owner(lint, statement, f"Everything that {who} owns", _role(statement.node.newrole))


@on("rule_stmt")
def check_instead_rule(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE RULE … DO INSTEAD on a table; views need such rules to be written."""
    node = statement.node
    is_table = ast.key_of(node.relation) in lint.schema.tables
    if node.instead and is_table and not lint.is_created_here(ast.key_of(node.relation)):
        event = ast.enum_name(node, "event").removeprefix("CMD_")
        lint.report(
            INSTEAD_RULE,
            f"The rule {ast.quoted(node.rulename)} replaces {event} on {ast.sql_name(node.relation)}.",
            statement,
            safe="-- a trigger that raises an error is seen; one that fills in another table writes both",
        )


def _report_owner(lint: FileLint, statement: ParsedStatement, what: str, owner: str, at: int | None = None) -> None:
    lint.report(
        OWNER,
        f"{what} gets the owner {owner}.",
        statement,
        at=at,
        safe="-- before it, grant the role of the running code what it needs:\n--   GRANT … ON … TO …;",
    )


def _report_revoke(lint: FileLint, statement: ParsedStatement, what: str, who: str) -> None:
    lint.report(
        REVOKE,
        f"{what} is revoked from {who}.",
        statement,
        safe="-- first deploy code, or give it a role, that does without; once that runs everywhere, in a later file:\n"
        f"-- lint: allow {REVOKE.name} because the release before does not use it",
    )


def _is_new(lint: FileLint, statement: ParsedStatement, kind: str, item: Any) -> bool:
    node = ast.inner(item)
    if node.DESCRIPTOR.name == "RangeVar" and lint.is_created_here(ast.key_of(node)):
        return True
    return is_created_too(lint, statement, kind, item)


def _shown(item: Any) -> str:
    node = ast.inner(item)
    kind = node.DESCRIPTOR.name
    if kind == "RangeVar":
        return ast.sql_name(node)
    if kind == "ObjectWithArgs":
        return ast.sql_name_of_parts(ast.strings(node.objname))
    if kind in ("Integer", "Float"):
        return f"the large object {node.ival if kind == 'Integer' else node.fval}"
    if kind == "String":
        return ast.quoted(node.sval)
    return ast.sql_name_of_parts(ast.strings(node.names if kind == "TypeName" else node.items))


def _role(node: Any) -> str:
    names = {"ROLESPEC_PUBLIC": "PUBLIC", "ROLESPEC_CURRENT_USER": "CURRENT_USER"}
    return names.get(ast.enum_name(node, "roletype")) or ast.quoted(node.rolename or "SESSION_USER")


def _loses_function(lint: FileLint, function: str | None) -> bool:
    """Whether this file also drops the function that a trigger calls."""
    for statement in lint.source.statements:
        if statement.kind == "drop_stmt" and ast.enum_name(statement.node, "remove_type") == "OBJECT_FUNCTION":
            names = [ast.strings(item.object_with_args.objname) for item in statement.node.objects]
            if function in [parts[-1] for parts in names if parts]:
                return True
    return False
