"""The state machine of one connection.

Each event makes one step without waiting for the client: read and serve, send more of an answer, or drop what arrives
after the last answer. The step ends in the state to wait in.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, Protocol

from gunicorn import util

from peterental.serving.exchange import Exchange
from peterental.serving.exchange import Host as ExchangeHost
from peterental.serving.limits import KIB, Limits, State
from peterental.serving.output import ClientGone, ErrorOutput, Output
from peterental.serving.reader import BodyTooLarge, Received, RequestReader

_FIRST_READ_BYTES = 16 * KIB
_READ_BYTES = 64 * KIB
_READS_AT_ONCE = 16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class QueueFull(Exception):
    """Too many requests with large bodies wait for their turn."""


class Host(ExchangeHost, Protocol):
    """What a connection needs of the worker."""

    def begin_large(self, connection: Connection) -> bool:
        """Return whether a request with a large body may be served now; else the connection is queued.

        A queued connection may already be at work in another thread, so its caller must leave it alone. Raises
        QueueFull.
        """
        ...


class Connection:
    """One client.

    The attributes `state` to `is_expired` belong to the registry; `since_s` 0 begins the time of a state again.

    Args:
        sock: non-blocking.
        peer: the client's address.
        server: our address.
        host: the worker.
        limits: bounds of heads, bodies and answers.
    """

    def __init__(self, sock: socket.socket, peer: Any, server: Any, host: Host, limits: Limits) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.server = server
        self.state = State.NEW
        self.since_s = 0.0
        self.deadline_s = 0.0
        self.counted_bytes = 0
        self.is_expired = False
        self._host = host
        self._limits = limits
        self._reader = RequestReader(host.cfg, peer, limits)
        self._output = Output(sock)
        self._exchange: Exchange | None = None
        self._received: Received | None = None
        self._must_close = False
        self._is_eof = False

    @property
    def address(self) -> str:
        """The client's IP address, empty for a Unix socket."""
        return str(self.peer[0]) if isinstance(self.peer, tuple) else ""

    @property
    def unfinished_bytes(self) -> int:
        """How much of an unfinished body is in memory."""
        return self._reader.body_bytes

    @property
    def queued_bytes(self) -> int:
        """The size of the body that waits for its turn."""
        return self._received.size if self._received is not None else 0

    @property
    def transferred_bytes(self) -> int:
        """How much of the body or the answer at work was transferred."""
        return max(self._output.sent_bytes, self._reader.body_bytes)

    def has_unread_bytes(self) -> bool:
        """Return whether bytes have arrived that no thread has read yet."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def step(self) -> State:
        """Do what the event allows; return the state to wait in, CLOSED if the connection is over."""
        try:
            if self.state is State.SENDING:
                return self._continue_answer()
            if self.state is State.LINGERING:
                return self._drop_input()
            if self.state is State.QUEUED:
                return self._run()
            return self._receive()
        except (OSError, ClientGone):
            return State.CLOSED

    def close(self) -> None:
        """Release everything."""
        if self._exchange is not None:
            self._exchange.abandon()
            self._exchange = None
        with suppress(OSError):
            self.sock.close()

    def _receive(self) -> State:
        """Read what arrived, and serve the request if it is complete."""
        if self.state is not State.READY:
            self._read()
        try:
            received = self._reader.take()
        except BodyTooLarge:
            return self._refuse(413, "Content Too Large")
        except Exception as error:  # noqa: BLE001  # whatever the parser finds
            self._host.handle_error(None, ErrorOutput(self._output), self.peer, error)
            return self._end_with_error()
        if received is not None:
            return self._take_turn(received)
        if self._is_eof:
            return State.CLOSED
        if self._reader.take_continue():
            self._output.sendall(_CONTINUE)
            self._output.flush()
        return self._reader_state()

    def _reader_state(self) -> State:
        state = self._reader.state
        return State.NEW if state is State.IDLE and self.state is State.NEW else state

    def _read(self) -> None:
        size = _READ_BYTES if self.state is State.BODY else _FIRST_READ_BYTES
        for _ in range(_READS_AT_ONCE):
            try:
                data = self.sock.recv(size)
            except BlockingIOError:
                return
            self._is_eof = not data
            self._reader.feed(data)
            if len(data) < size or self._reader.has_enough:
                return
            size = _READ_BYTES

    def _refuse(self, status: int, reason: str) -> State:
        util.write_error(ErrorOutput(self._output), status, reason, "")
        self._host.log.warning("Answered %s %s to %s", status, reason, self.address)
        return self._end_with_error()

    def _end_with_error(self) -> State:
        self._must_close = True
        return self._end_answer()

    def _take_turn(self, received: Received) -> State:
        """Serve a request, at once unless its body is large and another such request is served."""
        self._received = received
        try:
            if received.size >= self._limits.large_bytes and not self._host.begin_large(self):
                return State.QUEUED
        except QueueFull:
            self._received = None
            return self._refuse(503, "Service Unavailable")
        del received  # the body is released with the exchange
        return self._run()

    def _run(self) -> State:
        """Serve the request that was received."""
        received, self._received = self._received, None
        assert received is not None  # noqa: S101  # its callers made sure
        self.since_s = 0.0
        self._exchange = Exchange(
            self._host,
            received,
            self._output,
            peer=self.peer,
            server=self.server,
            turn_bytes=self._limits.turn_bytes,
        )
        del received
        return self._continue_answer()

    def _continue_answer(self) -> State:
        """Send what waits, and let the application produce more."""
        if not self._output.flush():
            return State.SENDING
        exchange = self._exchange
        if exchange is not None:
            exchange.run()
            if not exchange.is_finished:
                return State.SENDING
            self._must_close = exchange.must_close
            self._exchange = None
        return self._end_answer()

    def _end_answer(self) -> State:
        if not self._output.flush():
            return State.SENDING
        if self._must_close:
            self.sock.shutdown(socket.SHUT_WR)
            return State.LINGERING
        self._output = Output(self.sock)
        if self._reader.state is not State.IDLE:
            return State.READY
        return State.CLOSED if self._is_eof else State.IDLE

    def _drop_input(self) -> State:
        """Read on until the client closes: closing before would destroy the answer on its way."""
        for _ in range(_READS_AT_ONCE):
            try:
                if not self.sock.recv(_READ_BYTES):
                    return State.CLOSED
            except BlockingIOError:
                break
        return State.LINGERING
