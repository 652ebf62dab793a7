"""How much of the machine's processor time other programs used."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class OtherPrograms:
    """Measures the programs that are not this one and not its children, from now on."""

    def __init__(self) -> None:
        self._all_s, self._idle_s = _machine_s()
        self._ours_s = ours_s()

    def share(self) -> float:
        """Return the share of the processor time since the start that they used, 0 to 1."""
        all_s, idle_s = _machine_s()
        passed_s = all_s - self._all_s
        used_s = passed_s - (idle_s - self._idle_s) - (ours_s() - self._ours_s)
        return min(1.0, max(0.0, used_s / passed_s)) if passed_s > 0 else 0.0


def _machine_s() -> tuple[float, float]:
    """Return the processor time of all cores since the machine started, and how much of it was idle."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return sum(ticks) / _TICKS_PER_S, (ticks[3] + ticks[4]) / _TICKS_PER_S


def ours_s() -> float:
    """Return the processor time of this process and its descendants, also of those that have ended."""
    parents: dict[int, int] = {}
    used_s: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid = int(folder.name)
        parents[pid] = int(words[1])
        used_s[pid] = sum(map(int, words[11:15])) / _TICKS_PER_S
    ours, found = 0.0, {os.getpid()}
    while found:
        ours += sum(used_s.get(pid, 0.0) for pid in found)
        found = {pid for pid, parent in parents.items() if parent in found}
    return ours
