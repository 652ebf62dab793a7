"""A Microsoft 365 or Outlook.com account: its calendars, what they block, and viewings in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.http import HttpAnswer
from peterental.calendars.microsoft.events import (
    MARKER_PROPERTY,
    NO_TIME,
    STAMP_PROPERTY,
    busy_times,
    id_of,
    interval_of,
    is_complete,
    is_removed,
    marker_of,
    own_event,
    series_of,
    to_graph,
)
from peterental.calendars.microsoft.graph import (
    HOST,
    Feed,
    Graph,
    error_code,
    is_missing,
    object_of,
    raise_for_error,
)
from peterental.calendars.model import (
    BusyTime,
    CalendarGone,
    CalendarNonsense,
    EventIdSpent,
    EventMissing,
    EventRefused,
    OwnEvent,
    Reading,
    ReadWindow,
    RemoteCalendar,
    ViewingEvent,
)
from peterental.calendars.oauth import AuthorizedHttp
from peterental.calendars.source import WrittenEvent

VIEW_PAGE_SIZE = 500
"""How many events one page of a view has. Graph allows 1,000."""

MAX_SERIES = 20
"""Changes of more series lead to a whole reading, which costs fewer requests."""

MARGIN = timedelta(hours=26)
"""How much more than the window is asked for: the greatest distance of two time zones. A view finds an all-day event by
the days of the mailbox's zone, which may be another one than the agent's."""

MAX_NOTES = 20
"""The most notes of one reading."""

_UTC = ZoneInfo("UTC")
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_VIEW_FIELDS = "id,subject,start,end,isAllDay,isCancelled,showAs,responseStatus,type,seriesMasterId,transactionId"
_FIND = {
    "$select": "id,body,start,end,isAllDay,isCancelled,type,seriesMasterId,transactionId",
    "$expand": f"singleValueExtendedProperties($filter=id eq '{STAMP_PROPERTY}')",
}
_UNREADABLE = "an event has no id or no time that can be read"
_NO_CONTENT = 204
_BAD_REQUEST = 400
_FORBIDDEN = 403
_CONFLICT = 409
_REFUSALS = frozenset({_BAD_REQUEST, 413, 422})


class MicrosoftAccount:
    """A `ViewingCalendar` on Microsoft Graph v1.0.

    A whole reading lists the calendar's view, in which every instance of a series has all its properties. Before that
    it follows the change feed to its end, for the cursor alone: the feed reports instances without their status. A
    later reading takes the changes from the feed, and lists the instances of every series in them, because the feed
    does not report deleted instances.

    Args:
        http: sends requests with the account's token.
        graph_url: the base address, such as `https://graph.microsoft.com`.
        namespace: of this installation.
    """

    def __init__(self, http: AuthorizedHttp, *, graph_url: str, namespace: str) -> None:
        self._graph = Graph(http, graph_url)
        self._namespace = namespace

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the calendars of the account."""
        url = self._graph.url("calendars", query={"$top": "100", "$select": "id,name,canEdit,isDefaultCalendar,owner"})
        return [
            RemoteCalendar(
                remote_id=remote_id,
                name=item["name"] if isinstance(item.get("name"), str) and item["name"].strip() else "Calendar",
                is_writable=item.get("canEdit") is True,
                is_default=item.get("isDefaultCalendar") is True,
                owner=_owner_of(item),
            )
            for item in self._graph.items(url)
            if isinstance(item, dict) and (remote_id := id_of(item)) is not None
        ]

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:
        """Read one calendar, as `CalendarAccount.read` describes."""
        feed = None if cursor is None else self._graph.feed(cursor)
        changes = None if feed is None else self._changes(remote_id, window, feed)
        return self._whole(remote_id, window) if changes is None else changes

    def _whole(self, remote_id: str, window: ReadWindow) -> Reading:
        """Read every event. The feed comes first, so that it reports again what changes in between."""
        feed = self._graph.feed(self._graph.url("calendars", remote_id, "calendarView", "delta", query=_range(window)))
        url = self._graph.url("calendars", remote_id, "calendarView", query=_view_query(window))
        gathered = _Gathered(window, self._namespace)
        for item in self._graph.items(url, calendar=remote_id):
            gathered.add(item)
        return gathered.reading(is_whole=True, cursor=None if feed is None else feed.delta_link)

    def _changes(self, remote_id: str, window: ReadWindow, feed: Feed) -> Reading | None:
        """Return what changed; None if the feed has too little of it."""
        gathered = _Gathered(window, self._namespace)
        changed_series: set[str] = set()
        for item in feed.items:
            event_id = id_of(item) if isinstance(item, dict) else None
            if not isinstance(item, dict) or event_id is None:
                return None
            if is_removed(item):
                gathered.remove(event_id)
                changed_series.discard(event_id)
            elif (series := series_of(item)) is not None:
                changed_series.add(series)
            elif is_complete(item):
                gathered.add(item)
            else:
                return None
        if len(changed_series) > MAX_SERIES:
            return None
        try:
            for series in sorted(changed_series):
                gathered.clear(series)
                for item in self._instances(remote_id, series, window):
                    gathered.add(item, key=series)
        except CalendarGone:  # a series, or the calendar: the view of the calendar shows which
            return None
        return gathered.reading(is_whole=False, cursor=feed.delta_link)

    def _instances(self, remote_id: str, series: str, window: ReadWindow) -> Iterator[object]:
        """Yield the instances of a series. Raises CalendarGone if there is no such series."""
        url = self._graph.url("calendars", remote_id, "events", series, "instances", query=_view_query(window))
        return self._graph.items(url, calendar=series)

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        """Create an event, or change it if it has an id, as `ViewingCalendar.write` describes.

        An event is looked up before it is created, by its marker: an earlier attempt may have made it although its
        answer was lost. Graph refuses a second event with the same transaction id as well, but for how long is not
        documented.
        """
        found = self._located(remote_id, event)
        if found is not None:
            return self._change(remote_id, event, *found)
        if event.event_id is not None:
            raise EventMissing
        return self._create(remote_id, event)

    def delete(self, remote_id: str, event_id: str, *, follow: bool = True) -> bool:
        """Delete an event, and return whether it was there. Its id never changes."""
        del follow
        answer = self._graph.send("DELETE", self._graph.url("calendars", remote_id, "events", event_id))
        if answer.status == _NO_CONTENT or is_missing(answer):
            return answer.status == _NO_CONTENT
        _raise_for_write(answer)
        raise CalendarNonsense(host=HOST, reason="the answer to a deletion is not empty")

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        """Return an event as it is now, by its marker or else by its id; None if it is not in the calendar."""
        found = self._located(remote_id, event)
        if found is None:
            return None
        own = own_event(found[1], event.marker, found[0], event.zone)
        if own is None:
            raise CalendarNonsense(host=HOST, reason=_UNREADABLE)
        return own

    def _create(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        url = self._graph.url("calendars", remote_id, "events")
        answer = self._sent("POST", url, event, None)
        if answer.status == _CONFLICT:
            found = self._located(remote_id, event)
            if found is None:
                raise EventIdSpent(host=HOST)
            return self._change(remote_id, event, *found)
        _raise_for_write(answer, calendar=remote_id)
        content = object_of(answer)
        event_id = _id_in(content)
        interval = interval_of(content, event.zone)
        if interval is not None and (interval.start, interval.end) != (event.start, event.end):
            # An earlier attempt made it, with the times of then.
            return self._change(remote_id, event, event_id, content)
        return WrittenEvent(event_id)

    def _change(self, remote_id: str, event: ViewingEvent, event_id: str, present: Mapping[str, Any]) -> WrittenEvent:
        """Change our fields of an event. What a person wrote into its description stays."""
        url = self._graph.url("calendars", remote_id, "events", event_id)
        answer = self._sent("PATCH", url, event, present)
        if is_missing(answer):
            raise EventMissing
        _raise_for_write(answer)
        return WrittenEvent(_id_in(object_of(answer)))

    def _sent(self, method: str, url: str, event: ViewingEvent, present: Mapping[str, Any] | None) -> HttpAnswer:
        """Send a viewing, in UTC if the provider does not know the agent's zone."""
        answer = self._graph.send(method, url, to_graph(event, present))
        if answer.status == _BAD_REQUEST and "timezone" in error_code(answer).lower():
            answer = self._graph.send(method, url, to_graph(event, present, in_utc=True))
        return answer

    def _located(self, remote_id: str, event: ViewingEvent) -> tuple[str, Mapping[str, Any]] | None:
        """Return the id and the present state of an event that is in the calendar and not cancelled."""
        found = self._with_marker(remote_id, event)
        if found is None and event.event_id is not None:
            found = self._with_id(remote_id, event.event_id)
        return found

    def _with_marker(self, remote_id: str, event: ViewingEvent) -> tuple[str, Mapping[str, Any]] | None:
        """Find an event by its marker. If a person copied it, the copy may have the marker too."""
        same = f"ep/id eq '{MARKER_PROPERTY}' and ep/value eq '{event.marker}'"
        query = {"$filter": f"singleValueExtendedProperties/Any(ep: {same})", **_FIND}
        url = self._graph.url("calendars", remote_id, "events", query=query)
        found = [
            (event_id, item)
            for item in self._graph.items(url, calendar=remote_id)
            if isinstance(item, dict) and (event_id := id_of(item)) is not None and item.get("isCancelled") is not True
        ]
        original = str(event.marker)
        found.sort(key=lambda each: (each[1].get("transactionId") != original, each[0] != event.event_id))
        return found[0] if found else None

    def _with_id(self, remote_id: str, event_id: str) -> tuple[str, Mapping[str, Any]] | None:
        """Find an event that has no marker, such as one that another program wrote.

        Its immutable id may lead to it in the folder of deleted items too, so it counts only if the calendar's view
        has it.
        """
        url = self._graph.url("calendars", remote_id, "events", event_id, query=_FIND)
        answer = self._graph.send("GET", url)
        if is_missing(answer):
            return None
        raise_for_error(answer)
        item = object_of(answer)
        present_id, interval = id_of(item), interval_of(item, _UTC)
        if item.get("isCancelled") is True:
            return None
        if present_id is None or interval is None:
            raise CalendarNonsense(host=HOST, reason=_UNREADABLE)
        window = ReadWindow(interval.start, interval.start, _UTC)
        view = self._graph.items(self._graph.url("calendars", remote_id, "calendarView", query=_view_query(window)))
        is_there = any(isinstance(other, dict) and present_id in {id_of(other), series_of(other)} for other in view)
        return (present_id, item) if is_there else None


class _Gathered:
    """What the events of a reading block. An event that comes twice counts as it came last."""

    def __init__(self, window: ReadWindow, namespace: str) -> None:
        self._window = window
        self._namespace = namespace
        self._times: dict[str, dict[str, tuple[BusyTime, ...]]] = {}
        self._own: dict[str, OwnEvent] = {}
        self._removed: set[str] = set()
        self._notes: dict[str, None] = {}

    def add(self, item: object, key: str | None = None) -> None:
        """Add an event or an instance of a series.

        Args:
            item: as Graph sent it.
            key: of the series that was asked for; by default the event says which it belongs to.
        """
        if not isinstance(item, dict):
            self._notes["The calendar has an event that cannot be read. It does not block."] = None
            return
        if item.get("type") == "seriesMaster":  # its instances come as well
            return
        event_id = id_of(item) or f"without an id, {len(self._times)}"
        marker = marker_of(item, self._namespace)
        self._forget(event_id)
        if marker is not None:
            own = own_event(item, marker, event_id, self._window.zone)
            if own is None:  # not one that was deleted, as an own event without times would be
                self._notes[NO_TIME] = None
            else:
                self._own[event_id] = own
            return
        times, note = busy_times(item, self._window)
        self._times.setdefault(key or series_of(item) or event_id, {})[event_id] = times
        if note is not None:
            self._notes[note] = None

    def clear(self, key: str) -> None:
        """Forget what a series, or the single event that it was, blocks, until its instances are added."""
        self._forget(key)
        self._times[key] = {}

    def remove(self, event_id: str) -> None:
        """Add an event that was removed."""
        self._forget(event_id)
        self._removed.add(event_id)

    def _forget(self, event_id: str) -> None:
        self._times.pop(event_id, None)
        self._own.pop(event_id, None)
        self._removed.discard(event_id)

    def reading(self, *, is_whole: bool, cursor: str | None) -> Reading:
        """Return the reading of all that was added."""
        busy = {
            key: tuple(sorted(chain.from_iterable(instances.values()), key=lambda time: (time.start, time.end)))
            for key, instances in self._times.items()
        }
        return Reading(
            is_whole=is_whole,
            busy={key: times for key, times in busy.items() if times or not is_whole},
            removed=frozenset(self._removed),
            own=tuple(self._own.values()),
            removed_own=frozenset(self._removed),
            cursor=cursor,
            notes=tuple(self._notes)[:MAX_NOTES],
        )


def _owner_of(item: Mapping[str, Any]) -> str | None:
    """Return the e-mail address of a calendar's owner; None if Graph does not say it."""
    owner = item.get("owner")
    address = owner.get("address") if isinstance(owner, dict) else None
    return address if isinstance(address, str) and "@" in address and address.isprintable() else None


def _view_query(window: ReadWindow) -> dict[str, str]:
    return {**_range(window), "$top": str(VIEW_PAGE_SIZE), "$select": _VIEW_FIELDS}


def _range(window: ReadWindow) -> dict[str, str]:
    return {"startDateTime": _text(window.start, -MARGIN), "endDateTime": _text(window.end, MARGIN)}


def _text(instant: datetime, margin: timedelta) -> str:
    """Return an instant, moved by a margin, as Graph reads it."""
    try:
        shifted = instant.astimezone(UTC) + margin
    except OverflowError:
        shifted = _LAST if margin > timedelta() else _FIRST
    return f"{shifted.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _id_in(content: Mapping[str, Any]) -> str:
    """Return the id of an event that was written. Raises CalendarNonsense: a login page has none."""
    event_id = id_of(content)
    if event_id is None:
        raise CalendarNonsense(host=HOST, reason="an event that was written has no id")
    return event_id


def _raise_for_write(answer: HttpAnswer, *, calendar: str | None = None) -> None:
    """Raise the fault that the answer to a change reports, if any. Raises EventRefused for what stays refused."""
    code = error_code(answer)
    if answer.status in _REFUSALS or (answer.status == _FORBIDDEN and code == "ErrorAccessDenied"):
        raise EventRefused(host=HOST, reason=code or f"it answers {answer.status}")
    raise_for_error(answer, calendar=calendar)
