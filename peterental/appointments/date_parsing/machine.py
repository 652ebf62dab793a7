"""Machine forms of a time: ISO 8601, RFC 2822, JavaScript's Date, epochs, intervals and JSON objects."""

from __future__ import annotations

import json
import math
import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

LONGEST_JSON = 1000
YEARS = range(1900, 3000)
DAY_MINUTES = 24 * 60
MOST_OFFSET = timedelta(hours=15)

_EPOCH_S = range(946_684_800, 32_503_680_000)
"""Seconds from 2000 on; milliseconds are these times a thousand."""

_TIME = r"(?P<h>\d\d)(?::?(?P<m>\d\d)(?::?(?P<s>\d\d))?)?(?P<fraction>[.,]\d{1,9})?"
_OFFSET = r"\s?(?P<offset>z|utc|gmt|[+-]\d\d(?::?\d\d)?)?"
_ZONE = r"(?:\s?\[(?P<zone>[\w/+-]+)\])?"
_ISO = re.compile(
    r"(?P<y>\d{4})(?:-(?P<mo>\d\d)-(?P<d>\d\d)|(?P<cmo>\d\d)(?P<cd>\d\d)|-?w(?P<week>\d\d)-?(?P<wday>[1-7])"
    rf"|-(?P<yday>\d{{3}})|(?P<cyday>\d{{3}}))(?:(?:t|\s)\s?{_TIME}{_OFFSET}{_ZONE})?",
    re.ASCII,
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_WEEKDAYS = "mon|tue|wed|thu|fri|sat|sun"
_RFC_2822 = re.compile(
    rf"(?:(?P<wd>{_WEEKDAYS})[a-z]*,?\s+)?(?P<d>\d{{1,2}})\s+(?P<mon>{_MONTHS})[a-z]*\s+(?P<y>\d{{4}})\s+"
    r"(?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d))?\s+(?P<offset>[+-]\d{4}|gmt|utc|z)(?:\s+\([^)]*\))?",
    re.ASCII,
)
_JAVASCRIPT = re.compile(
    rf"(?P<wd>{_WEEKDAYS})\s+(?P<mon>{_MONTHS})\s+(?P<d>\d\d)\s+(?P<y>\d{{4}})\s+(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
    r"(?:\s+(?P<offset>(?:gmt|utc)(?:[+-]\d{4})?)(?:\s+\([^)]*\))?)?",
    re.ASCII,
)
_INTERVAL_END = re.compile(r" ?(?:p[\w.]+|[\dt:.z+-]+)", re.ASCII)
_SPOKEN_INTERVAL = re.compile(r"(?P<start>\d{4}-\d\d-\d\dt[\d:]+) ?-- ?\S+", re.ASCII)

_CTIME = re.compile(
    rf"(?P<wd>{_WEEKDAYS})\s+(?P<mon>{_MONTHS})\s+(?P<d>\d{{1,2}})\s+(?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d))?"
    r"(?:\s+(?P<offset>utc|gmt))?\s+(?P<y>\d{4})",
    re.ASCII,
)
NOTHING = frozenset(("", "null", "none", "n/a", "na", "undefined", "unknown", "tbd", "not specified", "unspecified"))
"""What models fill in where they have nothing to say."""

_START_KEYS = (
    "start_time", "startTime", "start", "dateTime", "datetime", "date_time", "iso", "value", "from", "when", "text",
)  # fmt: skip
_DATE_KEYS = ("date", "day", "weekday", "day_of_week", "dayOfWeek")
_TIME_KEYS = ("time", "time_of_day", "timeOfDay", "hour", "start_time", "startTime")
_HALF_KEYS = (
    "ampm", "am_pm", "amPm", "meridiem", "period", "part_of_day", "partOfDay", "time_of_day", "timeOfDay",
    "part", "daypart", "day_part", "dayPart",
)  # fmt: skip
"""What says which half of the day an hour is of."""

_START_DATES = ("start_date", "startDate")
_LIMITS = (
    ("after", ("after",)),
    ("before", ("before",)),
    ("from", ("earliest", "min", "not_before", "notBefore", "no_earlier_than", "since", *_START_DATES)),
    ("no later than", ("latest", "max", "not_after", "notAfter", "no_later_than", "until")),
    ("around", ("around", "about", "near")),
    ("not", ("not", "except", "exclude", "excluding")),
)
"""What models write beside a time that is a limit, and the words that it stands for."""

_FIRSTS = ("from", "start", "after", "earliest", "min", *_START_DATES, "start_time", "startTime")
_LASTS = ("to", "until", "end", "before", "latest", "max", "end_date", "endDate", "end_time", "endTime")
"""Both ends of a range of days, or of times of day."""

_FIELDS = ("year", "month", "day", "hour", "minute")
_LABEL = re.compile(r"(?:start_?time|date_?time|start)[\"']?\s*[:=]", re.IGNORECASE)
"""The argument's own name, where a model writes it before the value."""

_LABELS = frozenset("sSdD")
"""What a label begins with."""

_TIME_OF_DAY = re.compile(r"\d{1,2}(?::\d\d){0,2} ?(?:[ap]\.?m\.?)?", re.ASCII | re.IGNORECASE)
_AT_MIDNIGHT = re.compile(r"(?<=\d)[T ]00:00(?::00)?(?:\.0+)?Z?$")
_MOST_ITEMS = 4
"""Longer lists name nothing."""
_ZONE_KEYS = ("timeZone", "timezone", "time_zone", "tz", "zone")


@dataclass(frozen=True, kw_only=True)
class MachineTime:
    """A time in a machine form.

    Args:
        day: the day as written.
        minutes: after midnight as written; None for a date alone.
        offset: from UTC, where one was written.
        zone: the IANA name, where one was written.
        weekday: the weekday that was written with the date, 1 is Monday.
        has_seconds: whether seconds other than zero were written.
        form: the name of the form, for the explanation.
    """

    day: date
    minutes: int | None = None
    offset: timedelta | None = None
    zone: str = ""
    weekday: int | None = None
    has_seconds: bool = False
    form: str = "ISO 8601"


def plain_text(raw: object) -> str | None:
    """Return the words of an argument: a string, or a JSON object or list put in words; None for anything else."""
    if isinstance(raw, str):
        text = raw.strip()
        if text[:1] in {"{", "["} and len(text) <= LONGEST_JSON:
            try:
                return plain_text(json.loads(text))
            except (ValueError, RecursionError):
                return text
        return _without_label(text.strip("\"'` ")).strip("\"'` ")
    if isinstance(raw, Mapping):
        return _of_object(raw)
    if isinstance(raw, list | tuple):
        return _of_list(raw)
    return _of_number(raw)


def _without_label(text: str) -> str:
    label = _LABEL.match(text) if text[:1] in _LABELS else None
    return text[label.end() :] if label else text


def _of_list(raw: Sequence[object]) -> str | None:
    """Return a list of texts as alternatives, which complete each other, and a list of numbers as a date."""
    if len(raw) == 1:
        return plain_text(raw[0])
    fields = dict(zip(_FIELDS, raw, strict=False))
    if len(raw) <= len(_FIELDS) + 1 and all(type(value) is int for value in raw):
        return _of_fields(fields)
    texts = [value for value in raw if isinstance(value, str)]
    return " or ".join(texts) if len(texts) == len(raw) <= _MOST_ITEMS else None


def _of_fields(fields: Mapping[str, object]) -> str | None:
    """Return the date, and the time where there is one, of numbers named year, month, day, hour and minute."""
    found = {name: value for name in _FIELDS if type(value := fields.get(name)) is int}
    if not {"month", "day"} <= found.keys():
        return None
    if found.get("year") is None:
        day = f"{_MONTHS.split('|')[(found['month'] - 1) % 12]} {found['day']}" if 1 <= found["month"] <= 12 else ""  # noqa: PLR2004
    else:
        day = f"{found['year']:04}-{found['month']:02}-{found['day']:02}"
    return f"{day} {found['hour']:02}:{found.get('minute', 0):02}" if day and "hour" in found else day or None


def _of_number(raw: object) -> str | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, float) and not (math.isfinite(raw) and raw.is_integer()):
        return None
    return str(int(raw)) if abs(raw) < _EPOCH_S.stop * 1000 else None


