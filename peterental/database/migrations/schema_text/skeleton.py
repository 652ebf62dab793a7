"""Compare two texts of one schema but for their expressions, which a server may print otherwise than it has read them.

What differs in an expression is settled by the catalogs (`verify.rereading`). Everything else must be the same.
"""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums, split

_EXPRESSIONS = frozenset(
    {
        "actions",
        "defexpr",
        "expr",
        "qual",
        "query",
        "raw_expr",
        "sql_body",
        "when_clause",
        "where_clause",
        "with_check",
    }
)
"""The fields of parse trees that hold what the server prints from its own trees."""


def same_but_for_expressions(one: str, other: str) -> bool:
    """Return whether two texts have the same statements, apart from expressions.

    A statement whose syntax is newer than the parser must be the same.
    """
    try:
        ours, theirs = split(one), split(other)
    except ParseError:
        return one == other
    return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        pairs = [(parse_one(one), parse_one(other))]
    except ParseError:
        return False
    while pairs:
        ours, theirs = pairs.pop()
        if ours.DESCRIPTOR.name != theirs.DESCRIPTOR.name:
            return False
        here, there = _fields(ours), _fields(theirs)
        if here.keys() != there.keys():
            return False
        for name, (is_message, value) in here.items():
            if name in _EXPRESSIONS:
                continue
            values, others = _listed(value), _listed(there[name][1])
            if len(values) != len(others) or (not is_message and values != others):
                return False
            pairs.extend(zip(values, others, strict=True) if is_message else ())
    return True


def _fields(message: Any) -> dict[str, tuple[bool, Any]]:
    """Return the fields of a message by name, each with whether it holds messages; without positions."""
    skipped = {"stmt_len", "rhs_len"}
    if message.DESCRIPTOR.name == "AlterTableCmd" and message.subtype == pg_enums().AT_ColumnDefault:
        skipped.add("def")  # the expression itself
    return {
        field.name: (field.type == field.TYPE_MESSAGE, value)
        for field, value in message.ListFields()
        if not field.name.endswith("location") and field.name not in skipped
    }


def _listed(value: Any) -> list[Any]:
    return [value] if hasattr(value, "DESCRIPTOR") or isinstance(value, str | bytes | int | float) else list(value)
