"""Viewings as events in a Google calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any

from peterental.calendars.google.api import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    GONE,
    NOT_FOUND,
    PRECONDITION_FAILED,
    ApiError,
    GoogleApi,
    json_object,
)
from peterental.calendars.google.events import FIELDS, STAMP_PROPERTY, is_copy, read_event, text_of
from peterental.calendars.google.provider import HOST
from peterental.calendars.model import (
    CalendarGone,
    CalendarNonsense,
    CalendarUnreachable,
    EventIdSpent,
    EventMissing,
    EventRefused,
    OwnEvent,
    ViewingEvent,
)
from peterental.calendars.notes import with_notes
from peterental.calendars.source import WrittenEvent

_EVENT = "calendar#event"
_SILENT = {"sendUpdates": "none"}
"""Google sends no mail: PeteRental's own notices do."""
_WRITTEN = {**_SILENT, "fields": "kind,id,status"}
_WANTED = {"maxAttendees": "1", "fields": f"kind,{FIELDS}"}

MAX_ATTEMPTS = 2
"""How often a change is tried when another program's change came first."""

_LINE_END = re.compile(r"\r?\n|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")

_ABSENT = frozenset({NOT_FOUND, GONE})


class Viewings:
    """Writes, finds and deletes the events of viewings.

    The event's id is the text of its marker, so a second attempt to create it is refused by Google with 409. An id is
    never free again, not even after its event was deleted: then `write` raises EventIdSpent, and the viewing gets an
    event with the next revision of its marker.

    Args:
        api: of the account.
        namespace: of this installation.
    """

    def __init__(self, api: GoogleApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        """Create an event, or change it if it has an id."""
        if event.event_id is None:
            return self._create(remote_id, event)
        return self._change(remote_id, event, event.event_id)

    def delete(self, remote_id: str, event_id: str) -> bool:
        """Delete an event, and return whether it was there; one that is gone already is no fault.

        Raises CalendarNonsense if the answer is not Google's: a login page says nothing about the event.
        """
        try:
            answer = self._api.ask("DELETE", _path(remote_id, event_id), query=_SILENT)
        except ApiError as error:
            if self._current(remote_id, event_id) is not None:
                raise _refused(error) from error
            return False
        if answer.body:
            raise CalendarNonsense(host=HOST, reason="the answer to a deletion is not empty")
        return True

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now, by its id or else by its marker.

        None if it is gone or was cancelled. A guest's copy of an event in another calendar is not the event.
        """
        for event_id in dict.fromkeys([event.event_id or str(event.marker), str(event.marker)]):
            found = self._current(remote_id, event_id)
            if found is not None and not is_copy(found):
                read = read_event(found, event.zone, self._namespace)
                if read.start is None or read.end is None:
                    raise CalendarNonsense(host=HOST, reason="the event has no time that can be read")
                return OwnEvent(
                    marker=event.marker,
                    event_id=event_id,
                    start=read.start,
                    end=read.end,
                    stamp=read.stamp,
                    is_original=event_id == str(event.marker),
                )
        self._require_calendar(remote_id)
        return None

    def _create(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        event_id = str(event.marker)
        body = {**_content(event), "id": event_id, "reminders": {"useDefault": True}}
        try:
            answer = self._api.ask("POST", ("calendars", remote_id, "events"), query=_WRITTEN, body=body)
        except ApiError as error:
            if error.status == CONFLICT:
                return self._adopt(remote_id, event, event_id)
            if error.status in _ABSENT:
                raise CalendarGone(name=remote_id) from error
            raise _refused(error) from error
        if json_object(answer, _EVENT).get("id") != event_id:
            raise CalendarNonsense(host=HOST, reason="it created another event than the one it was sent")
        return WrittenEvent(event_id)

    def _adopt(self, remote_id: str, event: ViewingEvent, event_id: str) -> WrittenEvent:
        """Take the event that an earlier attempt created, whose answer was lost.

        It gets the present content. Raises EventIdSpent if it was deleted since, or if it is a guest's copy of an event
        in another calendar.
        """
        found = self._api_event(remote_id, event_id)
        if found is None:
            raise CalendarUnreachable(host=HOST, reason="it has the event, but does not show it yet")
        if found.get("status") == "cancelled" or is_copy(found):
            raise EventIdSpent(host=HOST)
        return self._change(remote_id, event, event_id)

    def _change(self, remote_id: str, event: ViewingEvent, event_id: str) -> WrittenEvent:
        """Change our fields of an event.

        What the person added, such as notes, guests or reminders, stays. The change is made from the version that was
        read, so one that takes effect late changes nothing.
        """
        for _ in range(MAX_ATTEMPTS):
            present = self._api_event(remote_id, event_id, {"fields": "kind,etag,status,description"})
            if present is None:
                self._require_calendar(remote_id)
                raise EventMissing
            if present.get("status") == "cancelled":
                raise EventMissing
            if self._patch(remote_id, event_id, event, present):
                return WrittenEvent(event_id)
        raise CalendarUnreachable(host=HOST, reason="another program keeps changing the event")

    def _patch(self, remote_id: str, event_id: str, event: ViewingEvent, present: Mapping[str, Any]) -> bool:
        """Change an event as it was read; return False if it has changed since."""
        body = _content(event, text_of(present.get("description")))
        for edge in ("start", "end"):
            body[edge]["date"] = None  # the person may have made it an all-day event
        etag = text_of(present.get("etag"))
        headers = {"If-Match": etag} if etag is not None else {}
        try:
            answer = self._api.ask("PATCH", _path(remote_id, event_id), query=_WRITTEN, body=body, headers=headers)
        except ApiError as error:
            if error.status == PRECONDITION_FAILED:
                return False
            if error.status in _ABSENT:
                self._require_calendar(remote_id)
                raise EventMissing from error
            if self._current(remote_id, event_id) is None:  # Google answers 403 for an event that was deleted
                raise EventMissing from error
            raise _refused(error) from error
        if json_object(answer, _EVENT).get("status") == "cancelled":
            raise EventMissing
        return True

    def _current(self, remote_id: str, event_id: str) -> Mapping[str, Any] | None:
        """Return an event; None if it is gone or was cancelled."""
        found = self._api_event(remote_id, event_id)
        return None if found is None or found.get("status") == "cancelled" else found

    def _api_event(
        self, remote_id: str, event_id: str, wanted: Mapping[str, str] = _WANTED
    ) -> Mapping[str, Any] | None:
        """Return an event, a deleted one too, as long as Google keeps it."""
        try:
            return self._api.fetch(_EVENT, _path(remote_id, event_id), wanted)
        except ApiError as error:
            if error.status in _ABSENT:
                return None
            raise

    def _require_calendar(self, remote_id: str) -> None:
        """Raise CalendarGone if the calendar itself is what is missing."""
        query = {"maxResults": "1", "fields": "kind"}
        try:
            self._api.fetch("calendar#events", ("calendars", remote_id, "events"), query)
        except ApiError as error:
            raise (CalendarGone(name=remote_id) if error.status in _ABSENT else error) from error


def _path(remote_id: str, event_id: str) -> tuple[str, ...]:
    return ("calendars", remote_id, "events", event_id)


def _refused(error: ApiError) -> EventRefused | ApiError:
    """Return the fault for an event that Google does not take, however often it is sent."""
    if error.status in {BAD_REQUEST, FORBIDDEN}:
        return EventRefused(host=HOST, reason=error.values["reason"])
    return error


def _plain(line: str) -> str:
    """Return the text of a line of a description."""
    return unescape(_TAG.sub("", line))


def _content(event: ViewingEvent, present: str | None = None) -> dict[str, Any]:
    """Return the fields of an event that PeteRental decides.

    Google reads a description as HTML.

    Args:
        event: the viewing.
        present: the description of the event that is changed.
    """
    private = {"peterentalViewing": str(event.marker.appointment_id)}
    if event.stamp is not None:
        private[STAMP_PROPERTY] = str(event.stamp)
    content = {
        "summary": event.title,
        "location": event.location,
        **{
            edge: {"dateTime": moment.astimezone(event.zone).isoformat(), "timeZone": event.zone.key}
            for edge, moment in (("start", event.start), ("end", event.end))
        },
        "extendedProperties": {"private": private},
    }
    ours = escape(event.description, quote=False).split("\n")
    description = ours if present is None else with_notes(ours, _LINE_END.split(present), _plain)
    if description is not None:
        content["description"] = "\n".join(description)
    if event.url is not None:
        content["source"] = {"title": "PeteRental", "url": event.url}
    return content
