"""Describe the machine and the date of a measurement."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

_BUSY_SHARE = 0.25


def description() -> str:
    """Return the date, the machine, and whether it was busy with other work."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{cores} cores ({_cpu_model()})",
        f"{_memory_gb():.0f} GB of memory",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
    ]
    text = ", ".join(lines)
    if load > _BUSY_SHARE * cores:
        text += f". The machine had other work when this began (load {load:.1f}): read the ratios, not the times"
    return text + "."


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
