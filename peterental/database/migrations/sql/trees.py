"""Walk PostgreSQL's parse trees, which are protobuf messages without type stubs, hence Any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def walk(message: Any) -> Iterator[Any]:
    """Yield `message` and every message below it, parents before children."""
    waiting = [message]
    while waiting:  # no recursion: Python's limit is lower than the depth that PostgreSQL parses
        node = waiting.pop()
        yield node
        below: list[Any] = []
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                below.extend((value,) if hasattr(value, "DESCRIPTOR") else value)
        waiting.extend(reversed(below))


def nodes_of(message: Any, kind: str) -> list[Any]:
    """Return every message of type `kind`, such as ColumnRef, in `message`."""
    return [node for node in walk(message) if node.DESCRIPTOR.name == kind]


def name_parts(nodes: Any) -> list[str]:
    """Return the parts of a qualified name, from String nodes."""
    return [node.string.sval for node in nodes if node.HasField("string")]
