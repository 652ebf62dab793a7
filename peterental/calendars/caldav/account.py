"""An account at a CalDAV server."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from peterental.calendars.caldav.addresses import host_of
from peterental.calendars.caldav.client import DavClient
from peterental.calendars.caldav.collection import Collection
from peterental.calendars.caldav.discovery import find_calendars
from peterental.calendars.caldav.reading import CalendarReader
from peterental.calendars.caldav.writing import ViewingWriter
from peterental.calendars.http import HttpClient
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarUnreachable,
    OwnEvent,
    Reading,
    ReadWindow,
    RemoteCalendar,
    ViewingEvent,
)
from peterental.calendars.source import WrittenEvent


class CaldavAccount:
    """An account at a CalDAV server: iCloud, Fastmail, Nextcloud, mailbox.org and others. A `ViewingCalendar`.

    Args:
        http: sends the requests, within a time limit.
        address: as a person typed it: a host, a URL, or an e-mail address. Only `calendars` uses it.
        username: of the account.
        password: an app password.
        namespace: of this installation, for its own events.
        owner: e-mail addresses of the person, by which her answers to invitations are recognised. Those that the server
            knows are added.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        address: str,
        username: str,
        password: str,
        namespace: str,
        owner: AnyOf[str] = (),
    ) -> None:
        self._client = DavClient(http, username=username, password=password)
        self._address = address
        self._username = username
        self._namespace = namespace
        self._owner = frozenset({*owner, *([username] if "@" in username else [])})

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the calendars of the account that can have events.

        Raises:
            AddressNotAllowed: the typed address is not one of a server, or leads into a private network.
        """
        return find_calendars(self._client, address=self._address, username=self._username)

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:
        """Read one calendar. The key of a group of busy times is the path of their resource."""
        collection = Collection(self._client, remote_id)
        reader = CalendarReader(self._client, collection, window=window, namespace=self._namespace, owner=self._owner)
        with _addresses_are_stored(remote_id):
            return reader.read(cursor)

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        """Create or change an event. Its id is the URL of its resource."""
        writer = self._writer(remote_id)
        with _addresses_are_stored(remote_id):
            url = writer.create(event) if event.event_id is None else writer.change(event, event.event_id)
        return WrittenEvent(event_id=url)

    def delete(self, remote_id: str, event_id: str, *, follow: bool = True) -> bool:
        """Delete an event, and return whether it was there."""
        with _addresses_are_stored(remote_id):
            return self._writer(remote_id).delete(event_id, follow=follow)

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now."""
        writer = self._writer(remote_id)
        with _addresses_are_stored(remote_id):
            return writer.find(event)

    def _writer(self, remote_id: str) -> ViewingWriter:
        return ViewingWriter(self._client, Collection(self._client, remote_id), namespace=self._namespace)


@contextmanager
def _addresses_are_stored(remote_id: str) -> Iterator[None]:
    """Report an address that is refused as a fault: no person has typed it just now."""
    try:
        yield
    except AddressNotAllowed as refusal:
        raise CalendarUnreachable(host=host_of(remote_id), reason=str(refusal)) from None
