"""Callback types: how the engine reports progress to its host."""

from __future__ import annotations

from collections.abc import Callable

Reporter = Callable[[str], None]
"""Receives one line about progress, for a log or a terminal."""

Progress = Callable[[str, int], None]
"""Shows what is being built, and how many percent of it are done."""
