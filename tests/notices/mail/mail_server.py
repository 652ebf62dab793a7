"""Loopback mail servers: a real one, aiosmtpd, and one that answers as a test says."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import HANG_S


@dataclass
class Taken:
    """A message that the server took."""

    sender: str
    recipients: list[str]
    options: list[str]
    content: bytes
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=default)


@dataclass
class MailServer:
    """An aiosmtpd server.

    Args:
        answers: what it answers to MAIL, RCPT or the end of the text, instead of taking it.
        vanishes: whether it takes a message and closes the connection without an answer.
        taken: what it took.
        sign_ins: who tried to sign in.
        passwords: who may sign in.
        port: where it listens.
    """

    answers: dict[str, str] = field(default_factory=dict)
    vanishes: bool = False
    taken: list[Taken] = field(default_factory=list)
    sign_ins: list[LoginPassword] = field(default_factory=list)
    passwords: Mapping[bytes, bytes] = field(default_factory=dict)
    port: int = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - see above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        if "END" in self.answers:
            return self.answers["END"]
        self.taken.append(
            Taken(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                list(envelope.mail_options),
                envelope.original_content or b"",
                is_encrypted=session.ssl is not None,
            )
        )
        if self.vanishes:
            cast("asyncio.Transport", server.transport).abort()
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        """Compare a password."""
        del server, session, envelope, mechanism
        self.sign_ins.append(data)
        is_right = self.passwords.get(data.login) == data.password
        return AuthResult(success=is_right, handled=False)


class NoText(SMTP):
    """Refuses DATA before any text."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - see above
        del arg
        await self.push("554 no valid recipients")


@contextmanager
def serving(
    server: MailServer,
    kind: type[SMTP] = SMTP,
    *,
    tls_context: ssl.SSLContext | None = None,
    is_encrypted: bool = False,
    **options: Any,
) -> Iterator[MailServer]:
    """Serve on a free port of 127.0.0.1.

    Args:
        server: what to serve.
        kind: the class that speaks.
        tls_context: with a certificate: for STARTTLS, or from the first byte.
        is_encrypted: whether TLS begins with the connection.
        options: of aiosmtpd's SMTP class.
    """
    loop = asyncio.new_event_loop()
    starttls = None if is_encrypted else tls_context

    def protocol() -> SMTP:
        authenticator = server.authenticate if server.passwords else None
        return kind(
            server,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            authenticator=authenticator,
            enable_SMTPUTF8=options.get("enable_SMTPUTF8", True),
            auth_require_tls=options.get("auth_require_tls", False),
        )

    from_the_start = tls_context if is_encrypted else None
    listening = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=from_the_start))
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:

        async def end() -> None:
            listening.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(HANG_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(HANG_S)
        loop.close()


POLITE = {
    "": b"220 mail.test\r\n",
    "EHLO": b"250-mail.test\r\n250 8BITMIME\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 go ahead\r\n",
    ".": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
"""What a server answers to each verb, to the connection (empty) and to the end of a text (a dot)."""


@dataclass
class ScriptedServer:
    """A server of one connection that answers as `answers` says; a callable may do anything with the socket.

    Args:
        answers: by verb; what is missing is answered politely. None closes the connection.
        lines: what the client sent.
        over: set when the client's connection has ended.
    """

    answers: Mapping[str, bytes | Callable[[socket.socket], None] | None]
    lines: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def talk(self, listening: socket.socket) -> None:
        """Serve one connection to its end."""
        try:
            connection, _ = listening.accept()
        except OSError:  # closed before a client came
            return
        with connection, connection.makefile("rb") as reader:
            is_text = False
            verb = ""
            while self._answer(connection, verb):
                is_text = (is_text or verb == "DATA") and verb != "."
                line = self._line(reader)
                while is_text and line is not None and line != ".":
                    line = self._line(reader)
                if line is None:
                    break
                verb = line.split(" ")[0].upper()
        self.over.set()

    def _line(self, reader: Any) -> str | None:
        try:
            line = reader.readline().decode("utf-8", "replace")
        except OSError:
            return None
        self.lines.append(line.rstrip("\r\n"))
        return self.lines[-1] if line else None

    def _answer(self, connection: socket.socket, verb: str) -> bool:
        answer = self.answers.get(verb, POLITE.get(verb, b"500 what\r\n"))
        try:
            if callable(answer):
                answer(connection)
            elif answer is not None:
                connection.sendall(answer)
        except OSError:
            return False
        return answer is not None


@contextmanager
def scripted(**answers: Any) -> Iterator[ScriptedServer]:
    """Serve a script; `connect`, `end` and verbs name the steps."""
    names = {"connect": "", "end": "."}
    server = ScriptedServer({names.get(name, name): answer for name, answer in answers.items()})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=server.talk, args=(listening,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join(HANG_S)
