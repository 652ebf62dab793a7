"""Nothing pending: what every deploy and every start of the server pays."""

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
_MOST_OF_FLOOR = 1.4
_MOST_MS = 10.0
_MOST_QUERIES = 2
_UNSTRETCHED = "bench_unstretched"

_FLOOR = "import flask, psycopg, sys; psycopg.connect(sys.argv[1]).close()"

# What gunicorn's master does with its settings, up to the moment the hook has returned.
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
    """Measure the whole command, then the hook alone."""
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
        f"From typing the command to its end, {_FILES} files applied. The floor is an interpreter that imports what any"
        f" Flask command has to and connects. {len(samples[floor_name].values)} rounds after one to warm up.",
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
                f"<= {_MOST_OF_FLOOR} x",
                ours <= _MOST_OF_FLOOR,
            )
        ],
    )


def _up_to_date(contender: Contender, folder: Path, server: Server) -> Callable[[int], float]:
    """Apply the files once, and give what times the command that has nothing left to do, in milliseconds."""
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
        """Run `program` in a fresh interpreter, and give the milliseconds that it measured."""
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
        " migrations applied: connecting and whatever is loaded or made on the first call are in it. A password is"
        " stretched by 4,096 hashes on both sides, as PostgreSQL has it, before a connection is open. What"
        " is promised is the work of the hook, so it is judged where a role"
        " has a password that is hashed once. Queries are counted on the wire, in a run of their own."
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
                f"<= {_MOST_QUERIES} queries, <= {_MOST_MS:.0f} ms",
                queries <= _MOST_QUERIES and hook.median <= _MOST_MS,
            )
        ],
    )


@contextmanager
def _unstretched(url: str) -> Iterator[str]:
    """Give a URL of the same database for a role that may read it, and whose password is hashed only once.

    The database has to be gone before the block ends: what the role may do there goes with it.
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
