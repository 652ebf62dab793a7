"""Find, start and stop the postmaster of one data folder."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.database.dev_server.errors import NotStarted
from peterental.database.dev_server.os_utils import command_line, has_ended, process_exists, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from peterental.database.dev_server.paths import ServerPaths
    from peterental.database.dev_server.programs import Programs

_START_TIMEOUT_S = 60.0  # after a crash the server replays its write-ahead log first
_STOP_TIMEOUT_S = 10.0
_PORT_LINE, _STATUS_LINE = 3, 7  # in postmaster.pid, from 0

# For a laptop: little memory, few background processes, a quiet log.
_LAPTOP = {
    "cluster_name": "peterental",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}

# Temporary: another program took the port, or processes of a killed postmaster are still ending.
_TEMPORARY = re.compile(r"Address already in use|pre-existing shared memory block")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running postmaster; it accepts connections on 127.0.0.1 once it is ready."""

    pid: int
    port: int
    is_ready: bool


def find(data: Path) -> Postmaster | None:
    """Return the running postmaster of this data folder, or None; takes well under a millisecond.

    `postmaster.pid` survives a crash or reboot, and another process may have its pid by now, so the pid is accepted
    only when the command line of its process names this folder.
    """
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return None
    pid = _number(lines[0])
    if not _is_postmaster(pid, data):
        return None
    is_ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
    return Postmaster(pid, _number(lines[_PORT_LINE]) if is_ready else 0, is_ready)


def start(paths: ServerPaths, settings: Mapping[str, str], programs: Programs) -> Postmaster:
    """Start the server unless it is running, and wait until it accepts connections.

    Args:
        paths: The server's folders; its data folder is complete.
        settings: Server settings that override the defaults for a laptop.
        programs: The programs to run; their log receives the server's output for as long as it runs.

    Raises:
        NotStarted: The server ended, or was not ready after a minute.
    """
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        programs.log.mark()
        pid = 0
        if find(paths.data) is None:  # there is one if a process was killed while starting it
            _remove_stale_pid_file(paths.data)
            pid = _spawn(paths, settings, programs)
        postmaster = _wait_until_ready(paths.data, pid, deadline)
        if postmaster:
            return postmaster
        if not _TEMPORARY.search(programs.log.since_mark()):
            break
        time.sleep(0.05)
    raise NotStarted(home=paths.home, reason=programs.log.reason(), log=programs.log.path)


def stop(data: Path) -> None:
    """Stop the server of this data folder, if any: sessions are disconnected, nothing committed is lost."""
    postmaster = find(data)
    if postmaster is None:
        return
    for request in (signal.SIGINT, signal.SIGQUIT):  # "fast"; then "immediate", after which the next start recovers
        with contextlib.suppress(ProcessLookupError):
            os.kill(postmaster.pid, request)
        if wait_until(lambda: not _is_postmaster(postmaster.pid, data), _STOP_TIMEOUT_S):
            return


def _spawn(paths: ServerPaths, settings: Mapping[str, str], programs: Programs) -> int:
    """Start a postmaster on a free port and return its pid."""
    listen_options = {
        "listen_addresses": "127.0.0.1",
        "port": str(_free_port()),
        "unix_socket_directories": "",  # the path of a socket is limited to 107 bytes, and clones may be deeper
    }
    options = [f"--{name}={value}" for name, value in {**_LAPTOP, **settings, **listen_options}.items()]
    return programs.run_in_background("postgres", "-D", str(paths.data), *options, within=paths.base)


def _wait_until_ready(data: Path, pid: int, deadline: float) -> Postmaster | None:
    """Wait for a ready postmaster of this folder, ours or another process's; None if there is none in time."""

    def is_decided() -> bool:
        is_over = pid == 0 or has_ended(pid)  # checked first: it may write its file and end in between
        postmaster = find(data)
        return postmaster.is_ready if postmaster else is_over

    wait_until(is_decided, deadline - time.monotonic())
    postmaster = find(data)
    return postmaster if postmaster and postmaster.is_ready else None


def _is_postmaster(pid: int, data: Path) -> bool:
    return pid > 0 and f"/postgres -D {data} " in command_line(pid)


def _remove_stale_pid_file(data: Path) -> None:
    """Remove a `postmaster.pid` whose pid belongs to another process now: PostgreSQL would refuse to start.

    Only called when no postmaster was found. PostgreSQL handles the other cases itself, and detects processes left
    over from a killed postmaster by their shared memory, even without the file.
    """
    file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        pid = _number(file.read_text().partition("\n")[0])
        if pid and process_exists(pid):
            file.unlink()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _number(text: str) -> int:
    """Parse a number; 0 if it is none, as when the file is read while being written."""
    return int(text) if text.strip().isdigit() else 0
