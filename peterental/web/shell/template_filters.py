"""How pages write times, homes and rules; pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import escape

from peterental.messages.model import dialled
from peterental.plural import counted, plural

ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
HOUSE_NUMBER = re.compile(r"\s*(?:no\.?\s*|#\s*)?(\d{1,5}[a-z]?)\b", re.IGNORECASE)


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Give the wall-clock time: `3:30 pm`."""
    return _format_clock(moment.astimezone(zone))


def day(moment: datetime, zone: ZoneInfo) -> str:
    """Give the day in short: `Tue, Nov 24`."""
    local = moment.astimezone(zone)
    return f"{local:%a, %b} {local.day}"


def long_day(moment: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """Give the day in full: `Tuesday, November 24`, with the year where it is not the one of `now`."""
    local = moment.astimezone(zone)
    year = "" if now is not None and now.astimezone(zone).year == local.year else f", {local.year}"
    return f"{local:%A, %B} {local.day}{year}"


def zone_name(moment: datetime, zone: ZoneInfo) -> str:
    """Give what the zone is called at that moment: `CST`, or `UTC-3` where it has no letters of its own."""
    local = moment.astimezone(zone)
    name = local.tzname() or ""
    if name.isalpha():
        return name
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def iso(moment: datetime, zone: ZoneInfo) -> str:
    """Give the moment as `<time datetime>` has it, with its offset."""
    return moment.astimezone(zone).isoformat(timespec="minutes")


def format_iso(text: str, zone: ZoneInfo) -> str:
    """Return a day or a time in ISO 8601 as people read it, and any other text unchanged.

    Args:
        text: `2026-03-08`, `2026-03-08T09:30` on a wall clock, or `2026-03-08T15:30Z`, a moment.
        zone: on whose clocks a moment is shown.
    """
    if not ISO_8601.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
        local = moment.astimezone(zone) if moment.tzinfo else moment
    except (ValueError, OverflowError):  # no day of the calendar, or one that the zone's clocks never reach
        return text
    words = f"{local:%a, %b} {local.day}, {local.year}"
    if "T" not in text:
        return words
    return f"{words}, {_format_clock(local)}" + (f" {zone_name(local, zone)}" if moment.tzinfo else "")


def _format_clock(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local.minute:02} {'am' if local.hour < 12 else 'pm'}"  # noqa: PLR2004  # noon


def wall_clock(minutes: int) -> str:
    """Give minutes after midnight as people say them: `9 am`, `5:30 pm`, `midnight`."""
    if minutes % 1440 == 0:
        return "midnight"
    hour, minute = divmod(minutes, 60)
    return f"{hour % 12 or 12}{f':{minute:02}' if minute else ''} {'am' if hour < 12 else 'pm'}"  # noqa: PLR2004  # noon


def zone_city(zone: str) -> str:
    """Give the place that a time zone is called after: `New York` for `America/New_York`."""
    return zone.rpartition("/")[2].replace("_", " ")


def format_minutes(minutes: int) -> str:
    """Give a length of time: `45 min`, `2 h`, `1 h 30 min`, `2 days`."""
    if minutes and minutes % 1440 == 0:
        return counted(minutes // 1440, "day")
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def house_number(address: str) -> str:
    """Give the number that stands on the house, or nothing where the address does not begin with one."""
    found = HOUSE_NUMBER.match(address)
    return found.group(1) if found else ""


def initials(name: str) -> str:
    """Give up to two initials: `AL` for `Ana Lima`."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def html_bytes(text: str) -> int:
    """Give how many bytes a text takes in a page, with `&lt;` for `<`."""
    return len(str(escape(text)).encode())


def truncate_bytes(text: str, budget_bytes: int) -> str:
    """Give a text, or as much of its beginning as fits, with an ellipsis."""
    if html_bytes(text) <= budget_bytes:
        return text
    spent, kept = html_bytes("…"), 0
    for character in text:
        spent += html_bytes(character)
        if spent > budget_bytes:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def install(app: Flask) -> None:
    """Give templates these as filters."""
    own = (
        clock,
        day,
        long_day,
        zone_name,
        iso,
        wall_clock,
        zone_city,
        format_minutes,
        house_number,
        initials,
        truncate_bytes,
        counted,
        plural,
    )
    for function in (*own, dialled):
        app.add_template_filter(function)