def _of_object(raw: Mapping[str, object], depth: int = 0) -> str | None:
    zone = _text_at(raw, _ZONE_KEYS)
    time_text = _time_of(raw)
    date_text = _date_of(raw) or (_text_at(raw, _START_DATES) if time_text else "")
    has_date_too = date_text and machine_time(time_text) is not None
    text = time_text if has_date_too else " ".join(filter(None, (date_text, time_text)))
    limits = "" if date_text and time_text else _limits_of(raw)
    if limits:
        text = " ".join(filter(None, (date_text, limits)))
    elif not (date_text and time_text):
        for key in _START_KEYS:
            value = raw.get(key)
            if isinstance(value, Mapping) and not depth:
                return _of_object(value, depth + 1)
            found = plain_text(value) if isinstance(value, str | list) else _of_number(value)
            if found:
                text = _with_half(found, _text_at(raw, _HALF_KEYS))
                is_time_of_day = date_text and _is_time_of_day(found)
                text = f"{date_text} {text}" if is_time_of_day else text
                break
    return f"{text} [{zone}]" if text and zone else text or None


def _limits_of(raw: Mapping[str, object]) -> str:
    """Return limits in words: "14:00 to 16:00", "after 15:00"; empty where there are none."""
    first, last = _text_at(raw, _FIRSTS), _text_at(raw, _LASTS)
    if first and last and _are_alike(first, last):
        return f"{first} to {last}"
    found = ((words, _text_at(raw, keys) or _hour_at(raw, keys)) for words, keys in _LIMITS)
    return " ".join(f"{words} {limit}" for words, limit in found if limit)


