"""VEVENT: when an event is, and whether it blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from peterental.calendars.icalendar_data.moments import ONE_DAY, Moment, Reader, Unreadable, parse_duration
from peterental.calendars.icalendar_data.rules import Rule, parse_rule
from peterental.calendars.icalendar_data.text import Component, Value, parameter, unescape
from peterental.calendars.model import LONGEST_KEY, BusyKind

_LONGEST_TITLE = 300

_FREE = frozenset({"FREE", "WORKINGELSEWHERE"})
_KINDS: dict[str, BusyKind] = {"TENTATIVE": "tentative", "OOF": "out_of_office"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One VEVENT.

    Args:
        uid: its UID, or a stand-in for one that is missing or too long.
        start, end: as written; the end is not before the start.
        kind: how it blocks; None if it does not.
        is_cancelled: whether it was called off.
        title: plain text; None if it has none.
        sequence: its revision.
        recurrence_id: which time of a series it replaces; None for one that stands for itself.
        replaces_following: whether it replaces the later times too.
        rules: its RRULEs, as far as they can be read.
        has_broken_rule: whether there is one that cannot.
        dates: its RDATEs, with an end if they are periods.
        excluded: its EXDATEs.
        note: what about its time cannot be understood; None if all can.
        travel: how long before its start it blocks already: the way there, as Apple's calendars have it.
    """

    uid: str
    start: Moment
    end: Moment
    kind: BusyKind | None
    is_cancelled: bool
    title: str | None
    sequence: int
    recurrence_id: Moment | None
    replaces_following: bool
    rules: tuple[Rule, ...]
    has_broken_rule: bool
    dates: tuple[tuple[Moment, Moment | None], ...]
    excluded: tuple[Moment, ...]
    note: str | None = None
    travel: timedelta = timedelta()

    @property
    def repeats(self) -> bool:
        """Whether it is more than once."""
        return bool(self.rules or self.dates)

    @property
    def duration(self) -> timedelta:
        """How long it is on the clock of its start."""
        if self.start.clock == self.end.clock:
            return self.end.wall - self.start.wall
        return self.end.earliest - self.start.earliest


def uid_of(component: Component) -> str:
    """Return the UID; a hash stands for one that is missing or too long."""
    uid = component.first("UID").strip()
    if uid and len(uid) <= LONGEST_KEY:
        return uid
    text = uid or repr(sorted((name, values) for name, values in component.properties.items()))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def read_event(component: Component, reader: Reader, owner: AbstractSet[str]) -> Event:
    """Return an event. Raises Unreadable if its start cannot be read.

    Args:
        component: the VEVENT.
        reader: of its VCALENDAR.
        owner: the lower-case e-mail addresses of the person whose calendar it is.
    """
    start = reader.moment(_only(component, "DTSTART"))
    end, note = _end(component, start, reader)
    if _is_outlook_all_day(component, start, end):
        start, end = (Moment(moment.wall, reader.days, is_date=True) for moment in (start, end))
    if end.earliest < start.earliest:
        start, end = end, start
    recurrence_id, replaces_following = _recurrence_id(component, reader)
    rules, has_broken_rule = _rules(component, start)
    return Event(
        uid=uid_of(component),
        start=start,
        end=end,
        kind=kind_of(component, owner),
        is_cancelled=component.first("STATUS").strip().upper() == "CANCELLED",
        title=_title(component),
        sequence=_sequence(component),
        recurrence_id=recurrence_id,
        replaces_following=replaces_following,
        rules=rules,
        has_broken_rule=has_broken_rule,
        dates=tuple(pair for value in component.properties.get("RDATE", ()) for pair in reader.periods(value)),
        excluded=tuple(moment for value in component.properties.get("EXDATE", ()) for moment in reader.moments(value)),
        note=note,
        travel=_travel(component, start),
    )


def is_invitation(component: Component, owner: AbstractSet[str]) -> bool:
    """Return whether another person invited the owner to an event: it is the owner's copy of theirs.

    Args:
        component: the VEVENT.
        owner: the lower-case e-mail addresses of the person whose calendar it is.
    """
    organizers, guests = (
        {address for value in component.properties.get(name, ()) for address in _addresses(value)}
        for name in ("ORGANIZER", "ATTENDEE")
    )
    return bool(organizers) and organizers.isdisjoint(owner) and not guests.isdisjoint(owner)


