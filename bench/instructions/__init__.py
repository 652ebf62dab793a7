"""Instructions of a worker and of PostgreSQL for one phone call, counted by valgrind.

Other work on the machine changes times by a tenth and more. It does not change these counts: they show whether a change
of a few hundredths is a gain. They leave out what the kernel, waiting and missed caches cost, so the section `phone`
has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.instructions.cachegrind import CountedServer, require_valgrind, worker_instructions
from bench.instructions.calls import VIEWS
from bench.load.runs import Load
from bench.phone.stage import Stage
from bench.programs import PROJECT_DIR
from bench.section import Bench
from bench.server import Server
from bench.table import Table
from peterental.database.dev_server import join

TITLE = "Instructions of a phone call"

_HOME = PROJECT_DIR / "instance" / "bench-instructions"
_FEW = 60
"""Calls of the shorter run. After them a process has the modules, caches and plans that it makes once."""


def measure(bench: Bench) -> Iterator[Table]:
    """Count the instructions of each view: those of the worker, then in further runs those of the server."""
    require_valgrind()
    more = bench.rounds(200, 20)
    with join(_HOME) as lease:
        server = Server(lease.url)
        server.drop_all()
        original = Stage(bench, server, Load(bench.folder)).empty_url()
        copies = iter([server.create(original) for _ in range(4 * len(VIEWS))])
        of_worker = {view: _by_call(worker_instructions, view, more, copies) for view in VIEWS}
    with CountedServer(_HOME, bench.folder) as counted:
        of_server = {view: _by_call(counted.instructions, view, more, copies) for view in VIEWS}
    yield _table(more, of_worker, of_server)


def _by_call(count: Callable[[str, str, int], int], view: str, more: int, databases: Iterator[str]) -> float:
    """Return the instructions of one call: what `more` calls add to a run of a few, each on a database of its own."""
    few = count(next(databases), view, _FEW)
    return (count(next(databases), view, _FEW + more) - few) / more


def _table(more: int, of_worker: dict[str, float], of_server: dict[str, float]) -> Table:
    return Table(
        "By call",
        "In user space: of one thread of a worker without gunicorn, and of all its sessions in the server. Each call is"
        f" a new phone call to one of 1,000 agents. What {more} calls add to a run of {_FEW}, by call. A worker stores"
        " tool calls that change nothing in batches, which are smaller here than at full load.",
        ("view", "worker", "PostgreSQL"),
        [(view, f"{of_worker[view]:,.0f}", f"{of_server[view]:,.0f}") for view in VIEWS],
    )
