"""Days and times in words, as people say them and language models write them down, taken apart but not yet placed.

"tomorrow 3 pm", "next Tuesday at half past two", "Tuesday, December first, at noon": what is said is listed, nothing is
concluded. A word that is not understood spoils the whole: a time is asked for again rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Half = Literal["am", "pm"]
Which = Literal["", "this", "next", "next week"]
PartName = Literal["morning", "afternoon", "evening"]
Span = Literal["this week", "next week", "weekend", "next weekend"]

LONGEST = 200
"""Nobody says a time in more characters than this."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_CARDINALS = {word: number for number, word in enumerate(_UNITS + _TEENS)} | _TENS

_FILLER = frozenset(
    (
        "a",
        "about",
        "an",
        "and",
        "around",
        "at",
        "by",
        "date",
        "day",
        "erm",
        "exactly",
        "for",
        "hmm",
        "in",
        "just",
        "like",
        "of",
        "oclock",
        "on",
        "please",
        "sharp",
        "so",
        "thanks",
        "the",
        "then",
        "time",
        "uh",
        "um",
        "well",
    )
)
_WEEKDAY = "|".join(WEEKDAYS)
_MONTH = "|".join(MONTHS)


@dataclass(frozen=True)
class Clock:
    """A time of day as said: certain with `half`, or where `sure` (a 24-hour reading); else it may be either half."""

    hour: int
    minute: int
    half: Half | None = None
    sure: bool = False


@dataclass(frozen=True)
class DayOfWeek:
    """A weekday as said: 1 is Monday; `which` is the word before it."""

    weekday: int
    which: Which = ""


@dataclass(frozen=True)
class CalendarDay:
    """A date as said; what is None was not. `swapped` is the other way to read 4/5."""

    day: int
    month: int | None = None
    year: int | None = None
    swapped: bool = False


@dataclass
class Said:
    """Everything that was said of a day and a time."""

    ahead_days: list[int] = field(default_factory=list)
    ahead_minutes: list[int] = field(default_factory=list)
    weekdays: list[DayOfWeek] = field(default_factory=list)
    dates: list[CalendarDay] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    parts: list[PartName] = field(default_factory=list)
    span: Span | None = None

    @property
    def names_a_day(self) -> bool:
        """Whether anything was said of the day."""
        return bool(self.ahead_days or self.weekdays or self.dates or self.ahead_minutes)


def understood(text: str) -> Said | None:
    """Take words about a day and a time apart; None where a word is left that is not understood."""
    if len(text) > LONGEST:
        return None
    rest = f" {_in_digits(text)} "
    said = Said()
    for pattern, taking in _READERS:
        for match in pattern.finditer(rest):
            taking(said, match)
        rest = pattern.sub(" ", rest)
    left = [word for word in rest.split() if word not in _FILLER]
    if len(left) == 1 and re.fullmatch(r"[0-9]{1,2}", left[0]):
        _bare_number(said, int(left[0]))
        left = []
    return None if left else said


def weekdays_in(text: str) -> set[int]:
    """Give every weekday named anywhere in `text`, 1 for Monday; "tue" and "weds" count."""
    return {WEEKDAYS.index(word) + 1 for word in re.findall(rf"\b({_WEEKDAY})s?\b", _unabbreviated(_plain(text)))}


def _plain(text: str) -> str:
    folded = (
        unicodedata.normalize("NFKC", text)
        .casefold()
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        .replace("@", " at ")
    )
    folded = re.sub(r"(?<![a-z])([ap])\s?\.?\s?m\b\.?", r"\1m", folded)
    folded = re.sub(r"(?<=\d)\s?([ap])\b", r"\1m", folded)
    folded = re.sub(r"\b(?:tmrw|tmr|tomm?orr?ow)\b", "tomorrow", folded)
    folded = re.sub(r"\bo'?\s?clock\b", "oclock", folded).replace("'s", "")
    # Hyphens join words ("two-thirty", "mid-day") but are part of dates in digits.
    folded = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", folded)
    folded = re.sub(r"(?<!\.\d)(?<!\.\d\d)(?<=\d)\.(?=\s|$)|(?<=[a-z])\.", " ", folded)
    return re.sub(r"[,;!?()\"]", " ", folded)


def _unabbreviated(text: str) -> str:
    text = re.sub(r"\b(mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun)\b", lambda m: _whole(m[1], WEEKDAYS), text)
    return re.sub(r"\b(jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b", lambda m: _whole(m[1], MONTHS), text)


def _whole(short: str, names: tuple[str, ...]) -> str:
    return next(name for name in names if name.startswith(short[:3]))


