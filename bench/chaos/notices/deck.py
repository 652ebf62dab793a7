"""Deals mishaps: each of them once before any comes again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable


class Deck:
    """The mishaps of one kind of request. Used by many threads.

    Args:
        names: of the mishaps.
        chance: shuffles them.
        share: how many requests go wrong while mishaps are dealt, from 0 to 1.

    Attributes:
        dealt: how often each mishap was dealt.
    """

    def __init__(self, names: Iterable[str], chance: random.Random, share: float) -> None:
        self.names = tuple(names)
        self.dealt: Counter[str] = Counter()
        self._chance = chance
        self._share = share
        self._left: list[str] = []
        self._is_open = False
        self._lock = threading.Lock()

    def open(self) -> None:
        """Deal mishaps from now on."""
        self._is_open = True

    def close(self) -> None:
        """Let every request go well from now on."""
        self._is_open = False

    def deal(self) -> str | None:
        """Return what goes wrong with the next request; None if nothing does."""
        with self._lock:
            if not self._is_open or self._chance.random() >= self._share:
                return None
            if not self._left:
                self._left = self._chance.sample(self.names, len(self.names))
            name = self._left.pop()
            self.dealt[name] += 1
            return name

    @property
    def missing(self) -> list[str]:
        """The mishaps that were never dealt."""
        with self._lock:
            return [name for name in self.names if not self.dealt[name]]
