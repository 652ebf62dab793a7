"""A stand-in for Microsoft Graph and its login service on 127.0.0.1, with state and with faults on demand.

What is sent and what is answered are checked against the published types; `problems` lists what differed.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.calendars.login import Login
from tests.calendars.microsoft.contract import TYPES, ContractBroken, check
from tests.calendars.microsoft.mailbox import Content, Event, Mailbox
from tests.calendars.provider_server import Answer, Asked, Drop, Loopback, Reply

LOGIN = "/common/oauth2/v2.0"

Hook = Callable[[Asked], Reply | None]
"""Called before a request is answered: it may change the state, and may return the answer."""

_MARKER_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '(?P<id>[^']+)' and ep/value eq '(?P<value>[^']+)'\)"
)
_EXPANDED = re.compile(r"singleValueExtendedProperties\(\$filter=id eq '(?P<id>[^']+)'\)")
_CHANGEABLE = frozenset(
    {"subject", "body", "location", "start", "end", "isAllDay", "showAs", "sensitivity", "categories"}
    | {"singleValueExtendedProperties", "isReminderOn", "reminderMinutesBeforeStart"}
)
_NOT_IN_FEEDS = ("$select", "$filter", "$expand", "$orderby", "$search")


@dataclass(frozen=True)
class _Rest:
    """What a page did not have room for: the rest of a list or of a feed's round."""

    items: list[tuple[Content, bool]]
    page_size: int
    path: str
    round: _Round | None = None
    skipped: int = 0


@dataclass(frozen=True)
class _Round:
    """A round of a change feed."""

    calendar: str
    start: datetime
    end: datetime
    until: int


