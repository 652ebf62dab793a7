"""How many connections each worker has, in memory that the workers of one master share.

Every worker is woken by a new connection, and the first to run would accept all of a group: one core would be idle
while the other serves everybody. So a worker that has more connections than another lets that one go first.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable

_SLOTS = 64
_SLOT = struct.Struct("qd")
_ALIVE_S = 3.0
_FAR_AHEAD = 50
"""So many connections more than another worker has mean that the other is not able to accept any."""


class Balance:
    """Created in the master, so that its workers inherit it.

    Args:
        clock: seconds, the same in all processes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = mmap.mmap(-1, _SLOTS * _SLOT.size)
        self._clock = clock

    def report(self, worker: int, connections: int) -> None:
        """Record that a worker, given by its number, is alive and has so many connections."""
        _SLOT.pack_into(self._memory, worker % _SLOTS * _SLOT.size, connections, self._clock())

    def leave(self, worker: int) -> None:
        """Record that a worker accepts no more connections."""
        _SLOT.pack_into(self._memory, worker % _SLOTS * _SLOT.size, 0, 0.0)

    def is_ahead(self, worker: int, connections: int) -> bool:
        """Return whether a worker with so many connections has at least two more than another."""
        earliest = self._clock() - _ALIVE_S
        fewest = min(
            (
                count
                for slot, (count, seen_s) in enumerate(_SLOT.iter_unpack(self._memory[:]))
                if slot != worker % _SLOTS and seen_s > earliest
            ),
            default=connections,
        )
        return fewest + 1 < connections <= fewest + _FAR_AHEAD
