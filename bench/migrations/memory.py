"""Peak memory with ten thousand files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.migrations.contenders import Change, Field
from bench.programs import Command, must
from bench.section import Bench
from bench.server import Server
from bench.table import Promise, Table

_FILES = 10_000
_MAX_MB = 150.0
_TIMEOUT_S = 120.0


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Measure a run that applies all files, and one with nothing pending."""
    folder, url = bench.folder / "memory", server.create()
    changes = [Change(1, ("CREATE TABLE rows_of_files (version int)",))]
    changes += [Change(n, (f"INSERT INTO rows_of_files VALUES ({n})",)) for n in range(2, _FILES + 1)]
    field.ours.write(folder, changes)
    command = field.ours.command(url, folder)
    rows = [
        (what, *_peak_and_seconds(command, bench.folder / "peak.txt"))
        for what in (f"applying {_FILES:,} files", f"nothing pending of {_FILES:,}")
    ]
    server.drop_all()
    most_mb = max(row[1] for row in rows)
    yield Table(
        f"Memory with {_FILES:,} files",
        "The peak resident set of the process, interpreter and libraries included. One round: other load on the"
        " machine does not affect memory.",
        ("flask db-migrate", "peak", "took"),
        [(what, f"{peak_mb:.0f} MB", f"{seconds:.1f} s") for what, peak_mb, seconds in rows],
        [Promise(f"memory with {_FILES:,} files", f"{most_mb:.0f} MB", f"< {_MAX_MB:.0f} MB", most_mb < _MAX_MB)],
    )


def _peak_and_seconds(command: Command, answer: Path) -> tuple[float, float]:
    words = [sys.executable, "-I", str(Path(__file__).parents[1] / "peak.py"), str(answer), *command.words]
    seconds = must(replace(command, words=words), _TIMEOUT_S).seconds
    return int(answer.read_text(encoding="ascii")) / 1024, seconds
