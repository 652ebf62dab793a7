"""Names of time zones: known everywhere, defined by the calendar, or unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from peterental.calendars.icalendar_data.limits import Budget
from peterental.calendars.icalendar_data.text import read_calendars
from peterental.calendars.icalendar_data.zone_definitions import defined_clock
from peterental.calendars.icalendar_data.zone_names import DISPLAY_NAMES
from peterental.calendars.icalendar_data.zones import ZoneClock, known_clock
from tests.calendars.icalendar_data.samples import LIMITS, WINDOW, calendar, event, local, read, series, window

CENTRAL = """BEGIN:VTIMEZONE
TZID:{name}
BEGIN:STANDARD
DTSTART:16010101T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0600
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:-0600
TZOFFSETTO:-0500
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""


def at_ten(zone: str, *, day: str = "20261201", quoted: bool = False) -> str:
    """Return an event from 10 to 11 in a zone."""
    name = f'"{zone}"' if quoted else zone
    return event(start=f"DTSTART;TZID={name}:{day}T100000", end=f"DTEND;TZID={name}:{day}T110000")


@pytest.mark.parametrize(
    "name",
    [
        "America/New_York", "america/new_york", "US/Eastern", "Eastern Standard Time", "EASTERN STANDARD TIME",
        "(UTC-05:00) Eastern Time (US & Canada)", "(GMT-05:00) Eastern Time (US & Canada)",
        "Eastern Time (US & Canada)", "/freeassociation.sourceforge.net/America/New_York",
        "/citadel.org/20190914_1/America/New_York", "/mozilla.org/20050126_1/America/New_York",
        "UTC-5", "UTC-05:00", "GMT-0500", "Etc/GMT+5", "America/Indiana/Indianapolis", " America/New_York ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("quoted", [True, False])
def test_known_names_are_understood(name: str, quoted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = read(at_ten(name, quoted=quoted))
    assert local(at_ten(name, quoted=quoted)) == ["12-01 09:00-10:00"]
    assert found.notes == ()


@pytest.mark.parametrize(
    "name", ["UTC", "Z", "GMT", "tzone://Microsoft/Utc", "Etc/UTC", "(UTC) Coordinated Universal Time"]
)
def test_utc_has_many_names(name: str) -> None:
    assert local(at_ten(name)) == ["12-01 04:00-05:00"]


@pytest.mark.parametrize(
    "name",
    ["tzone://Microsoft/Custom", "Customized Time Zone", "Amercia/New_York", "Mars/Olympus", "(UTC-05:00) Nowhere", "CST",
     "UTC+15", "UTC-99:99", "../../../etc/passwd", "localtime", "x" * 3000, "/", "%00", "Central Standrad Time"],
)  # fmt: skip
def test_an_unknown_zone_blocks_generously(name: str) -> None:
    found = read(at_ten(name))
    (time,) = found.busy["1"]
    # 10:00 at UTC+14 until 11:00 at UTC-12.
    assert f"{time.start:%m%d %H:%M}-{time.end:%m%d %H:%M}" == "1130 20:00-1201 23:00"
    assert len(found.notes) == 1
    assert f"the time zone “{name[:60]}”, which is not known" in found.notes[0]


def test_an_unknown_zone_outside_the_window_is_no_trouble() -> None:
    assert read(at_ten("Mars/Olympus", day="20200101")).notes == ()
    assert read(series("FREQ=DAILY;COUNT=3", day="20200101").replace("America/Chicago", "Mars")).notes == ()


def test_a_series_in_an_unknown_zone_blocks_generously() -> None:
    found = read(series("FREQ=DAILY;COUNT=3", "EXDATE;TZID=Mars:20261201T090000").replace("America/Chicago", "Mars"))
    assert [f"{time.start:%m%d %H:%M}-{time.end:%m%d %H:%M}" for time in found.busy["1"]] == [
        "1129 19:00-1130 22:00",
        "1201 19:00-1202 22:00",
    ]
    assert found.notes == (
        "2 events with the time zone “Mars”, which is not known: it blocks every time that this can mean.",
    )


@pytest.mark.parametrize("name", ["Customized Time Zone", "tzone://Microsoft/Custom", "(UTC-06:00) My own", "EST"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_zone_of_the_calendar_is_understood(name: str, is_first: bool) -> None:  # noqa: FBT001 - see above
    parts = [CENTRAL.format(name=name), at_ten(name)]
    winter = calendar(*(parts if is_first else reversed(parts)))
    assert local(winter) == ["12-01 10:00-11:00"]
    summer = calendar(CENTRAL.format(name=name), at_ten(name, day="20260701"))
    assert local(summer, window("2026-06-01")) == ["07-01 10:00-11:00"]


def test_the_clock_of_a_calendar_changes_as_it_says() -> None:
    of = window("2026-10-01", days=300)
    times = {"20261101T003000": "0530", "20261101T013000": "0630", "20261101T020000": "0800", "20270314T013000": "0730",
             "20270314T023000": "0830", "20270314T033000": "0830", "20261031T120000": "1700"}  # fmt: skip
    for wall, utc in times.items():
        text = calendar(CENTRAL.format(name="X"), event(start=f"DTSTART;TZID=X:{wall}", end="DURATION:PT5H"))
        (time,) = read(text, of).busy["1"]
        assert f"{time.start:%H%M}" == utc


def test_a_series_follows_the_clock_of_the_calendar() -> None:
    own = series("FREQ=WEEKLY;COUNT=20", "EXDATE:20261207T150000Z", "EXDATE:20270315T140000Z").replace(
        "America/Chicago", "X"
    )
    same = own.replace("TZID=X", "TZID=America/Chicago")
    of = window(days=200)
    assert local(calendar(CENTRAL.format(name="X"), own), of) == local(same, of)
    assert len(local(same, of)) == 18


def test_changes_can_be_dates() -> None:
    zone = CENTRAL.format(name="X").replace(
        "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11",
        "RDATE:20251102T020000,20261101T020000\nRDATE:20271107T020000",
    )
    assert local(calendar(zone, at_ten("X"))) == ["12-01 10:00-11:00"]


def test_a_rule_of_a_zone_may_end() -> None:
    zone = (
        CENTRAL.format(name="X")
        .replace("BYMONTH=3", "BYMONTH=3;UNTIL=20200308T080000Z")
        .replace("BYDAY=1SU;", "BYDAY=1SU;COUNT=9999;")
    )
    assert local(calendar(zone, at_ten("X", day="20260701")), window("2026-06-01")) == ["07-01 11:00-12:00"]


def test_two_calendars_may_define_one_name_differently() -> None:
    central = CENTRAL.format(name="Customized Time Zone")
    tokyo = central.replace("-0500", "+0900").replace("-0600", "+0900")
    text = calendar(central, at_ten("Customized Time Zone")) + calendar(tokyo, at_ten("Customized Time Zone"))
    assert local(text) == ["11-30 19:00-20:00", "12-01 10:00-11:00"]
    assert local(calendar(central, at_ten("Customized Time Zone"))) == ["12-01 10:00-11:00"]


def test_the_location_of_a_zone_helps() -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:X\nX-LIC-LOCATION:America/New_York\nEND:VTIMEZONE"
    assert local(calendar(zone, at_ten("X"))) == ["12-01 09:00-10:00"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TZOFFSETFROM:-0500", "TZOFFSETFROM:five"), ("TZOFFSETTO:-0600", ""), ("TZOFFSETTO:-0600", "TZOFFSETTO:-9900"),
        ("DTSTART:16010101T020000", "DTSTART:never"), ("FREQ=YEARLY", "FREQ=NEVER"),
        ("BEGIN:STANDARD", "BEGIN:X-OTHER"), ("DAYLIGHT", "X-OTHER"),
    ],
)  # fmt: skip
def test_a_broken_definition_is_an_unknown_zone(old: str, new: str) -> None:
    zone = CENTRAL.format(name="X").replace(old, new)
    if old in {"BEGIN:STANDARD", "DAYLIGHT"}:
        zone = zone.replace("STANDARD", "X-OTHER").replace("DAYLIGHT", "X-OTHER")
    found = read(calendar(zone, at_ten("X")))
    assert (found.busy["1"][0].end - found.busy["1"][0].start).total_seconds() == 27 * 3600
    assert "“X”" in found.notes[0]


def test_a_definition_of_a_known_zone_is_not_needed() -> None:
    zone = CENTRAL.format(name="Eastern Standard Time").replace("0500", "0000").replace("0600", "0000")
    assert local(calendar(zone, at_ten("Eastern Standard Time"))) == ["12-01 09:00-10:00"]


def test_every_name_that_outlook_shows_is_known() -> None:
    ids = {name.lower() for name in WINDOWS_TO_OLSON}
    assert {name for name in DISPLAY_NAMES.values() if name.lower() not in ids} == set()
    assert all(known_clock(f"(UTC+00:00) {shown}") for shown in DISPLAY_NAMES)
    assert all(known_clock(name) for name in WINDOWS_TO_OLSON)


def test_a_clock_at_the_end_of_time_shows_utc() -> None:
    clock = ZoneClock(ZoneInfo("Asia/Tokyo"))
    last = datetime.max.replace(tzinfo=UTC)
    assert clock.wall(last) == datetime.max  # noqa: DTZ901 - the end of time
    zone = CENTRAL.format(name="X").replace("-0", "+0")
    budget = Budget(LIMITS, "cal.example")
    defined = defined_clock(
        read_calendars(calendar(zone).replace(b"\r\n", b"\n"), budget)[0].zones[0], WINDOW.end, budget
    )
    assert defined is not None
    assert defined.wall(last) == datetime.max  # noqa: DTZ901 - see above
    assert defined.instants(datetime.min)[0] == datetime.min.replace(tzinfo=UTC)  # noqa: DTZ901 - see above


def test_a_change_far_ahead_does_not_matter() -> None:
    zone = CENTRAL.format(name="X").replace("END:DAYLIGHT", "RDATE:29990101T000000\nEND:DAYLIGHT")
    assert local(calendar(zone, at_ten("X"))) == ["12-01 10:00-11:00"]
    only = zone.replace("16010101T020000", "29990101T000000")
    assert "“X”" in read(calendar(only, at_ten("X"))).notes[0]
