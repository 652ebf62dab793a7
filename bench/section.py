"""The arguments of a section."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One run of the benchmarks.

    Args:
        folder: a temporary folder.
        quick: whether to take fewer rounds.
    """

    folder: Path
    quick: bool

    def rounds(self, thorough: int, quick: int) -> int:
        """Return the number of rounds to take."""
        return quick if self.quick else thorough
