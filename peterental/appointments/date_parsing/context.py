"""What a time is read against: the present moment, the agent's zone and hours, and what this call said before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.agents.model import Rules, Window

Language = Literal["en", "es"]
DateOrder = Literal["month-first", "day-first", "mixed"]

DAY_MINUTES = 24 * 60

_MONTH_FIRST = frozenset(
    (
        "Adak", "Anchorage", "Boise", "Chicago", "Denver", "Detroit", "Fort_Wayne", "Indianapolis", "Juneau",
        "Los_Angeles", "Louisville", "Menominee", "Metlakatla", "New_York", "Nome", "Phoenix", "Puerto_Rico", "Sitka",
        "St_Thomas", "Virgin", "Yakutat",
    )
)  # fmt: skip
_MIXED = frozenset(
    (
        "Calgary", "Edmonton", "Glace_Bay", "Goose_Bay", "Halifax", "Iqaluit", "Moncton", "Montreal", "Regina",
        "St_Johns", "Swift_Current", "Toronto", "Vancouver", "Whitehorse", "Winnipeg", "Yellowknife",
    )
)  # fmt: skip
_MONTH_FIRST_PREFIXES = ("US/", "America/Indiana/", "America/Kentucky/", "America/North_Dakota/")
_MONTH_FIRST_ELSEWHERE = frozenset(("Pacific/Honolulu", "Pacific/Guam", "Asia/Manila"))


@dataclass(frozen=True)
class Asked:
    """A question that this call asked before.

    Args:
        key: the question's `Clarification.key`.
        raw: the argument that led to it, as it was sent.
    """

    key: str
    raw: object


@dataclass(frozen=True)
class CurrentBooking:
    """The booking that is to be moved.

    Args:
        start: when it starts, aware.
        minutes: how long it takes.
    """

    start: datetime
    minutes: int = 30


@dataclass(frozen=True, kw_only=True)
class Context:
    """All that the meaning of a phrase depends on.

    Args:
        now: the present moment, aware.
        zone: the agent's time zone; days and wall-clock times are of it.
        rules: the agent's working hours, slot length and horizon.
        offered: every starting time named in this call, in UTC, in the order named.
        last_offer: the starting times of the latest offer, in UTC, in the order named.
        offered_last: whether the latest answer of this call was that offer, so that "the second one" is of it.
        said: returns the caller's own lines, oldest first; called only where the answer depends on it.
        asked: the questions of this call, oldest first.
        asked_last: whether the latest of them came after the latest offer, so that "yes" answers it.
        language: the agent's language.
        current: the booking that is to be moved, for `parse_change`.
    """

    now: datetime
    zone: ZoneInfo
    rules: Rules = field(default_factory=Rules)
    offered: tuple[datetime, ...] = ()
    last_offer: tuple[datetime, ...] = ()
    offered_last: bool = False
    said: Callable[[], Sequence[str]] = tuple
    asked: tuple[Asked, ...] = ()
    asked_last: bool = False
    language: Language = "en"
    current: CurrentBooking | None = None

    @cached_property
    def local_now(self) -> datetime:
        """The present moment on the agent's wall clock."""
        return self.now.astimezone(self.zone)

    @cached_property
    def today(self) -> date:
        """The present day on the agent's wall clock."""
        return self.local_now.date()

    @cached_property
    def offered_days(self) -> frozenset[date]:
        """The local days of the latest offer."""
        return frozenset(self.local(start)[0] for start in self.last_offer)

    @cached_property
    def offered_day(self) -> date | None:
        """The local day of the latest offer; None where it named several."""
        return min(self.offered_days) if len(self.offered_days) == 1 else None

    @cached_property
    def last_day(self) -> date:
        """The last day that callers may book."""
        return self.today + timedelta(days=self.rules.horizon_days)

    @cached_property
    def date_order(self) -> DateOrder:
        """How dates in digits are written where the agent works."""
        key = self.zone.key
        city = key.removeprefix("America/")
        if key.startswith(_MONTH_FIRST_PREFIXES) or key in _MONTH_FIRST_ELSEWHERE or city in _MONTH_FIRST:
            return "month-first"
        return "mixed" if city in _MIXED or key.startswith("Canada/") else "day-first"

    def windows(self, day: date | None) -> tuple[Window, ...]:
        """Return the working hours of a day; those of the whole week where it has none or is not known."""
        own = self.rules.windows_on(day) if day is not None else ()
        return own or tuple(window for _, window in self.rules.week)

    def is_open(self, minutes: int, day: date | None) -> bool:
        """Return whether a wall-clock time, in minutes after midnight, lies in the working hours."""
        return any(window.opens_min <= minutes < window.closes_min for window in self.windows(day))

    def fits(self, minutes: int, day: date | None) -> bool:
        """Return whether a viewing that starts at a wall-clock time ends in the working hours that it starts in."""
        end = minutes + self.rules.slot_minutes
        return any(window.opens_min <= minutes and end <= window.closes_min for window in self.windows(day))

    def instant(self, day: date, minutes: int) -> datetime | None:
        """Return when the wall clock shows `minutes` after midnight on `day`, in UTC.

        None for a time that the clocks skip; the first of both instants for one that they repeat.
        """
        wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
        instant = wall.replace(tzinfo=self.zone).astimezone(UTC)
        return instant if instant.astimezone(self.zone).replace(tzinfo=None) == wall else None

    def local(self, instant: datetime) -> tuple[date, int]:
        """Return the local day and the minutes after midnight of an instant."""
        wall = instant.astimezone(self.zone)
        return wall.date(), wall.hour * 60 + wall.minute

    def was_asked(self, key: str, raw: object) -> bool:
        """Return whether this call has asked that question about the same argument before."""
        return any(asked.key == key and is_same(asked.raw, raw) for asked in self.asked)


def is_same(first: object, second: object) -> bool:
    """Return whether two arguments are equal, apart from case and spaces."""
    if isinstance(first, str) and isinstance(second, str):
        return " ".join(first.casefold().split()) == " ".join(second.casefold().split())
    return first == second
