"""Requests of WebDAV with a user name and a password, and what their answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from peterental.calendars.caldav.addresses import host_of, named_url
from peterental.calendars.caldav.bodies import propfind
from peterental.calendars.caldav.multistatus import Multistatus
from peterental.calendars.http import HttpAnswer, HttpClient, raise_for_status
from peterental.calendars.model import CalendarFault, CalendarNonsense

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class DavClient:
    """Sends requests of WebDAV.

    Redirects are followed here rather than by `http`, because the credentials go along: to a host that the server
    itself names, over a connection as well protected as its own.

    Args:
        http: sends them.
        username: of the account.
        password: an app password.
    """

    def __init__(self, http: HttpClient, *, username: str, password: str) -> None:
        self._http = http
        self._auth = (username, password)

    @property
    def time_left_s(self) -> float:
        """The time that is left for the whole piece of work, in seconds."""
        return self._http.time_left_s

    def propfind(self, url: str, properties: Iterable[str], *, depth: int = 0) -> tuple[Multistatus, str]:
        """Return properties of a resource, and of its members with depth 1, and the URL that answered at last."""
        answer = self.ask("PROPFIND", url, propfind(properties), depth=depth)
        return multistatus_of(answer), answer.url

    def ask(self, method: str, url: str, body: bytes, *, depth: int) -> HttpAnswer:
        """Send a request that may be redirected; return the answer, whatever its status."""
        headers = {"Depth": str(depth), "Content-Type": "application/xml; charset=utf-8"}
        for _ in range(MAX_REDIRECTS + 1):
            answer = self.send(method, url, headers=headers, body=body)
            location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if location is None:
                return answer
            url = named_url(url, location)
        raise CalendarNonsense(host=host_of(url), reason=f"it redirects more than {MAX_REDIRECTS} times")

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Send a request; return the answer, whatever its status. Redirects are not followed."""
        return self._http.request(method, url, headers=headers, body=body, auth=self._auth, follow=False)


def multistatus_of(answer: HttpAnswer) -> Multistatus:
    """Return an answer's list of resources.

    Raises:
        CalendarFault: the status is another one, or the answer is not a list.
    """
    if answer.status == HTTPStatus.MULTI_STATUS:
        return Multistatus.parse(answer.body, host=host_of(answer.url))
    raise unexpected(answer)


def unexpected(answer: HttpAnswer) -> CalendarFault:
    """Return the fault that an unexpected status means."""
    host = host_of(answer.url)
    try:
        raise_for_status(answer, host=host)
    except CalendarFault as fault:
        return fault
    return CalendarNonsense(host=host, reason="its answer is not one of CalDAV")
