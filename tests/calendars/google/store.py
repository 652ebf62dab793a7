"""What Google keeps of a calendar: events, series with exceptions, deleted events, and the versions for sync tokens."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

Resource = dict[str, Any]

LAST_INSTANCE = timedelta(days=730)
"""How long after its start a series is expanded; a real one reaches further."""


class FakeCalendar:
    """One calendar.

    Attributes:
        events: single events, series and exceptions of series by id, deleted ones too.
        version: counts the changes.
        forbids_change_of_deleted: whether a change of a deleted event is answered by 403, or else by a cancelled event.
    """

    def __init__(self, calendar_id: str, *, summary: str = "Work", time_zone: str = "America/Chicago") -> None:
        self.calendar_id = calendar_id
        self.summary = summary
        self.time_zone = ZoneInfo(time_zone)
        self.events: dict[str, Resource] = {}
        self.spent_ids: set[str] = set()
        self.version = 0
        self.forbids_change_of_deleted = True
        self._reported: dict[str, tuple[int, Resource]] = {}

    # --- what people and programs do ---

    def put(self, event_id: str | None = None, **fields: Any) -> str:
        """Create or replace an event and return its id.

        Args:
            event_id: its id; made up if missing.
            fields: of the event. `start` and `end` may be datetimes (aware) or dates.
        """
        event_id = event_id or f"event{len(self.spent_ids):06}"
        self.version += 1
        known = self.events.get(event_id, {})
        resource = self._complete(event_id, {name: self._wire(name, value) for name, value in fields.items()})
        resource["created"] = known.get("created", resource["created"])
        self.events[event_id] = resource
        self.spent_ids.add(event_id)
        self._report(event_id)
        return event_id

    def change(self, event_id: str, **fields: Any) -> None:
        """Change fields of an event, or of one instance of a series."""
        self.patch(event_id, {name: self._wire(name, value) for name, value in fields.items()})

    def patch(self, event_id: str, changes: Mapping[str, Any]) -> Resource:
        """Merge changes into an event, as PATCH does: null clears a field."""
        self.version += 1
        resource = copy.deepcopy(self.events.get(event_id) or self._instance(event_id))
        _merge(resource, changes)
        resource.update(self._stamps(resource.get("sequence", 0) + 1))
        self._normalize(resource)
        self.events[event_id] = resource
        self._report(resource.get("recurringEventId", event_id))
        return resource

    def cancel(self, event_id: str) -> None:
        """Delete an event, a series, or one instance of a series."""
        self.patch(event_id, {"status": "cancelled"})

    def purge(self, event_id: str) -> None:
        """Forget a deleted event, as Google does after some weeks. Its id stays spent."""
        del self.events[event_id]

    def invite(self, guest: FakeCalendar, event_id: str, answer: str = "needsAction") -> None:
        """Put a guest's copy of an event into another calendar. It has the same id, and another organizer."""
        attendees = [{"email": guest.calendar_id, "responseStatus": answer}]
        self.change(event_id, attendees=attendees)
        original = self.events[event_id]
        fields = {name: original[name] for name in ("summary", "start", "end") if name in original}
        guest.put(
            event_id,
            **fields,
            organizer={"email": self.calendar_id},
            attendees=[
                {"email": self.calendar_id, "organizer": True, "responseStatus": "accepted"},
                {"email": guest.calendar_id, "self": True, "responseStatus": answer},
            ],
        )

    # --- what the API reports ---

    def single_events(self, since: int | None) -> list[Resource]:
        """Return single events and instances of series: all, or those that changed after a version, deleted too."""
        return [
            resource
            for version, resource in self._reported.values()
            if (resource["status"] != "cancelled" if since is None else version > since)
        ]

    def span(self, resource: Resource) -> tuple[datetime, datetime]:
        """Return when an event takes place. All-day events follow the calendar's time zone."""
        start, end = (self._moment(resource[edge]) for edge in ("start", "end"))
        return start, end

    def _moment(self, edge: Mapping[str, str]) -> datetime:
        if "dateTime" in edge:
            return datetime.fromisoformat(edge["dateTime"])
        return datetime.combine(date.fromisoformat(edge["date"]), time(), self.time_zone)

    def _report(self, event_id: str) -> None:
        """Report what an event or a series consists of now, with this version where something changed."""
        before = {
            key
            for key, (_, item) in self._reported.items()
            if key == event_id or item.get("recurringEventId") == event_id
        }
        now = {item["id"]: item for item in self._expand(self.events[event_id])}
        for key in before - now.keys():
            last = self._reported[key][1]
            if key == event_id:
                del self._reported[key]  # an event that became a series is not reported as deleted
            else:
                now[key] = _remains(last)
        for key, item in now.items():
            if self._reported.get(key, (0, None))[1] != item:
                self._reported[key] = (self.version, item)

    def _expand(self, resource: Resource) -> Iterator[Resource]:
        if resource["status"] == "cancelled":
            if "recurrence" not in resource:
                yield _remains(resource)
        elif "recurrence" not in resource:
            yield resource
        else:
            for instance in self._instances(resource):
                exception = self.events.get(instance["id"])
                if exception is None:
                    yield instance
                else:
                    yield _remains(exception) if exception["status"] == "cancelled" else exception

    def _instances(self, series: Resource) -> Iterator[Resource]:
        """Expand a series by its wall clock."""
        zone = ZoneInfo(series["start"].get("timeZone", self.time_zone.key))
        is_all_day = "date" in series["start"]
        begin, finish = self.span(series)
        first = begin.astimezone(zone).replace(tzinfo=None)
        length = finish.astimezone(zone).replace(tzinfo=None) - first
        for wall in rrulestr("\n".join(series["recurrence"]), dtstart=first):
            if wall > first + LAST_INSTANCE:
                return
            edges = [
                {"date": moment.date().isoformat()}
                if is_all_day
                else {"dateTime": moment.replace(tzinfo=zone).isoformat(), "timeZone": zone.key}
                for moment in (wall, wall + length)
            ]
            suffix = f"{wall:%Y%m%d}" if is_all_day else f"{wall.replace(tzinfo=zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"
            yield {
                **{name: value for name, value in series.items() if name != "recurrence"},
                "id": f"{series['id']}_{suffix}",
                "recurringEventId": series["id"],
                "originalStartTime": edges[0],
                "start": edges[0],
                "end": edges[1],
            }

    def _instance(self, instance_id: str) -> Resource:
        return self._reported[instance_id][1]

    # --- fields ---

    def _complete(self, event_id: str, fields: Resource) -> Resource:
        resource = {
            "kind": "calendar#event",
            "id": event_id,
            "status": "confirmed",
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "created": "2026-11-01T08:00:00.000Z",
            "creator": {"email": self.calendar_id, "self": True},
            "organizer": {"email": self.calendar_id, "self": True},
            "iCalUID": f"{event_id}@google.com",
            "reminders": {"useDefault": True},
            "eventType": "default",
            **self._stamps(0),
            **copy.deepcopy(fields),
        }
        self._normalize(resource)
        return resource

    def _stamps(self, sequence: int) -> Resource:
        updated = datetime(2026, 11, 1, 8, tzinfo=UTC) + timedelta(seconds=self.version)
        return {
            "etag": f'"{self.version}"',
            "updated": f"{updated:%Y-%m-%dT%H:%M:%S}.000Z",
            "sequence": sequence,
        }

    def _normalize(self, resource: Resource) -> None:
        """Write times as Google does: with the offset of the calendar's time zone, whatever they were sent with."""
        for edge in ("start", "end"):
            if "dateTime" in resource.get(edge, {}):
                moment = datetime.fromisoformat(resource[edge]["dateTime"])
                if moment.tzinfo is not None:
                    resource[edge]["dateTime"] = moment.astimezone(self.time_zone).isoformat()

    def _wire(self, name: str, value: Any) -> Any:
        if name in {"start", "end", "originalStartTime"}:
            if isinstance(value, datetime):
                zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else "UTC"
                return {"dateTime": value.isoformat(), "timeZone": zone}
            if isinstance(value, date):
                return {"date": value.isoformat()}
        return value


def _remains(resource: Resource) -> Resource:
    """Return what is reported of a deleted event: little more than the id."""
    kept = ("kind", "etag", "id", "recurringEventId", "originalStartTime")
    return {"status": "cancelled", **{name: resource[name] for name in kept if name in resource}}


def _merge(target: Resource, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = copy.deepcopy(value)
