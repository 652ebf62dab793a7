"""Notices, the letters that they become, and what transports and composers promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Literal, Protocol

from peterental.errors import Fault, NotFound, Refusal

if TYPE_CHECKING:
    from peterental.database.connect import Connection

Channel = Literal["email", "text"]
Audience = Literal["visitor", "agent", "user"]
State = Literal["waiting", "sending", "sent", "delivered", "failed", "unknown", "suppressed"]
Language = Literal["en", "es"]

VisitorKind = Literal[
    "booked",
    "moved",
    "changed",
    "cancelled",
    "reminder_day",
    "reminder_hours",
    "no_show",
    "released",
    "waitlist_offer",
    "reply",
]
"""What visitors are notified of. `changed` is another home, agent or length; `reply` answers a text of theirs."""

AgentKind = Literal[
    "agent_booked",
    "agent_moved",
    "agent_changed",
    "agent_reassigned",
    "agent_cancelled",
    "agent_released",
    "agent_urgent_message",
    "agent_flagged_call",
    "agent_calendar_trouble",
    "agent_morning_list",
]
UserKind = Literal["invitation", "password_reset", "webhook_off", "test"]
Kind = VisitorKind | AgentKind | UserKind

SEND_NOTICES = "send_notices"
"""The task that sends the due notices of one viewing (`appointment_id`), or one notice (`notice_id`). The trigger of
`appointment_events` defers it by this name."""


STOP_CONFIRMED = "stop:"
"""`about` of the text that confirms a stop begins with it."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A row of the outbox. Times are UTC.

    Args:
        notice_id: its id.
        appointment_id: the viewing that it is about; None for one about something else.
        agent_id: of the viewing, or the agent who is notified; None for users' notices.
        about: what a notice without a viewing is about, such as `user:7`.
        kind: what it reports.
        channel: how.
        audience: whom.
        recipient: a number in E.164, or an e-mail address.
        revision: `appointments.sequence` of the viewing that it describes.
        language: of the recipient.
        is_answer: whether it answers what the recipient did a moment ago: quiet hours do not hold it.
        old_start: the start before the change that it reports, if the change had one.
        due_at: when it is to be sent.
        expires_at: after that it is not sent any more.
        state: whether it waits, was sent, or will not be.
        reason: why it was suppressed, failed or is unknown, in a sentence.
        attempts: how often sending it has begun.
        handed_over_at: since when the provider may have it; None if it certainly does not.
        provider_id: the provider's id of it.
        subject, body: as it was sent, without secrets.
        created_at: when it was written.
        ended_at: when it was sent, or when it became clear that it will not be.
    """

    notice_id: int
    appointment_id: int | None
    agent_id: str | None
    about: str
    kind: Kind
    channel: Channel
    audience: Audience
    recipient: str
    revision: int
    language: Language
    is_answer: bool
    old_start: datetime | None
    due_at: datetime
    expires_at: datetime
    state: State
    reason: str | None
    attempts: int
    handed_over_at: datetime | None
    provider_id: str | None
    subject: str | None
    body: str | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def confirms_stop(self) -> bool:
        """Whether it is the one text that may follow a stop: it says that nothing else will."""
        return self.kind == "reply" and self.about.startswith(STOP_CONFIRMED)


@dataclass(frozen=True, kw_only=True)
class NewNotice:
    """A notice to be written into the outbox; the fields are those of `Notice`.

    A notice about a viewing is unique by viewing, kind, channel, recipient and revision; another one by `about`, kind,
    channel and recipient. Writing it again does nothing.
    """

    kind: Kind
    channel: Channel
    audience: Audience
    recipient: str
    about: str = ""
    appointment_id: int | None = None
    agent_id: str | None = None
    revision: int = 0
    language: Language = "en"
    is_answer: bool = False
    old_start: datetime | None = None
    due_at: datetime | None = None
    """None is at once."""
    expires_at: datetime | None = None
    """None is two days after it is due."""
    body: str | None = None
    """The text of a reply, which is composed when it is written."""


@dataclass(frozen=True, kw_only=True)
class NoticeFilter:
    """Which notices to list; an empty field matches all.

    Args:
        state, channel, audience, kind: of the notice.
        agent_id: the agent of its viewing, or who is notified.
        recipient: the number in E.164, or the e-mail address.
        appointment_id: the viewing that it is about.
        since: only notices written then or later, aware.
        until: only notices written earlier, aware.
    """

    state: State | None = None
    channel: Channel | None = None
    audience: Audience | None = None
    kind: Kind | None = None
    agent_id: str = ""
    recipient: str = ""
    appointment_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class NoticePage:
    """One page of the outbox, newest first.

    Args:
        notices: those of the page.
        has_more: whether there is a next page.
        is_truncated: whether older ones were not searched for what the filter wants.
    """

    notices: tuple[Notice, ...]
    has_more: bool
    is_truncated: bool = False


@dataclass(frozen=True, kw_only=True)
class NoticeCounts:
    """What became of the notices of a period.

    Args:
        states: how many, by channel and state.
        reasons: the most frequent reasons why some were not sent or not delivered: state, reason, how many.
        is_partial: whether there are more than were counted.
    """

    states: Mapping[tuple[Channel, State], int]
    reasons: tuple[tuple[State, str, int], ...]
    is_partial: bool


@dataclass(frozen=True, kw_only=True)
class ChannelState:
    """A channel that the worker of background jobs can send through.

    Args:
        sender: the address or number that notices come from.
        is_real: False where they are written into files, in development.
    """

    sender: str
    is_real: bool


@dataclass(frozen=True, kw_only=True)
class NoticeSettings:
    """What the office sends. Times are on the agent's clock.

    Args:
        office_name: who writes.
        texts_visitors, mails_visitors: whether visitors get texts, and e-mails.
        reminds_day_before, reminds_hours_before: whether they are reminded a day and two hours before.
        follows_up_no_shows: whether they are asked what happened after they did not come.
        release_hours: how long before it starts an unconfirmed viewing is released; None for never.
        quiet_from: from then until `quiet_until` only answers are sent; later than `quiet_until`.
        quiet_until: see `quiet_from`.
        list_at: when agents get their morning list.
    """

    office_name: str = "Leasing office"
    texts_visitors: bool = True
    mails_visitors: bool = True
    reminds_day_before: bool = True
    reminds_hours_before: bool = True
    follows_up_no_shows: bool = False
    release_hours: int | None = None
    quiet_from: time = time(20)
    quiet_until: time = time(8)
    list_at: time = time(7, 30)


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """The iCalendar part of a letter (iTIP, RFC 5546), in the shape that Gmail and Outlook show as an invitation.

    Args:
        uid: of the event; the same for all letters of a viewing.
        sequence: grows with every change.
        method: REQUEST, or CANCEL for a viewing that was cancelled.
        start, end: aware.
        time_zone: IANA name of the home's zone.
        summary: the title.
        location: the home.
        description: plain text.
        attendee_name: the visitor's name; the address is the letter's recipient.
    """

    uid: str
    sequence: int
    method: Literal["REQUEST", "CANCEL"]
    start: datetime
    end: datetime
    time_zone: str
    summary: str
    location: str
    description: str
    attendee_name: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is sent: a text, or an e-mail in plain text.

    Args:
        channel: how it is sent.
        recipient: a number in E.164, or an e-mail address.
        body: the text. A text message has at most 1,600 characters.
        subject: of an e-mail; one line.
        message_id: of an e-mail (RFC 5322, without brackets): the same at every attempt, so that programs drop doubles.
        invitation: sent with the e-mail; None for none.
        stored_body: what the outbox keeps; None for the body. Without it, secrets such as links to choose a password.
        sender_name: who writes: the office's name.
    """

    channel: Channel
    recipient: str
    body: str
    subject: str | None = None
    message_id: str = ""
    invitation: Invitation | None = None
    stored_body: str | None = None
    sender_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a transport says about a letter that it took.

    Args:
        provider_id: by which later reports name it; None where there are none.
    """

    provider_id: str | None


class NoticeUnknown(NotFound):
    """There is no such notice."""


class NoticeNotOver(Refusal):
    """The notice was sent, or is about to be. Nothing was changed."""


class NoticeTooLate(Refusal):
    """It is too late for this notice. Nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class StoredSettings:
    """What the office sends, as stored.

    Args:
        settings: the values.
        updated_at: when they last changed, in UTC; a form compares it to detect edit conflicts.
    """

    settings: NoticeSettings
    updated_at: datetime


