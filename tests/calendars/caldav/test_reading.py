"""Reading calendars of Radicale and Xandikos, which are real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peterental.calendars.model import CalendarAccessLost, CalendarGone, Reading
from tests.calendars.caldav.samples import (
    CHICAGO,
    OWNER,
    WINDOW,
    account,
    event,
    icalendar,
    kinds,
    local,
    lunch,
    times,
    utc,
    viewing,
)
from tests.calendars.caldav.server_programs import RealCalendar, Server

pytestmark = pytest.mark.needs("caldav")


def read(calendar: RealCalendar, cursor: str | None = None) -> Reading:
    return account(calendar.url).read(calendar.url, WINDOW, cursor)


def read_one(calendar: RealCalendar, *components: str) -> Reading:
    calendar.put("one.ics", icalendar(*components))
    return read(calendar)


STANDUP = ("DTSTART;TZID=America/Chicago:20261005T090000", "DTEND;TZID=America/Chicago:20261005T091500")


def test_empty_calendar_is_read_whole(calendar: RealCalendar) -> None:
    reading = read(calendar)
    assert (reading.is_whole, reading.busy, reading.notes) == (True, {}, ())
    assert reading.cursor is not None


def test_event_blocks_under_its_path(calendar: RealCalendar) -> None:
    calendar.put("lunch.ics", lunch())
    [(key, [busy])] = read(calendar).busy.items()
    assert key == calendar.path("lunch.ics")
    assert (busy.start, busy.end, busy.kind, busy.title) == (utc(12, 2, 18), utc(12, 2, 19), "busy", "Lunch")


def test_series_keeps_its_local_hour_without_vtimezone(calendar: RealCalendar) -> None:
    """A server's free-busy is an hour off here (Radicale); the events are not."""
    reading = read_one(calendar, event(*STANDUP, "RRULE:FREQ=WEEKLY;BYDAY=MO"))
    starts = {start for start, _ in times(reading)}
    assert {local(10, 26, 9), local(11, 2, 9), local(12, 14, 9)} <= starts
    assert {start.astimezone(CHICAGO).hour for start in starts} == {9}


def test_zone_defined_in_the_data_is_used(calendar: RealCalendar) -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Office\r\n"
        "BEGIN:STANDARD\r\nDTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\n"
        "TZOFFSETFROM:-0500\r\nTZOFFSETTO:-0600\r\nEND:STANDARD\r\n"
        "BEGIN:DAYLIGHT\r\nDTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\n"
        "TZOFFSETFROM:-0600\r\nTZOFFSETTO:-0500\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
    )
    lines = [line.replace("America/Chicago", "Office") for line in STANDUP]
    starts = {start for start, _ in times(read_one(calendar, zone, event(*lines, "RRULE:FREQ=WEEKLY;BYDAY=MO")))}
    assert {local(10, 26, 9), local(11, 2, 9), local(12, 14, 9)} <= starts


def test_exceptions_of_a_series_count_once(calendar: RealCalendar) -> None:
    series = event(*STANDUP, "RRULE:FREQ=WEEKLY;BYDAY=MO", "EXDATE;TZID=America/Chicago:20261130T090000")
    moved = event(
        "RECURRENCE-ID;TZID=America/Chicago:20261207T090000",
        "DTSTART;TZID=America/Chicago:20261208T140000",
        "DTEND;TZID=America/Chicago:20261208T141500",
    )
    starts = {start for start, _ in times(read_one(calendar, series, moved))}
    assert local(12, 8, 14) in starts
    assert {local(11, 30, 9), local(12, 7, 9)} & starts == set()
    assert {local(11, 23, 9), local(12, 14, 9)} <= starts


def test_all_day_event_blocks_the_local_day(calendar: RealCalendar) -> None:
    reading = read_one(calendar, event("DTSTART;VALUE=DATE:20261101", "DTEND;VALUE=DATE:20261102"))
    assert times(reading) == {(local(11, 1, 0), local(11, 2, 0))}
    [(start, end)] = times(reading)
    assert (end - start).total_seconds() == 25 * 3600  # the clocks go back that day


def test_event_that_began_before_the_window_blocks(calendar: RealCalendar) -> None:
    reading = read_one(calendar, event("DTSTART;VALUE=DATE:20261012", "DTEND;VALUE=DATE:20261022"))
    assert times(reading) == {(local(10, 12, 0), local(10, 22, 0))}


