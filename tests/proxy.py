"""A TCP proxy in front of PostgreSQL: counts turns of talk, rewrites bytes, cuts lines."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

# psycopg sends one behind the Sync that ends a unit of work. Where the server was quicker than that, it comes alone,
# there is nothing to answer, and nobody waits.
_FLUSH = b"H\x00\x00\x00\x04"


class Proxy:
    """Stands between a client and the server of `url`.

    Attributes:
        url: where clients connect instead.
        queries: how many statements were sent on their own (simple protocol) or prepared.
        turns: how often a client spoke after the server had: the round trips it waited for.
        rewrite: (old, new) bytes of equal length, replaced in what the server says.
        swallow_at_turn: at this turn the network begins to swallow everything.
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
        """Let clients in, at the same address as ever."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Be a server that is down: nobody gets in, and whoever was in is out."""
        with contextlib.suppress(OSError):  # it is shut already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def swallow(self) -> None:
        """Be a network that lets nothing through and says nothing of it, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let through what was held up, and what comes."""
        self._flowing.set()

    def cut(self) -> None:
        """Close every connection, as a crashed server or a yanked cable would in the end."""
        lines, self._lines = self._lines, []
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[int]]:
        """Count the turns of the block; the list holds the number afterwards."""
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
        """Stop listening and cut what is open."""
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
