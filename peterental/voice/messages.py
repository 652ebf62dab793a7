"""Decode Vapi's messages: only the fields that are used.

The others may hold anything.

Where a value is looked for, and in which order, follows captured traffic of 2024 to 2026. Histories run to 100 KB and
more: they stay undecoded until they are asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from peterental.agents.model import AgentKey
from peterental.calls.model import CallUpdate
from peterental.errors import Refusal
from peterental.phone_numbers import network_number
from peterental.voice.sanitize import identifier, json_safe, multiline, parse_timestamp, single_line

EMPTY = msgspec.Raw(b"")
MAX_COST_USD = 999_999.0
MAX_DURATION_S = 30 * 24 * 3600.0
MAX_REASON_CHARS = 500
MAX_BODY_DEPTH = 200
MAX_INTEGER_DIGITS = 20


class BodyUnreadable(Refusal):
    """The body is not a JSON object."""


class _Message(msgspec.Struct, rename="camel"):
    """The fields of a message that are used. Each is optional and may be of any type."""

    type: Any = None
    status: Any = None
    timestamp: Any = None
    tool_call_list: msgspec.Raw = EMPTY
    tool_calls: msgspec.Raw = EMPTY
    tool_with_tool_call_list: msgspec.Raw = EMPTY
    function_call: msgspec.Raw = EMPTY
    call: msgspec.Raw = EMPTY
    assistant: msgspec.Raw = EMPTY
    phone_number: msgspec.Raw = EMPTY
    customer: msgspec.Raw = EMPTY
    artifact: msgspec.Raw = EMPTY
    analysis: msgspec.Raw = EMPTY
    messages: msgspec.Raw = EMPTY
    transcript: Any = None
    summary: Any = None
    success_evaluation: Any = None
    structured_data: msgspec.Raw = EMPTY
    recording_url: Any = None
    recording: msgspec.Raw = EMPTY
    started_at: Any = None
    ended_at: Any = None
    duration_seconds: Any = None
    duration_ms: Any = None
    ended_reason: Any = None
    cost: Any = None


class _Body(msgspec.Struct):
    message: _Message | None = None
    call: msgspec.Raw = EMPTY


class _Ids(msgspec.Struct, rename="camel"):
    """The fields that are used of a call, an assistant, a phone number or a customer."""

    id: Any = None
    assistant_id: Any = None
    phone_number_id: Any = None
    number: Any = None
    sip_uri: Any = None
    customer: msgspec.Raw = EMPTY


class _Artifact(msgspec.Struct, rename="camel"):
    messages: msgspec.Raw = EMPTY
    messages_open_ai_formatted: msgspec.Raw = msgspec.field(default=EMPTY, name="messagesOpenAIFormatted")
    transcript: Any = None
    recording_url: Any = None
    recording: msgspec.Raw = EMPTY


_body_decoder = msgspec.json.Decoder(_Body)
_ids_decoder = msgspec.json.Decoder(_Ids)
_artifact_decoder = msgspec.json.Decoder(_Artifact)
_any_decoder = msgspec.json.Decoder()


@dataclass(frozen=True, kw_only=True)
class ToolRequest:
    """One tool call of a message.

    Args:
        wire_id: Vapi's id as sent, which the reply repeats; None where none was sent.
        tool_call_id: the id under which it is stored.
    """

    wire_id: object
    tool_call_id: str
    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)


class Envelope:
    """One message. Its attributes are the values that every kind of message shares."""

    def __init__(self, body: _Body) -> None:
        self._message = message = body.message or _Message()
        call, outer_call = _ids(message.call), _ids(body.call)
        assistant, phone_number_sent = _ids(message.assistant), _ids(message.phone_number)
        self.agent_key = AgentKey(
            assistant_id=_vapi_id(
                call.assistant_id, outer_call.assistant_id, assistant.id, phone_number_sent.assistant_id
            ),
            phone_number_id=_vapi_id(call.phone_number_id, outer_call.phone_number_id, phone_number_sent.id),
        )
        self.vapi_call_id = identifier(call.id) or identifier(outer_call.id) or ""
        customers = (message.customer, call.customer, outer_call.customer)
        numbers = (number for raw in customers for number in (_ids(raw).number, _ids(raw).sip_uri))
        self.caller_number = next(filter(None, map(network_number, numbers)), None)
        kind = single_line(message.type, MAX_REASON_CHARS)
        self.kind = kind or ("tool-calls" if self._has_tool_calls() else "")

    def tool_requests(self) -> tuple[ToolRequest, ...]:
        """Return the tool calls, in order, from the first field that has any."""
        message = self._message
        for raw in (message.tool_call_list, message.tool_calls):
            items = _any(raw)
            if isinstance(items, list) and items:
                return tuple(self._request(item) for item in items)
        items = _any(message.tool_with_tool_call_list)
        if isinstance(items, list) and items:
            return tuple(
                self._request(item.get("toolCall"), item) if isinstance(item, dict) else self._request(item)
                for item in items
            )
        legacy = _any(message.function_call)
        return (self._request(legacy),) if isinstance(legacy, dict) else ()

    def caller_lines(self) -> tuple[str, ...]:
        """Return what the caller has said so far, oldest first. Decodes the history."""
        artifact = _artifact(self._message.artifact)
        for raw in (artifact.messages, artifact.messages_open_ai_formatted, self._message.messages):
            lines = _user_lines(_any(raw))
            if lines:
                return lines
        return ()

    def call_update(self) -> CallUpdate | None:
        """Return what a status update or an end-of-call report says about its call.

        None where it names no call.
        """
        if not self.vapi_call_id:
            return None
        if self.kind == "end-of-call-report":
            return self._report()
        message = self._message
        status = single_line(message.status, MAX_REASON_CHARS) or "in-progress"
        sent_at = parse_timestamp(message.timestamp)
        return CallUpdate(
            vapi_call_id=self.vapi_call_id,
            agent_key=self.agent_key,
            caller_number=self.caller_number,
            status=status,
            started_at=parse_timestamp(message.started_at) or (sent_at if status == "in-progress" else None),
            ended_at=parse_timestamp(message.ended_at) or (sent_at if status == "ended" else None),
            ended_reason=single_line(message.ended_reason, MAX_REASON_CHARS),
        )

    def rejected(self) -> CallUpdate | None:
        """Return what to record of a call that the reply makes Vapi end with a sentence.

        None where it has no id.
        """
        if not self.vapi_call_id:
            return None
        return CallUpdate(
            vapi_call_id=self.vapi_call_id,
            agent_key=self.agent_key,
            caller_number=self.caller_number,
            status="ended",
            ended_reason="assistant-request-returned-error",  # the reason that Vapi reports for such a reply
        )

    def _report(self) -> CallUpdate:
        message, artifact = self._message, _artifact(self._message.artifact)
        analysis = _mapping(_any(message.analysis))
        started_at, ended_at = _call_period(message)
        evaluation = _first_set(message.success_evaluation, analysis.get("successEvaluation"))
        return CallUpdate(
            vapi_call_id=self.vapi_call_id,
            is_report=True,
            agent_key=self.agent_key,
            caller_number=self.caller_number,
            status="ended",
            started_at=started_at,
            ended_at=ended_at,
            ended_reason=single_line(message.ended_reason, MAX_REASON_CHARS),
            cost=_number(message.cost, MAX_COST_USD),
            summary=multiline(message.summary) or multiline(analysis.get("summary")),
            transcript=multiline(message.transcript) or multiline(artifact.transcript),
            messages=_json(message.messages) or _json(artifact.messages) or _json(artifact.messages_open_ai_formatted),
            success_evaluation=single_line(evaluation if isinstance(evaluation, str) else _json_of(evaluation)),
            structured_data=_json(message.structured_data) or _json_of(analysis.get("structuredData")),
            recording_url=single_line(message.recording_url)
            or single_line(artifact.recording_url)
            or _recording_url(_any(message.recording))
            or _recording_url(_any(artifact.recording)),
        )

    def _has_tool_calls(self) -> bool:
        message = self._message
        return any(
            (message.tool_call_list, message.tool_calls, message.tool_with_tool_call_list, message.function_call)
        )

    def _request(self, item: object, wrapper: Mapping[str, object] | None = None) -> ToolRequest:
        """Read one tool call, in any of the shapes that Vapi has sent.

        These are `.function.name` with `.function.arguments`, or `.name` with `.arguments` or `.parameters`.

        Args:
            item: the tool call.
            wrapper: the object around it, which may hold the tool's name.
        """
        call = _mapping(item)
        function = _mapping(call.get("function"))
        wrapper = wrapper or {}
        name = _first_set(
            function.get("name"), call.get("name"), wrapper.get("name"), _mapping(wrapper.get("function")).get("name")
        )
        arguments = _first_set(
            function.get("arguments"), function.get("parameters"), call.get("arguments"), call.get("parameters")
        )
        if isinstance(arguments, str):
            arguments = _any(arguments.encode(errors="replace"))
        safe_arguments = _mapping(json_safe(_mapping(arguments)))
        wire_id = call.get("id") if isinstance(call.get("id"), (str, int)) else None
        safe_name = single_line(name, MAX_REASON_CHARS) or ""
        return ToolRequest(
            wire_id=wire_id,
            tool_call_id=identifier(wire_id) or self._derived_id(wire_id, safe_name, safe_arguments),
            name=safe_name,
            arguments=safe_arguments,
        )

    def _derived_id(self, wire_id: object, name: str, arguments: Mapping[str, object]) -> str:
        """Build an id for a tool call that has no usable one.

        The same message delivered again gets the same id if it has an id or a timestamp; otherwise the id is random.
        """
        if wire_id is None and not self._message.timestamp:
            return f"none-{uuid4().hex}"
        content = json.dumps([str(wire_id), str(self._message.timestamp), name, arguments], sort_keys=True)
        return f"none-{hashlib.sha256(content.encode(errors='replace')).hexdigest()}"


def decode(body: bytes) -> Envelope:
    """Decode the body of a request.

    Raise BodyUnreadable where it is not a JSON object.
    """
    try:
        return Envelope(_body_decoder.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Envelope(_body_decoder.decode(_repair(body)))


def _repair(body: bytes) -> bytes:
    """Return a body without what the strict decoder rejects.

    These are lone surrogates, huge numbers, and a mistyped `message`.

    Raise BodyUnreadable where it is not a JSON object at all.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyUnreadable from error
    if not isinstance(value, dict):
        raise BodyUnreadable
    repaired = {name: value.get(name) for name in ("message", "call") if isinstance(value.get(name), dict)}
    return msgspec.json.encode(json_safe(repaired, keep_lines=True, depth=-MAX_BODY_DEPTH))


