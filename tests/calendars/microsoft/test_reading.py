"""What a whole reading of a Microsoft calendar says: pages, kinds of events, days, zones and series."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peterental.calendars.model import BusyTime, Marker, OwnEvent, ReadWindow, RemoteCalendar
from tests.calendars.microsoft.fake import FakeGraph, failure
from tests.calendars.microsoft.mailbox import moment
from tests.calendars.microsoft.office import (
    CHICAGO,
    MARKER,
    NAMESPACE,
    WINDOW,
    account,
    blocked,
    hours,
    on,
    read,
    times,
)
from tests.calendars.provider_server import Answer


def test_calendars_are_listed_with_their_rights(fake: FakeGraph) -> None:
    shared = fake.mailbox.add_calendar("Front desk", canEdit=False)
    nameless = fake.mailbox.add_calendar(" ", owner={"name": "Ada Agent", "address": None})
    ada = "ada@office.example"
    assert account(fake).calendars() == [
        RemoteCalendar(remote_id=fake.mailbox.default, name="Calendar", is_writable=True, is_default=True, owner=ada),
        RemoteCalendar(remote_id=shared, name="Front desk", owner=ada),
        RemoteCalendar(remote_id=nameless, name="Calendar", is_writable=True),
    ]


def test_calendars_of_all_pages_are_listed(fake: FakeGraph) -> None:
    fake.page_size, fake.empty_pages = 1, 2
    added = [fake.mailbox.add_calendar(f"Calendar {number}") for number in range(3)]
    assert [each.remote_id for each in account(fake).calendars()] == [fake.mailbox.default, *added]


def test_ordinary_account_costs_one_request(fake: FakeGraph) -> None:
    for number in range(30):
        fake.mailbox.add_calendar(f"Calendar {number}")
    assert len(account(fake).calendars()) == 31
    assert len(fake.asked) == 1


def test_title_that_was_cut_in_an_emoji_can_be_stored(fake: FakeGraph) -> None:
    """Outlook cuts a subject after 255 UTF-16 units. One such event must not keep the whole calendar from being read."""
    fake.mailbox.add(*hours(3, 9), subject="a" * 254 + "\ud83d")
    (time,) = blocked(read(fake))
    assert time.title == "a" * 254 + "\N{REPLACEMENT CHARACTER}"


def test_event_blocks_with_its_title(fake: FakeGraph) -> None:
    event_id = fake.mailbox.add(*hours(3, 9), subject="Dentist")
    reading = read(fake)
    start, end = hours(3, 9)
    assert reading.is_whole
    assert reading.busy == {event_id: (BusyTime(start=start, end=end, title="Dentist"),)}
    assert reading.own == ()
    assert reading.notes == ()


@pytest.mark.parametrize("subject", [None, "", "  "])
def test_event_may_have_no_title(subject: str | None, fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), subject=subject)
    assert [each.title for each in blocked(read(fake))] == [None]


@pytest.mark.parametrize("empty_pages", [0, 1, 3])
def test_every_page_is_read_after_empty_ones_too(empty_pages: int, fake: FakeGraph) -> None:
    """Pitfall 1, in a first reading."""
    fake.page_size, fake.empty_pages = 2, empty_pages
    expected = {hours(day, 9) for day in range(2, 9)}
    for start, end in expected:
        fake.mailbox.add(start, end)
    assert times(read(fake)) == expected


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"showAs": "busy"}, "busy"),
        ({"showAs": "tentative"}, "tentative"),
        ({"showAs": "oof"}, "out_of_office"),
        ({"showAs": "unknown"}, "busy"),
        ({"showAs": None}, "busy"),
        ({"showAs": "free"}, None),
        ({"showAs": "workingElsewhere"}, None),
        ({"isCancelled": True}, None),
        ({"responseStatus": {"response": "declined", "time": "2026-11-20T10:00:00Z"}}, None),
        ({"responseStatus": {"response": "tentativelyAccepted", "time": "2026-11-20T10:00:00Z"}}, "busy"),
        ({"responseStatus": {"response": "notResponded", "time": None}, "showAs": "tentative"}, "tentative"),
        ({"responseStatus": None}, "busy"),
        ({"isCancelled": None}, "busy"),
        ({"sensitivity": "private"}, "busy"),
    ],
)
def test_status_decides_whether_an_event_blocks(content: dict[str, Any], kind: str | None, fake: FakeGraph) -> None:
    """Pitfall 5."""
    fake.mailbox.add(*hours(3, 9), **content)
    assert [each.kind for each in blocked(read(fake))] == ([] if kind is None else [kind])


def test_status_that_is_not_known_blocks(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), showAs="onTheMoon", is_checked=False)
    assert times(read(fake)) == {hours(3, 9)}


# --- time ------------------------------------------------------------------------------------------------------------


def test_event_that_began_last_week_blocks_today(fake: FakeGraph) -> None:
    """Pitfall 4: it keeps its start, before the window."""
    start, end = datetime(2026, 11, 23, 8, tzinfo=UTC), on(4, 12)
    fake.mailbox.add(start, end)
    fake.mailbox.add(on(14, 12), datetime(2027, 1, 9, tzinfo=UTC))
    assert times(read(fake)) == {(start, end), (on(14, 12), datetime(2027, 1, 9, tzinfo=UTC))}


def test_events_beside_the_window_and_of_no_length_do_not_block(fake: FakeGraph) -> None:
    fake.mailbox.add(WINDOW.start - timedelta(hours=1), WINDOW.start)
    fake.mailbox.add(WINDOW.end, WINDOW.end + timedelta(hours=1))
    fake.mailbox.add(on(5, 9), on(5, 9))
    assert read(fake).busy == {}


def test_all_day_event_blocks_the_local_day(fake: FakeGraph) -> None:
    fake.mailbox.add_days(date(2026, 12, 8), 2)
    assert times(read(fake)) == {(on(8, 0), on(10, 0))}


@pytest.mark.parametrize(
    ("zone", "day", "length_h"),
    [
        ("America/Chicago", date(2026, 11, 1), 25),
        ("America/Chicago", date(2026, 3, 8), 23),
        ("Asia/Kolkata", date(2026, 12, 2), 24),
    ],
)
def test_all_day_event_lasts_the_day_when_clocks_change(zone: str, day: date, length_h: int, fake: FakeGraph) -> None:
    """Pitfall 4."""
    local = ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=local).astimezone(UTC)
    window = ReadWindow(midnight - timedelta(days=2), midnight + timedelta(days=3), local)
    fake.mailbox.add_days(day)
    reading = account(fake).read(fake.mailbox.default, window, None)
    assert times(reading) == {(midnight, midnight + timedelta(hours=length_h))}


@pytest.mark.parametrize(
    ("start", "end"), [("2026-12-08T00:00:00", "2026-12-08T00:00:00"), ("2026-12-08T06:00:00", "2026-12-08T18:00:00")]
)
def test_odd_all_day_event_blocks_whole_days(start: str, end: str, fake: FakeGraph) -> None:
    raw: dict[str, Any] = {"start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"}}
    fake.mailbox.add(*hours(8, 9), isAllDay=True, **raw)
    assert times(read(fake)) == {(on(8, 0), on(9, 0))}


ZONES = {
    "UTC": "2026-12-03T15:00:00.0000000",
    "Etc/UTC": "2026-12-03T15:00:00",
    "tzone://Microsoft/Utc": "2026-12-03T15:00:00.0000000",
    "Central Standard Time": "2026-12-03T09:00:00.0000000",
    "America/Chicago": "2026-12-03T09:00:00.0000000",
    "W. Europe Standard Time": "2026-12-03T16:00:00.0000000",
    "Customized Time Zone": "2026-12-03T09:00:00.0000000-06:00",
    "(UTC-06:00) Central Time (US & Canada)": "2026-12-03T09:00:00.0000000",
    "Whatever": "2026-12-03T15:00:00Z",
}


@pytest.mark.parametrize("zone", ZONES)
def test_zone_of_an_answer_is_understood(zone: str, fake: FakeGraph) -> None:
    """Pitfall 7, should Graph not keep to the zone that was asked for."""
    start, end = hours(3, 9)
    length = end - start
    wall = datetime.fromisoformat(ZONES[zone])
    later = (wall + length).isoformat()
    raw: dict[str, Any] = {
        "start": {"dateTime": ZONES[zone], "timeZone": zone},
        "end": {"dateTime": later, "timeZone": zone},
    }
    fake.mailbox.add(start, end, **raw)
    reading = read(fake)
    assert times(reading) == {(start, end)}
    assert reading.notes == ()


@pytest.mark.parametrize(
    "zone", ["tzone://Microsoft/Custom", "Customized Time Zone", "America", "../../etc/passwd", "", None, 7]
)
def test_unknown_zone_blocks_generously_with_a_note(zone: object, fake: FakeGraph) -> None:
    """Pitfall 7: from the earliest to the latest instant that the wall clock can mean."""
    raw: dict[str, Any] = {
        name: {"dateTime": f"2026-12-03T{hour}:00:00", "timeZone": zone}
        for name, hour in (("start", "09"), ("end", "10"))
    }
    fake.mailbox.add(*hours(3, 9), **raw, is_checked=False)
    reading = read(fake)
    assert times(reading) == {(datetime(2026, 12, 2, 19, tzinfo=UTC), datetime(2026, 12, 3, 22, tzinfo=UTC))}
    [note] = reading.notes
    assert f"“{zone}”" in note
    assert "2026-12-03" in note


def test_unknown_zone_of_the_end_alone_is_noted(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), end={"dateTime": "2026-12-03T16:00:00", "timeZone": "Customized Time Zone"})
    reading = read(fake)
    assert times(reading) == {(on(3, 9), datetime(2026, 12, 4, 4, tzinfo=UTC))}
    assert len(reading.notes) == 1


READ_IN_ANOTHER_ZONE = """
import sys
from tests.calendars.microsoft.fake import FakeGraph
from tests.calendars.microsoft.office import hours, read, times
with FakeGraph(clock_s=1_796_000_000) as fake:
    fake.mailbox.add(*hours(3, 9))
    assert times(read(fake)) == {hours(3, 9)}, times(read(fake))
    print(__import__("time").tzname[0])
