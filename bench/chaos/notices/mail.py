"""A mail server on 127.0.0.1 that dies and lies. What it took and answered 250 for, or would have, is the truth."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from types import TracebackType
from typing import Final, Self

from bench.chaos.notices.deck import Deck
from bench.chaos.notices.journal import Journal
from bench.chaos.notices.periods import EXCHANGE_S

STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end of text")
TEMPORARY, PERMANENT = "451 at ", "554 at "

MAIL_MISHAPS: Final = (
    "reset at once",
    "hang before the greeting",
    "hang after the greeting",
    "die after MAIL",
    "die before the text",
    "die after the text",
    "die after taking",
    "silence after the text",
    "silence after taking",
    "250 late, but in time",
    "250 too late",
    "nonsense after taking",
    "slow drip",
    "endless drip of a greeting",
    *(f"{code}{step}" for code in (TEMPORARY, PERMANENT) for step in STEPS),
)
"""What goes wrong in a conversation. In `die` the server closes the connection, in `silence` it answers nothing."""

_POLITE: Mapping[str, bytes] = {
    "greeting": b"220 mail.test\r\n",
    "EHLO": b"250-mail.test\r\n250 8BITMIME\r\n",
    "HELO": b"250 mail.test\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 go ahead\r\n",
    "end of text": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
_UNKNOWN = b"500 unknown\r\n"
_TAKES: Final = frozenset({
    None, "die after taking", "silence after taking", "250 late, but in time", "250 too late", "nonsense after taking",
    "slow drip", "endless drip of a greeting",
})  # fmt: skip
"""What leads to a letter that is taken."""

_HANGS: Mapping[str, str] = {
    "hang before the greeting": "greeting",
    "hang after the greeting": "EHLO",
    "silence after the text": "end of text",
    "silence after taking": "end of text",
}
_DIES: Mapping[str, str] = {
    "die after MAIL": "RCPT",
    "die before the text": "DATA",
    "die after the text": "end of text",
    "die after taking": "end of text",
}
_DRIP_S = 0.005
_MAX_LINE = 10_000
_RESET = struct.pack("ii", 1, 0)
_MESSAGE_ID = re.compile(r"<notice-(?P<notice>\d+)\.")


@dataclass(frozen=True)
class TakenMail:
    """A letter that the server took.

    Args:
        at: when, UTC.
        recipient: of the envelope.
        content: as it was sent.
    """

    at: datetime
    recipient: str
    content: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=default)

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return str(self.message["Message-ID"] or "")

    @property
    def notice_id(self) -> int | None:
        """The notice in its Message-ID; None without one."""
        found = _MESSAGE_ID.match(self.message_id)
        return int(found["notice"]) if found else None

    @property
    def text(self) -> str:
        """What a person reads."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())

    @property
    def method(self) -> str:
        """The method of its invitation; empty without one."""
        part = next((each for each in self.message.walk() if each.get_content_type() == "text/calendar"), None)
        return "" if part is None else str(part.get_param("method"))


class _Over(Exception):
    """The conversation has ended."""


class LabMail:
    """The mail server.

    Args:
        deck: deals what goes wrong with each conversation.
        journal: is told what went wrong.

    Attributes:
        taken: the letters that it took.
        port: where it listens.
    """

    def __init__(self, deck: Deck, journal: Journal) -> None:
        self.taken: list[TakenMail] = []
        self._deck = deck
        self._journal = journal
        self._closing = threading.Event()
        self._calmed = threading.Event()
        self.port = 0
        self._listener: socket.socket | None = None
        self.come_up()

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and conversations that hang."""
        self._closing.set()
        self.calm()
        self.go_down()

    def go_down(self) -> None:
        """Refuse connections from now on."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def come_up(self) -> None:
        """Listen again, on the same port."""
        listener = self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def calm(self) -> None:
        """Let no conversation go wrong any more, and end those that hang."""
        self._deck.close()
        self._calmed.set()
        self._calmed = threading.Event()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, _Over):
            client.settimeout(10 * EXCHANGE_S)
            mishap = self._deck.deal()
            if mishap == "reset at once":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            self._converse(client, mishap)

    def _converse(self, client: socket.socket, mishap: str | None) -> None:
        recipient = ""
        self._answer(client, "greeting", mishap)
        with client.makefile("rb") as reader:
            while line := reader.readline(_MAX_LINE):
                verb = line[:4].upper().decode("ascii", "replace")
                if verb == "RCPT":
                    recipient = line.decode("utf-8", "replace").partition("<")[2].partition(">")[0]
                if mishap is not None and recipient and verb in {"RCPT", "DATA"} and mishap.endswith((verb, "text")):
                    self._journal.add("mail server", recipient, mishap)
                self._answer(client, verb, mishap)
                if verb == "DATA" and not (mishap or "").endswith("at DATA"):
                    content = _text(reader.readline)
                    if content is None:
                        return
                    self._take(recipient, content, mishap)
                    self._answer(client, "end of text", mishap)

    def _take(self, recipient: str, content: bytes, mishap: str | None) -> None:
        letter = TakenMail(datetime.now(UTC), recipient, content)
        if mishap in _TAKES:
            self.taken.append(letter)
            self._journal.add("mail server", recipient, f"took it{f'; {mishap}' if mishap else ''}", letter.message_id)
        else:
            self._journal.add("mail server", recipient, f"had the text, did not take it: {mishap}", letter.message_id)

    def _answer(self, client: socket.socket, step: str, mishap: str | None) -> None:
        """Answer a step of the conversation, or do not. Raises _Over."""
        if mishap is None:
            client.sendall(_POLITE.get(step, _UNKNOWN))
            return
        if _DIES.get(mishap) == step:
            raise _Over
        if _HANGS.get(mishap) == step:
            self._wait_for_the_end(client)
        if mishap.startswith((TEMPORARY, PERMANENT)) and mishap[7:] == step.replace("HELO", "EHLO"):
            client.sendall(f"{mishap[:3]} mishap of the lab\r\n".encode())
            return
        if step == "greeting" and mishap == "endless drip of a greeting":
            self._drip(client, b"220-" + b"w" * 200 + b"\r\n220 mail.test\r\n", 2 * EXCHANGE_S / 200)
        elif step == "end of text" and mishap == "nonsense after taking":
            client.sendall(b"Thank you, come again\r\n")
        elif mishap == "slow drip":
            self._drip(client, _POLITE.get(step, _UNKNOWN), _DRIP_S)
        else:
            if step == "end of text" and mishap.startswith("250 "):
                self._calmed.wait(EXCHANGE_S * (0.5 if mishap.endswith("in time") else 1.2))
            client.sendall(_POLITE.get(step, _UNKNOWN))

    def _drip(self, client: socket.socket, answer: bytes, pause_s: float) -> None:
        for byte in answer:
            client.sendall(bytes([byte]))
            self._closing.wait(pause_s)

    def _wait_for_the_end(self, client: socket.socket) -> None:
        """Answer nothing until the client gives up, or the server is calmed. Raises _Over."""
        calmed = self._calmed
        while not calmed.wait(0.05):
            client.settimeout(0.01)
            try:
                if client.recv(_MAX_LINE) == b"":
                    raise _Over
            except TimeoutError:
                continue
        raise _Over


def _text(read_line: object) -> bytes | None:
    """Return the text up to the line that ends it; None if the connection ends first."""
    assert callable(read_line)  # noqa: S101  # tells mypy
    lines: list[bytes] = []
    while line := read_line():
        if line == b".\r\n":
            return b"".join(each.removeprefix(b".") if each.startswith(b"..") else each for each in lines)
        lines.append(line)
    return None
