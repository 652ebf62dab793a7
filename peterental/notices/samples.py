"""Wordings with example values: previews, and test sends to an address that an admin enters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.access import Viewer, require_admin
from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.notices.letters import CONFIRM
from peterental.notices.mail.message import deliverable
from peterental.notices.model import Kind, Letter, NewNotice, NoLongerTrue, NotSent
from peterental.notices.texts.segments import segments
from peterental.notices.wording.builtin import BUILT_IN, key_named
from peterental.notices.wording.model import WordingKey, WordingUnknown
from peterental.notices.wording.rendering import check, render, with_opt_out
from peterental.notices.wording.times import format_span, format_time, moment_fields
from peterental.phone_numbers import DEFAULT_REGION, normalise

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.channels import Channels
    from peterental.notices.model import Channel, Language, Notice
    from peterental.notices.outbox import Outbox
    from peterental.notices.settings import NoticeSettingsService
    from peterental.notices.texts.segments import Segments
    from peterental.notices.wording.model import Wording
    from peterental.notices.wording.service import WordingService

SAMPLE_START = datetime(2026, 12, 1, 20, 30, tzinfo=UTC)
SAMPLE_OLD_START = datetime(2026, 11, 30, 16, tzinfo=UTC)
SAMPLE_ZONE = ZoneInfo("America/Chicago")
SAMPLE_TOKEN = "sample-of-18-chars"  # noqa: S105  # as long as the token of a visitor's link
EXPIRES_AFTER = timedelta(hours=1)

_MESSAGES: dict[Language, dict[Kind, str]] = {
    "en": {
        "agent_urgent_message": "Please call me back today about the deposit.",
        "agent_flagged_call": "The caller asked for a person twice.",
        "agent_calendar_trouble": "The password is not accepted any more. Connect the calendar again.",
        "agent_morning_list": "10:00 AM 1402 Elm Street, Ana Lima\n2:30 PM 88 Oak Avenue, Tom Reed",
    },
    "es": {
        "agent_urgent_message": "Por favor, llame hoy mismo por el tema de la fianza.",
        "agent_flagged_call": "La persona pidió dos veces hablar con alguien.",
        "agent_calendar_trouble": "La contraseña ya no vale. Conecte el calendario de nuevo.",
        "agent_morning_list": "10:00 AM 1402 Elm Street, Ana Lima\n2:30 PM 88 Oak Avenue, Tom Reed",
    },
}


class RecipientRefused(Refusal):
    """{hint}."""


class ChannelOff(Refusal):
    """Nothing was sent: {channel} is off."""


@dataclass(frozen=True)
class Preview:
    """A wording with example values.

    Args:
        subject: of an e-mail; None for texts.
        body: the text, with the sentence that says how to stop where the first text of a viewing has it.
        segments: of a text; None for e-mails.
    """

    subject: str | None
    body: str
    segments: Segments | None


class WordingSamples:
    """Renders wordings with example values, and writes the letters of `test` notices.

    Args:
        database: where test notices are queued.
        wordings: the wordings of the office.
        settings: name the office.
        outbox: queues test notices.
        channels: know what can be sent.
        address: where the pages are reached; links in examples are below it.
        region: whose national form a phone number is entered in.
        now: returns the present moment, aware.
    """

    kinds: frozenset[Kind] = frozenset({"test"})

    def __init__(  # noqa: PLR0917  # passed once, in services.py
        self,
        database: Database,
        wordings: WordingService,
        settings: NoticeSettingsService,
        outbox: Outbox,
        channels: Channels,
        address: str,
        region: str = DEFAULT_REGION,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._wordings = wordings
        self._settings = settings
        self._outbox = outbox
        self._channels = channels
        self._address = address
        self._region = region
        self._now = now

    def preview(self, key: WordingKey, wording: Wording, viewer: Viewer) -> Preview:
        """Return a wording with example values. Raises AdminsOnly, WordingRefused. One round trip."""
        require_admin(viewer)
        check(key.kind, key.channel, wording)
        return self._preview(key, wording, self._settings.get().office_name)

    def send_test(self, key: WordingKey, recipient: str, viewer: Viewer) -> str:
        """Send the present wording with example values to an address. Return the address as it is used.

        Raises AdminsOnly, WordingUnknown, RecipientRefused, ChannelOff.
        """
        require_admin(viewer)
        if key not in BUILT_IN:
            raise WordingUnknown
        to = self._recipient(key.channel, recipient)
        if key.channel not in self._channels.ready():
            raise ChannelOff(channel="e-mail" if key.channel == "email" else "text messaging")
        notice = NewNotice(
            kind="test",
            channel=key.channel,
            audience="user",
            recipient=to,
            about=f"wording:{key}:{token_hex(8)}",
            language=key.language,
            is_answer=True,
            expires_at=self._now() + EXPIRES_AFTER,
        )
        with self._database.transaction() as connection:
            self._outbox.add(connection, notice)
        return to

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a test. Raises NoLongerTrue. Two round trips."""
        key = _key_of(notice)
        office = self._settings.get().office_name
        if key is None:
            return Letter(
                channel=notice.channel,
                recipient=notice.recipient,
                subject=f"Test from {office}" if notice.channel == "email" else None,
                body=notice.body or f"{office}: This is a test. Notices reach you.",
                message_id=f"notice-{notice.notice_id}.{notice.about.replace(':', '-')}@tests.peterental",
                sender_name=office,
            )
        shown = self._preview(key, self._wordings.wording(key), office)
        return Letter(
            channel=notice.channel,
            recipient=notice.recipient,
            subject=f"[Test] {shown.subject}" if shown.subject is not None else None,
            body=shown.body,
            message_id=f"notice-{notice.notice_id}.{notice.about.rpartition(':')[2]}@tests.peterental",
            sender_name=office,
        )

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Accept every notice: a test stays true."""

    def _preview(self, key: WordingKey, wording: Wording, office: str) -> Preview:
        fields = sample_fields(key, office, self._address)
        subject, body = render(key.kind, key.channel, fields, wording)
        if key.channel == "text" and key.kind in {"booked", "no_show"}:
            body = with_opt_out(body, key.language)
        return Preview(subject, body, segments(body) if key.channel == "text" else None)

    def _recipient(self, channel: Channel, entered: str) -> str:
        if channel == "text":
            number = normalise(entered, self._region)
            if number is None:
                raise RecipientRefused(hint="Enter a phone number with the area code, such as (405) 555-0142")
            return number
        try:
            return deliverable(entered)
        except NotSent as error:
            raise RecipientRefused(hint="Enter an e-mail address such as ana@example.com") from error


def sample_fields(key: WordingKey, office: str, address: str) -> dict[str, str]:
    """Return example values of all fields.

    Args:
        key: which wording.
        office: the office's name.
        address: where the pages are reached.
    """
    page = "/appointments/1204" if key.kind.startswith("agent_") else f"/v/{SAMPLE_TOKEN}"
    return {
        "visitor": "Ana Lima",
        "home": "1402 Elm Street, unit 2B",
        **moment_fields(SAMPLE_START, SAMPLE_ZONE, key.language, key.channel),
        **moment_fields(SAMPLE_OLD_START, SAMPLE_ZONE, key.language, key.channel, "old_"),
        "agent": "Nora Castillo",
        "office": office,
        "agent_phone": "405-555-0123",
        "phone": "405-555-0142",
        "link": address + page,
        "until": format_time(SAMPLE_START + timedelta(minutes=30), SAMPLE_ZONE, key.channel),
        "short_until": format_time(SAMPLE_START + timedelta(minutes=30), SAMPLE_ZONE, "text"),
        "confirm": CONFIRM,
        "hours": format_span(timedelta(hours=2), key.language),
        "message": _MESSAGES[key.language].get(key.kind, ""),
    }


def _key_of(notice: Notice) -> WordingKey | None:
    """Return the wording that a test notice is about; None for a test of the channel. Raises NoLongerTrue."""
    subject, _, name = notice.about.partition(":")
    if subject != "wording":
        return None
    found = key_named(name.partition(":")[0])
    if found is None:
        raise NoLongerTrue(reason="the wording does not exist any more")
    return found
