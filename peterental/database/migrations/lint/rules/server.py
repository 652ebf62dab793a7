"""What reaches beyond the schema: the server's files, sessions, roles, settings and catalogs."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

FILE = unsafe(
    "server-file",
    "The file or program is on the database server, not beside the migration: other servers do not have it, managed "
    "ones refuse it, and a rollback does not undo it. It runs with the rights of the server.",
)
SESSIONS = unsafe(
    "end-sessions", "Requests that are being served fail in the middle, and so may another migration or a backup."
)
CONNECTIONS = unsafe(
    "restrict-connections",
    "The running code may no longer be able to connect. A role belongs to all databases of the server, and db-verify "
    "does not compare it.",
)
DEFAULTS = unsafe(
    "session-defaults",
    "New sessions of the running code get the setting at once, pooled ones when they reconnect: until then two "
    "sessions of one program behave differently. Other databases of the same files do not get it.",
)
PASSWORD = unsafe(
    "password-in-file",
    "The password is in version control, in every copy of the program, and in the server's log for good.",
)
CATALOG = unsafe(
    "system-catalog",
    "PostgreSQL does not check such a write, and takes no locks for it: other sessions keep using what they have "
    "cached, and a mistake makes tables unreadable.",
)
SETTING = unsafe(
    "dangerous-setting",
    "The setting trades the safety of data for something else: commits that a crash loses, damage that is passed "
    "over, or a change to every database of the server.",
)
AUTOVACUUM = unsafe(
    "disable-autovacuum",
    "Dead rows are never removed: the table grows, queries slow down, and in the end the server stops writes to "
    "protect its transaction numbers.",
)
UNLOGGED = unsafe(
    "unlogged-table", "A crash empties the table, and replicas and backups by log shipping never have its rows."
)
COLLATION = unsafe(
    "refresh-collation",
    "It ends the warning, not its cause: indexes that were built with the old rules of sorting miss rows, and unique "
    "ones accept duplicates.",
)

_FILE_FUNCTIONS = {
    "lo_export",
    "lo_import",
    "pg_file_rename",
    "pg_file_unlink",
    "pg_file_write",
    "pg_ls_dir",
    "pg_read_binary_file",
    "pg_read_file",
}
_SESSION_FUNCTIONS = {"pg_cancel_backend", "pg_terminate_backend"}
_RISKY_SETTINGS = {
    "allow_system_table_mods": ("on",),
    "ignore_checksum_failure": ("on",),
    "ignore_system_indexes": ("on",),
    "synchronous_commit": ("off", "local"),
    "zero_damaged_pages": ("on",),
}
_OFF = {"false", "off", "no", "0"}
_ON = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}
_OPERATIONS = "-- once, by the operator of the server, outside migrations"
_WRITES = ("update_stmt", "delete_stmt", "insert_stmt", "merge_stmt", "truncate_stmt")


@on("copy_stmt")
def check_copy(lint: FileLint, statement: ParsedStatement) -> None:
    """Check COPY with a file of the server, or with a program."""
    node = statement.node
    if not node.filename:
        return  # the runner refuses STDIN and STDOUT
    what = f"the program “{node.filename}”" if node.is_program else f"the server's file {node.filename}"
    table = ast.sql_name(node.relation) if node.HasField("relation") else "A query"
    lint.report(
        FILE,
        f"{table} is {'read from' if node.is_from else 'written to'} {what}.",
        statement,
        safe="-- outside migrations, with psql, whose \\copy reads and writes files on your side",
    )


@on("select_stmt", "call_stmt")
def check_functions(lint: FileLint, statement: ParsedStatement) -> None:
    """Check functions that reach files of the server, and those that end sessions."""
    for call in ast.nodes_of(statement.node, "FuncCall"):
        name = ast.strings(call.funcname)[-1]
        at = statement.offset_of(call)
        if name in _FILE_FUNCTIONS:
            lint.report(FILE, f"{name}() reaches a file of the server.", statement, at=at, safe=_OPERATIONS)
        elif name in _SESSION_FUNCTIONS:
            lint.report(
                SESSIONS,
                f"{name}() ends what other sessions are doing.",
                statement,
                at=at,
                safe="-- not needed for locks: the runner waits a second, names the blocking session, and retries",
            )


@on("alter_role_stmt")
def check_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER ROLE: what keeps it from connecting, and a password in plain text."""
    node = statement.node
    options = {one.def_elem.defname: one.def_elem for one in node.options}
    role = ast.quoted(node.role.rolename or "CURRENT_USER")
    _check_password(lint, statement, options, role)
    may_not = "canlogin" in options and not options["canlogin"].arg.boolean.boolval
    if node.role.rolename not in _created_roles(lint) and (may_not or any(map(_limits, options.values()))):
        limit = "may no longer sign in" if may_not else "gets a limit of its connections or their time"
        _report_connections(lint, statement, f"The role {role} {limit}.")


