"""Requests to the Calendar API v3, and what its errors mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from peterental.calendars.google.provider import HOST
from peterental.calendars.http import HttpAnswer, raise_for_status
from peterental.calendars.model import CalendarAccessLost, CalendarNonsense, CalendarUnreachable
from peterental.calendars.oauth import AuthorizedHttp

BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, GONE, PRECONDITION_FAILED = 400, 403, 404, 409, 410, 412
_UNAUTHORIZED, _TOO_MANY_REQUESTS = 401, 429
_SUCCESS = range(200, 300)
_ABOUT_THE_REQUEST = frozenset({BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, GONE, PRECONDITION_FAILED})

_THROTTLING = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "RATE_LIMIT_EXCEEDED"}
)
_NOT_ENABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_SCOPE_MISSING = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})

_REASON = re.compile(r"[A-Za-z_]{1,60}")


class ApiError(CalendarUnreachable):
    """{host} refused a request: {reason}.

    An error that is about what was asked for. Where its meaning is known, another fault is raised in its place.

    Args:
        status: of HTTP.
        reasons: Google's words for it.
    """

    def __init__(self, status: int, reasons: frozenset[str]) -> None:
        self.status = status
        self.reasons = reasons
        super().__init__(host=HOST, reason=", ".join(sorted(reasons)) or f"status {status}")


class GoogleApi:
    """Requests to the Calendar API for one account.

    Args:
        http: sends the requests with an access token.
        base_url: of the API, without version and path.
    """

    def __init__(self, http: AuthorizedHttp, base_url: str) -> None:
        self._http = http
        self._base_url = f"{base_url.rstrip('/')}/calendar/v3"

    def ask(
        self,
        method: str,
        path: Sequence[str],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send a request. Raises ApiError, or the fault that an error of Google means.

        Args:
            method: of HTTP.
            path: its segments, below the version; each is escaped.
            query: of the address.
            body: becomes JSON.
            headers: further ones.
        """
        url = "/".join([self._base_url, *(quote(segment, safe="") for segment in path)])
        answer = self._http.request(
            method,
            f"{url}?{urlencode(query)}" if query else url,
            headers={**(headers or {}), **({"Content-Type": "application/json"} if body is not None else {})},
            body=json.dumps(body).encode() if body is not None else None,
            follow=False,
        )
        if answer.status not in _SUCCESS:
            _raise_for(answer)
        return answer

    def fetch(self, kind: str, path: Sequence[str], query: Mapping[str, str]) -> Mapping[str, Any]:
        """Read an object.

        Raises as `ask` does, and CalendarNonsense if the answer is not one of this kind.
        """
        return json_object(self.ask("GET", path, query=query), kind)

    def pages(self, kind: str, path: Sequence[str], query: Mapping[str, str]) -> Iterator[Page]:
        """Read a list, page by page to the end. A page may be empty and not be the last."""
        seen = set()
        token = None
        while True:
            page = _page(self.fetch(kind, path, query if token is None else {**query, "pageToken": token}))
            yield page
            token = page.next_page
            if token is None:
                return
            if token in seen:
                raise CalendarNonsense(host=HOST, reason="its pages have no end")
            seen.add(token)


@dataclass(frozen=True)
class Page:
    """A page of a list.

    Args:
        items: its entries, as they came.
        next_page: the token of the next page; None on the last one.
        next_sync: the sync token, on the last page.
    """

    items: list[Any]
    next_page: str | None
    next_sync: str | None


def json_object(answer: HttpAnswer, kind: str) -> Mapping[str, Any]:
    """Return an answer's object.

    Raises CalendarNonsense if it is not one of this kind, such as a proxy's page.
    """
    content = answer.json()
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise CalendarNonsense(host=HOST, reason=f"the answer is not a {kind}")
    return content


def _page(content: Mapping[str, Any]) -> Page:
    """Return a page.

    Its list may be left out if it is empty, but then one of the tokens shows that it is a page.
    """
    next_page, next_sync = _token(content, "nextPageToken"), _token(content, "nextSyncToken")
    items = content.get("items", [] if next_page or next_sync else None)
    if not isinstance(items, list):
        raise CalendarNonsense(host=HOST, reason="the answer has no list")
    return Page(items, next_page, next_sync)


def _token(content: Mapping[str, Any], name: str) -> str | None:
    token = content.get(name)
    if token is not None and not isinstance(token, str):
        raise CalendarNonsense(host=HOST, reason=f"{name} is not text")
    return token or None


def _raise_for(answer: HttpAnswer) -> NoReturn:
    """Raise what an error means."""
    reasons = _reasons(answer)
    if answer.status == _UNAUTHORIZED:
        raise CalendarAccessLost(host=HOST)
    if answer.status in {FORBIDDEN, _TOO_MANY_REQUESTS}:
        if reasons & _THROTTLING:
            raise_for_status(replace(answer, status=_TOO_MANY_REQUESTS), host=HOST)
        if reasons & _NOT_ENABLED:
            raise CalendarUnreachable(host=HOST, reason="the Google Calendar API is not enabled for this app")
        if reasons & _SCOPE_MISSING:
            raise CalendarAccessLost(host=HOST)
    if answer.status in _ABOUT_THE_REQUEST:
        raise ApiError(answer.status, reasons)
    raise_for_status(answer, host=HOST)
    raise CalendarNonsense(host=HOST, reason=f"it answered {answer.status}")


def _reasons(answer: HttpAnswer) -> frozenset[str]:
    """Return the reasons that an error names, in either form of Google's errors."""
    try:
        content = answer.json()
    except CalendarNonsense:
        return frozenset()
    error = content.get("error") if isinstance(content, dict) else None
    lists = [error.get("errors"), error.get("details")] if isinstance(error, dict) else []
    entries = [entry for entries in lists if isinstance(entries, list) for entry in entries if isinstance(entry, dict)]
    found = (entry.get("reason") for entry in entries)
    return frozenset(reason for reason in found if isinstance(reason, str) and _REASON.fullmatch(reason))
