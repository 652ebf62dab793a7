"""The XML of requests: PROPFIND and the reports of CalDAV and RFC 6578."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from peterental.calendars.caldav.names import CALDAV, CALENDAR_DATA, CALENDARSERVER, DAV, ETAG

_PREFIXES = {DAV: "D", CALDAV: "C", CALENDARSERVER: "S"}
_DECLARED = " ".join(f'xmlns:{prefix}="{namespace.strip("{}")}"' for namespace, prefix in _PREFIXES.items())


def propfind(properties: Iterable[str]) -> bytes:
    """Return the body that asks for properties."""
    return _document("D:propfind", _prop(properties))


def multiget(paths: Iterable[str]) -> bytes:
    """Return the body that asks for the resources at some paths, with their ETags."""
    hrefs = "".join(f"<D:href>{escape(path)}</D:href>" for path in paths)
    return _document("C:calendar-multiget", _prop([ETAG, CALENDAR_DATA]) + hrefs)


def sync_collection(token: str) -> bytes:
    """Return the body that asks for what changed since a token; all of the collection if the token is empty."""
    level = f"<D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
    return _document("D:sync-collection", level + _prop([ETAG]))


def query_times(start: datetime, end: datetime) -> bytes:
    """Return the body that asks which resources have an event between two times."""
    return _query(f'<C:time-range start="{_utc(start)}" end="{_utc(end)}"/>', [ETAG])


def query_uid(uid: str) -> bytes:
    """Return the body that asks for the resources whose event has a UID. Servers compare it loosely."""
    match = f'<C:prop-filter name="UID"><C:text-match collation="i;octet">{escape(uid)}</C:text-match></C:prop-filter>'
    return _query(match, [ETAG, CALENDAR_DATA])


def _query(condition: str, properties: Iterable[str]) -> bytes:
    events = f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{condition}</C:comp-filter></C:comp-filter>'
    return _document("C:calendar-query", _prop(properties) + f"<C:filter>{events}</C:filter>")


def _prop(names: Iterable[str]) -> str:
    return f"<D:prop>{''.join(f'<{_prefixed(name)}/>' for name in names)}</D:prop>"


def _prefixed(name: str) -> str:
    namespace, _, local = name.partition("}")
    return f"{_PREFIXES[namespace + '}']}:{local}"


def _document(root: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root} {_DECLARED}>{content}</{root}>'.encode()


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
