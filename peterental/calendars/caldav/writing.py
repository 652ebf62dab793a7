"""Writing viewings into a calendar: each is a resource of its own, named by its marker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus

from peterental.calendars.caldav import names
from peterental.calendars.caldav.addresses import host_of, path_of
from peterental.calendars.caldav.client import DavClient, unexpected
from peterental.calendars.caldav.collection import Collection, Resource
from peterental.calendars.caldav.events import EventReader
from peterental.calendars.caldav.viewing_text import ViewingText
from peterental.calendars.caldav.xml_reader import parse_xml
from peterental.calendars.http import HttpAnswer
from peterental.calendars.icalendar_data.writer import viewing_to_icalendar
from peterental.calendars.model import (
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarUnreachable,
    EventMissing,
    EventRefused,
    Marker,
    OwnEvent,
    ReadWindow,
    ViewingEvent,
)
from peterental.calendars.notes import with_notes

MAX_ATTEMPTS = 2
"""How often a change is tried when another program's change came first."""

_DONE = frozenset({200, 201, 202, 204})
_GONE = frozenset({404, 410})
_OVERTAKEN = frozenset({404, 410, 412})
_MAY_BE_THERE = frozenset({400, 403, 409, 412})
"""How servers say that the name or the UID exists: 412, 409 or 403 with no-uid-conflict; Nextcloud says 400."""

_REFUSED = frozenset({400, 404, 405, 409, 410, 412, 413, 415, 422})
_READ_ONLY = names.DAV + "need-privileges"