def _limits(option: Any) -> bool:
    """Whether an option of a role or a database limits connections, instead of lifting a limit."""
    match option.defname:
        case "connectionlimit" | "connection_limit":
            return bool(option.arg.integer.ival >= 0)
        case "validUntil":
            return bool(option.arg.string.sval != "infinity")
        case "allow_connections":
            return ast.text_of_option(option) in _OFF
    return False


@on("create_role_stmt")
def check_new_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE ROLE for a password in plain text."""
    options = {one.def_elem.defname: one.def_elem for one in statement.node.options}
    _check_password(lint, statement, options, ast.quoted(statement.node.role))


@on("create_user_mapping_stmt", "alter_user_mapping_stmt")
def check_user_mapping(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE and ALTER USER MAPPING for a password in plain text."""
    options = {one.def_elem.defname: one.def_elem for one in statement.node.options}
    _check_password(lint, statement, options, f"on server {ast.quoted(statement.node.servername)}")


@on("create_subscription_stmt", "alter_subscription_stmt")
def check_conninfo(lint: FileLint, statement: ParsedStatement) -> None:
    """Check the connection string of a subscription for a password."""
    if "password" in statement.node.conninfo.lower():
        _report_password(lint, statement, f"of the subscription {ast.quoted(statement.node.subname)}")


