"""Sixty calendars as programs write them, and exactly what they block: no busy time is missed, and no free one lost."""

from __future__ import annotations

import pytest

from tests.calendars.icalendar_data.samples import WINDOW, calendar, event, local, series, window

NINE = "09:00-10:00"
FIXED = "BEGIN:VTIMEZONE\nTZID:{}\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nEND:STANDARD\nEND:VTIMEZONE"  # fmt: skip
CHANGING = """BEGIN:VTIMEZONE\nTZID:Customized Time Zone
    BEGIN:STANDARD\nDTSTART:16010101T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11
    END:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400
    RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE"""
WORKDAYS = "BYDAY=MO,TU,WE,TH,FR"


def at(zone: str, day: str = "20261201", hours: str = "090000,100000") -> str:
    """Return an event in a zone of any name."""
    start, end = hours.split(",")
    return event(start=f"DTSTART;TZID={zone}:{day}T{start}", end=f"DTEND;TZID={zone}:{day}T{end}")


def days(first: str, last: str, *lines: str) -> str:
    """Return an event of whole days."""
    return event(*lines, start=f"DTSTART;VALUE=DATE:{first}", end=f"DTEND;VALUE=DATE:{last}")


def instead_of(day: str, *lines: str, to: str = "", hours: str = "T140000,T150000") -> str:
    """Return an event that replaces a time of a series, by default in the afternoon."""
    return series("", f"RECURRENCE-ID;TZID=America/Chicago:{day}T090000", *lines, day=to or day, hours=hours)


def nines(*on: str) -> list[str]:
    return [f"{day} {NINE}" for day in on]


