"""Plans of the phone's statements, which a process makes while an office is new and keeps while it grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from peterental.agents.model import AgentKey
from peterental.appointments.model import BookingRequest
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.voice import speech

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KEEPS_ITS_PLANS_AFTER = 10
"""Executions of a statement, after which psycopg has prepared it and PostgreSQL keeps one plan for all values."""


def test_plans_of_a_new_office_read_by_index(database_url: str) -> None:
    """PostgreSQL would read a table of one page from end to end, and keep doing so after it has grown."""
    database = Database(database_url, pool_size=1)
    services = build_services(database, lambda: NOW)
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'assistant-ana')"
    )
    database.fetch("ANALYZE")
    for number in range(KEEPS_ITS_PLANS_AFTER):
        _ask_and_book(services, number)
    before = _rows_read(database)
    for number in range(KEEPS_ITS_PLANS_AFTER, 2 * KEEPS_ITS_PLANS_AFTER):
        _ask_and_book(services, number)
    assert _rows_read(database) == before
    database.close()


def _ask_and_book(services: Services, number: int) -> None:
    """Ask for free times, and book one, in a phone call of its own."""
    start = (NOW + timedelta(days=1 + number // 5)).replace(hour=9 + number % 5, tzinfo=None)  # on the agent's clock
    home = f"{number} Elm Street"

    def invocation(tool: str) -> ToolInvocation:
        return ToolInvocation(
            name=tool,
            tool_call_id=tool,
            vapi_call_id=f"call-{number}",
            agent_key=AgentKey(assistant_id="assistant-ana"),
            caller_number=f"+1405555{number:04}",
        )

    question = BookingRequest(property_address=home)
    services.appointments.availability(invocation("get_availability"), question, speech.render)
    request = BookingRequest(property_address=home, attendee_name="Dolores", start_time=start.isoformat())
    answer = services.appointments.book(invocation("set_appointment"), request, speech.render)
    assert "You're booked" in answer


def _rows_read(database: Database) -> dict[str, int]:
    """Return how many rows were read from end to end, of the tables that grow with every call."""
    database.fetch("SELECT pg_stat_force_next_flush()")
    rows = database.fetch(
        """
        SELECT relname, seq_tup_read FROM pg_stat_user_tables
        WHERE relname IN ('appointments', 'appointment_events', 'calls', 'tool_calls', 'notices')
        """
    )
    return {row["relname"]: row["seq_tup_read"] for row in rows}
