"""Privileges and policies that a file widens or narrows."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on

WIDEN = unsafe(
    "widen-access",
    "Every role of the server, or one more than is needed, gets it at once, also those of reports and other programs, "
    "and keeps it unnoticed.",
)
DEFINER = unsafe(
    "security-definer",
    "It runs with the rights of its owner, but finds tables, functions and operators by the caller's search_path: a "
    "caller who puts an own one before them runs it with these rights.",
)
POLICY = unsafe(
    "change-policy",
    "The rows that the running code sees and writes change at once, and no error shows it.",
)

_PUBLIC = "ROLESPEC_PUBLIC"
_OPEN_KINDS = {
    "OBJECT_TABLE": "tables",
    "OBJECT_SEQUENCE": "sequences",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_DATABASE": "database",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_LARGEOBJECT": "large object",
}
_HARMLESS = {"OBJECT_SCHEMA": {"usage"}, "OBJECT_DATABASE": {"connect", "temporary", "temp"}}
"""What PUBLIC has by default, or what opens nothing alone."""

_POWERS = {
    "superuser": "SUPERUSER",
    "bypassrls": "BYPASSRLS",
    "createrole": "CREATEROLE",
    "isreplication": "REPLICATION",
}


@on("grant_stmt", "alter_default_privileges_stmt")
def check_public(lint: FileLint, statement: ParsedStatement) -> None:
    """Check GRANT … TO PUBLIC, also as a default for later objects."""
    default = statement.kind == "alter_default_privileges_stmt"
    node = statement.node.action if default else statement.node
    kind = ast.enum_name(node, "objtype")
    if not node.is_grant or kind not in _OPEN_KINDS:
        return
    if all(ast.enum_name(one.role_spec, "roletype") != _PUBLIC for one in node.grantees):
        return
    privileges = {one.access_priv.priv_name.lower() for one in node.privileges}
    if privileges and privileges <= _HARMLESS.get(kind, set()):
        return
    what = ", ".join(sorted(privileges)).upper() or "ALL"
    later = "later " if default else ""
    _report(lint, statement, f"{what} on {later}{_OPEN_KINDS[kind]} is granted to PUBLIC, which is every role.")


@on("grant_role_stmt")
def check_predefined(lint: FileLint, statement: ParsedStatement) -> None:
    """Check GRANT of a predefined role, such as pg_read_all_data."""
    node = statement.node
    names = [one.access_priv.priv_name for one in node.granted_roles if one.access_priv.priv_name.startswith("pg_")]
    if node.is_grant and names:
        _report(lint, statement, f"The predefined role {ast.quoted_list(names)} is granted.")


@on("create_role_stmt", "alter_role_stmt")
def check_powers(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE and ALTER ROLE for attributes that reach far."""
    node = statement.node
    powers = [
        _POWERS[one.def_elem.defname]
        for one in node.options
        if one.def_elem.defname in _POWERS and one.def_elem.arg.boolean.boolval
    ]
    role = node.role if statement.kind == "create_role_stmt" else node.role.rolename or "CURRENT_USER"
    if powers:
        _report(lint, statement, f"The role {ast.quoted(role)} gets {' and '.join(powers)}.")


@on("create_function_stmt", "alter_function_stmt")
def check_definer(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SECURITY DEFINER without a search_path of its own."""
    node = statement.node
    creates = statement.kind == "create_function_stmt"
    options = [one.def_elem for one in (node.options if creates else node.actions)]
    definer = any(one.defname == "security" and one.arg.boolean.boolval for one in options)
    pinned = any(one.defname == "set" and one.arg.variable_set_stmt.name == "search_path" for one in options)
    if not definer or pinned or (creates and node.HasField("sql_body")):  # such a body is bound when it is created
        return
    parts = ast.strings(node.funcname if creates else node.func.objname)
    name = ast.sql_name_of_parts(parts)
    schema = ast.quoted(parts[0]) if len(parts) > 1 else "public"
    lint.report(
        DEFINER,
        f"{name} is SECURITY DEFINER without a search_path of its own.",
        statement,
        safe=f"-- add to it: SET search_path = pg_catalog, {schema}, pg_temp",
    )


@on("alter_policy_stmt")
def check_alter_policy(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER POLICY of an existing table."""
    node = statement.node
    if not lint.is_created_here(ast.key_of(node.table)):
        _report_policy(
            lint, statement, f"The policy {ast.quoted(node.policy_name)} of {ast.sql_name(node.table)} changes."
        )


@on("create_policy_stmt")
def check_restrictive_policy(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE POLICY … AS RESTRICTIVE on an existing table."""
    node = statement.node
    if not node.permissive and not lint.is_created_here(ast.key_of(node.table)):
        name, table = ast.quoted(node.policy_name), ast.sql_name(node.table)
        _report_policy(lint, statement, f"The restrictive policy {name} hides rows of {table}.")


def _report(lint: FileLint, statement: ParsedStatement, what: str) -> None:
    safe = "-- grant only what is needed, to a role of your own:\n--   GRANT SELECT ON … TO …;"
    lint.report(WIDEN, what, statement, safe=safe)


def _report_policy(lint: FileLint, statement: ParsedStatement, what: str) -> None:
    lint.report(
        POLICY,
        what,
        statement,
        safe="-- first deploy code that works with both; then, with this waiver above it:\n"
        f"-- lint: allow {POLICY.name} because …",
    )
