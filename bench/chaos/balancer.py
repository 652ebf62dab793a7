"""One port before the running versions, as a hosting provider's balancer: each request goes to one that is in service.

A request that reaches nobody, or whose process dies while it works, is cut off without an answer: whoever sent it
delivers it again. The balancer makes up no answers of its own.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

_PATIENCE_S = 25.0
_LOOK_AGAIN_S = 0.05
_HEAD_END = b"\r\n\r\n"
_LARGEST_HEAD = 64 * 1024


class Balancer:
    """Listens on `port` and passes requests on, each over a connection of its own.

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
        """Put these ports in service, and no others; requests under way are left alone."""
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
        """Pass on one request after another, until one gets no answer."""
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
        """Connect to whoever is in service and lets us in; nobody has read the request yet, so it may wait its turn."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with self._lock:
                self._turn += 1
                ports = self._backends[self._turn % max(1, len(self._backends)) :] + self._backends
            for port in ports:
                with contextlib.suppress(OSError):
                    return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
            if time.monotonic() > deadline:
                raise ConnectionRefusedError
            time.sleep(_LOOK_AGAIN_S)


def _one_message(line: socket.socket, begun: bytes) -> tuple[bytes, bytes]:
    """Read one HTTP message and what came after it; nothing where the other end closed before all of it was there."""
    data = begun
    while _HEAD_END not in data and len(data) < _LARGEST_HEAD:
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
