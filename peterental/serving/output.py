"""Answers, sent as fast as the client takes them, without waiting."""

from __future__ import annotations

import socket
from collections import deque

_PIECES_AT_ONCE = 64

_ERROR_TYPE = b"Content-Type: text/html\r\n"
_FULL_ERROR_TYPE = (
    b"Content-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
)


class ClientGone(Exception):
    """The client closed the connection before it took the answer."""


class Output:
    """What gunicorn's Response writes to: memory, and from there the socket.

    Args:
        sock: non-blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pieces: deque[bytes | memoryview] = deque()
        self.waiting_bytes = 0
        self.sent_bytes = 0

    def sendall(self, data: bytes) -> None:
        """Take bytes to be sent by `flush`."""
        if data:
            self._pieces.append(data)
            self.waiting_bytes += len(data)

    def send(self, data: bytes) -> int:
        """Drop gunicorn's `100 Continue`, its only use of this method: the connection sent one with the head."""
        return len(data)

    def gettimeout(self) -> float:
        """Return 0, like a non-blocking socket."""
        return 0.0

    def flush(self) -> bool:
        """Send what the socket takes; return whether that was everything. Raises ClientGone."""
        while self._pieces:
            try:
                sent = self._sock.sendmsg(list(self._pieces)[:_PIECES_AT_ONCE])
            except BlockingIOError:
                return False
            except OSError as error:
                raise ClientGone from error
            self._drop(sent)
        return True

    def _drop(self, sent: int) -> None:
        """Forget the first bytes."""
        self.waiting_bytes -= sent
        self.sent_bytes += sent
        while sent:
            first = self._pieces.popleft()
            if len(first) > sent:
                self._pieces.appendleft(memoryview(first)[sent:])
            sent -= min(sent, len(first))


class ErrorOutput:
    """Takes the error pages that gunicorn writes itself, and completes their headers.

    Args:
        output: of the connection.
    """

    def __init__(self, output: Output) -> None:
        self._output = output

    def sendall(self, data: bytes) -> None:
        """Take a whole answer."""
        self._output.sendall(data.replace(_ERROR_TYPE, _FULL_ERROR_TYPE, 1))

    def gettimeout(self) -> float:
        """Return 0, like a non-blocking socket."""
        return self._output.gettimeout()
