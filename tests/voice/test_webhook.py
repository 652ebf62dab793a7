"""The webhook: bad bodies, unknown tools, faults and malformed values."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.agents.model import Agent, AgentKey, AgentUnknown
from peterental.agents.service import AgentService
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.voice import messages
from peterental.voice.speech import FIXED_LINES
from tests.servers import HANG_S
from tests.voice.phone import Clock, Phone, payload, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peterental.services import Services

ROOT = Path(__file__).parents[2]
APOLOGY = "I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?"
ELM = {"property_address": "1420 Elm Street", "attendee_name": "Dolores Whitcomb", "start_time": "tomorrow 3 pm"}


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"nonsense", b"[]", b"5", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda body: repr(body[:12]),
)
def test_non_object_body_returns_400(phone: Phone, body: bytes) -> None:
    response = phone.client.post("/vapi/webhook", data=body)
    assert response.status_code == 400
    assert response.json == {"error": "The body is not a JSON object."}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"message": null}',
        b'{"message": 5}',
        b'{"message": []}',
        b'{"message": {}}',
        b'{"message": {"type": 7}}',
        b'{"message": {"type": ["tool-calls"]}}',
        b'{"message": {"type": "status-update", "call": 5}}',
        b'{"message": {"type": "status-update", "call": {"id": {}}}}',
        b'\xef\xbb\xbf{"message": {}}',
        b'{"message": {"cost": 1e999}}',
    ],
)
def test_any_object_body_returns_200(phone: Phone, body: bytes) -> None:
    response = phone.client.post("/vapi/webhook", data=body)
    assert (response.status_code, response.json) == (200, {})


def test_body_over_five_megabytes_returns_413(phone: Phone) -> None:
    frame = b'{"message": {"type": "x", "artifact": "%s"}}'
    limit = 5 * 1024 * 1024
    filler = b"y" * (limit - len(frame) + 2)
    assert phone.client.post("/vapi/webhook", data=frame % filler).status_code == 200
    response = phone.client.post("/vapi/webhook", data=frame % (filler + b"y"))
    assert response.status_code == 413
    assert response.json == {"error": "The body is larger than 5242880 bytes."}


def test_surrogates_and_nul_are_removed(phone: Phone, services: Services) -> None:
    body = json.dumps(
        {"message": {"type": "end-of-call-report", "call": {"id": "c"}, "summary": "\ud83d cut \u0000", "transcript": "AI: hi\nUser: ho", "messages": [{"role": "user", "message": "\udc00\u0000x"}]}}
    )  # fmt: skip
    assert phone.client.post("/vapi/webhook", data=body).json == {}
    call = services.calls.get("c")
    assert call is not None
    assert (call.summary, call.transcript) == (" cut ", "AI: hi\nUser: ho")
    assert call.messages == [{"role": "user", "message": "x"}]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The webhook behind gunicorn, with a database that is never reached."""
    (tmp_path / "served.py").write_text(
        """
from peterental.database.pool import Database
from tests.voice.phone import Clock, services_on, webhook

app = webhook(services_on(Database("postgresql://127.0.0.1:1/nowhere"), Clock()), Clock()).application
""",
        encoding="utf-8",
    )
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        command = [sys.executable, "-m", "gunicorn", "-c", os.devnull, "-b", f"fd://{listener.fileno()}", "served:app"]
        server = subprocess.Popen(
            [*command, "--pythonpath", f"{tmp_path},{ROOT}"],
            pass_fds=[listener.fileno()],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
        )
        yield listener.getsockname()
        server.terminate()
        server.wait(HANG_S)


HEAD = b"POST /vapi/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_truncated_or_endless_body_is_refused(address: tuple[str, int]) -> None:
    for request, status in (
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"400"),
        (CHUNKED + b"5\r\n{}", b"400"),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", b"400"),
        (CHUNKED + b"2\r\n{}XX0\r\n\r\n", b"400"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"200"),
        (CHUNKED + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 6 + b"0\r\n\r\n", b"413"),
        (HEAD + b"Content-Length: 9999999\r\n\r\n", b"413"),
    ):
        with closing(socket.create_connection(address, timeout=HANG_S)) as line:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda line=line: line.recv(65536), b""))  # type: ignore[misc]
        assert answer.split(b" ")[1] == status, request[:200]


# --- many, unknown, without ids --------------------------------------------------------------------------------------


