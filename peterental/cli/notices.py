"""`flask notices-test` and `flask notices-reply`: parse, call, print."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import click
from flask import current_app

from peterental.cli.errors import report_errors
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Fault, Refusal
from peterental.notices.files import FOLDERS
from peterental.notices.model import Channel, Letter, NotSent, PerhapsSent
from peterental.notices.replies.model import IncomingText
from peterental.notices.transports import transports
from peterental.phone_numbers import normalise
from peterental.services import services_of

_SETTINGS = {"email": "SMTP_URL and MAIL_FROM", "text": "the TWILIO settings"}
_WORDS = {"email": "e-mail", "text": "text"}


class NoRecipient(Refusal):
    """Enter an e-mail address such as ana@example.com, or a phone number such as +14055550123."""


class NoNumber(Refusal):
    """Enter the number that texts, such as +14055550123."""


class DevelopmentOnly(Refusal):
    """In production, texts come from Twilio."""


class ChannelUnset(Refusal):
    """Nothing was sent: {settings} are not set."""


class TestNotSent(Fault):
    """The {what} was not sent: {reason}."""


class TestPerhapsSent(Fault):
    """The {what} was handed over, and no answer came: {reason}."""


@click.command("notices-test")
@click.argument("address")
@report_errors
def notices_test(address: str) -> None:
    """Send one e-mail or text at once, and say what the provider answered.

    In development without SMTP_URL or a Twilio account it is written into a file. The database is not needed.

    Example: flask notices-test ana@example.com
    """
    channel, recipient = _recipient(address)
    transport = transports(config_of(current_app), utc_now).get(channel)
    if transport is None:
        raise ChannelUnset(settings=_SETTINGS[channel])
    what = _WORDS[channel]
    try:
        delivery = transport.send(_letter(channel, recipient, utc_now()), lambda: None)
    except NotSent as fault:
        raise TestNotSent(what=what, reason=fault.values["reason"]) from fault
    except PerhapsSent as fault:
        raise TestPerhapsSent(what=what, reason=fault.values["reason"]) from fault
    known_as = f" It knows it as {delivery.provider_id}." if delivery.provider_id else ""
    if transport.is_real:
        click.echo(f"✅ The provider took the {what} to {recipient} from {transport.sender}.{known_as}")
    else:
        click.echo(
            f"✅ The {what} to {recipient} was written into {config_of(current_app).instance_dir / FOLDERS[channel]}."
        )


@click.command("notices-reply")
@click.argument("number")
@click.argument("text")
@report_errors
def notices_reply(number: str, text: str) -> None:
    """Send a text as a visitor would, from a number, in development, where Twilio sends none.

    The answer is written like every other notice, and sent by the worker of background jobs.

    Example: flask notices-reply +14055550123 "C"
    """
    if config_of(current_app).is_production:
        raise DevelopmentOnly
    sender = normalise(number)
    if sender is None:
        raise NoNumber
    incoming = IncomingText(provider_id=f"local{uuid4().hex}", sender=sender, receiver="this machine", body=text)
    services_of(current_app).replies.receive(incoming)
    click.echo(f"✅ The text from {sender} was received. The Outbox and Messages show the result.")


def _recipient(address: str) -> tuple[Channel, str]:
    """Return the channel of an address, and the address as it is used. Raises NoRecipient."""
    if "@" in address:
        return "email", address.strip()
    number = normalise(address)
    if number is None:
        raise NoRecipient
    return "text", number


def _letter(channel: Channel, recipient: str, now: datetime) -> Letter:
    return Letter(
        channel=channel,
        recipient=recipient,
        subject="A test of PeteRental",
        body=f"This is a test of PeteRental, sent {now:%Y-%m-%d %H:%M} UTC. Nothing needs to be done.",
        message_id=f"test-{uuid4()}@users.peterental",
    )


COMMANDS = (notices_test, notices_reply)
