"""What is stored about one person, and the refusals of a request about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from peterental.appointments.model import ERASED_NAME
from peterental.errors import Fault, Refusal
from peterental.notices.personal_data_repository import HeldNotices
from peterental.plural import counted
from peterental.privacy.person import Person

ANONYMOUS = ERASED_NAME
"""The visitor of a booking whose data was deleted."""

Row = Mapping[str, Any]


class SearchTooSlow(Fault):
    """Searching everything that is stored took longer than {wait}. Run {command} in a shell instead."""


class UpcomingChanged(Refusal):
    """Another viewing of this person was booked after you confirmed. Nothing was deleted."""


@dataclass(frozen=True, kw_only=True)
class HeldBooking:
    """A booking of the person. Times are UTC."""

    appointment_id: int
    agent_id: str
    agent_name: str
    zone: ZoneInfo
    start: datetime
    end: datetime
    status: str
    property_address: str
    attendee_name: str

    def is_upcoming(self, now: datetime) -> bool:
        """Return whether a visitor is expected: it is confirmed and not over."""
        return self.status == "confirmed" and self.end > now


@dataclass(frozen=True, kw_only=True)
class HeldCall:
    """A call of the person, or one in which another caller named them. The time is UTC."""

    vapi_call_id: str
    kind: str
    agent_name: str | None
    zone: ZoneInfo
    began_at: datetime


@dataclass(frozen=True, kw_only=True)
class HeldMessage:
    """A message of the person, or one in which another caller named them. The time is UTC."""

    message_id: int
    agent_name: str
    zone: ZoneInfo
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """Everything that is stored about one person.

    Args:
        person: the number or the address that was searched for.
        found_at: when, aware.
        bookings: with the number or the address in any column, earliest first.
        calls: their own, earliest first; reduced calls hold nothing.
        messages: their own.
        mentioning_calls: calls from other numbers in which they are named.
        mentioning_messages: messages from other numbers in which they are named.
        tool_call_ids: tool calls outside `calls` that name them or are about their bookings.
        audit_entries: rows of the audit log that name them or are about their bookings and messages.
        notes: how many notes on agents' calendars, and on the viewings of others with their history, name them.
        notices: notices to them and about them, texts of theirs, consents, and places on the waitlist.
        is_user: whether the address is that of a user of PeteRental.
    """

    person: Person
    found_at: datetime
    bookings: tuple[HeldBooking, ...] = ()
    calls: tuple[HeldCall, ...] = ()
    messages: tuple[HeldMessage, ...] = ()
    mentioning_calls: tuple[HeldCall, ...] = ()
    mentioning_messages: tuple[HeldMessage, ...] = ()
    tool_call_ids: tuple[int, ...] = ()
    audit_entries: tuple[Row, ...] = ()
    notes: int = 0
    notices: HeldNotices = field(default_factory=HeldNotices)
    is_user: bool = False

    @property
    def counts(self) -> Mapping[str, int]:
        """How much of each kind is stored."""
        return {
            "bookings": len(self.bookings),
            "calls": len(self.calls),
            "messages": len(self.messages),
            "mentions": len(self.mentioning_calls) + len(self.mentioning_messages),
            "tool_calls": len(self.tool_call_ids),
            "audit_entries": len(self.audit_entries),
            "notes": self.notes,
            "notices": len(self.notices.notices) + len(self.notices.naming),
            "texts": sum(map(len, (self.notices.texts, self.notices.naming_texts, self.notices.naming_consents))),
            "consents": len(self.notices.consents),
            "waitlist": len(self.notices.waitlist),
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored, apart from a user account."""
        return not any(self.counts.values())

    @property
    def upcoming(self) -> tuple[HeldBooking, ...]:
        """The bookings that would be cancelled by a deletion."""
        return tuple(booking for booking in self.bookings if booking.is_upcoming(self.found_at))


def held_bookings(rows: Sequence[Row]) -> tuple[HeldBooking, ...]:
    """Return the bookings in rows of a search."""
    return tuple(
        HeldBooking(
            appointment_id=row["appointment_id"],
            agent_id=row["agent_id"],
            agent_name=row["agent_name"],
            zone=ZoneInfo(row["time_zone"]),
            start=row["start_time"],
            end=row["end_time"],
            status=row["status"],
            property_address=row["property_address"],
            attendee_name=row["attendee_name"],
        )
        for row in rows
    )


def held_calls(rows: Sequence[Row], *, own: bool) -> tuple[HeldCall, ...]:
    """Return the calls in rows of a search that are, or are not, the person's own."""
    return tuple(
        HeldCall(
            vapi_call_id=row["vapi_call_id"],
            kind=row["kind"],
            agent_name=row["agent_name"],
            zone=ZoneInfo(row["time_zone"] or "UTC"),
            began_at=row["began_at"],
        )
        for row in rows
        if row["is_own"] == own
    )


def held_messages(rows: Sequence[Row], *, own: bool) -> tuple[HeldMessage, ...]:
    """Return the messages in rows of a search that are, or are not, the person's own."""
    return tuple(
        HeldMessage(
            message_id=row["message_id"],
            agent_name=row["agent_name"],
            zone=ZoneInfo(row["time_zone"]),
            received_at=row["received_at"],
        )
        for row in rows
        if row["is_own"] == own
    )


_NOUNS: Mapping[str, tuple[str, str | None]] = {
    "bookings": ("viewing", None),
    "calls": ("call", None),
    "messages": ("message", None),
    "mentions": ("mention by another caller", "mentions by other callers"),
    "tool_calls": ("tool call in a call of others", "tool calls in calls of others"),
    "audit_entries": ("entry of the audit log", "entries of the audit log"),
    "notes": ("note in a calendar", "notes in calendars"),
    "notices": ("notice", None),
    "texts": ("text", None),
    "consents": ("consent or stop", "consents and stops"),
    "waitlist": ("place on a waiting list", "places on waiting lists"),
}


def described(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return counts with their nouns, without those that are 0."""
    return tuple(counted(number, *_NOUNS[name]) for name, number in counts.items() if number)
