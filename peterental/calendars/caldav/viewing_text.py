"""A viewing in iCalendar data that a person may have edited: only our own properties are replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from peterental.calendars.icalendar_data.text import STAMP_PROPERTY, unescape

OUR_PROPERTIES = frozenset(
    {"DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION", "URL"}
    | {STAMP_PROPERTY}
)
"""What PeteRental writes. Everything else in the event is the person's or her program's."""

_REPLACED = OUR_PROPERTIES | {"DURATION", "X-ALT-DESC"}
"""DURATION stands for DTEND, and X-ALT-DESC is the description again, as HTML."""

_VERSION = frozenset({"DTSTAMP", "LAST-MODIFIED", "SEQUENCE"})
_LINE_END = re.compile(r"\r\n|\n|\r")
_BEFORE_VALUE = re.compile(r'^(?:[^":]|"[^"]*")*:')
"""The name and the parameters of a property; those in quotes may have colons."""

_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class _Line:
    """A content line.

    Args:
        physical: the folded lines that it is made of, unchanged.
    """

    physical: tuple[str, ...]

    @property
    def text(self) -> str:
        """The line, unfolded."""
        return self.physical[0] + "".join(part[1:] for part in self.physical[1:])

    @property
    def name(self) -> str:
        """The property's name, in capitals."""
        return re.split("[:;]", self.physical[0], maxsplit=1)[0].strip().upper()

    @property
    def value(self) -> str:
        """The value of a property that has no parameters with colons in them."""
        return self.text.partition(":")[2].strip()


class ViewingText:
    """The iCalendar data of a resource that has one of our events.

    Args:
        data: as the server returned it. Bytes that are not UTF-8 stay as they are.
        uid: of our event.
    """

    def __init__(self, data: bytes, uid: str) -> None:
        self._lines = list(_lines(data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")))
        self._event = next((event for event in self._events() if self._is_ours(event, uid)), None)

    @property
    def is_ours(self) -> bool:
        """Whether the event is in it."""
        return self._event is not None

    @property
    def sequence(self) -> int:
        """The event's revision, RFC 5545; 0 if it has none."""
        found = _DIGITS.fullmatch(self._value("SEQUENCE"))
        return int(found[0]) if found else 0

    @property
    def description(self) -> str:
        """The event's description; empty if it has none."""
        text = next((line.text for line in self._properties() if line.name == "DESCRIPTION"), ":")
        return unescape(_BEFORE_VALUE.sub("", text, count=1)).strip()

    @property
    def is_cancelled(self) -> bool:
        """Whether the event was cancelled rather than deleted."""
        return self._value("STATUS").upper() == "CANCELLED"

    def agrees_with(self, ours: ViewingText) -> bool:
        """Return whether time, title, place and description are those of another text."""
        return self._content() == ours._content()

    def replaced_by(self, ours: ViewingText, *, sequence: int) -> bytes:
        """Return the data with our properties from another text, and everything else as it is."""
        assert self._event is not None  # noqa: S101  # the caller has looked
        start, end = self._event
        new = [line for line in ours._properties() if line.name in OUR_PROPERTIES - {"SEQUENCE"}]
        new.append(_Line((f"SEQUENCE:{sequence}",)))
        replaced = {id(line) for line in self._properties() if line.name in _REPLACED}
        kept = [line for line in self._lines[start:end] if id(line) not in replaced]
        lines = [*self._lines[:start], kept[0], *new, *kept[1:], *self._lines[end:]]
        return "".join(f"{part}\r\n" for line in lines for part in line.physical).encode("utf-8", "surrogateescape")

    def _events(self) -> Iterator[tuple[int, int]]:
        """Yield where each event begins and ends."""
        start = None
        for index, line in enumerate(self._lines):
            word = line.text.strip().upper()
            if word == "BEGIN:VEVENT":
                start = index
            elif word == "END:VEVENT" and start is not None:
                yield start, index + 1
                start = None

    def _is_ours(self, event: tuple[int, int], uid: str) -> bool:
        properties = list(self._properties_of(event))
        is_exception = any(line.name == "RECURRENCE-ID" for line in properties)
        return not is_exception and any(line.name == "UID" and line.value == uid for line in properties)

    def _properties(self) -> Iterator[_Line]:
        return self._properties_of(self._event) if self._event else iter(())

    def _properties_of(self, event: tuple[int, int]) -> Iterator[_Line]:
        """Yield an event's own lines, without those of its alarms."""
        depth = 0
        for line in self._lines[event[0] : event[1]]:
            depth -= line.name == "END"
            if depth == 1 and line.name not in {"BEGIN", "END"}:
                yield line
            depth += line.name == "BEGIN"

    def _value(self, name: str) -> str:
        return next((line.value for line in self._properties() if line.name == name), "")

    def _content(self) -> dict[str, str]:
        return {line.name: line.text for line in self._properties() if line.name in _REPLACED - _VERSION}


def _lines(text: str) -> Iterator[_Line]:
    physical: list[str] = []
    for part in _LINE_END.split(text):
        if part[:1] in {" ", "\t"} and physical:
            physical.append(part)
            continue
        if physical:
            yield _Line(tuple(physical))
        physical = [part] if part else []
    if physical:
        yield _Line(tuple(physical))
