"""Properties: every time reads back from every form, in every zone; nothing is ever an error."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import (
    Context,
    ExactTime,
    NotUnderstood,
    SkippedByDst,
    explain,
    parse_change,
    parse_search,
    parse_start,
)
from peterental.appointments.date_parsing.grammar import RuleSet
from peterental.appointments.date_parsing.phrase import _CASCADE
from peterental.appointments.date_parsing.tokens import MOST_TOKENS, tokenize

ZONES = (
    "America/Chicago", "America/New_York", "America/Phoenix", "America/Toronto", "America/Mexico_City", "Pacific/Honolulu",
    "Europe/London", "Europe/Madrid", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
    "America/St_Johns", "Africa/Casablanca", "Etc/UTC",
)  # fmt: skip
UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty"}
ORDINALS = {
    1: "first",
    2: "second",
    3: "third",
    5: "fifth",
    8: "eighth",
    9: "ninth",
    12: "twelfth",
    20: "twentieth",
    30: "thirtieth",
}
ALL_DAY = Rules(week=tuple((day, Window(0, 1440)) for day in range(1, 8)), horizon_days=365)


def number(value: int) -> str:
    if value < 20:
        return UNITS[value]
    tens, unit = value // 10 * 10, value % 10
    return TENS[tens] + (f" {UNITS[unit]}" if unit else "")


def ordinal(value: int) -> str:
    if value in ORDINALS:
        return ORDINALS[value]
    if value < 20:
        return f"{UNITS[value]}th"
    return f"{TENS[value // 10 * 10]} {ORDINALS.get(value % 10, f'{UNITS[value % 10]}th')}"


def suffix(value: int) -> str:
    return "th" if 10 < value < 20 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def meridiem(at: datetime) -> str:
    return "AM" if at.hour < 12 else "PM"


def part(at: datetime) -> str:
    return "morning" if at.hour < 12 else "afternoon" if at.hour < 18 else "evening"


def hour12(at: datetime) -> int:
    return at.hour % 12 or 12


def spoken(at: datetime) -> str:
    minutes = "" if not at.minute else f" oh {number(at.minute)}" if at.minute < 10 else f" {number(at.minute)}"
    return f"{number(hour12(at))}{minutes} {meridiem(at).lower()}"


Form = Callable[[datetime], str]

CLOCKS: dict[str, Form] = {
    "2:30 PM": lambda at: f"{hour12(at)}:{at:%M} {meridiem(at)}",
    "02:30 PM": lambda at: f"{hour12(at):02}:{at:%M} {meridiem(at)}",
    "2:30pm": lambda at: f"{hour12(at)}:{at:%M}{meridiem(at).lower()}",
    "2:30 p.m.": lambda at: f"{hour12(at)}:{at:%M} {meridiem(at)[0].lower()}.m.",
    "2:30p": lambda at: f"{hour12(at)}:{at:%M}{meridiem(at)[0].lower()}",
    "2:30:00 PM": lambda at: f"{hour12(at)}:{at:%M}:00 {meridiem(at)}",
    "2.30 pm": lambda at: f"{hour12(at)}.{at:%M} {meridiem(at)}",
    "230pm": lambda at: f"{hour12(at)}{at:%M}{meridiem(at)}",
    "two thirty pm": spoken,
    "minutes past": lambda at: f"{at.minute} minutes past {hour12(at)} {meridiem(at)}" if at.minute else spoken(at),
    "24 hours": lambda at: f"{at:%H:%M}" if at.hour > 12 or at.hour == 0 else spoken(at),
    "15h30": lambda at: f"{at:%H}h{at:%M}",
}
DAYS: dict[str, Form] = {
    "Thursday, December 3, 2026": lambda at: f"{at:%A, %B} {at.day}, {at.year}",
    "December 3, 2026": lambda at: f"{at:%B} {at.day}, {at.year}",
    "December 3rd 2026": lambda at: f"{at:%B} {at.day}{suffix(at.day)} {at.year}",
    "Dec 3 2026": lambda at: f"{at:%b} {at.day} {at.year}",
    "3 December 2026": lambda at: f"{at.day} {at:%B} {at.year}",
    "the 3rd of December 2026": lambda at: f"the {at.day}{suffix(at.day)} of {at:%B} {at.year}",
    "the third of December": lambda at: f"the {ordinal(at.day)} of {at:%B}",
    "Thursday the 3rd of December": lambda at: f"{at:%A} the {at.day}{suffix(at.day)} of {at:%B}",
    "December third": lambda at: f"{at:%B} {ordinal(at.day)}",
    "Thu Dec 3": lambda at: f"{at:%a %b} {at.day}",
    "2026-12-03": lambda at: f"{at:%Y-%m-%d}",
    "2026/12/03": lambda at: f"{at:%Y/%m/%d}",
}
MACHINE: dict[str, Form] = {
    "ISO": lambda at: f"{at:%Y-%m-%dT%H:%M}",
    "ISO seconds": lambda at: f"{at:%Y-%m-%dT%H:%M:00}",
    "ISO space": lambda at: f"{at:%Y-%m-%d %H:%M}",
    "ISO fraction": lambda at: f"{at:%Y-%m-%dT%H:%M:00.000}",
    "basic": lambda at: f"{at:%Y%m%dT%H%M%S}",
    "half basic": lambda at: f"{at:%Y-%m-%dT%H%M}",
    "week": lambda at: "{}-W{:02}-{}T{:%H:%M}".format(*at.isocalendar(), at),
    "ordinal": lambda at: f"{at:%Y-%jT%H:%M}",
    "interval": lambda at: f"{at:%Y-%m-%dT%H:%M}/{at + timedelta(minutes=30):%Y-%m-%dT%H:%M}",
    "12-hour": lambda at: f"{at:%Y-%m-%d %I:%M %p}",
    "object": lambda at: f'{{"date": "{at:%Y-%m-%d}", "time": "{at:%H:%M}"}}',
}
FORMS: dict[str, Form] = (
    {
        f"{day} at {clock}": (lambda at, d=DAYS[day], c=CLOCKS[clock]: f"{d(at)} at {c(at)}")
        for day in DAYS
        for clock in CLOCKS
    }
    | {
        f"{clock} on {day}": (lambda at, d=DAYS[day], c=CLOCKS[clock]: f"{c(at)} on {d(at)}")
        for day in DAYS
        for clock in CLOCKS
    }
    | MACHINE
)


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, datetime]:
    """Draw the present moment and a wall-clock time in the coming year, both in one zone."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    now = draw(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))).replace(tzinfo=UTC, second=0, microsecond=0)  # noqa: DTZ001
    day = now.astimezone(zone).date() + timedelta(days=draw(st.integers(1, 330)))
    wall = datetime(day.year, day.month, day.day, draw(st.integers(0, 23)), draw(st.integers(0, 59)), tzinfo=zone)
    return now, wall


