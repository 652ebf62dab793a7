"""A server on 127.0.0.1 that stands in for a provider: it answers in Python and records what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it arrived.

    Args:
        method: of the request.
        path: as sent, without the query.
        query: the last value of each parameter.
        headers: by name in lower case.
        body: as sent.
        connection: on which it came.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket | None = field(default=None, compare=False, repr=False)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("ascii"), strict_parsing=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered.

    Args:
        status: of the answer.
        body: as it is sent.
        headers: beside Content-Length.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: object, status: int = 200, **headers: str) -> Answer:
        """Return content as JSON. Underscores in the names of headers become hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json", **named})


HTML = Answer(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})
"""A login page in place of data."""


class Hang:
    """Accepts the request and never answers, until the server is closed."""


class Drop:
    """Closes the connection without an answer."""


Reply = Answer | Hang | Drop


class Loopback(ABC):
    """A server on a free port, in threads of its own. A context manager; `close` ends it too.

    A subclass overrides `answer`, which is called by one thread at a time.

    Args:
        latency_s: how long each answer takes, in seconds.
    """

    def __init__(self, *, latency_s: float = 0) -> None:
        self.latency_s = latency_s
        self.asked: list[Asked] = []
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._port = 0
        self.come_up()

    def come_up(self) -> None:
        """Listen: on a free port, then always on the same one."""
        self._server = _Server(("127.0.0.1", self._port), _handler_of(self))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def go_down(self) -> None:
        """Refuse connections until `come_up`. Requests under way are answered."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def exchange(self, asked: Asked) -> Reply:
        """Return the answer after its time, letting others wait. Called by a thread of each connection."""
        if self.latency_s:
            self.closing.wait(self.latency_s)
        with self.lock:
            self.asked.append(asked)
            reply = self.answer(asked)
        if isinstance(reply, Hang):
            self.closing.wait()
        return reply

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Return the answer to one request."""

    def close(self) -> None:
        """End the server, and the requests that hang."""
        self.closing.set()
        self.go_down()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hung up."""


def _handler_of(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave together: apart, each answer waits 40 ms for an acknowledgement

        def _handle(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed while it sent the request
                self.close_connection = True
                return
            asked = Asked(
                method=self.command,
                path=url.path,
                query={name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
                connection=self.connection,
            )
            reply = loopback.exchange(asked)
            if not isinstance(reply, Answer):
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle  # noqa: N815  # names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in http.server
            """Log nothing."""

    return Handler
