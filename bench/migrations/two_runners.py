"""Two runners at once, like two instances of an application that start on the same database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.migrations.contenders import Change, Contender, Field
from bench.programs import Outcome, Running, must
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_FILES = 4
_TIMEOUT_S = 30.0

# Every statement can run twice, so only the tool's own locking keeps the tally right.
_CHANGES = [
    Change(1, ("CREATE TABLE IF NOT EXISTS tally (version int)", "INSERT INTO tally VALUES (1)")),
    *(Change(number, (f"INSERT INTO tally VALUES ({number})",)) for number in range(2, _FILES + 1)),
]


@dataclass
class Score:
    """The result of a contender: rounds with a failed runner or a wrong tally, and the errors."""

    failed: int = 0
    miscounted: int = 0
    complaints: Counter[str] = field(default_factory=Counter)

    def count(self, outcomes: list[Outcome], tally: object) -> None:
        """Add one round."""
        failures = [outcome for outcome in outcomes if outcome.code != 0]
        self.failed += bool(failures)
        self.miscounted += tally != list(range(1, _FILES + 1))
        self.complaints.update(outcome.complaint for outcome in failures)

    @property
    def commonest(self) -> str:
        """The most frequent error."""
        return self.complaints.most_common(1)[0][0] if self.complaints else ""


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Race every contender against itself."""
    rounds = bench.rounds(50, 8)
    contenders: list[Contender] = [field.ours, *field.peers]
    scores = {contender.name: Score() for contender in contenders}
    prepared = [
        _prepare(contender, bench.folder / "two" / str(number), server) for number, contender in enumerate(contenders)
    ]
    for number in range(rounds):
        for contender, (folder, started) in zip(contenders, prepared, strict=True):
            url = server.create(started if number % 2 else None)
            runners = [Running(contender.command(url, folder)) for _ in range(2)]
            outcomes = [runner.outcome(_TIMEOUT_S) for runner in runners]
            tally = ask(url, "SELECT array_agg(version ORDER BY version) FROM tally") if _has_tally(url) else None
            scores[contender.name].count(outcomes, tally)
    server.drop_all()
    ours = scores[field.ours.name]
    yield Table(
        "Two runners at once",
        f"Two processes of the same tool started at the same time, {_FILES} files, {rounds} rounds: every other round"
        " on an empty database, the others on one where the first file was applied before. “Failed” are rounds in which"
        " a runner did not exit 0; “miscounted” those in which a file was not applied exactly once.",
        ("tool", "failed", "miscounted", "most frequent complaint"),
        [
            (name, f"{score.failed} of {rounds}", f"{score.miscounted} of {rounds}", score.commonest)
            for name, score in scores.items()
        ],
        [
            Promise(
                f"two runners at once, {rounds} rounds",
                f"{ours.failed} failed, {ours.miscounted} miscounted",
                "0 failed, 0 miscounted",
                ours.failed == ours.miscounted == 0,
            )
        ],
    )


def _prepare(contender: Contender, folder: Path, server: Server) -> tuple[Path, str]:
    """Return the folder with all files, and a template database in which the first one was applied."""
    folder.mkdir(parents=True)
    contender.write(folder / "first", _CHANGES[:1])
    contender.write(folder / "all", _CHANGES)
    started = server.create()
    must(contender.command(started, folder / "first"))
    return folder / "all", started


def _has_tally(url: str) -> bool:
    return ask(url, "SELECT to_regclass('tally')") is not None