class FakeGraph(Loopback):
    """Microsoft Graph v1.0 and Microsoft's login service for one mailbox.

    While requests come from other threads, change the mailbox and the attributes with `lock` held.

    Args:
        clock_s: the service's clock, in seconds since 1970; the present by default.
        latency_s: how long each answer takes, in seconds.

    Attributes:
        mailbox: the calendars and events; tests change it as a person does.
        login: the login service; tests expire, revoke and refuse with it.
        hooks: called before each request to Graph; see `fail`.
        page_size: the most items of one page.
        empty_pages: how many empty pages with a link come before each page.
        link_base: the start of links, in place of the server's own address.
        lost_answers: how many of the next changes are made although their answer is lost.
        remembers_transactions: whether a transaction id that was used is recognised.
        conflicts_on_repeat: whether a repeated transaction id is answered by 409; else by the event that exists.
        shows_deleted: whether an event in the folder of deleted items is still found by its immutable id.
        late: requests to be carried out at `release`, whose clients wait no longer.
        knows_zone: whether a name of a zone is accepted.
        problems: what broke the contract or the documentation.
    """

    def __init__(self, *, clock_s: float | None = None, latency_s: float = 0) -> None:
        self.mailbox = Mailbox()
        self.login = Login(clock_s=time.time() if clock_s is None else clock_s)
        self.hooks: list[Hook] = []
        self.page_size = 1000
        self.empty_pages = 0
        self.link_base: str | None = None
        self.lost_answers = 0
        self.remembers_transactions = True
        self.conflicts_on_repeat = False
        self.shows_deleted = False
        self.knows_zone: Callable[[str], bool] = _is_zone
        self.problems: list[str] = []
        self._tokens: dict[str, _Rest | _Round] = {}
        self._numbers = itertools.count(1)
        self.late: deque[Asked] = deque()
        super().__init__(latency_s=latency_s)

    # --- faults ------------------------------------------------------------------------------------------------------

    def fail(self, *replies: Reply, method: str | None = None, path: str = "") -> None:
        """Answer the next requests with these replies.

        Args:
            replies: one for each request that matches.
            method: which requests match; any by default.
            path: a part of their path.
        """
        waiting = deque(replies)

        def hook(asked: Asked) -> Reply | None:
            is_meant = method in {None, asked.method} and path in asked.path
            return waiting.popleft() if waiting and is_meant else None

        self.hooks.append(hook)

    def before(self, number: int, action: Callable[[], object]) -> None:
        """Call an action before the request to Graph with this number, counted from now and from 1."""
        count = itertools.count(1)

        def hook(asked: Asked) -> None:
            del asked
            if next(count) == number:
                action()

        self.hooks.append(hook)

    def hold(self, method: str) -> None:
        """Close the connection of the next request of a method without an answer; it is carried out at `release`."""

        def hook(asked: Asked) -> Reply | None:
            if asked.method != method:
                return None
            self.hooks.remove(hook)
            self.late.append(asked)
            return Drop()

        self.hooks.append(hook)

    def release(self) -> None:
        """Carry out the requests that are late, in the order in which they came."""
        while self.late:
            with self.lock:
                self.answer(self.late.popleft())

    def forget_feeds(self) -> None:
        """Forget the state of every change feed and list, as a server does that moves a mailbox."""
        self._tokens.clear()

    @property
    def graph_requests(self) -> list[str]:
        """The method and the decoded path of each request to Graph so far."""
        return [f"{asked.method} {unquote(asked.path)}" for asked in self.asked if asked.path.startswith("/v1.0/")]

    # --- answers -----------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to one request, recording what it breaks."""
        if asked.path == f"{LOGIN}/authorize":
            return self.login.authorize(asked)
        if asked.path == f"{LOGIN}/token":
            return self.login.token(asked)
        for hook in self.hooks:
            reply = hook(asked)
            if reply is not None:
                return reply
        if not self.login.accepts(asked):
            return failure(401, "InvalidAuthenticationToken")
        try:
            self._check_headers(asked)
            return self._route(asked)
        except (ContractBroken, KeyError, ValueError) as error:
            self.problems.append(f"{asked.method} {asked.path}: {error!r}")
            return failure(500, "InternalServerError")

    def _check_headers(self, asked: Asked) -> None:
        preferred = asked.headers.get("prefer", "")
        if 'IdType="ImmutableId"' not in preferred or 'outlook.timezone="UTC"' not in preferred:
            raise ContractBroken(f"a request prefers {preferred!r}")
        if asked.body and asked.headers.get("content-type") != "application/json":
            raise ContractBroken("a body without its type")

    def _route(self, asked: Asked) -> Reply:
        parts = [unquote(part) for part in asked.path.removeprefix("/v1.0/me/").split("/")]
        token = asked.query.get("$skiptoken") or asked.query.get("$deltatoken")
        if token is not None:
            return self._continued(asked, token)
        match asked.method, parts:
            case "GET", ["calendars"]:
                contents = [(each.content, True) for each in self.mailbox.calendars.values()]
                return self._page(
                    _Rest(_selected(contents, asked, "Calendar"), self._size(asked), asked.path), "Calendar"
                )
            case method, ["calendars", calendar_id, *rest]:
                return self._in_calendar(asked, method, calendar_id, rest)
        raise ContractBroken("there is no such address")

    def _in_calendar(self, asked: Asked, method: str, calendar_id: str, rest: list[str]) -> Reply:
        calendar = self.mailbox.calendars.get(calendar_id)
        if calendar is None:
            return failure(404, "ErrorItemNotFound")
        if not calendar.is_readable or (method != "GET" and not calendar.content["canEdit"]):
            return failure(403, "ErrorAccessDenied")
        match method, rest:
            case "GET", ["calendarView" | "events" as kind]:
                is_view = kind == "calendarView"
                view = self.mailbox.view(calendar_id, *_range_of(asked)) if is_view else []
                return self._listed(asked, view if is_view else self._with_marker(asked, calendar_id))
            case "GET", ["calendarView", "delta"]:
                is_offered = calendar.offers_feed and not any(name in asked.query for name in _NOT_IN_FEEDS)
                new_round = _Round(calendar_id, *_range_of(asked), until=-1)
                return self._feed(asked, new_round) if is_offered else failure(400, "ErrorInvalidRequest")
            case "POST", ["events"]:
                return self._create(asked, calendar_id)
            case _, ["events", event_id, *below]:
                return self._in_event(asked, method, event_id, below)
        raise ContractBroken("there is no such address")

    def _in_event(self, asked: Asked, method: str, event_id: str, below: list[str]) -> Reply:
        if not event_id.startswith(("AAkA", "OID.")):
            return failure(400, "ErrorInvalidIdMalformed")
        event = self.mailbox.present(event_id, with_deleted=self.shows_deleted)
        if event is None:
            return failure(404, "ErrorItemNotFound")
        match method, below:
            case "GET", []:
                return self._one(event, asked)
            case "GET", ["instances"]:
                start, end = _range_of(asked)
                return self._listed(asked, [each for each in event.instances.values() if each.overlaps(start, end)])
            case "PATCH", []:
                return self._change(asked, event)
            case "DELETE", []:
                self.mailbox.remove(event_id)
                return self._unless_lost(Answer(204))
        raise ContractBroken("there is no such address")

    # --- lists and feeds ---------------------------------------------------------------------------------------------

    def _size(self, asked: Asked) -> int:
        top = int(asked.query.get("$top", "10"))
        if not 1 <= top <= 1000:
            raise ContractBroken(f"$top is {top}")
        return min(top, self.page_size)

    def _listed(self, asked: Asked, events: list[Event]) -> Answer:
        contents = [(event.content, event.is_checked) for event in events]
        return self._page(_Rest(_selected(contents, asked, "Event"), self._size(asked), asked.path), "Event")

    def _feed(self, asked: Asked, round_: _Round) -> Answer:
        found = re.search(r"odata\.maxpagesize=(\d+)", asked.headers["prefer"])
        size = min(int(found[1]) if found else 10, self.page_size)
        items = list(self.mailbox.feed(round_.calendar, round_.start, round_.end, round_.until))
        now = _Round(round_.calendar, round_.start, round_.end, self.mailbox.changes)
        path = f"/v1.0/me/calendars/{quote(round_.calendar, safe='')}/calendarView/delta"
        return self._page(_Rest(items, size, path, now), "Event")

    def _continued(self, asked: Asked, token: str) -> Reply:
        state = self._tokens.get(token)
        if isinstance(state, _Rest):
            return self._page(state, "Calendar" if asked.path.endswith("/calendars") else "Event")
        if state is None or state.calendar not in self.mailbox.calendars:
            return failure(410, "SyncStateNotFound")
        if not self.mailbox.calendars[state.calendar].is_readable:
            return failure(403, "ErrorAccessDenied")
        return self._feed(asked, state)

    def _page(self, rest: _Rest, kind: str) -> Answer:
        """Return a page of what is left, or an empty one, with a link to the next page or to the next round."""
        if rest.skipped < self.empty_pages:
            link = self._link(
                rest.path, "$skiptoken", _Rest(rest.items, rest.page_size, rest.path, rest.round, rest.skipped + 1)
            )
            return Answer.of_json({"value": [], "@odata.nextLink": link})
        page, left = rest.items[: rest.page_size], rest.items[rest.page_size :]
        for content, is_checked in page:
            if is_checked:
                check(kind, content)
        answer: Content = {"@odata.context": f"{self.url}/v1.0/$metadata", "value": [content for content, _ in page]}
        if left:
            next_page = _Rest(left, rest.page_size, rest.path, rest.round)
            answer["@odata.nextLink"] = self._link(rest.path, "$skiptoken", next_page)
        elif rest.round is not None:
            answer["@odata.deltaLink"] = self._link(rest.path, "$deltatoken", rest.round)
        return Answer.of_json(answer)

    def _link(self, path: str, name: str, state: _Rest | _Round) -> str:
        token = f"{next(self._numbers)}.aZ_-"
        self._tokens[token] = state
        return f"{self.link_base or self.url}{path}?{name}={token}"

    # --- single events -----------------------------------------------------------------------------------------------

    def _with_marker(self, asked: Asked, calendar_id: str) -> list[Event]:
        wanted = _MARKER_FILTER.fullmatch(asked.query["$filter"])
        if wanted is None:
            raise ContractBroken(f"a filter: {asked.query['$filter']}")
        sought = {"id": wanted["id"], "value": wanted["value"]}
        events = self.mailbox.of(calendar_id)
        return [event for event in events if sought in (event.content.get("singleValueExtendedProperties") or [])]

    def _create(self, asked: Asked, calendar_id: str) -> Reply:
        content = asked.json
        check("Event", content)
        if not set(content) <= _CHANGEABLE | {"transactionId"}:
            raise ContractBroken(f"fields that cannot be set: {sorted(content)}")
        if not self._knows_zones(content):
            return failure(400, "TimeZoneNotSupportedException")
        existing = self._with_transaction(content.get("transactionId"))
        if existing is not None:
            return (
                failure(409, "ErrorIrresolvableConflict")
                if self.conflicts_on_repeat
                else self._one(existing, asked, 201)
            )
        start, end = _instant(content.pop("start")), _instant(content.pop("end"))
        event_id = self.mailbox.add(start, end, calendar_id, **content)
        return self._unless_lost(self._one(self.mailbox.events[event_id], asked, 201))

    def _with_transaction(self, transaction_id: str | None) -> Event | None:
        """Return the event of a transaction id, also one that was deleted."""
        if transaction_id is None or not self.remembers_transactions:
            return None
        return next(
            (each for each in self.mailbox.events.values() if each.content.get("transactionId") == transaction_id), None
        )

    def _change(self, asked: Asked, event: Event) -> Reply:
        content = asked.json
        check("Event", content)
        if not set(content) <= _CHANGEABLE:
            raise ContractBroken(f"fields that cannot be changed: {sorted(content)}")
        if not self._knows_zones(content):
            return failure(400, "TimeZoneNotSupportedException")
        start, end = _instant(content.pop("start")), _instant(content.pop("end"))
        if "singleValueExtendedProperties" in content:  # the others stay
            known = {each["id"]: each for each in event.content.get("singleValueExtendedProperties", [])}
            known |= {each["id"]: each for each in content["singleValueExtendedProperties"]}
            content["singleValueExtendedProperties"] = list(known.values())
        self.mailbox.change(event.content["id"], start, end, **content)
        return self._unless_lost(self._one(event, asked))

    def _knows_zones(self, content: Content) -> bool:
        return all(self.knows_zone(content[name]["timeZone"]) for name in ("start", "end"))

    def _one(self, event: Event, asked: Asked, status: int = 200) -> Answer:
        [(selected, _)] = _selected([(event.content, True)], asked, "Event")
        check("Event", selected)
        return Answer.of_json(selected, status)

    def _unless_lost(self, answer: Answer) -> Reply:
        if self.lost_answers > 0:
            self.lost_answers -= 1
            return Drop()
        return answer