def test_windows_zone_name_is_understood(calendar: RealCalendar) -> None:
    lines = ("DTSTART;TZID=Central Standard Time:20261202T090000", "DTEND;TZID=Central Standard Time:20261202T100000")
    assert times(read_one(calendar, event(*lines))) == {(local(12, 2, 9), local(12, 2, 10))}


@pytest.mark.parametrize(
    "line", ["TRANSP:TRANSPARENT", "STATUS:CANCELLED", f"ATTENDEE;PARTSTAT=DECLINED:mailto:{OWNER}"]
)
def test_free_cancelled_and_declined_do_not_block(calendar: RealCalendar, line: str) -> None:
    calendar.put("one.ics", lunch(2, line, "ORGANIZER:mailto:boss@example.com"))
    assert times(read(calendar)) == set()


def test_tentative_blocks(calendar: RealCalendar) -> None:
    calendar.put("one.ics", lunch(2, "STATUS:TENTATIVE"))
    assert kinds(read(calendar)) == {"tentative"}


def test_tasks_do_not_block(calendar: RealCalendar) -> None:
    calendar.put(
        "todo.ics",
        icalendar("BEGIN:VTODO\r\nUID:t\r\nDTSTAMP:20261001T000000Z\r\nDUE:20261202T180000Z\r\nEND:VTODO\r\n"),
    )
    assert times(read(calendar)) == set()


def test_many_events_come_in_batches(calendar: RealCalendar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.calendars.caldav.collection.BATCH", 3)
    for day in range(1, 9):
        calendar.put(f"{day}.ics", lunch(day, uid=f"{day}@example.com"))
    assert len(times(read(calendar))) == 8


def test_odd_names_of_resources_are_read(calendar: RealCalendar) -> None:
    calendar.put("a%40b%20c%26d.ics", lunch())
    assert len(times(read(calendar))) == 1


def test_change_delete_and_move_are_read_since_the_cursor(calendar: RealCalendar) -> None:
    for day in (1, 2, 3):
        calendar.put(f"{day}.ics", lunch(day, uid=f"{day}@example.com"))
    whole = read(calendar)
    calendar.put("1.ics", lunch(9, uid="1@example.com"))
    calendar.delete("2.ics")
    calendar.put("4.ics", lunch(4, uid="4@example.com"))

    reading = read(calendar, whole.cursor)
    assert not reading.is_whole
    assert reading.removed == {calendar.path("2.ics")}
    assert {key: group[0].start for key, group in reading.busy.items()} == {
        calendar.path("1.ics"): utc(12, 9, 18),
        calendar.path("4.ics"): utc(12, 4, 18),
    }
    assert read(calendar, reading.cursor).busy == {}


def test_event_that_no_longer_blocks_has_no_times(calendar: RealCalendar) -> None:
    calendar.put("1.ics", lunch())
    whole = read(calendar)
    calendar.put("1.ics", lunch(2, "TRANSP:TRANSPARENT"))
    assert read(calendar, whole.cursor).busy == {calendar.path("1.ics"): ()}


def test_event_outside_the_window_is_no_busy_time(calendar: RealCalendar) -> None:
    whole = read(calendar)
    calendar.put("1.ics", lunch().replace("202612", "202712"))
    assert read(calendar, whole.cursor).busy == {calendar.path("1.ics"): ()}


def test_unknown_token_leads_to_a_whole_reading(calendar: RealCalendar) -> None:
    calendar.put("1.ics", lunch())
    cursor = read(calendar).cursor
    assert cursor is not None
    unknown = cursor.replace('"token":"', '"token":"0')
    reading = read(calendar, unknown)
    assert (reading.is_whole, len(times(reading))) == (True, 1)
    assert reading.cursor == cursor


def test_cursor_of_another_release_leads_to_a_whole_reading(calendar: RealCalendar) -> None:
    calendar.put("1.ics", lunch())
    for cursor in ("[]", "{}", '{"addresses":[],"token":1', "\x00"):
        assert read(calendar, cursor).is_whole


def test_own_event_comes_back_as_own(calendar: RealCalendar) -> None:
    """It never blocks, or a viewing could not be moved by a quarter of an hour."""
    written = account(calendar.url).write(calendar.url, viewing())
    calendar.put("lunch.ics", lunch())
    reading = read(calendar)
    [own] = reading.own
    assert (own.marker, own.event_id) == (viewing().marker, written.event_id)
    assert (own.start, own.end) == (viewing().start, viewing().end)
    assert times(reading) == {(utc(12, 2, 18), utc(12, 2, 19))}


def test_own_event_that_a_person_moved_is_reported(calendar: RealCalendar) -> None:
    account(calendar.url).write(calendar.url, viewing())
    cursor = read(calendar).cursor
    name = f"{viewing().marker}.ics"
    text = calendar.text(name)
    assert "DTSTART:20261203T160000Z" in text
    calendar.put(name, text.replace("20261203T16", "20261204T17"))
    reading = read(calendar, cursor)
    [own] = reading.own
    assert (own.start, own.end) == (utc(12, 4, 17), utc(12, 4, 17, 30))
    assert times(reading) == set()


def test_own_event_that_a_person_deleted_is_reported(calendar: RealCalendar) -> None:
    written = account(calendar.url).write(calendar.url, viewing())
    cursor = read(calendar).cursor
    calendar.delete(f"{viewing().marker}.ics")
    reading = read(calendar, cursor)
    assert reading.removed_own == {written.event_id}
    assert account(calendar.url).find(calendar.url, replace(viewing(), event_id=written.event_id)) is None


def test_own_event_moved_to_another_calendar_is_reported(server: Server) -> None:
    """By the method MOVE, as calendar programs do it."""
    calendar, other = server.new_calendar(), server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())
    calendar.put("lunch.ics", lunch())
    cursors = read(calendar).cursor, read(other).cursor
    name = f"{viewing().marker}.ics"
    for moved in (name, "lunch.ics"):
        status, body = server.ask("MOVE", calendar.url + moved, headers={"Destination": other.url + moved})
        assert status == 201, body
    left, arrived = read(calendar, cursors[0]), read(other, cursors[1])
    assert left.removed == {calendar.path(name), calendar.path("lunch.ics")}
    assert left.removed_own == {written.event_id}
    assert [own.event_id for own in arrived.own] == [other.url + name]
    assert times(arrived) == {(utc(12, 2, 18), utc(12, 2, 19))}


