"""One raw connection to the server, on which a client sends any bytes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"
_AT_ONCE_MS = 20


class NoAnswer(OSError):
    """The server closed the connection before the end of its answer."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    Args:
        status: its code.
        headers: pairs of lower-case name and value.
        body: as sent; chunks are not decoded.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty string."""
        return next((value for other, value in self.headers if other == name), "")


class Wire:
    """A non-blocking connection.

    Args:
        port: of the server on 127.0.0.1.
        receive_buffer_bytes: the size of the kernel's buffer, small for a client that reads slowly.
    """

    def __init__(self, port: int, receive_buffer_bytes: int | None = None) -> None:
        self._port = port
        self._unread = b""
        self._socket = socket.socket()
        self._socket.setblocking(False)  # noqa: FBT003  # the only way to call it
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)

    async def connect(self) -> None:
        """Connect. Raises OSError."""
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._port))

    async def connect_at_once(self) -> None:
        """Connect without a turn of other clients before the first byte is sent. Raises OSError."""
        if self._socket.connect_ex(("127.0.0.1", self._port)) == errno.EINPROGRESS:
            poll = select.poll()
            poll.register(self._socket, select.POLLOUT)
            is_connected = bool(poll.poll(_AT_ONCE_MS))
            while not is_connected:  # the server's queue is full
                await asyncio.sleep(_AT_ONCE_MS / 1000)
                is_connected = bool(poll.poll(0))

    async def send(self, data: bytes) -> None:
        """Send all bytes. Raises OSError if the server has closed the connection."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def receive(self, most: int = 65536) -> bytes:
        """Return at most `most` bytes; empty if the server sends no more. Raises OSError."""
        return await asyncio.get_running_loop().sock_recv(self._socket, most)

    async def until_closed(self) -> None:
        """Discard what arrives until the server closes the connection."""
        with contextlib.suppress(OSError):
            while await self.receive():
                pass

    async def answer(self) -> Answer:
        """Read one answer. Raises NoAnswer."""
        while _END_OF_HEAD not in self._unread:
            await self._read_more()
        head, _, rest = self._unread.partition(_END_OF_HEAD)
        lines = head.decode("latin-1").split("\r\n")
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        answer = Answer(int(lines[0].split(" ")[1]), headers, b"")
        self._unread = rest
        body = await self._body(answer)
        return Answer(answer.status, headers, body)

    def is_open(self) -> bool:
        """Return whether the server has neither answered nor closed the connection."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    async def _body(self, answer: Answer) -> bytes:
        if answer.header("transfer-encoding") == "chunked":
            chunks, self._unread = bytearray(b"\r\n" + self._unread), b""
            while not chunks.endswith(_END_OF_CHUNKS):
                chunks += await self._received()
            return bytes(chunks[2:])
        length = int(answer.header("content-length") or 0)
        while len(self._unread) < length:
            await self._read_more()
        body, self._unread = self._unread[:length], self._unread[length:]
        return body

    async def _read_more(self) -> None:
        self._unread += await self._received()

    async def _received(self) -> bytes:
        try:
            data = await self.receive()
        except OSError as error:
            raise NoAnswer from error
        if not data:
            raise NoAnswer
        return data


@contextmanager
def connection(port: int, receive_buffer_bytes: int | None = None) -> Iterator[Wire]:
    """Make a connection for the block; it is not connected yet."""
    wire = Wire(port, receive_buffer_bytes)
    try:
        yield wire
    finally:
        wire.close()


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Build a well-formed HTTP/1.1 request.

    Args:
        method: such as POST.
        path: with its query.
        headers: in addition to Host, and to Content-Length if there is a body; they may replace both.
        body: its bytes.
    """
    lengths = {"Content-Length": str(len(body))} if body or method == "POST" else {}
    lines = [f"{name}: {value}" for name, value in ({"Host": "127.0.0.1"} | lengths | (headers or {})).items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body