def _are_alike(first: str, last: str) -> bool:
    """Return whether two texts are both days, or both times of day. A moment with its end is a viewing."""
    ends = machine_time(first), machine_time(last)
    if ends == (None, None):
        return _is_time_of_day(first) and _is_time_of_day(last)
    return all(end is not None and end.minutes is None for end in ends)


def _is_time_of_day(text: str) -> bool:
    return _TIME_OF_DAY.fullmatch(text) is not None


def _hour_at(raw: Mapping[str, object], keys: tuple[str, ...]) -> str:
    found = (raw.get(key) for key in keys)
    return next((f"{hour:02}:00" for hour in found if type(hour) is int and hour in range(24)), "")


def _date_of(raw: Mapping[str, object]) -> str:
    """Return the date: numbers by name, a month in words with its day, or one text; midnight says only the day."""
    fields = _of_fields({**raw, "hour": None})
    month, day = raw.get("month"), raw.get("day")
    nested = raw.get("date")
    if fields is None and isinstance(nested, Mapping):
        return _date_of({**nested, "date": None})
    if fields is None and isinstance(month, str) and month.strip() and isinstance(day, str | int):
        fields = f"{month} {day}"
    text = fields or _text_at(raw, _DATE_KEYS)
    return _AT_MIDNIGHT.sub("", text)


def _time_of(raw: Mapping[str, object]) -> str:
    """Return the time of day, with its half of the day where that has a name of its own."""
    nested = raw.get("time")
    inner = {**nested, "time": nested.get("start", nested.get("from"))} if isinstance(nested, Mapping) else raw
    clock = _with_half(_clock_of(inner), _text_at(inner, _HALF_KEYS))
    return clock or (_limits_of(inner) if isinstance(nested, Mapping) else "")


def _with_half(clock: str, half: str) -> str:
    return f"{clock} {half}" if clock and half and half.casefold() not in clock.casefold() else clock or half


def _clock_of(raw: Mapping[str, object]) -> str:
    hour, minute = raw.get("hour"), raw.get("minute", raw.get("minutes", 0))
    if type(hour) is int and type(minute) is int and hour in range(24) and minute in range(60):
        return f"{hour:02}:{minute:02}"
    return _text_at(raw, _TIME_KEYS)


def _text_at(raw: Mapping[str, object], keys: tuple[str, ...]) -> str:
    found = (raw.get(key) for key in keys)
    return next(
        (text.strip() for text in found if isinstance(text, str) and text.strip().casefold() not in NOTHING), ""
    )


_WHOLE_MONTH = re.compile(r"(?P<y>\d{4})-(?P<mo>\d\d)", re.ASCII)
_WHOLE_WEEK = re.compile(r"(?P<y>\d{4})-?w(?P<week>\d\d)", re.ASCII | re.IGNORECASE)
_LONGEST_PERIOD = len("2026-W50")


