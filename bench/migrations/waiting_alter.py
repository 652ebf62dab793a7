"""The application's slowest query while ALTER TABLE waits behind a long transaction."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from bench.measure import Sample
from bench.migrations.contenders import Change, Contender, Field
from bench.programs import Running
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_HELD_S = 8.0
_MAX_S = 1.3
_TIMEOUT_S = 40.0
_PAUSE_S = 0.005
_ROWS = 1_000
_SLOW_S = 0.1

_TABLE = f"""
CREATE TABLE viewing (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0);
INSERT INTO viewing SELECT generate_series(1, {_ROWS});
"""
_ALTER = Change(1, ("ALTER TABLE viewing ADD COLUMN note text",))
_HAS_LANDED = """
SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'viewing'::regclass AND attname = 'note' AND NOT attisdropped
"""


class App(threading.Thread):
    """An application that reads and writes single rows in a loop, and records the durations."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self.ended = threading.Event()
        self._url = url

    def run(self) -> None:
        """Run queries until `ended` is set."""
        queries = ("SELECT seen FROM viewing WHERE id = %s", "UPDATE viewing SET seen = seen + 1 WHERE id = %s")
        with psycopg.connect(self._url, autocommit=True) as db:
            while not self.ended.wait(_PAUSE_S):
                for query in queries:
                    began = time.perf_counter()
                    db.execute(query, (random.randint(1, _ROWS),))  # noqa: S311  # any row
                    self.seconds.append(time.perf_counter() - began)


@dataclass(frozen=True)
class Passage:
    """One ALTER TABLE: the slowest query during it, the number of slow ones, whether and when it landed."""

    worst_s: float
    slow: int
    landed_after_s: float
    has_landed: bool
    code: int | None


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Run all contenders at the same time, each in its own database."""
    contenders: list[Contender] = [field.ours, field.psql, *field.peers]
    for number, contender in enumerate(contenders):
        contender.write(bench.folder / f"alter-{number}", [_ALTER])
    passages: dict[str, list[Passage]] = {contender.name: [] for contender in contenders}
    for _ in range(bench.rounds(2, 1)):
        with ThreadPoolExecutor(len(contenders)) as threads:
            waits = [
                threads.submit(_pass, bench, number, contender, server.create())
                for number, contender in enumerate(contenders)
            ]
            for contender, wait in zip(contenders, waits, strict=True):
                passages[contender.name].append(wait.result())
        server.drop_all()
    ours = passages[field.ours.name]
    worst_s = max(passage.worst_s for passage in ours)
    all_landed = all(passage.has_landed and passage.code == 0 for passage in ours)
    yield Table(
        "The app's worst query while ALTER TABLE waits behind a long transaction",
        f"A transaction that has read the table stays open for {_HELD_S:.0f} s from the moment the tool is started; an"
        " app keeps reading and writing single rows. “Slow” are its queries over"
        f" {_SLOW_S * 1000:.0f} ms, “landed” is counted from the end of that transaction. The worst of {len(ours)}"
        " rounds; all tools wait at the same time, each in its own database.",
        ("tool", "worst query", "slow queries", "landed", "exit code"),
        [
            (
                name,
                f"{max(passage.worst_s for passage in rounds):.2f} s",
                f"{Sample([passage.slow for passage in rounds]).median:.0f}",
                f"after {max(passage.landed_after_s for passage in rounds):.2f} s"
                if all(passage.has_landed for passage in rounds)
                else "never",
                ", ".join(sorted({str(passage.code) for passage in rounds})),
            )
            for name, rounds in passages.items()
        ],
        [
            Promise(
                f"worst query of the app while ALTER TABLE waits behind {_HELD_S:.0f} s",
                f"{worst_s:.2f} s, {'landed' if all_landed else 'did not land'}",
                f"<= {_MAX_S} s, and it lands",
                worst_s <= _MAX_S and all_landed,
            )
        ],
    )


def _pass(bench: Bench, number: int, contender: Contender, url: str) -> Passage:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_TABLE)
    app = App(url)
    app.start()
    time.sleep(0.5)  # the application is running before the tool starts
    with psycopg.connect(url) as holder:
        holder.execute("SELECT count(*) FROM viewing")
        program = Running(contender.command(url, bench.folder / f"alter-{number}"))
        time.sleep(_HELD_S)
        holder.commit()
        released = time.perf_counter()
    outcome = program.outcome(_TIMEOUT_S)
    landed_after_s = time.perf_counter() - released
    app.ended.set()
    app.join(_TIMEOUT_S)
    return Passage(
        worst_s=max(app.seconds),
        slow=sum(seconds > _SLOW_S for seconds in app.seconds),
        landed_after_s=landed_after_s,
        has_landed=bool(ask(url, _HAS_LANDED)),
        code=outcome.code,
    )
