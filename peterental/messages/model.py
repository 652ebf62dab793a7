"""Messages that callers left for an agent, and the filter and pages of the inbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.errors import NotFound

State = Literal["open", "done", "all"]

MAX_OPEN_COUNTED = 1000
"""Open messages are counted up to this number."""

MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 5, 15
"""The length of a number that can be dialled; E.164 allows 15 digits."""


class MessageUnknown(NotFound):
    """There is no such message."""


@dataclass(frozen=True, kw_only=True)
class MessageFilter:
    """Which messages to list; an empty field matches all.

    Args:
        state: open ones, done ones, or all, the open ones first. Urgent ones come first among the open ones.
        agent_id: whose messages.
        since: only messages left then or later, aware.
        until: only messages left earlier, aware.
        text: part of the message, or of the name or number in it; ignored below `search.MIN_CHARS` characters.
    """

    state: State = "open"
    agent_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class MessageDraft:
    """A message as a caller leaves it, before it is stored in the agent's inbox."""

    body: str
    attendee_name: str | None = None
    attendee_phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message for an agent, left by phone or sent by text. Times are UTC."""

    message_id: int
    agent_id: str
    agent_name: str
    time_zone: str
    vapi_call_id: str | None
    body: str
    attendee_name: str | None
    attendee_phone: str | None
    caller_number: str | None
    received_at: datetime
    done_at: datetime | None
    done_by: str | None
    is_urgent: bool = False
    """Whether it was left for a caller whom no time could be offered, because the calendar could not be read."""
    appointment_id: int | None = None
    """The viewing that a message by text is about; None for a message by phone."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def is_done(self) -> bool:
        """Whether it is marked as done."""
        return self.done_at is not None

    @property
    def sender(self) -> str:
        """The name of the person who left it, else a number."""
        return self.attendee_name or self.attendee_phone or self.caller_number or "Unknown caller"

    @property
    def phone_numbers(self) -> tuple[tuple[str, str | None], ...]:
        """Numbers to call back, the one that the caller named first.

        Each as written, and as dialled; None if it cannot be dialled.
        """
        written = dict.fromkeys(number for number in (self.attendee_phone, self.caller_number) if number)
        return tuple((number, dialled(number)) for number in written)


@dataclass(frozen=True, kw_only=True)
class MessagePage:
    """One page of messages: urgent open ones first, then other open ones, then done ones, each newest first.

    Args:
        messages: those of the page.
        has_more: whether there is a next page.
        open_count: how many messages are open in all, counted up to MAX_OPEN_COUNTED.
        is_truncated: whether more messages match than can be sorted; the page then has some of the newest.
    """

    messages: tuple[Message, ...]
    has_more: bool
    open_count: int
    is_truncated: bool = False


def dialled(number: str) -> str | None:
    """Return a phone number as a phone dials it; None if it is not written in digits."""
    digits = re.sub(r"[\s().\-/]", "", number)
    return digits if re.fullmatch(rf"\+?[0-9]{{{MIN_PHONE_DIGITS},{MAX_PHONE_DIGITS}}}", digits) else None
