"""A database that is down, full, silent, locked or slow.

Callers hear an apology in time, and no booking is partial.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from peterental.database.circuit_breaker import PROBE_TIMEOUT_S
from peterental.database.deadline import GRACE_S
from peterental.database.pool import ACQUIRE_TIMEOUT_S, IDLE_IN_TRANSACTION_TIMEOUT_MS, LOCK_TIMEOUT_MS, Database
from peterental.voice.webhook import DEADLINE_S
from tests.proxy import Proxy
from tests.servers import HANG_S, close_for_good, until
from tests.voice.phone import (
    BOOKED_MONDAY_AT_THREE,
    Clock,
    Phone,
    book,
    bookings,
    register_agents,
    services_on,
    webhook,
)

if TYPE_CHECKING:
    from peterental.services import Services

APOLOGY = "I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?"


@dataclass
class Line:
    """A call whose webhook reaches the database through a proxy.

    Args:
        phone: the call.
        proxy: between the webhook and the database.
        pool: the webhook's.
        database: the direct connection of the test.
    """

    phone: Phone
    proxy: Proxy
    pool: Database
    database: Database

    def is_back(self) -> None:
        """Check that failed requests left no booking, and that a later one succeeds."""
        assert bookings(self.database) == []
        until(lambda: book(self.phone) == BOOKED_MONDAY_AT_THREE, "it books again")
        assert len(bookings(self.database)) == 1


pytestmark = pytest.mark.usefixtures("real_time_limits")


@pytest.fixture
def line(database: Database, database_url: str, clock: Clock) -> Iterator[Line]:
    """A line whose first connection is open."""
    register_agents(database)
    with Proxy(database_url) as proxy:
        pool = Database(proxy.url, pool_size=8)
        phone = Phone(webhook(services_on(pool, clock), clock))
        assert phone.say("get_availability").startswith("I have")
        yield Line(phone, proxy, pool, database)
        close_for_good(pool)


def test_all_waits_sum_to_under_three_seconds() -> None:
    # The deadline, an unanswered cancellation, a last read of the result, and an unanswered rollback.
    assert DEADLINE_S + 3 * GRACE_S <= 3
    # A request that queued for a thread behind such a one probes briefly or not at all.
    assert DEADLINE_S + 2 * GRACE_S + PROBE_TIMEOUT_S <= 3
    assert LOCK_TIMEOUT_MS / 1000 + GRACE_S <= DEADLINE_S, "time is left to record the fault"
    assert ACQUIRE_TIMEOUT_S < DEADLINE_S
    assert IDLE_IN_TRANSACTION_TIMEOUT_MS / 1000 + LOCK_TIMEOUT_MS / 1000 <= 5, "fully back within five seconds"


def test_outage_apologises_then_recovers(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.proxy.shut()
    caplog.clear()
    with caplog.at_level(logging.ERROR, "peterental.voice"):
        reply = line.phone.play("tool-calls-two-calls")
    assert [result["result"] for result in reply["results"]] == [APOLOGY, APOLOGY]
    assert len(caplog.records) == 1, "the second call did not wait for the database again"
    assert book(line.phone) == APOLOGY
    assert line.phone.play("assistant-request") == {"error": APOLOGY}
    assert line.phone.play("status-update-in-progress") == {}
    line.proxy.open()
    line.is_back()


def test_first_call_after_a_restart_books(database: Database, database_url: str, clock: Clock) -> None:
    register_agents(database)
    pool = Database(database_url, pool_size=8)
    with pool.connection(), pool.connection(), pool.connection(), pool.connection(), pool.connection():
        pass
    with psycopg.connect(database_url, autocommit=True) as other:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ended = other.execute(f"SELECT bool_and(pg_terminate_backend(pid, 60000)), count(*) > 5 {others}").fetchone()
    assert ended == (True, True)
    assert book(Phone(webhook(services_on(pool, clock), clock))) == BOOKED_MONDAY_AT_THREE
    close_for_good(pool)


def test_silent_network_ends_in_an_apology(line: Line) -> None:
    line.proxy.swallow()
    assert line.phone.say("get_availability") == APOLOGY
    assert book(line.phone) == APOLOGY
    assert line.phone.play("transfer-destination-request") == {"error": APOLOGY}
    line.proxy.resume()
    line.is_back()


def test_retry_finds_booking_with_lost_answer(line: Line) -> None:
    line.proxy.swallow_at_turn = line.proxy.turns + 2
    assert book(line.phone, tool_call_id="t") == APOLOGY, "whether it was committed is unknown"
    assert bookings(line.database) == []
    line.proxy.resume()
    until(lambda: book(line.phone, tool_call_id="t") == BOOKED_MONDAY_AT_THREE, "the retry finds the booking")
    assert book(line.phone) == BOOKED_MONDAY_AT_THREE
    assert len(bookings(line.database)) == 1
    assert len(line.database.fetch("SELECT event_id FROM appointment_events")) == 1


def test_abandoned_transaction_releases_its_locks(line: Line, services: Services, clock: Clock) -> None:
    line.proxy.swallow_at_turn = line.proxy.turns + 2
    assert book(line.phone) == APOLOGY
    other = Phone(webhook(services, clock), call_id="call-2", number="+15550142199")
    until(lambda: book(other) == BOOKED_MONDAY_AT_THREE, "the server ends the abandoned transaction")


@pytest.fixture
def services(line: Line, clock: Clock) -> Services:
    """Services that reach the database without the proxy."""
    return services_on(line.database, clock)


@pytest.fixture
def locks_first(monkeypatch: pytest.MonkeyPatch, real_time_limits: None) -> None:
    """Make the lock timeout end long before the deadline of the message."""
    del real_time_limits
    monkeypatch.setattr("peterental.database.pool.LOCK_TIMEOUT_MS", 200)
    monkeypatch.setattr("peterental.voice.webhook.DEADLINE_S", HANG_S)


@pytest.mark.usefixtures("locks_first")
def test_locked_agent_row_ends_in_an_apology(line: Line, database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM agents FOR UPDATE")
        assert book(line.phone) == APOLOGY
        holder.rollback()
    assert line.database.fetch("SELECT name, outcome FROM tool_calls WHERE name = 'set_appointment'") == []
    line.is_back()


@pytest.mark.usefixtures("locks_first")
def test_edited_agent_row_records_a_fault(line: Line, database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("UPDATE agents SET agent_name = 'Anna'")
        assert line.phone.say("get_availability").startswith("I have"), "reading needs no lock"
        assert book(line.phone) == APOLOGY
        holder.rollback()
    assert line.database.fetch("SELECT outcome FROM tool_calls WHERE name = 'set_appointment'") == [
        {"outcome": "fault"}
    ]
    line.is_back()


def test_slow_statement_is_cancelled(line: Line) -> None:
    line.database.fetch(
        "CREATE FUNCTION doze() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
    )
    line.database.fetch("CREATE TRIGGER doze BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION doze()")

    def keeps_its_connection() -> bool:
        (used,) = line.pool.fetch("SELECT pg_backend_pid() AS pid")
        assert book(line.phone) == APOLOGY
        with line.pool.connection() as one, line.pool.connection() as other:
            return used["pid"] in {one.info.backend_pid, other.info.backend_pid}

    until(keeps_its_connection, "the server cancels within the grace period, which a busy one may miss")
    line.database.fetch("DROP TRIGGER doze ON appointments")
    line.is_back()


def test_exhausted_pool_ends_in_an_apology(database: Database, database_url: str, clock: Clock) -> None:
    register_agents(database)
    pool = Database(database_url, pool_size=1)
    phone = Phone(webhook(services_on(pool, clock), clock))
    with pool.connection():
        assert book(phone) == APOLOGY
    until(lambda: book(phone) == BOOKED_MONDAY_AT_THREE, "it books again")
    close_for_good(pool)
