"""What a message in the inbox is: somebody who left word by phone, and whether that is seen to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.errors import NotFound

State = Literal["open", "done", "all"]

MIN_SEARCH_CHARS = 3
"""Characters from which on an index finds a part of a message."""

MAX_OPEN_COUNTED = 1000
"""So many open messages are counted one by one; from there on they are many."""

MIN_PHONE_DIGITS = 5


class MessageUnknown(NotFound):
    """There is no such message."""


@dataclass(frozen=True, kw_only=True)
class MessageFilter:
    """Which messages are wanted; what is empty does not narrow.

    Args:
        state: those still open, those done, or all, the open ones first.
        agent_id: whose.
        since, until: from and before when they were left, aware.
        text: a part of the message, or of the name or number in it; at least SHORTEST_TEXT characters.
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
    """One message, taken by phone for an agent. Times are UTC."""

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

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def is_done(self) -> bool:
        """Whether somebody has seen to it."""
        return self.done_at is not None

    @property
    def sender(self) -> str:
        """Who left it, as far as that is known."""
        return self.attendee_name or self.attendee_phone or self.caller_number or "Somebody"

    @property
    def phone_numbers(self) -> tuple[tuple[str, str | None], ...]:
        """Numbers to call back on, the one given first: as written, and as it is dialled where it can be."""
        written = dict.fromkeys(number for number in (self.attendee_phone, self.caller_number) if number)
        return tuple((number, dialled(number)) for number in written)


@dataclass(frozen=True, kw_only=True)
class MessagePage:
    """One page of messages, the open ones first, latest first; and how many are open in all, up to OPEN_COUNTED."""

    messages: tuple[Message, ...]
    has_more: bool
    open_count: int
    is_truncated: bool = False
    """More fit than could be sorted: these are the latest, or some, of them."""


def dialled(number: str) -> str | None:
    """Give a number as a phone dials it; None where it is not written in digits."""
    digits = re.sub(r"[\s().\-/]", "", number)
    return digits if re.fullmatch(rf"\+?[0-9]{{{MIN_PHONE_DIGITS},15}}", digits) else None
