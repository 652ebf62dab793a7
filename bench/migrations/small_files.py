"""200 small files, one transaction each; and whether the 2,000th costs what the 200th did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Sample, interleaved, ratio
from bench.migrations.contenders import Change, Contender, Field
from bench.programs import must
from bench.section import Bench
from bench.server import Server
from bench.table import Promise, Table

FEW, MANY = 200, 2_000
_MOST_OF_FLOOR = 1.3
_MOST_GROWTH = 1.25
_TIMEOUT_S = 120.0


def changes(count: int) -> list[Change]:
    """Give small migrations as people write them: a table, a column, an index, a few rows, and again."""
    kinds = (
        "CREATE TABLE thing_{n} (id bigint PRIMARY KEY, name text NOT NULL)",
        "ALTER TABLE thing_{n} ADD COLUMN note text",
        "CREATE INDEX thing_{n}_name ON thing_{n} (name)",
        "INSERT INTO thing_{n} (id, name) VALUES (1, 'one'), (2, 'two')",
    )
    return [
        Change(number, (kinds[(number - 1) % 4].format(n=(number - 1) // 4 + 1),)) for number in range(1, count + 1)
    ]


class Race:
    """Times a tool over `count` files, without what it needs before the first of them.

    A run over one file is taken from a run over `count` + 1: what is left is the files' own time, measured from
    outside the same way for every tool. What a tool does once, starting and connecting above all, cancels out.
    """

    def __init__(self, server: Server, folder: Path, contender: Contender, count: int) -> None:
        self.whole = Sample()
        self._server = server
        self._contender = contender
        self._count = count
        self._one, self._all = folder / "one", folder / "all"
        folder.mkdir(parents=True)
        contender.write(self._one, changes(1))
        contender.write(self._all, changes(count + 1))

    def __call__(self, _round: int) -> float:
        """Give milliseconds per file."""
        whole_s = self._time(self._all)
        self.whole.values.append(whole_s)
        return (whole_s - self._time(self._one)) / self._count * 1000

    def _time(self, folder: Path) -> float:
        url = self._server.create()
        return must(self._contender.command(url, folder), _TIMEOUT_S).seconds


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Measure both."""
    contenders = [field.psql, field.psql_with_ledger, field.ours, *field.peers]
    few = {
        each.name: Race(server, bench.folder / "few" / str(number), each, FEW) for number, each in enumerate(contenders)
    }
    samples = interleaved(few, bench.rounds(5, 2))
    server.drop_all()
    floor, ours = samples[field.psql.name], samples[field.ours.name]
    against_floor = ratio(ours, floor)
    yield Table(
        f"{FEW} small files, one transaction each",
        f"The time for {FEW} files is a run over {FEW + 1} minus a run over 1, so process start, connecting and making"
        " the ledger are in neither; the last column is the whole command, with them. The floor is one psql process"
        " that includes the files between BEGIN and COMMIT, without ledger and lock."
        f" {len(ours.values)} rounds, each on new databases.",
        ("tool", "per file", "times the floor", "rounds", "whole command"),
        [
            (
                name,
                f"{sample.median:.2f} ms",
                f"{ratio(sample, floor):.2f}",
                sample.spread("ms", 2),
                f"{few[name].whole.median:.2f} s",
            )
            for name, sample in samples.items()
        ],
        [
            Promise(
                f"{FEW} small files, one transaction each",
                f"{against_floor:.2f} x psql",
                f"<= {_MOST_OF_FLOOR} x psql",
                against_floor <= _MOST_OF_FLOOR,
            )
        ],
    )
    yield _growth(bench, server, field, samples)


def _growth(bench: Bench, server: Server, field: Field, few: dict[str, Sample]) -> Table:
    pair = (field.psql, field.ours)
    many: dict[str, Callable[[int], float]] = {
        each.name: Race(server, bench.folder / "many" / str(number), each, MANY) for number, each in enumerate(pair)
    }
    samples = interleaved(many, bench.rounds(3, 1))
    server.drop_all()
    growth = {name: sample.median / few[name].median for name, sample in samples.items()}
    ours = growth[field.ours.name] / growth[field.psql.name]
    return Table(
        f"Time per file, {MANY:,} files against {FEW}",
        "Measured the same way. PostgreSQL itself gets slower as a database fills with tables, so our growth is divided"
        " by psql's.",
        ("tool", f"per file of {FEW}", f"per file of {MANY:,}", "growth", "growth / psql's"),
        [
            (
                name,
                f"{few[name].median:.2f} ms",
                f"{sample.median:.2f} ms",
                f"{growth[name]:.2f}",
                f"{growth[name] / growth[field.psql.name]:.2f}",
            )
            for name, sample in samples.items()
        ],
        [
            Promise(
                f"time per file at {MANY:,} files against {FEW}, divided by psql's",
                f"{ours:.2f}",
                f"<= {_MOST_GROWTH}",
                ours <= _MOST_GROWTH,
            )
        ],
    )
