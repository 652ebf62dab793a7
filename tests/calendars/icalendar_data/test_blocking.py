"""Which events block, and how."""

from __future__ import annotations

import pytest

from tests.calendars.icalendar_data.samples import busy, calendar, event, local, read, series

ME = "ATTENDEE;CN=Dana;PARTSTAT={}:mailto:dana@example.com"
OTHER = 'ATTENDEE;CN="Doe; Jane: X";PARTSTAT=DECLINED:mailto:jane@example.com'


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([], "busy"),
        (["TRANSP:OPAQUE"], "busy"),
        (["TRANSP:TRANSPARENT"], None),
        (["transp: transparent "], None),
        (["STATUS:CONFIRMED"], "busy"),
        (["STATUS:TENTATIVE"], "tentative"),
        (["STATUS:CANCELLED"], None),
        (["STATUS:SOMETHING-NEW"], "busy"),
        (["TRANSP:SOMETHING-NEW"], "busy"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:BUSY"], "busy"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE"], None),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:OPAQUE"], None),
        (["X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"], "tentative"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:OOF"], "out_of_office"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:TRANSPARENT"], "out_of_office"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", "TRANSP:OPAQUE"], None),
        (["X-MICROSOFT-CDO-BUSYSTATUS:SOMETHING-NEW"], "busy"),
        (["X-MICROSOFT-CDO-BUSYSTATUS:BUSY", "STATUS:CANCELLED"], None),
        ([ME.format("ACCEPTED")], "busy"),
        ([ME.format("NEEDS-ACTION")], "busy"),
        ([ME.format("DECLINED")], None),
        ([ME.format("declined")], None),
        ([ME.format("TENTATIVE")], "tentative"),
        ([ME.format("DELEGATED")], "busy"),
        (["ATTENDEE:mailto:dana@example.com"], "busy"),
        ([OTHER], "busy"),
        ([OTHER, ME.format("DECLINED")], None),
        ([OTHER, ME.format("ACCEPTED")], "busy"),
        ([ME.format("DECLINED"), "ATTENDEE;PARTSTAT=ACCEPTED:mailto:dana.alias@example.com"], "busy"),
        (["ATTENDEE;PARTSTAT=DECLINED;CN=Dana:MAILTO:Dana.Alias@EXAMPLE.com"], None),
        (["ATTENDEE;PARTSTAT=DECLINED;EMAIL=dana@example.com;CN=Dana:/aMTM/principal/"], None),
        (['ATTENDEE;PARTSTAT=DECLINED;CN="no end:mailto:dana@example.com'], None),
        (["ATTENDEE;PARTSTAT=DECLINED;CN=Da", " na:mailto:dana@exam", "\tple.com"], None),
    ],
)  # fmt: skip
def test_an_event_blocks_as_it_is_shown(lines: list[str], kind: str | None) -> None:
    text = "\n".join(["BEGIN:VCALENDAR", event(*lines), "END:VCALENDAR", ""]).encode()
    assert [time.kind for time in busy(text)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("travel", "times"),
    [
        ("PT45M", ["12-01 08:15-10:00"]), ("PT0S", ["12-01 09:00-10:00"]), ("-PT45M", ["12-01 09:00-10:00"]),
        ("soon", ["12-01 09:00-10:00"]), ("P9D", ["11-30 09:00-12-01 10:00"]),
    ],
)  # fmt: skip
def test_travel_before_an_event_blocks(travel: str, times: list[str]) -> None:
    line = f"X-APPLE-TRAVEL-DURATION;VALUE=DURATION:{travel}"
    assert local(event(line)) == times
    assert local(event(line, "TRANSP:TRANSPARENT")) == []
    assert local(event(line, start="DTSTART;VALUE=DATE:20261201", end="")) == ["12-01 00:00-12-02 00:00"]


def test_travel_before_each_time_of_a_series_blocks() -> None:
    moved = series("", "RECURRENCE-ID;TZID=America/Chicago:20261201T090000", day="20261201", hours="T140000,T150000")
    text = calendar(series("FREQ=DAILY;COUNT=3", "X-APPLE-TRAVEL-DURATION:PT30M"), moved)
    assert local(text) == ["11-30 08:30-10:00", "12-01 14:00-15:00", "12-02 08:30-10:00"]


def test_what_others_declined_blocks_without_an_owner() -> None:
    assert len(busy(event(ME.format("DECLINED")), owner=[])) == 1