def whole_period(text: str) -> str:
    """Return `2027-01` or `2026-W50`, a month or a week in ISO 8601, as "first day to last"; other text unchanged."""
    if len(text) > _LONGEST_PERIOD:
        return text
    month, week = _WHOLE_MONTH.fullmatch(text), _WHOLE_WEEK.fullmatch(text)
    try:
        if month is not None and int(month["y"]) in YEARS:
            first = date(int(month["y"]), int(month["mo"]), 1)
            return f"{first} to {first.replace(day=monthrange(first.year, first.month)[1])}"
        if week is not None and int(week["y"]) in YEARS:
            first = date.fromisocalendar(int(week["y"]), int(week["week"]), 1)
            return f"{first} to {first + timedelta(days=6)}"
    except ValueError:
        pass
    return text


def machine_time(text: str) -> MachineTime | None:
    """Return the time that a machine form names; None for words."""
    lowered = " ".join(text.casefold().split())
    lowered = _interval_start(lowered) or lowered
    try:
        return _iso(lowered) or _named_month(lowered) or _epoch(lowered)
    except (ValueError, OverflowError):
        return None


def _interval_start(text: str) -> str | None:
    """Return the start of an interval in ISO 8601, `start/end` or `start--end`; None for anything else."""
    start, separator, end = text.rpartition("/" if "/" in text else "--")
    if separator and "/" not in start and "t" in start[1:-1] and _INTERVAL_END.fullmatch(end):
        return start.strip()
    spoken = _SPOKEN_INTERVAL.fullmatch(text) if "--" in text else None
    return spoken["start"] if spoken else None


def _iso(text: str) -> MachineTime | None:
    found = _ISO.fullmatch(text)
    if found is None or int(found["y"]) not in YEARS:
        return None
    minutes, has_seconds = _minutes(found)
    return MachineTime(
        day=_day(found),
        minutes=minutes,
        offset=_offset(found["offset"]),
        zone=found["zone"] or "",
        has_seconds=has_seconds,
    )


def _day(found: re.Match[str]) -> date:
    year = int(found["y"])
    if found["week"]:
        return date.fromisocalendar(year, int(found["week"]), int(found["wday"]))
    ordinal = found["yday"] or found["cyday"]
    if ordinal:
        day = date(year, 1, 1) + timedelta(days=int(ordinal) - 1)
        if day.year != year:
            raise ValueError(ordinal)
        return day
    return date(year, int(found["mo"] or found["cmo"]), int(found["d"] or found["cd"]))


def _minutes(found: re.Match[str]) -> tuple[int | None, bool]:
    """Return minutes after midnight; a fraction is of the smallest unit written."""
    if found["h"] is None:
        return None, False
    at = time(int(found["h"]), int(found["m"] or 0), int(found["s"] or 0))
    fraction = float(found["fraction"].replace(",", ".")) if found["fraction"] else 0.0
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    seconds += 0 if found["s"] else round(fraction * (60 if found["m"] else 3600))
    return seconds // 60 % DAY_MINUTES, seconds % 60 > 0


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    text = text.removeprefix("gmt").removeprefix("utc")
    if text in {"", "z"}:
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > MOST_OFFSET:
        raise ValueError(text)
    return -offset if text[0] == "-" else offset


def _named_month(text: str) -> MachineTime | None:
    for pattern, form in ((_RFC_2822, "RFC 2822"), (_JAVASCRIPT, "JavaScript's Date"), (_CTIME, "ctime")):
        found = pattern.fullmatch(text)
        if found is not None and int(found["y"]) in YEARS:
            month = _MONTHS.split("|").index(found["mon"]) + 1
            at = time(int(found["h"]), int(found["m"]), int(found["s"] or 0))
            return MachineTime(
                day=date(int(found["y"]), month, int(found["d"])),
                minutes=at.hour * 60 + at.minute,
                offset=_offset(found["offset"]),
                weekday=_WEEKDAYS.split("|").index(found["wd"]) + 1 if found["wd"] else None,
                has_seconds=at.second > 0,
                form=form,
            )
    return None


def _epoch(text: str) -> MachineTime | None:
    digits = text.removesuffix(".0")
    if not digits.isascii() or not digits.isdigit() or len(digits) not in {10, 13}:
        return None
    seconds = int(digits) / (1000 if len(digits) == 13 else 1)  # noqa: PLR2004 - milliseconds
    if int(seconds) not in _EPOCH_S:
        return None
    at = datetime.fromtimestamp(seconds, UTC)
    form = "epoch seconds" if len(digits) == 10 else "epoch milliseconds"  # noqa: PLR2004 - seconds
    return MachineTime(
        day=at.date(), minutes=at.hour * 60 + at.minute, offset=timedelta(), has_seconds=at.second > 0, form=form
    )
