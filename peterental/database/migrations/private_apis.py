"""Access to private names of other libraries, with a sentence for when they are gone."""

from __future__ import annotations

import importlib
from typing import Any


def private(module: str, name: str, instead: str) -> Any:
    """Return a private name of a library.

    Args:
        module: the library's module.
        name: the private name in it.
        instead: what to do if the name is gone, as a sentence.

    Raises ImportError with that sentence if the installed version does not have the name.
    """
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        message = f"{module}.{name} is gone from the installed version. {instead}"
        raise ImportError(message) from error
