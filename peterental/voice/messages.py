"""Decode Vapi's messages: only the fields that are used.

The others may hold anything.

Where a value is looked for, and in which order, follows captured traffic of 2024 to 2026. Histories run to 100 KB and
more: they stay undecoded until they are asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from peterental.agents.model import AgentKey
from peterental.appointments.model import SpokenLine
from peterental.calls.model import CallUpdate, ConversationKind
from peterental.errors import Refusal
from peterental.phone_numbers import network_number
from peterental.voice import reports
from peterental.voice.lenient_json import decode_leniently
from peterental.voice.sanitize import identifier, json_safe, parse_timestamp, single_line

S = TypeVar("S", bound=msgspec.Struct)

EMPTY = msgspec.Raw(b"")
MAX_KIND_CHARS = 500
MAX_NAME_CHARS = 500
MAX_DIALOGUE_LINES = 16

_ASSISTANT_ROLES = ("bot", "assistant")

ANSWERED_KINDS = (
    "tool-calls", "function-call", "assistant-request", "transfer-destination-request", "handoff-destination-request",
    "status-update", "end-of-call-report",
)  # fmt: skip
"""The types of messages that are acted on."""

OTHER_KINDS = (
    "assistant.started", "assistant.speechStarted", "call.artifact.upload", "call.delete.failed", "call.deleted",
    "call-endpointing-request", "chat.created", "chat.deleted", "conversation-update", "hang",
    "knowledge-base-request", "language-change-detected", "language-changed", "model-output", "phone-call-control",
    "session.created", "session.deleted", "session.updated", "speech-update", "tool-calls-result", "transcript",
    "transcript[final]", "transfer-update", "user-interrupted", "voice-input", "voice-request", "workflow.node.started",
)  # fmt: skip
"""Types that Vapi documents and that need no answer: never tool calls, whatever fields they have."""


class BodyUnreadable(Refusal):
    """The body is not a JSON object."""


class _Message(msgspec.Struct, rename="camel"):
    """The fields of a message that are used while a caller waits. Each is optional and may be of any type."""

    type: Any = None
    timestamp: Any = None
    tool_call_list: msgspec.Raw = EMPTY
    tool_calls: msgspec.Raw = EMPTY
    tool_with_tool_call_list: msgspec.Raw = EMPTY
    function_call: msgspec.Raw = EMPTY
    call: msgspec.Raw = EMPTY
    chat: msgspec.Raw = EMPTY
    chat_id: Any = None
    session: msgspec.Raw = EMPTY
    session_id: Any = None
    assistant: msgspec.Raw = EMPTY
    phone_number: msgspec.Raw = EMPTY
    customer: msgspec.Raw = EMPTY
    artifact: msgspec.Raw = EMPTY
    messages: msgspec.Raw = EMPTY
    messages_open_ai_formatted: msgspec.Raw = msgspec.field(default=EMPTY, name="messagesOpenAIFormatted")

    def has_tool_calls(self) -> bool:
        """Return whether a field for tool calls was sent, whatever it holds."""
        return any((self.tool_call_list, self.tool_calls, self.tool_with_tool_call_list, self.function_call))


class _Body(_Message, rename="camel"):
    """A body: the message, or an object around it. Some senders put `call` beside `message`."""

    message: _Message | None = None


class _Ids(msgspec.Struct, rename="camel"):
    """The fields that are used of a call, a chat, an assistant, a phone number or a customer."""

    id: Any = None
    assistant_id: Any = None
    phone_number_id: Any = None
    number: Any = None
    sip_uri: Any = None
    customer: msgspec.Raw = EMPTY
    assistant: msgspec.Raw = EMPTY
    phone_number: msgspec.Raw = EMPTY


class _Artifact(msgspec.Struct, rename="camel"):
    messages: msgspec.Raw = EMPTY
    messages_open_ai_formatted: msgspec.Raw = msgspec.field(default=EMPTY, name="messagesOpenAIFormatted")


_body_decoder = msgspec.json.Decoder(_Body)
_ids_decoder = msgspec.json.Decoder(_Ids)
_artifact_decoder = msgspec.json.Decoder(_Artifact)
_any_decoder = msgspec.json.Decoder()


def _letters(kind: str) -> str:
    return re.sub(r"[^a-z]", "", kind.lower())


_KINDS = {_letters(kind): kind for kind in (*ANSWERED_KINDS, *OTHER_KINDS)} | {"toolcall": "tool-calls"}
"""Types by their letters: senders write `tool-calls`, `tool_calls`, `tool.calls` and `toolCalls`."""


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
    """One message. Its attributes are the values that every kind of message shares.

    Args:
        body: the fields used of it.
        raw: the whole body, which is decoded for reports and status updates only.
    """

    def __init__(self, body: _Body, raw: bytes) -> None:
        self._raw = raw
        sources = (body.message, body) if body.message is not None else (body,)
        self._message = message = next((s for s in sources if s.type is not None or s.has_tool_calls()), sources[0])
        calls, chats = [_ids(source.call) for source in sources], [_ids(source.chat) for source in sources]
        conversations = [*calls, *chats]
        places: tuple[_Message | _Ids, ...] = (*sources, *conversations)
        # Where an id is looked for, in this order; what follows the first that is found stays undecoded.
        self.agent_key = AgentKey(
            assistant_id=_vapi_id(
                chain(
                    (item.assistant_id for item in conversations),
                    (_ids(source.assistant).id for source in sources),
                    (number.assistant_id for number in _phone_numbers(places)),
                    (_ids(item.assistant).id for item in conversations),
                )
            ),
            phone_number_id=_vapi_id(
                chain(
                    (item.phone_number_id for item in conversations),
                    (number.id for number in _phone_numbers(places)),
                )
            ),
        )
        call_id = _first_id(call.id for call in calls)
        self.vapi_call_id = call_id or _chat_id(sources, chats) or ""
        self.conversation_kind: ConversationKind = "call" if call_id or not self.vapi_call_id else "chat"
        customers = (_ids(item.customer) for item in (message, *conversations, *sources))
        numbers = (number for customer in customers for number in (customer.number, customer.sip_uri))
        self.caller_number = next(filter(None, map(network_number, numbers)), None)
        self.kind = self._kind()

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
        return self._history[1]

    def dialogue(self) -> tuple[SpokenLine, ...]:
        """Return the latest lines of the caller and the assistant, oldest first. Decodes the history."""
        latest = islice((line for line in map(_spoken_line, reversed(self._history[0])) if line), MAX_DIALOGUE_LINES)
        return tuple(latest)[::-1]

    @cached_property
    def _history(self) -> tuple[list[object], tuple[str, ...]]:
        """The first history in which the caller says something, and what that is."""
        for history in self._histories():
            lines = _user_lines(history) if isinstance(history, list) else ()
            if lines:
                return history, lines
        return [], ()

    def _histories(self) -> Iterator[Any]:
        message, artifact = self._message, _artifact(self._message.artifact)
        yield from map(_any, (artifact.messages, artifact.messages_open_ai_formatted, message.messages))
        yield _any(message.messages_open_ai_formatted)
        chat = _mapping(_any(message.chat)) if message.chat else {}
        yield chat.get("messages")
        sent = chat.get("input")  # the caller's latest message: text, or lines like those of a history
        yield [{"role": "user", "content": sent}] if isinstance(sent, str) else sent

    def call_update(self) -> CallUpdate | None:
        """Return what a status update or an end-of-call report says about its call.

        None where it names no call.
        """
        if not self.vapi_call_id:
            return None
        places = self._places
        if self.kind == "end-of-call-report":
            return self._update("ended", is_report=True, **reports.report_fields(places))
        status = single_line(places[0].get("status") if places else None, MAX_KIND_CHARS) or "in-progress"
        status = "ended" if status.lower() == "ended" else status
        sent_at = parse_timestamp(self._message.timestamp)
        started_at, ended_at = reports.call_period(places)
        return self._update(
            status,
            started_at=started_at or (sent_at if status == "in-progress" else None),
            ended_at=ended_at or (sent_at if status == "ended" else None),
            ended_reason=reports.ended_reason(places),
        )

    def rejected(self) -> CallUpdate | None:
        """Return what to record of a call that the reply makes Vapi end with a sentence.

        None where it has no id.
        """
        if not self.vapi_call_id:
            return None
        # The reason that Vapi reports for such a reply.
        return self._update("ended", ended_reason="assistant-request-returned-error")

    def _update(self, status: str, **fields: Any) -> CallUpdate:
        return CallUpdate(
            vapi_call_id=self.vapi_call_id,
            kind=self.conversation_kind,
            agent_key=self.agent_key,
            caller_number=self.caller_number,
            status=status,
            **fields,
        )

    @cached_property
    def _places(self) -> reports.Places:
        """The objects of the message that hold fields of a report. Decodes the whole body."""
        body = _mapping(_any(self._raw))
        message = _mapping(body.get("message"))
        is_root = isinstance(self._message, _Body)
        return reports.places_of(*((body, {}) if is_root else (message, body)))

    def _kind(self) -> str:
        """Return the type of the message in its usual spelling.

        A list of tool calls makes it `tool-calls` where the type is missing or unknown.
        """
        sent = single_line(self._message.type, MAX_KIND_CHARS)
        if sent is None:
            return "tool-calls" if self._message.has_tool_calls() else ""
        known = _KINDS.get(_letters(sent))
        if known is None and self._message.has_tool_calls() and self.tool_requests():
            return "tool-calls"
        return known or sent

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
        safe_name = single_line(name, MAX_NAME_CHARS) or ""
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
        return Envelope(_body_decoder.decode(body), body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        repaired = _repair(body)
        return Envelope(_body_decoder.decode(repaired), repaired)


def _repair(body: bytes) -> bytes:
    """Return a body without what the strict decoder rejects, including a `message` that is no object.

    Raise BodyUnreadable where it is not a JSON object at all.
    """
    try:
        value = decode_leniently(body)
    except ValueError as error:
        raise BodyUnreadable from error
    if not isinstance(value, dict):
        raise BodyUnreadable
    if not isinstance(value.get("message"), dict):
        value.pop("message", None)
    return msgspec.json.encode(value)


def _any(raw: msgspec.Raw | bytes) -> Any:
    """Decode a part of a message; None where it is missing or not JSON.

    Language models write malformed JSON, and a caller is waiting for the answer to the rest of it.
    """
    try:
        return _any_decoder.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return decode_leniently(bytes(raw))
        except ValueError:
            return None


def _struct(raw: msgspec.Raw, decoder: msgspec.json.Decoder[S], empty: S) -> S:
    """Decode the used fields of an object, leniently where it is damaged; `empty` where it is none."""
    if not raw:
        return empty
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _any(raw)
        return decoder.decode(msgspec.json.encode(value)) if isinstance(value, dict) else empty


_NO_IDS = _Ids()
_NO_ARTIFACT = _Artifact()


def _ids(raw: msgspec.Raw) -> _Ids:
    return _struct(raw, _ids_decoder, _NO_IDS)


def _artifact(raw: msgspec.Raw) -> _Artifact:
    return _struct(raw, _artifact_decoder, _NO_ARTIFACT)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_set(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _first_id(values: Iterable[object]) -> str | None:
    return next(filter(None, (identifier(value) for value in values if value is not None)), None)


def _phone_numbers(places: Iterable[_Message | _Ids]) -> Iterator[_Ids]:
    return (_ids(item.phone_number) for item in places)


def _chat_id(sources: tuple[_Message, ...], chats: list[_Ids]) -> str | None:
    """Return the id of the chat that sent a message, or else of the session around its chats."""
    return _first_id(
        chain(
            (chat.id for chat in chats),
            (source.chat_id for source in sources),
            (_ids(source.session).id for source in sources),
            (source.session_id for source in sources),
        )
    )


def _vapi_id(values: Iterable[object]) -> str | None:
    """Return the first usable id, in lower case as Vapi writes it.

    People who copy ids change their case.
    """
    found = _first_id(values)
    return found.lower() if found else None


def _user_lines(history: list[object]) -> tuple[str, ...]:
    texts = (_text_of(item) for item in map(_mapping, history) if item.get("role") == "user")
    return tuple(filter(None, texts))


def _spoken_line(item: object) -> SpokenLine | None:
    """Return a line of a history; None for one without words."""
    line = _mapping(item)
    is_callers = line.get("role") == "user"
    if not is_callers and line.get("role") not in _ASSISTANT_ROLES:
        return None
    text = _words_in(line)
    return SpokenLine(is_callers, text) if isinstance(text, str) and text else None


def _text_of(item: Mapping[str, Any]) -> str | None:
    return single_line(_words_in(item))


def _words_in(line: Mapping[str, Any]) -> object:
    """Return what a line of a history says; chats have it in parts: `[{"type": "text", "text": "…"}]`."""
    said = _first_set(line.get("message"), line.get("content"))
    if not isinstance(said, list):
        return said
    texts = (part if isinstance(part, str) else _mapping(part).get("text") for part in said)
    return " ".join(text for text in texts if isinstance(text, str)) or None
