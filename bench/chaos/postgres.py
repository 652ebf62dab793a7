"""A PostgreSQL server that can be killed at any time and restarted on the same port."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self

import psycopg

from bench.programs import PROJECT_DIR
from peterental.database.dev_server.paths import account_for, binaries_for
from tests.servers import free_port

START_TIMEOUT_S = 120.0


class LabPostgres:
    """A temporary server, as durable as in production: a confirmed commit survives a kill.

    Args:
        settings: server settings.

    Attributes:
        url: of its one database.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        account = account_for(PROJECT_DIR)
        self._run_as: dict[str, Any] = (
            {"user": account.uid, "group": account.gid, "extra_groups": []} if account is not None else {}
        )
        self._programs = binaries_for(account)
        self._folder = Path(mkdtemp(prefix="peterental-chaos-"))
        if account is not None:
            os.chown(self._folder, account.uid, account.gid)
        self._data = str(self._folder / "data")
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        password = secrets.token_hex(16)
        password_file = self._folder / "password"
        password_file.write_text(password)
        password_file.chmod(0o644)
        self.url = f"postgresql://peterental:{password}@127.0.0.1:{self._port}/postgres"
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            "peterental",
            "-E",
            "UTF8",
            "-A",
            "scram-sha-256",
            f"--pwfile={password_file}",
        )

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it and delete its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it accepts connections; after a kill it recovers first."""
        settings = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 60,
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", self._data, *options],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._run_as,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=10).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL and wait until its children have ended."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._wait_for_children()

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection that the faults do not terminate."""
        return psycopg.connect(self.url, autocommit=True, application_name="chaos", connect_timeout=60)

    def _wait_for_children(self) -> None:
        """Wait until no child uses the data any more; until then no new server can start."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            listing = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
            if self._data not in listing:
                break
            time.sleep(0.02)
        Path(self._data, "postmaster.pid").unlink(missing_ok=True)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), *words, "--no-instructions"]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._run_as)
