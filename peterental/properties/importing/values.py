"""Parse the cells of an export: rents, bedrooms, dates, addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from peterental.folding import word_set
from peterental.matching import parse_address

EMPTY = frozenset({"", "-", "--", "---", "n/a", "na", "none", "null", "nil", "\N{EN DASH}", "\N{EM DASH}"})
"""What exports write for nothing."""

MAX_QUOTED_CHARS = 40
MAX_NUMBER_CHARS = 20
MIN_YEAR, MAX_YEAR = 2000, 2100

_ACTIVE_NAMES = """
    active, available, vacant, vacant unrented, vacant-unrented, unrented, for rent, listed, published, on market,
    on the market, coming soon, notice, notice unrented, notice-unrented, yes, y, true, 1, x
"""
_INACTIVE_NAMES = """
    inactive, rented, leased, occupied, current, evict, off market, off the market, unlisted, unpublished, unavailable,
    not available, vacant rented, vacant-rented, notice rented, notice-rented, hold, on hold, pending, sold, archived,
    deleted, closed, down, model, no, n, false, 0
"""
_ACTIVE = frozenset(name.strip() for name in _ACTIVE_NAMES.split(","))
_INACTIVE = frozenset(name.strip() for name in _INACTIVE_NAMES.split(","))
_STUDIOS = word_set("studio efficiency bachelor eff")
_NOW = word_set("now immediately today immediate vacant available asap")
_FORMULA_STARTS = ("=", "+", "@")
_COUNT = re.compile(r"(\d{1,2}(?:\.\d{1,2})?) ?(?:br|bd|ba|beds?|baths?|bedrooms?|bathrooms?)?", re.ASCII)
_RENT = re.compile(
    r"(?:usd|us)? ?\$? ?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?(?: ?(?:usd|/ ?(?:mo|month)|per month|monthly)\.?)?",
    re.ASCII,
)
_ZIP = re.compile(r"\d{5}(?:-\d{4})?", re.ASCII)
_DATE_FORMATS = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%m-%d-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d-%b-%y",
)


def plain(cell: str) -> str:
    """Return a cell without what exports add: `="00123"` is 00123, and `--` is nothing."""
    text = " ".join("".join(character if character.isprintable() else " " for character in cell).split())
    if text.startswith('="') and text.endswith('"') and text.count('"') == 2:  # noqa: PLR2004  # one pair
        text = text[2:-1].strip()
    return "" if text.casefold() in EMPTY else text


def parse_text(text: str) -> str:
    """Return a text. Raises ValueError for a formula, which Excel would run in the next export."""
    if text.startswith(_FORMULA_STARTS):
        raise ValueError(f"{quoted(text)} is a formula, not a text")
    return text


def parse_rent(text: str) -> int:
    """Return a monthly rent in whole dollars: `$1,450.00`, `1450/mo`. Raises ValueError."""
    found = _RENT.fullmatch(text.casefold()) if len(text) <= MAX_NUMBER_CHARS else None
    if found is None:
        raise ValueError(f"{quoted(text)} is not a rent in dollars")
    return round(Decimal(f"{found.group(1).replace(',', '')}.{found.group(2) or 0}"))


def parse_count(text: str, what: str) -> float:
    """Return a number of rooms: `2`, `2.5`, `2 BR`, `Studio`. Raises ValueError."""
    lower = text.casefold()
    if lower in _STUDIOS:
        return 0
    found = _COUNT.fullmatch(lower) if len(text) <= MAX_NUMBER_CHARS else None
    if found is None:
        raise ValueError(f"{quoted(text)} is not a number of {what}")
    return float(found.group(1))


def parse_bedrooms(text: str) -> int:
    """Return a number of bedrooms; a studio has none. Raises ValueError."""
    count = parse_count(text, "bedrooms")
    if count != int(count):
        raise ValueError(f"{quoted(text)} is not a whole number of bedrooms")
    return int(count)


def parse_bathrooms(text: str) -> float:
    """Return a number of bathrooms, in quarters. Raises ValueError."""
    return round(parse_count(text, "bathrooms") * 4) / 4


def parse_day(text: str) -> date | None:
    """Return a day, as Americans write it; None for "now". Raises ValueError."""
    if text.casefold() in _NOW:
        return None
    day = text.partition("T")[0] if text[:4].isdecimal() else text
    if " " in day and ":" in day:
        day = day.partition(" ")[0]
    for form in _DATE_FORMATS:
        try:
            found = datetime.strptime(day, form).date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            continue
        if MIN_YEAR <= found.year <= MAX_YEAR:
            return found
    raise ValueError(f"{quoted(text)} is not a date such as 12/31/2026")


def parse_status(text: str) -> bool:
    """Return whether a home can be rented by its status. Raises ValueError."""
    status = text.casefold()
    if status in _ACTIVE:
        return True
    if status in _INACTIVE:
        return False
    raise ValueError(f"{quoted(text)} is not a known status; use Available or Rented")


def parse_names(text: str) -> tuple[str, ...]:
    """Return names that are separated by semicolons or bars. Raises ValueError."""
    return tuple(name for part in text.replace("|", ";").split(";") if (name := parse_text(part.strip())))


def split_address(text: str) -> dict[str, str]:
    """Split a whole address at its commas into street, unit, city, state and ZIP code.

    "1420 Elm Street, Apt 2B, Norman, OK 73069". What stands before the city and is no unit belongs to the street.
    """
    parts = [part for piece in text.split(",") if (part := piece.strip())]
    if len(parts) > 1 and parts[-1].casefold() in {"usa", "us", "united states"}:
        parts.pop()
    zip_code = _take_last_word(parts, lambda word: _ZIP.fullmatch(word) is not None)
    state = _take_last_word(parts, lambda word: len(word) == 2 and word.isalpha()).upper()  # noqa: PLR2004  # its letters
    city = parts.pop() if len(parts) > 1 and not _is_unit(parts[-1]) else ""
    unit = parts.pop() if len(parts) > 1 and _is_unit(parts[-1]) else ""
    return {"line1": ", ".join(parts), "unit": unit, "city": city, "state": state, "zip_code": zip_code}


def _take_last_word(parts: list[str], admits: Callable[[str], bool]) -> str:
    """Take the last word from the last part, but never the first part; return it, or an empty text."""
    words = parts[-1].split() if len(parts) > 1 else []
    if not words or not admits(words[-1]):
        return ""
    word = words.pop()
    parts[-1:] = [" ".join(words)] if words else []
    return word


def _is_unit(part: str) -> bool:
    """Return whether a part of an address is a unit: "Apt 2B", "#3", "2B"."""
    return bool(parse_address(f"1 Elm Street, {part}").unit_key)


def quoted(text: str) -> str:
    """Return a cell in quotation marks for a message, shortened."""
    return f"“{text[:MAX_QUOTED_CHARS]}{'…' if len(text) > MAX_QUOTED_CHARS else ''}”"


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "line1": parse_text,
    "unit": parse_text,
    "city": parse_text,
    "state": parse_text,
    "zip_code": parse_text,
    "said_as": parse_names,
    "bedrooms": parse_bedrooms,
    "bathrooms": parse_bathrooms,
    "rent": parse_rent,
    "available_on": parse_day,
}
"""How the cell of each field of a home is parsed."""
