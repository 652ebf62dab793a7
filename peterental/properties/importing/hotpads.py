"""Read listings in the HotPads XML format, which Zillow takes too. Pure.

The parser knows no entities but those of XML itself: a document type declaration, where entities are defined, is
refused before any of it is read. Depth, size and the number of listings are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from peterental.properties.importing.model import MAX_FILE_BYTES, MAX_HOMES, FileRefused

MAX_DEPTH = 20
MAX_TEXT_CHARS = 20_000
"""The longest text of an element that is kept; descriptions are not read."""

MAX_COUNT_DIGITS = 2
LISTING = "Listing"

FIELDS: Mapping[str, str] = {
    "street": "line1",
    "unit": "unit",
    "city": "city",
    "state": "state",
    "zip": "zip_code",
    "name": "said_as",
    "numBedrooms": "bedrooms",
    "numFullBaths": "bathrooms",
    "numHalfBaths": "half_baths",
    "price": "rent",
    "dateAvailable": "available_on",
}
"""The elements of a listing that are read, and the field of each."""


@dataclass
class Listing:
    """A listing as read.

    Args:
        line: of its start, from 1.
        attributes: of its element: `id`, `type`.
        texts: of its elements, by the field that they are.
    """

    line: int
    attributes: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)


def is_xml(content: bytes) -> bool:
    """Return whether a file is XML and not a table."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def read_listings(content: bytes) -> list[Listing]:
    """Return the listings of a HotPads file. Raises FileRefused."""
    if len(content) > MAX_FILE_BYTES:
        raise FileRefused(f"The file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB. Split it.")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)  # noqa: FBT003  # expat's own: this is all
    except expat.ExpatError as error:
        raise FileRefused(
            f"The XML is broken in line {error.lineno}: {expat.ErrorString(error.code)}. Export it again."
        ) from error
    except (LookupError, ValueError) as error:  # the codec of a declared encoding
        raise FileRefused("The XML declares an encoding that cannot be read. Export it in UTF-8.") from error
    if not reader.listings:
        raise FileRefused("The XML has no Listing elements. Export it in the HotPads format.")
    return reader.listings


class _Reader:
    """Collects the listings while expat reads."""

    def __init__(self) -> None:
        self.listings: list[Listing] = []
        self._listing: Listing | None = None
        self._path: list[str] = []
        self._text: list[str] = []
        self._chars = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse_doctype(self, *_: Any) -> None:
        raise FileRefused("The XML has a document type declaration, which is not read because it may define entities.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise FileRefused(f"The XML is nested more than {MAX_DEPTH} elements deep.")
        self._text, self._chars = [], 0
        if name == LISTING and self._listing is None:
            if len(self.listings) == MAX_HOMES:
                raise FileRefused(f"The file has more than {MAX_HOMES:,} homes. Split it.")
            self._listing = Listing(self.parser.CurrentLineNumber, attributes)
            self._level = len(self._path)
            self.listings.append(self._listing)

    def _characters(self, text: str) -> None:
        if self._chars <= MAX_TEXT_CHARS:
            self._chars += len(text)
            self._text.append(text)

    def _end(self, name: str) -> None:
        level = len(self._path)
        self._path.pop()
        listing = self._listing
        if listing is None:
            return
        if level == self._level:
            self._listing = None
        elif level == self._level + 1 and name in FIELDS:
            listing.texts.setdefault(FIELDS[name], "".join(self._text)[:MAX_TEXT_CHARS])


def cells(listing: Listing) -> Iterator[tuple[str, str]]:
    """Yield the fields of a listing and their texts, as those of a table."""
    yield "source_id", listing.attributes.get("id", "")
    if listing.attributes.get("type", "").strip().upper() == "SALE":
        yield "status", "sold"
    halves = listing.texts.get("half_baths", "").strip()
    for name, text in listing.texts.items():
        plain = text.strip()
        if name == "bathrooms" and _is_count(halves) and _is_count(plain):
            yield name, str(int(plain) + int(halves) / 2)
        elif name == "said_as":
            yield name, "" if plain == listing.texts.get("line1", "").strip() else text.replace(";", " ")
        elif name != "half_baths":
            yield name, text


def _is_count(text: str) -> bool:
    """Return whether a text is a number of rooms, of at most two digits."""
    return text.isascii() and text.isdecimal() and len(text) <= MAX_COUNT_DIGITS
