"""Query plans of statements."""

from __future__ import annotations

import re
from typing import Any

from peterental.database.pool import Database


class Explained(Database):
    """A database that records the plan of each statement and returns fixed rows.

    Args:
        url: of the database.
        answer: the rows that every statement returns.
    """

    def __init__(self, url: str, *answer: dict[str, Any]) -> None:
        super().__init__(url)
        self.plan = ""
        self._answer = list(answer)

    def fetch(self, query: str, params: Any = None, **how: Any) -> list[Any]:
        """Run the statement, record its plan, and return the fixed rows."""
        rows = super().fetch(f"EXPLAIN (ANALYZE) {query}", params, **how)
        self.plan = "\n".join(row["QUERY PLAN"] for row in rows)
        return self._answer


def read_whole(plan: str, *tables: str) -> list[str]:
    """Return which of some tables a plan read from end to end; a sequential scan that never ran does not count."""
    return [table for table in tables if re.search(rf"Seq Scan on {table}\b(?!.*never executed)", plan)]
