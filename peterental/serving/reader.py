"""Requests, assembled from the bytes of a connection without waiting.

gunicorn's parser is the only judge of what a head means and of how chunks are decoded. It reads from memory, and only
when the whole head, and then the whole body, has arrived: where it would wait for more, the request is refused.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ChunkMissingTerminator, InvalidRequestLine, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from peterental.serving.body import ChunkedBody, SizedBody
from peterental.serving.limits import Limits, State

_END_OF_HEAD = b"\r\n\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")
_PIECE_BYTES = 8 * 1024


class BodyTooLarge(Exception):
    """The body is larger than a request may have."""


@dataclass(frozen=True)
class Received:
    """A complete request.

    Args:
        request: gunicorn's, with method, target and headers.
        body: decoded.
        size: of the body, in bytes.
        is_body_refused: whether the declared length is too large, so that `body` cannot be read and the
            connection must close after the answer.
    """

    request: Any
    body: io.BytesIO | RefusedBody
    size: int
    is_body_refused: bool = False


class RefusedBody(io.RawIOBase):
    """The body of a request that declares too large a one: an application answers 413, and must not read it."""

    def readable(self) -> bool:
        """Return True; reading raises."""
        return True

    def readinto(self, _buffer: object) -> int:
        """Raise OSError, so that no application takes a body that was not read for an empty one."""
        raise OSError("The body is larger than a request may have, and was not read.")


class MemoryUnreader(Unreader):  # type: ignore[misc]  # gunicorn has no type information
    """Bytes for gunicorn's parser. At their end it finds the end of the connection, and raises."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self._data = data
        self._position = 0

    def supply(self, data: bytes) -> None:
        """Replace the bytes, which were all read."""
        self._data = data
        self._position = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything was read."""
        return self._position >= len(self._data) and not self.buf.getvalue()

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes: small pieces, because the parser copies what is left of one at each step."""
        start = self._position
        self._position = min(len(self._data), start + max(size_hint or 0, _PIECE_BYTES))
        return self._data[start : self._position]


class RequestReader:
    """Assembles the requests of one connection.

    Args:
        cfg: gunicorn's settings.
        peer: the client's address.
        limits: bounds of heads and bodies.
    """

    def __init__(self, cfg: Any, peer: Any, limits: Limits) -> None:
        self._cfg = cfg
        self._peer = peer
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0
        self._count = 0
        self._request: Any = None
        self._unreader = MemoryUnreader()
        self._body: SizedBody | ChunkedBody | None = None
        self._is_continue_due = False

    @property
    def state(self) -> State:
        """What the next request lacks: IDLE, HEAD or BODY."""
        if self._body is not None:
            return State.BODY
        return State.HEAD if self._buffer else State.IDLE

    @property
    def body_bytes(self) -> int:
        """How much of an unfinished body is in memory."""
        return self._body.size if self._body is not None else 0

    @property
    def has_enough(self) -> bool:
        """Whether there are bytes for a head of any length, or the whole body: what follows stays with the kernel.

        A client may send thousands of requests at once, and each connection would hold a megabyte of them.
        """
        if self._body is not None:
            return self._body.is_complete
        return len(self._buffer) > self._limits.head_bytes

    @property
    def buffered_bytes(self) -> int:
        """How much is in memory of the requests that follow the one at work."""
        return len(self._buffer)

    def take_continue(self) -> bool:
        """Return, once per request, whether the client waits for `100 Continue` before it sends the body."""
        due, self._is_continue_due = self._is_continue_due, False
        return due

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        if self._body is not None:
            self._body.feed(data)
        else:
            self._buffer += data

    def take(self) -> Received | None:
        """Return the next complete request; None if more must arrive.

        Raises gunicorn's errors for what its parser refuses, and BodyTooLarge.
        """
        if self._body is None:
            refused = self._take_head()
            if self._request is None or refused:
                return refused
        return self._take_body()

    def _take_head(self) -> Received | None:
        """Parse the head if it is complete. Return the request if its body is too large to be read."""
        end = self._buffer.find(_END_OF_HEAD, max(0, self._scanned - len(_END_OF_HEAD) + 1))
        if end < 0:
            self._refuse_endless_head()
            return None
        end += len(_END_OF_HEAD)
        if end > self._limits.head_bytes:
            raise LimitRequestHeaders("max buffer headers")
        self._request = self._parse(bytes(self._buffer[:end]))
        arrived = bytes(self._buffer[end:])
        self._buffer.clear()
        self._scanned = 0
        return self._begin_body(arrived)

    def _refuse_endless_head(self) -> None:
        """Raise for a head that is too long or has a line end that the parser refuses."""
        is_odd = _BARE_LF.search(self._buffer, self._scanned)
        self._scanned = len(self._buffer)
        if is_odd or self._scanned > self._limits.head_bytes:
            self._parse(bytes(self._buffer))
            raise LimitRequestHeaders("max buffer headers")

    def _parse(self, head: bytes) -> Any:
        self._count += 1
        self._unreader = MemoryUnreader(head)
        try:
            request = Request(self._cfg, self._unreader, self._peer, self._count)
        except (NoMoreData, StopIteration):
            if len(head) > self._limits.head_bytes:
                raise LimitRequestHeaders("max buffer headers") from None
            raise InvalidRequestLine("the head ends early") from None
        if not self._unreader.is_empty:
            raise InvalidRequestLine("the head ends elsewhere")
        return request

    def _begin_body(self, arrived: bytes) -> Received | None:
        reader = self._request.body.reader
        if isinstance(reader, ChunkedReader):
            # Sizes of chunks are not part of the body: allow for some.
            self._body = ChunkedBody(self._limits.body_bytes + self._limits.head_bytes)
        elif reader.length > self._limits.body_bytes:
            return Received(self._done(), RefusedBody(), 0, is_body_refused=True)
        else:
            self._body = SizedBody(reader.length)
        self._body.feed(arrived)
        self._is_continue_due = not self._body.is_complete and self._expects_continue()
        return None

    def _expects_continue(self) -> bool:
        request = self._request
        return request.version >= (1, 1) and any(
            name == "EXPECT" and value.lower() == "100-continue" for name, value in request.headers
        )

    def _take_body(self) -> Received | None:
        body = self._body
        if body is None or not body.is_complete:
            return None
        content = body.content
        if isinstance(body, ChunkedBody):
            content = self._decode(body)
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        self._body = None
        self._buffer += body.surplus
        return Received(self._done(), content, size)

    def _decode(self, body: ChunkedBody) -> io.BytesIO:
        if body.is_too_large:
            raise BodyTooLarge
        self._unreader.supply(body.content.getvalue())
        try:
            decoded = self._request.body.read()
        except NoMoreData:
            raise ChunkMissingTerminator(b"") from None
        if body.is_malformed or not self._unreader.is_empty:
            raise ChunkMissingTerminator(b"")
        if len(decoded) > self._limits.body_bytes:
            raise BodyTooLarge
        return io.BytesIO(decoded)

    def _done(self) -> Any:
        request, self._request = self._request, None
        return request
