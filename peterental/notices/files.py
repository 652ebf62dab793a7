"""The transports of development: they write letters into files instead of sending them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from peterental.clock import utc_now
from peterental.mail_settings import MailSender
from peterental.notices.mail.message import message_of
from peterental.notices.model import Channel, Delivery, Letter, NotSent, of_no_other

FOLDERS: Mapping[Channel, str] = {"email": "mail", "text": "texts"}
"""The folders below `instance/`, by channel."""

DEVELOPMENT_MAIL_FROM = MailSender("office@peterental.example", "PeteRental")
"""Who e-mail comes from where MAIL_FROM is not set."""

DEVELOPMENT_TEXT_FROM = "+14055550100"
"""The number that texts come from: one of those that no phone has."""

_TIME = "%Y%m%dT%H%M%S.%fZ"
_OTHER = re.compile(r"[^A-Za-z0-9@.+-]+")
_LONGEST_NAME = 60


class FileTransport:
    """Writes each letter of a channel into a file; names sort by time.

    A file is complete from the moment at which it has its name. Only its owner may read it: a letter may contain a
    link to choose a password.

    Args:
        channel: `email` writes `.eml` files, which mail programs open; `text` writes `.txt`.
        folder: where to; it is created if it is missing.
        now: returns the current time, aware.
        sender: who letters come from: `office@example.com` or a number.
    """

    is_real = False

    def __init__(
        self, channel: Channel, folder: Path, now: Callable[[], datetime] = utc_now, sender: MailSender | str = ""
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._now = now
        self._mail_sender = sender if isinstance(sender, MailSender) else DEVELOPMENT_MAIL_FROM
        self._number = sender if isinstance(sender, str) and sender else DEVELOPMENT_TEXT_FROM

    @property
    def sender(self) -> str:
        """The address or number that its letters come from."""
        return self._mail_sender.address if self._channel == "email" else self._number

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        """Write one letter. Raises NotSent if it cannot be written, or has no address that mail could go to."""
        now = self._now()
        content = self._content(letter, now)
        name = f"{now.astimezone(UTC):{_TIME}}-{_named(letter.recipient)}-{_digest(letter)}{self._suffix}"
        draft = self._folder / f".{secrets.token_hex(8)}"
        try:
            with self._errors():
                self._folder.mkdir(parents=True, exist_ok=True)
                draft.touch(mode=0o600)
                draft.write_bytes(content)
            hand_over()
            with self._errors():
                draft.replace(self._folder / name)
        finally:
            with suppress(OSError):
                draft.unlink()
        return Delivery(provider_id=None)

    def find(
        self, letter: Letter, since: datetime, is_of_another: Callable[[str], bool] = of_no_other
    ) -> Delivery | None:
        """Return whether a letter is among the files that were written after a moment. Files have no ids."""
        del is_of_another
        earliest = f"{since.astimezone(UTC):{_TIME}}"
        written = self._folder.glob(f"*-{_digest(letter)}{self._suffix}")
        return Delivery(provider_id=None) if any(path.name >= earliest for path in written) else None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotSent(reason=f"{self._folder} cannot be written: {os.strerror(error.errno or 0)}") from error

    @property
    def _suffix(self) -> str:
        return ".eml" if self._channel == "email" else ".txt"

    def _content(self, letter: Letter, now: datetime) -> bytes:
        if self._channel == "email":
            return message_of(letter, self._mail_sender, now, is_readable=True).as_bytes()
        head = f"From: {self._number}\nTo: {letter.recipient}\nDate: {now.isoformat(timespec='seconds')}\n"
        return f"{head}\n{letter.body}\n".encode("utf-8", "replace")


def _named(recipient: str) -> str:
    return _OTHER.sub("_", recipient).strip(".")[:_LONGEST_NAME]


def _digest(letter: Letter) -> str:
    """Return what identifies a letter among others to the same recipient."""
    identity = letter.message_id or letter.body
    return hashlib.sha256(f"{letter.recipient}\n{identity}".encode("utf-8", "replace")).hexdigest()[:12]
