"""A Google account: its calendars, their busy times, and viewings in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from peterental.calendars.google import events
from peterental.calendars.google.api import (
    BAD_REQUEST,
    FORBIDDEN,
    GONE,
    NOT_FOUND,
    ApiError,
    GoogleApi,
    json_object,
)
from peterental.calendars.google.provider import HOST
from peterental.calendars.google.reading import EventCollector, UnusableReading
from peterental.calendars.google.viewings import Viewings
from peterental.calendars.model import (
    BusyTime,
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarUnreachable,
    OwnEvent,
    Reading,
    ReadWindow,
    RemoteCalendar,
    ViewingEvent,
)
from peterental.calendars.oauth import AuthorizedHttp
from peterental.calendars.source import WrittenEvent

_OWNER = "owner"

_CALENDAR_LIST = ("users", "me", "calendarList")
_EVENTS_PER_PAGE, _CALENDARS_PER_PAGE = "2500", "250"

_ALL_DAY_MARGIN = timedelta(hours=26)
"""Google places an all-day event by the calendar's time zone, which may be that far from the agent's."""

_FREE_BUSY_SPAN = timedelta(days=60)
"""The longest time that is asked for at once. Google refuses more than about 90 days."""

FORBIDDEN_NOTE = "Google shows only when this calendar is busy, not its events. Viewings in it count as busy, too."


class GoogleAccount:
    """A Google account, a `ViewingCalendar`.

    A calendar that the person owns is read event by event. Of any other calendar only the free and busy times are
    read, which is what `provider.SCOPES` allow. Viewings are written into owned calendars.

    Args:
        http: sends requests with the account's access token.
        api_url: base address of Google's APIs, without version and path.
        namespace: of this installation.
    """

    def __init__(self, http: AuthorizedHttp, *, api_url: str, namespace: str) -> None:
        self._api = GoogleApi(http, api_url)
        self._namespace = namespace
        self._viewings = Viewings(self._api, namespace)

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the calendars of the account's list; the owned ones are writable."""
        fields = "kind,nextPageToken,nextSyncToken,items(id,summary,summaryOverride,accessRole,primary,deleted)"
        query = {"maxResults": _CALENDARS_PER_PAGE, "fields": fields}
        pages = self._api.pages("calendar#calendarList", _CALENDAR_LIST, query)
        try:
            found = [_remote_calendar(entry) for page in pages for entry in page.items]
        except ApiError as error:
            raise _account_fault(error) from error
        return tuple({calendar.remote_id: calendar for calendar in found if calendar is not None}.values())

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:
        """Read a calendar, as `CalendarAccount.read` promises.

        The cursor is Google's sync token. If it is not accepted, or if the calendar may not be read event by event any
        more, the whole window is read. Free and busy times are always read whole.
        """
        reading = None if cursor is None else self._changes(remote_id, window, cursor)
        if reading is not None:
            return reading
        try:
            if not self._is_owned(remote_id):
                return self._free_busy(remote_id, window)
            return self._all_events(remote_id, window)
        except ApiError as error:
            raise _calendar_fault(error, remote_id) from error

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        """Create or change an event, as `ViewingCalendar.write` promises.

        Raises EventIdSpent if the marker was used for an event that was deleted.
        """
        return self._viewings.write(remote_id, event)

    def delete(self, remote_id: str, event_id: str, *, follow: bool = True) -> bool:
        """Delete an event, and return whether it was there. Its id never changes."""
        del follow
        return self._viewings.delete(remote_id, event_id)

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now; None if it is gone or was cancelled."""
        return self._viewings.find(remote_id, event)

    def _is_owned(self, remote_id: str) -> bool:
        """Return whether the person owns a calendar.

        One that she took off her list may still be hers.
        """
        path = (*_CALENDAR_LIST, remote_id)
        try:
            entry = self._api.fetch("calendar#calendarListEntry", path, {"fields": "kind,accessRole"})
        except ApiError as error:
            if error.status == NOT_FOUND:
                return True
            raise
        return entry.get("accessRole") == _OWNER

    def _changes(self, remote_id: str, window: ReadWindow, cursor: str) -> Reading | None:
        """Return what changed since the cursor; None if only a whole reading shows that."""
        collector = EventCollector(window, self._namespace, is_whole=False)
        try:
            return self._collect(remote_id, collector, {"syncToken": cursor})
        except UnusableReading:
            return None
        except ApiError as error:
            if error.status in {BAD_REQUEST, FORBIDDEN, GONE}:
                return None
            raise _calendar_fault(error, remote_id) from error

    def _all_events(self, remote_id: str, window: ReadWindow) -> Reading:
        """Read every event of the window.

        A person may have the role of an owner in a calendar that Google counts as another's. If its events are
        forbidden, its free and busy times are read.
        """
        bounds = {
            "timeMin": _rfc3339(window.start - _ALL_DAY_MARGIN),
            "timeMax": _rfc3339(window.end + _ALL_DAY_MARGIN),
        }
        try:
            return self._collect(remote_id, EventCollector(window, self._namespace, is_whole=True), bounds)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
        return replace(self._free_busy(remote_id, window), notes=(FORBIDDEN_NOTE,))

    def _collect(self, remote_id: str, collector: EventCollector, query: Mapping[str, str]) -> Reading:
        """Read events to the last page.

        `singleEvents` makes Google expand series. Only the owner's entry of the guests is asked for. Apart from the
        bounds of time, the parameters are the same with a sync token and without, as Google demands.
        """
        constant = {
            "singleEvents": "true",
            "maxAttendees": "1",
            "maxResults": _EVENTS_PER_PAGE,
            "fields": f"kind,nextPageToken,nextSyncToken,items({events.FIELDS})",
        }
        cursor = None
        for page in self._api.pages("calendar#events", ("calendars", remote_id, "events"), {**constant, **query}):
            for item in page.items:
                collector.add(item)
            cursor = page.next_sync
        return collector.reading(cursor)

    # --- calendars of which only free and busy times may be read ---

    def _free_busy(self, remote_id: str, window: ReadWindow) -> Reading:
        busy: dict[str, tuple[BusyTime, ...]] = {}
        for start, end in _spans(window):
            question = {"timeMin": _rfc3339(start), "timeMax": _rfc3339(end), "items": [{"id": remote_id}]}
            answer = json_object(self._api.ask("POST", ("freeBusy",), body=question), "calendar#freeBusy")
            for time in _busy_times(answer, remote_id):
                busy[f"busy {_rfc3339(time.start)} {_rfc3339(time.end)}"] = (time,)
        return Reading(is_whole=True, busy=busy)


def _remote_calendar(entry: object) -> RemoteCalendar | None:
    """Return an entry of the list; None for one that was deleted or is no calendar."""
    if not isinstance(entry, dict) or entry.get("deleted") is True:
        return None
    remote_id = entry.get("id")
    if not isinstance(remote_id, str) or not remote_id:
        return None
    return RemoteCalendar(
        remote_id=remote_id,
        name=events.text_of(entry.get("summaryOverride")) or events.text_of(entry.get("summary")) or remote_id,
        is_writable=entry.get("accessRole") == _OWNER,
        is_default=entry.get("primary") is True,
        owner=remote_id if entry.get("primary") is True else None,  # Google's id of it is the account's address
    )


def _spans(window: ReadWindow) -> Iterator[tuple[datetime, datetime]]:
    start = window.start
    while start < window.end:
        end = min(start + _FREE_BUSY_SPAN, window.end)
        yield start, end
        start = end


def _busy_times(answer: Mapping[str, Any], remote_id: str) -> Iterator[BusyTime]:
    """Return when a calendar is busy.

    Raises if Google could not compute it: no times with an error are not "free".
    """
    calendars = answer.get("calendars")
    found = calendars.get(remote_id) if isinstance(calendars, dict) else None
    if not isinstance(found, dict):
        raise CalendarNonsense(host=HOST, reason="the answer is not about the calendar")
    if found.get("errors"):
        raise _free_busy_fault(found["errors"], remote_id)
    periods = found.get("busy")
    if not isinstance(periods, list):
        raise CalendarNonsense(host=HOST, reason="the answer has no busy times")
    for period in periods:
        start, end = events.span_of(period)
        if end > start:
            yield BusyTime(start=start, end=end)


def _free_busy_fault(errors: object, remote_id: str) -> CalendarFault:
    entries = errors if isinstance(errors, list) else []
    reasons = [entry.get("reason") if isinstance(entry, dict) else None for entry in entries]
    if reasons == ["notFound"]:
        return CalendarGone(name=remote_id)
    return CalendarUnreachable(host=HOST, reason="it could not compute when the calendar is busy")


def _account_fault(error: ApiError) -> CalendarFault:
    return CalendarAccessLost(host=HOST) if error.status == FORBIDDEN else error


def _calendar_fault(error: ApiError, remote_id: str) -> CalendarFault:
    return CalendarGone(name=remote_id) if error.status in {NOT_FOUND, GONE} else _account_fault(error)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
