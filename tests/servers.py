"""Servers beside the project's virtualenv: another PostgreSQL version, PgBouncer, CalDAV servers."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import psycopg

from peterental.database.connect import DatabaseUnavailable
from peterental.database.dev_server.os_utils import SystemAccount, is_root
from peterental.database.pool import Database

PROJECT_DIR = Path(__file__).resolve().parent.parent

CHROMIUM = ("chromium-headless-shell", "chromium")
"""Programs with the same engine. The first has no window, and needs half the CPU time for a page."""

HANG_S = 120.0
"""A test that waits longer counts as hung; a passing test never waits that long, even on a slow machine."""


MEMORY = Path("/dev/shm")  # noqa: S108  # shared memory, as Linux mounts it
ENOUGH_MEMORY_BYTES = 4 * 1024**3


def data_folder(project: Path) -> Path:
    """Return the folder for the data of test servers: in memory if there is enough, else `project`/instance.

    The tests create and drop a database of about three hundred files a thousand times, which takes ten times as long on
    a disk. The data need not survive a restart.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH_MEMORY_BYTES:
        return project / "instance"
    digest = hashlib.sha256(str(project).encode()).hexdigest()[:8]
    folder = MEMORY / f"peterental-tests-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


def debian_postgres() -> Path | None:
    """Return the programs of the newest PostgreSQL of the system, if any."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders else None


def pgbouncer() -> str | None:
    """Return the PgBouncer of the system, if any."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def chromium() -> str | None:
    """Return the Chromium of the system, if any."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def caldav_programs() -> Path | None:
    """Return the programs of the virtualenv with two CalDAV servers and a client, once `make` has made it."""
    folder = PROJECT_DIR / "instance" / "caldav"
    return folder / "bin" if (folder / ".ready").exists() else None


OPTIONAL: dict[str, tuple[Callable[[], object], str]] = {
    "postgres15": (debian_postgres, "a PostgreSQL of the system (Debian: postgresql)"),
    "pgbouncer": (pgbouncer, "PgBouncer (Debian: pgbouncer)"),
    "caldav": (caldav_programs, "CalDAV servers in instance/caldav (make test installs them)"),
    "chromium": (chromium, "Chromium (Debian: chromium-headless-shell)"),
}
"""What a test may require by `@pytest.mark.needs(name)`: how to find it, and its description."""


PORTS = range(15_000, 30_000)
"""Below those that a system gives to sockets bound to port 0: 32768 and up on Linux, 49152 and up elsewhere."""


def free_port() -> int:
    """Return a port that nothing listens on, and that the system gives to no server that binds port 0.

    While a program starts, its test asks that port again and again; another test's server there would answer.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], bool], what: str, timeout_s: float = HANG_S, pause_s: float = 0.02) -> None:
    """Poll until `condition` holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(pause_s)


def until_a_session_waits(url: str) -> None:
    """Wait until a session of the database at `url` is waiting for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'"
    with psycopg.connect(url, autocommit=True) as db:
        until(lambda: db.execute(waiting).fetchone() is not None, "a session waits for a lock")


def answers(url: str) -> bool:
    """Return whether a PostgreSQL, or a pooler, accepts a connection at `url`."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def _as_ordinary_user() -> dict[str, Any]:
    """Return process options that drop root's privileges, with which neither PostgreSQL nor PgBouncer runs."""
    account = SystemAccount.named("postgres", "nobody") if is_root() else None
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="server-", dir=data_folder(PROJECT_DIR)))
    who = _as_ordinary_user()
    if who:
        os.chown(folder, who["user"], who["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class DebianPostgres:
    """The system's PostgreSQL on a data folder; it can be stopped and started again.

    Args:
        folder: where its data is.
        url: of a database, for a superuser.
    """

    def __init__(self, folder: Path, *, standby: bool) -> None:
        programs = debian_postgres()
        assert programs is not None
        self._folder, self._data, self._port = folder, folder / "data", free_port()
        self._program = str(programs / "postgres")
        self.url = f"postgresql://peterental@127.0.0.1:{self._port}/postgres"
        data = self._data
        initdb = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "peterental",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **_as_ordinary_user())
        if standby:
            subprocess.run(["touch", str(data / "standby.signal")], check=True, cwd=folder, **_as_ordinary_user())

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = {"port": self._port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings |= {"autovacuum": "off", "max_prepared_transactions": "2"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._program, "-D", str(self._data), *options],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_as_ordinary_user(),
        )
        until(lambda: answers(self.url), "PostgreSQL answers")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: with SIGINT fast, which ends open sessions; with SIGQUIT at once, as if it had crashed."""
        self._process.send_signal(how)
        self._process.wait(HANG_S)


@contextmanager
def debian_postgres_to_restart(*, standby: bool = False) -> Iterator[DebianPostgres]:
    """Run the system's PostgreSQL on a temporary data folder.

    Args:
        standby: run it as a standby in recovery, without a primary.
    """
    with _folder() as folder:
        server = DebianPostgres(folder, standby=standby)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def running_debian_postgres(*, standby: bool = False) -> Iterator[str]:
    """Run the system's PostgreSQL as `debian_postgres_to_restart` does; yield a superuser's URL."""
    with debian_postgres_to_restart(standby=standby) as server:
        yield server.url


@contextmanager
def running_pgbouncer(url: str, pool_mode: str, databases: str = "*", pool_size: int = 4) -> Iterator[str]:
    """Run PgBouncer in front of the database at `url`; yield the URL through it.

    Args:
        url: of the database.
        pool_mode: `transaction` or `session`.
        databases: the only database it serves; `*` for all.
        pool_size: how many sessions it opens at most.
    """
    program = pgbouncer()
    assert program is not None
    parts = urlsplit(url)
    with _folder() as folder:
        port = free_port()
        users = folder / "users.txt"
        users.write_text(f'"{parts.username}" "{parts.password or ""}"\n')
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{databases} = host={parts.hostname} port={parts.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"pool_mode = {pool_mode}\nauth_type = trust\nauth_file = {users}\ndefault_pool_size = {pool_size}\n"
        )
        process = subprocess.Popen(
            [program, str(settings)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_as_ordinary_user(),
        )
        through = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        try:
            until(lambda: answers(through), "PgBouncer answers")
            yield through
        finally:
            process.terminate()
            process.wait(HANG_S)


def close_for_good(database: Database) -> None:
    """Close a database so that no background thread, such as a retry queue, can reopen it."""

    def is_over() -> str:
        raise DatabaseUnavailable(reason="the test is over")

    database._conninfo = is_over
    database.close()
