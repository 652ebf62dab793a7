"""Nothing pending: what every deploy and every start of the server pays."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Sample, interleaved, ratio
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
    samples = interleaved(runs, bench.rounds(15, 5), warm_up=True)
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
    folder, answer = bench.folder / "on_starting", bench.folder / "on_starting.json"
    url = server.create()
    field.ours.write(folder, changes(_FILES))
    must(field.ours.command(url, folder))

    def start(database_url: str) -> float:
        settings = {"DATABASE_URL": database_url, "MIGRATIONS_DIR": str(folder)}
        must(Command([sys.executable, "-c", _ON_STARTING, str(answer)], settings, PROJECT_DIR))
        return float(json.loads(answer.read_text(encoding="utf-8")))

    sample = Sample([start(url) for _ in range(bench.rounds(15, 5) + 1)][1:])
    with Proxy(url) as proxy:
        start(proxy.url)
        queries = proxy.queries
    return Table(
        "Nothing pending, inside on_starting",
        "gunicorn's hook, called once in a fresh process that has loaded gunicorn.conf.py: connecting (with a password)"
        " and whatever is loaded or made on the first call are in it. Queries are counted on the wire, in a run of its"
        f" own. {len(sample.values)} starts.",
        ("hook", "median", "starts", "queries"),
        [("on_starting", f"{sample.median:.1f} ms", sample.spread("ms", 1), str(queries))],
        [
            Promise(
                "nothing pending, inside on_starting",
                f"{queries} queries, {sample.median:.1f} ms",
                f"<= {_MOST_QUERIES} queries, <= {_MOST_MS:.0f} ms",
                queries <= _MOST_QUERIES and sample.median <= _MOST_MS,
            )
        ],
    )
