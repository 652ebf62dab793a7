"""Nothing pending: the cost of every deploy and every start of the server."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.measure import interleaved, ratio
from bench.migrations.contenders import Contender, Field
from bench.migrations.small_files import changes
from bench.programs import PROJECT_DIR, Command, must
from bench.section import Bench
from bench.server import Server
from bench.table import Promise, Table
from tests.proxy import Proxy

_FILES = 20
_MAX_FLOOR_RATIO = 1.4
_MAX_MS = 10.0
_MAX_QUERIES = 2
_UNSTRETCHED = "bench_unstretched"

_FLOOR = "import flask, psycopg, sys; psycopg.connect(sys.argv[1]).close()"

# What gunicorn's master does with its settings, until the hook returns.
_ON_STARTING = """\
import json, logging.config, runpy, sys, time
settings = runpy.run_path("gunicorn.conf.py")
logging.config.dictConfig(settings["logconfig_dict"])
began = time.perf_counter()
settings["on_starting"](None)
with open(sys.argv[1], "w") as file:
    json.dump((time.perf_counter() - began) * 1000, file)
"""


_CONNECT = """\
import json, os, psycopg, sys, time
began = time.perf_counter()
psycopg.connect(os.environ["DATABASE_URL"]).close()
with open(sys.argv[1], "w") as file:
    json.dump((time.perf_counter() - began) * 1000, file)
"""


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Measure the whole command, then only the hook."""
    yield _whole_command(bench, server, field)
    yield _on_starting(bench, server, field)
    server.drop_all()


def _whole_command(bench: Bench, server: Server, field: Field) -> Table:
    floor_name = "import flask, psycopg; connect"
    floor = Command([sys.executable, "-c", _FLOOR, server.url])
    runs: dict[str, Callable[[int], float]] = {floor_name: lambda _: must(floor).seconds * 1000}
    for number, contender in enumerate([field.ours, *field.peers]):
        runs[contender.name] = _up_to_date(contender, bench.folder / "nothing" / str(number), server)
    samples = interleaved(runs, bench.rounds(11, 5), warm_up=True)
    ours = ratio(samples[field.ours.name], samples[floor_name])
    return Table(
        "Nothing pending, the whole command",
        f"From start to end of the command, {_FILES} files applied. The floor is an interpreter that imports what every"
        f" Flask command needs, and connects. {len(samples[floor_name].values)} rounds after one to warm up.",
        ("command", "median", "times the floor", "rounds"),
        [
            (
                name,
                f"{sample.median:.0f} ms",
                f"{ratio(sample, samples[floor_name]):.2f}",
                sample.spread("ms", 0),
            )
            for name, sample in samples.items()
        ],
        [
            Promise(
                "nothing pending, whole command",
                f"{ours:.2f} x imports and connect",
                f"<= {_MAX_FLOOR_RATIO} x",
                ours <= _MAX_FLOOR_RATIO,
            )
        ],
    )


def _up_to_date(contender: Contender, folder: Path, server: Server) -> Callable[[int], float]:
    """Apply the files once; return a function that times the command with nothing pending, in milliseconds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    url = server.create()
    contender.write(folder, changes(_FILES))
    command = contender.command(url, folder)
    must(command)
    return lambda _: must(command).seconds * 1000


def _on_starting(bench: Bench, server: Server, field: Field) -> Table:
    answer = bench.folder / "milliseconds.json"
    url = server.create()
    must(field.ours.command(url, PROJECT_DIR / "migrations"))

    def start(program: str, database_url: str) -> float:
        """Run `program` in a new interpreter and return the milliseconds that it measured."""
        must(Command([sys.executable, "-c", program, str(answer)], {"DATABASE_URL": database_url}, PROJECT_DIR))
        return float(json.loads(answer.read_text(encoding="utf-8")))

    with _unstretched(url) as unstretched_url:
        runs: dict[str, Callable[[int], float]] = {
            f"{what}, {password}": partial(lambda program, to, _: start(program, to), program, to)
            for password, to in (("4,096 hashes", url), ("1 hash", unstretched_url))
            for what, program in (("a bare connect", _CONNECT), ("on_starting", _ON_STARTING))
        }
        samples = interleaved(runs, bench.rounds(21, 5), warm_up=True)
        with Proxy(url) as proxy:
            start(_ON_STARTING, proxy.url)
            queries = proxy.queries
        server.drop_all()
    hook = samples["on_starting, 1 hash"]
    return Table(
        "Nothing pending, inside on_starting",
        "gunicorn's hook, called once in a fresh process that has loaded gunicorn.conf.py, with PeteRental's own"
        " migrations applied: this includes connecting and all imports. When a connection is opened, both sides"
        " hash the password 4,096 times, PostgreSQL's default. The target is for the work of the hook itself, so it is"
        " checked with a role whose password is hashed once. Queries are counted on the wire, in a separate run."
        f" {len(hook.values)} starts.",
        ("in a fresh process", "median", "times the connect", "rounds", "queries"),
        [
            (
                name,
                f"{sample.median:.1f} ms",
                f"{ratio(sample, samples[name.replace('on_starting', 'a bare connect')]):.2f}",
                sample.spread("ms", 1),
                str(queries) if name.startswith("on_starting") else "0",
            )
            for name, sample in samples.items()
        ],
        [
            Promise(
                "nothing pending, inside on_starting, password hashed once",
                f"{queries} queries, {hook.median:.1f} ms",
                f"<= {_MAX_QUERIES} queries, <= {_MAX_MS:.0f} ms",
                queries <= _MAX_QUERIES and hook.median <= _MAX_MS,
            )
        ],
    )


@contextmanager
def _unstretched(url: str) -> Iterator[str]:
    """Yield a URL of the same database for a read-only role whose password is hashed only once.

    The database must be dropped before the block ends, as the role has privileges in it.
    """
    password = secrets.token_hex(24)
    role = sql.Identifier(_UNSTRETCHED)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        db.execute("SET scram_iterations TO 1")
        db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
        db.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(role))
    parts = urlsplit(url)
    yield parts._replace(netloc=f"{_UNSTRETCHED}:{password}@{parts.hostname}:{parts.port}").geturl()
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as db:
        db.execute(sql.SQL("DROP ROLE {}").format(role))
