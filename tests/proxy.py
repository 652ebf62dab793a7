"""A TCP proxy in front of PostgreSQL that counts round trips, rewrites bytes and breaks connections."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

# psycopg sends a Flush after the Sync that ends a pipeline. If the server answered first, the Flush arrives alone; it
# has no answer, so the client does not wait for it.
_FLUSH = b"H\x00\x00\x00\x04"


class Proxy:
    """Forwards between clients and the server of `url`.

    Attributes:
        url: where clients connect instead.
        queries: number of statements sent by the simple protocol or prepared.
        turns: number of round trips: how often a client sent after the server had.
        rewrite: (old, new) bytes of equal length, replaced in what the server sends.
        swallow_at_turn: the round trip at which `swallow` begins.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._flowing = threading.Event()
        self._flowing.set()
        self._port = 0
        self.open()
        userinfo = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{userinfo}@127.0.0.1:{self._port}").geturl()
        self.turns = 0
        self.queries = 0
        self.rewrite: tuple[bytes, bytes] | None = None
        self.swallow_at_turn: int | None = None
        self._lines: list[socket.socket] = []

    def open(self) -> None:
        """Accept clients, always at the same address."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Behave like a server that is down: refuse new connections and close the open ones."""
        with contextlib.suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def swallow(self) -> None:
        """Behave like a network that silently drops everything, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Forward the traffic that was held back, and all later traffic."""
        self._flowing.set()

    def cut(self) -> None:
        """Close every open connection, as after a crash of the server."""
        lines, self._lines = self._lines, []
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[int]]:
        """Count the round trips of the block; the list holds the number afterwards."""
        counted: list[int] = []
        before = self.turns
        yield counted
        counted.append(self.turns - before)

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and close the open connections."""
        self.shut()
        self.resume()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            for line in (client, server):
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines += [client, server]
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        server_spoke = True
        with client, server, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            for end in other:
                selector.register(end, selectors.EVENT_READ, end)
            while True:
                for key, _ in selector.select():
                    line: socket.socket = key.data
                    data = line.recv(65536)
                    if not data:
                        return
                    if line is client and data != _FLUSH:
                        self.turns += server_spoke
                        if self.turns == self.swallow_at_turn:
                            self.swallow_at_turn = None
                            self.swallow()
                        self.queries += data[:1] in {b"Q", b"P"}
                    elif self.rewrite:
                        data = data.replace(*self.rewrite)
                    if data != _FLUSH:
                        server_spoke = line is server
                    self._flowing.wait()
                    other[line].sendall(data)
