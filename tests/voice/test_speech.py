"""Spoken numbers, days and times.

Spoken times parse back to themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.agents.model import Agent, Rules, Window
from peterental.appointments import model, phone_requests
from peterental.appointments.date_parsing import Context, ExactTime, parse_start
from peterental.appointments.model import BookingRequest
from peterental.appointments.phone_requests import Decision, RequestContext
from peterental.calls.model import Outcome, ToolInvocation
from peterental.clock import instant_of
from peterental.errors import Refusal
from peterental.voice import speech
from peterental.voice.speech import english_words as words

DOLORES = "+15550142100"
CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 7, 8, 15, 0, tzinfo=UTC)
"""Wednesday, July 8, 2026, ten in the morning in Chicago."""
ANA = Agent(agent_id="ana", agent_name="Ana")
NINE_TO_FIVE = Rules(week=tuple((weekday, Window(9 * 60, 17 * 60)) for weekday in range(1, 6)))
ROUND_THE_CLOCK = Rules(week=tuple((weekday, Window(0, 24 * 60)) for weekday in range(1, 8)), notice_minutes=0)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("posix", "right")))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "zero"), (7, "seven"), (12, "twelve"), (19, "nineteen"), (20, "twenty"), (21, "twenty-one"), (59, "fifty-nine"), (99, "ninety-nine"), (365, "365"), (-1, "-1")],
)  # fmt: skip
def test_numbers_below_a_hundred_are_words(value: int, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(1, "first"), (2, "second"), (3, "third"), (4, "fourth"), (5, "fifth"), (8, "eighth"), (9, "ninth"), (12, "twelfth"), (14, "fourteenth"), (20, "twentieth"), (21, "twenty-first"), (30, "thirtieth"), (31, "thirty-first")],
)  # fmt: skip
def test_ordinals_of_the_month(value: int, said: str) -> None:
    assert words.ordinal(value) == said


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [(9, 0, "nine AM"), (12, 0, "noon"), (12, 30, "twelve thirty PM"), (14, 30, "two thirty PM"), (14, 5, "two oh five PM"), (0, 0, "twelve AM"), (0, 15, "twelve fifteen AM"), (23, 59, "eleven fifty-nine PM"), (10, 10, "ten ten AM")],
)  # fmt: skip
def test_times_of_day_are_words(hour: int, minute: int, said: str) -> None:
    assert words.clock(hour, minute) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 7, 8), "today, Wednesday the eighth"),
        (date(2026, 7, 9), "tomorrow, Thursday the ninth"),
        (date(2026, 7, 14), "Tuesday the fourteenth"),
        (date(2026, 7, 15), "Wednesday the fifteenth"),
        (date(2026, 7, 16), "Thursday, July sixteenth"),
        (date(2026, 12, 1), "Tuesday, December first"),
        (date(2027, 1, 2), "Saturday, January second, twenty twenty-seven"),
        (date(2030, 5, 1), "Wednesday, May first, twenty thirty"),
        (date(2026, 7, 7), "Tuesday, July seventh"),
    ],
)
def test_days_are_no_longer_than_needed(day: date, said: str) -> None:
    assert words.day(day, date(2026, 7, 8)) == said


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        (["2026-07-14T14:30"], "Tuesday the fourteenth at two thirty PM"),
        (["2026-07-08T16:00"], "today, Wednesday the eighth, at four PM"),
        (["2026-07-09T09:00", "2026-07-09T12:00"], "tomorrow, Thursday the ninth, at nine AM or noon"),
        (["2026-07-10T09:00", "2026-07-10T12:00", "2026-07-10T15:30"], "Friday the tenth at nine AM, noon or three thirty PM"),
        (["2026-07-10T09:00", "2026-07-13T12:00"], "Friday the tenth at nine AM, or Monday the thirteenth at noon"),
        (["2026-07-31T09:00"], "Friday, July thirty-first, at nine AM"),
    ],
)  # fmt: skip
def test_times_of_one_day_name_it_once(starts: list[str], said: str) -> None:
    assert words.times([at(start) for start in starts], CHICAGO, NOW) == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "zero minutes"), (1, "one minute"), (45, "forty-five minutes"), (60, "one hour"), (90, "ninety minutes"), (120, "two hours"), (1440, "one day"), (4320, "three days")],
)  # fmt: skip
def test_durations_are_words(minutes: int, said: str) -> None:
    assert words.length(minutes) == said


VIEWING = model.Appointment(
    appointment_id=1, agent_id="ana", agent_name="Ana", time_zone="America/Chicago", property_address="5 Oak Lane",
    start=at("2026-07-10T10:00"), end=at("2026-07-10T10:30"), status="confirmed", attendee_name="Dolores",
)  # fmt: skip


# Until 2039: "twenty forty" alone is the clock time 20:40 before it is a year.
@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2038, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
    ahead_days=st.integers(0, 365),
    minutes=st.integers(0, 24 * 60 - 1),
)
def test_rendered_time_parses_back_in_any_zone(zone: ZoneInfo, now: datetime, ahead_days: int, minutes: int) -> None:
    day = now.astimezone(zone).date() + timedelta(days=ahead_days)
    start = instant_of(day, minutes, zone)
    if start is None:
        return  # the clocks skip it, so it is never rendered
    said = words.moment(start, zone, now)
    assert "\n" not in said
    assert parse_start(said, Context(now=now, zone=zone, rules=Rules(horizon_days=365))) == ExactTime(start=start), said


FRAGMENTS = (
    "um tomorrow today tuesday next this week weekend at on the 14th 31st noon half past quarter to two 3 pm am thirty "
    "morning first thing in an hour day after before between and december 2026-11-24 2025-03-14T02:30 T15:00Z 24:00 "
    "mañana . - / 99 or not tonight +02:00 any time"
)


@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(["America/Chicago", "America/Phoenix", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
    said=st.lists(st.sampled_from(FRAGMENTS.split()), max_size=6).map(" ".join),
    rules=st.sampled_from([NINE_TO_FIVE, ROUND_THE_CLOCK, Rules()]),
    decide=st.sampled_from([phone_requests.book, phone_requests.offer_slots, phone_requests.move]),
)
def test_any_phrase_gets_one_short_line(
    zone: str, now: datetime, said: str, rules: Rules, decide: Callable[[RequestContext, BookingRequest], Decision]
) -> None:
    agent = Agent(agent_id="ana", agent_name="Ana", time_zone=zone, rules=rules)
    own = replace(
        VIEWING, start=now + timedelta(days=1), end=now + timedelta(days=1, minutes=30), caller_number=DOLORES
    )
    invocation = ToolInvocation(name="t", tool_call_id="t", caller_number=DOLORES)
    request = BookingRequest(
        property_address="9 Elm", attendee_name="Dolores", start_time=said, date=said, time_of_day=said
    )
    if decide is phone_requests.move:
        request = BookingRequest(start_time=said)
    result: Outcome | Refusal
    try:
        result = decide(RequestContext(now=now, invocation=invocation, agent=agent, own=(own,)), request).outcome
    except Refusal as refusal:
        result = refusal
    line = speech.render(result, agent, now)
    assert re.fullmatch(r"[A-Za-z0-9 :;,.?'-]+[.?]", line), line
    for sentence in re.split(r"(?<=[.?]) ", line):
        assert len(re.findall(r"\b(?:AM|PM|noon)\b", sentence)) <= 3, line
    if isinstance(result, model.Booked | model.Moved):
        assert timedelta() < result.appointment.start - now <= timedelta(days=rules.horizon_days + 2)
