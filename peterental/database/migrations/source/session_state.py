"""Session state in a file without a transaction: what a resumed run can set again, and what would be lost.

Such a file may be interrupted between any two statements. The next run starts in a new session, at the statement where
the last one stopped.
"""

from __future__ import annotations

import re
from typing import Any

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.statements import Statement, split_statements
from peterental.database.migrations.sql.embedded import EmbeddedStatement, statements_in
from peterental.database.migrations.sql.parser import ParseError, parse, pg_enums
from peterental.database.migrations.sql.tokens import tokens_of
from peterental.database.migrations.sql.trees import name_parts, nodes_of, walk
from peterental.database.migrations.wording import mentions

_MAYBE_SETS = re.compile(r"(?:set|reset|load|discard)\b|select\b.*\bset_config\b", re.IGNORECASE | re.DOTALL)
_MAYBE_STATE = re.compile(
    r"\bpg_temp\b|\btemp(?:orary)?\b|\bprepare\b|\bdeclare\b|\blisten\b|advisory_lock|\bset_config\b|\bset\b|\breset\b"
    r"|\block\b|\bsavepoint\b|\b(?:curr|last)val\b",
    re.IGNORECASE,
)
_ADVISORY_LOCK = re.compile(r"pg_(?:try_)?advisory_lock(?:_shared)?")
_READ_SEQUENCES = {"currval", "lastval"}
_CREATES_TEMP = re.compile(r"\b(?:create|into)\s+(?:local\s+|global\s+)?temp(?:orary)?\b", re.IGNORECASE)
_SETS_SESSION = re.compile(r"\s*(?:re)?set\s+(?!local\b|constraints\b|transaction\b)", re.IGNORECASE)
_SET_LOCAL = re.compile(r"\Aset\s+local\b", re.IGNORECASE)
_HOLDS = 0x0020  # CURSOR_OPT_HOLD
_LIMITS = frozenset({"lock_timeout", "statement_timeout"})
_STRINGS = "standard_conforming_strings"
_PLAIN_VALUES = {_STRINGS: {"on", "true", "1"}, "client_encoding": {"utf8", "utf-8", "unicode"}}
"""The settings that change how the server reads text, and their values with which it reads as the checks did."""

_TRACES = re.compile(
    # a setting of one's own is empty after RESET, no longer undefined
    r"""\bset\s+(?:session\s+|local\s+)?(?:"[^"]+"|\w+)\s*\.\s*(?:"[^"]+"|\w+)\s*(?:=|\bto\b)|\bset_config\s*\(\s*(?!'\w+')"""
    # a lock that no statement but the file's own may release, the random numbers, a library
    r"""|\bpg_(?:try_)?advisory_lock|\bsetseed\b|\bload\s+(?:e)?'"""
    # settings that new sessions begin with
    r"""|\balter\s+(?:role|user|database|system)\b""",
    re.IGNORECASE,
)
_TRACE_WORDS = ("set", "advisory_lock", "load", "alter")

_TEMPORARY = "a temporary table cannot survive an interruption of a no-transaction file"
_INSTEAD_OF_TEMPORARY = "use an ordinary table and drop it at the end, or a file with a transaction"
_TEMPORARY_SCHEMA = "pg_temp"
_TEMPORARY_PATH = re.compile(r"""\s*"?pg_temp"?\s*(?:,|$)""")
_TEMPORARY_FIRST = (
    "with pg_temp first in search_path new tables are temporary, and cannot survive an interruption of a"
    " no-transaction file"
)
_RELATIONS = {"ViewStmt": "view", "CreateSeqStmt": "sequence"}
_NAMES = {
    "CreateFunctionStmt": "funcname",
    "CreateEnumStmt": "type_name",
    "CreateRangeStmt": "type_name",
    "CreateDomainStmt": "domainname",
    "DefineStmt": "defnames",
}
"""Where a statement has the name of what it creates."""

_ONE_BLOCK = "set it in a statement of its own, so that a resumed run can set it again"