CASES: list[tuple[str, str, list[str]]] = [
    # --- what is left out and added
    ("excluded in UTC", series("FREQ=WEEKLY;COUNT=3", "EXDATE:20261207T150000Z"), nines("11-30", "12-14")),
    ("excluded in a list", series("FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=America/Chicago:20261207T090000, 20261214T090000"), nines("11-30", "12-21")),
    ("excluded by its day", series("FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20261207"), nines("11-30", "12-14")),
    ("excluded in another zone", series("FREQ=WEEKLY;COUNT=2", "EXDATE;TZID=Asia/Tokyo:20261208T000000"), nines("11-30")),
    ("excluded first time", series("FREQ=WEEKLY;COUNT=2", "EXDATE:20261130T150000Z"), nines("12-07")),
    ("added", series("FREQ=WEEKLY;COUNT=2", "RDATE:20261202T200000Z"), ["11-30 09:00-10:00", "12-02 14:00-15:00", "12-07 09:00-10:00"]),
    ("added with a length", series("FREQ=WEEKLY;COUNT=1", "RDATE;VALUE=PERIOD:20261202T200000Z/PT2H"), ["11-30 09:00-10:00", "12-02 14:00-16:00"]),
    ("added and excluded", series("FREQ=WEEKLY;COUNT=1", "RDATE:20261202T200000Z", "EXDATE:20261202T200000Z"), nines("11-30")),
    # --- exceptions
    ("moved out", calendar(series("FREQ=WEEKLY;COUNT=2"), instead_of("20261207", to="20280103")).decode(), nines("11-30")),
    ("moved in from the past", calendar(series("FREQ=WEEKLY;COUNT=2", day="20260105"), instead_of("20260112", to="20261201")).decode(), ["12-01 14:00-15:00"]),
    ("cancelled once", calendar(series("FREQ=WEEKLY;COUNT=3"), instead_of("20261207", "STATUS:CANCELLED")).decode(), nines("11-30", "12-14")),
    ("free once", calendar(series("FREQ=WEEKLY;COUNT=2"), instead_of("20261207", "TRANSP:TRANSPARENT")).decode(), nines("11-30")),
    ("declined once", calendar(series("FREQ=WEEKLY;COUNT=2"), instead_of("20261207", "ATTENDEE;PARTSTAT=DECLINED:mailto:dana@example.com")).decode(), nines("11-30")),
    ("busy once in a free series", calendar(series("FREQ=WEEKLY;COUNT=2", "TRANSP:TRANSPARENT"), instead_of("20261207")).decode(), ["12-07 14:00-15:00"]),
    ("exception before its series", calendar(instead_of("20261207"), series("FREQ=WEEKLY;COUNT=2")).decode(), ["11-30 09:00-10:00", "12-07 14:00-15:00"]),
    ("exception by its day", calendar(series("FREQ=WEEKLY;COUNT=2"), event("RECURRENCE-ID;VALUE=DATE:20261207", start="DTSTART:20261208T150000Z", end="DURATION:PT1H")).decode(), nines("11-30", "12-08")),
    ("exception in another zone", calendar(series("FREQ=WEEKLY;COUNT=2"), event("RECURRENCE-ID;TZID=Europe/Berlin:20261207T160000", start="DTSTART:20261208T150000Z", end="DURATION:PT1H")).decode(), nines("11-30", "12-08")),
    ("two change places", calendar(series("FREQ=WEEKLY;COUNT=2"), instead_of("20261130", to="20261207", hours="T090000,T100000"), instead_of("20261207", to="20261130", hours="T090000,T100000")).decode(), nines("11-30", "12-07")),
    ("this and following", calendar(series("FREQ=WEEKLY;COUNT=3"), event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=America/Chicago:20261207T090000", start="DTSTART:20261207T160000Z", end="DTEND:20261207T180000Z")).decode(), ["11-30 09:00-10:00", "12-07 10:00-12:00", "12-14 10:00-12:00"]),
    ("this and following are off", calendar(series("FREQ=WEEKLY;COUNT=9"), event("STATUS:CANCELLED", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261207T150000Z", start="DTSTART:20261207T150000Z", end="DTEND:20261207T160000Z")).decode(), nines("11-30")),
    ("longer once", calendar(series("FREQ=DAILY;COUNT=3"), instead_of("20261201", to="20261201", hours="T090000,T170000")).decode(), ["11-30 09:00-10:00", "12-01 09:00-17:00", "12-02 09:00-10:00"]),
    # --- rules
    ("until in UTC, reached", series("FREQ=WEEKLY;UNTIL=20261214T150000Z"), nines("11-30", "12-07", "12-14")),
    ("until in UTC, missed", series("FREQ=WEEKLY;UNTIL=20261214T145959Z"), nines("11-30", "12-07")),
    ("until on the wall", series("FREQ=WEEKLY;UNTIL=20261214T090000"), nines("11-30", "12-07", "12-14")),
    ("until a day", series("FREQ=WEEKLY;UNTIL=20261214"), nines("11-30", "12-07", "12-14")),
    ("last workday of each month", series(f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=-1;COUNT=4"), nines("11-30", "12-31", "01-29", "02-26")),
    ("first and last Monday", series("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1;UNTIL=20270102"), nines("11-30", "12-07", "12-28")),
    ("weeks from Monday", series("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", day="19970805"), nines("08-05", "08-10", "08-19", "08-24")),
    ("weeks from Sunday", series("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", day="19970805"), nines("08-05", "08-17", "08-19", "08-31")),
    ("29 February", series("FREQ=YEARLY", day="20240229"), nines("02-29")),
    ("29 February in a common year", series("FREQ=YEARLY", day="20240229"), []),
    ("31st of each month", series("FREQ=MONTHLY", day="20261031"), nines("12-31", "01-31")),
    ("last day of each month", series("FREQ=MONTHLY;BYMONTHDAY=-1", day="20261130"), nines("11-30", "12-31", "01-31")),
    ("last Friday", series("FREQ=MONTHLY;BYDAY=-1FR", day="20261127"), nines("12-25", "01-29")),
    ("second Tuesday of December", series("FREQ=YEARLY;BYMONTH=12;BYDAY=2TU", day="20251209"), nines("12-08")),
    ("every second week for years", series("FREQ=WEEKLY;INTERVAL=2", day="20200106"), nines("11-30", "12-14", "12-28")),
    ("twice a day", series("FREQ=DAILY;BYHOUR=9,14;COUNT=3"), ["11-30 09:00-10:00", "11-30 14:00-15:00", "12-01 09:00-10:00"]),
    ("over before", series("FREQ=DAILY;COUNT=30", day="20261001"), []),
    ("small letters and a semicolon", series("freq=weekly;count=2;"), nines("11-30", "12-07")),
    ("begins beside its rule", series("FREQ=WEEKLY;BYDAY=WE;COUNT=2"), nines("11-30", "12-02", "12-09")),
    ("folded", "BEGIN:VCALENDAR\n" + series("FREQ=WEEKLY;CO", " UNT=2") + "\nEND:VCALENDAR\n", nines("11-30", "12-07")),
    # --- days and clocks
    ("day of a clock change", days("20270314", "20270315"), ["03-14 00:00-03-15 00:00"]),
    ("days around a clock change", series("FREQ=DAILY;COUNT=3", day="20270313"), nines("03-13", "03-14", "03-15")),
    ("UTC around a clock change", event("RRULE:FREQ=DAILY;COUNT=2", start="DTSTART:20270313T150000Z", end="DURATION:PT1H"), ["03-13 09:00-10:00", "03-14 10:00-11:00"]),
    ("in the skipped hour", at("America/Chicago", "20270314", "023000,033000"), ["03-14 03:30-04:30"]),
    ("over the skipped hour", at("America/Chicago", "20270314", "013000,033000"), ["03-14 01:30-03:30"]),
    ("without zone", event(start="DTSTART:20261201T090000", end="DTEND:20261201T100000"), nines("12-01")),
    ("without zone in New York", calendar(event(start="DTSTART:20261201T100000", end="DURATION:PT1H"), head="X-WR-TIMEZONE:America/New_York").decode(), nines("12-01")),
    ("series of days", days("20261224", "20261227", "RRULE:FREQ=WEEKLY;UNTIL=20261231"), ["12-24 00:00-12-27 00:00", "12-31 00:00-01-03 00:00"]),
    ("four hundred days", days("20260101", "20270205"), ["01-01 00:00-02-05 00:00"]),
    ("ends at midnight", at("America/Chicago", hours="200000,240000"), ["12-01 20:00-12-02 00:00"]),
    ("all day in Outlook", at("America/Chicago", hours="000000,000000").replace("DTEND;TZID=America/Chicago:20261201", "DTEND;TZID=America/Chicago:20261202").replace("END:VEVENT", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE\nEND:VEVENT"), ["12-01 00:00-12-02 00:00"]),
    ("ends where the window begins", event(start="DTSTART:20261128T230000Z", end="DTEND:20261129T000000Z"), []),
    # --- zones
    ("Windows", at("Eastern Standard Time", hours="100000,110000"), nines("12-01")),
    ("Outlook's words", at('"(UTC-06:00) Central Time (US & Canada)"'), nines("12-01")),
    ("Outlook's words without quotes", at("(UTC-06:00) Central Time (US & Canada)"), nines("12-01")),
    ("Apple", at("/freeassociation.sourceforge.net/America/New_York", hours="100000,110000"), nines("12-01")),
    ("Microsoft's own", calendar(FIXED.format("tzone://Microsoft/Custom"), at("tzone://Microsoft/Custom", hours="100000,110000")).decode(), nines("12-01")),
    ("customized", calendar(CHANGING, at("Customized Time Zone", hours="100000,110000")).decode(), nines("12-01")),
    ("customized in summer", calendar(CHANGING, at("Customized Time Zone", "20270316", "100000,110000")).decode(), nines("03-16")),
    ("unknown", at("Office Time"), ["11-30 13:00-12-01 16:00"]),
    # --- the same twice
    ("moved by a revision", calendar(event("SEQUENCE:1"), event("SEQUENCE:2", start="DTSTART:20261203T150000Z", end="DURATION:PT1H")).decode(), nines("12-03")),
    ("one name for two", calendar(event(), event(start="DTSTART:20261203T150000Z", end="DURATION:PT1H")).decode(), nines("12-01", "12-03")),
    ("alarm with times of its own", event("BEGIN:VALARM", "TRIGGER:-PT15M", "DURATION:PT9H", "DTSTART:20261205T150000Z", "END:VALARM"), nines("12-01")),
]  # fmt: skip

WINDOWS = {
    "weeks from Monday": window("1997-08-01"),
    "weeks from Sunday": window("1997-08-01"),
    "29 February": window("2028-01-15", 90),
    "29 February in a common year": window("2027-01-15", 90),
    "31st of each month": window(days=90),
    "last day of each month": window(days=80),
    "last Friday": window(days=80),
    "every second week for years": window(days=30),
}
"""Of those cases that are not read in the usual one."""


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[name for name, _, _ in CASES])
def test_odd_calendar_blocks_what_it_shows(name: str, text: str, expected: list[str]) -> None:
    data = text.encode() if text.startswith("BEGIN:VCALENDAR") else text
    assert local(data, WINDOWS.get(name, WINDOW)) == expected
