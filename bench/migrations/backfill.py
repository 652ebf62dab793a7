"""Changing every row of a large table: a background backfill against one big UPDATE."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from bench.measure import Sample
from bench.migrations.contenders import Field
from bench.programs import PROJECT_DIR, SCRIPTS, Command, must
from bench.section import Bench
from bench.server import Server
from bench.table import Promise, Table

_ROWS, _QUICK_ROWS = 1_000_000, 100_000
_MAX_S = 0.1
_TIMEOUT_S = 600.0
_PAUSE_S = 0.005
_SLOW_S = 0.1

_TABLE = "CREATE TABLE viewing (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0, address text, address_key text);"
_FILL = "INSERT INTO viewing SELECT n, 0, n || ' Elm Street, Apt ' || n % 40 FROM generate_series(1, {rows}) AS n"
_UPDATE = "UPDATE viewing SET address_key = lower(address)"
_BACKFILL = f"""\
-- migrate: backfill table=viewing key=id batch=1000
{_UPDATE}
WHERE id BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int;
"""


class App(threading.Thread):
    """An application that reads and writes single rows of the table in a loop, and records the durations."""

    def __init__(self, url: str, rows: int) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self.ended = threading.Event()
        self._url = url
        self._rows = rows

    def run(self) -> None:
        """Run queries until `ended` is set."""
        queries = ("SELECT seen FROM viewing WHERE id = %s", "UPDATE viewing SET seen = seen + 1 WHERE id = %s")
        with psycopg.connect(self._url, autocommit=True) as db:
            while not self.ended.wait(_PAUSE_S):
                for query in queries:
                    began = time.perf_counter()
                    db.execute(query, (random.randint(1, self._rows),))  # noqa: S311  # any row
                    self.seconds.append(time.perf_counter() - began)


@dataclass(frozen=True)
class Run:
    """One change of all rows: how long it took, and what the application noticed."""

    seconds: float
    worst_s: float
    slow: int


def measure(bench: Bench, server: Server, _field: Field) -> Iterator[Table]:
    """Run both ways in turn, each in a database of its own, while an application uses the table."""
    rows = _QUICK_ROWS if bench.quick else _ROWS
    folder = bench.folder / "backfill"
    folder.mkdir(exist_ok=True)
    (folder / "001_viewing.sql").write_text(_TABLE, encoding="utf-8")
    (folder / "002_address_key.sql").write_text(_BACKFILL, encoding="utf-8")
    ways: dict[str, Callable[[str], None]] = {
        "flask db-backfill": lambda url: _backfill(url, str(folder)),
        "one UPDATE": _update,
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(bench.rounds(3, 1)):
        for name, work in ways.items():
            url = server.create()
            _flask("db-migrate", "--to", "1", url=url, folder=str(folder))
            with psycopg.connect(url, autocommit=True) as db:
                db.execute(_FILL.format(rows=rows).encode())
                db.execute("VACUUM ANALYZE viewing")
            _flask("db-migrate", url=url, folder=str(folder))
            runs[name].append(_run(url, rows, work))
            server.drop_all()
    worst_s = max(run.worst_s for run in runs["flask db-backfill"])
    theirs_s = max(run.worst_s for run in runs["one UPDATE"])
    yield Table(
        f"Changing {rows:,} rows while an app uses them",
        "Every row gets a new value while an app keeps reading and writing single rows. “Slow” are its queries over"
        f" {_SLOW_S * 1000:.0f} ms. The worst of {len(runs['one UPDATE'])} rounds; rows per second are the median. The"
        " start of the command is included.",
        ("way", "rows/s", "the app's worst query", "slow queries"),
        [
            (
                name,
                f"{rows / Sample([run.seconds for run in rounds]).median:,.0f}",
                f"{max(run.worst_s for run in rounds) * 1000:.0f} ms",
                f"{max(run.slow for run in rounds)}",
            )
            for name, rounds in runs.items()
        ],
        [
            Promise(
                f"the app's worst query during a backfill of {rows:,} rows",
                f"{worst_s * 1000:.0f} ms (one UPDATE: {theirs_s * 1000:,.0f} ms)",
                f"<= {_MAX_S * 1000:.0f} ms",
                worst_s <= _MAX_S,
            )
        ],
    )


def _run(url: str, rows: int, work: Callable[[str], None]) -> Run:
    app = App(url, rows)
    app.start()
    time.sleep(0.5)  # the application is running before the work starts
    began = time.perf_counter()
    work(url)
    seconds = time.perf_counter() - began
    app.ended.set()
    app.join(_TIMEOUT_S)
    return Run(seconds, max(app.seconds), sum(query_s > _SLOW_S for query_s in app.seconds))


def _backfill(url: str, folder: str) -> None:
    _flask("db-backfill", url=url, folder=folder)


def _update(url: str) -> None:
    with psycopg.connect(url) as db:
        db.execute(_UPDATE)


def _flask(*words: str, url: str, folder: str) -> None:
    settings = {"DATABASE_URL": url, "MIGRATIONS_DIR": folder}
    must(Command([str(SCRIPTS / "flask"), *words], settings, PROJECT_DIR), _TIMEOUT_S)
