"""A viewing's iCalendar text after a person has edited it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peterental.calendars.caldav.viewing_text import ViewingText
from tests.calendars.caldav.samples import event, icalendar, viewing

UID = viewing().marker.uid
OURS = icalendar(
    event("DTSTART:20261203T180000Z", "DTEND:20261203T183000Z", "SEQUENCE:1", "LOCATION:Elm", uid=UID, title="Viewing")
)
THEIRS = icalendar(
    "BEGIN:VTIMEZONE\r\nTZID:America/Chicago\r\nBEGIN:STANDARD\r\nDTSTART:20071104T020000\r\n"
    "TZOFFSETFROM:-0500\r\nTZOFFSETTO:-0600\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
    event("DTSTART:20261201T000000Z", "SUMMARY:An exception", "RECURRENCE-ID:20261201T000000Z", uid=UID),
    event("DTSTART:20261201T000000Z", "SUMMARY:Another", uid="other@example.com"),
    event(
        "DTSTART;TZID=America/Chicago:20261203T100000",
        "DURATION:PT30M",
        "sequence:4",
        "DESCRIPTION:old text that is long enough to be folded by every program that keeps to the rules of",
        "  RFC 5545 and mentions",
        "\tDTSTART:19990101T000000Z",
        'X-ALT-DESC;FMTTYPE="text/html":<b>old</b>',
        "CATEGORIES:WORK",
        "COLOR:red",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "DESCRIPTION:Leave",
        "SUMMARY:Leave",
        "END:VALARM",
        uid=UID,
        title="Old",
    ),
)


def replaced(theirs: str, ours: str = OURS, sequence: int = 5) -> str:
    return ViewingText(theirs.encode(), UID).replaced_by(ViewingText(ours.encode(), UID), sequence=sequence).decode()


def test_only_our_properties_are_replaced() -> None:
    text = replaced(THEIRS)
    [ours] = [part for part in text.split("BEGIN:VEVENT") if "DTSTART:20261203T180000Z" in part]
    for kept in ("CATEGORIES:WORK", "COLOR:red", "TRIGGER:-PT15M", "DESCRIPTION:Leave", "SUMMARY:Leave", f"UID:{UID}"):
        assert kept in ours
    for new in ("SUMMARY:Viewing", "DTEND:20261203T183000Z", "SEQUENCE:5", "LOCATION:Elm"):
        assert ours.count(new) == 1
    for old in ("DURATION", "X-ALT-DESC", "old", "19990101", "sequence:4", "SUMMARY:Old", "TZID"):
        assert old not in ours


def test_other_components_stay_byte_for_byte() -> None:
    start = THEIRS.index(f"BEGIN:VEVENT\r\nUID:{UID}\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Old")
    assert replaced(THEIRS).startswith(THEIRS[:start])


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    assert replaced(THEIRS.replace("\r\n", "\n")) == replaced(THEIRS)
    assert replaced("\ufeff" + THEIRS.replace("\r\n", "\r")) == replaced(THEIRS)


def test_bytes_that_are_not_utf_8_survive() -> None:
    theirs = THEIRS.encode().replace(b"COLOR:red", b"COLOR:\xff\xfe")
    result = ViewingText(theirs, UID).replaced_by(ViewingText(OURS.encode(), UID), sequence=5)
    assert b"COLOR:\xff\xfe\r\n" in result


def test_sequence_and_status_are_the_events() -> None:
    text = ViewingText(THEIRS.encode(), UID)
    assert (text.is_ours, text.sequence, text.is_cancelled) == (True, 4, False)
    cancelled = THEIRS.replace("COLOR:red", "STATUS:cancelled")
    assert ViewingText(cancelled.encode(), UID).is_cancelled
    for odd in ("SEQUENCE:", "SEQUENCE:-1", "SEQUENCE:1e9", "SEQUENCE:99999999999"):
        assert ViewingText(OURS.replace("SEQUENCE:1", odd).encode(), UID).sequence == 0


def test_text_without_our_event_is_not_ours() -> None:
    for text in ("", "nonsense", THEIRS.replace(UID, "x"), THEIRS.replace("END:VEVENT", "END:VTODO")):
        found = ViewingText(text.encode(), UID)
        assert (found.is_ours, found.sequence, found.is_cancelled) == (False, 0, False)


def test_agreement_is_about_what_people_see() -> None:
    ours = ViewingText(OURS.encode(), UID)
    later = OURS.replace("SEQUENCE:1", "SEQUENCE:2").replace("20261001", "20261002")
    assert ViewingText(later.encode(), UID).agrees_with(ours)
    for other in (OURS.replace("T18", "T19"), OURS.replace("Elm", "Oak"), THEIRS):
        assert not ViewingText(other.encode(), UID).agrees_with(ours)


@given(
    st.lists(
        st.sampled_from(
            ["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END", f"UID:{UID}", " x", 'A;B="c"', "\x0b", ""]
        )
    )
)
def test_odd_structures_do_no_harm(lines: list[str]) -> None:
    found = ViewingText("\r\n".join(lines).encode(), UID)
    if found.is_ours:
        again = ViewingText(found.replaced_by(ViewingText(OURS.encode(), UID), sequence=9), UID)
        assert (again.is_ours, again.sequence) == (True, 9)
