"""Reading a calendar: whole, or what changed since a cursor."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from peterental.calendars.caldav import names
from peterental.calendars.caldav.addresses import host_of
from peterental.calendars.caldav.bodies import propfind
from peterental.calendars.caldav.client import DavClient
from peterental.calendars.caldav.collection import Collection, CollectionState, readable
from peterental.calendars.caldav.cursor import Cursor
from peterental.calendars.caldav.events import EventReader
from peterental.calendars.caldav.writing import marker_of
from peterental.calendars.model import BusyTime, OwnEvent, Reading, ReadWindow

MARGIN = timedelta(days=1)
"""By how much more than the window a server is asked for. It may take a zone wrongly; what blocks is decided here."""

MOST_NOTES = 10
"""How many notes a reading has."""


class CalendarReader:
    """Reads one calendar.

    Args:
        client: signed in.
        collection: the calendar.
        window: the time of interest.
        namespace: of this installation, for its own events.
        owner: the e-mail addresses of the calendar's owner, as far as they are known.
    """

    def __init__(
        self, client: DavClient, collection: Collection, *, window: ReadWindow, namespace: str, owner: AnyOf[str]
    ) -> None:
        self._client = client
        self._collection = collection
        self._window = window
        self._namespace = namespace
        self._owner = frozenset(owner)

    def read(self, cursor_text: str | None) -> Reading:
        """Read what changed since a cursor, or the whole window if there is none or it is not known any more."""
        cursor = Cursor.parse(cursor_text)
        if cursor is None:
            return self._whole(self._collection.state())
        return self._since_token(cursor, cursor.token) if cursor.token else self._since_etags(cursor)

    def _whole(self, state: CollectionState) -> Reading:
        # The token is of before the events were listed: what changes in between is read twice, not missed.
        token = state.sync_token or (self._collection.first_token() if state.can_sync else None)
        addresses = self._addresses(state)
        etags = self._listed()
        cursor = Cursor(addresses=addresses, token=token, ctag=state.ctag, etags={} if token else etags, renamed=())
        found = self._events(etags, cursor, is_readable=False)
        return replace(found, is_whole=True, removed=frozenset(), removed_own=frozenset())

    def _since_token(self, cursor: Cursor, token: str) -> Reading:
        changes = self._collection.changes(token)
        if changes is None:
            return self._whole(self._collection.state())
        return self._events(changes.changed, replace(cursor, token=changes.token), removed=changes.removed)

    def _since_etags(self, cursor: Cursor) -> Reading:
        """Compare ETags, on a server without sync-collection."""
        state = self._collection.state()
        if state.ctag is not None and state.ctag == cursor.ctag:
            return Reading(is_whole=False, cursor=cursor.text())
        etags = self._listed()
        changed = {path for path, etag in etags.items() if etag is None or cursor.etags.get(path) != etag}
        return self._events(
            changed, replace(cursor, ctag=state.ctag, etags=etags), removed=frozenset(cursor.etags) - frozenset(etags)
        )

    def _listed(self) -> dict[str, str | None]:
        return self._collection.etags_between(self._window.start - MARGIN, self._window.end + MARGIN)

    def _events(
        self,
        paths: Iterable[str],
        cursor: Cursor,
        *,
        removed: frozenset[str] = frozenset(),
        is_readable: bool = True,
    ) -> Reading:
        """Return a reading of some resources, those that are gone by now among the removed ones.

        Args:
            paths: of the resources.
            cursor: of the next reading.
            removed: the paths of those that are known to be gone.
            is_readable: whether the calendar was read before: a refused event is not a lost access then.
        """
        asked = frozenset(paths)
        busy: dict[str, tuple[BusyTime, ...]] = {}
        own: list[OwnEvent] = []
        notes: list[str] = []
        reader = self._reader(cursor)
        renamed = set(cursor.renamed)
        for resource in self._collection.fetch(asked, is_readable=is_readable):
            events = reader.read(resource, url=self._collection.url_of(resource.path))
            busy[resource.path] = events.busy
            own += events.own
            notes += events.notes
            if events.own and not self._is_named_by_us(resource.path):
                renamed.add(resource.path)
        gone = removed | (asked - busy.keys())
        gone_own = {path for path in gone if path in renamed or self._is_named_by_us(path)}
        return Reading(
            is_whole=False,
            busy=busy,
            removed=gone,
            own=tuple(own),
            removed_own=frozenset(map(self._collection.url_of, gone_own)),
            cursor=replace(cursor, renamed=tuple(sorted(renamed - gone))).text(),
            notes=tuple(dict.fromkeys(notes))[:MOST_NOTES],
        )

    def _reader(self, cursor: Cursor) -> EventReader:
        return EventReader(
            self._window,
            namespace=self._namespace,
            owner=self._owner | frozenset(cursor.addresses),
            host=host_of(self._collection.url),
            time_left_s=lambda: self._client.time_left_s,
        )

    def _is_named_by_us(self, path: str) -> bool:
        return marker_of(path, self._namespace) is not None

    def _addresses(self, state: CollectionState) -> tuple[str, ...]:
        """Return the owner's e-mail addresses, by which her answers to invitations are recognised.

        Without them a declined invitation blocks, so a server that does not say them is no fault.
        """
        if state.principal is None:
            return ()
        answer = self._client.ask("PROPFIND", state.principal, propfind([names.USER_ADDRESSES]), depth=0)
        listed = readable(answer)
        hrefs = [href for found in listed.responses for href in found.hrefs_in(names.USER_ADDRESSES)] if listed else []
        return tuple(href[len("mailto:") :].lower() for href in hrefs if href.lower().startswith("mailto:"))
