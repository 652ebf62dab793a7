"""Session settings that a file changes: lock timeout, search path, role and time zone."""

from __future__ import annotations

import re

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import advice, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on

LOCK_TIMEOUT = unsafe(
    "long-lock-timeout",
    "While a statement waits for its lock, every later query on the table, reads included, waits behind it. The runner "
    "waits one second and retries, so that other queries can run in between.",
)
SEARCH_PATH = advice(
    "set-search-path", "Names in the rest of the file may resolve to other tables. Write schema.table instead."
)
ROLE = advice(
    "set-role", "Objects that the rest of the file creates belong to that role. Use ALTER … OWNER TO instead."
)

_MAX_LOCK_TIMEOUT_MS = 10_000
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*")
_UNIT_MS = {"us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, None: 1}
_UTC = {"utc", "etc/utc", "gmt", "etc/gmt", "0", "uct", "zulu", "z"}
_SAFE_LOCK_TIMEOUT = "-- keep the runner's lock_timeout of 1 s, or for one file: -- migrate: lock-timeout=3s"


def check_directives(lint: FileLint, lock_timeout_ms: int) -> None:
    """Check the lock timeout in the file's header."""
    if lock_timeout_ms == 0 or lock_timeout_ms > _MAX_LOCK_TIMEOUT_MS:
        at = max(lint.source.text.find("lock-timeout"), 0)
        lint.report(LOCK_TIMEOUT, _wait(lock_timeout_ms), None, at=at, safe=_SAFE_LOCK_TIMEOUT)


@on("variable_set_stmt")
def check_setting(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SET and RESET."""
    node = statement.node
    kind = ast.enum_name(node, "kind")
    values = [ast.text_of_constant(arg) for arg in node.args]
    if kind == "VAR_SET_MULTI":
        return
    name = node.name.lower()
    value = ", ".join(text for text in values if text is not None) if kind == "VAR_SET_VALUE" else None
    _check(lint, statement, name, value)
    if kind == "VAR_RESET_ALL":
        _check(lint, statement, "lock_timeout", None)


@on("select_stmt")
def check_set_config(lint: FileLint, statement: ParsedStatement) -> None:
    """Check set_config('name', 'value', …).

    It is equivalent to SET, and pg_dump writes it.
    """
    for call in ast.nodes_of(statement.node, "FuncCall"):
        if ast.strings(call.funcname)[-1:] == ["set_config"]:
            name, value = ([*(ast.text_of_constant(arg) for arg in call.args), None, None])[:2]
            if name is not None and value is not None:
                _check(lint, statement, name.lower(), value)


def keeps_utc(lint: FileLint, until: ParsedStatement) -> bool:
    """Whether the time zone is still UTC when `until` runs.

    UTC is the runner's setting.
    """
    utc = True
    for statement in lint.source.statements:
        if statement.offset >= until.offset:
            break
        if statement.kind == "variable_set_stmt" and statement.node.name.lower() == "timezone":
            values = [ast.text_of_constant(arg) for arg in statement.node.args]
            utc = ast.enum_name(statement.node, "kind") == "VAR_SET_VALUE" and str(values[0]).lower() in _UTC
    return utc


def _check(lint: FileLint, statement: ParsedStatement, name: str, value: str | None) -> None:
    """Check one setting; a `value` of None means the server's default."""
    if name == "lock_timeout":
        wait_ms = _milliseconds(value) if value is not None else 0
        if wait_ms is not None and (wait_ms == 0 or wait_ms > _MAX_LOCK_TIMEOUT_MS):
            lint.report(LOCK_TIMEOUT, _wait(wait_ms), statement, safe=_SAFE_LOCK_TIMEOUT)
    elif name == "search_path":
        meant = f"sets search_path to {value or 'an empty list'}" if value is not None else "resets search_path"
        lint.report(SEARCH_PATH, f"The file {meant}; write schema.table instead.", statement)
    elif name in ("role", "session_authorization") and value is not None:
        lint.report(ROLE, f"The file switches to the role {value}; use ALTER … OWNER TO instead.", statement)


def _wait(wait_ms: float) -> str:
    limit = f"up to {wait_ms / 1000:g} s" if wait_ms else "without limit"
    return f"Statements of this file may wait {limit} for a lock."


def _milliseconds(value: str) -> float | None:
    match = _DURATION.fullmatch(value)
    return float(match[1]) * _UNIT_MS[match[2]] if match else None
