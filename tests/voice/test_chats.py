"""Chats are conversations like calls: stored, marked, and distinguished by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from peterental.voice.messages import Envelope, decode
from tests.voice.phone import ANA, BOYD, ELM, Phone, starts

if TYPE_CHECKING:
    from peterental.database.pool import Database
    from peterental.services import Services

AT_TEN = ELM | {"start_time": "2026-11-24T10:00"}
AT_ELEVEN = BOYD | {"start_time": "2026-11-24T11:00", "attendee_name": "Otto Lind"}


def chat_message(
    phone: Phone, chat_id: str, tool: str, arguments: object, tool_call_id: str = "call_0"
) -> dict[str, Any]:
    message = phone.message(tool, arguments, tool_call_id)
    del message["call"], message["customer"]
    return message | {"chat": {"id": chat_id, "assistantId": ANA}}


def say(phone: Phone, *args: Any) -> str:
    reply = phone.post(chat_message(phone, *args)).json
    assert reply is not None
    (result,) = reply["results"]
    return str(result["result"])


def test_two_chats_with_one_tool_call_id_both_book(phone: Phone, database: Database) -> None:
    first = say(phone, "chat-a", "set_appointment", AT_TEN)
    second = say(phone, "chat-b", "set_appointment", AT_ELEVEN)
    assert "1420 Elm Street" in first
    assert "33 Boyd Street" in second
    assert starts(database) == ["2026-11-24 16:00:00+00", "2026-11-24 17:00:00+00"]
    assert say(phone, "chat-a", "set_appointment", AT_TEN) == first, "a redelivery hears the same"
    assert len(starts(database)) == 2


def test_chat_can_cancel_what_it_booked(phone: Phone, database: Database) -> None:
    say(phone, "chat-a", "set_appointment", AT_TEN)
    say(phone, "chat-a", "cancel_appointment", ELM, "call_1")
    assert starts(database) == []


def test_chat_is_stored_and_marked(phone: Phone, services: Services, database: Database) -> None:
    say(phone, "chat-a", "get_availability", {})
    phone.say("get_availability")
    rows = database.fetch("SELECT vapi_call_id, kind, agent_id FROM calls ORDER BY vapi_call_id")
    assert [tuple(row.values()) for row in rows] == [("call-1", "call", "ana"), ("chat-a", "chat", "ana")]
    phone.post({"type": "end-of-call-report", "chat": {"id": "chat-a"}, "artifact": {"transcript": "User: hi"}})
    phone.post({"type": "end-of-call-report", "chat": {"id": "chat-c", "assistantId": ANA}, "summary": "S"})
    for chat_id, transcript in (("chat-a", "User: hi"), ("chat-c", None)):
        chat = services.calls.get(chat_id)
        assert chat is not None
        assert (chat.kind, chat.status, chat.agent_id, chat.transcript) == ("chat", "ended", "ana", transcript)


def envelope_of(**message: Any) -> Envelope:
    return decode(msgspec.json.encode({"message": message}))


@pytest.mark.parametrize(
    ("message", "conversation", "kind"),
    [
        ({"chat": {"id": "h"}}, "h", "chat"),
        ({"chatId": "h"}, "h", "chat"),
        ({"chat": {"id": ""}, "chatId": "h"}, "h", "chat"),
        ({"chat": {"id": "h"}, "session": {"id": "s"}, "sessionId": "s"}, "h", "chat"),
        ({"session": {"id": "s"}}, "s", "chat"),
        ({"sessionId": "s"}, "s", "chat"),
        ({"call": {"id": "c"}, "chat": {"id": "h"}}, "c", "call"),
        ({"call": {"assistantId": "a"}, "chat": {"id": "h"}}, "h", "chat"),
        ({}, "", "call"),
    ],
)
def test_conversation_id_is_found(message: dict[str, Any], conversation: str, kind: str) -> None:
    found = envelope_of(**message)
    assert (found.vapi_call_id, found.conversation_kind) == (conversation, kind)


def test_chat_names_its_agent_and_customer() -> None:
    found = envelope_of(
        chat={"id": "h", "assistantId": "A", "phoneNumberId": "P", "customer": {"number": "+14055550123"}}
    )
    assert (found.agent_key.assistant_id, found.agent_key.phone_number_id) == ("a", "p")
    assert found.caller_number == "+14055550123"
