"""Every recorded payload gets the reply that its kind requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.voice.phone import BEN, PAYLOADS, Phone, payload

if TYPE_CHECKING:
    from peterental.database.pool import Database
    from peterental.services import Services
    from tests.voice.phone import Clock


def only_sentence(reply: Any) -> str:
    (result,) = reply["results"]
    assert "\n" not in result["result"]
    return str(result["result"])


def test_wrong_year_books_the_spoken_tuesday(phone: Phone, database: Database) -> None:
    reply = phone.play("tool-calls-inbound-2026-history-wrong-year")
    assert reply["results"][0]["toolCallId"] == "call_mEmtmiN5r6owjJZTneMHIl6f"
    assert (
        only_sentence(reply)
        == "You're booked to see 1420 Elm Street, Norman, Oklahoma, on Tuesday the twenty-fourth at three PM."
    )
    rows = database.fetch("SELECT start_time::text, attendee_name, caller_number, agent_id FROM appointments")
    assert [list(row.values()) for row in rows] == [
        ["2026-11-24 21:00:00+00", "Dolores Whitcomb", "+15550142100", "ana"]
    ]


def test_flat_documented_shape_offers_times(phone: Phone) -> None:
    reply = phone.play("tool-calls-docs-flat-arguments")
    assert reply["results"][0]["toolCallId"] == "toolu_016yt1tPqy6UHG5FljT6Rdtz"
    assert only_sentence(reply) == (
        "For 908 Chautauqua Avenue, Norman, Oklahoma, I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. "
        "Which would you like?"
    )


def test_take_message_stores_the_message(phone: Phone, database: Database) -> None:
    reply = phone.play("tool-calls-flat-parameters")
    assert reply["results"] == [
        {
            "toolCallId": "msg-7f31",
            "name": "take_message",
            "result": "I've noted your message, and someone will call you back.",
        }
    ]
    (lead,) = database.fetch("SELECT agent_id, body, attendee_name, caller_number FROM messages")
    assert list(lead.values()) == [
        "ana",
        "Does the place on Boyd Street take two cats?",
        "Ignacio Brandt",
        "+15550142102",
    ]


def test_arguments_in_a_json_string_are_read(phone: Phone, database: Database) -> None:
    assert only_sentence(phone.play("tool-calls-arguments-json-string")) == (
        "For 77 Lindsey Court, Norman, Oklahoma, I have Tuesday, December first, at noon, two PM or four PM. "
        "Which would you like?"
    )
    assert database.fetch("SELECT agent_id FROM tool_calls") == [{"agent_id": "ben"}]


def test_stranger_finds_no_viewing(phone: Phone) -> None:
    reply = phone.play("tool-calls-only-toolcalls-toolu-id")
    assert reply["results"][0]["toolCallId"] == "toolu_01Gb8joBAeqSoJxOg3FG9Yjk"
    assert only_sentence(reply) == "I don't find an upcoming viewing that matches."


def test_two_calls_get_two_answers_in_order(phone: Phone) -> None:
    reply = phone.play("tool-calls-two-calls")
    assert [result["toolCallId"] for result in reply["results"]] == ["call_PfOi", "call_yOlt"]
    assert "tomorrow, Monday the twenty-third" in reply["results"][0]["result"]
    assert "Tuesday, December first" in reply["results"][1]["result"]


def test_web_call_books_by_its_phone_number_id(phone: Phone, database: Database) -> None:
    assert only_sentence(phone.play("tool-calls-web-call-phone-number-id-only")) == "What number can we reach you on?"
    message = payload("tool-calls-web-call-phone-number-id-only")["message"]
    for item in message["toolCallList"]:
        item["id"] = "again"
    again = phone.post(message)
    assert only_sentence(again.json) == (
        "You're booked to see 512 Flood Avenue, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM."
    )
    assert database.fetch("SELECT agent_id, caller_number FROM appointments") == [
        {"agent_id": "ben", "caller_number": None}
    ]


def test_legacy_shape_gets_a_top_level_result(phone: Phone) -> None:
    reply = phone.play("function-call-legacy")
    assert reply["result"] == only_sentence(reply)
    assert reply["results"][0]["toolCallId"] is None, "no id is invented"
    assert reply["results"][0]["name"] == "cancel_appointment"
    assert only_sentence(reply) == "I don't find an upcoming viewing that matches."


def test_assistant_request_returns_the_assistant(phone: Phone) -> None:
    assert phone.play("assistant-request") == {
        "assistantId": BEN,
        "assistantOverrides": {
            "variableValues": {
                "agent_name": "Ben Okoro",
                "time_zone": "America/Chicago",
                "today": "Sunday, November 22, 2026",
                "now": "today, Sunday the twenty-second, nine AM",
            }
        },
    }


def test_assistant_request_without_agent_is_refused(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET phone_number_id = NULL")
    assert phone.play("assistant-request") == {"error": "I'm sorry, this number is not in service at the moment."}


def test_transfer_goes_to_the_handover_number(phone: Phone, database: Database) -> None:
    assert phone.play("transfer-destination-request") == {"destination": {"type": "number", "number": "+15550100077"}}
    database.fetch("UPDATE agents SET handover_number = '(312) 555-0142'")
    assert phone.play("transfer-destination-request") == {"destination": {"type": "number", "number": "+13125550142"}}
    database.fetch("UPDATE agents SET handover_number = NULL")
    assert phone.play("transfer-destination-request") == {
        "error": "I'm sorry, there is nobody I can put you through to. I can take a message instead."
    }


def test_handoff_is_refused_with_a_sentence(phone: Phone, database: Database) -> None:
    refusal = {"error": "I'm sorry, I can't hand you over to anyone else. I can take a message instead."}
    assert phone.play("handoff-destination-request") == refusal
    database.fetch("UPDATE agents SET language = 'es'")
    assert phone.play("handoff-destination-request") == {
        "error": "Lo siento, no puedo pasarle con otra persona. Puedo tomar un recado."
    }
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert phone.play("handoff-destination-request") == refusal


def test_chat_asks_for_times(phone: Phone, database: Database) -> None:
    assert "640 Keith Street" in only_sentence(phone.play("chat-tool-calls"))
    assert database.fetch("SELECT vapi_call_id, kind, agent_id, caller_number FROM calls") == [
        {
            "vapi_call_id": "0d0b6a0e-53ce-4a53-9a3c-65f2b7a3c001",
            "kind": "chat",
            "agent_id": "ana",
            "caller_number": None,
        }
    ]


def test_ended_call_stays_ended(phone: Phone, services: Services) -> None:
    assert phone.play("status-update-in-progress") == {}
    call = services.calls.get("3184b374-8dfc-4db3-b597-e5b85e4a916f")
    assert call is not None
    assert (call.status, call.agent_id, call.caller_number) == ("in-progress", "ben", "+15550142108")
    assert phone.play("status-update-ended") == {}
    assert phone.play("status-update-in-progress") == {}
    call = services.calls.get("3184b374-8dfc-4db3-b597-e5b85e4a916f")
    assert call is not None
    assert (call.status, call.ended_reason) == ("ended", "silence-timed-out")
    assert str(call.ended_at) == "2026-11-22 17:51:31+00:00"


def test_unusable_message_is_ignored(phone: Phone, database: Database) -> None:
    assert phone.play("status-update-ended-no-call") == {}
    assert phone.play("unknown-type") == {}
    assert database.fetch("SELECT * FROM calls") == []


def test_message_level_report_is_stored(phone: Phone, services: Services) -> None:
    assert phone.play("end-of-call-report-2024-message-level") == {}
    call = services.calls.get("1ae9d4e6-618e-49b9-b6f3-213d818a2c77")
    assert call is not None
    assert call.agent_id == "ana"
    assert call.transcript is not None
    assert "Leasing desk" in call.transcript
    assert "\n" in call.transcript
    assert call.summary is not None
    assert call.summary.startswith("Marguerite Sato")
    assert isinstance(call.messages, list)
    assert len(call.messages) == 5
    assert call.recording_url is not None
    assert call.recording_url.endswith("mono.wav")
    assert (call.success_evaluation, call.cost, call.status) == ("true", 0.0817, "ended")
    assert call.duration is not None
    assert call.duration.total_seconds() == 56.5 or call.duration.total_seconds() == 56


def test_artifact_level_report_is_stored(phone: Phone, services: Services) -> None:
    assert phone.play("end-of-call-report-2025-artifact-analysis") == {}
    call = services.calls.get("fdb359c3-f52e-4a2a-bcc4-420dbea34531")
    assert call is not None
    assert call.agent_id == "ben"
    assert call.transcript is not None
    assert call.transcript.startswith("AI: Leasing desk")
    assert call.structured_data == {"wants_callback": True, "home": "duplex on Boyd Street", "pets": 0}
    assert call.ended_reason == "call.in-progress.error-providerfault-voice-worker-died"
    assert (call.success_evaluation, call.cost, call.caller_number) == ("false", 0.0512, None)
    assert isinstance(call.messages, list)
    assert call.recording_url is not None


def test_structured_outputs_report_is_stored(phone: Phone, services: Services, database: Database) -> None:
    assert phone.play("end-of-call-report-2026-structured-outputs") == {}
    call = services.calls.get("5f7a8a51-77b1-4c9b-9d83-1c3a0f6f2003")
    assert call is not None
    assert (call.kind, call.agent_id, call.caller_number, call.cost) == ("call", "ana", "+15550142111", 0.0731)
    assert (call.summary, call.success_evaluation) == ("Agreed to see Keith Street.", "true")
    assert isinstance(call.structured_data, dict)
    assert call.structured_data["Viewing"] == {"appointment_booked": True, "pets": 2}
    assert call.duration is not None
    assert call.duration.total_seconds() == 75
    assert call.recording_url is not None
    assert call.recording_url.endswith("X-Amz-Signature=00ff")
    assert isinstance(call.recordings, dict)
    assert list(call.recordings) == ["stereoRecordingUrl", "recording.mono.customerUrl"]
    assert database.fetch("SELECT agreed FROM calls") == [{"agreed": True}], "an output claims a booking"


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_every_recorded_shape_gets_a_sentence(phone: Phone, clock: Clock, name: str) -> None:
    clock.forward(days=400)
    reply = phone.play(name)
    for result in reply.get("results", []):
        assert isinstance(result["result"], str)
        assert result["result"].endswith((".", "?"))
