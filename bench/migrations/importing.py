"""Convert 200 files of another tool with flask db-import, and apply the result."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import interleaved, ratio
from bench.migrations.contenders import Field
from bench.migrations.small_files import FEW, changes
from bench.programs import SCRIPTS, Command, must
from bench.section import Bench
from bench.server import Server
from bench.table import Table

_FLOOR = "import flask, psycopg"


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Time the conversion of goose files, and check that the result applies."""
    source = bench.folder / "goose"
    source.mkdir()
    for change in changes(FEW):
        up = "".join(f"{statement};\n" for statement in change.statements)
        text = f"-- +goose Up\n{up}\n-- +goose Down\nSELECT 1;\n"
        (source / f"{20240101000000 + change.number}_change_{change.number}.sql").write_text(text, encoding="utf-8")
    targets: list[Path] = []

    def convert(number: int) -> float:
        targets.append(bench.folder / f"imported-{number}-{len(targets)}")
        words = [str(SCRIPTS / "flask"), "db-import", str(source), "--from", "goose", "--into", str(targets[-1])]
        return must(Command(words)).seconds * 1000

    samples = interleaved(
        {
            "flask db-import": convert,
            _FLOOR: lambda _: must(Command([sys.executable, "-c", _FLOOR])).seconds * 1000,
        },
        bench.rounds(7, 3),
    )
    applied_s = must(field.ours.command(server.create(), targets[-1])).seconds
    server.drop_all()
    floor = samples[_FLOOR]
    yield Table(
        f"Import of {FEW} files of goose",
        "From start to end of the command. The floor is an interpreter that imports what every Flask command needs. The"
        f" last result was applied in {applied_s:.2f} s.",
        ("command", "median", "times the floor", "rounds"),
        [
            (name, f"{one.median:.0f} ms", f"{ratio(one, floor):.2f}", one.spread("ms", 0))
            for name, one in samples.items()
        ],
        [],
    )
