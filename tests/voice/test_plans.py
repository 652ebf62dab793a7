"""No message causes a sequential scan; the server's statistics are the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from peterental.database.pool import Database
from tests.servers import until
from tests.voice.phone import ANAS_PHONE, Clock, Phone, payload, register_agents, services_on, webhook

TABLES = ("agent_hours", "agent_busy", "appointments", "appointment_events", "calls", "tool_calls", "messages")
"""The tables that grow. `agents` is not one of them: it has few pages, and a scan of it is cheap."""

ROUNDS = 12
"""More executions than the server plans individually before it chooses a generic plan."""

FILL = """
    INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, phone_number_id)
    SELECT 'agent-' || n, 'x', 'assistant-' || n, 'phone-' || n FROM generate_series(1, 400) AS n;

    INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, caller_number,
                              vapi_call_id, vapi_tool_call_id)
    SELECT 'agent-' || n % 400 + 1, n || ' Elm Street', start, start + INTERVAL '30 minutes', 'y', '+1555' || n,
           'past-' || n, 'tool'
    FROM generate_series(1, 8000) AS n,
         LATERAL (SELECT timestamptz '2026-11-20 00:00Z' + n / 400 * INTERVAL '1 hour') AS at (start);

    INSERT INTO appointment_events (appointment_id, kind, actor) SELECT id, 'booked', 'phone' FROM appointments;

    INSERT INTO agent_busy (agent_id, during)
    SELECT 'agent-' || n % 400 + 1, tstzrange(start, start + INTERVAL '30 minutes')
    FROM generate_series(1, 8000) AS n,
         LATERAL (SELECT timestamptz '2026-11-24 00:00Z' + n / 400 * INTERVAL '1 hour') AS at (start);

    INSERT INTO calls (vapi_call_id, agent_id) SELECT 'past-' || n, 'agent-' || n % 400 + 1 FROM generate_series(1, 8000) AS n;

    INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, answer, outcome)
    SELECT vapi_call_id, 'tool', agent_id, 'get_availability', 'I have noon.', 'answered' FROM calls;

    INSERT INTO messages (agent_id, vapi_call_id, body) SELECT agent_id, vapi_call_id, 'Call me' FROM calls;

    ANALYZE;
