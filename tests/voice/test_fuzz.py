"""Fuzz the webhook with mixtures of all recorded payloads.

Fields may have any type and be in any place. Every reply must be valid for its kind of message, never a 5xx. The
expectation follows from the contract alone and does not use the code under test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.config import Config
from tests.voice.phone import PAYLOADS, Phone, payload, webhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.services import Services
    from tests.voice.phone import Clock

APOLOGY = "I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?"
SECRET = "signed and sealed"
SHAPES = [payload(path.stem)["message"] for path in sorted(PAYLOADS.glob("*.json"))]
KINDS = ["tool-calls", "function-call", "status-update", "end-of-call-report", "assistant-request", "transfer-destination-request", "handoff-destination-request"]  # fmt: skip
IGNORED_KINDS = ["conversation-update", "transcript"]
SPELLINGS: list[Callable[[str], str]] = [
    lambda kind: kind.replace("-", "_"),
    lambda kind: kind.replace("-", "."),
    str.upper,
]
TOOLS = ["get_availability", "set_appointment", "find_appointment", "reschedule_appointment", "cancel_appointment", "take_message"]  # fmt: skip
UNSPELL: list[Callable[[str], str]] = [str, lambda kind: kind.replace("_", "-"), lambda kind: kind.replace(".", "-")]

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("x" * 5_000),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=5,
)
PIECES = st.sampled_from(
    [value for shape in SHAPES for value in shape.values()]
    + [inner for shape in SHAPES for value in shape.values() if isinstance(value, dict) for inner in value.values()]
)
FIELDS = st.sampled_from(sorted({name for shape in SHAPES for name in shape}))
TIMES = st.sampled_from(
    ["tomorrow 3 pm", "2026-11-23T15:00:00Z", "2025-11-24T15:00", "next Tuesday", "after 3", "24:00"]
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["property_address", "start_time", "attendee_name", "date", "time_of_day", "message", "agent_id"]),
    TIMES | JUNK,
)
FUNCTION = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(TOOLS) | JUNK, "arguments": ARGUMENTS | ARGUMENTS.map(json.dumps) | JUNK, "parameters": ARGUMENTS | JUNK}
)  # fmt: skip
CALL = JUNK | st.fixed_dictionaries(
    {}, optional={"id": st.sampled_from(["a", "b", 7]) | JUNK, "function": FUNCTION | JUNK, "name": st.sampled_from(TOOLS) | JUNK, "parameters": ARGUMENTS | JUNK}
)  # fmt: skip
CALLS = st.lists(CALL, max_size=3)
KIND = st.sampled_from([*KINDS, *IGNORED_KINDS, *(spell(kind) for spell in SPELLINGS for kind in KINDS), "of-2030"])
CHANGE = (
    st.tuples(FIELDS, JUNK | PIECES)
    | st.tuples(st.sampled_from(["toolCallList", "toolCalls"]), CALLS | JUNK)
    | st.tuples(st.just("toolWithToolCallList"), st.lists(st.fixed_dictionaries({"toolCall": CALL}) | JUNK, max_size=3))
    | st.tuples(st.just("functionCall"), FUNCTION | JUNK)
    | st.tuples(st.just("type"), KIND | st.integers() | st.none())
)


@st.composite
def mixtures(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a recorded or empty message, and change, drop or move some fields."""
    message = dict(draw(st.sampled_from([*SHAPES, {}])))
    message.update(draw(st.lists(CHANGE, max_size=4)))
    for name in draw(st.lists(FIELDS, max_size=3)):
        message.pop(name, None)
    body: dict[str, Any] = {"message": message}
    if draw(st.booleans()) and "call" in message:
        body["call"] = message.pop("call")
    return message if draw(st.booleans()) else body


def expected_kind(message: dict[str, Any]) -> str:
    """Return the kind of a message: its type in the usual spelling, or else what its tool calls imply."""
    sent = message.get("type")
    if isinstance(sent, str) and any(char.isprintable() and not char.isspace() for char in sent):
        known = [kind for kind in KINDS if kind in {spell(sent.lower()) for spell in UNSPELL}]
        if known or sent in IGNORED_KINDS:
            return known[0] if known else sent
        return "tool-calls" if expected_ids(message) else sent
    has_tool_calls = {"toolCallList", "toolCalls", "toolWithToolCallList", "functionCall"} & set(message)
    return "tool-calls" if has_tool_calls else ""


def expected_ids(message: dict[str, Any]) -> list[object]:
    """Return the id of each tool call that must be answered, in order.

    None for an unusable id.
    """
    for name in ("toolCallList", "toolCalls"):
        if isinstance(message.get(name), list) and message[name]:
            return [_id(call) for call in message[name]]
    wrapped = message.get("toolWithToolCallList")
    if isinstance(wrapped, list) and wrapped:
        return [_id(item.get("toolCall") if isinstance(item, dict) else item) for item in wrapped]
    legacy = message.get("functionCall")
    return [_id(legacy)] if isinstance(legacy, dict) else []


def _id(call: object) -> object:
    found = call.get("id") if isinstance(call, dict) else None
    return found if isinstance(found, str | int) else None


@pytest.fixture(params=["from this machine", "signed"])
def line(request: pytest.FixtureRequest, services: Services, clock: Clock) -> Phone:
    """A phone whose messages are accepted: as in development, or by their signature."""
    config = Config(vapi_hmac_secret=SECRET) if request.param == "signed" else Config()
    return Phone(webhook(services, clock, config))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=mixtures())
def test_mixed_message_gets_a_valid_reply(line: Phone, clock: Clock, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    stamp = f"{clock.now.timestamp() + next(line.ids) / 1000:.3f}"  # a signature is accepted once
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + data, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": stamp, "X-Signature": signature}
    response = line.client.post("/vapi/webhook", data=data, headers=headers)
    assert response.status_code == 200
    reply = response.json
    assert isinstance(reply, dict)
    message = body.get("message", body)
    kind = expected_kind(message)
    if kind in {"tool-calls", "function-call"}:
        results = reply.pop("results")
        assert [result["toolCallId"] for result in results] == json.loads(json.dumps(expected_ids(message)))
        for result in results:
            assert set(result) == {"toolCallId", "name", "result"}
            assert result["result"] == " ".join(result["result"].split())
            assert result["result"].endswith((".", "?"))
            assert result["result"] != APOLOGY, "no message may cause a fault"
        assert reply == ({"result": results[0]["result"]} if kind == "function-call" and results else {})
    elif kind == "assistant-request":
        assert set(reply) in ({"assistantId", "assistantOverrides"}, {"error"})
    elif kind == "transfer-destination-request":
        assert set(reply) in ({"destination"}, {"error"})
    elif kind == "handoff-destination-request":
        assert set(reply) == {"error"}
    else:
        assert reply == {}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=mixtures(), forged=st.text(max_size=70) | st.just("0" * 64))
def test_forged_signature_returns_401(services: Services, clock: Clock, body: dict[str, Any], forged: str) -> None:
    phone = Phone(webhook(services, clock, Config(vapi_hmac_secret=SECRET)))
    headers = {"X-Timestamp": str(int(clock.now.timestamp())), "X-Signature": forged.encode("ascii", "ignore").hex()}
    response = phone.client.post("/vapi/webhook", data=json.dumps(body), headers=headers)
    assert (response.status_code, response.json) == (401, {"error": "Not authorised."})