"""


@pytest.mark.parametrize(("zone", "name"), [("Asia/Tokyo", "JST"), ("America/Los_Angeles", "PST")])
def test_times_without_z_do_not_follow_the_machine(zone: str, name: str) -> None:
    """Pitfall 8."""
    environment = {**os.environ, "TZ": zone}
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", READ_IN_ANOTHER_ZONE]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (name, "")
    assert time.tzname[0] != name


BROKEN: dict[str, dict[str, Any]] = {
    "no start": {"start": None},
    "no end": {"end": {}},
    "a start in words": {"start": {"dateTime": "tomorrow", "timeZone": "UTC"}},
    "a start that is a number": {"start": {"dateTime": 7, "timeZone": "UTC"}},
    "the year 0": {"start": {"dateTime": "0000-01-01T00:00:00", "timeZone": "UTC"}},
    "the first day of all": {"start": {"dateTime": "0001-01-01T00:00:00+14:00", "timeZone": "UTC"}},
    "days without end": {"isAllDay": True, "end": {"dateTime": "9999-12-31T12:00:00", "timeZone": "UTC"}},
    "times that are text": {"start": "2026-12-03T15:00:00Z"},
}


@pytest.mark.parametrize("case", BROKEN)
def test_event_without_readable_time_is_noted(case: str, fake: FakeGraph) -> None:
    """The others of the calendar are read."""
    fake.mailbox.add(*hours(3, 9), **BROKEN[case], is_checked=False)
    fake.mailbox.add(*hours(4, 9))
    reading = read(fake)
    assert times(reading) == {hours(4, 9)}
    assert reading.notes == ("An event has no time that can be read. It does not block.",)


def test_end_before_the_start_blocks_between(fake: FakeGraph) -> None:
    start, end = hours(3, 9)
    event_id = fake.mailbox.add(start, end)
    content = fake.mailbox.events[event_id].content
    content["start"], content["end"] = content["end"], content["start"]
    assert times(read(fake)) == {(start, end)}


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Customized Time Zone"])
def test_event_begun_in_year_1_blocks_until_its_end(zone: str, fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), start={"dateTime": "0001-01-01T00:00:00", "timeZone": zone})
    assert times(read(fake)) == {(datetime(1, 1, 1, tzinfo=UTC), hours(3, 9)[1])}


def test_odd_items_do_not_break_a_reading(fake: FakeGraph) -> None:
    """An event blocks if its times can be read at all, whatever else of it is nonsense."""
    fake.mailbox.add(*hours(5, 9))
    usable = fake.mailbox.events[next(iter(fake.mailbox.events))].content
    later = {"start": moment(on(6, 9)), "end": moment(on(6, 10))}
    nonsense = {name: 7 for name in usable if name not in {"start", "end"}}
    odd = [
        None,
        7,
        "event",
        [1],
        {},
        {**usable, "id": None},
        {**usable, **nonsense},
        {**usable, "responseStatus": "no"},
        {**usable, **later, "id": None},
    ]
    fake.fail(failure(400, "ErrorInvalidRequest"), Answer.of_json({"value": odd}), path="calendarView")
    reading = read(fake)
    assert times(reading) == {hours(5, 9), hours(6, 9)}
    assert reading.notes == (
        "The calendar has an event that cannot be read. It does not block.",
        "An event has no time that can be read. It does not block.",
    )


# --- series ----------------------------------------------------------------------------------------------------------


def test_instances_of_a_series_block_and_its_master_does_not(fake: FakeGraph) -> None:
    """The series began in 2012; its master carries the times of then."""
    began = datetime(2012, 12, 5, 15, tzinfo=UTC)
    weekly = [(began, began + timedelta(hours=1)), hours(2, 9), hours(9, 9)]
    master = fake.mailbox.add_series(weekly, subject="Team")
    reading = read(fake)
    assert times(reading) == {hours(2, 9), hours(9, 9)}
    assert list(reading.busy) == [master]


def test_status_of_a_series_counts_for_its_instances(fake: FakeGraph) -> None:
    """A change feed reports instances without it, so a whole reading does not rely on the feed."""
    fake.mailbox.add_series([hours(2, 9), hours(9, 9)], showAs="free")
    fake.mailbox.add_series([hours(2, 12), hours(9, 12)], showAs="oof")
    assert [each.kind for each in blocked(read(fake))] == ["out_of_office", "out_of_office"]


def test_moved_and_deleted_instances_across_a_clock_change(fake: FakeGraph) -> None:
    """Pitfall 6: Sundays at 09:00 in Chicago, where clocks change on 1 November."""
    sundays = [
        datetime(2026, month, day, 9, tzinfo=CHICAGO).astimezone(UTC)
        for month, day in ((10, 25), (11, 1), (11, 8), (11, 15))
    ]
    master = fake.mailbox.add_series([(start, start + timedelta(hours=1)) for start in sundays])
    instances = fake.mailbox.instances(master)
    moved = datetime(2026, 11, 2, 18, tzinfo=UTC)
    fake.mailbox.change(instances[1], moved, moved + timedelta(hours=1))
    fake.mailbox.remove(instances[2])
    window = ReadWindow(datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC), CHICAGO)
    starts = [each.start for each in blocked(account(fake).read(fake.mailbox.default, window, None))]
    assert starts == [
        datetime(2026, 10, 25, 14, tzinfo=UTC),
        moved,
        datetime(2026, 11, 15, 15, tzinfo=UTC),
    ]


def test_master_in_a_view_is_ignored(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), type="seriesMaster")
    fake.mailbox.events[next(iter(fake.mailbox.events))].content["type"] = "singleInstance"
    event_id = fake.mailbox.add(*hours(4, 9))
    fake.mailbox.events[event_id].content["type"] = "seriesMaster"
    fake.mailbox.events[event_id].instances = {"x": fake.mailbox.events[event_id]}
    assert times(read(fake)) == {hours(3, 9)}


# --- our own and others ----------------------------------------------------------------------------------------------


def test_own_event_does_not_block(fake: FakeGraph) -> None:
    """Pitfall 13: a move onto itself must work."""
    event_id = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    reading = read(fake)
    start, end = hours(3, 14)
    assert reading.busy == {}
    assert reading.own == (OwnEvent(marker=MARKER, event_id=event_id, start=start, end=end, is_original=True),)


def test_own_event_that_was_cancelled_has_no_times(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER), isCancelled=True)
    [own] = read(fake).own
    assert (own.start, own.end) == (None, None)


def test_own_event_without_readable_times_is_not_a_deleted_one(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER), start=None, is_checked=False)
    reading = read(fake)
    assert (reading.own, reading.busy) == ((), {})
    assert reading.notes == ("An event has no time that can be read. It does not block.",)


def test_event_of_another_installation_blocks(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 14), transactionId=str(Marker("ba9876543210", 42)))
    fake.mailbox.add(*hours(4, 14), transactionId="eb739cec-0652-41ee-b169-22102aa1570b")
    reading = read(fake)
    assert times(reading) == {hours(3, 14), hours(4, 14)}
    assert reading.own == ()


def test_own_event_that_became_a_series_blocks(fake: FakeGraph) -> None:
    fake.mailbox.add_series([hours(3, 14), hours(10, 14)], transactionId=str(MARKER))
    assert times(read(fake)) == {hours(3, 14), hours(10, 14)}


def test_copy_of_an_own_event_blocks(fake: FakeGraph) -> None:
    own = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    copy = fake.mailbox.copy(own)
    fake.mailbox.change(copy, *hours(4, 14))
    assert times(read(fake)) == {hours(4, 14)}


def test_two_agents_in_one_meeting_are_both_blocked(fake: FakeGraph) -> None:
    """Pitfall 15: the meeting has one iCalUId in both mailboxes."""
    meeting: dict[str, Any] = {
        "iCalUId": "040000008200E00074C5B7101A82E008",
        "responseStatus": {"response": "accepted", "time": None},
    }
    with FakeGraph(clock_s=1_796_000_000) as other:
        for mailbox in (fake.mailbox, other.mailbox):
            mailbox.add(*hours(3, 9), **meeting)
        assert times(read(fake)) == times(read(other)) == {hours(3, 9)}


def test_calendar_without_a_feed_is_read_whole_each_time(fake: FakeGraph) -> None:
    other = fake.mailbox.add_calendar("Family", offers_feed=False)
    fake.mailbox.add(*hours(3, 9), other)
    fake.mailbox.add(*hours(4, 9))
    reading = read(fake, calendar=other)
    assert (reading.is_whole, reading.cursor, times(reading)) == (True, None, {hours(3, 9)})


def test_ids_and_zone_are_asked_for_on_every_page(fake: FakeGraph) -> None:
    """The stand-in refuses a request without them; here is what they are."""
    fake.page_size = 1
    for day in range(2, 5):
        fake.mailbox.add(*hours(day, 9))
    read(fake)
    sent = [asked.headers["prefer"] for asked in fake.asked]
    assert len(sent) == 6
    assert all(each.startswith('IdType="ImmutableId", outlook.timezone="UTC"') for each in sent)


def test_feed_is_asked_without_selection_and_before_the_view(fake: FakeGraph) -> None:
    read(fake)
    feed, view = fake.asked
    assert set(feed.query) == {"startDateTime", "endDateTime"}
    assert feed.path.endswith("/calendarView/delta")
    assert view.path.endswith("/calendarView")
    assert "$select" in view.query
    assert NAMESPACE not in view.path
