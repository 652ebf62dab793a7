"""Connections over socket pairs, and the worker they need, without processes or threads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn import util
from gunicorn.config import Config
from gunicorn.glogging import Logger

from peterental.serving.connection import Connection
from peterental.serving.limits import Limits, State
from peterental.serving.registry import Registry

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with method, path and body."""
    text = b"%b %b %b" % (
        environ["REQUEST_METHOD"].encode(),
        environ["PATH_INFO"].encode(),
        environ["wsgi.input"].read(),
    )
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


class FakeHost:
    """What connections need of the worker.

    Args:
        application: a WSGI application.
    """

    def __init__(self, application: Application = echo) -> None:
        self.cfg = Config()
        self.log = Logger(self.cfg)
        self.errors: list[str] = []
        self.access: list[str] = []
        self.posted: list[object] = []
        self.is_closing = False
        self.application = application
        self.log.exception = lambda text, *_, **__: self.errors.append(text)
        self.log.error = lambda text, *_, **__: self.errors.append(text)
        self.log.access = lambda response, *_: self.access.append(response.status)
        self.cfg.set("post_request", lambda _worker, _request, _environ, response: self.posted.append(response))

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Run the application."""
        return self.application(environ, start_response)

    def count_request(self) -> None:
        """Do nothing."""

    def keeps_connections(self) -> bool:
        """Return whether the worker is not stopping."""
        return not self.is_closing

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer 400 to what the parser refuses, and 500 to other errors."""
        assert addr == ("192.0.2.1", 5)
        self.errors.append(type(exc).__name__)
        util.write_error(client, 400 if req is None else 500, "Error", "")


class Client:
    """One client and our side of its connection.

    Args:
        host: the worker.
        limits: bounds of heads, bodies and answers.
        address: the client's.
    """

    def __init__(self, host: FakeHost | None = None, limits: Limits | None = None, address: str = "192.0.2.1") -> None:
        self.host = host or FakeHost()
        ours, self.sock = socket.socketpair()
        ours.settimeout(0)
        self.sock.settimeout(0)
        self.connection = Connection(ours, (address, 5), ("127.0.0.1", 80), self.host, limits or Limits())

    def step(self, data: bytes = b"") -> State:
        """Send, and let the connection make a step; return the state it waits in then."""
        if data:
            self.sock.sendall(data)
        self.connection.state = self.connection.step()
        return self.connection.state

    def received(self) -> bytes:
        """Return what arrived; `EOF` at the end if the connection was closed or half-closed."""
        got = b""
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return got
            if not data:
                return got + b"EOF"
            got += data

    def is_shut_down(self) -> bool:
        """Whether our side was shut down, so that nothing more can be sent."""
        try:
            self.connection.sock.sendall(b"")
            self.connection.sock.send(b"x")
        except OSError:
            return True
        return False

    def close(self) -> None:
        """Close both ends."""
        self.connection.close()
        self.sock.close()


def waiting(registry: Registry, state: State, *, address: str = "192.0.2.1", limits: Limits | None = None) -> Client:
    """Return a client whose connection waits in `state`."""
    client = Client(limits=limits, address=address)
    registry.park(client.connection, state)
    return client
