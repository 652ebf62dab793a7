"""What exceeds a limit is a fault: never an endless loop, and never free time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peterental.calendars.icalendar_data import limits, reader
from peterental.calendars.icalendar_data.limits import Limits
from peterental.calendars.model import CalendarNonsense
from tests.calendars.icalendar_data.samples import LIMITS, calendar, event, read, series
from tests.calendars.icalendar_data.test_zones import CENTRAL, at_ten


def reason(text: bytes | str, of: Limits = LIMITS) -> str:
    """Return why a text is refused."""
    with pytest.raises(CalendarNonsense) as caught:
        read(text, limits=of, host="cal.example")
    assert caught.value.values["host"] == "cal.example"
    return str(caught.value.values["reason"])


def test_a_large_file_is_refused_before_it_is_read() -> None:
    assert reason(calendar(event("DESCRIPTION:" + "x" * 50_000_000))) == "it is larger than 20 MB"
    assert reason(calendar(), replace(LIMITS, max_lines=2)) == "it has more than 2 lines"


def test_many_events_are_refused() -> None:
    text = calendar(*(event(uid=str(number)) for number in range(51)))
    assert reason(text, replace(LIMITS, max_events=50)) == "it has more than 50 events"
    assert len(read(text, limits=replace(LIMITS, max_events=51)).busy) == 51


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=SECONDLY;COUNT=100001", "FREQ=SECONDLY;INTERVAL=60", "FREQ=MINUTELY;BYDAY=MO,TU,WE,TH,FR"],
)  # fmt: skip
def test_a_hundred_thousand_times_are_refused(rule: str) -> None:
    text = event(f"RRULE:{rule}", end="DURATION:PT1S")
    assert reason(text) == "its events repeat more than 100,000 times"


def test_fewer_times_are_read() -> None:
    assert len(read(event("RRULE:FREQ=SECONDLY;INTERVAL=60;COUNT=5000", end="DURATION:PT1S")).busy["1"]) == 5000
    assert len(read(series("FREQ=DAILY;COUNT=100000", day="20000101")).busy["1"]) == 120


def test_many_series_are_refused_together() -> None:
    text = calendar(*(series("FREQ=HOURLY", uid=str(number)) for number in range(4)))
    assert reason(text, replace(LIMITS, max_instances=9_000)) == "its events repeat more than 9,000 times"


def test_many_series_with_one_uid_are_refused() -> None:
    """Each is compared with each exception."""
    exceptions = [series("", f"RECURRENCE-ID:20261201T15{i // 60:02}{i % 60:02}Z") for i in range(400)]
    text = calendar(*([series("")] * 400), *exceptions)
    assert reason(text, replace(LIMITS, max_steps=100_000)) == "its events repeat too often"


def test_many_dates_are_refused() -> None:
    dates = ",".join(["20261201T150000Z"] * 1_001)
    few = replace(LIMITS, max_instances=1_000)
    assert reason(series("", f"RDATE:{dates}"), few) == "its events repeat more than 1,000 times"
    few = replace(LIMITS, max_values=1_000)
    assert reason(series("", f"EXDATE:{dates}"), few) == "its events have more than 1,000 properties and dates"


def test_many_properties_are_refused() -> None:
    text = event(*(["ATTENDEE:mailto:x@example.com"] * 100))
    assert reason(text, replace(LIMITS, max_values=100)) == "its events have more than 100 properties and dates"


def test_many_free_busy_times_are_refused() -> None:
    text = "BEGIN:VFREEBUSY\nFREEBUSY:" + "20261201T150000Z/PT1H," * 101 + "\nEND:VFREEBUSY"
    assert reason(text, replace(LIMITS, max_instances=100)) == "its events repeat more than 100 times"


def test_times_before_the_window_cost_as_well() -> None:
    text = series("FREQ=MINUTELY;COUNT=9999999", day="20000101")
    assert reason(text, replace(LIMITS, max_steps=10_000)) == "its events repeat too often"


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY;BYHOUR=3", "FREQ=SECONDLY;BYSECOND=0;COUNT=3", "FREQ=HOURLY;BYSETPOS=2", "FREQ=MINUTELY;BYSETPOS=-1;COUNT=2"],
)  # fmt: skip
def test_a_rule_that_takes_too_long_to_follow_is_refused(rule: str) -> None:
    assert reason(series(rule)) == "an event in it repeats in a way that takes too long to follow"


def test_such_a_rule_does_not_matter_if_it_does_not_block() -> None:
    assert read(series("FREQ=SECONDLY;BYHOUR=3", "TRANSP:TRANSPARENT")).busy == {}


def test_a_zone_cannot_change_every_second() -> None:
    zone = CENTRAL.format(name="X").replace("FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11", "FREQ=SECONDLY")
    assert "“X”" in read(calendar(zone, at_ten("X"))).notes[0]
    parts = CENTRAL.format(name="X").replace("END:DAYLIGHT", "END:DAYLIGHT\n" + "BEGIN:STANDARD\nEND:STANDARD\n" * 300)
    assert "“X”" in read(calendar(parts, at_ten("X"))).notes[0]


def test_many_changes_of_a_zone_are_refused() -> None:
    dates = "RDATE:20251102T020000\n" * 20_001
    zone = CENTRAL.format(name="X").replace("RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11\n", dates)
    assert reason(calendar(zone, at_ten("X"))) == "a time zone in it changes too often"


def test_deep_nesting_is_refused() -> None:
    assert reason(calendar("BEGIN:X-A\n" * 100)) == "its components are nested too deeply"


def test_the_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10_000_000, 10))
    monkeypatch.setattr(limits, "monotonic", lambda: float(next(now)))
    assert reason(series("FREQ=MINUTELY;INTERVAL=5")) == "it takes longer than 120 seconds to read"


def test_notes_are_bounded() -> None:
    found = read(calendar(*(at_ten(f"Mars/{number}").replace("UID:1", f"UID:{number}") for number in range(50))))
    assert len(found.busy) == 50
    assert len(found.notes) == 11
    assert found.notes[-1] == "There are 40 more notes of this kind."


def test_a_series_that_the_library_cannot_read_blocks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(reader, "times", refuse)
    found = read(calendar(series("FREQ=DAILY"), event("TRANSP:TRANSPARENT", uid="2")))
    assert (len(found.busy["1"]), len(found.busy)) == (1, 1)
    assert found.notes == ("1 event with a repetition that cannot be read: only its first time blocks.",)