class ViewingWriter:
    """Writes viewings into one calendar.

    Args:
        client: signed in.
        collection: the calendar.
        namespace: of this installation.
    """

    def __init__(self, client: DavClient, collection: Collection, *, namespace: str) -> None:
        self._client = client
        self._collection = collection
        self._namespace = namespace

    def create(self, event: ViewingEvent) -> str:
        """Create an event unless it exists; return its URL.

        It exists when the answer to an earlier attempt was lost. It is changed only if it is of an earlier revision.
        """
        path = self._path_of(event.marker)
        answer = self._put(path, viewing_to_icalendar(event), {"If-None-Match": "*"})
        if self._is_done(answer):
            return self._collection.url_of(path)
        found = self.locate(event.marker, None) if answer.status in _MAY_BE_THERE else None
        if found is not None:
            url = self._collection.url_of(found.path)
            is_older = ViewingText(found.data, event.marker.uid).sequence < event.sequence
            return self.change(event, url) if is_older else url
        if answer.status == HTTPStatus.PRECONDITION_FAILED and not any(self._collection.fetch([path])):
            raise CalendarUnreachable(host=self._host, reason="the event existed and is gone again")
        raise self._refused(answer)

    def change(self, event: ViewingEvent, event_id: str) -> str:
        """Change an event; return its URL, which is another one if a person's program has moved it.

        Raises:
            EventMissing: it is gone, or was cancelled.
        """
        for _ in range(MAX_ATTEMPTS):
            found = self.locate(event.marker, event_id)
            if found is None or ViewingText(found.data, event.marker.uid).is_cancelled:
                raise EventMissing
            if self._change_resource(event, found):
                return self._collection.url_of(found.path)
        raise CalendarUnreachable(host=self._host, reason="another program keeps changing the event")

    def delete(self, event_id: str, *, follow: bool = True) -> bool:
        """Delete an event, and return whether it was there. One that is gone, also with its calendar, is no fault.

        Args:
            event_id: the URL of its resource.
            follow: whether it is deleted wherever in the calendar it is now.
        """
        path = path_of(event_id)
        marker = marker_of(path, self._namespace)
        was_there = self._delete_resource(path)
        if was_there or marker is None or not follow:
            return was_there
        with suppress(CalendarGone):
            for moved in self._with_uid_of(marker):
                was_there = self._delete_resource(moved.path) or was_there
        return was_there

    def find(self, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now; None if it is gone or was cancelled."""
        found = self.locate(event.marker, event.event_id)
        if found is None or ViewingText(found.data, event.marker.uid).is_cancelled:
            return None
        window = ReadWindow(event.start, event.end, event.zone)
        reader = EventReader(window, namespace=self._namespace, owner=(), host=self._host)
        events = reader.read(found, url=self._collection.url_of(found.path))
        return next((own for own in events.own if own.marker == event.marker and own.start is not None), None)

    def locate(self, marker: Marker, event_id: str | None) -> Resource | None:
        """Return the resource that has an event: the one of its id or its marker, or else of its UID."""
        paths = [path_of(event_id)] if event_id else []
        paths.append(self._path_of(marker))
        found = {resource.path: resource for resource in self._collection.fetch(set(paths))}
        named = [found[path] for path in paths if path in found and ViewingText(found[path].data, marker.uid).is_ours]
        return next(iter(named or self._with_uid_of(marker)), None)

    @property
    def _host(self) -> str:
        return host_of(self._collection.url)

    def _path_of(self, marker: Marker) -> str:
        return f"{self._collection.path}{marker}.ics"

    def _with_uid_of(self, marker: Marker) -> list[Resource]:
        found = self._collection.with_uid(marker.uid)
        return [resource for resource in found if ViewingText(resource.data, marker.uid).is_ours]

    def _change_resource(self, event: ViewingEvent, found: Resource) -> bool:
        """Replace our part of a resource; return False if another program was faster.

        What a person wrote into the description stays.
        """
        existing = ViewingText(found.data, event.marker.uid)
        lines = with_notes(event.description.split("\n"), existing.description.split("\n"))
        event = replace(event, description=existing.description if lines is None else "\n".join(lines))
        ours = ViewingText(viewing_to_icalendar(event), event.marker.uid)
        if existing.agrees_with(ours) and existing.sequence >= event.sequence:
            return True
        text = existing.replaced_by(ours, sequence=max(event.sequence, existing.sequence + 1))
        # A weak ETag never matches (RFC 9110, 13.1.1).
        is_strong = found.etag is not None and not found.etag.startswith("W/")
        answer = self._put(found.path, text, {"If-Match": str(found.etag) if is_strong else "*"})
        if answer.status not in _DONE | _OVERTAKEN:
            raise self._refused(answer)
        return self._is_done(answer)

    def _put(self, path: str, text: bytes, condition: dict[str, str]) -> HttpAnswer:
        headers = {"Content-Type": "text/calendar; charset=utf-8", **condition}
        return self._client.send("PUT", self._collection.url_of(path), headers=headers, body=text)

    def _delete_resource(self, path: str) -> bool:
        """Delete a resource; return False if there is none."""
        answer = self._client.send("DELETE", self._collection.url_of(path))
        if answer.status not in _DONE | _GONE:
            raise unexpected(answer)
        return self._is_done(answer)

    def _is_done(self, answer: HttpAnswer) -> bool:
        """Return whether a change was made. Raises CalendarNonsense for a web page, such as a proxy's sign-in.

        Apache answers 201 with a page, after it has created the resource.
        """
        if answer.status == HTTPStatus.OK and "html" in answer.headers.get("Content-Type", "").lower():
            raise CalendarNonsense(host=self._host, reason="it answers a change with a web page")
        return answer.status in _DONE

    def _refused(self, answer: HttpAnswer) -> CalendarFault:
        """Return what the answer to a PUT means that was not successful."""
        conditions = _conditions(answer)
        if answer.status in _GONE | {HTTPStatus.CONFLICT}:
            self._collection.state()  # raises CalendarGone if it is the calendar that is missing
        if _READ_ONLY in conditions:
            return EventRefused(host=self._host, reason="the calendar is read-only")
        broken = sorted(name.partition("}")[2] for name in conditions if name.startswith(names.CALDAV))
        if broken or answer.status in _REFUSED:
            return EventRefused(host=self._host, reason=", ".join(broken) or f"it answers {answer.status}")
        return unexpected(answer)


def marker_of(path: str, namespace: str) -> Marker | None:
    """Return the marker that a resource is named by, if PeteRental has written it."""
    return Marker.parse(path.rpartition("/")[2].removesuffix(".ics"), namespace)


def _conditions(answer: HttpAnswer) -> frozenset[str]:
    """Return the names of the conditions that an answer says are violated (RFC 4918, 16)."""
    try:
        error = parse_xml(answer.body, host="")
    except CalendarNonsense:
        return frozenset()
    return (
        frozenset(element.name for element in error.descendants()) if error.name == names.DAV + "error" else frozenset()
    )
