"""Events that PeteRental wrote come back: they never block."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.calendars.model import Marker, OwnEvent, Stamp
from tests.calendars.icalendar_data.samples import NAMESPACE, calendar, event, local, read

MARKER = Marker(NAMESPACE, 1402, 3)
START, END = datetime(2026, 12, 1, 15, tzinfo=UTC), datetime(2026, 12, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize("lines", [[], ["TRANSP:OPAQUE"], ["STATUS:TENTATIVE"]])
def test_our_own_event_does_not_block(lines: list[str]) -> None:
    found = read(calendar(event(*lines, uid=MARKER.uid), event(uid="2")))
    assert found.own == (OwnEvent(marker=MARKER, event_id=MARKER.uid, start=START, end=END),)
    assert list(found.busy) == ["2"]


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("7/20261201T150000Z/20261201T160000Z", Stamp(7, START, END)),
        (" 7/20261201T150000Z/20261201T160000Z ", Stamp(7, START, END)),
        ("7/20261301T150000Z/20261201T160000Z", None),
        ("7/20261201T150000/20261201T160000", None),
        ("soon", None),
        ("", None),
    ],
)
def test_stamp_of_our_own_event_is_read(text: str, stamp: Stamp | None) -> None:
    (own,) = read(event(f"X-PETERENTAL-STAMP:{text}", uid=MARKER.uid)).own
    assert own.stamp == stamp


@given(st.integers(0, 10**18 - 1), st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # aware
def test_stamp_survives_its_text(version: int, start: datetime) -> None:
    stamp = Stamp(version, start.replace(microsecond=0), start.replace(microsecond=0))
    assert Stamp.parse(str(stamp)) == stamp


def test_event_is_overtaken_by_an_earlier_write_only() -> None:
    stamp = Stamp(3, START, END)
    own = OwnEvent(marker=MARKER, event_id="1", start=START, end=END, stamp=stamp)
    assert own.is_overtaken(4)
    assert not own.is_overtaken(3)
    assert not own.is_overtaken(2), "the database was restored from a backup: the agent has to know"
    assert not replace(own, end=END + (END - START)).is_overtaken(4), "a person moved it"
    assert not replace(own, stamp=None).is_overtaken(4)


def test_our_own_event_is_seen_outside_the_window() -> None:
    found = read(event(start="DTSTART:20200101T000000Z", end="DURATION:PT1H", uid=MARKER.uid))
    assert [own.start for own in found.own] == [datetime(2020, 1, 1, tzinfo=UTC)]


def test_our_own_event_that_was_cancelled_has_no_time() -> None:
    assert read(event("STATUS:CANCELLED", uid=MARKER.uid)).own == (
        OwnEvent(marker=MARKER, event_id=MARKER.uid, start=None, end=None),
    )


def test_a_single_time_of_our_own_event_says_nothing() -> None:
    found = read(calendar(event(uid=MARKER.uid), event("RECURRENCE-ID:20261201T150000Z", uid=MARKER.uid)))
    assert len(found.own) == 1
    assert found.busy == {}


def test_our_own_event_that_a_person_made_a_series_blocks_its_other_times() -> None:
    moved = event(
        "RECURRENCE-ID:20261203T150000Z", start="DTSTART:20261203T200000Z", end="DURATION:PT1H", uid=MARKER.uid
    )
    first = event(
        "RECURRENCE-ID:20261201T150000Z", start="DTSTART:20261201T210000Z", end="DURATION:PT1H", uid=MARKER.uid
    )
    text = calendar(moved, first, event("RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20261202T150000Z", uid=MARKER.uid))
    assert read(text).own == (OwnEvent(marker=MARKER, event_id=MARKER.uid, start=START, end=END),)
    assert local(text) == ["12-01 15:00-16:00", "12-03 14:00-15:00", "12-04 09:00-10:00"]


def test_our_own_event_in_googles_file_does_not_block() -> None:
    uid = f"{MARKER}@google.com"
    found = read(event(uid=uid))
    assert ([own.marker for own in found.own], found.busy) == ([MARKER], {})
    invited = read(event(ORGANIZER.format("bo"), GUEST.format("ACCEPTED"), uid=uid))
    assert (invited.own, len(invited.busy)) == ((), 1)
    assert len(read(event(uid=f"{MARKER}@google.com.example")).busy) == 1


ORGANIZER, GUEST = "ORGANIZER:mailto:{}@example.com", "ATTENDEE;PARTSTAT={}:mailto:dana@example.com"


@pytest.mark.parametrize(
    ("lines", "is_own"),
    [
        ([ORGANIZER.format("bo"), GUEST.format("ACCEPTED")], False),
        ([ORGANIZER.format("bo")], True),
        ([ORGANIZER.format("dana"), GUEST.format("ACCEPTED")], True),
        ([ORGANIZER.format("dana.alias"), "ATTENDEE:mailto:bo@example.com"], True),
    ],
)
def test_agent_who_is_invited_to_anothers_viewing_is_busy(lines: list[str], *, is_own: bool) -> None:
    found = read(event(*lines, uid=MARKER.uid))
    assert (len(found.own), len(found.busy)) == ((1, 0) if is_own else (0, 1))
    declined = read(event(ORGANIZER.format("bo"), GUEST.format("DECLINED"), uid=MARKER.uid))
    assert (declined.own, declined.busy) == ((), {})


def test_our_own_event_without_a_time_is_noted() -> None:
    found = read(event(uid=MARKER.uid, start="DTSTART:soon"))
    assert (found.own, found.busy) == ((), {})
    assert found.notes == ("1 event with a viewing in it and a time that cannot be read.",)


@pytest.mark.parametrize(
    "uid", [Marker(NAMESPACE[::-1], 1402).uid, f"x{MARKER.uid}", f"{MARKER.uid}.example", str(MARKER)[:-1]]
)
def test_the_events_of_others_block(uid: str) -> None:
    found = read(event(uid=uid))
    assert found.own == ()
    assert list(found.busy) == [uid]
