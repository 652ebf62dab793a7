"""A server on 127.0.0.1 that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Script = bytes | Callable[["Exchange"], None]
"""What is sent as an answer, or what is done with the connection instead."""


def answer(
    body: bytes = b"",
    *,
    status: str = "200 OK",
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> bytes:
    """Return an HTTP answer; `length` lies about its Content-Length."""
    head = {"Content-Length": str(len(body) if length is None else length), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Return an answer that redirects."""
    return answer(status=status, headers={"Location": location})


class Exchange:
    """One request and the connection it came on. A script sets `left` when it has closed that."""

    def __init__(self, request: bytes, body: bytes, connection: socket.socket, stop: threading.Event) -> None:
        self.head = request.decode("latin-1")
        self.body = body
        self.connection = connection
        self.stop = stop
        self.left = threading.Event()

    @property
    def line(self) -> str:
        """The request line without the version: `GET /a.ics`."""
        return self.head.split("\r\n", 1)[0].rpartition(" ")[0]

    def header(self, name: str) -> str | None:
        """Return a request header."""
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def hang(self) -> None:
        """Answer nothing until the test is over."""
        self.stop.wait()

    def trickle(self, data: bytes) -> None:
        """Send a few bytes at a time, again and again, until the client or the test has had enough."""
        while not self.stop.wait(0.01):
            self.connection.sendall(data)


class LoopbackServer:
    """Answers the requests it gets with its scripts, one by one; the last is repeated.

    Args:
        scripts: an answer, or a function of the exchange.
        tls: speaks TLS by this context.
        host: the address it listens on.

    Attributes:
        exchanges: what was asked, in order.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.scripts = list(scripts)
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self._tls = tls
        self._stop = threading.Event()
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """Return the URL of a path."""
        return f"{'https' if self._tls else 'http'}://{host or self.host}:{self.port}{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in (self._listener, *self._open):
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                    self._open.append(connection)
                while self._serve_one(connection):
                    pass
            finally:
                connection.close()

    def _serve_one(self, connection: socket.socket) -> bool:
        received = b""
        while b"\r\n\r\n" not in received:
            data = connection.recv(65_536)
            if not data:
                return False
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        exchange = Exchange(head, body, connection, self._stop)
        while len(body) < int(exchange.header("Content-Length") or 0):
            body += connection.recv(65_536)
        exchange.body = body
        self.exchanges.append(exchange)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if callable(script):
            script(exchange)
            return False
        connection.sendall(script)
        return True
