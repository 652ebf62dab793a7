"""Reading a Google calendar: pages, sync tokens, series, and our own events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.calendars.google import reading as reading_module
from peterental.calendars.model import BusyTime, CalendarNonsense, Marker, Reading, ReadWindow
from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import CHICAGO, DANA, LEE, WINDOW, at, busy, connect, times, viewing
from tests.calendars.google.store import FakeCalendar

WEEKLY = ["RRULE:FREQ=WEEKLY"]


def apply(stored: dict[str, tuple[BusyTime, ...]], reading: Reading) -> dict[str, tuple[BusyTime, ...]]:
    """Do with a reading what its description says, and return what is stored then."""
    kept = {} if reading.is_whole else {key: value for key, value in stored.items() if key not in reading.removed}
    return {key: value for key, value in {**kept, **reading.busy}.items() if value}


# --- whole readings ---


def test_event_blocks_with_its_title(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("dentist1", summary="Dentist", start=at(1, 10), end=at(1, 11))
    reading = connect(google).read(DANA, WINDOW, None)
    assert reading.is_whole
    assert dict(reading.busy) == {"dentist1": (BusyTime(start=at(1, 10), end=at(1, 11), title="Dentist"),)}
    assert times(reading)[0].start.tzinfo is UTC


def test_empty_calendar_is_free(google: GoogleFake) -> None:
    reading = connect(google).read(DANA, WINDOW, None)
    assert (reading.is_whole, reading.busy, reading.notes) == (True, {}, ())
    assert reading.cursor is not None


def test_every_page_is_read(google: GoogleFake, calendar: FakeCalendar) -> None:
    for day in range(1, 8):
        calendar.put(start=at(day, 10), end=at(day, 11))
    google.page_size = 2
    reading = connect(google).read(DANA, WINDOW, None)
    assert busy(reading) == [(at(day, 10), at(day, 11)) for day in range(1, 8)]
    assert reading.cursor is not None


def test_empty_page_is_not_the_end(google: GoogleFake, calendar: FakeCalendar) -> None:
    for day in (1, 2, 3):
        calendar.put(start=at(day, 10), end=at(day, 11))
    google.page_size, google.empty_pages = 1, 3
    assert len(busy(connect(google).read(DANA, WINDOW, None))) == 3


def test_empty_list_may_be_left_out(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    google.answer_nonsense('{"kind": "calendar#events", "nextSyncToken": "sync-9"}', path="/events$")
    reading = account.read(DANA, WINDOW, cursor)
    assert (reading.busy, reading.is_whole, reading.cursor) == ({}, False, "sync-9")


def test_pages_without_an_end_are_refused(google: GoogleFake) -> None:
    page = '{"kind": "calendar#events", "items": [], "nextPageToken": "again"}'
    google.answer_nonsense(page, path="/events$", times=3)
    with pytest.raises(CalendarNonsense, match="its pages have no end"):
        connect(google).read(DANA, WINDOW, None)
    assert len(google.requests) == 3  # the entry of the calendar, and two pages


def test_too_many_events_are_refused(
    google: GoogleFake, calendar: FakeCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A calendar of which only a part was read would be free where it was not read."""
    monkeypatch.setattr(reading_module, "MAX_EVENTS", 5)
    for day in range(1, 6):
        calendar.put(start=at(day, 10), end=at(day, 11))
    assert len(connect(google).read(DANA, WINDOW, None).busy) == 5
    calendar.put(start=at(6, 10), end=at(6, 11))
    with pytest.raises(CalendarNonsense, match="more than 5 events"):
        connect(google).read(DANA, WINDOW, None)


