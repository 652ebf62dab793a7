"""200 small files, one transaction each; and whether the time per file grows with their number."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Sample, interleaved, ratio
from bench.migrations.contenders import Change, Contender, Field
from bench.programs import must
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

FEW, MANY = 200, 2_000
_RUNS_OF_FEW = 3
"""Runs over the few files per run over the many: short runs are noisier."""

_MAX_FLOOR_RATIO = 1.3
_MAX_GROWTH = 1.25
_TIMEOUT_S = 120.0

_STAMP = "INSERT INTO clock DEFAULT VALUES"
_BETWEEN_STAMPS = "SELECT extract(epoch FROM max(at) - min(at))::float FROM clock"


def changes(count: int) -> list[Change]:
    """Return typical small migrations: in turn a table, a column, an index, a few rows."""
    templates = (
        "CREATE TABLE thing_{n} (id bigint PRIMARY KEY, name text NOT NULL)",
        "ALTER TABLE thing_{n} ADD COLUMN note text",
        "CREATE INDEX thing_{n}_name ON thing_{n} (name)",
        "INSERT INTO thing_{n} (id, name) VALUES (1, 'one'), (2, 'two')",
    )
    return [
        Change(number, (templates[(number - 1) % 4].format(n=(number - 1) // 4 + 1),)) for number in range(1, count + 1)
    ]


def stamped(count: int) -> list[Change]:
    """Return `count` small migrations between two that record the server's time."""
    clock = "CREATE TABLE clock (at timestamptz DEFAULT clock_timestamp())"
    moved = [Change(change.number + 1, change.statements) for change in changes(count)]
    return [Change(1, (clock, _STAMP)), *moved, Change(count + 2, (_STAMP,))]


class Race:
    """Times a tool over `count` files, on a new database each time.

    Args:
        server: creates the databases.
        folder: for the files.
        contender: the tool.
        count: number of files.
        runs: runs per turn; their median counts.

    Attributes:
        whole: seconds of each whole command.
    """

    def __init__(self, server: Server, folder: Path, contender: Contender, count: int, runs: int = 1) -> None:
        self.whole = Sample()
        self._server = server
        self._contender = contender
        self._count = count
        self._runs = runs
        self._folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        contender.write(folder, stamped(count))

    def __call__(self, _round: int) -> float:
        """Return the milliseconds per file, by the server's clock."""
        return statistics.median(self._run() for _ in range(self._runs))

    def _run(self) -> float:
        url = self._server.create()
        self.whole.values.append(must(self._contender.command(url, self._folder), _TIMEOUT_S).seconds)
        return float(str(ask(url, _BETWEEN_STAMPS))) * 1000 / self._count


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Measure the time per file, and its growth."""
    yield _few(bench, server, field)
    yield _growth(bench, server, field)


def _few(bench: Bench, server: Server, field: Field) -> Table:
    contenders = [field.psql, field.psql_with_ledger, field.ours, *field.peers]
    races = {
        each.name: Race(server, bench.folder / "few" / str(number), each, FEW) for number, each in enumerate(contenders)
    }
    samples = interleaved(races, bench.rounds(7, 3))
    server.drop_all()
    floor = samples[field.psql.name]
    ours = ratio(samples[field.ours.name], floor)
    return Table(
        f"{FEW} small files, one transaction each",
        "Per file is by the server's clock: the first and the last file record its time, so that process start,"
        " connecting and creating the ledger are excluded for every tool; the whole command includes them. The floor"
        " is one psql process that includes the files between BEGIN and"
        f" COMMIT, without ledger and lock. {len(floor.values)} rounds, each on new databases.",
        ("tool", "per file", "times the floor", "rounds", "whole command"),
        [
            (
                name,
                f"{sample.median:.2f} ms",
                f"{ratio(sample, floor):.2f}",
                sample.spread("ms", 2),
                f"{races[name].whole.median:.2f} s",
            )
            for name, sample in samples.items()
        ],
        [
            Promise(
                f"{FEW} small files, one transaction each",
                f"{ours:.2f} x psql",
                f"<= {_MAX_FLOOR_RATIO} x psql",
                ours <= _MAX_FLOOR_RATIO,
            )
        ],
    )


def _growth(bench: Bench, server: Server, field: Field) -> Table:
    pair = (field.psql, field.ours)
    races = {}
    for number, each in enumerate(pair):
        folder = bench.folder / "growth" / str(number)
        races[f"{each.name} {FEW}"] = Race(server, folder / "few", each, FEW, _RUNS_OF_FEW)
        races[f"{each.name} {MANY}"] = Race(server, folder / "many", each, MANY)
    samples = interleaved(races, bench.rounds(3, 1))
    server.drop_all()
    few, many = ({each.name: samples[f"{each.name} {count}"] for each in pair} for count in (FEW, MANY))
    growth = {each.name: ratio(many[each.name], few[each.name]) for each in pair}
    ours = growth[field.ours.name] / growth[field.psql.name]
    return Table(
        f"Time per file, {MANY:,} files against {FEW}",
        "By the server's clock, both counts in the same rounds. PostgreSQL itself gets slower as a database fills with"
        f" tables, so our growth is divided by psql's. {len(few[field.psql.name].values)} rounds of one run over"
        f" {MANY:,} files and {_RUNS_OF_FEW} over {FEW}.",
        ("tool", f"per file of {FEW}", f"per file of {MANY:,}", "growth", "growth / psql's"),
        [
            (
                name,
                f"{few[name].median:.2f} ms",
                f"{many[name].median:.2f} ms",
                f"{growth[name]:.2f}",
                f"{growth[name] / growth[field.psql.name]:.2f}",
            )
            for name in growth
        ],
        [
            Promise(
                f"time per file at {MANY:,} files against {FEW}, divided by psql's",
                f"{ours:.2f}",
                f"<= {_MAX_GROWTH}",
                ours <= _MAX_GROWTH,
            )
        ],
    )
