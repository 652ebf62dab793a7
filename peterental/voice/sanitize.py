"""Sanitise text and JSON from outside for storage, logs and speech. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

MAX_TEXT_CHARS = 10_000
"""Longer texts in a tool call's arguments are cut."""

MAX_STORED_DEPTH = 20
"""Levels of nesting of stored JSON; what is deeper becomes null."""

MAX_ID_CHARS = 200
MAX_NUMBER_CHARS = 40
PLAUSIBLE_YEARS = range(2000, 2200)
"""Timestamps of other years are ignored: at the ends of the calendar, durations and time zones overflow."""

MIN_EPOCH_MS = 10_000_000_000
"""Epoch numbers from here on are milliseconds; as seconds they would lie beyond the year 2286."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
_UNPRINTABLE_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_EPOCH = re.compile(r"[0-9]{10}(?:[0-9]{3})?(?:\.[0-9]+)?")
_FRACTION = re.compile(r"(?<=:\d\d)\.\d+")


def single_line(value: object, max_chars: int = MAX_TEXT_CHARS) -> str | None:
    """Return text as one line without control characters, at most `max_chars` long.

    None for any other value.
    """
    if not isinstance(value, str):
        return None
    if len(value) <= max_chars and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip() or None  # most are: ids, names and addresses as they should be
    return " ".join(_UNPRINTABLE.sub(" ", value[: 2 * max_chars]).split())[:max_chars].strip() or None


def multiline(value: object) -> str | None:
    """Return text without control characters but with its line breaks.

    None for any other value or empty text.
    """
    return _UNPRINTABLE_BUT_LINES.sub("", value) or None if isinstance(value, str) else None


def json_safe(value: object, *, keep_lines: bool = False, depth: int = 0) -> object:
    """Return a JSON value that PostgreSQL's jsonb accepts.

    Control characters and lone surrogates are removed; NaN, infinities, huge numbers and too deep nesting become None.

    Args:
        value: decoded JSON.
        keep_lines: whether line breaks in text stay.
        depth: the nesting level of `value`; a negative one allows as many levels more.
    """
    if isinstance(value, str):
        return _UNPRINTABLE_BUT_LINES.sub("", value) if keep_lines else single_line(value) or ""
    if isinstance(value, (int, float)):  # bool is a subclass of int
        return value if abs(value) < 2**63 else None  # NaN compares false too
    if isinstance(value, dict) and depth < MAX_STORED_DEPTH:
        return {
            single_line(str(key)) or "": json_safe(item, keep_lines=keep_lines, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list) and depth < MAX_STORED_DEPTH:
        return [json_safe(item, keep_lines=keep_lines, depth=depth + 1) for item in value]
    return None


def identifier(value: object) -> str | None:
    """Return an id of Vapi in the form that is stored.

    Accepts integers; rejects blank or overlong values with None.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**63 else None
    text = single_line(value, MAX_ID_CHARS + 1)
    return text if text is not None and len(text) <= MAX_ID_CHARS else None


def parse_number(value: object, maximum: float) -> float | None:
    """Parse a number from 0 to `maximum`, also one that was sent as text.

    None for anything else.
    """
    if isinstance(value, str) and len(value) <= MAX_NUMBER_CHARS:
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= maximum else None  # type: ignore[operator, arg-type]


def parse_timestamp(value: object) -> datetime | None:
    """Parse an ISO 8601 string, or epoch seconds or milliseconds as a number or as text.

    Without an offset the string is UTC. None for anything else.
    """
    moment = None
    if isinstance(value, str) and _EPOCH.fullmatch(value.strip()):
        value = float(value)
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(_FRACTION.sub("", value.strip()))
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000 if abs(value) >= MIN_EPOCH_MS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment is not None and moment.year in PLAUSIBLE_YEARS else None
