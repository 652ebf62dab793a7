"""The postmaster of one data folder: find it, start it, stop it."""

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

_START_TIMEOUT_S = 60.0  # after a crash it replays its log first
_STOP_TIMEOUT_S = 10.0
_PORT_LINE, _STATUS_LINE = 3, 7  # in postmaster.pid, from 0

# Enough for a laptop: little memory, few helper processes, a quiet log.
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

# Reasons that pass by themselves: another program took the port; processes of a killed postmaster are still ending.
_PASSING = re.compile(r"Address already in use|pre-existing shared memory block")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A living postmaster; it accepts connections on 127.0.0.1 once it is ready."""

    pid: int
    port: int
    is_ready: bool


def find(data: Path) -> Postmaster | None:
    """Return the living postmaster of this data folder, None when there is none; takes well under a millisecond.

    `postmaster.pid` outlives a crash or reboot and its number may be another process by now, so it is believed only
    when the process with that number was started for this folder.
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


def start(place: ServerPaths, settings: Mapping[str, str], programs: Programs) -> Postmaster:
    """Start the server of this place unless it runs, and wait until it accepts connections.

    Args:
        place: Where its data is, complete.
        settings: Server settings, on top of those for a laptop.
        programs: What to start; its log takes what the server says for as long as it runs.

    Raises:
        NotStarted: It ended, or was not ready after a minute.
    """
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        programs.log.mark()
        pid = 0
        if find(place.data) is None:  # there is one if somebody was killed while starting it
            _forget_stale_pid(place.data)
            pid = _spawn(place, settings, programs)
        postmaster = _wait_until_ready(place.data, pid, deadline)
        if postmaster:
            return postmaster
        if not _PASSING.search(programs.log.news()):
            break
        time.sleep(0.05)
    raise NotStarted(home=place.home, reason=programs.log.reason(), log=programs.log.path)


def stop(data: Path) -> None:
    """Stop the server of this data folder, if any: sessions are cut off, nothing committed is lost."""
    postmaster = find(data)
    if postmaster is None:
        return
    for request in (signal.SIGINT, signal.SIGQUIT):  # "fast"; then "immediate", which the next start repairs
        with contextlib.suppress(ProcessLookupError):
            os.kill(postmaster.pid, request)
        if wait_until(lambda: not _is_postmaster(postmaster.pid, data), _STOP_TIMEOUT_S):
            return


def _spawn(place: ServerPaths, settings: Mapping[str, str], programs: Programs) -> int:
    """Start a postmaster on a port that is free now; returns its pid."""
    door = {
        "listen_addresses": "127.0.0.1",
        "port": str(_free_port()),
        "unix_socket_directories": "",  # a socket's path may have 107 bytes, clones lie deeper
    }
    options = [f"--{name}={value}" for name, value in {**_LAPTOP, **settings, **door}.items()]
    return programs.run_in_background("postgres", "-D", str(place.data), *options, within=place.base)


def _wait_until_ready(data: Path, pid: int, deadline: float) -> Postmaster | None:
    """Wait for a postmaster of this folder, ours or one that was faster; None when there is none or time is up."""

    def is_decided() -> bool:
        is_over = pid == 0 or has_ended(pid)  # asked first: it may write its file and end in between
        postmaster = find(data)
        return postmaster.is_ready if postmaster else is_over

    wait_until(is_decided, deadline - time.monotonic())
    postmaster = find(data)
    return postmaster if postmaster and postmaster.is_ready else None


def _is_postmaster(pid: int, data: Path) -> bool:
    return pid > 0 and f"/postgres -D {data} " in command_line(pid)


def _forget_stale_pid(data: Path) -> None:
    """Remove a `postmaster.pid` whose number is another process now: PostgreSQL would not dare to start.

    Only called when no postmaster was found. PostgreSQL looks after the other cases itself, and notices processes left
    over from a killed postmaster by their shared memory even without the file.
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
    """Read a number, 0 when it is none: the file may be caught while being written."""
    return int(text) if text.strip().isdigit() else 0
