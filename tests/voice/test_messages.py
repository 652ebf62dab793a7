"""Decoding of messages: fields, their order, and malformed values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from peterental.voice.arguments import message_draft
from peterental.voice.messages import Envelope, decode
from peterental.voice.sanitize import (
    MAX_TEXT_CHARS,
    identifier,
    json_safe,
    multiline,
    parse_timestamp,
    single_line,
)

CALL = {"id": "c", "assistantId": "A", "phoneNumberId": "P"}


def envelope(message: dict[str, Any], **beside: Any) -> Envelope:
    return decode(msgspec.json.encode({"message": message, **beside}))


@pytest.mark.parametrize(
    ("message", "assistant_id"),
    [
        ({"call": {"assistantId": "A"}, "assistant": {"id": "B"}, "phoneNumber": {"assistantId": "C"}}, "a"),
        ({"call": {"assistantId": None}, "assistant": {"id": "B"}, "phoneNumber": {"assistantId": "C"}}, "b"),
        ({"call": {"assistantId": ""}, "assistant": {}, "phoneNumber": {"assistantId": "C"}}, "c"),
        ({"call": [], "assistant": "B", "phoneNumber": {"assistantId": {"id": "C"}}}, None),
        ({"call": {"phoneNumber": {"id": "Q", "assistantId": "D"}}}, "d"),
        ({"call": {"assistant": {"id": "E"}}}, "e"),
        ({"call": {"phoneNumber": {"assistantId": "D"}}, "phoneNumber": {"assistantId": "C"}}, "c"),
        ({}, None),
    ],
)
def test_assistant_id_is_read_from_call_first(message: dict[str, Any], assistant_id: str | None) -> None:
    assert envelope(message).agent_key.assistant_id == assistant_id


@pytest.mark.parametrize(
    ("message", "phone_number_id"),
    [
        ({"call": {"phoneNumberId": "P"}, "phoneNumber": {"id": "Q"}}, "p"),
        ({"phoneNumber": {"id": "Q"}}, "q"),
        ({"phoneNumber": {"id": "x" * 300}}, None),
        ({"call": {"phoneNumber": {"id": "R"}}}, "r"),
        ({"call": {"phoneNumber": "R"}}, None),
    ],
)
def test_phone_number_id_is_read_from_call_first(message: dict[str, Any], phone_number_id: str | None) -> None:
    assert envelope(message).agent_key.phone_number_id == phone_number_id


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ({"customer": {"number": "+15550000001"}, "call": {"customer": {"number": "+15550000002"}}}, "+15550000001"),
        ({"customer": {"number": "anonymous"}, "call": {"customer": {"number": "+15550000002"}}}, "+15550000002"),
        ({"call": {"customer": {"number": "+1 (555) 000-0002"}}}, "+15550000002"),
        ({"customer": 5}, None),
        ({"customer": {"number": "sip:+14055550123@sip.example.net"}}, "+14055550123"),
        ({"call": {"customer": {"sipUri": "sip:+14055550123@sip.example.net;user=phone"}}}, "+14055550123"),
        ({"call": {"customer": {"number": None, "sipUri": "sip:front.desk@sip.example.net"}}}, None),
    ],
)
def test_caller_number_is_read_from_message_first(message: dict[str, Any], number: str | None) -> None:
    assert envelope(message).caller_number == number


def test_call_beside_the_message_is_read() -> None:
    found = envelope({"type": "status-update", "status": "ended"}, call=CALL | {"customer": {"number": "+15550000001"}})
    assert (found.vapi_call_id, found.caller_number) == ("c", "+15550000001")
    assert (found.agent_key.assistant_id, found.agent_key.phone_number_id) == ("a", "p")


ONE, TWO, THREE, FOUR = ({"id": name, "function": {"name": name}} for name in ("one", "two", "three", "four"))


@pytest.mark.parametrize(
    "beside", [{}, {"message": None}, {"message": "text"}, {"message": {}}, {"message": {"id": 1}}]
)
def test_body_without_wrapper_is_read(beside: dict[str, Any]) -> None:
    message = {
        "type": "status-update",
        "status": "ended",
        "endedReason": "r",
        "call": CALL,
        "customer": {"number": "+15550000001"},
    }
    found = decode(msgspec.json.encode(message | beside))
    assert (found.kind, found.vapi_call_id, found.caller_number) == ("status-update", "c", "+15550000001")
    update = found.call_update()
    assert update is not None
    assert (update.status, update.ended_reason) == ("ended", "r")


def test_bare_tool_calls_are_read() -> None:
    found = decode(msgspec.json.encode({"toolCallList": [ONE], "call": CALL}))
    assert (found.kind, [request.name for request in found.tool_requests()]) == ("tool-calls", ["one"])


def test_wrapped_message_comes_before_its_neighbours() -> None:
    found = envelope({"type": "status-update", "call": {"id": "inner"}}, type="tool-calls", call={"id": "outer"})
    assert (found.kind, found.vapi_call_id) == ("status-update", "inner")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("tool_calls", "tool-calls"),
        ("tool.calls", "tool-calls"),
        (" Tool-Calls ", "tool-calls"),
        ("toolCalls", "tool-calls"),
        ("tool-call", "tool-calls"),
        ("STATUS_UPDATE", "status-update"),
        ("end.of.call.report", "end-of-call-report"),
        ("Function_Call", "function-call"),
        ("a-type-of-2030", "tool-calls"),
        (None, "tool-calls"),
        (" ", "tool-calls"),
        (7, "tool-calls"),
        ("conversation-update", "conversation-update"),
        ("conversation_update", "conversation-update"),
        ("chat.created", "chat.created"),
    ],
)
def test_type_is_read_in_every_spelling(kind: object, expected: str) -> None:
    assert envelope({"type": kind, "toolCallList": [ONE]}).kind == expected


@pytest.mark.parametrize("calls", [None, [], {}, "junk"])
def test_unknown_type_without_tool_calls_stays(calls: object) -> None:
    assert envelope({"type": "a-type-of-2030", "toolCallList": calls}).kind == "a-type-of-2030"


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"toolCallList": [ONE, TWO], "toolCalls": [THREE]}, ["one", "two"]),
        ({"toolCallList": [], "toolCalls": [THREE]}, ["three"]),
        ({"toolCallList": "junk", "toolCalls": None, "toolWithToolCallList": [{"toolCall": FOUR}]}, ["four"]),
        ({"toolWithToolCallList": [{"name": "named outside", "toolCall": {"id": "x"}}]}, ["named outside"]),
        ({"toolWithToolCallList": [{"function": {"name": "named within"}, "toolCall": {}}, 5]}, ["named within", ""]),
        ({"functionCall": {"name": "legacy"}}, ["legacy"]),
        ({"functionCall": "legacy"}, []),
    ],
)
def test_tool_calls_are_read_from_first_field(message: dict[str, Any], names: list[str]) -> None:
    found = envelope(message)
    assert found.kind == "tool-calls"
    assert [request.name for request in found.tool_requests()] == names


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "t", "arguments": {"a": 1}}},
        {"function": {"name": "t", "arguments": '{"a": 1}'}},
        {"function": {"name": "t", "parameters": {"a": 1}}},
        {"name": "t", "arguments": {"a": 1}},
        {"name": "t", "parameters": '{"a": 1}'},
    ],
)
def test_arguments_are_read_from_every_shape(call: dict[str, Any]) -> None:
    (request,) = envelope({"toolCallList": [call]}).tool_requests()
    assert (request.name, request.arguments) == ("t", {"a": 1})


def test_derived_id_is_the_same_on_redelivery() -> None:
    call: dict[str, Any] = {"name": "t", "parameters": {"a": 1}}

    def derived_id(**message: Any) -> str:
        (request,) = envelope({"functionCall": call, **message}).tool_requests()
        return request.tool_call_id

    assert derived_id(timestamp=1) == derived_id(timestamp=1)
    assert derived_id(timestamp=1) != derived_id(timestamp=2)
    assert derived_id() != derived_id()


@pytest.mark.parametrize(
    "message",
    [
        {"artifact": {"messages": [{"role": "user", "message": "Tuesday"}, {"role": "bot", "message": "Yes"}, "junk"]}},
        {"artifact": {"messages": [], "messagesOpenAIFormatted": [{"role": "user", "content": "Tuesday"}]}},
        {"artifact": "junk", "messages": [{"role": "user", "message": "Tuesday"}, {"role": "user", "message": 5}]},
    ],
)
def test_caller_lines_are_read_from_every_field(message: dict[str, Any]) -> None:
    assert envelope(message).caller_lines() == ("Tuesday",)
    assert envelope({"artifact": {"messages": "junk"}}).caller_lines() == ()


@pytest.mark.parametrize(
    ("message", "started", "ended"),
    [
        ({"startedAt": "2026-11-22T15:00:00Z", "endedAt": 1795359660000}, "15:00", "15:01"),
        ({"startedAt": "2026-11-22T15:00:00.5Z", "durationSeconds": 60}, "15:00", "15:01"),
        ({"endedAt": "2026-11-22T15:01:00", "durationMs": 60000}, "15:00", "15:01"),
        ({"endedAt": "2026-11-22T15:30:00", "durationMs": 1_800_000}, "15:00", "15:30"),
        ({"durationSeconds": 60}, None, None),
        ({"startedAt": "yesterday", "endedAt": True, "durationSeconds": "long"}, None, None),
    ],
)
def test_missing_start_or_end_is_computed(message: dict[str, Any], started: str | None, ended: str | None) -> None:
    call_update = envelope({"type": "end-of-call-report", "call": CALL, **message}).call_update()
    assert call_update is not None
    assert (call_update.started_at and f"{call_update.started_at:%H:%M}") == started
    assert (call_update.ended_at and f"{call_update.ended_at:%H:%M}") == ended


@pytest.mark.parametrize(
    ("message", "url"),
    [
        ({"recordingUrl": "u", "artifact": {"recordingUrl": "v"}}, "u"),
        ({"artifact": {"recordingUrl": "v"}}, "v"),
        ({"artifact": {"recording": {"mono": {"combinedUrl": "w"}}}}, "w"),
        ({"recording": {"stereoUrl": "x", "mono": 5}}, "x"),
        ({"recording": "junk"}, None),
    ],
)
def test_recording_url_is_read_from_every_field(message: dict[str, Any], url: str | None) -> None:
    call_update = envelope({"type": "end-of-call-report", "call": CALL, **message}).call_update()
    assert call_update is not None
    assert call_update.recording_url == url


def test_mistyped_report_fields_keep_the_others() -> None:
    junk = {"analysis": {"successEvaluation": {"score": 3}, "summary": "S"}, "cost": 10**12, "endedReason": ["x"]}
    call_update = envelope({"type": "end-of-call-report", "call": CALL, **junk}).call_update()
    assert call_update is not None
    assert (call_update.success_evaluation, call_update.summary, call_update.cost, call_update.ended_reason) == (
        '{"score":3}',
        "S",
        None,
        None,
    )


def test_update_without_status_is_in_progress() -> None:
    call_update = envelope({"type": "status-update", "call": CALL, "timestamp": 1795359600000}).call_update()
    assert call_update is not None
    assert (call_update.status, call_update.started_at) == ("in-progress", datetime(2026, 11, 22, 15, 0, tzinfo=UTC))


# --- sanitising ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [("  a\n\tb\x00c\u2028d  ", "a b c d"), ("\u202ea", "a"), (" \r\n ", None), (5, None), (None, None), ("x" * 20_000, "x" * MAX_TEXT_CHARS)],
    ids=repr,
)  # fmt: skip
def test_single_line_collapses_whitespace(value: object, expected: str | None) -> None:
    assert single_line(value) == expected


def test_multiline_keeps_line_breaks() -> None:
    assert multiline("a\n\tb\x00\x1bc\r") == "a\n\tbc"
    assert multiline("\x00") is None
    assert multiline(["a"]) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a\x00": ["\ud800b", True, None, 1.5]}, {"a": ["b", True, None, 1.5]}),
        (10**30, None),
        (float("nan"), None),
        (float("-inf"), None),
        (object(), None),
    ],
    ids=lambda value: type(value).__name__ if type(value) is object else repr(value),
)
def test_json_safe_drops_what_jsonb_rejects(value: object, expected: object) -> None:
    assert json_safe(value) == expected


def test_json_safe_limits_nesting() -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = [deep]
    assert str(json_safe(deep)).count("[") == 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [("c-1", "c-1"), (7, "7"), (True, None), (10**30, None), ("", None), ("x" * 201, None), ({}, None)],
)
def test_identifier_accepts_ids_only(value: object, expected: str | None) -> None:
    assert identifier(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-22T15:00:00.000Z", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("2026-11-22T09:00:00-06:00", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("2026-11-22T15:00:00", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        (1795359600000, datetime(2026, 11, 22, 15, tzinfo=UTC)),
        (1795359600, datetime(2026, 11, 22, 15, tzinfo=UTC)),
        (10**20, None),
        ("0001-01-01T00:00:00+23:00", None),
        ("soon", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        (0, None),
        (True, None),
        (None, None),
    ],
)
def test_parse_timestamp_returns_utc_or_none(value: object, expected: datetime | None) -> None:
    assert parse_timestamp(value) == expected


def test_implausible_start_keeps_the_report() -> None:
    report = {"type": "end-of-call-report", "call": CALL, "startedAt": "9999-12-31T23:00:00Z", "durationSeconds": 90_000, "transcript": "User: hi"}  # fmt: skip
    call_update = envelope(report).call_update()
    assert call_update is not None
    assert (call_update.transcript, call_update.started_at, call_update.ended_at) == ("User: hi", None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        b'{"date": "today", "note": "\xff"}',
        b'{"date": "today", "note": 1%s}' % (b"0" * 5_000),
        json.dumps('{"date": "today", "note": "two\nlines"}').encode(),
        json.dumps('{"date": "today", "note": "\\ud83d"}').encode(),
    ],
    ids=["bytes that are no text", "an endless number", "a bare line break", "half a character"],
)
def test_broken_argument_keeps_the_others(arguments: bytes) -> None:
    body = b'{"message": {"type": "tool-calls", "toolCallList": [{"id": "t", "name": "x", "arguments": %s}]}}'
    (request,) = decode(body % arguments).tool_requests()
    assert (request.wire_id, request.name, request.arguments["date"]) == ("t", "x", "today")


@pytest.mark.parametrize(
    "message",
    [
        {"artifact": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Boyd,"}, "please"]}]}},
        {"artifact": {"messages": [{"role": "user", "content": [{"type": "image"}]}, {"role": "user", "message": "Boyd, please"}]}},
        {"messagesOpenAIFormatted": [{"role": "user", "content": "Boyd, please"}]},
        {"chat": {"id": "h", "messages": [{"role": "user", "content": "Boyd, please"}], "input": "ignored"}},
        {"chat": {"id": "h", "input": "Boyd, please"}},
        {"chat": {"id": "h", "input": [{"role": "user", "content": "Boyd, please"}]}},
    ],
)  # fmt: skip
def test_callers_lines_are_found_in_every_form_of_history(message: dict[str, Any]) -> None:
    found = envelope({"type": "tool-calls", **message})
    assert found.caller_lines() == ("Boyd, please",)
    assert [line.text for line in found.dialogue()] == ["Boyd, please"]


def test_damaged_call_keeps_its_ids() -> None:
    body = b'{"message": {"type": "status-update", "call": {"id": "c", "customer": {"number": "+15550000001", "x": "\\x"}}}}'
    found = decode(body)
    assert (found.vapi_call_id, found.caller_number) == ("c", "+15550000001")


def test_invalid_json_arguments_become_empty() -> None:
    call = {"name": "x", "arguments": "{"}
    (request,) = envelope({"type": "tool-calls", "toolCallList": [call]}).tool_requests()
    assert request.arguments == {}


@pytest.mark.parametrize(("sent", "name"), [("Ana Ruiz", "Ana Ruiz"), ("unknown", None), (None, None)])
def test_message_has_the_name_that_was_given(sent: str | None, name: str | None) -> None:
    draft = message_draft({"message": "Are cats fine?", "attendee_name": sent})
    assert (draft.body, draft.attendee_name) == ("Are cats fine?", name)
