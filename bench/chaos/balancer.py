"""A load balancer like a hosting provider's: passes each request to a version that is in service.

A request whose version dies is cut off without an answer, and the caller repeats it. The balancer never answers by
itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

_CONNECT_TIMEOUT_S = 25.0
_POLL_S = 0.05
_HEAD_END = b"\r\n\r\n"
_MAX_HEAD_BYTES = 64 * 1024


class Balancer:
    """Listens on `port` and passes on each request over a new connection.

    Attributes:
        port: where callers connect.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._backends: list[int] = []
        self._turn = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._listener.close()

    def send_to(self, *ports: int) -> None:
        """Put only these ports in service; running requests are not affected."""
        with self._lock:
            self._backends = list(ports)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass on the requests of a connection, until one gets no answer."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError):
            rest = b""
            while True:
                request, rest = _one_message(client, rest)
                if not request:
                    return
                with self._connected() as server:
                    server.sendall(request)
                    answer, _ = _one_message(server, b"")
                if not answer:
                    return
                client.sendall(answer)

    def _connected(self) -> socket.socket:
        """Connect to a version in service; wait for one if necessary, as the request has not been sent yet."""
        deadline = time.monotonic() + _CONNECT_TIMEOUT_S
        while True:
            with self._lock:
                self._turn += 1
                ports = self._backends[self._turn % max(1, len(self._backends)) :] + self._backends
            for port in ports:
                with contextlib.suppress(OSError):
                    return socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_TIMEOUT_S)
            if time.monotonic() > deadline:
                raise ConnectionRefusedError
            time.sleep(_POLL_S)


def _one_message(line: socket.socket, start: bytes) -> tuple[bytes, bytes]:
    """Read one HTTP message, and return it and the bytes after it; empty if the connection closed before its end."""
    data = start
    while _HEAD_END not in data and len(data) < _MAX_HEAD_BYTES:
        piece = line.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, body = data.partition(_HEAD_END)
    lengths = [
        value
        for name, _, value in (field.partition(b":") for field in head.split(b"\r\n"))
        if name.lower() == b"content-length"
    ]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        piece = line.recv(65536)
        if not piece:
            return b"", b""
        body += piece
    return head + _HEAD_END + body[:length], body[length:]
