"""XML that a server sent, read within limits: no document type, so no entities, and bounded depth and size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from peterental.calendars.model import CalendarNonsense

MAX_DEPTH = 64
"""How deep elements may be nested. An answer of CalDAV has about ten levels."""

MAX_ELEMENTS = 250_000
"""How many elements an answer may have. A calendar of 20,000 events, listed whole, has about 160,000."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_NOT_IN_XML = bytes(code for code in range(32) if code not in b"\t\n\r")


@dataclass(slots=True)
class Element:
    """An element.

    Args:
        name: with its namespace, such as `{DAV:}href`.
        children: the elements in it.
        text: the text in it, without the text of its children.
        attribute: the value of its attribute `name`, the only one that CalDAV's properties have.
    """

    name: str
    children: list[Element] = field(default_factory=list)
    text: str = ""
    attribute: str | None = None

    def named(self, name: str) -> Iterator[Element]:
        """Yield the children of a name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """Return the first child of a name."""
        return next(self.named(name), None)

    def text_of(self, name: str) -> str | None:
        """Return the text of the first child of a name, without white space around it; None if there is none."""
        child = self.first(name)
        return None if child is None else child.text.strip() or None

    def descendants(self) -> Iterator[Element]:
        """Yield every element below this one."""
        for child in self.children:
            yield child
            yield from child.descendants()


def parse_xml(body: bytes, *, host: str) -> Element:
    """Return the root element of a document.

    Control characters that XML does not allow are left out: one event with a stray character in it must not make the
    other events of a calendar unreadable.

    Args:
        body: the document, in the encoding that it declares.
        host: who sent it, for the error.

    Raises:
        CalendarNonsense: it is not XML, is in an encoding that expat cannot read, has a document type, or is beyond the
            limits.
    """
    clean = body if body.startswith(_UTF_16) else body.translate(None, _NOT_IN_XML)
    try:
        return _Builder().build(clean)
    except expat.ExpatError as error:
        raise CalendarNonsense(host=host, reason="its answer is not XML") from error
    except (LookupError, ValueError) as error:  # of the encoding that it declares
        raise CalendarNonsense(host=host, reason="its answer is in an encoding that cannot be read") from error
    except _OverLimit as limit:
        raise CalendarNonsense(host=host, reason=limit.reason) from None


class _OverLimit(Exception):
    """The document has something that is refused."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Builder:
    """Builds elements from the events of the parser."""

    def __init__(self) -> None:
        self._root = Element("")
        self._open = [self._root]
        self._texts: list[list[str]] = [[]]
        self._count = 0

    def build(self, document: bytes) -> Element:
        """Parse a document and return its root element."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._document_type
        parser.Parse(document, True)  # noqa: FBT003  # the parser takes no keywords
        return self._root.children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH:
            raise _OverLimit("its answer is nested too deeply")
        if self._count > MAX_ELEMENTS:
            raise _OverLimit("its answer has too many elements")
        element = Element(f"{{{name}" if "}" in name else name, attribute=attributes.get("name"))
        self._open[-1].children.append(element)
        self._open.append(element)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _characters(self, text: str) -> None:
        self._texts[-1].append(text)

    def _document_type(self, *_: object) -> None:
        raise _OverLimit("its answer has a document type")
