"""A calendar behind a private .ics address: busy times in, nothing out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from urllib.parse import unquote

from peterental.calendars.http import HttpAnswer, HttpClient, host_of, raise_for_status
from peterental.calendars.icalendar_data.limits import USUAL_LIMITS, Limits
from peterental.calendars.icalendar_data.reader import EventTimes, calendar_name, read_events
from peterental.calendars.ics_address import ics_url
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarGone,
    CalendarNonsense,
    CalendarUnreachable,
    Reading,
    ReadWindow,
    RemoteCalendar,
)

REMOTE_ID = "ics"
"""The id of the only calendar. The address is a secret, so it is not used as one."""

_ADDRESS = re.compile(r"[^@\s]{1,100}@[^@\s]{3,200}")
_NOT_MODIFIED = 304
_LONGEST_VALIDATOR = 1000
_VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
_HEAD_BYTES = 2000

ONLY_FREE_BUSY = (
    "This address of Google shows only free and busy, without titles and without declined invitations."
    " Use the calendar's secret address in iCal format."
)


def _addresses_in(url: str) -> frozenset[str]:
    """Return the e-mail addresses in a URL. Google's has the owner's, by which answers to invitations are known."""
    path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return frozenset(part.lower() for part in map(unquote, path.split("/")) if _ADDRESS.fullmatch(part))


class IcsAccount:
    """One calendar at a private .ics address; a `CalendarAccount`.

    Args:
        url: the address, as typed.
        http: sends the requests, within the time of one reading.
        namespace: of this installation: its own events never block.
        owner: the e-mail addresses of the person whose calendar it is.
    """

    def __init__(self, url: str, http: HttpClient, *, namespace: str, owner: Collection[str]) -> None:
        self._url = ics_url(url)
        self._host = host_of(self._url)
        self._http = http
        self._namespace = namespace
        self._owner = frozenset(owner) | _addresses_in(self._url)

    def calendars(self) -> Sequence[RemoteCalendar]:
        """Return the calendar, after fetching it: an address that cannot be read is refused at once.

        Raises:
            AddressNotAllowed: the address is not https, or not on the public internet.
            CalendarFault: it cannot be read.
        """
        answer = self._http.request("GET", self._url, headers={"Accept": "text/calendar, */*;q=0.5"})
        self._check(answer)
        name = calendar_name(answer.body, host=self._host, limits=self._limits)
        return (RemoteCalendar(remote_id=REMOTE_ID, name=name or self._host, is_default=True),)

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:  # noqa: ARG002 - there is one
        """Read the calendar; without a change since the cursor, nothing.

        The window of a cursor does not move: from time to time, read with None.

        Args:
            remote_id: of the only calendar.
            window: the time of interest.
            cursor: ETag and Last-Modified of the last reading; None reads everything.

        Raises:
            CalendarFault: of whatever kind.
        """
        conditions = _conditions(cursor)
        try:
            answer = self._http.request("GET", self._url, headers={"Accept": "text/calendar, */*;q=0.5", **conditions})
        except AddressNotAllowed as error:  # it was allowed once: its name leads elsewhere now
            raise CalendarUnreachable(host=self._host, reason=str(error.values["reason"])) from None
        if answer.status == _NOT_MODIFIED and conditions:
            return Reading(is_whole=False, cursor=cursor)
        self._check(answer)
        found = read_events(
            answer.body,
            window,
            namespace=self._namespace,
            owner=self._owner,
            host=self._host,
            limits=self._limits,
        )
        return Reading(
            is_whole=True,
            busy=found.busy,
            own=found.own,
            cursor=_cursor(answer),
            notes=(*found.notes, *_google_notes(self._host, found)),
        )

    @property
    def _limits(self) -> Limits:
        """The limits of reading what has just been fetched, within the time of both."""
        return USUAL_LIMITS.within(self._http.time_left_s)

    def _check(self, answer: HttpAnswer) -> None:
        """Raise the fault that an answer means, if it has no calendar in it."""
        if answer.status in {404, 410}:
            raise CalendarGone(name=f"at {self._host}")
        raise_for_status(answer, host=self._host)
        if answer.status == _NOT_MODIFIED:
            raise CalendarNonsense(host=self._host, reason="it says that nothing changed, but was not asked")
        head = answer.body[:_HEAD_BYTES].lstrip().lower()
        if not answer.body.strip():
            raise CalendarNonsense(host=self._host, reason="it is empty")
        if head.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head", b"<script")):
            raise CalendarNonsense(host=self._host, reason="it is a web page, perhaps one to sign in")


def _conditions(cursor: str | None) -> dict[str, str]:
    """Return the headers that ask for changes since a cursor; none for one that cannot be read."""
    try:
        validators = json.loads(cursor) if cursor else {}
    except ValueError:
        return {}
    if not isinstance(validators, dict):
        return {}
    return {
        header: value
        for name, header in _VALIDATORS.items()
        if isinstance(value := validators.get(name), str) and value.isprintable() and value
    }


def _cursor(answer: HttpAnswer) -> str | None:
    """Return a cursor; None if the server offers no way to ask for changes."""
    validators = {
        name: value
        for name in _VALIDATORS
        if (value := answer.headers.get(name, "").strip()) and len(value) <= _LONGEST_VALIDATOR and value.isprintable()
    }
    return json.dumps(validators) if validators else None


def _google_notes(host: str, found: EventTimes) -> tuple[str, ...]:
    titles = {time.title for times in found.busy.values() for time in times}
    is_google = host == "calendar.google.com" or "google" in found.product.lower()
    return (ONLY_FREE_BUSY,) if is_google and titles == {"Busy"} else ()