"""


@dataclass
class FilledOffice:
    """A webhook on a filled database, and the scan counts of that database."""

    phone: Phone
    pool: Database
    url: str

    def scans(self) -> dict[str, int]:
        """Return the sequential scans of each table.

        Waits until all other sessions have ended, because they report theirs at their end.
        """
        self.pool.close()
        with psycopg.connect(self.url, autocommit=True) as look:
            others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            until(lambda: look.execute(others).fetchone() is None, "all other sessions have ended")
            rows = look.execute("SELECT relname, seq_scan FROM pg_stat_user_tables").fetchall()
        return {table: scans for table, scans in rows if table in TABLES}


@pytest.fixture
def office(database_url: str, clock: Clock) -> Iterator[FilledOffice]:
    """A webhook for Ana, whose rows are among those of 400 other agents."""
    with psycopg.connect(database_url, autocommit=True) as filler:
        filler.execute(FILL)
    pool = Database(database_url, pool_size=2)
    register_agents(pool)
    yield FilledOffice(Phone(webhook(services_on(pool, clock), clock)), pool, database_url)
    pool.close()


def test_no_message_causes_a_sequential_scan(office: FilledOffice) -> None:
    before = office.scans()
    assert set(before) == set(TABLES)
    for turn in range(ROUNDS):
        _play_call(office.phone, turn)
    assert office.scans() == before


def test_statements_of_phone_calls_are_planned_once(office: FilledOffice) -> None:
    """Whatever the server estimates: after statistics change, it may find planning each time cheaper for minutes."""
    pool = Database(office.url, pool_size=1)
    phone = Phone(webhook(services_on(pool, Clock()), Clock()))
    for turn in range(ROUNDS):
        phone.call_id, phone.number = f"call-{turn}", f"+1555014{turn:04}"
        phone.say("get_availability", {"date": "tomorrow"})
        start = f"2026-11-25T{9 + turn // 2:02}:{turn % 2 * 30:02}"
        home = {"property_address": f"{turn} Oak Lane", "attendee_name": "Dolores", "start_time": start}
        assert phone.say("set_appointment", home).startswith("You're booked")
        assert phone.say("find_appointment", {"attendee_name": "Dolores"}).startswith("You have")
        assert phone.say("take_message", {"message": "Call me"}).startswith("I've noted")
        if turn == ROUNDS // 2:
            with psycopg.connect(office.url, autocommit=True) as analyst:
                analyst.execute("ANALYZE")
    plans = pool.fetch("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
    pool.close()
    assert not [row["statement"] for row in plans if row["custom_plans"]]
    for part in (
        "FOR NO KEY UPDATE",
        "has_ended",
        "agent.fields AS agent",
        "INSERT INTO tool_calls",
        "INSERT INTO messages",
    ):
        assert any(part in row["statement"] and row["generic_plans"] for row in plans), part


def test_a_booking_and_its_record_are_one_statement(office: FilledOffice) -> None:
    pool = Database(office.url, pool_size=1)
    phone = Phone(webhook(services_on(pool, Clock()), Clock()))
    for turn in range(ROUNDS):
        phone.call_id = f"booking-{turn}"
        start = f"2026-11-{25 + turn // 16 if turn < 32 else 27}T{9 + turn % 16 // 2:02}:{turn % 2 * 30:02}"
        home = {"property_address": f"{turn} Oak Lane", "attendee_name": "Dolores", "start_time": start}
        assert phone.say("set_appointment", home).startswith("You're booked")
    statements = pool.fetch("SELECT statement FROM pg_prepared_statements WHERE strpos(statement, 'INSERT INTO') > 0")
    pool.close()
    (statement,) = [row["statement"] for row in statements]
    for table in ("appointments", "appointment_events", "calls", "tool_calls"):
        assert f"INSERT INTO {table} (" in statement


def _play_call(phone: Phone, turn: int) -> None:
    """Send every kind of message, with successful and refused tool calls."""
    call_id = f"call-{turn}"
    phone.call_id, phone.number = call_id, f"+1555014{turn:04}"
    home = {"property_address": f"{turn} Oak Lane", "attendee_name": "Dolores"}
    assert phone.post({"type": "assistant-request", "call": {"id": call_id, "phoneNumberId": ANAS_PHONE}}).json
    assert phone.post({"type": "assistant-request", "call": {"id": f"v-{turn}", "phoneNumberId": "nobody"}}).json
    update = {"type": "status-update", "call": {"id": call_id}}
    assert phone.post(update | {"status": "in-progress"}).json == {}
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have")
    start = f"2026-11-{25 + turn // 16 if turn < 32 else 27}T{9 + turn % 16 // 2:02}:{turn % 2 * 30:02}"
    for _ in range(2):
        assert phone.say("set_appointment", home | {"start_time": start}, "again").startswith("You're booked")
    assert phone.say("set_appointment", home | {"start_time": "someday"}).startswith("Which day")
    assert phone.say("find_appointment", {"attendee_name": "Dolores"}).startswith("You have")
    later = f"2026-11-30T{9 + turn % 16 // 2:02}:{turn % 2 * 30:02}"
    assert phone.say("reschedule_appointment", {"start_time": later}).startswith("Your viewing")
    assert phone.say("cancel_appointment").startswith("Your viewing")
    for _ in range(2):
        assert phone.say("take_message", {"message": "Call me"}).startswith("I've noted")
    assert "not something" in phone.say("order_pizza")
    assert phone.post({"type": "transfer-destination-request", "call": {"phoneNumberId": ANAS_PHONE}}).json
    report = payload("end-of-call-report-2025-artifact-analysis")["message"]
    assert phone.post(report | {"call": {"id": call_id}}).json == {}
    assert phone.post(update | {"status": "ended"}).json == {}