def is_replayable(sql: str) -> bool:
    """Return whether a statement only changes settings of the session, so that a resumed run can repeat it."""
    if not _MAYBE_SETS.match(sql):
        return False
    try:
        trees = parse(sql)
    except ParseError:
        return False
    return len(trees) == 1 and _sets(trees[0].stmt)


def limits_after(sql: str, before: frozenset[str]) -> frozenset[str]:
    """Return which time limits the session has from its file after a statement: lock_timeout, statement_timeout.

    Args:
        sql: the statement.
        before: those that it had before.
    """
    if not is_replayable(sql):
        return before
    tree = parse(sql)[0].stmt
    if tree.HasField("discard_stmt"):
        return before - _LIMITS if tree.discard_stmt.target == pg_enums().DISCARD_ALL else before
    if tree.HasField("select_stmt"):
        calls = [target.res_target.val.func_call for target in tree.select_stmt.target_list]
        return before | {name for call in calls if (name := _constant(call.args[0])) in _LIMITS and not _is_local(call)}
    node = tree.variable_set_stmt
    if node.kind == pg_enums().VAR_RESET_ALL:
        return before - _LIMITS
    name = node.name.lower()
    if name not in _LIMITS:
        return before
    return before | {name} if node.kind == pg_enums().VAR_SET_VALUE else before - {name}


def _constant(node: Any) -> str:
    return _word(node).lower()


def _word(node: Any) -> str:
    return str(node.a_const.sval.sval)


def _sets(tree: Any) -> bool:
    if tree.HasField("variable_set_stmt"):
        return not tree.variable_set_stmt.is_local and tree.variable_set_stmt.name != "TRANSACTION"
    if tree.HasField("load_stmt") or tree.HasField("discard_stmt"):
        return True
    return tree.HasField("select_stmt") and _only_sets_config(tree.select_stmt)


def _only_sets_config(select: Any) -> bool:
    """Return whether a SELECT consists of set_config with constants, as pg_dump writes it."""
    calls = [target.res_target.val for target in select.target_list]
    return bool(calls) and all(call.HasField("func_call") and _sets_constant(call.func_call) for call in calls)


def _sets_constant(call: Any) -> bool:
    return _name_of(call) == "set_config" and all(argument.HasField("a_const") for argument in call.args)


def leaves_session_traces(text: str) -> bool:
    """Return whether a file may change its session, or those that begin later, in a way that no reset undoes.

    Only the words count: a file that is taken for one costs a new connection.
    """
    return mentions(text, *_TRACE_WORDS) and bool(_TRACES.search(text))


def session_state_problems(file: MigrationFile, text: str, statements: list[Statement]) -> list[Problem]:
    """Return the statements of a no-transaction file whose effect an interruption would take away.

    Args:
        file: the file.
        text: its text.
        statements: of the text.
    """
    if not _MAYBE_STATE.search(text):
        return []
    problems = []
    for statement in statements:
        if _MAYBE_STATE.search(statement.sql):
            parts = list(statements_in(statement.sql, functions=False))
            problems += [
                file.problem(text, statement.offset + offset, *problem) for offset, problem in _lost(statement, parts)
            ]
    return list(dict.fromkeys(problems)) + _misread(file, text, statements)


def _lost(statement: Statement, parts: list[EmbeddedStatement]) -> list[tuple[int, tuple[str, str]]]:
    """Return what of a statement's effect would be lost, with the offset in the statement."""
    if is_replayable(statement.sql):
        return [(0, (_TEMPORARY_FIRST, "put pg_temp last, or leave it out"))] if _puts_temporary_first(parts) else []
    if parts and (needs := _needs_transaction(parts[0].tree)):
        return [(0, needs)]
    dropped = {name for part in parts if part.is_nested for name in _dropped_tables(part)}
    unlocks = any("advisory_unlock" in part.text.lower() for part in parts if part.is_nested)
    found = []
    for part in parts:
        problem = _of_temporary(part, dropped) or _of_session(part, unlocks=unlocks)
        if problem:
            found.append((part.offset, problem))
    return found


