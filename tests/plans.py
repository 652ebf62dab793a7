"""How the server would go about a statement, or went about it."""

from __future__ import annotations

import re
from typing import Any

from peterental.database.pool import Database


class Explained(Database):
    """Runs what is fetched, keeps how the server went about it, and gives what it is told to give.

    Args:
        url: of the database.
        answer: what every statement gives.
    """

    def __init__(self, url: str, *answer: dict[str, Any]) -> None:
        super().__init__(url)
        self.plan = ""
        self._answer = list(answer)

    def fetch(self, query: str, params: Any = None, **how: Any) -> list[Any]:
        """Keep the plan."""
        rows = super().fetch(f"EXPLAIN (ANALYZE) {query}", params, **how)
        self.plan = "\n".join(row["QUERY PLAN"] for row in rows)
        return self._answer


def read_whole(plan: str, *tables: str) -> list[str]:
    """Give those of some tables that a plan has read from end to end; what it only would have read is not among them."""
    return [table for table in tables if re.search(rf"Seq Scan on {table}\b(?!.*never executed)", plan)]