def _in_digits(text: str) -> str:
    """Write numbers and ordinals in words as digits, and names of days and months in full."""
    words: list[str] = []
    for word in _unabbreviated(_plain(text)).split():
        tens = words[-1] if words and words[-1] in {"20", "30", "40", "50"} else None
        if word in _CARDINALS:
            number = _CARDINALS[word]
            if tens and 0 < number < 10:  # noqa: PLR2004 - "twenty" "one"
                words[-1] = str(int(tens) + number)
            elif words and words[-1] == "oh" and number < 10:  # noqa: PLR2004 - "two oh five"
                words[-1] = f"0{number}"
            else:
                words.append(str(number))
        elif word in _ORDINALS:
            number = _ORDINALS[word]
            if tens and number < 10:  # noqa: PLR2004 - "twenty" "first"
                words[-1] = f"{int(tens) + number}th"
            else:
                words.append(f"{number}th")
        else:
            words.append(word)
    return " ".join(words)


_PARTS: dict[str, PartName] = {
    "morning": "morning", "afternoon": "afternoon", "evening": "evening", "night": "evening",
}  # fmt: skip
_SPANS: dict[str, Span] = {
    "this week": "this week", "next week": "next week", "weekend": "weekend", "next weekend": "next weekend",
}  # fmt: skip
_HALVES: dict[str | None, Half | None] = {None: None, "am": "am", "pm": "pm"}
_NO_SUCH_HOUR = 24
_WHICH: dict[str | None, Which] = {None: "", "next": "next", "following": "next"}


# --- what each pattern says ------------------------------------------------------------------------------------------


def _iso_date(said: Said, match: re.Match[str]) -> None:
    said.dates.append(CalendarDay(int(match["d"]), int(match["m"]), int(match["y"])))


def _slashes(said: Said, match: re.Match[str]) -> None:
    year = match["y"] and int(match["y"]) + (2000 if len(match["y"]) == 2 else 0)  # noqa: PLR2004
    first, second = int(match["a"]), int(match["b"])
    if first > 12:  # noqa: PLR2004 - there are twelve months
        first, second = second, first
    said.dates.append(CalendarDay(second, first, year or None, swapped=second <= 12 and first != second))  # noqa: PLR2004


def _dots(said: Said, match: re.Match[str]) -> None:
    said.dates.append(CalendarDay(int(match["d"]), int(match["m"]), int(match["y"]) if match["y"] else None))


def _month_and_day(said: Said, match: re.Match[str]) -> None:
    year = match["y"]
    said.dates.append(
        CalendarDay(int(match["d"]), MONTHS.index(match["m"]) + 1, int(year.replace(" ", "")) if year else None)
    )


def _ordinal(said: Said, match: re.Match[str]) -> None:
    said.dates.append(CalendarDay(int(match["d"])))


def _weekday(said: Said, match: re.Match[str]) -> None:
    which = _WHICH.get(match["which"], "this")
    if match["week_before"] or match["week_after"]:
        which = "next week"
    said.weekdays.append(DayOfWeek(WEEKDAYS.index(match["day"]) + 1, which))


def _ahead(said: Said, match: re.Match[str]) -> None:
    said.ahead_days.append({"today": 0, "tonight": 0, "tomorrow": 1}.get(match["ahead"], 2))
    if match["ahead"] == "tonight":
        said.parts.append("evening")


def _this_part(said: Said, match: re.Match[str]) -> None:
    said.ahead_days.append(0)
    _part(said, match)


def _in_days(said: Said, match: re.Match[str]) -> None:
    count = 1 if match["n"] in {"a", "an"} else int(match["n"])
    said.ahead_days.append(count * (7 if match["unit"].startswith("week") else 1))


def _in_minutes(said: Said, match: re.Match[str]) -> None:
    count = {"a": 1, "an": 1, "half an": 0.5, "a couple of": 2}.get(match["n"]) or int(match["n"])
    said.ahead_minutes.append(int(count * (60 if match["unit"].startswith("hour") else 1)))


def _nothing(_: Said, __: re.Match[str]) -> None:
    """Take words that leave everything open."""


def _first_thing(said: Said, _: re.Match[str]) -> None:
    said.parts.append("morning")


def _span(said: Said, match: re.Match[str]) -> None:
    said.span = _SPANS[match["span"]]


def _part(said: Said, match: re.Match[str]) -> None:
    said.parts.append(_PARTS[match["part"]])


def _noon(said: Said, _: re.Match[str]) -> None:
    said.clocks.append(Clock(12, 0, sure=True))


def _digits_clock(said: Said, match: re.Match[str]) -> None:
    groups = match.groupdict()
    hour, minute = int(groups["h"]), int(groups.get("m") or 0)
    sure = ":" in match[0] and (groups["h"].startswith("0") or hour > 12)  # noqa: PLR2004
    said.clocks.append(Clock(hour, minute, _HALVES[groups.get("half")], sure=sure))


def _bare_number(said: Said, number: int) -> None:
    """Take a number that stands alone for an hour, except after a weekday, where it may as well be the date."""
    ambiguous = said.weekdays and not said.dates
    said.clocks.append(Clock(_NO_SUCH_HOUR if ambiguous else number, 0))


