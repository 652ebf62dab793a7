"""Each agent gets one morning list, on days with something to tell, with what was chosen for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from peterental.notices.model import NoLongerTrue
from tests.notices.agent_choices.conftest import NUMBER, Desk
from tests.together import at_once

LIST = "agent_morning_list"
MONDAY_LIST = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
"""Half past seven in Chicago."""

TEN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def hand_over(desk: Desk) -> None:
    desk.database.fetch(
        "UPDATE notices SET state = 'sent', handed_over_at = %s, ended_at = %s WHERE state = 'waiting'",
        (desk.clock.now, desk.clock.now),
    )


def test_list_has_the_day(desk: Desk) -> None:
    desk.book(TEN, confirmed=True)
    desk.book(TEN + timedelta(hours=2), name="Kim Lee")
    desk.book(TEN + timedelta(days=1), name="Tomorrow")
    desk.leave("Wants a viewing.")
    desk.clock.now = MONDAY_LIST
    assert desk.plan() == 1
    letter = desk.letter(LIST)
    assert letter.subject == "Your viewings: Mon, Nov 23"
    assert letter.body == (
        "Good morning Nora Castillo,\n\nMonday, November 23:\n\n"
        "Today's viewings\n"
        "10:00 AM CST 12 Elm Street, Mia Chen, 405-555-0177, confirmed\n"
        "12:00 PM CST 12 Elm Street, Kim Lee, 405-555-0177\n\n"
        "Urgent messages\n"
        "Bo Diaz, 405-555-0199: Wants a viewing.\n\n"
        "https://rent.example.com/agents/nora/day\n\n"
        "Leasing office"
    )


def test_list_is_written_once_by_several_workers(desk: Desk) -> None:
    desk.book(TEN)
    desk.clock.now = MONDAY_LIST
    assert sum(at_once([desk.plan, desk.plan, desk.plan])) == 1
    desk.clock.forward(minutes=1)
    assert desk.plan() == 0
    assert desk.recipients(LIST) == [("email", "nora@example.com")]


def test_list_is_due_on_the_agents_clock(desk: Desk) -> None:
    desk.database.fetch("UPDATE agents SET time_zone = 'America/Los_Angeles'")
    desk.book(TEN)
    desk.clock.now = MONDAY_LIST
    assert desk.plan() == 0
    desk.clock.forward(hours=2)
    assert desk.plan() == 1


def test_empty_list_is_left_out_for_the_day(desk: Desk) -> None:
    desk.clock.now = MONDAY_LIST
    assert desk.plan() == 0
    desk.book(TEN)
    desk.clock.forward(minutes=30)
    assert desk.plan() == 0
    desk.clock.now = MONDAY_LIST + timedelta(days=1)
    assert desk.plan() == 0  # the viewing is over


def test_list_after_an_outage_is_late_but_not_hours_late(desk: Desk) -> None:
    desk.book(TEN)
    desk.book(TEN + timedelta(days=1, hours=5))
    desk.clock.now = MONDAY_LIST + timedelta(hours=4)
    assert desk.plan() == 0
    desk.clock.now = MONDAY_LIST + timedelta(days=1, hours=3)
    assert desk.plan() == 1


def test_list_that_became_empty_is_not_sent(desk: Desk) -> None:
    viewing = desk.book(TEN)
    desk.clock.now = MONDAY_LIST
    desk.plan()
    desk.change(viewing, "cancelled")
    with pytest.raises(NoLongerTrue):
        desk.letter(LIST)


def test_list_tells_what_was_chosen_for_it(desk: Desk) -> None:
    for kind in ("agent_moved", "agent_flagged_call", "agent_calendar_trouble"):
        desk.choose(kind, "email", "morning")
    desk.choose("agent_cancelled", "email", "morning")
    desk.clock.forward(hours=4)
    desk.ring("broken", ["fault"])
    desk.fail_calendar(minutes_ago=60)
    desk.change(desk.book(TEN), "cancelled")
    moved = desk.book(TEN + timedelta(days=1))
    desk.change(moved, "moved", "confirmed")
    desk.change(moved, "moved", "confirmed", actor="nora@example.com")
    assert [desk.notices(kind) for kind in ("agent_moved", "agent_cancelled")] == [[], []]
    assert desk.plan() == 0
    desk.clock.now = MONDAY_LIST
    assert desk.plan() == 1
    body = desk.letter(LIST).body
    assert (
        "Changed since the last list\n"
        "Cancelled: 12 Elm Street, Mia Chen, Monday, November 23, 10:00 AM CST\n"
        "Moved: 12 Elm Street, Mia Chen, Tuesday, November 24, 10:00 AM CST\n\n"
        "Calls to check\n"
        "Sunday, November 22, 12:55 PM CST, 405-555-0188: Something went wrong while the caller was answered.\n\n"
        "Calendars that cannot be read\n"
        "CalDAV: The server does not answer.\n"
    ) in body


def test_next_list_tells_only_what_is_new(desk: Desk) -> None:
    desk.choose("agent_cancelled", "email", "morning")
    desk.change(desk.book(TEN + timedelta(days=3)), "cancelled")
    desk.clock.now = MONDAY_LIST + timedelta(minutes=5)
    assert desk.plan() == 1
    hand_over(desk)
    desk.clock.now += timedelta(days=1)
    assert desk.plan() == 0
    desk.change(desk.book(TEN + timedelta(days=4), name="Kim Lee"), "cancelled")
    desk.clock.now += timedelta(days=1)
    assert desk.plan() == 1
    body = desk.letters.compose(desk.notices(LIST)[-1]).body
    assert "Kim Lee" in body
    assert "Mia Chen" not in body


def test_list_that_was_not_sent_is_told_the_next_day(desk: Desk) -> None:
    desk.choose("agent_cancelled", "email", "morning")
    desk.database.fetch("UPDATE notice_settings SET list_at = '00:10'")
    desk.clock.now = MONDAY_LIST - timedelta(hours=7)
    desk.change(desk.book(TEN + timedelta(days=3)), "cancelled")
    desk.clock.now = MONDAY_LIST + timedelta(hours=17)
    assert desk.plan() == 1
    assert "Cancelled: 12 Elm Street" in desk.letter(LIST).body


def test_list_by_text_is_short_and_in_spanish(desk: Desk) -> None:
    desk.database.fetch("UPDATE agents SET language = 'es'")
    desk.choose("agent_cancelled", "text", "morning")
    desk.book(TEN)
    desk.clock.now = MONDAY_LIST
    desk.plan()
    assert desk.recipients(LIST) == [("email", "nora@example.com"), ("text", NUMBER)]
    assert "Visitas de hoy\n10:00 AM 12 Elm Street, Mia Chen, 405-555-0177" in desk.letter(LIST, "text").body


def test_inactive_agents_and_offices_without_channels_get_no_list(desk: Desk) -> None:
    desk.book(TEN)
    desk.clock.now = MONDAY_LIST
    desk.database.fetch("UPDATE agents SET is_active = FALSE")
    assert desk.plan() == 0
    desk.database.fetch("UPDATE agents SET is_active = TRUE")
    desk.database.fetch("DELETE FROM notice_channels")
    assert desk.plan() == 0
    desk.database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'a@b.c', FALSE)")
    assert desk.plan() == 1


def test_list_names_viewings_that_went_to_another_agent(desk: Desk) -> None:
    desk.database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('bo', 'Bo')")
    desk.database.fetch(
        "INSERT INTO agent_notice_choices (agent_id, kind, channel, timing)"
        " VALUES ('nora', 'agent_reassigned', 'email', 'morning'), ('nora', 'agent_changed', 'email', 'morning')"
    )
    for name, changes in (("Kim Lee", '{"agent_id": ["nora", "bo"]}'), ("Mia Chen", '{"minutes": [30, 45]}')):
        viewing = desk.book(TEN + timedelta(days=1), name=name)
        desk.database.fetch(
            "INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, changes)"
            " VALUES (%s, %s, 'edited', 'office@example.com', %s)",
            (viewing, desk.clock.now, changes),
        )
        if "bo" in changes:
            desk.database.fetch("UPDATE appointments SET agent_id = 'bo' WHERE id = %s", (viewing,))
    desk.clock.now = MONDAY_LIST
    desk.plan()
    body = desk.letter(LIST).body
    assert "Now with another agent: 12 Elm Street, Kim Lee" in body
    assert "Changed: 12 Elm Street, Mia Chen" in body
