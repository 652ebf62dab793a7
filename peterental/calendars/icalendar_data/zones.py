"""Names of time zones in calendars: IANA's, those of Windows, and those that only the calendar itself defines.

`icalendar` returns a naive time for a name that it does not know, and keeps definitions of one calendar for the next:
two people's "Customized Time Zone" would be one. So names are resolved here.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from peterental.calendars.icalendar_data.zone_names import DISPLAY_NAMES

_EARLIEST = timedelta(hours=14)
_LATEST = timedelta(hours=12)
"""The clocks of the world are between UTC-12 and UTC+14."""

_UTC_NAMES = frozenset({"z", "utc", "gmt", "zulu", "tzone://microsoft/utc", "coordinated universal time"})
_OFFSET = re.compile(r"(?:utc|gmt)([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)
_DISPLAY_PREFIX = re.compile(r"\((?:utc|gmt)[^()]{0,9}\) {0,3}", re.ASCII)
_LONGEST_NAME = 200


class Clock(Protocol):
    """A clock on the wall: which instants its times mean."""

    def instants(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest instant that a time without zone can mean, in UTC."""
        ...

    def wall(self, instant: datetime) -> datetime:
        """Return what the clock shows at an instant, without zone."""
        ...


@dataclass(frozen=True)
class ZoneClock:
    """The clock of a known zone."""

    zone: tzinfo

    def instants(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the instant, twice."""
        try:
            instant = wall.replace(tzinfo=self.zone).astimezone(UTC)
        except OverflowError:  # on the first or last day of all
            instant = wall.replace(tzinfo=UTC)
        return instant, instant

    def wall(self, instant: datetime) -> datetime:
        """Return the wall-clock time."""
        try:
            return instant.astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:
            return instant.replace(tzinfo=None)


@dataclass(frozen=True)
class UnknownClock:
    """The clock of a zone with an unknown name: it may be any in the world."""

    name: str

    def instants(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest instant among all zones."""
        instant = wall.replace(tzinfo=UTC)
        try:
            return instant - _EARLIEST, instant + _LATEST
        except OverflowError:
            return instant, instant

    def wall(self, instant: datetime) -> datetime:
        """Return the time in UTC."""
        return instant.astimezone(UTC).replace(tzinfo=None)


UTC_CLOCK = ZoneClock(UTC)


class Zones:
    """The zones of one VCALENDAR.

    Args:
        definitions: what its VTIMEZONE components define, by TZID; each is read when it is needed.
    """

    def __init__(self, definitions: Mapping[str, Callable[[], Clock | None]]) -> None:
        self._definitions = {_folded(name): read for name, read in definitions.items()}
        self._clocks: dict[str, Clock] = {}

    def clock(self, name: str) -> Clock:
        """Return the clock of a zone; an UnknownClock for a name that neither the world nor the calendar knows."""
        if name not in self._clocks:
            self._clocks[name] = self._found(_folded(name)) or UnknownClock(name.strip()[:60])
        return self._clocks[name]

    def _found(self, folded: str) -> Clock | None:
        read = self._definitions.get(folded)
        if read is None:
            return known_clock(folded)
        if "/" in folded or _windows_key(folded) is not None:  # well-known rules are fresher than a copy of them
            return known_clock(folded) or read()
        return read() or known_clock(folded)  # someone's "EST" may have a summer time


@functools.lru_cache(maxsize=1000)
def known_clock(name: str) -> Clock | None:
    """Return the clock of a zone that is known by this name everywhere; None for others."""
    folded = _folded(name)
    if folded in _UTC_NAMES:
        return UTC_CLOCK
    key = _iana_key(folded) or _windows_key(folded)
    if key is not None:
        return ZoneClock(ZoneInfo(key))
    offset = _OFFSET.fullmatch(folded)
    if offset is not None:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return ZoneClock(timezone(-shift if offset[1] == "-" else shift)) if shift <= _EARLIEST else None
    return None


def _folded(name: str) -> str:
    return " ".join(name[:_LONGEST_NAME].strip().strip('"').split()).lower()


def _iana_key(folded: str) -> str | None:
    """Return the key of IANA's that a name is, or ends with: `/citadel.org/20190914_1/America/Chicago`."""
    keys = _iana_keys()
    parts = folded.strip("/").replace(" ", "_").split("/")
    if not folded.startswith("/"):
        return keys.get("/".join(parts))
    return next((keys[tail] for i in range(len(parts)) if (tail := "/".join(parts[i:])) in keys), None)


def _windows_key(folded: str) -> str | None:
    """Return the key of IANA's for a name of Windows: an id, or what Outlook displays for it."""
    ids = _windows_ids()
    shown = _DISPLAY_PREFIX.sub("", folded, count=1)
    return ids.get(folded) or ids.get(DISPLAY_NAMES.get(shown, "").lower())


@functools.cache
def _iana_keys() -> dict[str, str]:
    return {key.lower(): key for key in zoneinfo.available_timezones() if key != "localtime"}


@functools.cache
def _windows_ids() -> dict[str, str]:
    return {name.lower(): key for name, key in WINDOWS_TO_OLSON.items()}
