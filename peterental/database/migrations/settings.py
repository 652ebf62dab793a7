"""The engine's settings: what the application that embeds it may change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOST_DIR = Path(__file__).resolve().parents[3]
"""The folder that contains the package which this engine is part of."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Where the migration files are, how the engine connects, and how long it waits.

    Args:
        directory: the folder of migration files; `migrations/` beside the package by default.
        application_name: the first part of what `pg_stat_activity` shows; the purpose of the connection follows it.
        release: the newest migration that this release of the application ships; sessions show it after the name.
        allow_older_release: whether a release may use a database in which a newer one has applied a contract file.
        connect_timeout_s: how long to try to connect, in seconds.
        keepalive_idle_s: after how many idle seconds the kernel probes the peer.
        keepalive_interval_s: seconds between two such probes.
        keepalive_count: how many unanswered probes end the connection.
        unacknowledged_timeout_ms: after how many milliseconds unacknowledged data ends the connection.
        lock_wait_s: how long to wait for another runner, in seconds.
        table_wait_s: how many seconds one file may lose to transactions that hold its tables before it fails.
        retry_pause_s: the shortest and longest pause before a file is tried again, in seconds: long enough for the
            queries that queued behind the file to run.
    """

    directory: Path = HOST_DIR / "migrations"
    application_name: str = "peterental"
    release: int | None = None
    allow_older_release: bool = False
    connect_timeout_s: int = 10
    # A peer that vanishes without closing the connection (a failed-over host, a dropped NAT entry) is given up after
    # half a minute. libpq leaves that to the kernel otherwise, which takes two hours.
    keepalive_idle_s: int = 15
    keepalive_interval_s: int = 5
    keepalive_count: int = 3
    unacknowledged_timeout_ms: int = 10_000
    lock_wait_s: float = 60.0
    table_wait_s: float = 120.0
    retry_pause_s: tuple[float, float] = (0.25, 1.5)

    def session_name(self, purpose: str = "") -> str:
        """Return a session's application_name: the application, its release if known, and what the session is for."""
        name = self.application_name if self.release is None else f"{self.application_name}/{self.release:03d}"
        return f"{name} {purpose}".strip()

    @property
    def keepalive_options(self) -> dict[str, int]:
        """The keep-alive settings as libpq connection options."""
        return {
            "keepalives_idle": self.keepalive_idle_s,
            "keepalives_interval": self.keepalive_interval_s,
            "keepalives_count": self.keepalive_count,
            "tcp_user_timeout": self.unacknowledged_timeout_ms,
        }


DEFAULT_SETTINGS = EngineSettings()
