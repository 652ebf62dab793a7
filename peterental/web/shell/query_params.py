"""What the address of a page asks for: each part is read, or left out with a sentence that says so; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from peterental.web.shell.forms import strip

Choice = TypeVar("Choice", bound=str)

MAX_TEXT_CHARS = 255
"""The longest id of an agent."""

MIN_YEAR, MAX_YEAR = 1970, 2999
"""Years in which somebody sees a home."""

_MAX_QUOTED_CHARS = 40
"""So much of what was misread is said again."""


class QueryParams:
    """The query string of a page.

    Args:
        parts: by name, as `request.args` has them.

    Attributes:
        misread: a sentence about each part that was read and means nothing.
    """

    def __init__(self, parts: Mapping[str, str]) -> None:
        self.warnings: list[str] = []
        self._parts = {name: str(strip(value)) for name, value in parts.items()}

    def text(self, name: str) -> str:
        """Give a part as it was typed, without blanks around it; empty where there is none."""
        return self._parts.get(name, "")[:MAX_TEXT_CHARS]

    def choice(self, name: str, known: Iterable[Choice], otherwise: str) -> Choice | None:
        """Give a part that is one of some words; None where there is none.

        Args:
            name: of the part.
            known: the words.
            otherwise: what to say of any other, which stands in the place of `{}`.
        """
        text = self.text(name)
        found = next((word for word in known if word == text), None)
        if text and found is None:
            self.warnings.append(otherwise.format(_quoted(text)))
        return found

    def day(self, name: str, instead: str = ", so it was left out") -> date | None:
        """Give a day; None where there is none. `instead` is said of what is no day."""
        text = self.text(name)
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or not MIN_YEAR <= day.year <= MAX_YEAR:
            self.warnings.append(f"{_quoted(text)} is not a day such as 2026-11-30{instead}.")
            return None
        return day

    def days(self) -> tuple[date | None, date | None]:
        """Give the first and the last day of a list, in the parts `from` and `to`; None where it is open."""
        first, last = self.day("from"), self.day("to")
        if first and last and last < first:
            self.warnings.append(f"The list cannot end on {last} when it begins on {first}: its end is left open.")
            return first, None
        return first, last

    def minutes(self, name: str) -> int | None:
        """Give a time of day in minutes after midnight; None where there is none."""
        text = self.text(name)
        if not text:
            return None
        try:
            clock = time.fromisoformat(text)
        except ValueError:
            clock = None
        if clock is None or clock.tzinfo is not None:
            self.warnings.append(f"{_quoted(text)} is not a time of day.")
            return None
        return clock.hour * 60 + clock.minute

    def page(self, last: int) -> int:
        """Give the number of a page, from 1 to `last`, in the part `page`."""
        text = self.text("page")
        if not text:
            return 1
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004  # digits that fit
        if not 1 <= page <= last:
            self.warnings.append(
                f"There is no page {_quoted(text)}: this is the first. The last that can be opened is {last}."
            )
            return 1
        return page


def utc_bounds(first: date | None, last: date | None, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Give when the first day begins and when the last one is over, on the clocks of `zone`; None where it is open."""
    midnights = [
        None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)
        for day in (first, last and last + timedelta(days=1))
    ]
    return midnights[0], midnights[1]


def without_param(parts: Mapping[str, str], name: str) -> dict[str, str]:
    """Give the parts of an address but for one."""
    return {other: value for other, value in parts.items() if other != name}


def _quoted(text: str) -> str:
    return f"“{text[:_MAX_QUOTED_CHARS]}”"