def test_results_keep_order_and_ids(phone: Phone, database: Database) -> None:
    calls: list[Any] = [
        {"id": "a", "function": {"name": "get_availability", "arguments": {}}},
        {"id": "b", "function": {"name": "order_pizza", "arguments": "{"}},
        {"function": {"name": "set_appointment", "arguments": ELM}},
        {"id": 7, "name": "set_appointment", "parameters": ELM},
        {"id": ["odd"], "name": "find_appointment"},
        "junk",
        {"id": "a", "function": {"name": "get_availability", "arguments": None}},
    ]
    reply = phone.post(
        {
            "toolCallList": calls,
            "call": {"id": "c", "assistantId": phone.assistant_id},
            "customer": {"number": phone.number},
        }
    ).json
    assert reply is not None
    assert [result["toolCallId"] for result in reply["results"]] == ["a", "b", None, 7, None, None, "a"]
    assert [result["name"] for result in reply["results"]][3:6] == ["set_appointment", "find_appointment", ""]
    assert reply["results"][1]["result"] == "I'm sorry, that is not something I can do on this line."
    assert reply["results"][2]["result"] == reply["results"][3]["result"]
    assert len(database.fetch("SELECT * FROM appointments")) == 1
    outcomes = [row["outcome"] for row in database.fetch("SELECT outcome FROM tool_calls ORDER BY id")]
    assert outcomes.count("unknown tool") == 2


def test_no_tool_calls_get_no_results(phone: Phone) -> None:
    assert phone.post({"type": "tool-calls", "toolCallList": [], "toolCalls": {}}).json == {"results": []}


def test_redelivered_legacy_call_acts_once(phone: Phone, database: Database) -> None:
    message = {
        "type": "function-call",
        "timestamp": 1795445435022,
        "functionCall": {"name": "take_message", "parameters": {"message": "Call me"}},
        "call": {"id": "c", "assistantId": phone.assistant_id, "customer": {"number": phone.number}},
    }
    first = phone.post(message).json
    assert phone.post(message).json == first
    assert len(database.fetch("SELECT * FROM messages")) == 1


def test_overlong_id_is_returned_unchanged(phone: Phone, database: Database) -> None:
    monster = "x" * 10_000
    assert phone.say("take_message", {"message": "hi"}, monster)
    phone.call_id = phone.assistant_id = monster
    assert "not connected" in phone.say("get_availability")
    assert {row["length"] for row in database.fetch("SELECT length(tool_call_id) FROM tool_calls")} <= {23, 69}


@pytest.mark.parametrize("arguments", ["[1, 2]", "{", "5", [], 5, True, '{"date": "tomorrow"', "\ud800"])
def test_non_object_arguments_become_empty(phone: Phone, arguments: object) -> None:
    message = json.dumps({"message": phone.message("set_appointment", arguments)})
    reply = phone.client.post("/vapi/webhook", data=message).json
    assert reply is not None
    assert reply["results"][0]["result"] == "Which home would you like to see?"


# --- damaged bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [b'"\xe9"', b'"\x00"', b'"\\x"', b"9" * 9_000, b"[" * 9_000 + b"]" * 9_000, b"NaN"],
    ids=["bad byte", "NUL", "unknown escape", "huge number", "deep nesting", "not a number"],
)
def test_damaged_body_is_recorded_and_answered(phone: Phone, services: Services, damage: bytes) -> None:
    report = b'{"message": {"type": "end-of-call-report", "call": {"id": "c"}, "summary": "S", "unread": %s}}'
    assert phone.client.post("/vapi/webhook", data=report % damage).json == {}
    call = services.calls.get("c")
    assert call is not None
    assert (call.status, call.summary) == ("ended", "S")
    message = json.dumps(phone.message("get_availability")).encode()
    reply = phone.client.post("/vapi/webhook", data=b'{"unread": %s, "message": %s}' % (damage, message)).json
    assert reply is not None
    assert reply["results"][0]["result"].startswith("I have tomorrow")


def test_bare_tool_calls_are_answered(phone: Phone, database: Database) -> None:
    message = phone.message("set_appointment", ELM)
    for kind in ("tool_calls", "tool.calls", "of-2030", None):
        reply = phone.client.post("/vapi/webhook", json=message | {"type": kind}).json
        assert reply is not None
        assert reply["results"][0]["result"].startswith("You're booked")
    assert len(database.fetch("SELECT * FROM appointments")) == 1


# --- faults ----------------------------------------------------------------------------------------------------------