def kind_of(component: Component, owner: AbstractSet[str]) -> BusyKind | None:
    """Return how an event blocks; None if it does not. What is not known blocks.

    Outlook's own property goes before TRANSP, which it only approximates (MS-OXCICAL).
    """
    status = component.first("STATUS").strip().upper()
    answers = _answers(component, owner)
    if status == "CANCELLED" or (answers and answers <= {"DECLINED"}):
        return None
    shown = component.first("X-MICROSOFT-CDO-BUSYSTATUS").strip().upper()
    if shown in _FREE or (not shown and component.first("TRANSP").strip().upper() == "TRANSPARENT"):
        return None
    if shown in _KINDS:
        return _KINDS[shown]
    return "tentative" if status == "TENTATIVE" or (answers and answers <= {"TENTATIVE", "DECLINED"}) else "busy"


def _answers(component: Component, owner: AbstractSet[str]) -> set[str]:
    """Return what the owner answered to the invitation."""
    if not owner:
        return set()
    return {
        (parameter(value.parameters, "PARTSTAT") or "NEEDS-ACTION").upper()
        for value in component.properties.get("ATTENDEE", ())
        if not owner.isdisjoint(_addresses(value))
    }


def _addresses(value: Value) -> Iterator[str]:
    """Yield the e-mail addresses of an attendee. iCloud's have a principal's path, and the address as a parameter."""
    yield value.text.strip().lower().removeprefix("mailto:")
    address = parameter(value.parameters, "EMAIL")
    if address:
        yield address.lower().removeprefix("mailto:")


def _travel(component: Component, start: Moment) -> timedelta:
    """Return the time of travel before an event; none before whole days, and a day at most."""
    text = component.first("X-APPLE-TRAVEL-DURATION")
    if not text or start.is_date:
        return timedelta()
    try:
        return min(max(parse_duration(text), timedelta()), ONE_DAY)
    except Unreadable:
        return timedelta()


def _only(component: Component, name: str) -> Value:
    values = component.properties.get(name)
    if not values:
        raise Unreadable
    return values[0]


def _end(component: Component, start: Moment, reader: Reader) -> tuple[Moment, str | None]:
    """Return the end, and a note if it had to be guessed."""
    try:
        if "DTEND" in component.properties:
            return _whole_days(start, reader.moment(_only(component, "DTEND"))), None
        if "DURATION" in component.properties:
            return _whole_days(start, start.plus(parse_duration(component.first("DURATION")))), None
    except Unreadable:
        return start.plus(ONE_DAY), "an end that cannot be read, so it blocks 24 hours"
    return start.plus(ONE_DAY) if start.is_date else start, None


def _whole_days(start: Moment, end: Moment) -> Moment:
    """Return the end; of a date it is a date, and one that ends on the day it begins means that day."""
    if not start.is_date:
        return end
    wall = start.clock.wall(end.latest)
    last = Moment(wall, start.clock, is_date=True) if wall.time() == time() else _next_day(wall, start)
    return start.plus(ONE_DAY) if last.wall == start.wall else last


def _next_day(wall: datetime, start: Moment) -> Moment:
    return Moment(datetime.combine(wall.date(), time()), start.clock, is_date=True).plus(ONE_DAY)


def _is_outlook_all_day(component: Component, start: Moment, end: Moment) -> bool:
    is_marked = component.first("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() == "TRUE"
    return is_marked and all(moment.wall.time() == time() for moment in (start, end))


def _recurrence_id(component: Component, reader: Reader) -> tuple[Moment | None, bool]:
    """Return which time of a series an event replaces, and whether the later ones too."""
    if "RECURRENCE-ID" not in component.properties:
        return None, False
    value = _only(component, "RECURRENCE-ID")
    following = (parameter(value.parameters, "RANGE") or "").upper() == "THISANDFUTURE"
    return reader.moment(value), following


def _rules(component: Component, start: Moment) -> tuple[tuple[Rule, ...], bool]:
    """Return the rules of repetition that can be read, and whether there is one that cannot."""
    rules: list[Rule] = []
    texts = dict.fromkeys(value.text for value in component.properties.get("RRULE", ()))
    for text in texts:
        try:
            rules.append(parse_rule(text, start.clock, is_date=start.is_date))
        except Unreadable:
            continue
    return tuple(rules), len(rules) < len(texts)


def _sequence(component: Component) -> int:
    text = component.first("SEQUENCE").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004 - 32 bits


def _title(component: Component) -> str | None:
    text = unescape(component.first("SUMMARY")[: 2 * _LONGEST_TITLE])
    printable = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return printable[:_LONGEST_TITLE] or None
