"""iCalendar text as it really comes: into components and their properties, without interpreting them.

Line ends may be CRLF, LF, CR or a mixture; lines may be folded with blank lines between. An END may be missing: the
component ends where the next one of its kind begins, or its parent ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from peterental.calendars.icalendar_data.limits import Budget

_BLANK_LINES = re.compile(rb"\n{2,}")
_LINE = re.compile(rb"([A-Za-z0-9-]{1,80})([;:])(.*)")
_MAX_DEPTH = 32
_MAX_ZONE_LINES = 20_000

STAMP_PROPERTY = "X-PETERENTAL-STAMP"
"""The property that holds the stamp of a viewing."""

_TIMES = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "RDATE", "EXDATE"})
_READ = _TIMES | {
    "UID", "SUMMARY", "DURATION", "RRULE", "STATUS", "TRANSP", "ORGANIZER", "ATTENDEE", "SEQUENCE", "FREEBUSY",
    "X-MICROSOFT-CDO-BUSYSTATUS", "X-MICROSOFT-CDO-ALLDAYEVENT", "X-APPLE-TRAVEL-DURATION", STAMP_PROPERTY,
}  # fmt: skip
_READ_OF_CALENDAR = frozenset({"X-WR-TIMEZONE", "X-WR-CALNAME", "NAME", "PRODID"})
_READ_OF_ZONE = _TIMES | {"TZID", "RRULE", "TZOFFSETFROM", "TZOFFSETTO", "X-LIC-LOCATION"}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a property.

    Args:
        parameters: what stands between the name and the value: `;TZID=Europe/Berlin`.
        text: the value, not unescaped.
    """

    parameters: str
    text: str


Properties = dict[str, list[Value]]
"""The properties of a component that are of interest, by upper-case name."""


@dataclass
class Component:
    """A component and the ones within it that are of interest."""

    name: str
    properties: Properties = field(default_factory=dict)
    parts: list[Component] = field(default_factory=list)

    def first(self, name: str) -> str:
        """Return the text of a property's first value; empty if there is none."""
        values = self.properties.get(name)
        return values[0].text if values else ""


@dataclass
class CalendarText:
    """One VCALENDAR.

    Args:
        properties: its own.
        events: its VEVENTs.
        free_busy: its VFREEBUSYs.
        zones: its VTIMEZONEs.
    """

    properties: Properties
    events: list[Component] = field(default_factory=list)
    free_busy: list[Component] = field(default_factory=list)
    zones: list[Component] = field(default_factory=list)


def unfolded(data: bytes, budget: Budget) -> bytes:
    """Return the text in UTF-8, with LF as line end and unfolded. Raises CalendarNonsense if it is too large.

    It stays bytes: a fold may divide a character, and most lines are never looked at.
    """
    budget.check_size(len(data))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    return _BLANK_LINES.sub(b"\n", lines).replace(b"\n ", b"").replace(b"\n\t", b"")


def read_calendars(text: bytes, budget: Budget) -> list[CalendarText]:
    """Split text into its VCALENDARs.

    Args:
        text: as `unfolded` returns it.
        budget: is charged for every component.

    Raises:
        CalendarNonsense: there is no VCALENDAR, the last one does not end, or a limit is exceeded.
    """
    budget.check_lines(text.count(b"\n"))
    calendars: list[CalendarText] = []
    stack: list[Component] = []
    for line in _lines(text):
        match = _LINE.match(line)
        if match is None:
            continue
        name = match[1].decode("ascii").upper()
        if name == "BEGIN":
            _begin(_decoded(match[3]).strip().upper(), stack, calendars, budget)
        elif name == "END":
            _end(_decoded(match[3]).strip().upper(), stack)
        elif stack and name in _wanted(stack):
            budget.take_value()
            value = _value(name, match[2] == b":", _decoded(match[3]))
            stack[-1].properties.setdefault(name, []).append(value)
            _check_zone(stack, budget)
    if not calendars:
        raise budget.nonsense("it has no VCALENDAR")
    if stack:
        raise budget.nonsense("it is cut off")
    return calendars


