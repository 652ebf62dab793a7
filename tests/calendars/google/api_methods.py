"""The methods of the Calendar API that the fake has."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.calendars.google.contract import Call, ContractBroken
from tests.calendars.google.store import FakeCalendar, Resource

if TYPE_CHECKING:
    from tests.calendars.google.fake import Account, GoogleFake, Request

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")

CALENDAR_READERS = frozenset({"reader", "writerWithoutPrivateAccess", "writer", "owner"})
WRITERS = frozenset({"writer", "owner"})

LONGEST_FREE_BUSY = timedelta(days=90)
"""Reported by users: a longer span is answered by "The requested time range is too long."."""

NOT_WITH_SYNC_TOKEN = frozenset(
    {
        "iCalUID",
        "orderBy",
        "privateExtendedProperty",
        "q",
        "sharedExtendedProperty",
        "timeMin",
        "timeMax",
        "updatedMin",
    }
)

MESSAGES = {"duplicate": "The requested identifier already exists.", "deleted": "Resource has been deleted"}


def error_body(status: int, reason: str, domain: str = "global", details: str = "") -> bytes:
    """Return an error as Google writes it."""
    message = MESSAGES.get(reason, reason)
    error: dict[str, Any] = {
        "errors": [{"domain": domain, "reason": reason, "message": message}],
        "code": status,
        "message": message,
    }
    if details:
        error["status"] = "PERMISSION_DENIED"
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": details}]
    return json.dumps({"error": error}).encode()


class Refused(Exception):
    """A request that Google refuses."""

    def __init__(self, status: int, reason: str, domain: str = "global", details: str = "") -> None:
        self.status = status
        self.body = error_body(status, reason, domain, details)
        super().__init__(reason)


class ApiMethods:
    """Answers calls from the state of the fake."""

    def __init__(self, fake: GoogleFake) -> None:
        self._fake = fake
        self._counter = itertools.count(1)
        self._pages: dict[str, list[dict[str, Any]]] = {}
        self._sync: dict[str, tuple[str, int, Mapping[str, list[str]]]] = {}

    def expire_sync_tokens(self) -> None:
        self._sync.clear()

    def run(self, call: Call, account: Account, request: Request) -> Any:
        """Answer a call. Raises Refused."""
        body: Resource = request.json() if request.body else {}
        query = {name: values[-1] for name, values in request.query.items()}
        content = {
            "calendar.calendarList.list": lambda: self._calendar_list(account, request),
            "calendar.calendarList.get": lambda: self._calendar_entry(account, call.path["calendarId"]),
            "calendar.freebusy.query": lambda: self._free_busy(account, body),
            "calendar.events.list": lambda: self._list(self._calendar(call, account), request),
            "calendar.events.get": lambda: self._get(self._calendar(call, account), call.path["eventId"]),
            "calendar.events.insert": lambda: self._insert(self._calendar(call, account, writing=True), body),
            "calendar.events.patch": lambda: self._patch(
                self._calendar(call, account, writing=True),
                call.path["eventId"],
                body,
                request.headers.get("If-Match"),
            ),
            "calendar.events.delete": lambda: self._delete(
                self._calendar(call, account, writing=True), call.path["eventId"]
            ),
        }.get(call.name, _not_simulated(call))()
        if content is not None and call.name.startswith("calendar.events.") and "maxAttendees" in query:
            content = _with_attendees(content, int(query["maxAttendees"]))
        if content is not None and "fields" in query:
            self._fake.contract.check_answer(call, content)
            content = _selected(content, _parsed_fields(query["fields"]))
        return content

    def _calendar(self, call: Call, account: Account, *, writing: bool = False) -> FakeCalendar:
        """Return the calendar. Raises Refused if there is none, or if the scopes or the role do not reach it."""
        calendar_id = call.path["calendarId"]
        role = account.roles.get(calendar_id)
        if calendar_id not in self._fake.calendars or role is None:
            raise Refused(404, "notFound")
        allowing = {scope.rpartition("calendar.")[2] for scope in account.scopes & call.scopes}
        if role != "owner" and all("owned" in scope for scope in allowing):
            raise Refused(403, "insufficientPermissions")
        if role not in (WRITERS if writing else CALENDAR_READERS):
            raise Refused(403, "requiredAccessLevel", "calendar")
        return self._fake.calendars[calendar_id]

    # --- list of calendars ---

    def _calendar_list(self, account: Account, request: Request) -> Any:
        entries = [self._entry(account, name) for name in account.roles if name not in account.unlisted]
        return self._page(request, {"kind": "calendar#calendarList", "etag": '"1"'}, entries, 250, lambda: "calendars")

    def _calendar_entry(self, account: Account, calendar_id: str) -> Any:
        if calendar_id not in account.roles or calendar_id in account.unlisted:
            raise Refused(404, "notFound")
        return self._entry(account, calendar_id)

    def _entry(self, account: Account, calendar_id: str) -> Resource:
        calendar = self._fake.calendars[calendar_id]
        own_name = account.own_names.get(calendar_id)
        return {
            "kind": "calendar#calendarListEntry",
            "etag": '"1"',
            "id": calendar_id,
            "summary": calendar.summary,
            **({"summaryOverride": own_name} if own_name else {}),
            "timeZone": calendar.time_zone.key,
            "accessRole": account.roles[calendar_id],
            **({"primary": True} if calendar_id == account.email else {}),
        }

    # --- events ---

    def _list(self, calendar: FakeCalendar, request: Request) -> Any:
        query = {name: values[-1] for name, values in request.query.items()}
        constant = {name: values for name, values in request.query.items() if name not in {"syncToken", "pageToken"}}
        if query.get("maxResults") != "1" and query.get("singleEvents") != "true":
            raise ContractBroken("the fake lists single events only")
        since = None
        if "syncToken" in query:
            since = self._version_of(query["syncToken"], calendar, constant)
        items = [
            item for item in calendar.single_events(since) if since is not None or _is_within(calendar, item, query)
        ]
        head = {
            "kind": "calendar#events",
            "etag": '"1"',
            "summary": calendar.summary,
            "updated": "2026-11-01T08:00:00.000Z",
            "timeZone": calendar.time_zone.key,
            "accessRole": "owner",
            "defaultReminders": [{"method": "popup", "minutes": 10}],
        }
        version = calendar.version
        return self._page(request, head, items, 2500, lambda: self._sync_token(calendar, version, constant))

    def _version_of(self, token: str, calendar: FakeCalendar, constant: Mapping[str, list[str]]) -> int:
        """Return the version that a sync token stands for. Raises Refused."""
        if NOT_WITH_SYNC_TOKEN & constant.keys():
            raise ContractBroken(f"not with a sync token: {sorted(NOT_WITH_SYNC_TOKEN & constant.keys())}")
        if not token.startswith("sync-"):
            raise Refused(400, "invalid")
        calendar_id, version, first = self._sync.get(token, ("", 0, {}))
        if calendar_id != calendar.calendar_id:
            raise Refused(410, "fullSyncRequired", "calendar")
        if constant != {name: values for name, values in first.items() if name not in NOT_WITH_SYNC_TOKEN}:
            raise ContractBroken("with a sync token the parameters are those of the first request")
        return version

    def _sync_token(self, calendar: FakeCalendar, version: int, constant: Mapping[str, list[str]]) -> str:
        token = f"sync-{next(self._counter)}"
        self._sync[token] = (calendar.calendar_id, version, constant)
        return token

    def _page(self, request: Request, head: Resource, items: list[Resource], most: int, token_after: Any) -> Resource:
        """Return a page. All pages of a list show its state at the first request."""
        query = {name: values[-1] for name, values in request.query.items()}
        if "pageToken" in query:
            if query["pageToken"] not in self._pages:
                raise Refused(400, "invalid")
            pages = self._pages[query["pageToken"]]
        else:
            default = 250 if "calendarList" not in request.path else 100
            size = min(int(query.get("maxResults", default)), most, self._fake.page_size or most)
            chunks = [items[place : place + size] for place in range(0, len(items), size)] or [[]]
            padded: list[list[Resource]] = [
                page for chunk in chunks for page in [*([[]] * self._fake.empty_pages), chunk]
            ]
            pages = [{**head, "items": page} for page in padded]
            pages[-1] = {**pages[-1], "nextSyncToken": token_after()}
        if len(pages) == 1:
            return pages[0]
        token = f"page-{next(self._counter)}"
        self._pages[token] = pages[1:]
        return {**pages[0], "nextPageToken": token}

    def _get(self, calendar: FakeCalendar, event_id: str) -> Any:
        if event_id not in calendar.events:
            raise Refused(404, "notFound")
        return calendar.events[event_id]

    def _insert(self, calendar: FakeCalendar, body: Resource) -> Any:
        event_id = body.get("id")
        if event_id is not None and (not EVENT_ID.fullmatch(event_id) or "iCalUID" in body):
            raise Refused(400, "invalid")
        if event_id in calendar.spent_ids:
            raise Refused(409, "duplicate")
        _check_times(calendar, body)
        fields = {name: value for name, value in body.items() if name != "id"}
        return calendar.events[calendar.put(event_id, **fields)]

    def _patch(self, calendar: FakeCalendar, event_id: str, body: Resource, etag: str | None) -> Any:
        known = self._get(calendar, event_id)
        if etag not in {None, known["etag"]}:
            raise Refused(412, "conditionNotMet")
        if known["status"] == "cancelled" and "status" not in body:
            if calendar.forbids_change_of_deleted:
                raise Refused(403, "forbidden")
            return known
        if known["organizer"].get("self") is not True and {"start", "end"} & body.keys():
            raise Refused(403, "forbiddenForNonOrganizer", "calendar")
        changed = {**known, **body}
        for edge in ("start", "end"):
            merged = {**known[edge], **body.get(edge, {})}
            changed[edge] = {name: value for name, value in merged.items() if value is not None}
        _check_times(calendar, changed)
        return calendar.patch(event_id, body)

    def _delete(self, calendar: FakeCalendar, event_id: str) -> None:
        if self._get(calendar, event_id)["status"] == "cancelled":
            raise Refused(410, "deleted")
        calendar.cancel(event_id)

    # --- free and busy ---

    def _free_busy(self, account: Account, body: Resource) -> Any:
        start, end = (datetime.fromisoformat(body[name]) for name in ("timeMin", "timeMax"))
        if end - start > LONGEST_FREE_BUSY:
            raise Refused(400, "timeRangeTooLong", "calendar")
        names = [item["id"] for item in body["items"]]
        return {
            "kind": "calendar#freeBusy",
            "timeMin": body["timeMin"],
            "timeMax": body["timeMax"],
            "calendars": {name: self._free_busy_of(account, name, start, end) for name in names},
        }

    def _free_busy_of(self, account: Account, calendar_id: str, start: datetime, end: datetime) -> Resource:
        reason = self._fake.free_busy_errors.get(calendar_id)
        if calendar_id not in account.roles:
            reason = "notFound"
        if reason is not None:
            return {"errors": [{"domain": "global", "reason": reason}], "busy": []}
        calendar = self._fake.calendars[calendar_id]
        spans = sorted(calendar.span(item) for item in calendar.single_events(None) if _is_busy(item))
        return {"busy": [_period(*span) for span in spans if span[0] < end and span[1] > start]}


def _not_simulated(call: Call) -> Any:
    def refuse() -> None:
        raise ContractBroken(f"the fake does not have {call.name}")

    return refuse


def _is_within(calendar: FakeCalendar, item: Resource, query: Mapping[str, str]) -> bool:
    if not {"start", "end"} <= item.keys() or not all(_is_readable(item[edge]) for edge in ("start", "end")):
        return True  # a broken event, which only tests make
    start, end = calendar.span(item)
    after = "timeMin" not in query or end > datetime.fromisoformat(query["timeMin"])
    return after and ("timeMax" not in query or start < datetime.fromisoformat(query["timeMax"]))


def _is_readable(edge: Resource) -> bool:
    try:
        return "date" in edge or datetime.fromisoformat(edge["dateTime"]).tzinfo is not None
    except (KeyError, ValueError):
        return False


def _is_busy(item: Resource) -> bool:
    own = next((each.get("responseStatus") for each in item.get("attendees", []) if each.get("self")), None)
    return (
        item.get("transparency") != "transparent" and own != "declined" and item.get("eventType") != "workingLocation"
    )


def _period(start: datetime, end: datetime) -> Resource:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _check_times(calendar: FakeCalendar, resource: Resource) -> None:
    for edge in ("start", "end"):
        if len({"date", "dateTime"} & resource[edge].keys()) != 1:
            raise Refused(400, "invalid")
    start, end = calendar.span(resource)
    if end < start:
        raise Refused(400, "timeRangeEmpty", "calendar")


def _with_attendees(content: Resource, most: int) -> Resource:
    """Return only the participant's own entry of guests where there are more than asked for."""
    if content["kind"] == "calendar#events":
        return {**content, "items": [_with_attendees(item, most) for item in content["items"]]}
    if len(content.get("attendees", [])) <= most:
        return content
    own = [each for each in content["attendees"] if each.get("self")]
    return {**content, "attendees": own, "attendeesOmitted": True}


# --- the parameter `fields` ---

Selection = dict[str, "Selection"]


def _parsed_fields(text: str) -> Selection:
    """Parse an expression such as `kind,items(id,start)`."""
    return _selection(iter(re.findall(r"[A-Za-z]+|[(),]", text)))


def _selection(words: Iterator[str]) -> Selection:
    found: Selection = {}
    name = ""
    for word in words:
        if word == "(":
            found[name] = _selection(words)
        elif word == ")":
            return found
        elif word != ",":
            name = word
            found[name] = {}
    return found


def _selected(content: Any, selection: Selection) -> Any:
    if not selection:
        return content
    if isinstance(content, list):
        return [_selected(item, selection) for item in content]
    return {name: _selected(content[name], inner) for name, inner in selection.items() if name in content}
