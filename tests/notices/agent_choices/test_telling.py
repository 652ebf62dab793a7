"""Agents are told once of an urgent message, a flagged call and an outage of a calendar, and not if it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.notices.model import NoLongerTrue
from tests.notices.agent_choices.conftest import ADMIN, NUMBER, Desk

NORA = ("email", "nora@example.com")


def test_urgent_message_is_told_in_its_transaction(desk: Desk) -> None:
    message_id = desk.leave("Wants a viewing of 12 Elm Street.")
    assert desk.recipients("agent_urgent_message") == [NORA]
    (job,) = desk.database.fetch("SELECT args FROM procrastinate_jobs WHERE task_name = 'send_notices'")
    assert job["args"] == {"notice_id": desk.notices("agent_urgent_message")[0].notice_id}
    letter = desk.letter("agent_urgent_message")
    assert letter.subject == "Urgent message from Bo Diaz"
    assert "Wants a viewing of 12 Elm Street." in letter.body
    assert "405-555-0199" in letter.body
    assert f"https://rent.example.com/messages/{message_id}" in letter.body


def test_ordinary_message_is_not_told(desk: Desk) -> None:
    desk.leave(urgent=False)
    assert desk.notices("agent_urgent_message") == []


def test_message_that_is_done_is_not_told_any_more(desk: Desk) -> None:
    message_id = desk.leave()
    (notice,) = desk.notices("agent_urgent_message")
    desk.services.messages.set_done(message_id, ADMIN, done=True)
    with pytest.raises(NoLongerTrue):
        desk.letters.compose(notice)
    with pytest.raises(NoLongerTrue), desk.database.transaction() as connection:
        desk.letters.require_true(connection, notice)


def test_flagged_calls_are_told_once(desk: Desk) -> None:
    desk.ring("broken", ["fault"])
    desk.ring("a/b:c", ["refused"], agreed=True)
    desk.ring("fine", ["booked"], agreed=True)
    assert desk.plan() == 2
    assert desk.plan() == 0
    abouts = sorted(notice.about for notice in desk.notices("agent_flagged_call"))
    assert abouts == ["call:a/b:c", "call:broken"]
    first, second = (desk.letters.compose(notice) for notice in desk.notices("agent_flagged_call"))
    assert "The caller agreed to a viewing, but none was booked." in first.body
    assert "https://rent.example.com/calls/a%2Fb%3Ac" in first.body
    assert "Something went wrong" in second.body


def test_call_that_goes_on_is_not_told(desk: Desk) -> None:
    desk.ring("going on", ["fault"], status="in-progress", ended_at=None)
    desk.ring("just over", ["fault"], ended_at=desk.clock.now - timedelta(seconds=30))
    desk.ring("nobody's", ["fault"], agent_id=None)
    assert desk.plan() == 0
    desk.clock.forward(minutes=1)
    assert desk.plan() == 1
    desk.clock.forward(hours=2)
    assert desk.plan() == 1


def test_call_of_this_morning_is_not_told_at_night(desk: Desk) -> None:
    desk.ring("early", ["fault"])
    desk.database.fetch("UPDATE notice_settings SET list_at = '05:00'")
    desk.clock.forward(hours=7)
    assert desk.plan() == 0


def test_call_that_was_settled_is_not_told_any_more(desk: Desk) -> None:
    desk.ring("broken", ["fault"])
    desk.plan()
    (notice,) = desk.notices("agent_flagged_call")
    desk.database.fetch("UPDATE calls SET outcomes = '{booked}'")
    with pytest.raises(NoLongerTrue):
        desk.letters.compose(notice)
    desk.database.fetch("DELETE FROM calls")
    with pytest.raises(NoLongerTrue):
        desk.letters.compose(notice)
    with desk.database.transaction() as connection:
        desk.letters.require_true(connection, notice)  # looks at nothing


def test_calendar_that_fails_for_half_an_hour_is_told_once(desk: Desk) -> None:
    account_id = desk.fail_calendar(minutes_ago=29)
    assert desk.plan() == 0
    desk.clock.forward(minutes=1)
    assert desk.plan() == 1
    desk.clock.forward(hours=3)
    desk.database.fetch("UPDATE calendar_accounts SET state = 'reauth_required'")
    assert desk.plan() == 0
    letter = desk.letter("agent_calendar_trouble")
    assert "CalDAV: The server does not answer. Connect it again." in letter.body
    assert "https://rent.example.com/agents/nora/calendars" in letter.body
    desk.database.fetch("UPDATE calendar_accounts SET failed_since = NULL, problem = NULL, state = 'connected'")
    (notice,) = desk.notices("agent_calendar_trouble")
    with pytest.raises(NoLongerTrue):
        desk.letters.compose(notice)
    with pytest.raises(NoLongerTrue), desk.database.transaction() as connection:
        desk.letters.require_true(connection, notice)
    desk.database.fetch("UPDATE calendar_accounts SET failed_since = %s, problem = 'Again.'", [desk.clock.now])
    desk.clock.forward(minutes=30)
    assert desk.plan() == 1
    assert {notice.about.split(":")[1] for notice in desk.notices("agent_calendar_trouble")} == {str(account_id)}


def test_refused_sign_in_is_told_at_once(desk: Desk) -> None:
    desk.choose("agent_calendar_trouble", "text", "now")
    desk.fail_calendar(minutes_ago=0, state="reauth_required")
    assert desk.plan() == 2
    assert desk.recipients("agent_calendar_trouble") == [NORA, ("text", NUMBER)]
    assert desk.letter("agent_calendar_trouble", "text").body.startswith("Your calendar cannot be read: CalDAV")


def test_agents_are_told_in_their_language(desk: Desk) -> None:
    desk.database.fetch("UPDATE agents SET language = 'es'")
    desk.ring("broken", ["fault"])
    desk.plan()
    assert "Hubo un error al atender la llamada." in desk.letter("agent_flagged_call").body


def test_agent_who_was_deleted_is_not_told(desk: Desk) -> None:
    desk.leave()
    (notice,) = desk.notices("agent_urgent_message")
    desk.database.fetch("DELETE FROM messages")
    desk.database.fetch("DELETE FROM agents")
    with pytest.raises(NoLongerTrue):
        desk.letters.compose(notice)
