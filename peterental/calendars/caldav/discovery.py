"""Discovery: from a typed address to the calendars of the account (RFC 6764, RFC 5397, RFC 4791)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from peterental.calendars.caldav import names
from peterental.calendars.caldav.addresses import collection_url, host_of, named_url, path_of, places_to_ask
from peterental.calendars.caldav.bodies import propfind
from peterental.calendars.caldav.client import DavClient, multistatus_of
from peterental.calendars.caldav.multistatus import DavResponse
from peterental.calendars.http import HttpAnswer
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    RemoteCalendar,
)

_PLACE = (names.PRINCIPAL, names.RESOURCE_TYPE, names.HOME_SET, names.INBOX)
_LISTING = (names.DISPLAY_NAME, names.RESOURCE_TYPE, names.COMPONENTS, names.PRIVILEGES)
_WRITE = frozenset({names.DAV + "all", names.DAV + "write"})
_PARTS_OF_WRITE = frozenset({names.DAV + "bind", names.DAV + "write-content"})
_DELETED = "{http://nextcloud.com/ns}deleted-calendar"
_FROM_MOST_TELLING = (CalendarUnreachable, CalendarNonsense, CalendarAccessLost)


@dataclass(frozen=True)
class _CalendarHome:
    """Where calendars are.

    Args:
        url: of a collection that has calendars, or of one calendar.
        depth: 1 to look into it, 0 for the calendar itself.
    """

    url: str
    depth: int = 1


def find_calendars(client: DavClient, *, address: str, username: str) -> list[RemoteCalendar]:
    """Return the calendars of an account that can have events.

    Args:
        client: signed in.
        address: as a person typed it.
        username: of the account.

    Raises:
        AddressNotAllowed: it is not the address of a server, or leads into a private network.
        CalendarFault: no calendars were found.
    """
    faults: list[CalendarFault] = []
    for url in places_to_ask(address, username):
        answer = None
        try:
            answer = client.ask("PROPFIND", url, propfind(_PLACE), depth=0)
            found = _calendars_by(client, answer)
        except CalendarThrottled:
            raise
        except CalendarFault as fault:
            if answer is not None and answer.status == HTTPStatus.UNAUTHORIZED:
                raise  # more attempts with a wrong password may lock the account
            faults.append(fault)
            continue
        if found:
            return found
        faults.append(CalendarNonsense(host=host_of(url), reason="there is no calendar at this address"))
    raise next(fault for kind in _FROM_MOST_TELLING for fault in faults if isinstance(fault, kind))


def _calendars_by(client: DavClient, answer: HttpAnswer) -> list[RemoteCalendar]:
    """Return the calendars to which the answer of one address leads."""
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}:
        return []
    responses = multistatus_of(answer).responses
    if not responses:
        return []
    here, base = responses[0], answer.url
    places = _homes(here, base)
    if not places and (principal := here.href_in(names.PRINCIPAL)):
        listed, base = client.propfind(named_url(base, principal), [names.HOME_SET, names.INBOX])
        here = listed.responses[0] if listed.responses else here
        places = _homes(here, base)
    if not places:
        is_calendar = names.CALENDAR in here.names_in(names.RESOURCE_TYPE)
        places = [_CalendarHome(answer.url, depth=0 if is_calendar else 1)]
    calendars = {path_of(found.remote_id): found for found in _calendars_of(client, places)}
    default = _default_path(client, here, base) or _only_writable(calendars)
    return [replace(calendar, is_default=path == default) for path, calendar in calendars.items()]


def _homes(here: DavResponse, base: str) -> list[_CalendarHome]:
    return [_CalendarHome(named_url(base, href)) for href in here.hrefs_in(names.HOME_SET)]


def _calendars_of(client: DavClient, places: Sequence[_CalendarHome]) -> list[RemoteCalendar]:
    """Return the calendars of all places that can be read, such as without a colleague's. Raises if none can be."""
    calendars: list[RemoteCalendar] = []
    faults: list[CalendarFault] = []
    for place in places:
        try:
            calendars += _calendars_in(client, place)
        except CalendarThrottled:
            raise
        except CalendarFault as fault:
            faults.append(fault)
    if faults and not calendars:
        raise faults[0]
    return calendars


def _calendars_in(client: DavClient, place: _CalendarHome) -> Iterator[RemoteCalendar]:
    listed, base = client.propfind(place.url, _LISTING, depth=place.depth)
    for response in listed.responses:
        types = response.names_in(names.RESOURCE_TYPE)
        if names.CALENDAR in types and _DELETED not in types and _can_have_events(response):
            url = collection_url(named_url(base, response.href))
            name = response.text(names.DISPLAY_NAME) or path_of(url).rstrip("/").rpartition("/")[2]
            yield RemoteCalendar(remote_id=url, name=name, is_writable=_is_writable(response))


def _can_have_events(response: DavResponse) -> bool:
    """Return whether a calendar is not for tasks only. A server that does not say may have any component in it."""
    components = response.properties.get(names.COMPONENTS)
    return components is None or "VEVENT" in {child.attribute for child in components.children}


def _is_writable(response: DavResponse) -> bool:
    """Return whether events can be created; a server that does not say will refuse one if need be."""
    if names.PRIVILEGES not in response.properties:
        return True
    granted = response.names_in(names.PRIVILEGES)
    return bool(granted & _WRITE) or granted >= _PARTS_OF_WRITE


def _default_path(client: DavClient, here: DavResponse, base: str) -> str | None:
    """Return the path of the calendar that new events go to, if the server knows it (RFC 6638)."""
    inbox = here.href_in(names.INBOX)
    if inbox is None:
        return None
    answer = client.ask("PROPFIND", named_url(base, inbox), propfind([names.DEFAULT_CALENDAR]), depth=0)
    if answer.status != HTTPStatus.MULTI_STATUS:
        return None
    hrefs = (response.href_in(names.DEFAULT_CALENDAR) for response in multistatus_of(answer).responses)
    href = next((href for href in hrefs if href), None)
    return path_of(collection_url(href)) if href else None


def _only_writable(calendars: dict[str, RemoteCalendar]) -> str | None:
    writable = [path for path, calendar in calendars.items() if calendar.is_writable]
    return writable[0] if len(writable) == 1 else None
