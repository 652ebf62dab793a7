"""Calendars, what is read from them and what is written into them, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.errors import Fault, Refusal

CalendarKind = Literal["ics", "caldav", "microsoft", "google", "demo"]

BusyKind = Literal["busy", "tentative", "out_of_office"]

LONGEST_KEY = 1024
"""The longest id of an event that is kept, in characters; a longer one is replaced by its hash."""


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReadWindow:
    """The time for which busy times are read, and the clock that all-day events follow.

    Args:
        start: aware, UTC.
        end: aware, UTC.
        zone: the agent's time zone. An all-day event blocks the day in it, and a time without a zone is in it.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class BusyTime:
    """One time during which an event blocks.

    Args:
        start: aware, UTC. It may lie before the window that was read.
        end: aware, UTC, after the start.
        kind: what the calendar shows for the time.
        title: of the event; None if it has none. It is stored only for agents who ask for it.
    """

    start: datetime
    end: datetime
    kind: BusyKind = "busy"
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class OwnEvent:
    """An event that PeteRental wrote, as it is in the calendar now. It never blocks.

    Args:
        marker: which viewing it is for.
        event_id: the provider's id, as returned by `ViewingCalendar.write`.
        start, end: aware, UTC; None if it was deleted or cancelled.
        stamp: what PeteRental wrote last, as far as the event says it.
        is_original: whether it has the name under which PeteRental created it. A copy that a person made, or imported
            from our feed, does not.
    """

    marker: Marker
    event_id: str
    start: datetime | None
    end: datetime | None
    stamp: Stamp | None = None
    is_original: bool = False

    def is_overtaken(self, version: int) -> bool:
        """Return whether an earlier request of ours took effect after the one that wrote a version.

        Then the event is as that request left it. If its times are others, a person changed them.

        Args:
            version: of the viewing, that was written last.
        """
        return self.stamp is not None and self.stamp.version < version and self.stamp.times == (self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a calendar said.

    Args:
        is_whole: whether `busy` has every event of the window, so that whatever else is stored is over. Otherwise it
            has the events that changed since the cursor.
        busy: the times that block, by the provider's key of an event (or of a group that changes together, such as one
            CalDAV resource). An event that does not block any more has no times.
        removed: the keys of events that were deleted since the cursor.
        own: the events that PeteRental wrote, as far as they were read.
        removed_own: the provider's ids of events that may be ours and were deleted since the cursor. Whether one is
            gone is looked up, because some providers also report an event as removed when it leaves the window.
        cursor: from which the next reading continues; None if the provider has no such thing.
        notes: sentences for the agent about events that were understood only in part.
    """

    is_whole: bool
    busy: Mapping[str, tuple[BusyTime, ...]] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    own: tuple[OwnEvent, ...] = ()
    removed_own: frozenset[str] = frozenset()
    cursor: str | None = None
    notes: tuple[str, ...] = ()


# --- our own events --------------------------------------------------------------------------------------------------

_MARKER = re.compile(r"pr(?P<namespace>[0-9a-f]{12})v(?P<appointment>[1-9][0-9]{0,18})r(?P<revision>[0-9]{1,9})")
_UID_HOST = "@peterental"


@dataclass(frozen=True)
class Marker:
    """The name of an event that PeteRental writes. Written once, an event keeps it wherever it is moved.

    Its text is made of digits and the letters a to v only: Google's ids allow no others.

    Args:
        namespace: of this installation, 12 hexadecimal digits; another one's events are a stranger's.
        appointment_id: which viewing.
        revision: counts the events of one viewing. A viewing that is cancelled and restored gets a new event, because
            Google never gives a deleted id again.
    """

    namespace: str
    appointment_id: int
    revision: int = 0

    def __str__(self) -> str:
        return f"pr{self.namespace}v{self.appointment_id}r{self.revision}"

    @property
    def uid(self) -> str:
        """The UID of the event in iCalendar data."""
        return f"{self}{_UID_HOST}"

    @classmethod
    def parse(cls, text: object, namespace: str) -> Marker | None:
        """Return the marker that a provider's id, UID or transaction id is; None if it is not one of this namespace.

        Args:
            text: of any type, because it comes from outside.
            namespace: of this installation.
        """
        match = _MARKER.fullmatch(text.removesuffix(_UID_HOST)) if isinstance(text, str) else None
        if match is None or match["namespace"] != namespace:
            return None
        return cls(namespace, int(match["appointment"]), int(match["revision"]))


_STAMP = re.compile(r"([0-9]{1,18})/([0-9]{8}T[0-9]{6}Z)/([0-9]{8}T[0-9]{6}Z)")


@dataclass(frozen=True)
class Stamp:
    """What PeteRental last wrote into an event, kept in a property of the event that calendar programs leave alone.

    A request whose answer was lost may take effect after a later one. The stamp then shows which request made the event
    what it is, and that no person moved it since.

    Args:
        version: of the viewing.
        start, end: aware, UTC, in whole seconds.
    """

    version: int
    start: datetime
    end: datetime

    @property
    def times(self) -> tuple[datetime, datetime]:
        """The start and the end."""
        return self.start, self.end

    def __str__(self) -> str:
        start, end = (f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" for moment in self.times)
        return f"{self.version}/{start}/{end}"

    @classmethod
    def parse(cls, text: object) -> Stamp | None:
        """Return the stamp that a property of an event is; None if it is not one.

        Args:
            text: of any type, because it comes from outside.
        """
        match = _STAMP.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        try:
            return cls(int(match[1]), *(datetime.fromisoformat(match[group]).astimezone(UTC) for group in (2, 3)))
        except ValueError:  # the 31st of February
            return None


@dataclass(frozen=True, kw_only=True)
class ViewingEvent:
    """A viewing as an event for a calendar.

    Args:
        marker: its name.
        event_id: the provider's id of the event, if it was written before; None to create it.
        start, end: aware, UTC.
        zone: the agent's time zone, in which the event is written.
        title, location, description: plain text; the description has several lines.
        url: of the viewing's page; None if PUBLIC_URL is not known.
        sequence: grows with every change, RFC 5545.
        updated_at: when it last changed, aware.
        version: of the viewing, as the outbox counts; None leaves the stamp out, as in a feed.
        viewing_times: the start and the end of the viewing, if its event stays at the times that a person moved it to.
    """

    marker: Marker
    event_id: str | None
    start: datetime
    end: datetime
    zone: ZoneInfo
    title: str
    location: str
    description: str
    url: str | None
    sequence: int
    updated_at: datetime
    version: int | None = None
    viewing_times: tuple[datetime, datetime] | None = None

    @property
    def stamp(self) -> Stamp | None:
        """What the event keeps of this write."""
        if self.version is None:
            return None
        start, end = self.viewing_times or (self.start, self.end)
        return Stamp(self.version, *(moment.astimezone(UTC).replace(microsecond=0) for moment in (start, end)))


# --- accounts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RemoteCalendar:
    """A calendar of an account, as the provider describes it.

    Args:
        remote_id: the provider's id; for CalDAV its URL.
        name: as the person named it.
        is_writable: whether events can be written into it.
        is_default: whether new events go there by default.
        owner: the e-mail address of the account, as far as the provider says it.
    """

    remote_id: str
    name: str
    is_writable: bool = False
    is_default: bool = False
    owner: str | None = None


# --- what can go wrong -----------------------------------------------------------------------------------------------


class CalendarFault(Fault):
    """The calendar could not be read: {reason}.

    A fault says nothing about the busy times: they are neither free nor gone.
    """


class CalendarUnreachable(CalendarFault):
    """{host} cannot be reached: {reason}.

    No connection, a time limit, an answer of 5xx.
    """


class CalendarNonsense(CalendarFault):
    """{host} sent something that is not a calendar: {reason}.

    A login page in place of data, broken data, or more data than the limits allow.
    """


class CalendarThrottled(CalendarFault):
    """{host} asks to be left alone for a while.

    Args:
        retry_after_s: for how long, in seconds.
    """

    def __init__(self, *, host: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(host=host)


class CalendarAccessLost(CalendarFault):
    """{host} no longer accepts the sign-in. Connect the calendar again.

    An expired or revoked grant, a changed password, a scope that was not granted.
    """


class CalendarGone(CalendarFault):
    """The calendar {name} does not exist any more. Choose another one.

    It says nothing about the events that were read from it.
    """


class EventMissing(CalendarFault):
    """The event is not in the calendar any more."""


class EventRefused(CalendarFault):
    """{host} refused the event: {reason}.

    Another attempt with the same event would be refused too.
    """


class EventIdSpent(EventRefused):
    """{host} does not take the id of an event that was deleted.

    The viewing gets an event with the next revision of its marker.
    """


class AddressNotAllowed(Refusal):
    """That address cannot be used: {reason}."""
