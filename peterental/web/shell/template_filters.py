"""Template filters for times, durations, addresses and texts. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import escape

from peterental.clock import zone_abbreviation
from peterental.messages.model import dialled
from peterental.phone_numbers import DEFAULT_REGION, readable, region_of
from peterental.plural import counted, plural

ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
LANGUAGE_NAMES = {"en": "English", "es": "Spanish"}
_JOINER = "\u200d"
_JOINING = frozenset({_JOINER, "\ufe0e", "\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))})
"""What continues an emoji: the joiner, variation selectors and skin tones."""

HOUSE_NUMBER = re.compile(r"\s*(?:no\.?\s*|#\s*)?(\d{1,5}[a-z]?)\b", re.IGNORECASE)


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return the wall-clock time in `zone`, such as `3:30 pm`."""
    return _format_clock(moment.astimezone(zone))


def day(moment: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """Return the short date in `zone`, such as `Tue, Nov 24`.

    With `now`, it has the year unless that is the year of `now`.
    """
    local = moment.astimezone(zone)
    year = f", {local.year}" if now is not None and now.astimezone(zone).year != local.year else ""
    return f"{local:%a, %b} {local.day}{year}"


def long_day(moment: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """Return the long date in `zone`, such as `Tuesday, November 24`.

    It has the year unless that is the year of `now`.
    """
    local = moment.astimezone(zone)
    year = "" if now is not None and now.astimezone(zone).year == local.year else f", {local.year}"
    return f"{local:%A, %B} {local.day}{year}"


def whole_days(start: datetime, until: datetime, zone: ZoneInfo) -> tuple[date, date] | None:
    """Return the first and the last day of a time from midnight to midnight in `zone`; None for any other."""
    first, end = start.astimezone(zone), until.astimezone(zone)
    if (first.time(), end.time()) != (time.min, time.min) or end <= first:
        return None
    return first.date(), end.date() - timedelta(days=1)


def zone_name(moment: datetime, zone: ZoneInfo) -> str:
    """Return the zone's abbreviation at that moment: `CST`, else `UTC-3`."""
    return zone_abbreviation(moment.astimezone(zone))


def iso(moment: datetime, zone: ZoneInfo) -> str:
    """Return the moment in ISO 8601 with its offset, for `<time datetime>`."""
    return moment.astimezone(zone).isoformat(timespec="minutes")


def format_iso(text: str, zone: ZoneInfo) -> str:
    """Return an ISO 8601 date or time in readable form; other text unchanged.

    Args:
        text: `2026-03-08`, `2026-03-08T09:30` (wall-clock time) or `2026-03-08T15:30Z` (a moment).
        zone: in which a moment is shown.
    """
    if not ISO_8601.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
        local = moment.astimezone(zone) if moment.tzinfo else moment
    except (ValueError, OverflowError):  # not a calendar day, or out of range in this zone
        return text
    words = f"{local:%a, %b} {local.day}, {local.year}"
    if "T" not in text:
        return words
    return f"{words}, {_format_clock(local)}" + (f" {zone_name(local, zone)}" if moment.tzinfo else "")


def day_words(text: str) -> str:
    """Return a day in ISO 8601 in readable form, such as `Sun, Mar 8, 2026`."""
    return format_iso(text, ZoneInfo("UTC"))


def _format_clock(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local.minute:02} {'am' if local.hour < 12 else 'pm'}"  # noqa: PLR2004  # noon


def phone_number(number: str, zone: ZoneInfo | None = None) -> str:
    """Return a phone number as people write it in the country of a time zone: `(405) 555-0123`."""
    return readable(number, region_of(zone.key) if zone else DEFAULT_REGION)


def wall_clock(minutes: int) -> str:
    """Return minutes after midnight as a time of day: `9 am`, `5:30 pm`, `midnight`."""
    if minutes % 1440 == 0:
        return "midnight"
    hour, minute = divmod(minutes, 60)
    return f"{hour % 12 or 12}{f':{minute:02}' if minute else ''} {'am' if hour < 12 else 'pm'}"  # noqa: PLR2004  # noon


def language_name(code: str) -> str:
    """Return the English name of a language, such as `Spanish` for `es`."""
    return LANGUAGE_NAMES.get(code, code)


def zone_city(zone: str) -> str:
    """Return the city in the name of a time zone: `New York` for `America/New_York`."""
    return zone.rpartition("/")[2].replace("_", " ")


def format_minutes(minutes: int) -> str:
    """Return a duration as text: `45 min`, `2 h`, `1 h 30 min`, `2 days`."""
    if minutes and minutes % 1440 == 0:
        return counted(minutes // 1440, "day")
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def format_age(seconds: float) -> str:
    """Return a span of time in the largest unit that fits, such as `3 minutes`."""
    whole = max(int(seconds), 0)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if whole >= size:
            return counted(whole // size, unit)
    return counted(whole, "second")


def house_number(address: str) -> str:
    """Return the house number at the start of an address, or an empty string."""
    found = HOUSE_NUMBER.match(address)
    return found.group(1) if found else ""


def initials(name: str) -> str:
    """Return one or two initials: `AL` for `Ana Lima`, `?` without letters."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def truncate(text: str, chars: int) -> str:
    """Return the text, cut with an ellipsis to `chars` characters.

    It is cut after a word unless that would lose more than a third: a long name would be one of many called "Maria…".
    What is written with several characters, as an accented letter or an emoji, is left out as a whole.
    """
    if len(text) <= chars:
        return text
    end = chars - 1
    while end > 0 and (_continues(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    word_end = text.rfind(" ", 0, end + 1)
    return text[: word_end if word_end > chars * 2 // 3 else end].rstrip() + "…"


def _continues(character: str) -> bool:
    """Return whether a character is part of the one before it."""
    return character in _JOINING or unicodedata.combining(character) != 0


def html_bytes(text: str) -> int:
    """Return the size of a text in HTML, in bytes after escaping."""
    return len(str(escape(text)).encode())


def truncate_bytes(text: str, budget_bytes: int) -> str:
    """Return the text, cut with an ellipsis to `budget_bytes` of HTML."""
    if html_bytes(text) <= budget_bytes:
        return text
    used_bytes, length = html_bytes("…"), 0
    for character in text:
        used_bytes += html_bytes(character)
        if used_bytes > budget_bytes:
            break
        length += 1
    return text[:length].rstrip() + "…"


def install(app: Flask) -> None:
    """Register the functions of this module as template filters."""
    own = (
        clock,
        day,
        day_words,
        long_day,
        whole_days,
        zone_name,
        iso,
        phone_number,
        wall_clock,
        language_name,
        zone_city,
        format_age,
        format_minutes,
        house_number,
        initials,
        truncate,
        truncate_bytes,
        counted,
        plural,
    )
    for function in (*own, dialled):
        app.add_template_filter(function)
