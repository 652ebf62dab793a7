"""Bodies of requests, collected without waiting."""

from __future__ import annotations

import io
import re

MAX_CHUNKS = 16 * 1024
"""Most chunks of a body. Proxies send some KB in each; single bytes would cost seconds of decoding."""

_MAX_LINE_BYTES = 8190
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\r\n", re.DOTALL)
_END_OF_DATA_BYTES = 2


class SizedBody:
    """A body whose length the head declares.

    Args:
        length: in bytes.
    """

    def __init__(self, length: int) -> None:
        self.content = io.BytesIO()
        self.surplus = b""
        self._missing = length

    @property
    def size(self) -> int:
        """How many bytes arrived."""
        return self.content.tell()

    @property
    def is_complete(self) -> bool:
        """Whether all of it arrived."""
        return self._missing == 0

    def feed(self, data: bytes) -> None:
        """Add what arrived; what follows the body becomes `surplus`."""
        self.content.write(data[: self._missing])
        self.surplus = data[self._missing :]
        self._missing -= len(data) - len(self.surplus)


class ChunkedBody:
    """A body in chunks, kept as it arrived.

    It only finds the end. The parser decodes afterwards, and refuses what is malformed: at the first byte that is
    not what it must be, the body counts as complete.

    Args:
        limit: the most bytes, with the sizes of the chunks.
    """

    def __init__(self, limit: int) -> None:
        self.content = io.BytesIO()
        self.surplus = b""
        self.is_complete = False
        self.is_malformed = False
        self.is_too_large = False
        self._limit = limit
        self._line = bytearray()
        self._skipped = 0
        self._chunks = 0
        self._trailer_bytes: int | None = None

    @property
    def size(self) -> int:
        """How many bytes arrived."""
        return self.content.tell()

    def feed(self, data: bytes) -> None:
        """Add what arrived; what follows the body becomes `surplus`."""
        position = 0
        while position < len(data) and not self.is_complete:
            position = self._skip(data, position) if self._skipped else self._read_line(data, position)
        self.content.write(data[:position])
        self.surplus = data[position:]
        if self.size + self._skipped > self._limit or self._chunks > MAX_CHUNKS:
            self.is_complete = self.is_too_large = True

    def _skip(self, data: bytes, position: int) -> int:
        end = min(len(data), position + self._skipped)
        self._skipped -= end - position
        return end

    def _read_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position) + 1 or len(data)
        self._line += data[position:end]
        if len(self._line) > _MAX_LINE_BYTES:
            self._end(malformed=True)
        elif self._line.endswith(b"\n"):
            line = bytes(self._line)
            self._line.clear()
            if self._trailer_bytes is None:
                self._begin_chunk(line)
            else:
                self._end_trailer(line)
        return end

    def _begin_chunk(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if size is None:
            self._end(malformed=True)
            return
        self._chunks += 1
        length = int(size[1], 16)
        if length:
            self._skipped = length + _END_OF_DATA_BYTES
        else:
            self._trailer_bytes = 0

    def _end_trailer(self, line: bytes) -> None:
        self._trailer_bytes = (self._trailer_bytes or 0) + len(line)
        if line == b"\r\n":
            self._end()
        elif not line.endswith(b"\r\n") or self._trailer_bytes > _MAX_LINE_BYTES:
            self._end(malformed=True)

    def _end(self, *, malformed: bool = False) -> None:
        self.is_complete = True
        self.is_malformed = malformed
