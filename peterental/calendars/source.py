"""What the code of every kind of calendar offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from peterental.calendars.model import OwnEvent, Reading, ReadWindow, RemoteCalendar, ViewingEvent


@dataclass(frozen=True)
class WrittenEvent:
    """An event after it was written.

    Args:
        event_id: the provider's id, by which it is changed and deleted. For CalDAV the URL of its resource.
    """

    event_id: str


class CalendarAccount(Protocol):
    """An account at a provider, signed in. Used by one thread at a time.

    Every method raises a `CalendarFault` and nothing else for whatever a provider, the network or a limit causes.
    Each takes at most the time that the account was built with.
    """

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the calendars of the account."""
        ...

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:
        """Read one calendar.

        A cursor that the provider no longer knows leads to a whole reading, so nothing between two cursors is lost.

        Args:
            remote_id: which.
            window: the time of interest. A cursor is used with the window it was made with.
            cursor: of the last reading; None reads the whole window.
        """
        ...


class ViewingCalendar(CalendarAccount, Protocol):
    """An account in whose calendars events can be written."""

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        """Create an event, or change it if it has an id.

        Creating it again, after an answer that was lost, makes no second event. An event that was to be changed and is
        gone is not created again: that raises EventMissing.
        """
        ...

    def delete(self, remote_id: str, event_id: str, *, follow: bool = True) -> bool:
        """Delete an event, and return whether it was there; one that is gone already is no fault.

        Args:
            remote_id: of its calendar.
            event_id: which.
            follow: whether an event that a person's program has moved, and so given another id, is deleted there.
        """
        ...

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now, by its id or else by its marker; None if it is gone or was cancelled."""
        ...


class TokenStore(Protocol):
    """The OAuth tokens of one account, as they are stored."""

    def load(self) -> Tokens:
        """Return the stored tokens."""
        ...

    def save(self, tokens: Tokens) -> None:
        """Store tokens, before they are used: a refresh token is worthless once its successor was issued."""
        ...


@dataclass(frozen=True)
class Tokens:
    """OAuth 2 tokens.

    Args:
        access_token: sent with requests.
        refresh_token: gets the next access token.
        expires_at: when the access token expires, in seconds since 1970-01-01 UTC.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
