"""Run a worker's program, or a PostgreSQL server, under valgrind's cachegrind, and read its counts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg

from bench.programs import PROJECT_DIR, Command, ProgramFailed, must
from bench.server import Server
from peterental.database.dev_server import cluster
from peterental.database.dev_server.os_utils import chown
from peterental.database.dev_server.paths import account_for, binaries_for, server_paths_for
from tests.servers import free_port, until

_COUNT = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
_INSTRUCTIONS = re.compile(r"I\s+refs:\s+([\d,]+)")
_TIMEOUT_S = 600.0
"""Under valgrind a program takes about fifty times as long."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "jit": "off",
    "io_method": "sync",
    "autovacuum": "off",  # its processes would be counted
}


def require_valgrind() -> None:
    """Raise ProgramFailed without valgrind."""
    if shutil.which("valgrind") is None:
        raise ProgramFailed("valgrind is not installed: apt-get install valgrind")


def worker_instructions(database_url: str, view: str, calls: int) -> int:
    """Return the instructions of a program that calls a view, its start included."""
    return instructions_in(must(_calls(database_url, view, calls, _COUNT), _TIMEOUT_S).output)


class CountedServer:
    """A PostgreSQL server under cachegrind, on the data of a development server that is not running.

    Args:
        home: of the development server.
        folder: a temporary folder, for the counts.
    """

    def __init__(self, home: Path, folder: Path) -> None:
        self._account = account = account_for(home)
        password = cluster.password_for(home)
        self._data = server_paths_for(home, account, password).data
        self._folder = folder / "counts"
        self._port = free_port()
        self._url = f"postgresql://peterental:{password}@127.0.0.1:{self._port}/peterental"

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self._folder.parent.chmod(0o711)
        chown(self._folder, self._account)
        log = f"--log-file={self._folder}/%p"
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self._port)}.items()]
        postgres = str(binaries_for(self._account) / "postgres")
        self._server = subprocess.Popen(
            [*_COUNT, "--trace-children=yes", log, postgres, "-D", str(self._data), *settings],
            cwd=self._data,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._is_ready, "the server under valgrind answers", timeout_s=120)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Server(self._url).drop_all()
        # Not the process that was started: valgrind's launcher may stand between.
        os.kill(int((self._data / "postmaster.pid").read_text().split("\n")[0]), signal.SIGINT)
        self._server.wait()

    def instructions(self, database_url: str, view: str, calls: int) -> int:
        """Return the instructions of all sessions of a program that calls a view."""
        before = set(self._folder.iterdir())
        must(
            _calls(urlsplit(self._url)._replace(path=urlsplit(database_url).path).geturl(), view, calls, []), _TIMEOUT_S
        )

        def counts() -> list[str]:
            return [file.read_text() for file in set(self._folder.iterdir()) - before]

        until(lambda: all(map(_INSTRUCTIONS.search, counts())), "every session has ended", timeout_s=60)
        return sum(map(instructions_in, counts()))

    def _is_ready(self) -> bool:
        if self._server.poll() is not None:
            raise ProgramFailed("the server under valgrind has ended")
        try:
            psycopg.connect(self._url, connect_timeout=60).close()
        except psycopg.OperationalError:
            return False
        return True


def _calls(database_url: str, view: str, calls: int, prefix: list[str]) -> Command:
    words = [*prefix, sys.executable, "-m", "bench.instructions.calls", view, str(calls)]
    # Without a fixed seed, sets and dictionaries of texts take more or less from run to run.
    return Command(words, {"DATABASE_URL": database_url, "PYTHONHASHSEED": "0"}, PROJECT_DIR)


def instructions_in(report: str) -> int:
    """Return the count in a report of valgrind; raise ProgramFailed without one."""
    found = _INSTRUCTIONS.search(report)
    if found is None:
        raise ProgramFailed(f"no count in what valgrind wrote:\n{report[-2000:]}")
    return int(found[1].replace(",", ""))
