"""Who is using the development server: `join` it, `leave` it, and the last one out turns off the light.

Two locks in the home folder decide everything, and the kernel drops both when a process dies, however it dies.
`start.lock` is held, alone, only while starting or stopping. `lease.lock` is shared by every process for as long as it
uses the server; whoever leaves and can have it alone was the last one, and stops the server.
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
    """The share of one process in a server, however many leases it has handed out."""

    lock_fd: int
    data: Path
    leases: int = 0


_memberships: dict[Path, _Membership] = {}
_mutex = threading.RLock()  # threads of this process; taken around fork, so that no child inherits half a join


def join(home: Path, *, settings: Mapping[str, str] | None = None) -> Lease:
    """Start the development server of this home, or find it running, and share it.

    Args:
        home: The server's folder, `<clone>/instance/postgres`; made when missing.
        settings: Further server settings; they count only for whoever starts it.

    Returns:
        The lease that keeps the server running; leave it when done.

    Raises:
        Fault: One of `faults`: nothing that a retry would mend.
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
    """Keeps the development server running until it is left, by `leave`, by `with` or by the interpreter's exit."""

    def __init__(self, home: Path, url: str) -> None:
        """Call `join` instead."""
        self.url = url
        self._home = home
        self._pid = os.getpid()
        self._is_left = False

    def leave(self) -> None:
        """Give the lease back; the last one to do so stops the server. A second call does nothing.

        In a forked child this does nothing either: the lease is the parent's. Trouble with stopping is logged, since
        there is nothing a caller could do about it and the next `join` copes with whatever is left.
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
        """Leave."""
        self.leave()


def _join(home: Path, settings: Mapping[str, str]) -> Lease:
    account = account_for(home)
    with _start_lock(home):
        password = cluster.password_for(home)
        place = server_paths_for(home, account, password)
        membership = _memberships.get(home) or _Membership(_lock_lease(home), place.data)
        try:
            postmaster = server.find(place.data)
            if postmaster is None or not postmaster.is_ready:
                postmaster = _start(place, password, settings)
        except BaseException:  # Ctrl-C included: no server may stay behind on our behalf
            if not membership.leases:
                _stop_if_unused(membership)
                _unlock(membership.lock_fd)
            raise
        _memberships[home] = membership
        membership.leases += 1
    return Lease(home, f"postgresql://{cluster.NAME}:{password}@127.0.0.1:{postmaster.port}/{cluster.NAME}")


def _start(place: ServerPaths, password: str, settings: Mapping[str, str]) -> server.Postmaster:
    binaries = binaries_for(place.account)
    with ServerLog(place.home / "server.log") as log:
        programs = Programs(binaries, place.account, log)
        cluster.ensure(place, password, programs)
        return server.start(place, settings, programs)


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
    """Stop the server if nobody else holds the lease; the start lock must be held. Our own hold on it is over."""
    try:
        fcntl.flock(membership.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    server.stop(membership.data)


@contextlib.contextmanager
def _start_lock(home: Path) -> Iterator[None]:
    """Be the only process that starts or stops the server of this home.

    Raises:
        StillBusy: Somebody else has been at it for a minute and a half.
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
    """Take our share of the lease; never waits long, since it is held alone only under the start lock."""
    fd = open_private(home / "lease.lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def _unlock(fd: int) -> None:
    """Unlock before closing: closing alone would leave the lock with a child that has a copy of the descriptor."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _leave_at_exit() -> None:
    with _mutex:
        for home in list(_memberships):
            _leave(home)


def _drop_inherited_leases() -> None:
    """Begin a forked child without leases: those copied from the parent are the parent's to keep and to leave."""
    for membership in _memberships.values():
        os.close(membership.lock_fd)
    _memberships.clear()
    _mutex.release()


atexit.register(_leave_at_exit)
os.register_at_fork(before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_drop_inherited_leases)
