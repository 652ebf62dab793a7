"""How a letter becomes a message (RFC 5322). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from peterental.mail_settings import MailSender, is_mail_address
from peterental.notices.mail.invitation import invitation_to_icalendar
from peterental.notices.mail.plain_text import lines, one_line
from peterental.notices.model import Letter, NotSent

_LONGEST_SUBJECT = 200
_OTHER_LETTERS = re.compile(r"[^\W_a-zA-Z0-9]")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_LONGEST_LINE = 900
"""A line of a text that needs no encoding: RFC 5322 allows 998 octets."""


def deliverable(address: str) -> str:
    """Return a recipient's address as SMTP takes it: a domain outside ASCII in its ASCII form.

    Raises NotSent for a text that is no address.
    """
    local, _, domain = address.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    # Letters outside ASCII may stand in a local part where ASCII letters may.
    if not is_mail_address(f"{_OTHER_LETTERS.sub('x', local)}@{domain}"):
        raise NotSent(reason="the e-mail address is malformed", is_final=True)
    return f"{local}@{domain}"


def needs_smtputf8(address: str) -> bool:
    """Return whether an address needs a server with SMTPUTF8: its local part is not ASCII."""
    return not address.isascii()


def message_of(letter: Letter, sender: MailSender, now: datetime, *, is_readable: bool = False) -> EmailMessage:
    """Return the message of a letter.

    Line breaks and control characters in names and subjects become blanks, so that no text can add a header.

    Args:
        letter: what to send.
        sender: who it comes from; the letter may name another name.
        now: for the Date header, aware.
        is_readable: whether the text stays as it is for a person who opens the file, also with letters outside ASCII;
            otherwise these are encoded, for servers that take seven bits.

    Raises NotSent if the recipient's address is malformed.
    """
    recipient = deliverable(letter.recipient)
    name = one_line(letter.sender_name) or sender.name
    policy = SMTPUTF8 if needs_smtputf8(recipient) else SMTP
    message = EmailMessage(policy=policy if is_readable else policy.clone(cte_type="7bit"))
    message["From"] = _mailbox(name, sender.address)
    message["To"] = _mailbox(letter.invitation.attendee_name if letter.invitation else "", recipient)
    message["Subject"] = one_line(letter.subject or "")[:_LONGEST_SUBJECT]
    message["Date"] = format_datetime(now.astimezone(UTC))
    if _MESSAGE_ID.fullmatch(letter.message_id):
        message["Message-ID"] = f"<{letter.message_id}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation responder answers it
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # what Exchange reads instead
    body = lines(letter.body)
    message.set_content(body, cte=_encoding(body, is_readable=is_readable))
    if letter.invitation is not None:
        _add_invitation(message, letter, MailSender(sender.address, name), recipient, now)
    return message


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=one_line(name), username=local, domain=domain)


def _encoding(body: str, *, is_readable: bool) -> str | None:
    """Return how a text is encoded; None for whatever is shortest."""
    if max(len(line.encode()) for line in body.split("\n")) > _LONGEST_LINE:
        return None
    if body.isascii():
        return "7bit"
    return "8bit" if is_readable else None


def _add_invitation(message: EmailMessage, letter: Letter, sender: MailSender, recipient: str, now: datetime) -> None:
    """Add the invitation twice: Gmail and Outlook read the alternative, other programs open the attachment."""
    if letter.invitation is None:  # pragma: no cover - the caller looked
        raise AssertionError
    data = invitation_to_icalendar(letter.invitation, organizer=sender, attendee=recipient, now=now)
    method = letter.invitation.method
    message.add_alternative(data.decode(), subtype="calendar", charset="utf-8", cte="base64", params={"method": method})
    message.add_attachment(data, maintype="application", subtype="ics", filename="invite.ics")
