"""A viewing and its event in a calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peterental.appointments.model import ERASED_NAME, Status
from peterental.errors import Refusal

RemoteChange = Literal["moved", "deleted"]


class NothingToResolve(Refusal):
    """The viewing and its event in the calendar agree by now."""


@dataclass(frozen=True, kw_only=True)
class ViewingOfEvent:
    """A viewing with everything that its event says. Times are UTC.

    Args:
        sequence: counts the changes of the viewing that calendars have to know of.
    """

    appointment_id: int
    agent_id: str
    time_zone: str
    status: Status
    start: datetime
    end: datetime
    property_address: str
    attendee_name: str
    attendee_phone: str | None
    attendee_email: str | None
    caller_number: str | None
    sequence: int
    updated_at: datetime

    def is_erased(self, now: datetime) -> bool:
        """Return whether it has begun, and its visitor's data was deleted: it has no event any more.

        One to come was cancelled with the deletion. If a user restores it, its agent needs the event.
        """
        return self.attendee_name == ERASED_NAME and self.start <= now


@dataclass(frozen=True, kw_only=True)
class EventState:
    """What was written into a calendar about a viewing, and what a person did to it there. Times are UTC.

    Args:
        calendar_id: where the event is; None if it is nowhere, or its calendar was disconnected.
        revision: counts the events of the viewing.
        version: counts the changes of the viewing; written_version: how far they were written.
        attempted: whether the answer to a request is missing that creates the event, or deletes it if its id is known.
            The request may still take effect.
        event_id: the provider's id; None if it was never written, or deleted by us.
        problem: why the provider refused the event; None if it did not.
        remote_change: what a person did to the event; None if nothing.
    """

    appointment_id: int
    calendar_id: int | None
    revision: int
    version: int
    written_version: int
    attempted: bool
    event_id: str | None
    written_start: datetime | None
    written_end: datetime | None
    problem: str | None
    remote_change: RemoteChange | None
    remote_start: datetime | None
    remote_end: datetime | None

    @property
    def is_waiting(self) -> bool:
        """Whether the event has to be written."""
        return self.version != self.written_version

    @property
    def is_being_deleted(self) -> bool:
        """Whether a deletion of the event may still take effect. The event is not written again."""
        return self.event_id is not None and self.attempted

    @property
    def may_exist(self) -> bool:
        """Whether there may be an event in a calendar."""
        return self.event_id is not None or self.attempted