def in_context(now: datetime, wall: datetime) -> Context:
    zone = wall.tzinfo
    assert isinstance(zone, ZoneInfo)
    return Context(now=now, zone=zone, rules=ALL_DAY)


def expected(wall: datetime) -> datetime:
    return wall.replace(fold=0).astimezone(UTC)


def exists(wall: datetime) -> bool:
    return wall.astimezone(UTC).astimezone(wall.tzinfo).replace(tzinfo=None, fold=0) == wall.replace(
        tzinfo=None, fold=0
    )


def test_there_are_more_than_forty_forms() -> None:
    assert len(FORMS) > 40
    at = datetime(2026, 12, 3, 14, 35, tzinfo=UTC)
    assert len({form(at) for form in FORMS.values()}) > 40


@settings(deadline=None, max_examples=400)
@given(moments(), st.sampled_from(sorted(FORMS)))
def test_every_time_reads_back_from_every_form(moment: tuple[datetime, datetime], name: str) -> None:
    now, wall = moment
    result = parse_start(FORMS[name](wall), in_context(now, wall))
    if exists(wall):
        assert result == ExactTime(start=expected(wall)), FORMS[name](wall)
    else:
        assert isinstance(result, SkippedByDst), FORMS[name](wall)


@settings(deadline=None, max_examples=150)
@given(moments(), st.sampled_from(sorted(FORMS)), st.sampled_from(sorted(FORMS)))
def test_two_forms_of_one_time_agree(moment: tuple[datetime, datetime], first: str, second: str) -> None:
    now, wall = moment
    context = in_context(now, wall)
    assert parse_start(FORMS[first](wall), context) == parse_start(FORMS[second](wall), context)


@settings(deadline=None, max_examples=150)
@given(
    moments(),
    st.sampled_from(sorted(DAYS)),
    st.sampled_from([clock for clock in CLOCKS if "h" not in clock[:4] and "24" not in clock]),
)
def test_changing_am_to_pm_changes_the_time(moment: tuple[datetime, datetime], day: str, clock: str) -> None:
    now, wall = moment
    other = wall.replace(hour=(wall.hour + 12) % 24)
    assume(exists(wall) and exists(other))
    context = in_context(now, wall)
    one = parse_start(f"{DAYS[day](wall)} at {CLOCKS[clock](wall)}", context)
    two = parse_start(f"{DAYS[day](wall)} at {CLOCKS[clock](other)}", context)
    assert isinstance(one, ExactTime)
    assert isinstance(two, ExactTime)
    assert one.start.astimezone(wall.tzinfo).hour == wall.hour
    assert two.start.astimezone(wall.tzinfo).hour == other.hour


