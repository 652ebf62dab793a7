"""Whatever the text is, it is read or it is CalendarNonsense."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.calendars.icalendar_data.reader import EventTimes
from peterental.calendars.model import CalendarNonsense
from tests.calendars.icalendar_data.samples import LIMITS, WINDOW, calendar, event, read, series, window
from tests.calendars.icalendar_data.test_zones import CENTRAL, at_ten

SMALL = replace(LIMITS, max_instances=2_000, max_steps=20_000)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = st.sampled_from(
    ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE", "STATUS", "TRANSP", "ATTENDEE",
     "SUMMARY", "UID", "FREEBUSY", "TZID", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE", "X-MICROSOFT-CDO-ALLDAYEVENT"]
)  # fmt: skip
PARAMETERS = st.sampled_from(
    ["", ";VALUE=DATE", ";VALUE=PERIOD", ";TZID=America/Chicago", ";TZID=Mars", ';TZID="X', ";TZID=(UTC-06:00) X", ";TZID=", ";TZID=X",
     ";RANGE=THISANDFUTURE", ";RANGE=THISANDFUTURE;TZID=Asia/Tokyo", ";=;=", ";PARTSTAT=DECLINED"]
)  # fmt: skip
TIMES = st.one_of(
    st.datetimes().map(lambda time: f"{time.year:04}{time:%m%dT%H%M%S}"),
    st.integers(0, 13_000_000)
    .map(lambda s: datetime.fromtimestamp(1_793_500_000 + s, UTC))
    .map("{:%Y%m%dT%H%M%SZ}".format),
    st.dates().map(lambda day: f"{day.year:04}{day:%m%d}"),
    st.sampled_from(
        [
            "00010101",
            "99991231T235959Z",
            "99991231",
            "20261201T150000Z/PT1H",
            "20261201T150000Z/P99999W",
            "P1D",
            "-PT1H",
        ]
    ),
)
RULES = st.builds(
    "FREQ={};{}={};{}={}".format,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY", "MINUTELY", "SECONDLY", "NEVER"]),
    st.sampled_from(["INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"]),
    st.one_of(st.integers(-5, 400).map(str), TIMES, st.sampled_from(["MO", "-1FR", "2TU,WE", "x"])),
    st.sampled_from(
        ["BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND", "X"]
    ),
    st.lists(st.integers(-400, 400), min_size=1, max_size=4).map(lambda numbers: ",".join(map(str, numbers))),
)
VALUES = st.one_of(TIMES, RULES, st.lists(TIMES, max_size=4).map(",".join), st.text(max_size=20))
LINES = st.one_of(
    st.builds("{}{}:{}".format, NAMES, PARAMETERS, VALUES),
    st.builds("RRULE:{}".format, RULES),
    st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VTIMEZONE",
                     "BEGIN:STANDARD", "END:STANDARD", "END:VTIMEZONE", "BEGIN:VFREEBUSY"]),
)  # fmt: skip


def read_or_nonsense(text: bytes) -> EventTimes | None:
    """Read a text; what comes out keeps its promises."""
    with contextlib.suppress(CalendarNonsense):
        found = read(text, limits=SMALL)
        for times in found.busy.values():
            assert times
            for time in times:
                assert time.start < time.end
                assert time.start < WINDOW.end
                assert time.end > WINDOW.start
                assert time.start.utcoffset() == time.end.utcoffset()
        return found
    return None


@MANY
@given(st.binary(max_size=200))
def test_bytes_are_read_or_nonsense(text: bytes) -> None:
    read_or_nonsense(text)
    read_or_nonsense(b"BEGIN:VCALENDAR\n" + text + b"\nEND:VCALENDAR")
    read_or_nonsense(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:" + text + b"\nEND:VEVENT\nEND:VCALENDAR")


@MANY
@given(st.lists(LINES, max_size=12))
def test_odd_lines_are_read_or_nonsense(lines: list[str]) -> None:
    read_or_nonsense(calendar(*lines))


@MANY
@given(st.lists(st.lists(LINES, max_size=5), min_size=1, max_size=4), TIMES, PARAMETERS)
def test_odd_events_are_read_or_nonsense(events: list[list[str]], start: str, parameters: str) -> None:
    read_or_nonsense(calendar(*(event(*lines, start=f"DTSTART{parameters}:{start}", end="") for lines in events)))


@MANY
@given(RULES, TIMES, PARAMETERS, TIMES, PARAMETERS)
def test_odd_series_are_read_or_nonsense(rule: str, start: str, parameters: str, other: str, others: str) -> None:
    master = event(
        f"RRULE:{rule}", f"EXDATE{others}:{other}", start=f"DTSTART{parameters}:{start}", end="DURATION:PT1H"
    )
    change = event(f"RECURRENCE-ID{others}:{other}", start=f"DTSTART{others}:{other}", end="")
    read_or_nonsense(calendar(CENTRAL.format(name="X"), master, change))


@MANY
@given(st.lists(LINES, max_size=8))
def test_odd_zones_are_read_or_nonsense(lines: list[str]) -> None:
    zone = CENTRAL.format(name="X").replace("BEGIN:DAYLIGHT", "\n".join(["BEGIN:DAYLIGHT", *lines]))
    read_or_nonsense(calendar(zone, at_ten("X")))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_calendar_is_read_or_nonsense(data: st.DataObject) -> None:
    text = bytearray(calendar(CENTRAL.format(name="X"), at_ten("X"), series("FREQ=DAILY", "EXDATE:20261201T150000Z")))
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    read_or_nonsense(bytes(text))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Chatham"])
def test_any_zone_of_an_agent_will_do(zone: str) -> None:
    day = event("RRULE:FREQ=DAILY;COUNT=5", start="DTSTART;VALUE=DATE:20261201", end="")
    assert len(read(day, window(zone=ZoneInfo(zone))).busy["1"]) == 5
