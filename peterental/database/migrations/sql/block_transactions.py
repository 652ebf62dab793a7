"""Find COMMIT and ROLLBACK in the code of blocks and procedures."""

from __future__ import annotations

import re
from typing import Any

from peterental.database.migrations.sql.parser import ParseError, parse_plpgsql

_ENDS_TRANSACTION = re.compile(r"\b(?:commit|rollback)\b", re.IGNORECASE)


def has_transaction_control(definition: str, *, if_unknown: bool = True) -> bool:
    """Return whether a DO block or a CREATE PROCEDURE has a COMMIT or ROLLBACK among its statements.

    Args:
        definition: of the block or procedure.
        if_unknown: what to return if one of the words is in it, but it cannot be parsed: it is in another language, or
            uses types that only the server knows.
    """
    if not _ENDS_TRANSACTION.search(definition):
        return False
    try:
        functions = parse_plpgsql(definition)
    except ParseError:
        return if_unknown
    is_parsed = all("action" in function["PLpgSQL_function"] for function in functions)
    return _ends_transaction(functions) if is_parsed else if_unknown


def _ends_transaction(tree: Any) -> bool:
    if isinstance(tree, list):
        return any(_ends_transaction(item) for item in tree)
    if isinstance(tree, dict):
        return any(
            kind in ("PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback") or _ends_transaction(value)
            for kind, value in tree.items()
        )
    return False
