"""The `flask …` commands of PeteRental."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def needs_pages(arguments: Sequence[str]) -> bool:
    """Return whether the running program needs the pages and the webhook.

    `flask db-…` does not, and starts several times faster without them.

    Args:
        arguments: as in `sys.argv`.
    """
    is_flask = bool(arguments) and Path(arguments[0]).name == "flask"
    return not (is_flask and len(arguments) > 1 and arguments[1].startswith("db-"))
