"""A database with viewings, a provider of texts that is a file, and a worker process that sends through it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.programs import PROJECT_DIR
from bench.server import Server
from peterental.database.migrations import MigrationRunner
from tests.gunicorn import environment

CHANNELS_OFF = "DELETE FROM notice_channels"
CHANNELS_ON = """
    INSERT INTO notice_channels (channel, sender, is_real)
    VALUES ('text', '+14055550100', TRUE), ('email', 'office@example.com', TRUE)
    ON CONFLICT DO NOTHING
"""
DAYTIME = "UPDATE notice_settings SET quiet_from = '23:59:59', quiet_until = '00:00'"
"""Benchmarks run at any hour."""

VIEWINGS = """
    INSERT INTO appointments (
        agent_id, property_address, attendee_name, attendee_phone, start_time, end_time, overlap_allowed, created_at
    )
    SELECT 'lab', n || ' Elm Street', 'Visitor ' || n, '+1405' || lpad(n::text, 7, '5550000'), at,
           at + INTERVAL '30 minutes', TRUE, NOW() - INTERVAL '9 days'
    FROM generate_series(1, %(viewings)s) AS n, LATERAL (SELECT NOW() + %(ahead)s::interval) AS start (at)
"""
AGENT = "INSERT INTO agents (agent_id, agent_name) VALUES ('lab', 'Lab')"
LATENCY_S = 0.05


def migrated(server: Server) -> str:
    """Create a database with the application's schema; return its URL."""
    url = server.create()
    MigrationRunner(url).run_migrations()
    return url


class Provider:
    """What the provider has taken: one line for each text, with its recipient and a digest of what it says.

    Args:
        path: of its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    @property
    def taken(self) -> Counter[str]:
        """How often each letter was taken."""
        return Counter(self.path.read_text(encoding="utf-8").splitlines())


@contextmanager
def worker(url: str, provider: Provider) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker process for the block; end it with SIGTERM if it still runs."""
    words = [sys.executable, "-m", "bench.notices.work", url, str(provider.path)]
    with subprocess.Popen(words, cwd=PROJECT_DIR, env=environment({}), stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def pause(seconds: float) -> None:
    """Wait, as a provider that takes its time does."""
    time.sleep(seconds)
