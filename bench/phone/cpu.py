"""The processor time that requests take, in the workers and in PostgreSQL. It varies less than the time they wait."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""The fields of /proc/…/stat after the name of the process, from 0."""

_SESSIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class CpuTimes:
    """What a server's processes have used so far.

    Args:
        workers: the seconds of each worker, by process id.
        sessions: those of each server process of its database.
    """

    workers: dict[int, float]
    sessions: dict[int, float]

    @classmethod
    def of(cls, workers: Sequence[int], database_url: str) -> CpuTimes:
        """Read them from /proc. The database must be on this machine."""
        with psycopg.connect(database_url, autocommit=True) as db:
            sessions = [int(pid) for (pid,) in db.execute(_SESSIONS).fetchall()]
        return cls({pid: _used_s(pid) for pid in workers}, {pid: _used_s(pid) for pid in sessions})

    def since(self, earlier: CpuTimes) -> tuple[float, float]:
        """Return the seconds that the workers and the sessions have used since then."""
        return _difference(self.workers, earlier.workers), _difference(self.sessions, earlier.sessions)


def _difference(later: dict[int, float], earlier: dict[int, float]) -> float:
    return sum(seconds - earlier.get(pid, 0.0) for pid, seconds in later.items())


def _used_s(pid: int) -> float:
    """Return the seconds that a process has used; 0 if it has ended."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS_PER_S
