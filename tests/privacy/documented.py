"""The table of docs/privacy.md: which columns hold personal data, and for how long."""

from __future__ import annotations

import re
from collections import defaultdict

from tests.conftest import PROJECT_DIR

TEXT = (PROJECT_DIR / "docs" / "privacy.md").read_text(encoding="utf-8")


def columns(lifetime: str = "") -> dict[str, set[str]]:
    """Return the columns that the document names, by table.

    Args:
        lifetime: only those in whose last cell this word is.
    """
    found: dict[str, set[str]] = defaultdict(set)
    tables: list[str] = []
    for line in TEXT.partition("## Where it is stored")[2].partition("\n## ")[0].splitlines():
        cells = line.split("|")
        if len(cells) < 5:
            continue
        # A row without a table continues the one above.
        tables = re.findall(r"`(\w+)`", cells[1]) or tables
        for table in tables:
            if lifetime in cells[4]:
                found[table] |= set(re.findall(r"`(\w+)`", cells[2]))
    return found
