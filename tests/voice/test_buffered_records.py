"""Tool calls that change nothing are recorded after the answer, with the same rows as at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.calls.record_buffer import RecordBuffer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.voice.webhook import create_blueprint
from tests.gunicorn import running_gunicorn
from tests.proxy import Proxy
from tests.servers import until
from tests.voice.phone import ANA, ELM, Clock, Phone, book, register_agents, starts

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

ROWS = """
    SELECT vapi_call_id, tool_call_id, tool_calls.agent_id, name, arguments, answer, outcome, appointment_id, offered,
           asked, duration_ms > 0 AS took, received_at, kind, calls.agent_id AS call_agent, assistant_id,
           phone_number_id, caller_number, created_at, updated_at, outcomes, agreed, status
    FROM tool_calls LEFT JOIN calls USING (vapi_call_id)
    ORDER BY vapi_call_id, tool_call_id
"""


@pytest.fixture
def patient(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services whose buffer is written only when a test, or a tool call that needs it, says so."""
    monkeypatch.setattr("peterental.calls.service.RecordBuffer", partial(RecordBuffer, write_interval_s=3600))
    register_agents(database)
    return build_services(database, clock, buffers_records=True)


def bare_client(services: Services, clock: Clock) -> FlaskClient:
    """Build a client whose application writes the buffer only as the services do."""
    app = Flask("webhook")
    app.register_blueprint(create_blueprint(services, Config(), clock))
    return app.test_client()


@pytest.fixture
def caller(patient: Services, clock: Clock) -> Phone:
    return Phone(bare_client(patient, clock))


def test_answer_does_not_wait_for_its_record(caller: Phone, patient: Services, database: Database) -> None:
    assert "nine AM" in caller.say("get_availability", {"date": "tomorrow"})
    assert database.fetch(ROWS) == []
    assert patient.calls.write_buffered()
    (row,) = database.fetch(ROWS)
    assert (row["vapi_call_id"], row["outcome"], row["outcomes"]) == ("call-1", "answered", ["answered"])


def test_own_viewings_are_named_before_their_record(caller: Phone, patient: Services, database: Database) -> None:
    assert caller.say("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, "booking").startswith("You're booked")
    assert caller.say("find_appointment", {}, "question").startswith("I see a booking")
    assert caller.say("find_appointment", {"attendee_name": "Dolores"}, "answer").startswith("You have a viewing")
    assert [row["tool_call_id"] for row in database.fetch(ROWS)] == ["booking"]
    assert patient.calls.write_buffered()
    rows = {row["tool_call_id"]: row for row in database.fetch(ROWS)}
    assert [(rows[name]["outcome"], rows[name]["asked"]) for name in ("question", "answer")] == [
        ("answered", "identity-needed"),
        ("answered", None),
    ]
    assert rows["answer"]["outcomes"] == ["answered", "booked"]


def test_buffered_rows_equal_those_written_at_once(database: Database, clock: Clock, patient: Services) -> None:
    rows = []
    for services in (patient, build_services(database, clock)):
        phone = Phone(bare_client(services, clock))
        for call_id, tool_call_id, arguments in (
            ("call-1", "a", {"date": "tomorrow", "property_address": 'Élan "Elm" \\ 1'}),
            ("call-1", "b", {"date": "gibberish"}),
            ("call-2", "a", {}),
            ("call-2", "a", {}),
            ("", "a", {"date": "tomorrow"}),
        ):
            phone.call_id = call_id
            phone.say("get_availability", arguments, tool_call_id)
        services.calls.write_buffered()
        rows.append(database.fetch(ROWS))
        database.fetch("TRUNCATE calls, tool_calls")
    assert len(rows[0]) == 4
    assert rows[0] == rows[1]


def test_booking_knows_times_offered_just_before(caller: Phone, database: Database) -> None:
    message = caller.message("get_availability", {"date": "tomorrow"})
    message["toolCallList"] += caller.message("set_appointment", ELM | {"start_time": "the second one"})["toolCallList"]
    offer, booked = (result["result"] for result in caller.post(message).json["results"])  # type: ignore[index]
    assert "nine AM" in offer
    assert booked.startswith("You're booked")
    (offered,) = (row["offered"] for row in database.fetch(ROWS) if row["name"] == "get_availability")
    assert starts(database) == [f"{offered[1]:%Y-%m-%d %H:%M:%S}+00"]


def test_message_is_taken_after_a_buffered_answer(caller: Phone, database: Database) -> None:
    caller.say("get_availability")
    assert caller.say("take_message", {"message": "Are cats fine?"}).startswith("I've noted")
    assert [row["outcome"] for row in database.fetch("SELECT outcome FROM tool_calls ORDER BY id")] == [
        "answered",
        "message",
    ]


def test_late_record_does_not_replace_a_booking(caller: Phone, patient: Services, database: Database) -> None:
    first = book(caller, tool_call_id="same")
    caller.say("get_availability", {}, "same")
    patient.calls.write_buffered()
    (row,) = database.fetch(ROWS)
    assert (row["outcome"], row["answer"], row["outcomes"]) == ("booked", first, ["booked"])


def test_record_joins_a_call_that_was_reported(caller: Phone, patient: Services, database: Database) -> None:
    caller.say("get_availability")
    caller.post({"type": "end-of-call-report", "call": {"id": "call-1"}, "summary": "Asked.", "endedReason": "hung-up"})
    patient.calls.write_buffered()
    (call,) = database.fetch("SELECT status, summary, outcomes FROM calls")
    assert call == {"status": "ended", "summary": "Asked.", "outcomes": ["answered"]}


def test_full_buffer_records_at_once(caller: Phone, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.calls.record_buffer.MAX_BUFFERED", 0)
    caller.say("get_availability")
    assert len(database.fetch(ROWS)) == 1


def test_unknown_agent_is_recorded_at_once(caller: Phone, database: Database) -> None:
    caller.assistant_id = "24464697-0000-4000-8000-00000000dead"
    caller.say("get_availability")
    (row,) = database.fetch(ROWS)
    assert (row["agent_id"], row["outcome"]) == (None, "refused")


@pytest.mark.usefixtures("real_time_limits")
def test_records_survive_an_outage(database_url: str, database: Database, clock: Clock) -> None:
    register_agents(database)
    with Proxy(database_url) as proxy:
        pool = Database(proxy.url, pool_size=2)
        services = build_services(pool, clock, buffers_records=True)
        caller = Phone(bare_client(services, clock))
        caller.say("get_availability")
        proxy.shut()
        services.calls.write_buffered()
        proxy.open()
        until(lambda: len(database.fetch(ROWS)) == 1, "the record is written")
        assert services.calls.write_buffered()
        pool.close()


def test_stopped_gunicorn_writes_its_buffer(database_url: str, database: Database, tmp_path: Path) -> None:
    register_agents(database)
    with running_gunicorn({"DATABASE_URL": database_url}, tmp_path / "gunicorn.log") as gunicorn:
        for number in range(5):
            status, answer = gunicorn.call(
                {
                    "type": "tool-calls",
                    "call": {"id": f"call-{number}", "assistantId": ANA},
                    "toolCallList": [{"id": "t", "function": {"name": "get_availability", "arguments": {}}}],
                }
            )
            assert status == 200, answer
        assert gunicorn.stop() == 0
    assert [row["vapi_call_id"] for row in database.fetch(ROWS)] == [f"call-{number}" for number in range(5)]