def _puts_temporary_first(parts: list[EmbeddedStatement]) -> bool:
    """Return whether a statement that only sets settings makes pg_temp the schema of new tables."""
    tree = parts[0].tree if parts else None
    if tree is None:
        return False
    if tree.HasField("variable_set_stmt"):
        node = tree.variable_set_stmt
        return node.name.lower() == "search_path" and [_word(item) for item in node.args][:1] == [_TEMPORARY_SCHEMA]
    calls = [target.res_target.val.func_call for target in tree.select_stmt.target_list]
    return any(
        _constant(call.args[0]) == "search_path" and _TEMPORARY_PATH.match(_constant(call.args[1])) for call in calls
    )


def _needs_transaction(tree: Any) -> tuple[str, str] | None:
    """Return why the server would refuse a statement: each statement of the file is a transaction of its own."""
    kind = tree.WhichOneof("node") if tree is not None else ""
    if kind not in _OF_TRANSACTION or (kind == "declare_cursor_stmt" and tree.declare_cursor_stmt.options & _HOLDS):
        return None
    what, instead = _OF_TRANSACTION[kind]
    return f"{what} has no effect in a no-transaction file, where each statement is a transaction of its own", instead


_OF_TRANSACTION = {
    "lock_stmt": ("LOCK TABLE", "put it and what it protects into a DO block"),
    "transaction_stmt": ("a savepoint", "remove it"),
    "declare_cursor_stmt": ("a cursor", "loop over its query in a DO block"),
}


def _dropped_tables(part: EmbeddedStatement) -> set[str]:
    """Return the tables that a statement drops: a block may make and drop a temporary table."""
    if part.tree is None or not part.tree.HasField("drop_stmt"):
        return set()
    return {name_parts(item.list.items)[-1] for item in part.tree.drop_stmt.objects if item.HasField("list")}


def _of_temporary(part: EmbeddedStatement, dropped: set[str]) -> tuple[str, str] | None:
    if part.tree is None:
        return (_TEMPORARY, _INSTEAD_OF_TEMPORARY) if _CREATES_TEMP.search(part.text) else None
    for node in walk(part.tree):
        kind = node.DESCRIPTOR.name
        if kind == "CreateStmt":
            relation, on_commit = node.relation, node.oncommit
        elif kind == "IntoClause":
            relation, on_commit = node.rel, node.on_commit
        elif kind in _RELATIONS:
            relation, on_commit = getattr(node, _RELATIONS[kind]), None
        elif _schema_of_name(node, kind) == _TEMPORARY_SCHEMA and not part.is_nested:
            return _lose("a function or type in pg_temp"), "create it in another schema and drop it at the end"
        else:
            continue
        is_temporary = relation.relpersistence == "t" or relation.schemaname == _TEMPORARY_SCHEMA
        ends_with_block = part.is_nested and (relation.relname in dropped or on_commit == pg_enums().ONCOMMIT_DROP)
        if is_temporary and not ends_with_block:
            return _TEMPORARY, _INSTEAD_OF_TEMPORARY
    return None


def _schema_of_name(node: Any, kind: str) -> str:
    """Return the schema that a statement names for a function or type that it creates; empty if it names none."""
    if kind == "CompositeTypeStmt":
        return str(node.typevar.schemaname)
    parts = name_parts(getattr(node, _NAMES[kind])) if kind in _NAMES else []
    return parts[-2] if len(parts) > 1 else ""


def _of_session(part: EmbeddedStatement, *, unlocks: bool) -> tuple[str, str] | None:
    """Return why the state of the session that a statement leaves behind would be lost."""
    if part.tree is None:
        return (_lose("a setting made inside a block"), _ONE_BLOCK) if _SETS_SESSION.match(part.text) else None
    kind = part.tree.WhichOneof("node")
    holds = kind != "declare_cursor_stmt" or part.tree.declare_cursor_stmt.options & _HOLDS
    if kind in _STATES and holds:
        what, instead = _STATES[kind]
        return _lose(what), instead
    if part.is_nested and kind == "variable_set_stmt" and _sets(part.tree):
        return _lose("a setting made inside a block"), _ONE_BLOCK
    return _of_calls(part, unlocks=unlocks)


