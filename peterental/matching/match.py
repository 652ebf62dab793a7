"""Define the three outcomes of a comparison of names or addresses."""

from __future__ import annotations

from enum import Enum


class Match(Enum):
    """Whether two spoken facts are of one thing."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"
    """Ask the caller, or look for another fact that agrees."""
