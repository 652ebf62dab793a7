"""Which messages record a call, with and without an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.voice.phone import ANA, DOLORES, Clock, Phone, book, payload

if TYPE_CHECKING:
    from peterental.database.pool import Database

UNASSIGNED = "24464697-0000-4000-8000-00000000dead"
UNASSIGNED_PHONE = "11111111-2222-4333-8444-555555555555"
NO_SERVICE = {"error": "I'm sorry, this number is not in service at the moment."}


def calls(database: Database) -> list[dict[str, Any]]:
    return database.fetch(
        """
        SELECT vapi_call_id, agent_id, assistant_id, phone_number_id, caller_number, status, ended_reason
        FROM calls ORDER BY vapi_call_id
        """
    )


@pytest.mark.parametrize(
    "tool",
    ["get_availability", "set_appointment", "reschedule_appointment", "cancel_appointment", "find_appointment", "take_message", "order_pizza"],
)  # fmt: skip
def test_tool_call_without_agent_records_a_call(phone: Phone, database: Database, tool: str) -> None:
    message = phone.message(tool, {"message": "hi"})
    message["call"] = {"id": "c", "assistantId": UNASSIGNED, "phoneNumberId": UNASSIGNED_PHONE}
    phone.post(message)
    assert calls(database) == [
        {
            "vapi_call_id": "c",
            "agent_id": None,
            "assistant_id": UNASSIGNED,
            "phone_number_id": UNASSIGNED_PHONE,
            "caller_number": DOLORES,
            "status": "in-progress",
            "ended_reason": None,
        }
    ]


@pytest.mark.parametrize("name", ["status-update-in-progress", "end-of-call-report-2024-message-level"])
def test_report_without_agent_records_a_call(phone: Phone, database: Database, name: str) -> None:
    message = payload(name)["message"]
    message["call"] |= {"assistantId": UNASSIGNED, "phoneNumberId": UNASSIGNED_PHONE}
    assert phone.post(message).json == {}
    (call,) = calls(database)
    assert (call["agent_id"], call["assistant_id"], call["phone_number_id"]) == (None, UNASSIGNED, UNASSIGNED_PHONE)


def test_unassigned_number_records_an_ended_call(phone: Phone, database: Database) -> None:
    message = payload("assistant-request")["message"]
    message["call"]["phoneNumberId"] = UNASSIGNED_PHONE
    assert phone.post(message).json == NO_SERVICE
    (call,) = calls(database)
    assert (call["agent_id"], call["assistant_id"], call["phone_number_id"]) == (None, None, UNASSIGNED_PHONE)
    assert (call["status"], call["ended_reason"]) == ("ended", "assistant-request-returned-error")


def test_call_to_inactive_agent_is_recorded(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert phone.play("assistant-request") == NO_SERVICE
    (call,) = calls(database)
    assert (call["agent_id"], call["caller_number"]) == ("ben", "+15550142107")


def test_accepted_call_is_recorded_by_its_reports(phone: Phone, database: Database) -> None:
    assert "assistantId" in phone.play("assistant-request")
    assert calls(database) == []


def test_message_without_call_id_records_no_call(phone: Phone, database: Database) -> None:
    message = payload("assistant-request")["message"]
    message["call"] = {"phoneNumberId": UNASSIGNED_PHONE}
    assert phone.post(message).json == NO_SERVICE
    phone.call_id, phone.assistant_id = "", UNASSIGNED
    phone.say("get_availability")
    book(phone)
    assert calls(database) == []
    assert len(database.fetch("SELECT * FROM tool_calls WHERE vapi_call_id = ''")) == 2


def test_failed_call_record_leaves_the_answer(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET phone_number_id = NULL")
    database.fetch("ALTER TABLE calls RENAME TO gone")
    assert phone.play("assistant-request") == NO_SERVICE


def test_first_tool_call_inserts_report_completes(phone: Phone, database: Database, clock: Clock) -> None:
    book(phone)
    (row,) = database.fetch("SELECT agent_id, assistant_id, caller_number, status, created_at, summary FROM calls")
    assert list(row.values()) == ["ana", ANA, DOLORES, "in-progress", clock.now, None]
    report = {"type": "end-of-call-report", "call": {"id": "call-1"}, "summary": "Booked.", "endedReason": "hung-up"}
    phone.post(report)
    phone.say("get_availability")
    (row,) = database.fetch("SELECT agent_id, assistant_id, caller_number, status, summary FROM calls")
    assert list(row.values()) == ["ana", ANA, DOLORES, "ended", "Booked."]


def test_late_update_does_not_reset_the_status(phone: Phone, database: Database) -> None:
    book(phone)
    for status, shown in (
        ("ringing", "in-progress"),
        ("forwarding", "forwarding"),
        ("in-progress", "forwarding"),
        ("a status of the future", "a status of the future"),
        ("ended", "ended"),
        ("a status of the future", "ended"),
    ):
        phone.post({"type": "status-update", "status": status, "call": {"id": "call-1"}})
        assert [call["status"] for call in calls(database)] == [shown]