_STATES = {
    "prepare_stmt": ("a prepared statement", "write the statement itself where it is executed"),
    "declare_cursor_stmt": ("a cursor WITH HOLD", "loop over its query in a DO block"),
    "listen_stmt": ("LISTEN", "remove it"),
}


def _of_calls(part: EmbeddedStatement, *, unlocks: bool) -> tuple[str, str] | None:
    calls = nodes_of(part.tree, "FuncCall")
    names = {_name_of(call) for call in calls}
    if names & _READ_SEQUENCES and "nextval" not in names and not part.is_nested:
        return _lose(
            "what currval() and lastval() return"
        ), "take the number with RETURNING, in one statement or a DO block"
    for call in calls:
        name = _name_of(call)
        if _ADVISORY_LOCK.fullmatch(name) and not unlocks:
            return _lose("an advisory lock of the session"), "use pg_advisory_xact_lock in each statement that needs it"
        if name == "set_config" and not _is_local(call):
            return _lose("a setting made by an expression or inside a block"), _ONE_BLOCK
    return None


def misread_problems(file: MigrationFile, text: str) -> list[Problem]:
    """Return the statement of a file with a transaction that psql would read otherwise than the runner.

    The runner sends such a file whole, so the server has read all of it before a setting in it takes effect.
    """
    if not mentions(text, _STRINGS):
        return []
    setting: str | None = None
    for statement in split_statements(text):
        if setting == _STRINGS and _has_plain_backslash(statement.sql):
            message = f"with {_STRINGS} off, psql would read this otherwise than the runner, which sends the file whole"
            advice = "write E'…' where a backslash escapes, and remove the setting"
            return [file.problem(text, statement.offset, message, advice)]
        setting = _setting_in_effect(statement.sql, setting, is_local=True)
    return []


def _has_plain_backslash(sql: str) -> bool:
    """Whether a statement has a backslash in a string without E before it; a quoted body is read when it runs."""
    return any(token.text.startswith("'") and "\\" in token.text for token in tokens_of(sql) or ())


def _lose(what: str) -> str:
    return f"{what} cannot survive an interruption of a no-transaction file"


def _is_local(call: Any) -> bool:
    return bool(call.args) and call.args[-1].a_const.boolval.boolval


def _name_of(call: Any) -> str:
    return (name_parts(call.funcname) or [""])[-1]


def _misread(file: MigrationFile, text: str, statements: list[Statement]) -> list[Problem]:
    """Return statements that the server would read otherwise than the checks, because of a setting before them."""
    problems = []
    setting: str | None = None
    for statement in statements:
        if setting and is_ambiguous(statement.sql, setting):
            message = f"with {setting} set above, the server would read this otherwise than it was checked"
            problems.append(file.problem(text, statement.offset, message, f"put RESET {setting} before it"))
            break
        setting = _setting_in_effect(statement.sql, setting)
    return problems


def is_ambiguous(sql: str, setting: str) -> bool:
    """Return whether a statement reads differently with another value of a setting that changes how text is read."""
    return "\\" in sql if setting == _STRINGS else not sql.isascii()


def _setting_in_effect(sql: str, before: str | None, *, is_local: bool = False) -> str | None:
    """Return which setting changes how text is read after a statement; None if all are as the runner set them.

    With `is_local`, SET LOCAL counts too: in a transaction.
    """
    if not is_replayable(_SET_LOCAL.sub("SET ", sql, count=1) if is_local else sql):
        return before
    tree = parse(sql)[0].stmt
    if tree.HasField("variable_set_stmt"):
        node = tree.variable_set_stmt
        name, value = node.name.lower(), "".join(item.a_const.sval.sval for item in node.args).lower()
        resets = node.kind != pg_enums().VAR_SET_VALUE
    elif tree.HasField("select_stmt"):
        arguments = [
            item.a_const.sval.sval.lower() for item in tree.select_stmt.target_list[0].res_target.val.func_call.args
        ]
        name, value, resets = arguments[0], arguments[1], False
    else:
        return before
    if not name and resets:
        return None  # RESET ALL
    if name not in _PLAIN_VALUES:
        return before
    return None if resets or value in _PLAIN_VALUES[name] else name