def test_another_installations_event_blocks(calendar: RealCalendar) -> None:
    account(calendar.url).write(calendar.url, viewing())
    name = f"{viewing().marker}.ics"
    text = calendar.text(name).replace(viewing().marker.namespace, "ba9876543210")
    calendar.delete(name)
    calendar.put("strangers.ics", text)
    assert times(read(calendar)) == {(viewing().start, viewing().end)}


def test_two_agents_in_one_meeting_are_both_blocked(server: Server) -> None:
    for calendar in (server.new_calendar(), server.new_calendar()):
        calendar.put("meeting.ics", lunch(uid="meeting@example.com"))
        assert len(times(read(calendar))) == 1


def test_deleted_calendar_is_gone(calendar: RealCalendar) -> None:
    calendar.put("1.ics", lunch())
    cursor = read(calendar).cursor
    calendar.delete()
    for earlier in (None, cursor):
        with pytest.raises(CalendarGone):
            read(calendar, earlier)


def test_changed_password_is_access_lost(radicale: Server) -> None:
    calendar = radicale.new_calendar()
    cursor = read(calendar).cursor
    for earlier in (None, cursor):
        with pytest.raises(CalendarAccessLost):
            account(calendar.url, word="wrong").read(calendar.url, WINDOW, earlier)


def test_servers_without_sync_collection_compare_etags(calendar: RealCalendar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.calendars.caldav.collection._STATE", ("{http://calendarserver.org/ns/}getctag",))
    account(calendar.url).write(calendar.url, viewing())
    for day in (1, 2):
        calendar.put(f"{day}.ics", lunch(day, uid=f"{day}@example.com"))
    whole = read(calendar)
    assert '"token":null' in str(whole.cursor)
    unchanged = read(calendar, whole.cursor)
    assert (unchanged.is_whole, unchanged.busy, unchanged.cursor) == (False, {}, whole.cursor)

    calendar.put("1.ics", lunch(9, uid="1@example.com"))
    calendar.delete("2.ics")
    calendar.delete(f"{viewing().marker}.ics")
    reading = read(calendar, whole.cursor)
    assert not reading.is_whole
    assert times(reading) == {(utc(12, 9, 18), utc(12, 9, 19))}
    assert calendar.path("2.ics") in reading.removed
    assert reading.removed_own == {f"{calendar.url}{viewing().marker}.ics"}
