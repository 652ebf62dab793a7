"""What a section is given to work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One run of the bench.

    Args:
        folder: to write in; gone afterwards.
        quick: fewer rounds are wanted, for a first look.
    """

    folder: Path
    quick: bool

    def rounds(self, thorough: int, quick: int) -> int:
        """Give how many rounds to take."""
        return quick if self.quick else thorough