def _any(raw: msgspec.Raw | bytes) -> Any:
    """Decode a part of a message; None where it is missing or not JSON."""
    try:
        return _any_decoder.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(bytes(raw))


def _decode_leniently(raw: bytes) -> Any:
    """Decode malformed JSON as language models write it.

    It may have invalid UTF-8, bare line breaks, huge numbers and lone surrogates. A caller is waiting for the answer to
    the rest of it.
    """
    try:
        value = json.loads(raw.decode(errors="replace"), strict=False, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return json_safe(value, keep_lines=True, depth=-MAX_BODY_DEPTH)


def _integer(digits: str) -> int | None:
    """Parse an integer; None for one with more digits than any value here."""
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else None


def _ids(raw: msgspec.Raw) -> _Ids:
    try:
        return _ids_decoder.decode(raw) if bytes(raw) else _Ids()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Ids()


def _artifact(raw: msgspec.Raw) -> _Artifact:
    try:
        return _artifact_decoder.decode(raw) if bytes(raw) else _Artifact()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Artifact()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_set(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _vapi_id(*values: object) -> str | None:
    """Return the first usable id, in lower case as Vapi writes it.

    People who copy ids change their case.
    """
    found = next(filter(None, (identifier(value) for value in values)), None)
    return found.lower() if found else None


def _json(raw: msgspec.Raw) -> str | None:
    return _json_of(_any(raw))


def _json_of(value: object) -> str | None:
    """Return JSON text that jsonb accepts; None for an empty value."""
    if value is None or value in ({}, [], ""):
        return None
    return msgspec.json.encode(json_safe(value, keep_lines=True)).decode()


def _number(value: object, maximum: float) -> float | None:
    """Return a number from 0 to `maximum`; None for anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= maximum else None  # type: ignore[operator, arg-type]


def _call_period(message: _Message) -> tuple[datetime | None, datetime | None]:
    """Return start and end of a call.

    Compute a missing one from the other and the duration.
    """
    started_at, ended_at = parse_timestamp(message.started_at), parse_timestamp(message.ended_at)
    seconds = _number(message.duration_seconds, MAX_DURATION_S)
    if seconds is None and (duration_ms := _number(message.duration_ms, MAX_DURATION_S * 1000)) is not None:
        seconds = duration_ms / 1000
    if seconds is not None:
        length = timedelta(seconds=seconds)
        if started_at and not ended_at:
            ended_at = started_at + length
        elif ended_at and not started_at:
            started_at = ended_at - length
    return started_at, ended_at


def _recording_url(value: object) -> str | None:
    recording = _mapping(value)
    mono = _mapping(recording.get("mono"))
    return single_line(recording.get("stereoUrl")) or single_line(mono.get("combinedUrl"))


def _user_lines(history: object) -> tuple[str, ...]:
    items = [_mapping(item) for item in history] if isinstance(history, list) else []
    texts = (
        single_line(_first_set(item.get("message"), item.get("content")))
        for item in items
        if item.get("role") == "user"
    )
    return tuple(filter(None, texts))
