"""Two CREATE INDEX CONCURRENTLY in one file, while a second runner waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.migrations.contenders import Change, Contender, Field
from bench.programs import Outcome, Running
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_ROWS = 300_000
_TIMEOUT_S = 25.0
_POLL_S = 0.01

_TABLE = f"""
CREATE TABLE big (id int, word text);
INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, {_ROWS}) AS i;
"""
_CHANGE = Change(
    1,
    (
        "CREATE INDEX CONCURRENTLY big_id ON big (id)",
        "CREATE INDEX CONCURRENTLY big_word ON big (word)",
    ),
    in_transaction=False,
)
_VALID = "SELECT count(*) FROM pg_index WHERE indrelid = 'big'::regclass AND indisvalid"
_BUILDING = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()"


@dataclass(frozen=True)
class Build:
    """How both runners ended, and how many of the two indexes are valid."""

    first: Outcome
    second: Outcome
    valid: int

    @property
    def is_fine(self) -> bool:
        """Whether both runners succeeded and both indexes are valid."""
        return self.first.code == self.second.code == 0 and self.valid == len(_CHANGE.statements)

    @property
    def complaint(self) -> str:
        """The error of the first runner that failed."""
        failed = next((outcome for outcome in (self.first, self.second) if outcome.code != 0), None)
        return failed.complaint if failed else ""


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Run all contenders at the same time, each in its own database."""
    template = server.create()
    with psycopg.connect(template, autocommit=True) as db:
        db.execute(_TABLE)
    contenders: list[Contender] = [field.ours, *field.peers]
    databases = [server.create(template) for _ in contenders]
    with ThreadPoolExecutor(len(contenders)) as threads:
        builds = list(
            threads.map(
                lambda number: _build(contenders[number], databases[number], bench.folder / f"indexes-{number}"),
                range(len(contenders)),
            )
        )
    server.drop_all()
    ours = builds[0]
    yield Table(
        "Two concurrent index builds in one file, a second runner waiting",
        f"The second runner starts when the first is seen to build an index on a table of {_ROWS:,} rows. Each tool is"
        f" configured in its own way for a file without a transaction. “-” is a runner that was still running after"
        f" {_TIMEOUT_S:.0f} s and had to be killed.",
        ("tool", "first exits", "second exits", "valid indexes", "took", "complaint"),
        [
            (
                contender.name,
                _code(build.first),
                _code(build.second),
                f"{build.valid} of 2",
                f"{max(build.first.seconds, build.second.seconds):.1f} s",
                build.complaint,
            )
            for contender, build in zip(contenders, builds, strict=True)
        ],
        [
            Promise(
                "two concurrent index builds in one file, a second runner waiting",
                f"exit codes {_code(ours.first)} and {_code(ours.second)}, {ours.valid} valid",
                "both exit 0, 2 valid",
                ours.is_fine,
            )
        ],
    )


def _build(contender: Contender, url: str, folder: Path) -> Build:
    contender.write(folder, [_CHANGE])
    command = contender.command(url, folder)
    first = Running(command)
    with psycopg.connect(url, autocommit=True) as db:
        while first.process.poll() is None:
            row = db.execute(_BUILDING.encode()).fetchone()
            if row and row[0]:
                break
            time.sleep(_POLL_S)
    second = Running(command)
    outcomes = first.outcome(_TIMEOUT_S), second.outcome(_TIMEOUT_S)
    return Build(*outcomes, valid=int(str(ask(url, _VALID))))


def _code(outcome: Outcome) -> str:
    return "-" if outcome.code is None else str(outcome.code)
