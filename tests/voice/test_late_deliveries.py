"""Tool calls that arrive after the end of their call change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.voice.phone import BOYD, ELM, Phone, book, starts

if TYPE_CHECKING:
    from peterental.database.pool import Database

LATE = "This call is over, so nothing was changed. Please call again."
ENDS: list[dict[str, Any]] = [
    {"type": "status-update", "status": "ended"},
    {"type": "end-of-call-report", "endedReason": "hangup"},
    {"type": "status_update", "status": "Ended"},
]


def end(phone: Phone, message: dict[str, Any]) -> None:
    assert phone.post(message | {"call": {"id": phone.call_id, "assistantId": phone.assistant_id}}).json == {}


@pytest.mark.parametrize("message", ENDS, ids=["update", "report", "other spelling"])
def test_late_change_is_refused(phone: Phone, database: Database, message: dict[str, Any]) -> None:
    book(phone, "tomorrow 3 pm")
    end(phone, message)
    assert phone.say("cancel_appointment", ELM) == LATE
    assert phone.say("reschedule_appointment", ELM | {"start_time": "Tuesday 10 am"}) == LATE
    assert phone.say("set_appointment", BOYD | {"start_time": "Tuesday 10 am"}) == LATE
    assert starts(database) == ["2026-11-23 21:00:00+00"]
    outcomes = database.fetch("SELECT outcome FROM tool_calls ORDER BY id")
    assert [row["outcome"] for row in outcomes] == ["booked", "refused", "refused", "refused"]


def test_late_repetition_gets_the_same_answer(phone: Phone, database: Database) -> None:
    first = book(phone, "tomorrow 3 pm", tool_call_id="known")
    end(phone, ENDS[0])
    assert book(phone, "tomorrow 3 pm", tool_call_id="known") == first
    assert book(phone, "tomorrow 3 pm", tool_call_id="new").startswith("You")
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_late_question_is_answered(phone: Phone) -> None:
    book(phone, "tomorrow 3 pm")
    end(phone, ENDS[0])
    assert phone.say("get_availability").startswith("I have tomorrow")
    assert "1420 Elm Street" in phone.say("find_appointment", ELM)


def test_other_call_of_the_caller_goes_on(phone: Phone, database: Database) -> None:
    book(phone, "tomorrow 3 pm")
    end(phone, ENDS[1])
    phone.call_id = "call-2"
    assert "cancelled" in phone.say("cancel_appointment", ELM)
    assert starts(database) == []
