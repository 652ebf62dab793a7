"""One calendar on a server: its state, what is in it, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from urllib.parse import unquote

from peterental.calendars.caldav import bodies, names
from peterental.calendars.caldav.addresses import collection_url, host_of, named_url, origin_of, path_of
from peterental.calendars.caldav.client import DavClient, multistatus_of, unexpected
from peterental.calendars.caldav.multistatus import OK, DavResponse, Multistatus
from peterental.calendars.http import HttpAnswer
from peterental.calendars.model import CalendarGone, CalendarNonsense

BATCH = 100
"""How many events one request asks for."""

MOST_CHANGES = 500
"""With more changes than these, the calendar is read whole, which asks for the events of the window only."""

MOST_EVENTS = 20_000
"""How many events a window may have."""

MOST_ROUNDS = 100
"""In how many parts a server may report the changes."""

SHORTEST_QUERY = timedelta(hours=6)
"""A server that cannot list the events of so short a time is not asked for an even shorter one."""

_MISSING = frozenset({404, 410})
_TOO_MANY = 507
_NO_SUCH_REPORT = frozenset({400, 403, 405, 409, 415, 422, 501})
"""How servers refuse a report that they do not have."""

_STATE = (
    names.RESOURCE_TYPE,
    names.SYNC_TOKEN,
    names.SUPPORTED_REPORTS,
    names.CTAG,
    names.PRINCIPAL,
)


@dataclass(frozen=True)
class CollectionState:
    """What a calendar says about itself.

    Args:
        sync_token: where sync-collection would continue; None if it does not say.
        can_sync: whether it says that it has sync-collection.
        ctag: changes with everything in the calendar.
        principal: the URL of the signed-in user's principal.
    """

    sync_token: str | None
    can_sync: bool
    ctag: str | None
    principal: str | None


@dataclass(frozen=True)
class Resource:
    """A resource of a calendar: one event, or one series with its exceptions.

    Args:
        path: of its URL.
        etag: its version.
        data: iCalendar.
    """

    path: str
    etag: str | None
    data: bytes


@dataclass(frozen=True)
class Changes:
    """What changed in a calendar since a token.

    Args:
        changed: the paths of new and changed resources.
        removed: the paths of those that are gone.
        token: where the next report continues.
    """

    changed: frozenset[str]
    removed: frozenset[str]
    token: str


class Collection:
    """One calendar on a server.

    Every method raises CalendarGone if the server says that there is no such calendar, and another CalendarFault for
    whatever else went wrong.

    Args:
        client: signed in.
        url: of the calendar.
    """

    def __init__(self, client: DavClient, url: str) -> None:
        self._client = client
        self.url = collection_url(url)
        self.path = path_of(self.url)

    def url_of(self, path: str) -> str:
        """Return the URL of a resource. It is on the calendar's own host, so the credentials go nowhere else."""
        return origin_of(self.url) + path

    def state(self) -> CollectionState:
        """Ask the calendar about itself."""
        answer = self._ask("PROPFIND", bodies.propfind(_STATE), depth=0)
        listed = multistatus_of(answer).responses
        if not listed:
            raise CalendarNonsense(host=host_of(self.url), reason="it says nothing about the calendar")
        here = listed[0]
        if here.status in _MISSING:
            raise self._gone()
        types = here.names_in(names.RESOURCE_TYPE)
        if types and names.CALENDAR not in types:
            raise CalendarNonsense(host=host_of(self.url), reason="the address is not a calendar's any more")
        principal = here.href_in(names.PRINCIPAL)
        return CollectionState(
            sync_token=here.text(names.SYNC_TOKEN),
            can_sync=names.SYNC_COLLECTION in here.names_in(names.SUPPORTED_REPORTS),
            ctag=here.text(names.CTAG),
            principal=named_url(answer.url, principal) if principal else None,
        )

    def etags_between(self, start: datetime, end: datetime) -> dict[str, str | None]:
        """Return the ETags of the resources that have an event between two times, by path.

        A server that has too many for one answer is asked about each half of the time.
        """
        answer = self._ask("REPORT", bodies.query_times(start, end), depth=1)
        listed = None if _is_too_many(answer) else multistatus_of(answer)
        if listed is not None and not any(self._is_cut_off(response) for response in listed.responses):
            found = {path: response.text(names.ETAG) for path, response in self._members(listed)}
        elif end - start > SHORTEST_QUERY:
            middle = start + (end - start) / 2
            found = self.etags_between(start, middle) | self.etags_between(middle, end)
        else:
            raise CalendarNonsense(host=host_of(self.url), reason="it does not list all events")
        if len(found) > MOST_EVENTS:
            raise CalendarNonsense(host=host_of(self.url), reason=f"more than {MOST_EVENTS} events")
        return found

    def fetch(self, paths: Iterable[str], *, is_readable: bool = False) -> Iterator[Resource]:
        """Yield resources, in batches; those that are gone are left out.

        A resource that the server leaves out of its answer is asked for alone: it may be gone, but may block as well.
        So is each resource on a server that cannot be asked for several.

        One that the server refuses among others, such as a private event in a shared calendar, has no data. If it
        refuses all of them, the access is lost.

        Args:
            paths: of the resources.
            is_readable: whether it is known that the server does not refuse all of them.
        """
        remaining = iter(sorted(paths))
        while batch := list(islice(remaining, BATCH)):
            answer = self._ask("REPORT", bodies.multiget(batch), depth=1)
            listed = () if answer.status in _NO_SUCH_REPORT else self._members(multistatus_of(answer))
            unanswered, refused = set(batch), set[str]()
            for path, response in listed:
                data = response.text(names.CALENDAR_DATA)
                if path in unanswered and (data is not None or response.status in _MISSING):
                    unanswered.discard(path)
                    if data is not None:
                        is_readable = True
                        yield Resource(path, response.text(names.ETAG), data.encode())
                elif response.status == HTTPStatus.FORBIDDEN:
                    refused.add(path)
            for path in sorted(unanswered):
                yield from self._fetch_one(path, may_be_refused=is_readable and path in refused)

    def with_uid(self, uid: str) -> list[Resource]:
        """Return the resources that may have an event of a UID, wherever a person's program has put them.

        A server that cannot search for a UID finds none.
        """
        answer = self._ask("REPORT", bodies.query_uid(uid), depth=1)
        if answer.status in _NO_SUCH_REPORT:
            return []
        listed = multistatus_of(answer)
        return [
            Resource(path, response.text(names.ETAG), data.encode())
            for path, response in self._members(listed)
            if (data := response.text(names.CALENDAR_DATA)) is not None
        ]

    def changes(self, token: str) -> Changes | None:
        """Return what changed since a token.

        Returns:
            None if the calendar has to be read whole: the server no longer knows the token (403 or 412, RFC 6578),
            there is too much, or the answer is not as it should be. Nextcloud has answered 418.
        """
        changed: set[str] = set()
        removed: set[str] = set()
        for _ in range(MOST_ROUNDS):
            answer = self._client.ask("REPORT", self.url, bodies.sync_collection(token), depth=0)
            if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                raise unexpected(answer)
            listed = readable(answer)
            if listed is None or not listed.sync_token or any(not _is_known(found) for found in listed.responses):
                return None
            for path, response in self._members(listed):
                into, out_of = (removed, changed) if response.status in _MISSING else (changed, removed)
                into.add(path)
                out_of.discard(path)
            if len(changed) > MOST_CHANGES:
                return None
            if not any(self._is_cut_off(response) for response in listed.responses):
                return Changes(frozenset(changed), frozenset(removed), listed.sync_token)
            if listed.sync_token == token:
                return None
            token = listed.sync_token
        return None

    def first_token(self) -> str | None:
        """Return the token of a server that has sync-collection and no property for it; None if that fails."""
        token = ""
        for _ in range(MOST_ROUNDS):
            listed = readable(self._client.ask("REPORT", self.url, bodies.sync_collection(token), depth=0))
            if listed is None or not listed.sync_token or listed.sync_token == token:
                return None
            token = listed.sync_token
            if not any(self._is_cut_off(response) for response in listed.responses):
                return token
        return None

    def _ask(self, method: str, body: bytes, *, depth: int) -> HttpAnswer:
        answer = self._client.ask(method, self.url, body, depth=depth)
        if answer.status in _MISSING:
            raise self._gone()
        return answer

    def _fetch_one(self, path: str, *, may_be_refused: bool) -> Iterator[Resource]:
        answer = self._client.send("GET", self.url_of(path))
        if answer.status in _MISSING:
            return
        if may_be_refused and answer.status == HTTPStatus.FORBIDDEN:
            yield Resource(path, None, b"")
            return
        if answer.status != HTTPStatus.OK:
            raise unexpected(answer)
        yield Resource(path, answer.headers.get("ETag"), answer.body)

    def _members(self, listed: Multistatus) -> Iterator[tuple[str, DavResponse]]:
        """Yield the resources of an answer with their paths, without the calendar itself and collections in it."""
        for response in listed.responses:
            path = path_of(response.href, self.url)
            if not path.endswith("/") and f"{path}/" != self.path:
                yield path, response

    def _is_cut_off(self, response: DavResponse) -> bool:
        """Return whether a response says that the answer is not complete (RFC 6578, 3.6)."""
        return response.status == _TOO_MANY and collection_url(path_of(response.href, self.url)) == self.path

    def _gone(self) -> CalendarGone:
        return CalendarGone(name=unquote(self.path.rstrip("/").rpartition("/")[2]))


def _is_too_many(answer: HttpAnswer) -> bool:
    """Return whether a server refuses to list so many resources at once."""
    return answer.status == _TOO_MANY or (
        answer.status == HTTPStatus.FORBIDDEN and b"number-of-matches-within-limits" in answer.body
    )


def readable(answer: HttpAnswer) -> Multistatus | None:
    """Return an answer's list of resources; None if it is not one."""
    if answer.status != HTTPStatus.MULTI_STATUS:
        return None
    try:
        return Multistatus.parse(answer.body, host=host_of(answer.url))
    except CalendarNonsense:
        return None


def _is_known(response: DavResponse) -> bool:
    return response.status in {OK, _TOO_MANY} or response.status in _MISSING
