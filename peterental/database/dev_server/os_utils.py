"""Functions of the operating system for the development server: accounts, private files, processes, waiting."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """An unprivileged account that root runs PostgreSQL as."""

    uid: int
    gid: int

    @staticmethod
    def named(*names: str) -> SystemAccount | None:
        """Return the first of these accounts that exists, or None."""
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return SystemAccount(entry.pw_uid, entry.pw_gid)
        return None


def user_name(uid: int) -> str:
    """Return the account's name, or "user <uid>" when it has none (containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def is_root() -> bool:
    """Return whether this process runs as root, as which PostgreSQL refuses to run."""
    return os.geteuid() == 0


def chown(path: Path, account: SystemAccount | None) -> None:
    """Make `account` the owner of `path`; without an account, do nothing."""
    if account:
        os.chown(path, account.uid, account.gid)


def open_private(path: Path, flags: int) -> int:
    """Open a file, created with mode 0600 when missing; child processes do not inherit the descriptor.

    As root, make the owner of the folder its owner: an ordinary user could not open it later otherwise.
    """
    fd = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if is_root():
        owner = path.parent.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


def process_exists(pid: int) -> bool:
    """Return whether any process has this pid, including zombies and processes of other users."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def has_ended(pid: int) -> bool:
    """Return whether a process has ended; a zombie has (in a container without an init it stays one)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it does not exist, or there is no /proc (macOS, where launchd reaps every zombie)
        return not process_exists(pid)
    return state in "ZX"


def command_line(pid: int) -> str:
    """Return the arguments of a process, a space after each; "" when it has ended or is a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        return "" if Path("/proc/self").exists() else _command_line_from_ps(pid)
    except OSError:  # it ended while being read
        return ""


def _command_line_from_ps(pid: int) -> str:
    """Return the same on a system without /proc (macOS)."""
    command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, check=False, capture_output=True, encoding="utf-8").stdout.strip() + " "  # noqa: S603


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll every few milliseconds until the condition holds; return False after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