def test_too_many_changes_lead_to_a_whole_reading(
    google: GoogleFake, calendar: FakeCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed daily series have thousands of instances, most of them years ahead; the window has few."""
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    monkeypatch.setattr(reading_module, "MAX_CHANGES", 100)
    calendar.put(start=at(1, 9), end=at(1, 10), recurrence=["RRULE:FREQ=DAILY"])
    reading = account.read(DANA, WINDOW, cursor)
    assert reading.is_whole
    assert len(reading.busy) == 14


def test_only_needed_fields_are_asked_for(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Descriptions and guests stay at Google."""
    calendar.put(start=at(1, 10), end=at(1, 11), description="Root canal", attendees=[{"email": "x@example.com"}])
    connect(google).read(DANA, WINDOW, None)
    query = google.requests[-1].query
    assert query["singleEvents"] == ["true"]
    assert query["maxResults"] == ["2500"]
    assert query["maxAttendees"] == ["1"]
    assert "description" not in query["fields"][0]
    assert "location" not in query["fields"][0]
    assert "attendees(self,responseStatus)" in query["fields"][0]


def test_calendar_ids_are_escaped(google: GoogleFake) -> None:
    calendar = google.add_calendar(DANA, "en.usa#team/1?@group.calendar.google.com")
    calendar.put(start=at(1, 10), end=at(1, 11))
    assert len(busy(connect(google).read(calendar.calendar_id, WINDOW, None))) == 1


# --- what blocks when ---


def test_event_that_began_last_week_blocks(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(start=at(22, 9, month=11), end=at(1, 9))
    assert busy(connect(google).read(DANA, WINDOW, None)) == [(at(22, 9, month=11), at(1, 9))]


def test_events_outside_the_window_do_not_block(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(start=at(29, 8, month=11), end=at(29, 12, month=11))
    calendar.put(start=at(14, 12), end=at(14, 13))
    assert busy(connect(google).read(DANA, WINDOW, None)) == []


@pytest.mark.parametrize("calendar_zone", ["America/Chicago", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_all_day_event_blocks_the_agents_day(google: GoogleFake, calendar_zone: str) -> None:
    """Google places the event by the calendar's time zone, so even the edges of the window are read."""
    calendar = google.add_calendar(DANA, "away@group.calendar.google.com", time_zone=calendar_zone)
    calendar.put(start=date(2026, 11, 29), end=date(2026, 11, 30))
    calendar.put(start=date(2026, 12, 14), end=date(2026, 12, 16))
    reading = connect(google).read(calendar.calendar_id, WINDOW, None)
    assert busy(reading) == [(at(29, 0, month=11), at(30, 0, month=11)), (at(14, 0), at(16, 0))]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 11, 1), 25), (date(2027, 3, 14), 23)])
def test_all_day_event_when_clocks_change(google: GoogleFake, calendar: FakeCalendar, day: date, hours: int) -> None:
    calendar.put(start=day, end=day + timedelta(days=1))
    noon = datetime.combine(day, WINDOW.start.time(), UTC)
    window = ReadWindow(noon - timedelta(days=3), noon + timedelta(days=3), CHICAGO)
    ((start, end),) = busy(connect(google).read(DANA, window, None))
    assert start.astimezone(CHICAGO).replace(tzinfo=None) == datetime.combine(day, datetime.min.time())
    assert (end - start) == timedelta(hours=hours)


def test_series_keeps_its_wall_clock(google: GoogleFake, calendar: FakeCalendar) -> None:
    """A series that began in summer time, read in winter."""
    calendar.put(start=at(1, 9, month=10), end=at(1, 10, month=10), recurrence=["RRULE:FREQ=DAILY"])
    found = busy(connect(google).read(DANA, WINDOW, None))
    assert (at(1, 9), at(1, 10)) in found
    assert len(found) == 15


def test_moved_and_deleted_instances(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Across the end of summer time on 1 November."""
    series = calendar.put(start=at(19, 9, month=10), end=at(19, 10, month=10), recurrence=WEEKLY)
    calendar.change(f"{series}_20261026T140000Z", start=at(27, 16, month=10), end=at(27, 17, month=10))
    calendar.cancel(f"{series}_20261102T150000Z")
    window = ReadWindow(at(18, 0, month=10), at(14, 0, month=11), CHICAGO)
    assert busy(connect(google).read(DANA, window, None)) == [
        (at(19, 9, month=10), at(19, 10, month=10)),
        (at(27, 16, month=10), at(27, 17, month=10)),
        (at(9, 9, month=11), at(9, 10, month=11)),
    ]


# --- increments ---


def test_cursor_returns_changes_only(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("stays", start=at(1, 10), end=at(1, 11))
    calendar.put("moves", start=at(2, 10), end=at(2, 11))
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    calendar.change("moves", start=at(3, 10), end=at(3, 11))
    calendar.put("new01", start=at(4, 10), end=at(4, 11))
    second = account.read(DANA, WINDOW, first.cursor)
    assert not second.is_whole
    assert set(second.busy) == {"moves", "new01"}
    assert busy(second) == [(at(3, 10), at(3, 11)), (at(4, 10), at(4, 11))]
    assert second.cursor not in {None, first.cursor}
    assert account.read(DANA, WINDOW, second.cursor).busy == {}


def test_sync_token_comes_without_bounds(google: GoogleFake) -> None:
    account = connect(google)
    account.read(DANA, WINDOW, account.read(DANA, WINDOW, None).cursor)
    whole, increment = (request.query for request in google.requests if request.path.endswith("/events"))
    bounds = {"timeMin", "timeMax"}
    assert bounds <= whole.keys()
    assert "syncToken" in increment
    assert {k: v for k, v in whole.items() if k not in bounds} == {
        k: v for k, v in increment.items() if k != "syncToken"
    }


def test_increment_is_read_to_the_last_page(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    for day in range(1, 6):
        calendar.put(start=at(day, 10), end=at(day, 11))
    google.page_size, google.empty_pages = 2, 1
    reading = account.read(DANA, WINDOW, cursor)
    assert len(reading.busy) == 5
    assert not reading.is_whole


def test_change_between_pages_is_in_the_next_increment(google: GoogleFake, calendar: FakeCalendar) -> None:
    for day in (1, 2, 3):
        calendar.put(f"event{day}", start=at(day, 10), end=at(day, 11))
    google.page_size = 1
    google.call_before(lambda: calendar.change("event1", start=at(9, 10), end=at(9, 11)), path="/events", skip=1)
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    assert busy(first)[0] == (at(1, 10), at(1, 11))
    second = account.read(DANA, WINDOW, first.cursor)
    assert busy(second) == [(at(9, 10), at(9, 11))]


def test_deleted_event_frees(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    calendar.cancel("dentist1")
    second = account.read(DANA, WINDOW, first.cursor)
    assert second.removed == {"dentist1"}
    assert second.busy == {}
    assert apply(dict(first.busy), second) == {}


@pytest.mark.parametrize(
    "changes", [{"transparency": "transparent"}, {"attendees": [{"self": True, "responseStatus": "declined"}]}]
)
def test_event_that_stops_blocking_frees(
    google: GoogleFake, calendar: FakeCalendar, changes: dict[str, object]
) -> None:
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.change("dentist1", **changes)
    assert account.read(DANA, WINDOW, cursor).busy == {"dentist1": ()}


def test_event_moved_out_of_the_window_frees(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.change("dentist1", start=at(30, 10), end=at(30, 11))
    assert account.read(DANA, WINDOW, cursor).busy == {"dentist1": ()}


def test_instances_beyond_the_window_do_not_block(google: GoogleFake, calendar: FakeCalendar) -> None:
    """A changed series is reported with every instance, years ahead."""
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    series = calendar.put(start=at(1, 9), end=at(1, 10), recurrence=WEEKLY)
    reading = account.read(DANA, WINDOW, cursor)
    assert busy(reading) == [(at(1, 9), at(1, 10)), (at(8, 9), at(8, 10))]
    assert len(reading.busy) > 100
    assert reading.removed == {series}


@pytest.mark.parametrize("size", [None, 3])
def test_deleted_series_frees_every_instance(google: GoogleFake, calendar: FakeCalendar, size: int | None) -> None:
    series = calendar.put(start=at(1, 9), end=at(1, 10), recurrence=["RRULE:FREQ=DAILY;COUNT=20"])
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    assert len(first.busy) == 14
    calendar.cancel(series)
    google.page_size = size
    assert apply(dict(first.busy), account.read(DANA, WINDOW, first.cursor)) == {}


def test_changed_series_matches_a_whole_reading(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Increments lead to the same stored times as reading everything again."""
    series = calendar.put(start=at(1, 9), end=at(1, 10), recurrence=["RRULE:FREQ=DAILY;COUNT=10"])
    account = connect(google)
    reading = account.read(DANA, WINDOW, None)
    stored = apply({}, reading)
    calendar.change(f"{series}_20261203T150000Z", start=at(3, 13), end=at(3, 14))
    calendar.cancel(f"{series}_20261204T150000Z")
    reading = account.read(DANA, WINDOW, reading.cursor)
    stored = apply(stored, reading)
    assert stored == apply({}, account.read(DANA, WINDOW, None))
    calendar.change(series, recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    calendar.put("extra1", start=at(5, 9), end=at(5, 10))
    stored = apply(stored, account.read(DANA, WINDOW, reading.cursor))
    assert stored == apply({}, account.read(DANA, WINDOW, None))
    assert len(stored) == 4


def test_event_that_becomes_a_series_is_not_doubled(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Google does not report the single event as deleted; its instances have other ids."""
    calendar.put("standup1", start=at(1, 9), end=at(1, 10))
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    calendar.change("standup1", start=at(1, 11), end=at(1, 12), recurrence=WEEKLY)
    second = account.read(DANA, WINDOW, first.cursor)
    assert apply(dict(first.busy), second) == apply({}, account.read(DANA, WINDOW, None))
    third = account.read(DANA, WINDOW, second.cursor)
    calendar.change("standup1", recurrence=None)
    stored = apply(apply(dict(first.busy), second), account.read(DANA, WINDOW, third.cursor))
    assert stored == {"standup1": (BusyTime(start=at(1, 11), end=at(1, 12)),)}


def test_expired_cursor_reads_everything(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    calendar.put("new01", start=at(1, 10), end=at(1, 11))
    google.expire_sync_tokens()
    calendar.put("new02", start=at(2, 10), end=at(2, 11))
    second = account.read(DANA, WINDOW, first.cursor)
    assert second.is_whole
    assert set(second.busy) == {"new01", "new02"}
    assert not account.read(DANA, WINDOW, second.cursor).is_whole


def test_expired_between_two_pages_reads_everything(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    first = account.read(DANA, WINDOW, None)
    for day in (1, 2, 3):
        calendar.put(f"event{day}", start=at(day, 10), end=at(day, 11))
    google.page_size = 1
    google.answer_error(410, "fullSyncRequired", path="/events", skip=1, domain="calendar")
    second = account.read(DANA, WINDOW, first.cursor)
    assert second.is_whole
    assert len(second.busy) == 3


@pytest.mark.parametrize("cursor", ["nonsense", "sync-of-another-provider", "\u2028"])
def test_strange_cursor_reads_everything(google: GoogleFake, calendar: FakeCalendar, cursor: str) -> None:
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    reading = connect(google).read(DANA, WINDOW, cursor)
    assert reading.is_whole
    assert set(reading.busy) == {"dentist1"}


def test_answer_without_sync_token_has_no_cursor(google: GoogleFake) -> None:
    google.answer_nonsense('{"kind": "calendar#events", "items": []}', path="/events$")
    assert connect(google).read(DANA, WINDOW, None).cursor is None


def test_reported_series_reads_everything(google: GoogleFake, calendar: FakeCalendar) -> None:
    """With singleEvents Google sends instances; a series would hide their changes."""
    calendar.put("dentist1", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    series = '{"kind": "calendar#events", "items": [{"id": "s", "status": "cancelled", "recurrence": ["RRULE:X"]}]}'
    google.answer_nonsense(series, path="/events$")
    reading = account.read(DANA, WINDOW, cursor)
    assert reading.is_whole
    assert set(reading.busy) == {"dentist1"}
    google.answer_nonsense(series, path="/events$")
    with pytest.raises(CalendarNonsense, match="a series came in place of its events"):
        account.read(DANA, WINDOW, None)


# --- our own events ---


def test_own_event_never_blocks(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Pitfall 13: moving a viewing onto itself must work."""
    account = connect(google)
    event = viewing()
    account.write(DANA, event)
    whole = account.read(DANA, WINDOW, None)
    assert whole.busy == {}
    (own,) = whole.own
    assert (own.marker, own.event_id) == (event.marker, str(event.marker))
    assert (own.start, own.end) == (at(2, 10), at(2, 10, 30))
    calendar.change(str(event.marker), transparency="transparent", start=at(2, 15), end=at(2, 16))
    increment = account.read(DANA, WINDOW, whole.cursor)
    assert increment.busy == {}
    assert [(each.start, each.end) for each in increment.own] == [(at(2, 15), at(2, 16))]


def test_deleted_own_event_is_reported(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.cancel(str(viewing().marker))
    reading = account.read(DANA, WINDOW, cursor)
    assert reading.removed_own == {str(viewing().marker)}
    assert (reading.own, reading.busy) == ((), {})
    assert account.find(DANA, viewing()) is None


def test_own_event_outside_the_window_is_reported(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.change(str(viewing().marker), start=at(30, 10), end=at(30, 11))
    (own,) = account.read(DANA, WINDOW, cursor).own
    assert own.start == at(30, 10)


def test_own_event_that_becomes_a_series_is_looked_up(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.change(str(viewing().marker), recurrence=WEEKLY)
    reading = account.read(DANA, WINDOW, cursor)
    assert reading.removed_own == {str(viewing().marker)}
    assert busy(reading) == [(at(2, 10), at(2, 10, 30)), (at(9, 10), at(9, 10, 30))]
    found = account.find(DANA, viewing())
    assert found is not None
    assert found.start == at(2, 10)


def test_events_of_another_installation_block(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(str(Marker("ba9876543210", 12)), start=at(1, 10), end=at(1, 11))
    reading = connect(google).read(DANA, WINDOW, None)
    assert busy(reading) == [(at(1, 10), at(1, 11))]
    assert reading.own == ()


def test_imported_feed_does_not_block(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Events of our own feed, imported into the calendar, have ids of Google's and our UID."""
    organizer = {"email": "unknownorganizer@calendar.google.com"}
    calendar.put("imported", start=at(1, 10), end=at(1, 11), iCalUID=viewing().marker.uid, organizer=organizer)
    reading = connect(google).read(DANA, WINDOW, None)
    assert reading.busy == {}
    assert [own.marker for own in reading.own] == [viewing().marker]


def test_two_agents_in_one_meeting_are_both_busy(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Pitfall 15: the same event, with the same id, in two calendars."""
    others = google.add_account(LEE)
    calendar.put("meeting1", start=at(1, 10), end=at(1, 11))
    calendar.invite(others, "meeting1", "accepted")
    window = replace(WINDOW, zone=ZoneInfo("Europe/Madrid"))
    assert busy(connect(google).read(DANA, WINDOW, None)) == [(at(1, 10), at(1, 11))]
    assert busy(connect(google, LEE).read(LEE, window, None)) == [(at(1, 10), at(1, 11))]


def test_agent_invited_to_a_viewing_is_busy(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Lee's copy of Dana's viewing has the same id, our marker, but it is not Lee's viewing."""
    others = google.add_account(LEE)
    connect(google).write(DANA, viewing())
    calendar.invite(others, str(viewing().marker))
    reading = connect(google, LEE).read(LEE, WINDOW, None)
    assert busy(reading) == [(at(2, 10), at(2, 10, 30))]
    assert reading.own == ()
    assert connect(google).read(DANA, WINDOW, None).busy == {}
    others.cancel(str(viewing().marker))
    assert apply(dict(reading.busy), connect(google, LEE).read(LEE, WINDOW, reading.cursor)) == {}
