"""Run a folder of SQL migrations through lint, plan, migrate, verify, adopt and rollback, and compare with psql."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.corpus.plain import psql
from bench.corpus.steps import corpus_run
from bench.machine import description
from bench.server import Server, bench_server
from peterental.database.migrations.importing.tool_names import TOOL_NAMES


def main() -> None:
    """Run the folder that the command line names, and exit with 1 if anything differs or fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of migrations")
    parser.add_argument("--from", dest="tool", choices=TOOL_NAMES, help="import the folder from this tool first")
    parser.add_argument("--server", metavar="URL", help="a server whose role may create databases; default: embedded")
    arguments = parser.parse_args()
    staging = TemporaryDirectory(prefix="peterental-corpus-")
    with _server(arguments.server) as server:
        corpus = corpus_run(arguments.folder, arguments.tool, staging, server.create)
    print(f"{arguments.folder}, compared with {'psql' if psql() else 'simple queries, as psql is missing'}.")
    print(f"{description()}\n\n{corpus.text()}")
    sys.exit(1 if corpus.differs else 0)


@contextmanager
def _server(url: str | None) -> Iterator[Server]:
    if url is None:
        with bench_server() as server:
            yield server
        return
    server = Server(url)
    try:
        yield server
    finally:
        server.drop_all()


if __name__ == "__main__":
    main()
