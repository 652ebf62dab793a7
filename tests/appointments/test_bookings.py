"""Bookings by concurrent callers: races, the overlap constraint, and times that are taken."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count

import psycopg
import pytest

from peterental.agents.model import Agent, AgentKey
from peterental.appointments.model import AlreadyBooked, BookingRequest, SlotTaken
from peterental.appointments.phone_service import PhoneBookingService
from peterental.calls.model import Outcome, ToolInvocation
from peterental.database.constraints import ConstraintViolated
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.services import build_services
from tests.servers import until_a_session_waits
from tests.together import at_once

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KEY = AgentKey(assistant_id="assistant-ana")


@dataclass
class Callers:
    """Many callers of Ana's phone, and what each was answered."""

    service: PhoneBookingService
    results: list[Outcome | Refusal] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def say(self, result: Outcome | Refusal, _: Agent | None, __: datetime) -> str:
        """Record the result and return the name of its class."""
        self.results.append(result)
        return type(result).__name__

    def book(self, start_time: str, caller: int = 0, *, call: str | None = None, tool: str | None = None) -> str:
        """Book a viewing for one of many callers; return the answer."""
        invocation = ToolInvocation(
            name="set_appointment",
            tool_call_id=tool or f"tool-{next(self.ids)}",
            vapi_call_id=call or f"call-{caller}",
            agent_key=KEY,
            caller_number=f"+1555014{caller:04}",
        )
        request = BookingRequest(property_address="1420 Elm Street", attendee_name="Dolores", start_time=start_time)
        return self.service.book(invocation, request, self.say)


@pytest.fixture
def callers(database_url: str) -> Iterator[Callers]:
    """Callers of Ana's phone, with a connection pool of the size of a worker's."""
    database = Database(database_url, pool_size=8)
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', %s)", [KEY.assistant_id]
    )
    yield Callers(build_services(database, lambda: NOW).appointments)
    database.close()


def booked(database: Database) -> int:
    return int(database.fetch("SELECT COUNT(*) AS number FROM appointments WHERE status = 'confirmed'")[0]["number"])


def test_one_of_forty_racing_callers_books_a_time(callers: Callers, database: Database) -> None:
    for first, start in ((0, "2026-11-23T10:00"), (40, "2026-11-24T10:00"), (80, "2026-11-25T10:00")):
        outcomes = at_once([partial(callers.book, start, first + caller) for caller in range(40)])
        assert sorted(outcomes) == ["Booked"] + ["SlotTaken"] * 39
    assert booked(database) == 3


def test_forty_callers_book_forty_times(callers: Callers, database: Database) -> None:
    starts = [f"2026-11-2{3 + caller // 16}T{9 + caller % 16 // 2:02}:{caller % 2 * 30:02}" for caller in range(40)]
    outcomes = at_once([partial(callers.book, start, caller) for caller, start in enumerate(starts)])
    assert set(outcomes) == {"Booked"}
    assert booked(database) == 40


def test_racing_deliveries_of_a_tool_call_book_once(callers: Callers, database: Database) -> None:
    outcomes = at_once([lambda: callers.book("2026-11-23T10:00", tool="same") for _ in range(10)])
    assert set(outcomes) == {"Booked"}
    assert len(callers.results) == 1, "one sentence was made, nine were found"
    assert booked(database) == 1


def test_same_request_with_racing_ids_books_once(callers: Callers, database: Database) -> None:
    outcomes = at_once([lambda: callers.book("2026-11-23T10:00") for _ in range(10)])
    assert set(outcomes) == {"Booked"}
    assert booked(database) == 1


def test_caller_racing_for_two_times_of_a_home_books_one(callers: Callers, database: Database) -> None:
    outcomes = at_once([partial(callers.book, f"2026-11-23T{hour}:00") for hour in (10, 11, 12, 13)])
    assert sorted(outcomes) == ["AlreadyBooked"] * 3 + ["Booked"]
    assert isinstance(next(r for r in callers.results if isinstance(r, Refusal)), AlreadyBooked)
    assert booked(database) == 1


def test_constraint_stops_a_writer_without_the_lock(callers: Callers, database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as rude:
        rude.execute(
            """
            INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
            VALUES ('ana', 'x', '2026-11-23 16:00Z', '2026-11-23 16:30Z', 'y')
            """
        )
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(callers.book, "2026-11-23T10:00")
            until_a_session_waits(database.url)
            rude.commit()
            assert answer.result() == "SlotTaken"
    refusal = callers.results[-1]
    assert isinstance(refusal, SlotTaken)
    assert refusal.nearest == tuple(datetime(2026, 11, 23, h, m, tzinfo=UTC) for h, m in ((15, 0), (15, 30), (16, 30)))
    assert database.fetch("SELECT outcome FROM tool_calls") == [{"outcome": "refused"}]


def test_second_constraint_violation_still_answers(callers: Callers, database: Database) -> None:
    database.fetch(
        """
        CREATE FUNCTION say_no() RETURNS TRIGGER LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'appointments_agent_no_overlap';
        END
        $$
        """
    )
    database.fetch("CREATE TRIGGER no BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION say_no()")
    assert callers.book("2026-11-23T10:00", tool="t") == "SlotTaken"
    assert callers.book("2026-11-23T10:00", tool="t") == "SlotTaken"
    assert booked(database) == 0
    assert database.fetch("SELECT outcome FROM tool_calls") == [{"outcome": "refused"}]


def test_unknown_constraint_is_not_slot_taken(callers: Callers, database: Database) -> None:
    database.fetch("ALTER TABLE appointments ADD CONSTRAINT other EXCLUDE USING btree (property_address WITH =)")
    callers.book("2026-11-23T10:00", 1)
    with pytest.raises(ConstraintViolated, match="other of table appointments"):
        callers.book("2026-11-23T11:00", 2)


def test_caller_books_beside_a_busy_block_of_slot_length(callers: Callers, database: Database) -> None:
    assert callers.book("2026-11-23T10:00", 1) == "Booked"
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('ana', tstzrange('2026-11-23 16:00Z', '2026-11-23 16:30Z'))"
    )
    assert callers.book("2026-11-23T10:00", 2) == "SlotTaken"
    assert callers.book("2026-11-23T11:00", 3) == "Booked"


def test_overbooked_viewings_block_their_time(callers: Callers, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, overlap_allowed)
        VALUES ('ana', 'x', '2026-11-23 16:00Z', '2026-11-23 16:30Z', 'y', TRUE)
        """
    )
    assert callers.book("2026-11-23T10:00") == "SlotTaken"


def test_uppercase_assistant_id_books_its_agent(callers: Callers, database: Database) -> None:
    database.fetch("UPDATE agents SET vapi_assistant_id = UPPER(vapi_assistant_id)")
    assert callers.book("2026-11-23T10:00") == "Booked"
    assert database.fetch("SELECT agent_id FROM tool_calls") == [{"agent_id": "ana"}]


def test_deactivating_an_agent_keeps_its_bookings(callers: Callers, database: Database) -> None:
    callers.book("2026-11-23T10:00")
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert database.fetch("SELECT status, start_time FROM appointments") == [
        {"status": "confirmed", "start_time": datetime(2026, 11, 23, 16, 0, tzinfo=UTC)}
    ]
