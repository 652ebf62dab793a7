"""The transport that hands letters to an SMTP server."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from ipaddress import ip_address
from typing import NoReturn

from peterental.calendars.model import AddressNotAllowed
from peterental.calendars.transport import Deadline, NameUnknown, Route
from peterental.clock import utc_now
from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.mail.message import deliverable, message_of, needs_smtputf8
from peterental.notices.mail.plain_text import one_line
from peterental.notices.model import Delivery, Letter, NotSent, PerhapsSent, of_no_other

TIMEOUT_S = 60.0
"""How long a letter may take until its text is handed over, and again how long the answer to the text, in seconds.

Servers that look for viruses take their time with the answer. Both together are less than a claim of a notice lasts.
"""

_LONGEST_CONVERSATION = 100_000
_LONGEST_REPLY = 200

_READY = 220
_ACCEPTED = range(200, 300)
_SEND_TEXT = 354
_LATER = range(400, 500)
_REFUSED = range(500, 600)
_NOT_ABOUT_THE_RECIPIENT = frozenset({503, 530})
"""Answers to RCPT that want another sequence or a sign-in: the settings are wrong, not the address."""


class SmtpTransport:
    """Sends e-mail through one server. Each letter has a connection of its own.

    Args:
        server: which server, and how to sign in.
        sender: who the letters come from.
        now: returns the current time, aware.
        timeout_s: for a letter, and for the answer to its text, in seconds.
    """

    is_real = True

    def __init__(
        self,
        server: SmtpServer,
        sender: MailSender,
        now: Callable[[], datetime] = utc_now,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._timeout_s = timeout_s

    @property
    def sender(self) -> str:
        """The address that its letters come from."""
        return self._sender.address

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        """Send one letter; see `Transport`.

        `hand_over` is called when the server has the text and lacks the line that ends it: until then the server
        cannot send it, and a connection that breaks has certainly sent nothing.

        Raises NotSent, PerhapsSent.
        """
        recipient = deliverable(letter.recipient)
        message = message_of(letter, self._sender, self._now())
        text = _dot_stuffed(message.as_bytes())
        session = _Session(self._server, Deadline(self._timeout_s))
        try:
            with session.errors(NotSent):
                session.open()
                session.address(self._sender.address, recipient)
                session.begin_text(text)
            hand_over()
            session.renew_deadline(self._timeout_s)
            with session.errors(PerhapsSent):
                session.end_text()
        finally:
            session.close()
        return Delivery(provider_id=None)

    def find(
        self, letter: Letter, since: datetime, is_of_another: Callable[[str], bool] = of_no_other
    ) -> Delivery | None:
        """Raise PerhapsSent: a server cannot be asked what it sent."""
        del letter, since, is_of_another
        raise PerhapsSent(reason="the mail server did not answer, and cannot be asked whether it sent the letter")


class _Session:
    """One conversation with the server.

    Each step raises NotSent if the server refuses it; what a broken connection means, `errors` decides.
    """

    def __init__(self, server: SmtpServer, deadline: Deadline) -> None:
        self._server = server
        self._deadline = deadline
        self._route = Route(deadline, allow_private=True, max_bytes=_LONGEST_CONVERSATION)
        self._smtp = smtplib.SMTP(local_hostname="localhost")  # connects to nothing, and looks up no name
        self._socket: socket.socket | None = None

    @contextmanager
    def errors(self, kind: type[NotSent | PerhapsSent]) -> Iterator[None]:
        """Turn what a broken connection raises into a fault of a kind."""
        try:
            yield
        except (AddressNotAllowed, smtplib.SMTPException, OSError, ValueError) as error:
            raise kind(reason=self._reason(error)) from error

    def renew_deadline(self, timeout_s: float) -> None:
        """Allow so many seconds from now on: no letter may be lost because recording it took long."""
        self._deadline.renew(timeout_s)

    def open(self) -> None:
        """Connect, encrypt where the server can, and sign in."""
        sock = self._socket = self._route.connect(self._server.host, self._server.port)
        if self._server.is_encrypted:
            sock = self._socket = self._route.encrypt(sock, self._server.host)
        self._talk_over(sock)
        self._expect(self._smtp.getreply(), {_READY}, "the connection")
        self._smtp.local_hostname = _literal(sock)
        self._smtp.ehlo_or_helo_if_needed()
        if not self._server.is_encrypted and (self._server.user or not _is_loopback(sock)):
            self._encrypt(sock)
        if self._server.user:
            self._smtp.login(self._server.user, self._server.password)

    def address(self, sender: str, recipient: str) -> None:
        """Name the sender and the recipient."""
        options = ["SMTPUTF8"] if needs_smtputf8(recipient) else []
        if options and not self._smtp.has_extn("smtputf8"):
            raise NotSent(reason="the mail server cannot send to addresses with letters outside ASCII", is_final=True)
        self._expect(self._smtp.mail(sender, options), _ACCEPTED, f"the sender {sender}")
        reply = self._smtp.rcpt(recipient)
        is_final = reply[0] in _REFUSED and reply[0] not in _NOT_ABOUT_THE_RECIPIENT
        self._expect(reply, _ACCEPTED, "the recipient", is_final=is_final)

    def begin_text(self, text: bytes) -> None:
        """Send the text without the line that ends it."""
        reply = self._smtp.docmd("DATA")
        self._expect(reply, {_SEND_TEXT}, "the letter", is_final=reply[0] in _REFUSED)
        self._smtp.send(text)

    def end_text(self) -> None:
        """Send the line that ends the text, and read the server's answer."""
        self._smtp.send(b".\r\n")
        reply = self._smtp.getreply()
        if reply[0] not in _ACCEPTED and reply[0] not in _LATER and reply[0] not in _REFUSED:
            raise PerhapsSent(reason=f"the mail server's answer was not understood: {_shown(reply)}")
        self._expect(reply, _ACCEPTED, "the letter", is_final=reply[0] in _REFUSED)
        with suppress(smtplib.SMTPException, OSError):
            self._smtp.putcmd("QUIT")  # its answer would not change anything

    def close(self) -> None:
        """Close the connection. A text without its end is discarded by the server."""
        self._smtp.close()
        if self._socket is not None:
            self._socket.close()

    def _encrypt(self, sock: socket.socket) -> None:
        """Start TLS if the server offers it; refuse to go on without it where a password would be readable."""
        if self._smtp.has_extn("starttls"):
            self._expect(self._smtp.docmd("STARTTLS"), {_READY}, "STARTTLS")
            self._socket = self._route.encrypt(sock, self._server.host)
            self._talk_over(self._socket)
            self._forget_greeting()
            self._smtp.ehlo_or_helo_if_needed()
        elif self._server.user and not _is_loopback(sock):
            raise NotSent(reason="the mail server offers no STARTTLS, and without it the password could be read")

    def _talk_over(self, sock: socket.socket) -> None:
        """Use a socket from now on. What was read ahead from an earlier one is dropped: it was not encrypted."""
        self._smtp.sock = self._route.timed(sock)
        self._smtp.file = None

    def _forget_greeting(self) -> None:
        """Forget what the server said it can do before TLS: anybody on the way could have said that."""
        self._smtp.helo_resp = None
        self._smtp.ehlo_resp = None
        self._smtp.esmtp_features = {}
        self._smtp.does_esmtp = False

    def _expect(self, reply: tuple[int, bytes], codes: range | set[int], what: str, *, is_final: bool = False) -> None:
        if reply[0] not in codes:
            _refuse(f"the mail server refused {what}: {_shown(reply)}", is_final=is_final)

    def _reason(self, error: Exception) -> str:
        """Return what happened, in a clause without the password."""
        host = self._server.host
        if self._deadline.is_over:
            return f"the mail server {host} took too long"
        if isinstance(error, smtplib.SMTPException):
            return _smtp_reason(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate of the mail server {host} is not valid: {error.verify_message}"
        if isinstance(error, NameUnknown):
            return f"the mail server {host} has no address"
        detail = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return f"the mail server {host} cannot be reached: {one_line(detail).strip('.')}"


def _smtp_reason(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        what = "the sign-in" if isinstance(error, smtplib.SMTPAuthenticationError) else "the greeting"
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return f"the mail server refused {what}: {_shown((error.smtp_code, text))}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the mail server closed the connection"
    return "the mail server offers no way to sign in with the user of SMTP_URL"


def _refuse(reason: str, *, is_final: bool) -> NoReturn:
    raise NotSent(reason=reason, is_final=is_final)


def _shown(reply: tuple[int, bytes]) -> str:
    """Return a server's answer as one short line."""
    code, text = reply
    words = one_line(text.decode("utf-8", "replace"))[:_LONGEST_REPLY]
    return f"{code} {words}".strip(" .") if code > 0 else words.strip(" .") or "no reply code"


def _dot_stuffed(text: bytes) -> bytes:
    """Return a text with CRLF at its end and its leading dots doubled (RFC 5321, 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", text if text.endswith(b"\r\n") else text + b"\r\n")


def _literal(sock: socket.socket) -> str:
    """Return this machine's address of a connection, as EHLO names it: its host name may be unknown outside."""
    address = ip_address(sock.getsockname()[0].partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"  # noqa: PLR2004 - of IP


def _is_loopback(sock: socket.socket) -> bool:
    """Return whether a connection stays on this machine."""
    return ip_address(sock.getpeername()[0].partition("%")[0]).is_loopback
