"""A scripted CalDAV server, for the shapes and faults that Radicale and Xandikos do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self
from xml.sax.saxutils import escape

from tests.calendars.loopback import Exchange, LoopbackServer, answer

Route = bytes | Callable[[Exchange], bytes | None]

NAMESPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/"'

CALENDAR = "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"


def multistatus(*parts: str, status: str = "207 Multi-Status", encoding: str = "utf-8") -> bytes:
    """Return an answer with a list of resources."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><D:multistatus {NAMESPACES}>{"".join(parts)}</D:multistatus>'
    return closing(text.encode(encoding), status=status)


def closing(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer after which the connection is closed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(body, status=status, headers={"Connection": "close", **named})


def found(href: str, *properties: str) -> str:
    """Return the part of a list that has properties of a resource."""
    prop = f"<D:propstat><D:prop>{''.join(properties)}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
    return f"<D:response><D:href>{escape(href)}</D:href>{prop}</D:response>"


def event_at(href: str, text: str, etag: str = "1") -> str:
    """Return the part of a list that has an event."""
    return found(
        href, f"<D:getetag>&quot;{etag}&quot;</D:getetag>", f"<C:calendar-data>{escape(text)}</C:calendar-data>"
    )


def status_of(href: str, code: int) -> str:
    """Return the part of a list that says only a status of a resource."""
    return f"<D:response><D:href>{href}</D:href><D:status>HTTP/1.1 {code} Whatever</D:status></D:response>"


def token(text: str) -> str:
    """Return the part of a list that says where the next sync-collection continues."""
    return f"<D:sync-token>{text}</D:sync-token>"


def error(condition: str, status: str = "403 Forbidden") -> bytes:
    """Return an answer that names a violated condition."""
    return closing(f"<D:error {NAMESPACES}><{condition}/></D:error>".encode(), status=status)


class ShapedServer(LoopbackServer):
    """Answers by method and path, such as `PROPFIND /dav/`; for everything else there is 404.

    Args:
        routes: the answers. In a list each is given once, and the last one repeated.
    """

    def __init__(self, routes: dict[str, Route | list[Route]]) -> None:
        self.routes = routes
        super().__init__(self._route)

    def __enter__(self) -> Self:
        return self

    def lines(self) -> list[str]:
        """Return the request lines, in order."""
        return [exchange.line for exchange in self.exchanges]

    def _route(self, exchange: Exchange) -> None:
        route = self.routes.get(exchange.line, closing(status="404 Not Found"))
        if isinstance(route, list):
            route = route.pop(0) if len(route) > 1 else route[0]
        said = route(exchange) if callable(route) else route
        if said is not None:
            exchange.connection.sendall(said)
