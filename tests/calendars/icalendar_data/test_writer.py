"""Viewings as iCalendar data, read back by two others: icalendar, and our own reader."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.calendars.icalendar_data.reader import calendar_name
from peterental.calendars.icalendar_data.writer import feed, viewing_to_icalendar
from peterental.calendars.model import Marker, ViewingEvent
from tests.calendars.icalendar_data.samples import CHICAGO, NAMESPACE, read

VIEWING = ViewingEvent(
    marker=Marker(NAMESPACE, 1402, 1),
    event_id=None,
    start=datetime(2026, 12, 1, 9, tzinfo=CHICAGO),
    end=datetime(2026, 12, 1, 15, 30, tzinfo=UTC),
    zone=CHICAGO,
    title="Viewing: 1420 Elm Street (Dolores Whitcomb)",
    location="1420 Elm Street, Apt. 2; rear",
    description="Dolores Whitcomb\nPhone: (405) 555-0142\n\\o/ C:\\temp",
    url="https://rent.example/appointments/1402",
    sequence=3,
    updated_at=datetime(2026, 11, 29, 12, 30, 15, tzinfo=UTC),
)


def parsed(text: bytes) -> tuple[Any, list[Any]]:
    """Return a calendar and its events, as icalendar reads them."""
    calendar = icalendar.Calendar.from_ical(text)
    return calendar, list(calendar.walk("VEVENT"))


def lines(text: bytes) -> list[str]:
    """Return the lines, unfolded."""
    return text.decode().replace("\r\n ", "").split("\r\n")


def test_a_viewing_is_one_event_in_utc() -> None:
    text = viewing_to_icalendar(VIEWING)
    assert lines(text) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//PeteRental//Viewings//EN",
        "CALSCALE:GREGORIAN",
        "BEGIN:VEVENT",
        "SUMMARY:Viewing: 1420 Elm Street (Dolores Whitcomb)",
        "DTSTART:20261201T150000Z",
        "DTEND:20261201T153000Z",
        "DTSTAMP:20261129T123015Z",
        "UID:pr0123456789abv1402r1@peterental",
        "SEQUENCE:3",
        "DESCRIPTION:Dolores Whitcomb\\nPhone: (405) 555-0142\\n\\\\o/ C:\\\\temp",
        "LAST-MODIFIED:20261129T123015Z",
        "LOCATION:1420 Elm Street\\, Apt. 2\\; rear",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "URL:https://rent.example/appointments/1402",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_viewing_without_a_page_has_no_url() -> None:
    assert b"URL" not in viewing_to_icalendar(replace(VIEWING, url=None))


def test_a_viewing_that_comes_back_is_our_own() -> None:
    found = read(viewing_to_icalendar(VIEWING))
    assert found.busy == {}
    assert [(own.marker, own.start, own.end) for own in found.own] == [(VIEWING.marker, VIEWING.start, VIEWING.end)]


TEXTS = st.text(st.characters(exclude_categories=()), max_size=200)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, TEXTS, TEXTS)
def test_any_text_is_escaped_and_folded(title: str, location: str, description: str) -> None:
    text = viewing_to_icalendar(replace(VIEWING, title=title, location=location, description=description, url=title))
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", text)
    text.decode()
    _, (event,) = parsed(text)
    assert str(event["UID"]) == VIEWING.marker.uid
    assert event["DTSTART"].dt == VIEWING.start
    assert len([line for line in lines(text) if line.startswith(("BEGIN", "END"))]) == 4


@pytest.mark.parametrize(
    "text", ["a,b;c\\d", "one\ntwo", "Ünïcödé ☎", "x" * 300, "é" * 200, "BEGIN:VEVENT\nUID:x", "\\n"]
)
def test_text_comes_back_as_it_was(text: str) -> None:
    _, (event,) = parsed(viewing_to_icalendar(replace(VIEWING, title=text, location=text, description=text)))
    assert [str(event[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION")] == [text] * 3


@pytest.mark.parametrize(
    ("text", "plain"), [("a\r\nb\rc", "a\nb\nc"), ("a\x00b\x1bc\x85d\u2028e", "abcde"), ("\ud800x", "x")]
)
def test_control_characters_are_left_out(text: str, plain: str) -> None:
    _, (event,) = parsed(viewing_to_icalendar(replace(VIEWING, title=text)))
    assert str(event["SUMMARY"]) == plain


def test_a_url_cannot_add_lines() -> None:
    text = viewing_to_icalendar(replace(VIEWING, url="https://rent.example/\r\nATTENDEE:mailto:x@example.com"))
    assert not [line for line in lines(text) if line.startswith("ATTENDEE")]


def test_a_feed_has_every_viewing() -> None:
    events = [
        replace(VIEWING, marker=Marker(NAMESPACE, number), start=VIEWING.start + timedelta(days=number), end=VIEWING.end + timedelta(days=number))
        for number in range(1, 4)
    ]  # fmt: skip
    text = feed(events, "Viewings, Dana")
    calendar, found = parsed(text)
    assert [str(event["UID"]) for event in found] == [event.marker.uid for event in events]
    assert str(calendar["METHOD"]) == "PUBLISH"
    assert {"NAME:Viewings\\, Dana", "X-WR-CALNAME:Viewings\\, Dana"} <= set(lines(text))
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines(text)
    assert "X-PUBLISHED-TTL:PT1H" in lines(text)
    assert calendar_name(text) == "Viewings, Dana"


def test_an_empty_feed_is_a_calendar() -> None:
    assert parsed(feed([], "Viewings"))[1] == []
    assert feed([VIEWING], "Viewings") == feed([VIEWING], "Viewings")