def test_a_busy_time_has_its_title() -> None:
    times = busy(event("SUMMARY:Dinner\\, 7 pm\\; with Ana\\nand \\\\ Bo\x07", uid="a\\,b"))
    assert [time.title for time in times] == ["Dinner, 7 pm; with Ana and \\ Bo"]
    assert busy(event("SUMMARY:"))[0].title is None
    assert busy(event())[0].title is None
    assert len(busy(event("SUMMARY:" + "x" * 5000))[0].title or "") == 300


def test_events_are_found_by_uid() -> None:
    found = read(calendar(event(uid="a@x"), event(uid="b"), event("TRANSP:TRANSPARENT", uid="c"))).busy
    assert list(found) == ["a@x", "b"]


def test_long_and_missing_uids_have_a_stand_in() -> None:
    long = "u" * 5000
    found = read(calendar(event(uid=long), event(uid=""), event("SUMMARY:2", uid=""))).busy
    assert len(found) == 3
    assert all(key.startswith("sha256:") and len(key) == 71 for key in found)
    assert found.keys() == read(calendar(event(uid=long), event(uid=""), event("SUMMARY:2", uid=""))).busy.keys()


def test_tasks_journals_and_alarms_do_not_block() -> None:
    others = [
        f"BEGIN:{name}\nUID:{name}\nDTSTART:20261201T150000Z\nDUE:20261201T170000Z\nEND:{name}"
        for name in ("VTODO", "VJOURNAL", "X-OTHER", "VAVAILABILITY")
    ]
    alarm = "BEGIN:VALARM\nTRIGGER:-PT15M\nDTSTART:20261202T150000Z\nDURATION:PT9H\nSUMMARY:Alarm\nEND:VALARM"
    assert local(calendar(*others, event("SUMMARY:One", alarm))) == ["12-01 09:00-10:00"]
    assert busy(event("SUMMARY:One", alarm))[0].title == "One"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FREEBUSY:20261201T150000Z/20261201T160000Z", [("12-01 09:00-10:00", "busy")]),
        ("FREEBUSY;FBTYPE=BUSY:20261201T150000Z/PT30M,20261202T150000Z/PT1H",
         [("12-01 09:00-09:30", "busy"), ("12-02 09:00-10:00", "busy")]),
        ("FREEBUSY;FBTYPE=FREE:20261201T150000Z/PT30M", []),
        ("FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261201T150000Z/PT30M", [("12-01 09:00-09:30", "tentative")]),
        ("FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261201T150000Z/PT30M", [("12-01 09:00-09:30", "out_of_office")]),
        ("FREEBUSY;FBTYPE=X-NEW:20261201T150000Z/PT30M", [("12-01 09:00-09:30", "busy")]),
        ("FREEBUSY:rubbish,20261201T150000Z/PT30M,20261201T170000Z/rubbish", [("12-01 09:00-09:30", "busy")]),
        ("FREEBUSY:20261201T150000Z", []),
    ],
)  # fmt: skip
def test_free_busy_components_block(line: str, expected: list[tuple[str, str]]) -> None:
    text = f"BEGIN:VFREEBUSY\nUID:fb\n{line}\nEND:VFREEBUSY"
    times = busy(text)
    assert list(zip(local(text), [time.kind for time in times], strict=True)) == expected


def test_every_time_of_a_series_has_its_own_kind() -> None:
    declined = event(
        "RECURRENCE-ID;TZID=America/Chicago:20261207T090000",
        ME.format("DECLINED"),
        start="DTSTART;TZID=America/Chicago:20261207T090000",
        end="DTEND;TZID=America/Chicago:20261207T100000",
    )
    tentative = declined.replace("1207", "1214").replace("DECLINED", "TENTATIVE")
    times = busy(calendar(series("FREQ=WEEKLY;COUNT=4", ME.format("ACCEPTED")), declined, tentative))
    assert [(f"{time.start:%m%d}", time.kind) for time in times] == [
        ("1130", "busy"), ("1214", "tentative"), ("1221", "busy"),
    ]  # fmt: skip


def test_one_accepted_time_of_a_declined_series_blocks() -> None:
    accepted = series("", "RECURRENCE-ID;TZID=America/Chicago:20261207T090000", ME.format("ACCEPTED"), day="20261207")
    assert local(calendar(series("FREQ=WEEKLY", ME.format("DECLINED")), accepted)) == ["12-07 09:00-10:00"]