@on("drop_role_stmt")
def check_drop_role(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP ROLE."""
    created = _created_roles(lint)
    names = [one.role_spec.rolename for one in statement.node.roles if one.role_spec.rolename not in created]
    if names:
        _report_connections(lint, statement, f"The role {ast.quoted_list(names)} is dropped.")


@on("rename_stmt")
def check_rename(lint: FileLint, statement: ParsedStatement) -> None:
    """Check RENAME of a role or a database."""
    kinds = {"OBJECT_ROLE": "role", "OBJECT_DATABASE": "database"}
    kind = kinds.get(ast.enum_name(statement.node, "rename_type"))
    if kind and statement.node.subname not in _created_roles(lint):
        old, new = ast.quoted(statement.node.subname), ast.quoted(statement.node.newname)
        _report_connections(lint, statement, f"The {kind} {old} is renamed to {new}.")


@on("alter_database_stmt")
def check_database(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER DATABASE … ALLOW_CONNECTIONS and CONNECTION LIMIT."""
    if any(_limits(one.def_elem) for one in statement.node.options):
        _report_connections(lint, statement, f"Connections to {ast.quoted(statement.node.dbname)} are limited.")


@on("create_event_trig_stmt")
def check_login_trigger(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE EVENT TRIGGER … ON login: an error in its function refuses every new session."""
    if statement.node.eventname == "login":
        name = ast.quoted(statement.node.trigname)
        _report_connections(lint, statement, f"Every new session runs the event trigger {name}, and fails if it fails.")


@on("alter_role_set_stmt", "alter_database_set_stmt")
def check_defaults(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER ROLE … SET and ALTER DATABASE … SET."""
    node = statement.node
    if statement.kind == "alter_role_set_stmt":
        if node.role.rolename in _created_roles(lint):
            return
        whom = f"the role {ast.quoted(node.role.rolename)}" if node.role.rolename else "every role"
    else:
        whom = f"the database {ast.quoted(node.dbname)}"
    name = node.setstmt.name or "every setting"
    lint.report(
        DEFAULTS,
        f"{name[0].upper() + name[1:] if name.startswith('every') else name} gets another default for {whom}.",
        statement,
        safe="-- set it where the program connects, in its connection URL: ?options=-c%20setting%3Dvalue",
    )


@on(*_WRITES)
def check_catalog(lint: FileLint, statement: ParsedStatement) -> None:
    """Check writes to the system catalogs."""
    node = statement.node
    relations = [ast.inner(one) for one in node.relations] if statement.kind == "truncate_stmt" else [node.relation]
    for relation in relations:
        if _is_catalog(lint, relation):
            lint.report(
                CATALOG,
                f"{ast.sql_name(relation)} is written directly.",
                statement,
                safe="-- use the statement for it: ALTER TABLE, ALTER TYPE … ADD VALUE, COMMENT ON, …",
            )


@on("variable_set_stmt")
def check_setting(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SET of a setting that risks data."""
    name = statement.node.name.lower()
    value = ", ".join(str(ast.text_of_constant(arg)).lower() for arg in statement.node.args)
    if _ON.get(value, value) in _RISKY_SETTINGS.get(name, ()):
        lint.report(SETTING, f"The file sets {name} to {value}.", statement, safe="-- remove it")


@on("alter_system_stmt")
def check_system(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER SYSTEM."""
    name = statement.node.setstmt.name or "every setting"
    what = f"ALTER SYSTEM changes {name} for every database of the server."
    lint.report(SETTING, what, statement, safe=_OPERATIONS)


@on_command("AT_SetRelOptions")
def check_options(lint: FileLint, command: AlterCommand) -> None:
    """Check SET (autovacuum_enabled = false)."""
    if _disables_autovacuum(ast.definition_of(command.node).list.items):
        _report_autovacuum(lint, command.statement, command.sql_name, command.offset)


@on("create_stmt", "create_table_as_stmt")
def check_create(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE TABLE for UNLOGGED and for a disabled autovacuum."""
    node = statement.node if statement.kind == "create_stmt" else statement.node.into
    relation = node.relation if statement.kind == "create_stmt" else node.rel
    _check_persistence(lint, statement, relation)
    if _disables_autovacuum(node.options):
        _report_autovacuum(lint, statement, ast.sql_name(relation), statement.offset, "-- omit it")


@on("select_stmt")
def check_select_into(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SELECT INTO UNLOGGED."""
    if statement.node.HasField("into_clause"):
        _check_persistence(lint, statement, statement.node.into_clause.rel)


@on_command("AT_SetUnLogged")
def check_unlogged(lint: FileLint, command: AlterCommand) -> None:
    """Check SET UNLOGGED."""
    what = f"{command.sql_name} becomes an unlogged table."
    lint.report(UNLOGGED, what, command.statement, at=command.offset, safe="-- keep it logged")


@on("alter_collation_stmt", "alter_database_refresh_coll_stmt")
def check_collation(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REFRESH VERSION of a collation or a database."""
    node = statement.node
    name = (
        f"the collation {ast.sql_name_of_parts(ast.strings(node.collname))}"
        if statement.kind == "alter_collation_stmt"
        else f"the database {ast.quoted(node.dbname)}"
    )
    lint.report(
        COLLATION,
        f"The recorded version of {name} is replaced.",
        statement,
        safe="-- first, in a file with “-- migrate: no-transaction” at the top, for each index on text:\n"
        "--   REINDEX INDEX CONCURRENTLY …;",
    )


def _check_persistence(lint: FileLint, statement: ParsedStatement, relation: Any) -> None:
    if relation.relpersistence == "u":
        lint.report(
            UNLOGGED,
            f"{ast.sql_name(relation)} is created as an unlogged table.",
            statement,
            safe="-- omit UNLOGGED, unless its rows can be made again; then add this waiver:\n"
            f"-- lint: allow {UNLOGGED.name} because …",
        )


def _check_password(lint: FileLint, statement: ParsedStatement, options: dict[str, Any], whose: str) -> None:
    given = options.get("password")
    text = given.arg.string.sval if given is not None and given.HasField("arg") else ""
    if text and not text.startswith(("SCRAM-SHA-256$", "md5")):
        _report_password(lint, statement, f"of {whose}" if not whose.startswith("on ") else whose)


def _report_password(lint: FileLint, statement: ParsedStatement, whose: str) -> None:
    lint.report(
        PASSWORD,
        f"The password {whose} is in the file.",
        statement,
        safe="-- set it outside migrations, with psql's \\password, which sends only a hash",
    )


def _report_connections(lint: FileLint, statement: ParsedStatement, what: str) -> None:
    lint.report(CONNECTIONS, what, statement, safe=_OPERATIONS)


def _report_autovacuum(lint: FileLint, statement: ParsedStatement, table: str, at: int, safe: str = "") -> None:
    tuned = "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 10"
    lint.report(
        AUTOVACUUM,
        f"Autovacuum is disabled for {table}.",
        statement,
        at=at,
        safe=safe or f"-- tune it instead:\nALTER TABLE {table} SET ({tuned});",
    )


def _disables_autovacuum(options: Any) -> bool:
    return any(
        one.def_elem.defname.lower() == "autovacuum_enabled" and _option_text(one.def_elem) in _OFF for one in options
    )


def _option_text(option: Any) -> str:
    """Return the value of a storage parameter; a word such as off is read as the name of a type."""
    if not option.HasField("arg"):
        return "true"
    node = ast.inner(option.arg)
    kind = node.DESCRIPTOR.name
    if kind == "TypeName":
        return ast.strings(node.names)[-1].lower()
    return str(node.ival if kind == "Integer" else getattr(node, "sval", "")).lower()


def _is_catalog(lint: FileLint, relation: Any) -> bool:
    if relation.schemaname:
        return bool(relation.schemaname in ("pg_catalog", "information_schema"))
    name = str(relation.relname)
    return name.startswith("pg_") and name not in lint.schema.tables


def _created_roles(lint: FileLint) -> set[str]:
    return {one.node.role for one in lint.source.statements if one.kind == "create_role_stmt"}
