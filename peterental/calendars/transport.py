"""The transport below `HttpClient`: connections to checked addresses only, bounded in time and in bytes.

A host name is looked up once. Every address is checked, and the connection is made to a checked address, not to the
name: a name server that answers differently the second time (DNS rebinding) gains nothing. TLS is verified against the
name.
"""

from __future__ import annotations

import functools
import io
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any, cast

import certifi
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from peterental.calendars.model import AddressNotAllowed
from peterental.calendars.public_addresses import address_of, is_local, is_public

# urllib3 writes whole URLs into its log lines. The address of a calendar is a secret.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_MAX_ADDRESSES = 8
"""Of one name, how many addresses are tried."""

_OVERHEAD_BYTES = 1_000_000
"""What headers and the framing of chunks may add to a body."""


class NameUnknown(OSError):
    """A host name has no address."""


class TooManyBytes(OSError):
    """A connection delivered more than its limit."""


class Deadline:
    """A moment by which everything must be done.

    Args:
        timeout_s: from now on, in seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self._end = monotonic() + timeout_s

    def renew(self, timeout_s: float) -> None:
        """Allow so many seconds from now on, in place of what is left."""
        self._end = monotonic() + timeout_s

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return monotonic() >= self._end

    @property
    def left_s(self) -> float:
        """The time that is left, in seconds; 0 if none is."""
        return max(0.0, self._end - monotonic())

    def remaining_s(self) -> float:
        """Return the time that is left, in seconds. Raises TimeoutError if none is."""
        remaining = self._end - monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining


class Route:
    """How connections are made: to which addresses, until when, for how many bytes.

    Args:
        deadline: of every operation together.
        allow_private: whether loopback and private networks are allowed.
        max_bytes: of one answer's body.
    """

    def __init__(self, deadline: Deadline, *, allow_private: bool, max_bytes: int) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._max_bytes = max_bytes + _OVERHEAD_BYTES

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connected socket. Raises OSError, NameUnknown or AddressNotAllowed."""
        addresses = self._checked_addresses(host, port)
        last_error: OSError | None = None
        for index, (family, address) in enumerate(addresses):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                # An address that does not answer leaves time for the others.
                sock.settimeout(self._deadline.remaining_s() / (len(addresses) - index))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                last_error = error
            else:
                return sock
        raise last_error or NameUnknown

    def encrypt(self, sock: socket.socket, host: str) -> socket.socket:
        """Return the socket with TLS, verified. Raises OSError."""
        try:
            sock.settimeout(self._deadline.remaining_s())
            return tls_context().wrap_socket(sock, server_hostname=host)
        except OSError:
            sock.close()
            raise

    def timed(self, sock: socket.socket) -> socket.socket:
        """Return the socket with every read and write bounded by the deadline."""
        return cast("socket.socket", _TimedSocket(sock, self._deadline, self._max_bytes))

    def _checked_addresses(self, host: str, port: int) -> Sequence[tuple[int, Any]]:
        found = self._look_up(host, port)
        for _, sockaddr in found:
            address = address_of(sockaddr[0])
            if not is_public(address) and not (self._allow_private and is_local(address)):
                raise AddressNotAllowed(reason=f"{host} is not on the public internet")
        return found[:_MAX_ADDRESSES]

    def _look_up(self, host: str, port: int) -> Sequence[tuple[int, Any]]:
        """Look up a name on a thread of its own, since a look-up cannot be interrupted."""
        answer: queue.SimpleQueue[Sequence[tuple[int, Any]] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answer.put([(family, sockaddr) for family, _, _, _, sockaddr in found])
            except (OSError, ValueError) as error:  # a label that is empty or too long is a UnicodeError
                answer.put(error)

        threading.Thread(target=look_up, name="name look-up", daemon=True).start()
        try:
            found = answer.get(timeout=self._deadline.remaining_s())
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, Exception):
            raise NameUnknown from None
        return found


def guarded_adapter(route: Route) -> HTTPAdapter:
    """Return an adapter for requests whose connections follow a route."""

    class PlainConnection(HTTPConnection):
        def connect(self) -> None:
            self.sock = route.timed(route.connect(self.host, self.port))

    class EncryptedConnection(HTTPSConnection):
        def connect(self) -> None:
            self.sock = route.timed(route.encrypt(route.connect(self.host, self.port), self.host))
            self.is_verified = True

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = EncryptedConnection

    class GuardedAdapter(HTTPAdapter):
        def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the signature of requests
            manager = urllib3.PoolManager(num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs)
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
            self.poolmanager = manager

    return GuardedAdapter(pool_connections=4, pool_maxsize=1, max_retries=0)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the context that verifies servers: by certifi's authorities and the machine's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _TimedSocket:
    """A socket for `http.client` that ends by a deadline, however slowly bytes come."""

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._max_bytes = max_bytes

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of one answer."""
        return io.BufferedReader(_TimedReader(self._sock, self._deadline, self._max_bytes))

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._sock.settimeout(self._deadline.remaining_s())
        self._sock.sendall(data)

    def settimeout(self, timeout_s: float | None) -> None:
        """Ignore the time limit of a single operation: the deadline is stricter."""

    def fileno(self) -> int:
        """Return the file descriptor, by which urllib3 sees whether the server has closed the connection."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket when its readers are closed."""
        self._sock.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline
        self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.remaining_s())
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooManyBytes
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
