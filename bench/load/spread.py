"""Connections that fall evenly on the workers of a gunicorn.

The workers share one listening socket: which of them accepts a connection is chance, and it serves the connection to
its end. With most connections on one worker, a core is idle and the figures are those of one worker.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

_TRIES_PER_CONNECTION = 50
_QUESTION = b"HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
"""Answered with any status, once a worker has accepted the connection."""


class SpreadFailed(Exception):
    """The connections do not fall evenly on the workers."""


class Connections:
    """Opens connections to one server.

    Args:
        address: host and port of the server.
        workers: process ids of its workers; empty leaves the distribution to chance.
    """

    def __init__(self, address: tuple[str, int], workers: Sequence[int]) -> None:
        self._address = address
        self._workers = workers

    def open(self, number: int) -> list[tuple[socket.socket, int]]:
        """Return connections, in turn one of each worker, each with its worker's process id (0 if unknown).

        Opens connections until each worker has its share, and closes the surplus. Raises SpreadFailed.
        """
        if not self._workers:
            return [(self.open_one(), 0) for _ in range(number)]
        shares = {
            worker: number // len(self._workers) + (at < number % len(self._workers))
            for at, worker in enumerate(self._workers)
        }
        found: dict[int, list[socket.socket]] = {worker: [] for worker in self._workers}
        surplus: list[socket.socket] = []
        for _ in range(number * _TRIES_PER_CONNECTION):
            if all(len(found[worker]) == share for worker, share in shares.items()):
                break
            connection = self.open_one()
            connection.sendall(_QUESTION)
            connection.recv(65536)
            worker = self._worker_of(connection)
            (found[worker] if worker in found and len(found[worker]) < shares[worker] else surplus).append(connection)
        for connection in surplus:
            connection.close()
        if any(len(found[worker]) < share for worker, share in shares.items()):
            counts = ", ".join(str(len(some)) for some in found.values())
            raise SpreadFailed(f"of {number} connections, the workers accepted only {counts}")
        return [
            (found[worker][at], worker)
            for at in range(max(shares.values()))
            for worker in self._workers
            if at < len(found[worker])
        ]

    def open_one(self) -> socket.socket:
        """Open a connection, which any worker may accept."""
        connection = socket.create_connection(self._address, timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _worker_of(self, connection: socket.socket) -> int:
        """Return the process that has the other end of a connection open; 0 where none of the workers has."""
        inode = _inode(self._address[1], connection.getsockname()[1])
        link = f"socket:[{inode}]"
        return next((worker for worker in self._workers if link in _open_files(worker)), 0)


def _inode(local_port: int, remote_port: int) -> str:
    """Return the inode of a connection's server side on this machine; empty where there is none."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        ports = [int(field.rpartition(":")[2], 16) for field in fields[1:3]]
        if ports == [local_port, remote_port]:
            return fields[9]
    return ""


def _open_files(pid: int) -> set[str]:
    """Return what the open descriptors of a process refer to."""
    found = set()
    for descriptor in Path("/proc", str(pid), "fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except OSError:  # closed by now
            continue
    return found
