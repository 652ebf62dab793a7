"""Machine forms: everything that programs and models write for a time, and inputs that are not one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.appointments.date_parsing import ExactTime, NotUnderstood, explain, parse_start
from peterental.appointments.date_parsing.machine import machine_time, plain_text
from tests.appointments.date_parsing.table import context

DAY = date(2026, 12, 3)


@pytest.mark.parametrize(
    ("text", "minutes", "offset"),
    [
        ("2026-12-03T14:30", 870, None),
        ("2026-12-03 14:30", 870, None),
        ("2026-12-03t14:30", 870, None),
        ("2026-12-03T14:30:00", 870, None),
        ("2026-12-03T14:30:00.000", 870, None),
        ("2026-12-03T14:30:00,5", 870, None),
        ("2026-12-03T14.5", 870, None),
        ("2026-12-03T14:30.5", 870, None),
        ("2026-12-03T14", 840, None),
        ("2026-12-03T1430", 870, None),
        ("20261203T143000", 870, None),
        ("20261203T1430Z", 870, 0),
        ("2026-12-03T14:30Z", 870, 0),
        ("2026-12-03T14:30:00 UTC", 870, 0),
        ("2026-12-03T14:30-06:00", 870, -360),
        ("2026-12-03T14:30-0600", 870, -360),
        ("2026-12-03T14:30+05:30", 870, 330),
        ("2026-12-03T14:30-06", 870, -360),
        ("2026-W49-4T14:30", 870, None),
        ("2026W494T1430", 870, None),
        ("2026-337T14:30", 870, None),
        ("2026337T1430", 870, None),
        ("Thu, 03 Dec 2026 14:30:00 -0600", 870, -360),
        ("3 Dec 2026 14:30 GMT", 870, 0),
        ("Thu Dec 03 2026 14:30:00 GMT-0600 (Central Standard Time)", 870, -360),
        ("Thu Dec 03 2026 14:30:00 GMT", 870, 0),
        ("Thu Dec 03 2026 14:30:00", 870, None),
        ("2026-12-03T14:30/2026-12-03T15:00", 870, None),
        ("2026-12-03T14:30/PT30M", 870, None),
        ("2026-12-03T14:30--2026-12-03T15:00", 870, None),
        ("2026-12-03", None, None),
        ("20261203", None, None),
    ],
)
def test_form_is_read(text: str, minutes: int | None, offset: int | None) -> None:
    found = machine_time(text)
    assert found is not None
    assert (found.day, found.minutes) == (DAY, minutes)
    assert found.offset == (None if offset is None else timedelta(minutes=offset))


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "2026-13-03T14:30", "2026-02-30", "2026-12-03T24:00", "2026-12-03T14:60", "2026-12-03T14:30+99:00",
        "1899-12-03T14:30", "9999-12-31T23:59", "2026-W60-1", "2026-366T10:00", "Thu, 33 Dec 2026 14:30:00 -0600", "12345",
        "99999999999999999999", "0000000001", "٢٠٢٦-١٢-٠٣",
    ],
)  # fmt: skip
def test_other_text_is_no_machine_form(text: str) -> None:
    assert machine_time(text) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  tomorrow ", "tomorrow"),
        ('"tomorrow"', "tomorrow"),
        ({"date": "2026-12-03", "time": "14:30"}, "2026-12-03 14:30"),
        ({"day": "Thursday", "time_of_day": "2 pm"}, "Thursday 2 pm"),
        ({"dateTime": "2026-12-03T14:30", "timeZone": "America/Chicago"}, "2026-12-03T14:30 [America/Chicago]"),
        ({"start": {"dateTime": "2026-12-03T14:30"}}, "2026-12-03T14:30"),
        ({"start": {"start": {"start": "x"}}}, None),
        ({"start_time": 1796329800}, "1796329800"),
        ('{"start_time": "Thursday at 2"}', "Thursday at 2"),
        ('["Thursday at 2"]', "Thursday at 2"),
        ({"date": "2026-12-03"}, "2026-12-03"),
        ({}, None),
        ({"date": 5}, None),
        ({"timeZone": "America/Chicago"}, None),
        ({"date": "2026-12-03T00:00:00", "time": "14:30"}, "2026-12-03 14:30"),
        ({"date": "2026-12-03", "start_time": "2026-12-03T14:30"}, "2026-12-03T14:30"),
        ({"date": "December 3", "startTime": "14:30"}, "December 3 14:30"),
        ({"weekday": "Thursday", "time": "2 pm"}, "Thursday 2 pm"),
        ({"when": "Thursday at 2"}, "Thursday at 2"),
        ({"year": 2026, "month": 12, "day": 3, "hour": 14, "minute": 30}, "2026-12-03 14:30"),
        ({"month": 12, "day": 3, "time": "14:30"}, "dec 3 14:30"),
        ({"month": 13, "day": 3}, None),
        ({"month": "December", "day": "3", "time": "noon"}, "December 3 noon"),
        ({"date": "2026-12-03", "hour": 14, "minute": 30}, "2026-12-03 14:30"),
        ({"date": "2026-12-03", "hour": 99}, "2026-12-03"),
        ([2026, 12, 3, 14, 30], "2026-12-03 14:30"),
        ([2026], "2026"),
        (["Thursday", "2 pm"], "Thursday or 2 pm"),
        (["a"] * 5, None),
        ([None, "a"], None),
        ([], None),
        ("start_time: Thursday at 2", "Thursday at 2"),
        ('startTime": "2026-12-03T14:30', "2026-12-03T14:30"),
        ("{not json", "{not json"),
        ("[" * 999, "[" * 999),
        (1796329800, "1796329800"),
        (1796329800.0, "1796329800"),
        (1796329800.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**30, None),
        (True, None),
        (None, None),
        (b"tomorrow", None),
    ],
)
def test_argument_of_any_type_becomes_text(raw: object, text: str | None) -> None:
    assert plain_text(raw) == text


@pytest.mark.parametrize("raw", [None, True, b"x", object(), [], {}, 1.5, "", "null", "TBD", "x" * 20_000])
def test_argument_without_a_time_is_not_understood(raw: object) -> None:
    assert parse_start(raw, context()) == NotUnderstood()


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (1796329800, "exactly Thu 2026-12-03 14:30 (offset-used)"),
        ("1796329800000", "exactly Thu 2026-12-03 14:30 (offset-used)"),
        ("2026-12-03T14:30:15", "confirm-day option=Thu 2026-12-03 14:30 reason=vague"),
        ({"date": "2026-12-03", "time": "14:30"}, "exactly Thu 2026-12-03 14:30"),
        ({"date": "Thursday", "time": "half past two"}, "exactly Thu 2026-12-03 14:30"),
        (["Thursday", "2:30 pm"], "exactly Thu 2026-12-03 14:30"),
        (["Thursday at 2 pm", "Friday at 3 pm"], "which-day options=Thu 2026-12-03 14:00,Fri 2026-12-04 15:00"),
        ([2026, 12, 3, 14, 30], "exactly Thu 2026-12-03 14:30"),
        ([2026, 2, 30, 14, 30], "day-needed search=(search clock_min=870)"),
        ("Thu Dec  3 14:30:00 2026", "exactly Thu 2026-12-03 14:30"),
        (
            "2026-12-03T14:30[Mars/Olympus]",
            "confirm-day option=Thu 2026-12-03 14:30 reason=unknown-words unknown=mars/olympus",
        ),
        ("2026-12-03T12:30[Europe/London]", "exactly Thu 2026-12-03 12:30 (offset-ignored)"),
        ("2028-02-29T14:30", "exactly Tue 2028-02-29 14:30"),
        ("2024-02-29T14:30", "exactly Thu 2024-02-29 14:30"),
        ("Wed, 02 Dec 2025 14:30:00 -0600", "exactly Wed 2026-12-02 14:30"),
        ("Tue, 02 Dec 2025 14:30:00 -0600", "confirm-day option=Wed 2026-12-02 14:30 reason=past"),
        ("Fri, 03 Dec 2026 14:30:00 -0600", "weekday-mismatch options=Thu 2026-12-03 14:30,Fri 2026-12-04 14:30"),
    ],
)
def test_machine_form_is_placed(raw: object, answer: str) -> None:
    assert explain(raw, context()).decision == answer


@pytest.mark.parametrize(
    ("raw", "hour"), [("2026-11-01T01:30:00-05:00", 6), ("2026-11-01T01:30:00-06:00", 6), ("2026-11-01T01:30", 6)]
)
def test_repeated_hour_is_its_first_instant(raw: str, hour: int) -> None:
    now = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("America/Chicago"))
    assert parse_start(raw, context(now)) == ExactTime(start=datetime(2026, 11, 1, hour, 30, tzinfo=UTC))


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.binary(), st.integers(), st.floats(), st.recursive(
    st.none() | st.text(max_size=10) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("date", "time", "start", "dateTime", "timeZone", "x")), inner, max_size=4
    ),
    max_leaves=6,
)))  # fmt: skip
def test_no_argument_is_an_error(raw: object) -> None:
    assert parse_start(raw, context()) is not None
