"""Statements whose placeholders are parsed once, when a module is imported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg

from peterental.database.deadline import DeadlineConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%|%")


class Statement:
    """A statement with named placeholders, `%(name)s`, for any number of executions.

    psycopg caches the parsed placeholders of a statement of up to 4,096 bytes and parses a longer one at each
    execution. Here they are converted to PostgreSQL's own, `$1`, beforehand.

    Args:
        text: with named placeholders only; `%%` is a percent sign.

    Raises ValueError for any other placeholder.
    """

    __slots__ = ("_names", "sql")

    def __init__(self, text: str) -> None:
        numbers: dict[str, int] = {}

        def converted(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            if not found[1]:
                message = f"not a named placeholder: {text[found.start() : found.start() + 12]!r}"
                raise ValueError(message)
            return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

        self.sql = _PLACEHOLDER.sub(converted, text).encode()
        self._names = tuple(numbers)

    def execute(self, connection: Connection, values: Mapping[str, object]) -> psycopg.RawCursor[DictRow]:
        """Execute it, or queue it in a pipeline, and return the cursor.

        Args:
            connection: to execute it on.
            values: by name; those of other statements are ignored. Raises KeyError for a missing one.
        """
        cursor = (
            connection.cursor_for(self.sql)
            if isinstance(connection, DeadlineConnection)
            else psycopg.RawCursor(connection)
        )
        return cursor.execute(self.sql, [values[name] for name in self._names])
