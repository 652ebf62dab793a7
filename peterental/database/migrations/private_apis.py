"""Names of psycopg and protobuf that their makers call private, taken in one place."""

from __future__ import annotations

import importlib
from typing import Any


def private(module: str, name: str, instead: str) -> Any:
    """Return a private name of a library.

    Args:
        module: where it is.
        name: what it is called there.
        instead: what to do when it is gone, as a sentence.

    Raises ImportError with that sentence where the installed version does not have it.
    """
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        message = f"{module}.{name} is gone from the installed version. {instead}"
        raise ImportError(message) from error