def _past_hour(said: Said, match: re.Match[str]) -> None:
    minutes = {"half": 30, "quarter": 15}.get(match["n"]) or int(match["n"])
    hour = int(match["h"])
    half = _HALVES[match["half"]]
    if match["way"] in {"to", "till", "before"}:
        if hour == 12 and half:  # noqa: PLR2004 - a quarter to noon is still morning; to midnight, another day
            hour, half = (12, "am") if half == "pm" else (_NO_SUCH_HOUR + 1, None)
        hour, minutes = (hour - 1 or 12), 60 - minutes
    said.clocks.append(Clock(hour, minutes, half))


_SOME = r"(?P<n>half\s+an|a\s+couple\s+of|an?|\d{1,2})"
_SHORT = r"(?P<unit>hours?|minutes?)"
_HALF = r"(?:\s*(?P<half>am|pm)\b)"
_YEAR = r"(?:\s+(?P<y>20\s?\d\d)\b(?!\s*(?:am|pm|:)))?"
_MONTH_FIRST = rf"\b(?P<m>{_MONTH})\s+(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?=\s)(?!\s+[ap]m\b){_YEAR}"
_MINUTES_PAST = (
    rf"\b(?:a\s+)?(?P<n>half|quarter|5|10|20|25|\d{{1,2}}(?=\s+minutes))\s+(?:minutes\s+)?(?P<way>past|after|to|till|before)\s+"
    rf"(?P<h>\d{{1,2}})(?=\s){_HALF}?"
)
_ON_WEEKDAY = (
    r"\b(?:(?P<week_before>next\s+week)\s+(?:on\s+)?)?"
    r"(?:(?P<which>this\s+coming|this|next|coming|upcoming|following)\s+)?"
    rf"(?P<day>{_WEEKDAY})\b(?P<week_after>\s+(?:of\s+)?next\s+week\b)?"
)
_READERS = tuple(
    (re.compile(pattern), taking)
    for pattern, taking in (
        (r"\b(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})(?=[\st])t?", _iso_date),
        (r"\b(?P<a>\d{1,2})/(?P<b>\d{1,2})(?:/(?P<y>\d{4}|\d\d))?(?=\s)", _slashes),
        (r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})?(?=\s)", _dots),
        (rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)\s+(?:of\s+)?(?P<m>{_MONTH})(?=\s){_YEAR}", _month_and_day),
        (_MONTH_FIRST, _month_and_day),
        (rf"\b(?P<d>\d{{1,2}})\s+(?:of\s+)?(?P<m>{_MONTH})(?=\s){_YEAR}", _month_and_day),
        (_MINUTES_PAST, _past_hour),
        (rf"\b(?P<h>\d{{1,2}}):(?P<m>\d\d)(?::00(?:\.0+)?)?(?=\s|am|pm){_HALF}?", _digits_clock),
        (rf"\b(?P<h>\d{{1,2}})\.(?P<m>\d\d)(?=\s|am|pm){_HALF}", _digits_clock),
        (rf"\b(?P<h>\d{{1,2}})\s+(?P<m>\d\d){_HALF}", _digits_clock),
        (rf"\b(?P<h>\d{{1,2}}){_HALF}", _digits_clock),
        (r"\b(?:12\s+)?(?:noon|midday|mid\s+day)\b", _noon),
        (r"\b1th\s+thing\b(?:\s+in\s+the\s+morning\b)?", _first_thing),
        (r"\b(?P<d>\d{1,2})(?:st|nd|rd|th)\b", _ordinal),
        (_ON_WEEKDAY, _weekday),
        (rf"\bin\s+{_SOME}\s+{_SHORT}\b(?:\s+from\s+now\b)?", _in_minutes),
        (rf"\b{_SOME}\s+{_SHORT}\s+from\s+now\b", _in_minutes),
        (r"\bin\s+(?P<n>an?|\d{1,2})\s+(?P<unit>days?|weeks?)\b", _in_days),
        (r"\b(?P<n>an?|\d{1,2})\s+(?P<unit>days?|weeks?)\s+from\s+(?:now|today)\b", _in_days),
        (r"\bthis\s+(?P<part>morning|afternoon|evening|night)\b", _this_part),
        (r"\b(?P<ahead>day\s+after\s+tomorrow|today|tonight|tomorrow)\b", _ahead),
        (r"\b(?:(?:early|late|later)\s+(?:in\s+the\s+)?)?(?P<part>morning|afternoon|evening|night)\b", _part),
        (r"\bthis\s+(?:coming\s+)?(?P<span>weekend)(?=\s)", _span),
        (r"\b(?P<span>this\s+week|next\s+weekend|next\s+week|weekend)(?=\s)", _span),
        (r"\bany\s?time\b", _nothing),
        (r"\b(?P<h>\d{1,2})\s+(?P<m>\d\d)(?=\s)", _digits_clock),
        (r"\b(?P<h>\d{1,2})\s+oclock\b", _digits_clock),
        (r"\b(?:at|around|about|by)\s+(?P<h>\d{1,2})(?=\s)", _digits_clock),
    )
)  # fmt: skip
