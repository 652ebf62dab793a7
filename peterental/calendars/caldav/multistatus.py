"""Answers of WebDAV about several resources (207 Multi-Status, RFC 4918)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from peterental.calendars.caldav.names import DAV
from peterental.calendars.caldav.xml_reader import Element, parse_xml
from peterental.calendars.model import CalendarNonsense

OK = 200


@dataclass(frozen=True)
class DavResponse:
    """What a server says about one resource.

    Args:
        href: of the resource, as the server wrote it.
        status: of the resource as a whole; 200 if only its properties have one.
        properties: those that the server has for it, by name.
    """

    href: str
    status: int
    properties: Mapping[str, Element]

    def text(self, name: str) -> str | None:
        """Return the text of a property; None if it has none."""
        found = self.properties.get(name)
        return None if found is None else found.text.strip() or None

    def href_in(self, name: str) -> str | None:
        """Return the first address in a property."""
        return next(iter(self.hrefs_in(name)), None)

    def hrefs_in(self, name: str) -> list[str]:
        """Return the addresses in a property."""
        found = self.properties.get(name)
        texts = (child.text.strip() for child in found.named(DAV + "href")) if found is not None else ()
        return [text for text in texts if text]

    def names_in(self, name: str) -> frozenset[str]:
        """Return the names of all elements in a property."""
        found = self.properties.get(name)
        return frozenset() if found is None else frozenset(element.name for element in found.descendants())


@dataclass(frozen=True)
class Multistatus:
    """What a server says about several resources.

    Args:
        responses: one for each.
        sync_token: where the next sync-collection continues, RFC 6578.
    """

    responses: tuple[DavResponse, ...]
    sync_token: str | None

    @classmethod
    def parse(cls, body: bytes, *, host: str) -> Multistatus:
        """Parse an answer.

        Raises:
            CalendarNonsense: it is not one.
        """
        root = parse_xml(body, host=host)
        if root.name != DAV + "multistatus":
            raise CalendarNonsense(host=host, reason="its answer is not a list of resources")
        responses = tuple(found for child in root.named(DAV + "response") for found in _responses(child))
        return cls(responses, root.text_of(DAV + "sync-token"))


def _responses(element: Element) -> Iterator[DavResponse]:
    """Yield what one `response` says; it may name several resources that share a status."""
    properties: dict[str, Element] = {}
    for propstat in element.named(DAV + "propstat"):
        found = propstat.first(DAV + "prop")
        if found is not None and _is_success(_status_of(propstat)):
            properties |= {prop.name: prop for prop in found.children}
    # Without a status of its own a resource exists, even if it has none of the properties that were asked for.
    status = _status_of(element)
    status = OK if status is None else status
    for href in element.named(DAV + "href"):
        if href.text.strip():
            yield DavResponse(href.text.strip(), status, properties)


def _status_of(element: Element) -> int | None:
    """Return the code of a status line such as `HTTP/1.1 404 Not Found`; 0 if it is unreadable, None if absent."""
    line = element.text_of(DAV + "status")
    if line is None:
        return None
    code = [*line.split(), "", ""][1]
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0  # noqa: PLR2004  # digits of a code


def _is_success(status: int | None) -> bool:
    return status is not None and status // 100 == 2  # noqa: PLR2004  # 2xx