def test_unexpected_error_is_logged_and_recorded(
    phone: Phone, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.fetch("ALTER TABLE appointments ADD CONSTRAINT no_more CHECK (1 / (id - id) = 1)")
    assert phone.say("set_appointment", ELM, "t") == APOLOGY
    assert "DivisionByZero" in caplog.text
    (record,) = [record for record in caplog.records if record.name == "peterental.voice.webhook"]
    assert vars(record)["call_id"] == "call-1"
    assert database.fetch("SELECT outcome FROM tool_calls") == [{"outcome": "fault"}]
    database.fetch("ALTER TABLE appointments DROP CONSTRAINT no_more")
    assert phone.say("set_appointment", ELM, "t").startswith("You're booked"), "a fault is not repeated"


def test_unknown_constraint_is_logged_by_name(
    phone: Phone, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.fetch("ALTER TABLE appointments ADD CONSTRAINT operators_own CHECK (attendee_email IS NOT NULL)")
    assert phone.say("set_appointment", ELM) == APOLOGY
    assert "operators_own of table appointments" in caplog.text
    assert database.fetch("SELECT outcome FROM tool_calls") == [{"outcome": "fault"}]


def test_fault_is_recorded_with_its_call(phone: Phone, database: Database) -> None:
    database.fetch("ALTER TABLE agent_hours RENAME TO gone")
    assert phone.say("get_availability") == APOLOGY
    assert database.fetch("SELECT name, outcome FROM tool_calls") == [{"name": "get_availability", "outcome": "fault"}]


def test_apology_is_in_the_agents_language(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    assert phone.say("get_availability").startswith("Tengo")
    database.fetch("ALTER TABLE agent_hours RENAME TO gone")
    apology = FIXED_LINES["es"].apology
    assert phone.say("get_availability") == apology
    assert phone.say("set_appointment", ELM) == apology
    recorded = database.fetch("SELECT DISTINCT answer FROM tool_calls WHERE outcome = 'fault'")
    assert recorded == [{"answer": apology}]


def test_unrecorded_fault_still_apologises(phone: Phone, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    database.fetch("ALTER TABLE tool_calls ADD CONSTRAINT no_more CHECK (FALSE)")
    assert phone.say("set_appointment", ELM) == APOLOGY
    assert "The fault could not be recorded with its call" in caplog.text
    assert database.fetch("SELECT * FROM appointments") == []


def test_raised_refusal_becomes_a_sentence(services: Services, clock: Clock) -> None:
    class Refusing(AgentService):
        def find(self, key: AgentKey) -> Agent | None:
            raise AgentUnknown(key=key)

    nowhere = Database("postgresql://nowhere")
    agents = Refusing(nowhere, AuditService(nowhere))
    refusing = copy(services)
    vars(refusing)["agents"] = agents
    phone = Phone(webhook(refusing, clock))
    assert phone.play("assistant-request")["error"].startswith("I'm sorry, this line is not connected")


def test_availability_answers_without_its_record(phone: Phone, services: Services, database: Database) -> None:
    """The record is tried again until the database takes it."""
    database.fetch(
        """
        CREATE FUNCTION wait() RETURNS TRIGGER LANGUAGE plpgsql AS
        $$ BEGIN RAISE query_canceled; END $$;
        """
    )
    database.fetch("CREATE TRIGGER wait BEFORE INSERT ON tool_calls FOR EACH ROW EXECUTE FUNCTION wait()")
    assert phone.say("get_availability").startswith("I have tomorrow")
    assert not services.calls.write_buffered()
    database.fetch("DROP TRIGGER wait ON tool_calls")
    assert services.calls.write_buffered()
    assert len(services.calls.tool_calls("call-1")) == 1


def test_failed_messages_are_still_answered(phone: Phone, database: Database) -> None:
    database.fetch("DROP TABLE calls")
    database.fetch("DROP TABLE agent_hours")
    assert phone.play("status-update-in-progress") == {}
    assert phone.play("assistant-request") == {"error": APOLOGY}
    assert phone.play("transfer-destination-request") == {"error": APOLOGY}


def test_tool_name_cannot_add_log_lines(phone: Phone, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "peterental"):
        phone.post(phone.message("order\npizza\x1b[31m"))
    assert all("\n" not in record.getMessage() and "\x1b" not in record.getMessage() for record in caplog.records)


# --- malformed input; test_fuzz.py has whole messages -----------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    try:
        messages.decode(body)
    except messages.BodyUnreadable:
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(body), dict)


def test_long_history_stays_undecoded() -> None:
    message = payload("tool-calls-docs-flat-arguments")
    message["message"]["artifact"]["messages"] = [{"role": "user", "message": "y" * 100}] * 1000
    envelope = messages.decode(msgspec.json.encode(message))
    assert isinstance(envelope._message.artifact, msgspec.Raw)
    assert envelope.tool_requests()[0].name == "get_availability"
    assert len(envelope.caller_lines()) == 1000