def _decoded(text: bytes) -> str:
    """Return a part of a line as text: in UTF-8, or else in Latin-1."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _lines(text: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _begin(name: str, stack: list[Component], calendars: list[CalendarText], budget: Budget) -> None:
    open_names = [component.name for component in stack]
    if name in {"VCALENDAR", "VEVENT"} and name in open_names:  # its END is missing
        del stack[open_names.index(name) :]
    if len(stack) >= _MAX_DEPTH:
        raise budget.nonsense("its components are nested too deeply")
    component = Component(name)
    budget.take_step()
    if name in {"VEVENT", "VFREEBUSY"}:
        budget.take_event()
    if name == "VCALENDAR":
        calendars.append(CalendarText(component.properties))
    elif calendars and "VCALENDAR" in open_names:
        _file(component, stack, calendars[-1])
    stack.append(component)


def _file(component: Component, stack: list[Component], calendar: CalendarText) -> None:
    match component.name:
        case "VEVENT":
            calendar.events.append(component)
        case "VFREEBUSY":
            calendar.free_busy.append(component)
        case "VTIMEZONE":
            calendar.zones.append(component)
        case "STANDARD" | "DAYLIGHT" if stack[-1].name == "VTIMEZONE":
            stack[-1].parts.append(component)


def _end(name: str, stack: list[Component]) -> None:
    """Close a component, and those within it whose END is missing. An END without BEGIN means nothing."""
    for index in range(len(stack) - 1, -1, -1):
        if stack[index].name == name:
            del stack[index:]
            return


def _wanted(stack: list[Component]) -> frozenset[str] | set[str]:
    match stack[-1].name:
        case "VEVENT" | "VFREEBUSY":
            return _READ
        case "VCALENDAR":
            return _READ_OF_CALENDAR
        case "VTIMEZONE" | "STANDARD" | "DAYLIGHT":
            return _READ_OF_ZONE
        case _:
            return frozenset()


def _check_zone(stack: list[Component], budget: Budget) -> None:
    if stack[-1].name in {"STANDARD", "DAYLIGHT"} and len(stack[-1].properties.get("RDATE", ())) > _MAX_ZONE_LINES:
        raise budget.nonsense("a time zone in it changes too often")


def _value(name: str, is_bare: bool, rest: str) -> Value:  # noqa: FBT001 - private
    if is_bare:
        return Value("", rest.strip() if name in _TIMES else rest)
    if name in _TIMES:
        # No time has a colon in it, but an unquoted name of a zone may: `TZID=(UTC-06:00) Central Time`.
        parameters, _, text = rest.rpartition(":")
        return Value(f";{parameters}", text.strip())
    end = _end_of_parameters(rest)
    return Value(f";{rest[:end]}", rest[end + 1 :])


def _end_of_parameters(rest: str) -> int:
    """Return where the first colon outside quotes is, or else the first one."""
    quotes, start = 0, 0
    while (colon := rest.find(":", start)) >= 0:
        quotes += rest.count('"', start, colon)
        if quotes % 2 == 0:
            return colon
        start = colon + 1
    return rest.find(":") if ":" in rest else len(rest)


def parameter(parameters: str, name: str) -> str | None:
    """Return a parameter's value, without quotes; None if there is none."""
    for part in _split_parameters(parameters):
        key, _, value = part.partition("=")
        if key.strip().upper() == name:
            return value.strip().strip('"')
    return None


def _split_parameters(parameters: str) -> Iterator[str]:
    """Split at semicolons outside quotes."""
    quoted = False
    start = 0
    for index, character in enumerate(parameters):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            yield parameters[start:index]
            start = index + 1
    yield parameters[start:]


_ESCAPES: Mapping[str, str] = {"n": "\n", "N": "\n", ",": ",", ";": ";", "\\": "\\", ":": ":", '"': '"'}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def unescape(text: str) -> str:
    """Return a TEXT value as people read it."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[0]), text)
