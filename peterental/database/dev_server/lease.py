"""Count the users of the development server: `join` it, `leave` it; the last one to leave stops it.

Two file locks in the home folder decide, and the kernel releases both when a process dies, however it dies.
`start.lock` is held exclusively while the server is started or stopped. `lease.lock` is held shared by every process
that uses the server; a process that leaves and can lock it exclusively was the last one, and stops the server.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.database.dev_server import cluster, server
from peterental.database.dev_server.errors import FolderUnusable, StillBusy
from peterental.database.dev_server.os_utils import open_private, wait_until
from peterental.database.dev_server.paths import account_for, binaries_for, server_paths_for
from peterental.database.dev_server.programs import Programs, ServerLog
from peterental.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from peterental.database.dev_server.paths import ServerPaths

_BUSY_TIMEOUT_S = 90  # longer than the longest start

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Membership:
    """One process's use of a server, for all of its leases."""

    lock_fd: int
    data: Path
    leases: int = 0


_memberships: dict[Path, _Membership] = {}
_mutex = threading.RLock()  # between threads; held during a fork, so that a child never inherits a join in progress


def join(home: Path, *, settings: Mapping[str, str] | None = None) -> Lease:
    """Start the development server of this home unless it is running, and share it.

    Args:
        home: The server's folder, `<clone>/instance/postgres`; created when missing.
        settings: Further server settings; they apply only if this call starts the server.

    Returns:
        The lease that keeps the server running; leave it when done.

    Raises:
        Fault: One of `errors`; a retry would not help.
    """
    with _mutex:
        home = home.absolute()
        try:
            home.mkdir(parents=True, exist_ok=True)
            home = home.resolve()
            return _join(home, settings or {})
        except OSError as error:
            reason = f"{error.strerror or error} ({error.filename})" if error.filename else error.strerror or error
            raise FolderUnusable(home=home, reason=reason) from error


class Lease:
    """Keeps the development server running until `leave`, the end of `with`, or the interpreter's exit."""

    def __init__(self, home: Path, url: str) -> None:
        """Call `join` instead."""
        self.url = url
        self._home = home
        self._pid = os.getpid()
        self._is_left = False

    def leave(self) -> None:
        """Release the lease; the last release stops the server. A second call does nothing.

        In a forked child it does nothing either: the lease is the parent's. A failure to stop the server is only
        logged: the caller can do nothing about it, and the next `join` recovers.
        """
        with _mutex:
            membership = _memberships.get(self._home)
            if self._is_left or self._pid != os.getpid() or membership is None:
                return
            self._is_left = True
            membership.leases -= 1
            if membership.leases == 0:
                _leave(self._home)

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave at the end of the block."""
        self.leave()


def _join(home: Path, settings: Mapping[str, str]) -> Lease:
    account = account_for(home)
    with _start_lock(home):
        password = cluster.password_for(home)
        paths = server_paths_for(home, account, password)
        membership = _memberships.get(home) or _Membership(_lock_lease(home), paths.data)
        try:
            postmaster = server.find(paths.data)
            if postmaster is None or not postmaster.is_ready:
                postmaster = _start(paths, password, settings)
        except BaseException:  # including Ctrl-C: no unused server may keep running
            if not membership.leases:
                _stop_if_unused(membership)
                _unlock(membership.lock_fd)
            raise
        _memberships[home] = membership
        membership.leases += 1
    return Lease(home, f"postgresql://{cluster.NAME}:{password}@127.0.0.1:{postmaster.port}/{cluster.NAME}")


def _start(paths: ServerPaths, password: str, settings: Mapping[str, str]) -> server.Postmaster:
    binaries = binaries_for(paths.account)
    with ServerLog(paths.home / "server.log") as log:
        programs = Programs(binaries, paths.account, log)
        cluster.ensure(paths, password, programs)
        return server.start(paths, settings, programs)


def _leave(home: Path) -> None:
    membership = _memberships.pop(home)
    try:
        with _start_lock(home) if home.exists() else contextlib.nullcontext():
            _stop_if_unused(membership)
    except (OSError, Fault) as error:
        logger.warning("The development database in %s was left running: %s", home, error)
    finally:
        _unlock(membership.lock_fd)


def _stop_if_unused(membership: _Membership) -> None:
    """Stop the server if no other process holds the lease. The start lock must be held; our lease is given up."""
    try:
        fcntl.flock(membership.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    server.stop(membership.data)


@contextlib.contextmanager
def _start_lock(home: Path) -> Iterator[None]:
    """Hold the exclusive right to start or stop the server of this home.

    Raises:
        StillBusy: Another process has held it for a minute and a half.
    """
    fd = open_private(home / "start.lock", os.O_RDWR)

    def is_ours() -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        if not wait_until(is_ours, _BUSY_TIMEOUT_S):
            raise StillBusy(home=home, seconds=_BUSY_TIMEOUT_S)
        yield
    finally:
        _unlock(fd)


def _lock_lease(home: Path) -> int:
    """Lock the lease shared. The wait is short: it is locked exclusively only under the start lock."""
    fd = open_private(home / "lease.lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def _unlock(fd: int) -> None:
    """Unlock, then close: after a mere close, a child with a copy of the descriptor would still hold the lock."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _leave_at_exit() -> None:
    with _mutex:
        for home in list(_memberships):
            _leave(home)


def _drop_inherited_leases() -> None:
    """Clear the leases in a forked child: they belong to the parent."""
    for membership in _memberships.values():
        os.close(membership.lock_fd)
    _memberships.clear()
    _mutex.release()


atexit.register(_leave_at_exit)
os.register_at_fork(before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_drop_inherited_leases)
