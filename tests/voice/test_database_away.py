"""A database that is down, full, silent, locked or slow: the caller hears an apology in time, and nothing is half-booked."""

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
    """A call whose webhook reaches its database through a proxy, and a look at that database past the proxy."""

    phone: Phone
    proxy: Proxy
    pool: Database
    database: Database

    def is_back(self) -> None:
        """Check that everything works as soon as that is noticed, and that what failed before has left nothing."""
        assert bookings(self.database) == []
        until(lambda: book(self.phone) == BOOKED_MONDAY_AT_THREE, "it books again")
        assert len(bookings(self.database)) == 1


pytestmark = pytest.mark.usefixtures("real_time_limits")


@pytest.fixture
def line(database: Database, database_url: str, clock: Clock) -> Iterator[Line]:
    """The line, its first connection made."""
    register_agents(database)
    with Proxy(database_url) as proxy:
        pool = Database(proxy.url, pool_size=8)
        phone = Phone(webhook(services_on(pool, clock), clock))
        assert phone.say("get_availability").startswith("I have")
        yield Line(phone, proxy, pool, database)
        close_for_good(pool)


def test_all_waits_together_are_shorter_than_three_seconds() -> None:
    # Patience, then a cancellation that nobody takes, then a last look for the answer, and as much for a roll-back.
    assert DEADLINE_S + 3 * GRACE_S <= 3
    # Whoever had to queue for a thread behind such a caller asks briefly, or not at all.
    assert DEADLINE_S + 2 * GRACE_S + PROBE_TIMEOUT_S <= 3
    assert LOCK_TIMEOUT_MS / 1000 + GRACE_S <= DEADLINE_S, "time is left to keep what became of the call"
    assert ACQUIRE_TIMEOUT_S < DEADLINE_S
    assert IDLE_IN_TRANSACTION_TIMEOUT_MS / 1000 + LOCK_TIMEOUT_MS / 1000 <= 5, "back in full service within five"


def test_while_it_is_down_callers_hear_an_apology_and_once_it_is_back_they_book(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
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


def test_after_a_restart_that_nobody_noticed_the_first_caller_books(
    database: Database, database_url: str, clock: Clock
) -> None:
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


def test_a_network_that_swallows_everything_is_given_up_on(line: Line) -> None:
    line.proxy.swallow()
    assert line.phone.say("get_availability") == APOLOGY
    assert book(line.phone) == APOLOGY
    assert line.phone.play("transfer-destination-request") == {"error": APOLOGY}
    line.proxy.resume()
    line.is_back()


def test_a_booking_whose_answer_was_swallowed_is_whole_and_found_by_its_retry(line: Line) -> None:
    line.proxy.swallow_at_turn = line.proxy.turns + 2
    assert book(line.phone, tool_call_id="t") == APOLOGY, "nobody could know that it would arrive"
    assert bookings(line.database) == []
    line.proxy.resume()
    until(lambda: book(line.phone, tool_call_id="t") == BOOKED_MONDAY_AT_THREE, "it is found back")
    assert book(line.phone) == BOOKED_MONDAY_AT_THREE
    assert len(bookings(line.database)) == 1
    assert len(line.database.fetch("SELECT event_id FROM appointment_events")) == 1


def test_what_somebody_vanished_with_is_let_go(line: Line, services: Services, clock: Clock) -> None:
    line.proxy.swallow_at_turn = line.proxy.turns + 2
    assert book(line.phone) == APOLOGY
    other = Phone(webhook(services, clock), call_id="call-2", number="+15550142199")
    until(lambda: book(other) == BOOKED_MONDAY_AT_THREE, "the server lets go of a transaction that nobody goes on with")


@pytest.fixture
def services(line: Line, clock: Clock) -> Services:
    """Services that reach the database past the proxy."""
    return services_on(line.database, clock)


@pytest.fixture
def locks_first(monkeypatch: pytest.MonkeyPatch, real_time_limits: None) -> None:
    """Let the limit of locks be over long before the patience with all of a message."""
    del real_time_limits
    monkeypatch.setattr("peterental.database.pool.LOCK_TIMEOUT_MS", 200)
    monkeypatch.setattr("peterental.voice.webhook.DEADLINE_S", HANG_S)


@pytest.mark.usefixtures("locks_first")
def test_while_somebody_holds_the_agent_callers_hear_an_apology_that_is_kept(line: Line, database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM agents FOR UPDATE")
        assert book(line.phone) == APOLOGY
        holder.rollback()
    assert line.database.fetch("SELECT name, outcome FROM tool_calls WHERE name = 'set_appointment'") == []
    line.is_back()


@pytest.mark.usefixtures("locks_first")
def test_while_somebody_edits_the_agent_the_fault_is_kept_with_its_call(line: Line, database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("UPDATE agents SET agent_name = 'Anna'")
        assert line.phone.say("get_availability").startswith("I have"), "looking needs no lock"
        assert book(line.phone) == APOLOGY
        holder.rollback()
    assert line.database.fetch("SELECT outcome FROM tool_calls WHERE name = 'set_appointment'") == [
        {"outcome": "fault"}
    ]
    line.is_back()


def test_a_statement_that_is_too_slow_is_cancelled_and_its_connection_kept(line: Line) -> None:
    line.database.fetch(
        "CREATE FUNCTION doze() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
    )
    line.database.fetch("CREATE TRIGGER doze BEFORE INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION doze()")

    def is_cancelled_and_kept() -> bool:
        backend = "SELECT pg_backend_pid() AS pid"
        before = line.pool.fetch(backend)
        assert book(line.phone) == APOLOGY
        return line.pool.fetch(backend) == before

    until(is_cancelled_and_kept, "the server obeys in the moment it is given, which a busy one may not")
    line.database.fetch("DROP TRIGGER doze ON appointments")
    line.is_back()


def test_a_process_without_a_free_connection_apologises(database: Database, database_url: str, clock: Clock) -> None:
    register_agents(database)
    pool = Database(database_url, pool_size=1)
    phone = Phone(webhook(services_on(pool, clock), clock))
    with pool.connection():
        assert book(phone) == APOLOGY
    until(lambda: book(phone) == BOOKED_MONDAY_AT_THREE, "it books again")
    close_for_good(pool)
