"""Versions of what has no time of its last change, by which forms detect edit conflicts. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def version_of(values: Sequence[object]) -> str:
    """Return a short text that differs for different values, which JSON can have."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]
