"""How soon a contract file is applied after the last session of the older release has left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.conninfo import make_conninfo

from bench.migrations.contenders import Field
from bench.programs import PROJECT_DIR, Command, must
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table
from tests.gunicorn import environment

_LEAVES_AFTER_S = (2.0, 15.0, 30.0, 45.0, 58.0)
_QUICK_LEAVES_AFTER_S = (5.0,)
_MAX_S = 70.0
_TIMEOUT_S = 120.0
_POLL_S = 0.1

_OLD = "CREATE TABLE viewing (id int PRIMARY KEY, note text);\n"
_CONTRACT = "-- migrate: contract\nALTER TABLE viewing DROP COLUMN note;\n"
_HAS_LANDED = "SELECT count(*) FROM schema_migrations WHERE version = 2"


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Let the older release leave at several moments after the deploy, each in its own database."""
    moments = _QUICK_LEAVES_AFTER_S if bench.quick else _LEAVES_AFTER_S
    with ThreadPoolExecutor(len(moments)) as threads:
        landings = list(
            threads.map(lambda number: _landing(bench, server, field, number, moments[number]), range(len(moments)))
        )
    server.drop_all()
    worst_s = max(landings)
    yield Table(
        "A contract file after the older release has left",
        "The process that finishes migrations is run as it is. A session of the older release is connected when"
        " the deploy leaves the file waiting, and closes some time later. The file itself watches for 10 s before it"
        f" runs. {len(landings)} databases at once.",
        ("the older release leaves", "the file is applied"),
        [
            (f"{moment:.0f} s after the deploy", f"{landed_s:.1f} s later")
            for moment, landed_s in zip(moments, landings, strict=True)
        ],
        [
            Promise(
                "contract file after the last old session has left",
                f"{worst_s:.0f} s at most" if worst_s < _TIMEOUT_S else "never",
                f"<= {_MAX_S:.0f} s",
                worst_s <= _MAX_S,
            )
        ],
    )


def _landing(bench: Bench, server: Server, field: Field, number: int, leaves_after_s: float) -> float:
    """Return the seconds from the end of the older session until the file is recorded."""
    folder = bench.folder / f"contract-{number}"
    folder.mkdir()
    url = server.create()
    (folder / "001_viewing.sql").write_text(_OLD, encoding="utf-8")
    migrate: Command = field.ours.command(url, folder)
    must(migrate)
    (folder / "002_drop_note.sql").write_text(_CONTRACT, encoding="utf-8")
    older = psycopg.connect(make_conninfo(url, application_name="peterental/001"))
    must(migrate)
    settings = environment({"DATABASE_URL": url, "MIGRATIONS_DIR": str(folder)})
    words = [sys.executable, "-m", "peterental.finish_migrations"]
    output = bench.folder / f"contract-{number}.log"
    with (
        output.open("wb") as log,
        subprocess.Popen(
            words, cwd=PROJECT_DIR, env=settings, stdin=subprocess.PIPE, stdout=log, stderr=log
        ) as finisher,
    ):
        time.sleep(leaves_after_s)
        older.close()
        began = time.perf_counter()
        while time.perf_counter() - began < _TIMEOUT_S and not ask(url, _HAS_LANDED):
            time.sleep(_POLL_S)
        landed_s = time.perf_counter() - began
        finisher.terminate()
    return landed_s
