"""Requests to Microsoft Graph: its addresses, pages, change feeds and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from peterental.calendars.http import HttpAnswer, raise_for_status
from peterental.calendars.model import CalendarFault, CalendarGone, CalendarNonsense, CalendarUnreachable
from peterental.calendars.oauth import AuthorizedHttp

HOST = "Microsoft 365"
"""The provider's name in messages."""

PREFER = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"'
"""Ids that stay when an event is moved, times in UTC, and bodies without markup. Every request needs it."""

FEED_PAGE_SIZE = 200
"""How many events one page of a change feed has. Its events come with their bodies, so pages are kept small."""

MAX_FEED_PAGES = 60
"""A longer change feed is not followed; the whole view is read, whose events come without bodies."""

FEED_FIELDS = frozenset(
    {"@removed", "id", "subject", "start", "end", "isAllDay", "isCancelled", "showAs", "responseStatus", "type"}
    | {"seriesMasterId", "transactionId"}
)
"""What is kept of an event of a change feed. Its body may be large."""

MAX_PAGES = 200
"""The most pages of a list that are read."""

LONGEST_LINK = 7_000
"""The longest link that is followed, in characters."""

_MISSING = frozenset({(404, "ErrorItemNotFound"), (404, "ErrorFolderNotFound"), (400, "ErrorInvalidIdMalformed")})
"""Answers for a calendar or event that does not exist. The id may be another provider's. Other codes of a 404 concern
the mailbox, and a 404 without a code comes from a proxy on the way."""

_FEED_REFUSED = frozenset({400, 403, 404, 405, 409, 410, 412, 501})
"""Statuses of a change feed whose state was forgotten (`SyncStateNotFound`), or that a calendar does not offer."""

_SUCCESS = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_ACCESS_OR_PACE = frozenset({401, 403, 429})
_CODE = re.compile(r"[A-Za-z0-9_.]{1,80}")


@dataclass(frozen=True)
class Feed:
    """The changes of a calendar.

    Args:
        items: what was added, changed or removed, in order.
        delta_link: the address of the changes after these.
    """

    items: tuple[object, ...]
    delta_link: str


@dataclass(frozen=True)
class _Page:
    items: list[object]
    next_link: str | None
    delta_link: str | None


class Graph:
    """Microsoft Graph v1.0 for one account. Used by one thread at a time.

    Args:
        http: sends requests with the account's token.
        base_url: the base address, such as `https://graph.microsoft.com`.
    """

    def __init__(self, http: AuthorizedHttp, base_url: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/v1.0/"

    def url(self, *path: str, query: Mapping[str, str] | None = None) -> str:
        """Return an address below `/me`.

        Args:
            path: its parts, not encoded.
            query: parameters, not encoded.
        """
        address = self._base + "/".join(("me", *(quote(part, safe="") for part in path)))
        return f"{address}?{urlencode(query, quote_via=quote, safe='$')}" if query else address

    def send(self, method: str, url: str, content: Mapping[str, Any] | None = None, *, prefer: str = "") -> HttpAnswer:
        """Send a request and return the answer, whatever its status.

        Args:
            method: of the request.
            url: as `url` returns it, or a link of an answer.
            content: sent as JSON.
            prefer: a further preference.
        """
        headers = {"Prefer": f"{PREFER}, {prefer}" if prefer else PREFER, "Accept": "application/json"}
        body = None
        if content is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(content, ensure_ascii=False).encode()
        return self._http.request(method, url, headers=headers, body=body, follow=False)

    def items(self, url: str, *, calendar: str | None = None) -> Iterator[object]:
        """Yield the items of a list, from all its pages. An empty page does not end it.

        Raises CalendarGone if the list is of a calendar that does not exist.

        Args:
            url: of the first page.
            calendar: whose list it is.
        """
        seen: set[str] = set()
        link: str | None = url
        while link is not None:
            if link in seen or len(seen) >= MAX_PAGES:
                raise CalendarNonsense(host=HOST, reason="a list does not end")
            seen.add(link)
            answer = self.send("GET", link)
            raise_for_error(answer, calendar=calendar)
            page = self._page(answer)
            yield from page.items
            link = page.next_link

    def feed(self, url: str) -> Feed | None:
        """Return the changes that a feed has; None if it is refused, too long, or its state was forgotten.

        Args:
            url: of its first page, or the `delta_link` of an earlier call.
        """
        items: list[object] = []
        seen: set[str] = set()
        link: str | None = url
        while link is not None and link not in seen and len(seen) < MAX_FEED_PAGES and self._is_ours(link):
            seen.add(link)
            answer = self.send("GET", link, prefer=f"odata.maxpagesize={FEED_PAGE_SIZE}")
            if answer.status in _FEED_REFUSED and "Retry-After" not in answer.headers:
                return None
            raise_for_error(answer)
            page = self._page(answer)
            items.extend(_shortened(item) for item in page.items)
            if page.delta_link is not None:
                return Feed(tuple(items), page.delta_link)
            link = page.next_link
        return None

    def _page(self, answer: HttpAnswer) -> _Page:
        content = object_of(answer)
        items = content.get("value")
        if not isinstance(items, list):
            raise CalendarNonsense(host=HOST, reason="a list has no items")
        return _Page(items, self._link(content, "@odata.nextLink"), self._link(content, "@odata.deltaLink"))

    def _link(self, content: Mapping[str, Any], name: str) -> str | None:
        """Return a link of an answer. The token is sent there, so it must lead to the same server."""
        link = content.get(name)
        if link is None:
            return None
        if not isinstance(link, str) or not self._is_ours(link):
            raise CalendarNonsense(host=HOST, reason="a list continues on another server")
        return link

    def _is_ours(self, link: str) -> bool:
        try:
            theirs, ours = urlsplit(link), urlsplit(self._base)
        except ValueError:
            return False
        if len(link) > LONGEST_LINK or not (link.isascii() and link.isprintable()):
            return False
        is_same_server = (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        return is_same_server and theirs.path.startswith(ours.path)


def _shortened(item: object) -> object:
    return {name: value for name, value in item.items() if name in FEED_FIELDS} if isinstance(item, dict) else item


def object_of(answer: HttpAnswer) -> Mapping[str, Any]:
    """Return the JSON object that an answer has. Raises CalendarNonsense."""
    content = answer.json()
    if not isinstance(content, dict):
        raise CalendarNonsense(host=HOST, reason="the answer is not an object")
    return content


def error_code(answer: HttpAnswer) -> str:
    """Return the error code of an answer, such as `ErrorItemNotFound`; empty if it has none."""
    try:
        content = answer.json()
    except CalendarFault:
        return ""
    error = content.get("error") if isinstance(content, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def is_missing(answer: HttpAnswer) -> bool:
    """Return whether an answer says that what was asked for does not exist."""
    return (answer.status, error_code(answer)) in _MISSING


def raise_for_error(answer: HttpAnswer, *, calendar: str | None = None) -> None:
    """Raise the fault that an answer reports, if any.

    Args:
        answer: to any request.
        calendar: that was asked for; if it does not exist, CalendarGone is raised.
    """
    if answer.status in _SUCCESS:
        return
    if calendar is not None and is_missing(answer):
        raise CalendarGone(name=calendar)
    code = error_code(answer)
    if code and answer.status in _CLIENT_ERRORS and answer.status not in _ACCESS_OR_PACE:
        raise CalendarUnreachable(host=HOST, reason=f"it answers {answer.status} {code}")
    raise_for_status(answer, host=HOST)
    raise CalendarUnreachable(host=HOST, reason=f"it answers {answer.status}")