class NoticeSettingsChanged(Refusal):
    """Another admin changed the settings after you opened them, so your changes were not saved."""

    def __init__(self, stored: StoredSettings) -> None:
        self.stored = stored
        """The settings as they are now."""
        super().__init__()


class NoticeSettingsInvalid(Refusal):
    """{reason}."""


class NotSent(Fault):
    """{reason}.

    The letter was certainly not sent. The reason is a clause without a full stop.

    Args:
        reason: what happened.
        is_final: whether trying again is useless, as for a number that cannot get texts.
    """

    def __init__(self, *, reason: str, is_final: bool = False) -> None:
        self.is_final = is_final
        super().__init__(reason=reason)


class OptedOut(NotSent):
    """{reason}.

    The provider sends nothing to a recipient who said stop there: to be recorded as a stop.
    """

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason, is_final=True)


class PerhapsSent(Fault):
    """{reason}.

    The letter was handed over and no answer came: it may have been sent. It is looked for before a second attempt.
    """

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class NoLongerTrue(Fault):
    """{reason}.

    What the notice says is no longer so; it is suppressed with this reason.
    """

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


def of_no_other(provider_id: str) -> bool:
    """Return that a provider's id belongs to no other notice."""
    del provider_id
    return False


class Transport(Protocol):
    """Sends the letters of one channel. Used by one thread at a time; has no state between two letters."""

    @property
    def sender(self) -> str:
        """The address or number that its letters come from."""

    @property
    def is_real(self) -> bool:
        """Whether letters leave this machine."""

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        """Send one letter.

        Args:
            letter: what to send.
            hand_over: to be called once, immediately before the first byte after which the provider may send the letter
                (the end of DATA; the body of the POST). It records that, and may raise NoLongerTrue, which passes
                through: the letter is then not sent.

        Raises NotSent, PerhapsSent (only after `hand_over`).
        """

    def find(
        self, letter: Letter, since: datetime, is_of_another: Callable[[str], bool] = of_no_other
    ) -> Delivery | None:
        """Look at the provider for a letter that was handed over after a moment without an answer.

        None if it is certainly not there. Raises PerhapsSent if that cannot be known.

        Args:
            letter: what was sent.
            since: when it was handed over, aware.
            is_of_another: returns whether a provider's id belongs to another notice: two may say the same.
        """


class Composer(Protocol):
    """Writes the letters of some kinds of notices, from the present state of what they are about."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that it writes."""

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue. Reads; writes nothing."""

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if the notice is not true any more: in the transaction that records the hand-over."""


class ConsentCheck(Protocol):
    """Knows who does not want to be notified by a channel."""

    def is_stopped(self, connection: Connection, channel: Channel, recipient: str) -> bool:
        """Return whether a recipient said stop."""

    def record_opt_out(self, channel: Channel, recipient: str, reason: str, at: datetime) -> None:
        """Record that the provider refuses to send to a recipient, who said stop there."""

    def record_viewing(self, connection: Connection, notice: Notice) -> None:
        """Record the consent that made a viewing, when a notice of it is handed over. Repeating it changes nothing."""