def failure(status: int, code: str, **headers: str) -> Answer:
    """Return an error as Graph words it."""
    return Answer.of_json({"error": {"code": code, "message": "An example.", "innerError": {}}}, status, **headers)


def throttled(seconds: str | None = "7", status: int = 429, code: str = "ApplicationThrottled") -> Answer:
    """Return Graph's answer to too many requests, such as four at once for one mailbox."""
    return failure(status, code, **({"Retry_After": seconds} if seconds is not None else {}))


def _selected(contents: list[tuple[Content, bool]], asked: Asked, kind: str) -> list[tuple[Content, bool]]:
    """Return the selected fields, those that OData adds, and the extended property that was asked for."""
    contents = [(_expanded(content, asked), is_checked) for content, is_checked in contents]
    if "$select" not in asked.query:
        return contents
    names = asked.query["$select"].split(",")
    if not set(names) <= set(TYPES[kind]):
        raise ContractBroken(f"fields that do not exist: {names}")
    names.append("singleValueExtendedProperties")
    kept = ({name: content[name] for name in names if name in content} for content, _ in contents)
    etag = {"@odata.etag": 'W/"1"'}
    return [({**etag, **content}, is_checked) for content, (_, is_checked) in zip(kept, contents, strict=True)]


def _expanded(content: Content, asked: Asked) -> Content:
    """Return what Graph says of something: extended properties only if they are asked for, one by its id."""
    if "singleValueExtendedProperties" not in content:
        return content
    shown = {name: value for name, value in content.items() if name != "singleValueExtendedProperties"}
    if "$expand" in asked.query:
        wanted = _EXPANDED.fullmatch(asked.query["$expand"])
        if wanted is None:
            raise ContractBroken(f"an expansion: {asked.query['$expand']}")
        found = [each for each in content["singleValueExtendedProperties"] if each["id"] == wanted["id"]]
        if found:
            shown["singleValueExtendedProperties"] = found
    return shown


def _range_of(asked: Asked) -> tuple[datetime, datetime]:
    start, end = (datetime.fromisoformat(asked.query[name]) for name in ("startDateTime", "endDateTime"))
    if start.tzinfo is None or end.tzinfo is None or start >= end:
        raise ContractBroken(f"a range: {start} to {end}")
    return start, end


def _instant(value: Mapping[str, Any]) -> datetime:
    """Return the instant that a client wrote; of two that it may mean, Exchange takes the first."""
    wall = datetime.fromisoformat(value["dateTime"])
    if wall.tzinfo is not None:
        raise ContractBroken(f"a time with an offset: {value}")
    return wall.replace(tzinfo=ZoneInfo(value["timeZone"])).astimezone(UTC)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
