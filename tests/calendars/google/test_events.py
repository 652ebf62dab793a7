"""What an event of the Calendar API means: whether it blocks, as what, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.calendars.google.events import ReadEvent, read_event
from peterental.calendars.google.reading import MAX_NOTES, EventCollector
from peterental.calendars.model import BusyKind
from tests.calendars.google.helpers import CHICAGO, NAMESPACE, WINDOW, at

START = {"dateTime": "2026-12-01T10:00:00-06:00", "timeZone": "America/Chicago"}
END = {"dateTime": "2026-12-01T11:00:00-06:00", "timeZone": "America/Chicago"}


def read(**fields: Any) -> ReadEvent:
    item = {"id": "event1", "status": "confirmed", "start": START, "end": END, **fields}
    return read_event(item, CHICAGO, NAMESPACE)


def answered(response: str) -> dict[str, Any]:
    others = {"responseStatus": "declined"}
    return {"attendees": [others, {"self": True, "responseStatus": response}]}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "busy"),
        ({"transparency": "opaque"}, "busy"),
        ({"status": "tentative"}, "tentative"),
        (answered("accepted"), "busy"),
        (answered("tentative"), "tentative"),
        (answered("needsAction"), "tentative"),
        ({"attendees": [{"responseStatus": "declined"}]}, "busy"),
        ({"eventType": "outOfOffice"}, "out_of_office"),
        ({"eventType": "outOfOffice", "status": "tentative"}, "out_of_office"),
        ({"eventType": "focusTime"}, "busy"),
        ({"eventType": "fromGmail"}, "busy"),
        ({"eventType": "default"}, "busy"),
    ],
)
def test_event_blocks(fields: dict[str, Any], kind: BusyKind) -> None:
    event = read(**fields)
    assert event.busy is not None
    assert (event.busy.kind, event.busy.start, event.busy.end) == (kind, at(1, 10), at(1, 11))


@pytest.mark.parametrize(
    "fields",
    [
        {"transparency": "transparent"},
        {"status": "cancelled"},
        answered("declined"),
        {"eventType": "workingLocation"},
        {"eventType": "workingLocation", "transparency": "opaque"},
        {"eventType": "birthday"},
        {"eventType": "outOfOffice", **answered("declined")},
        {"end": START},
        {"start": END, "end": END},
    ],
)
def test_event_does_not_block(fields: dict[str, Any]) -> None:
    event = read(**fields)
    assert event.busy is None
    assert event.note is None


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "postponed"},
        {"status": None},
        {"transparency": "glassy"},
        {"eventType": "hologram"},
        {"eventType": 7},
        {"attendees": "everyone"},
        {"attendees": [None, 3, {"self": True}]},
        answered("maybe"),
        {"summary": 3},
        {"organizer": "me"},
    ],
)
def test_unknown_values_block(fields: dict[str, Any]) -> None:
    assert read(**fields).busy is not None


@pytest.mark.parametrize(
    ("summary", "title"),
    [("Dentist", "Dentist"), ("", None), (None, None), (3, None), ("a\x00b", "ab"), ("\ud800x", "?x")],
)
def test_titles_can_be_stored(summary: object, title: str | None) -> None:
    event = read(summary=summary)
    assert event.busy is not None
    assert event.busy.title == title


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        ({"dateTime": "2026-12-01T10:00:00-06:00"}, at(1, 10)),
        ({"dateTime": "2026-12-01T16:00:00Z"}, at(1, 10)),
        ({"dateTime": "2026-12-01T10:00:00.000-06:00", "timeZone": "Europe/Madrid"}, at(1, 10)),
        ({"dateTime": "2026-12-01T17:00:00", "timeZone": "Europe/Madrid"}, at(1, 10)),
        ({"dateTime": "2026-12-01T10:00:00"}, at(1, 10)),
        ({"date": "2026-12-01"}, at(1, 0)),
        ({"dateTime": None, "date": "2026-12-01"}, at(1, 0)),
    ],
)
def test_times_are_understood(start: dict[str, Any], moment: datetime) -> None:
    event = read(start=start)
    assert event.start == moment
    assert event.note is None


@pytest.mark.parametrize(
    "zone", ["tzone://Microsoft/Custom", "(UTC-06:00) Central Time (US & Canada)", "Mars/Base", "", "../etc", 7]
)
def test_unknown_zone_blocks_generously(zone: object) -> None:
    """Pitfall 7: from the earliest to the latest instant that the clock can mean, and the agent is shown why."""
    event = read(
        start={"dateTime": "2026-12-01T10:00:00", "timeZone": zone},
        end={"dateTime": "2026-12-01T11:00:00", "timeZone": zone},
    )
    assert event.busy is not None
    assert event.busy.start == datetime(2026, 12, 1, 10, tzinfo=UTC) - timedelta(hours=14)
    assert event.busy.end == datetime(2026, 12, 1, 11, tzinfo=UTC) + timedelta(hours=12)
    assert event.note == ("An event on 2026-11-30 has a time zone that is not known. It blocks whenever it may be.")


@pytest.mark.parametrize(
    "end", [None, {}, {"dateTime": "soon"}, {"date": 5}, {"dateTime": "2026-12-01T09:00:00-06:00"}]
)
def test_unreadable_end_blocks_to_midnight(end: object) -> None:
    event = read(end=end)
    assert event.busy is not None
    assert (event.busy.start, event.busy.end) == (at(1, 10), at(2, 0))
    assert event.note == "An event on 2026-12-01 has no end that can be read. It blocks to midnight."


def test_unreadable_start_blocks_from_midnight() -> None:
    event = read(start={"dateTime": "10 o'clock"})
    assert event.busy is not None
    assert (event.busy.start, event.busy.end) == (at(1, 0), at(1, 11))
    assert event.note == "An event on 2026-12-01 has no start that can be read. It blocks from midnight."


def test_unreadable_start_of_an_all_day_event() -> None:
    event = read(start={}, end={"date": "2026-12-02"})
    assert event.busy is not None
    assert (event.busy.start, event.busy.end) == (at(1, 0), at(2, 0))


@pytest.mark.parametrize("edge", ["start", "end"])
def test_one_unknown_zone_is_enough_for_a_note(edge: str) -> None:
    event = read(**{edge: {"dateTime": "2026-12-01T10:30:00", "timeZone": "Mars/Base"}})
    assert event.note is not None
    assert "a time zone that is not known" in event.note


def test_own_event_does_not_block() -> None:
    event = read(id="pr0123456789abv12r0", organizer={"self": True})
    assert (event.busy, event.start) == (None, at(1, 10))
    assert event.own_event() is not None


def test_own_event_without_times_is_not_reported_as_deleted() -> None:
    """Without times it would be taken for one that was deleted."""
    event = read(id="pr0123456789abv12r0", start=None, end=None)
    assert event.own_event() is None
    assert event.note is not None


def test_all_day_event_without_length_blocks_a_day() -> None:
    event = read(start={"date": "2026-12-01"}, end={"date": "2026-12-01"})
    assert event.busy is not None
    assert (event.busy.start, event.busy.end) == (at(1, 0), at(2, 0))


def test_event_without_times_is_noted() -> None:
    event = read(start=None, end="never")
    assert event.busy is None
    assert event.note == "An event has no time that can be read. It does not block."


def test_free_event_without_times_is_not_noted() -> None:
    assert read(start=None, end=None, transparency="transparent").note is None


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Mars/Base"])
def test_times_at_the_ends_of_the_calendar(day: str, zone: str) -> None:
    for edge in (
        {"date": day},
        {"dateTime": f"{day}T23:59:59", "timeZone": zone},
        {"dateTime": f"{day}T00:00:00+14:00"},
    ):
        for fields in ({"start": edge}, {"end": edge}, {"start": edge, "end": edge}):
            event = read(**fields)
            assert event.start is not None
            assert event.end is not None
            if "start" in fields:
                assert event.start.year == int(day[:4])
            if fields == {"end": edge} and day == "9999-12-31":
                assert event.end.year == 9999


def test_events_without_id_have_keys_of_their_own() -> None:
    first, second = read(id=None), read(id=None, summary="Other")
    assert first.key != second.key
    assert len(first.key) == 64


def test_notes_are_limited() -> None:
    collector = EventCollector(WINDOW, NAMESPACE, is_whole=True)
    for day in range(1, 29):
        collector.add({"id": f"e{day}", "start": {"date": f"2026-12-{day:02}"}})
    assert len(collector.reading(None).notes) == MAX_NOTES


def test_entry_that_is_no_event_is_noted() -> None:
    collector = EventCollector(WINDOW, NAMESPACE, is_whole=True)
    collector.add(None)
    collector.add(["event"])
    assert collector.reading(None).notes == ("An entry is not an event. It does not block.",)


@pytest.mark.parametrize("event_id", ["event1", "pr0123456789abv12r0"])
def test_later_report_of_an_event_counts(event_id: str) -> None:
    """Pages of an increment may report an event twice."""
    is_own = event_id != "event1"
    collector = EventCollector(WINDOW, NAMESPACE, is_whole=False)
    for status in ("confirmed", "cancelled"):
        collector.add({"id": event_id, "status": status, "start": START, "end": END})
    reading = collector.reading(None)
    assert (reading.busy, reading.own) == ({}, ())
    assert reading.removed == {event_id}
    assert reading.removed_own == ({event_id} if is_own else frozenset())
    collector.add({"id": event_id, "start": START, "end": END})
    reading = collector.reading(None)
    assert (len(reading.busy), len(reading.own)) == ((0, 1) if is_own else (1, 0))
    assert reading.removed == reading.removed_own == frozenset()


SCALARS = st.sampled_from([None, True, 7, 1.5, "", "x", "2026-12-01", "cancelled", "2026-12-01T10:00:00", "\ud800"])
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(SCALARS.map(str), SCALARS, max_size=2)
EDGES = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "date": st.dates().map(str) | VALUES,
        "dateTime": st.datetimes().map(lambda moment: moment.isoformat()) | VALUES,
        "timeZone": st.sampled_from(["America/Chicago", "Mars/Base"]) | VALUES,
    },
)
NAMES = (
    "id",
    "iCalUID",
    "status",
    "summary",
    "organizer",
    "attendees",
    "eventType",
    "transparency",
    "recurringEventId",
)
ITEMS = st.fixed_dictionaries({}, optional={**dict.fromkeys(NAMES, VALUES), "start": EDGES, "end": EDGES})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ITEMS)
def test_reading_an_event_never_raises(item: dict[str, Any]) -> None:
    event = read_event(item, CHICAGO, NAMESPACE)
    if event.busy is not None:
        assert event.busy.start < event.busy.end
    assert (event.start is None) == (event.end is None)
