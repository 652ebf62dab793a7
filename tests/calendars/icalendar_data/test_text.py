"""Text as it really comes: line ends, folds, encodings, ENDs that are missing, things that are no calendar."""

from __future__ import annotations

import pytest

from peterental.calendars.icalendar_data.reader import calendar_name
from peterental.calendars.model import CalendarNonsense
from tests.calendars.icalendar_data.samples import busy, calendar, event, local, read

NINE = ["12-01 09:00-10:00"]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n", "\n\n", "\r\n\r\n"])
def test_any_line_end_is_read(end: str) -> None:
    folded = event("SUMMARY:Long", " er").replace("DTSTART:2026", "DTSTART:20\n 26")
    lines = [line for line in calendar().decode().split("\r\n") if line]
    text = end.join([*lines[:-1], *folded.split("\n"), lines[-1], ""]).encode()
    assert local(text) == NINE
    assert busy(text)[0].title == "Longer"


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("latin-1"),
        lambda text: text.encode().replace(b"\n", b"\x00\n"),
        lambda text: text.rstrip().encode(),
        lambda text: b"\r\n \r\n" + text.encode() + b"\r\n\r\ntrailing rubbish",
    ],
    ids=["BOM", "UTF-16", "Latin-1", "NUL", "no last line end", "around it"],
)
def test_any_encoding_is_read(encode: object) -> None:
    text = calendar(event("SUMMARY:Café")).decode()
    assert callable(encode)
    assert busy(encode(text))[0].title == "Café"


@pytest.mark.parametrize(
    "lines",
    [
        ["no property"],
        [":"],
        [";:;"],
        ["X"],
        ["=:"],
        ["X-LONG:" + "x" * 100_000],
        ['SUMMARY;X="' + ";" * 1000],
        ["ÄÖ:1"],
    ],
)
def test_rubbish_within_an_event_is_skipped(lines: list[str]) -> None:
    assert local(event(*lines)) == NINE


def test_a_version_is_not_needed() -> None:
    assert local(b"BEGIN:VCALENDAR\n" + event().encode() + b"\nEND:VCALENDAR") == NINE
    assert local(b"begin:vcalendar\n" + event().lower().replace("t1", "T1").encode() + b"\nend:vcalendar") == NINE


def test_several_calendars_are_read() -> None:
    text = calendar(event(), head="X-WR-CALNAME:First\\, one") + calendar(event(uid="2"), head="NAME:Second")
    assert local(text) == NINE * 2
    assert calendar_name(text) == "First, one"
    assert calendar_name(calendar(head="NAME: Work ")) == "Work"
    assert calendar_name(calendar()) is None
    assert read(calendar()).product == "-//Test//EN"


@pytest.mark.parametrize("missing", ["\nEND:VEVENT\nBEGIN:VEVENT", "\nEND:VEVENT\nEND:VCALENDAR"])
def test_a_missing_end_of_an_event_is_understood(missing: str) -> None:
    two = f"BEGIN:VCALENDAR\n{event()}\n{event(uid='2')}\nEND:VCALENDAR\n"
    assert missing in two
    assert local(two.replace(missing, missing.replace("\nEND:VEVENT", "")).encode()) == NINE * 2


def test_a_missing_end_of_an_alarm_is_understood() -> None:
    assert local(calendar(event("BEGIN:VALARM\nTRIGGER:-PT15M"), event(uid="2"))) == NINE * 2


def test_a_missing_end_before_another_calendar_is_understood() -> None:
    text = f"BEGIN:VCALENDAR\n{event()}\nBEGIN:VCALENDAR\n{event(uid='2')}\nEND:VCALENDAR\n"
    assert local(text.encode()) == NINE * 2


def test_an_end_without_beginning_means_nothing() -> None:
    text = f"BEGIN:VCALENDAR\nEND:VALARM\n{event()}\nEND:VEVENT\nEND:X\nEND:VCALENDAR\nEND:VCALENDAR\n"
    assert local(text.encode()) == NINE


def test_events_outside_a_calendar_are_not_read() -> None:
    assert local(event().encode() + b"\n" + calendar()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"\xff\xfe",
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        b"{}",
        event().encode(),
        bytes(1000),
        b"PK\x03\x04",
    ],
)
def test_what_is_no_calendar_is_nonsense(text: bytes) -> None:
    with pytest.raises(CalendarNonsense) as caught:
        read(text, host="cal.example")
    assert str(caught.value) == "cal.example sent something that is not a calendar: it has no VCALENDAR."


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_nonsense(share: float) -> None:
    text = calendar(event(), event(uid="2"))
    with pytest.raises(CalendarNonsense, match=r"it is cut off"):
        read(text[: int(len(text.rstrip()) * share)])


def test_an_empty_calendar_is_free() -> None:
    found = read(calendar())
    assert (found.busy, found.own, found.notes) == ({}, (), ())


def test_a_fold_may_divide_a_character() -> None:
    text = calendar(event("SUMMARY:Café ☎")).replace("é".encode(), b"\xc3\r\n \xa9")
    assert busy(text)[0].title == "Café ☎"


def test_a_line_in_another_encoding_does_not_spoil_the_others() -> None:
    text = calendar(event("SUMMARY:Café ☎"), event("DESCRIPTION:x", "SUMMARY:Ole", uid="2")).replace(b"Ole", b"Ol\xe9")
    assert [time.title for time in busy(text)] == ["Café ☎", "Olé"]
