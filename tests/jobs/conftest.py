"""Fixtures: queues are drained on a thread of their own."""

from __future__ import annotations

from tests.worker.conftest import drains_on_a_thread

__all__ = ["drains_on_a_thread"]
