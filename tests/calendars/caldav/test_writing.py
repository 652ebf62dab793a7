"""Writing viewings into calendars of Radicale and Xandikos, read back by the `caldav` package."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peterental.calendars.model import CalendarGone, CalendarUnreachable, EventMissing, EventRefused, OwnEvent
from peterental.calendars.source import ViewingCalendar
from tests.calendars.caldav.between import Between, forwarded, lose_the_answer
from tests.calendars.caldav.samples import account, lunch, moved, utc, viewing
from tests.calendars.caldav.server_programs import RealCalendar, Server
from tests.calendars.loopback import Exchange

pytestmark = pytest.mark.needs("caldav")

NAME = f"{viewing().marker}.ics"


@pytest.fixture
def mine(calendar: RealCalendar) -> ViewingCalendar:
    """The account of the fresh calendar."""
    return account(calendar.url)


def test_written_event_is_read_by_another_program(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    assert written.event_id == calendar.url + NAME
    [seen] = calendar.witness()
    assert (seen["start"], seen["end"]) == ("2026-12-03T16:00:00+00:00", "2026-12-03T16:30:00+00:00")
    assert seen["text"]["uid"] == viewing().marker.uid
    assert seen["text"]["summary"] == viewing().title
    assert seen["text"]["location"] == viewing().location
    assert seen["text"]["description"].startswith(viewing().description)


def test_change_keeps_what_the_person_added(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    added = (
        "CATEGORIES:WORK,VIEWING\r\nATTENDEE;CN=Pete:mailto:pete@example.com\r\nX-MOOD:sunny\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Leave now\r\nTRIGGER:-PT45M\r\nEND:VALARM\r\n"
    )
    calendar.put(NAME, calendar.text(NAME).replace("END:VEVENT", f"{added}END:VEVENT"))
    later = replace(moved(viewing(), written.event_id), title="Viewing: 1420 Elm Street (Dolores W.)")
    assert mine.write(calendar.url, later) == written
    [seen] = calendar.witness()
    assert seen["start"] == "2026-12-03T18:00:00+00:00"
    assert seen["alarms"] == 1
    text = calendar.text(NAME)
    for kept in ("WORK", "pete@example.com", "X-MOOD:sunny", "DESCRIPTION:Leave now", "TRIGGER:-PT45M", "Dolores W."):
        assert kept in text
    assert "Dolores Whitcomb)" not in text


def test_sequence_rises_above_a_persons_program(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    calendar.put(NAME, calendar.text(NAME).replace("SEQUENCE:0", "SEQUENCE:5"))
    mine.write(calendar.url, moved(viewing(), written.event_id))
    assert "SEQUENCE:6" in calendar.text(NAME)


def test_change_keeps_the_notes_of_a_person(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    first = viewing(description="Visitor: Ann\nPhone: 1")
    written = mine.write(calendar.url, first)
    text = calendar.text(NAME).replace("Phone: 1", "Phone: 1\\n\\nBring the keys\\, both")
    calendar.put(NAME, text.replace("DESCRIPTION:", 'DESCRIPTION;ALTREP="cid:part1@example.com":'))
    mine.write(calendar.url, replace(moved(first, written.event_id), description="Visitor: Deleted"))
    (seen,) = calendar.witness()
    assert seen["text"]["description"] == "Visitor: Deleted\n\nBring the keys, both"


def test_write_change_delete(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    later = moved(viewing(), written.event_id)
    mine.write(calendar.url, later)
    assert mine.find(calendar.url, later) == OwnEvent(
        marker=later.marker, event_id=written.event_id, start=later.start, end=later.end, is_original=True
    )
    mine.delete(calendar.url, written.event_id)
    assert mine.find(calendar.url, later) is None
    mine.delete(calendar.url, written.event_id)


def test_lost_answer_then_retry_makes_one_event(server: Server) -> None:
    calendar = server.new_calendar()
    with Between(server, PUT=[lose_the_answer(server)]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(CalendarUnreachable):
            account(through).write(through, viewing())
        written = account(through).write(through, viewing())
        assert written.event_id == through + NAME
        assert between.count("PUT") == 2
    assert [event["text"]["uid"] for event in calendar.witness()] == [viewing().marker.uid]


def test_timeout_then_retry_makes_one_event(server: Server) -> None:
    calendar = server.new_calendar()

    def hang(exchange: Exchange) -> bytes:
        forwarded(server, exchange)
        exchange.hang()
        return b""

    with Between(server, PUT=[hang]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(CalendarUnreachable):
            account(through, timeout_s=1).write(through, viewing())
        account(through).write(through, viewing())
    assert calendar.names() == {NAME}


def test_retry_after_a_lost_answer_writes_a_newer_revision(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    """The viewing was moved before the event was known to exist."""
    mine.write(calendar.url, viewing())
    later = moved(viewing(), None)
    mine.write(calendar.url, later)
    found = mine.find(calendar.url, later)
    assert found is not None
    assert found.start == later.start


def test_retry_after_a_lost_answer_leaves_a_persons_move(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    mine.write(calendar.url, viewing())
    calendar.put(NAME, calendar.text(NAME).replace("20261203T16", "20261204T17").replace("SEQUENCE:0", "SEQUENCE:1"))
    mine.write(calendar.url, viewing())
    found = mine.find(calendar.url, viewing())
    assert found is not None
    assert found.start == utc(12, 4, 17)


def test_lost_answer_to_a_change_then_retry(server: Server) -> None:
    calendar = server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())
    later = moved(viewing(), written.event_id)
    with Between(server, PUT=[lose_the_answer(server)]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(CalendarUnreachable):
            account(through).write(through, later)
        account(through).write(through, later)
    text = calendar.text(NAME)
    assert text.count("BEGIN:VEVENT") == 1
    assert "20261203T18" in text


def test_lost_answer_to_a_deletion_then_retry(server: Server) -> None:
    calendar = server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())
    with Between(server, DELETE=[lose_the_answer(server)]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(CalendarUnreachable):
            account(through).delete(through, written.event_id)
        assert not account(through).delete(through, written.event_id)
    assert calendar.names() == set()


def test_change_that_another_program_overtakes_is_tried_again(server: Server) -> None:
    calendar = server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())

    def overtake(_: Exchange) -> None:
        calendar.put(NAME, calendar.text(NAME).replace("END:VEVENT", "CATEGORIES:WORK\r\nEND:VEVENT"))

    with Between(server, PUT=[overtake]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        account(through).write(through, moved(viewing(), written.event_id))
        assert between.count("PUT") == 2
    assert "CATEGORIES:WORK" in calendar.text(NAME)
    assert "20261203T18" in calendar.text(NAME)


def test_change_that_is_overtaken_twice_is_left_for_later(server: Server) -> None:
    calendar = server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())

    def overtake(_: Exchange) -> None:
        calendar.put(NAME, calendar.text(NAME).replace("END:VEVENT", "COMMENT:again\r\nEND:VEVENT"))

    with Between(server, PUT=[overtake, overtake]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(CalendarUnreachable, match="keeps changing"):
            account(through).write(through, moved(viewing(), written.event_id))
    assert "20261203T16" in calendar.text(NAME)


def test_event_deleted_while_it_is_changed_is_missing(server: Server) -> None:
    calendar = server.new_calendar()
    written = account(calendar.url).write(calendar.url, viewing())
    with Between(server, PUT=[lambda _: calendar.delete(NAME)]) as between:
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        with pytest.raises(EventMissing):
            account(through).write(through, moved(viewing(), written.event_id))
    assert calendar.names() == set()


def test_deleted_event_is_not_created_again(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    calendar.delete(NAME)
    with pytest.raises(EventMissing):
        mine.write(calendar.url, moved(viewing(), written.event_id))


def test_cancelled_event_counts_as_missing(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    cancelled = calendar.text(NAME).replace("END:VEVENT", "STATUS:CANCELLED\r\nEND:VEVENT")
    calendar.put(NAME, cancelled.replace("STATUS:CONFIRMED\n", ""))
    later = moved(viewing(), written.event_id)
    with pytest.raises(EventMissing):
        mine.write(calendar.url, later)
    assert mine.find(calendar.url, later) is None


def test_restored_viewing_gets_a_new_event(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    mine.delete(calendar.url, written.event_id)
    restored = replace(viewing(), marker=replace(viewing().marker, revision=1))
    assert mine.write(calendar.url, restored).event_id == f"{calendar.url}{restored.marker}.ics"


def test_event_that_a_program_renamed_is_followed(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    """Moved to another calendar and back, a resource has a name of the program's choice."""
    written = mine.write(calendar.url, viewing())
    text = calendar.text(NAME)
    calendar.delete(NAME)
    calendar.put("B2F6.ics", text)
    later = moved(viewing(), written.event_id)
    assert mine.write(calendar.url, later).event_id == f"{calendar.url}B2F6.ics"
    assert mine.write(calendar.url, replace(viewing(), event_id=None)).event_id == f"{calendar.url}B2F6.ics"
    assert calendar.names() == {"B2F6.ics"}
    mine.delete(calendar.url, written.event_id)
    assert calendar.names() == set()


def test_name_taken_by_something_else_is_refused(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    calendar.put(NAME, lunch())
    with pytest.raises(EventRefused):
        mine.write(calendar.url, viewing())
    assert "SUMMARY:Lunch" in calendar.text(NAME)


def test_deleted_calendar_is_gone_for_writing(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    written = mine.write(calendar.url, viewing())
    calendar.delete()
    mine.delete(calendar.url, written.event_id)  # nothing is left to delete, which is no fault
    with pytest.raises(CalendarGone):
        mine.find(calendar.url, viewing())
    with pytest.raises(CalendarGone):
        mine.write(calendar.url, moved(viewing(), written.event_id))
    with pytest.raises(CalendarGone):
        mine.write(calendar.url, viewing())


def test_text_in_many_scripts_survives(calendar: RealCalendar, mine: ViewingCalendar) -> None:
    odd = viewing(title="Vista: Peñón; 1\\2, “Ωmega” 🏠 " * 4, description="línea 1\nlínea 2;,\\n")
    mine.write(calendar.url, odd)
    [seen] = calendar.witness()
    assert seen["text"]["summary"] == odd.title.strip() or seen["text"]["summary"] == odd.title
    assert seen["text"]["description"].startswith(odd.description)
