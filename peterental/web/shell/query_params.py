"""Query strings: each parameter is parsed, or ignored with a warning. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from peterental.web.shell.forms import strip
from peterental.web.shell.template_filters import day_words

Choice = TypeVar("Choice", bound=str)

MAX_TEXT_CHARS = 255
"""As long as the longest agent id."""

MIN_YEAR, MAX_YEAR = 1970, 2999
"""Days outside these years are typing errors."""

MAX_ID_DIGITS = 18
"""A number with more of them is no id: it might not fit into a BIGINT."""

_MAX_QUOTED_CHARS = 40
"""Warnings quote at most this much of an invalid value."""


def parse_id(text: str) -> int | None:
    """Return the id of a row in an address or a form; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS else None


class QueryParams:
    """The query string of a page.

    Args:
        params: values by name, such as `request.args`.

    Attributes:
        warnings: one sentence for each invalid parameter that was read.
    """

    def __init__(self, params: Mapping[str, str]) -> None:
        self.warnings: list[str] = []
        self._params = {name: str(strip(value)) for name, value in params.items()}

    def text(self, name: str) -> str:
        """Return a parameter without surrounding blanks; empty when it is missing."""
        return self._params.get(name, "")[:MAX_TEXT_CHARS]

    def choice(self, name: str, allowed: Iterable[Choice], warning: str) -> Choice | None:
        """Return a parameter that is one of `allowed`; None if missing or invalid.

        Args:
            name: of the parameter.
            allowed: the valid values.
            warning: the warning about any other value, which replaces `{}`.
        """
        text = self.text(name)
        found = next((value for value in allowed if value == text), None)
        if text and found is None:
            self.warnings.append(warning.format(_quoted(text)))
        return found

    def day(self, name: str, consequence: str = "") -> date | None:
        """Return a day in ISO 8601; None if missing or invalid.

        `consequence` ends the warning about an invalid day.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or not MIN_YEAR <= day.year <= MAX_YEAR:
            self.warnings.append(f"{_quoted(text)} is not a valid date. Use the form 2026-11-30.{consequence}")
            return None
        return day

    def days(self) -> tuple[date | None, date | None]:
        """Return the days in `from` and `to`; None where the range is open."""
        first, last = self.day("from"), self.day("to")
        if first and last and last < first:
            self.warnings.append(
                f"The last day, {day_words(str(last))}, is before the first day, {day_words(str(first))}."
                " The last day was ignored."
            )
            return first, None
        return first, last

    def minutes(self, name: str) -> int | None:
        """Return a time of day in minutes after midnight; None if invalid."""
        text = self.text(name)
        if not text:
            return None
        try:
            clock = time.fromisoformat(text)
        except ValueError:
            clock = None
        if clock is None or clock.tzinfo is not None:
            self.warnings.append(f"{_quoted(text)} is not a valid time. Use the form 14:30.")
            return None
        return clock.hour * 60 + clock.minute

    def page(self, last: int) -> int:
        """Return the page number, 1 to `last`; 1 if it is missing or invalid."""
        text = self.text("page")
        if not text:
            return 1
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004  # digits that fit
        if not 1 <= page <= last:
            self.warnings.append(f"There is no page {_quoted(text)}. This is page 1; the last possible page is {last}.")
            return 1
        return page


def utc_bounds(first: date | None, last: date | None, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return the UTC start of `first` and end of `last` in `zone`; None if open."""
    midnights = [
        None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)
        for day in (first, last and last + timedelta(days=1))
    ]
    return midnights[0], midnights[1]


def without_param(params: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the parameters without the one called `name`."""
    return {other: value for other, value in params.items() if other != name}


def _quoted(text: str) -> str:
    return f"“{text[:_MAX_QUOTED_CHARS]}”"