@settings(deadline=None)
@given(moments(), st.integers(2, 300))
def test_days_from_now_are_counted_on_the_wall_clock(moment: tuple[datetime, datetime], days: int) -> None:
    now, wall = moment
    at = wall.replace(hour=14, minute=0)
    day = now.astimezone(wall.tzinfo).date() + timedelta(days=days)
    result = parse_start(f"in {days} days at 2 pm", in_context(now, wall))
    local = datetime(day.year, day.month, day.day, 14, tzinfo=at.tzinfo)
    assert result == ExactTime(start=local.astimezone(UTC))


@settings(deadline=None)
@given(moments(), st.integers(1, 7))
def test_plain_weekday_is_the_coming_one(moment: tuple[datetime, datetime], weekday: int) -> None:
    now, wall = moment
    today = now.astimezone(wall.tzinfo).date()
    assume(today.isoweekday() != weekday)
    name = date(2024, 1, weekday).strftime("%A")
    result = parse_start(f"{name} at 2 pm", in_context(now, wall))
    assert isinstance(result, ExactTime)
    found = result.start.astimezone(wall.tzinfo).date()
    assert found.isoweekday() == weekday
    assert 0 < (found - today).days < 7


WORDS = [
    "monday",
    "tuesday",
    "next",
    "this",
    "last",
    "the",
    "first",
    "third",
    "of",
    "in",
    "at",
    "on",
    "3",
    "12",
    "30",
    "2:30",
    "pm",
    "am",
    "noon",
    "midnight",
    "tomorrow",
    "today",
    "week",
    "weekend",
    "not",
    "or",
    "and",
    "to",
    "from",
    "between",
    "after",
    "before",
    "half",
    "past",
    "quarter",
    "a",
    "an",
    "hour",
    "days",
    "day",
    "december",
    "5th",
    "12/8",
    "2026",
    "morning",
    "evening",
    "late",
    "early",
    "same",
    "time",
    "later",
    "earlier",
    "one",
    "yes",
    "any",
    "asap",
    "ish",
    "around",
    "gmt",
    "eastern",
    "christmas",
    "eve",
    "month",
    "end",
    "beginning",
    "by",
    "until",
    "two",
    "thirty",
    "twenty",
    "oh",
    "o'clock",
    "mañana",
    "tarde",
    "las",
    "el",
    "lunes",
    "y",
    "media",
    "menos",
]


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), moments())
def test_any_sequence_of_known_words_is_an_answer(words: list[str], moment: tuple[datetime, datetime]) -> None:
    now, wall = moment
    context = in_context(now, wall)
    text = " ".join(words)
    for result in (parse_start(text, context), parse_change(text, context), parse_search(text, None, context)):
        assert result is not None
    assert explain(text, context).lines[-1].startswith("decision")


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=300) | st.text(alphabet=string.printable, max_size=200))
def test_any_text_is_an_answer(text: str) -> None:
    context = Context(now=datetime(2026, 11, 29, 16, tzinfo=UTC), zone=ZoneInfo("America/Chicago"), rules=ALL_DAY)
    for result in (parse_start(text, context), parse_search(text, text, context)):
        assert result is not None


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000, "twenty " * 1500, "\u0301" * 10_000, "\ufdfa" * 10_000, "1" * 10_000, "{" * 10_000, "\x00" * 10_000,
     "monday or " * 1000, "\U0001f600" * 2_500, "not " * 2500, "(" * 10_000, "9" * 299, "\u202e" * 299],
)  # fmt: skip
def test_endless_nonsense_is_not_understood(text: str) -> None:
    context = Context(now=datetime(2026, 11, 29, 16, tzinfo=UTC), zone=ZoneInfo("America/Chicago"), rules=ALL_DAY)
    assert isinstance(parse_start(text, context), NotUnderstood)


@pytest.mark.parametrize(
    "words", ["twenty", "monday", "not", "3", "or", "and tuesday", "a week from", "half past", "2 to"]
)
def test_work_is_bounded_by_the_tokens(words: str) -> None:
    """Every rule joins at least one token for each of its applications, so there are no more of them than tokens."""
    for count in (5, 10, 20, 40):
        tokens = list(tokenize(" ".join([words] * count)))
        steps: list[object] = []
        joined = tokens
        for rules in _CASCADE:
            assert isinstance(rules, RuleSet)
            joined = rules.apply(joined, steps)  # type: ignore[arg-type]  # a list of Step is a list of objects
        assert len(tokens) <= MOST_TOKENS
        assert len(steps) <= 3 * len(tokens)
