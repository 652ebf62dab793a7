"""Fault injection: a short run passes, and each kind of violation would be found."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from bench.chaos.balancer import Balancer
from bench.chaos.callers import Heard
from bench.chaos.consistency import ConsistencyCheck
from bench.chaos.faults import Lab
from bench.chaos.phone import Tally
from bench.chaos.postgres import LabPostgres
from tests.gunicorn import environment
from tests.servers import until

pytestmark = pytest.mark.untraced

PROJECT_DIR = Path(__file__).resolve().parents[2]
CHICAGO = ZoneInfo("America/Chicago")
FAULTS = 16
NINE = datetime(2026, 6, 1, 9)  # noqa: DTZ001  # an agent's wall clock


@pytest.mark.long
def test_no_guarantee_is_violated_by_any_fault() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.chaos", "--part", "phone", "--rounds", "1"],
        cwd=PROJECT_DIR,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✅ Every confirmation is in the database exactly once" in done.stdout
    assert "✅ No booking over a busy time that had been read" in done.stdout
    assert done.stdout.count(" s  ") == FAULTS


def test_a_version_killed_during_its_start_is_restarted(tmp_path: Path) -> None:
    with LabPostgres() as postgres, Balancer() as balancer, Lab(postgres, balancer, tmp_path, seed=1) as lab:
        first = lab.in_service
        lab.kill_the_master()
        until(lambda: lab.in_service is not first, "the supervisor starts another")
        second = lab.in_service
        lab.kill_the_master()
        until(lambda: lab.in_service not in (first, second), "and a third")
        lab.in_service.until_serving()
        assert second.was_killed
        assert not lab.in_service.was_killed


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
        yield connection


def book(connection: psycopg.Connection[Any], call_id: str, start: datetime, status: str = "confirmed") -> None:
    """Insert a booking with its history."""
    at = start.replace(tzinfo=CHICAGO)
    connection.execute(
        """
        WITH booked AS (
            INSERT INTO appointments (
                agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name, status, overlap_allowed
            )
            VALUES ('ana', %s, '12 Elm Street', %s, %s, 'Robin', %s, TRUE)
            RETURNING id
        )
        INSERT INTO appointment_events (appointment_id, kind, actor) SELECT id, 'booked', 'phone' FROM booked
        """,
        (call_id, at, at + timedelta(minutes=30), status),
    )


def test_consistent_bookings_have_no_violations(connection: psycopg.Connection[Any]) -> None:
    book(connection, "a", NINE)
    book(connection, "b", NINE + timedelta(hours=1), "cancelled")
    heard = [
        Heard("a", start=NINE),
        Heard("b", start=NINE + timedelta(hours=1), cancelled=True),
        Heard("c"),
        Heard("d", unsure=True),
    ]
    assert ConsistencyCheck(connection, CHICAGO).violations(heard, Tally(Counter({200: 9}), cut_off=2), shipped=0) == []
    assert ConsistencyCheck(connection, CHICAGO).reports_not_stored(heard) == 4


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        (Heard("none", start=NINE), "none: confirmed, but has no booking"),
        (Heard("a"), "a: has a booking that was not confirmed"),
        (Heard("a", start=NINE, cancelled=True), "a: confirmed as cancelled, is confirmed"),
        (Heard("a", start=NINE + timedelta(hours=2)), "a: confirmed for 2026-06-01 11:00:00, is booked for"),
        (Heard("twice", start=NINE), "twice: 2 bookings"),
        (Heard("a", start=NINE, contradictions=[("one", "two")]), "a: two answers to one request: 'one' and 'two'"),
    ],
)
def test_violations_of_a_call_are_found(connection: psycopg.Connection[Any], heard: Heard, complaint: str) -> None:
    book(connection, "a", NINE)
    book(connection, "twice", NINE + timedelta(hours=4))
    book(connection, "twice", NINE + timedelta(hours=5))
    broken = ConsistencyCheck(connection, CHICAGO).violations([heard], Tally(), shipped=0)
    assert any(sentence.startswith(complaint) for sentence in broken), broken


def test_global_violations_are_found(connection: psycopg.Connection[Any]) -> None:
    book(connection, "a", NINE)
    book(connection, "b", NINE)
    connection.execute("DELETE FROM appointment_events")
    tally = Tally(Counter({200: 3, 503: 1}), cut_off=1, lost=2)
    assert ConsistencyCheck(connection, CHICAGO).violations([], tally, shipped=2) == [
        "answers other than 200: {503: 1}",
        "2 messages were never answered",
        "1 pairs of viewings overlap",
        "2 bookings without a history",
        "2 migrations were shipped, 0 are recorded",
        "no booking was confirmed: the run proves nothing",
    ]


def test_without_kills_nothing_is_cut_off_or_lost(connection: psycopg.Connection[Any]) -> None:
    check = ConsistencyCheck(connection, CHICAGO)
    assert check.violations_without_kills(Tally(), 0) == []
    assert check.violations_without_kills(Tally(cut_off=1), 2) == [
        "1 deliveries were cut off though none of our processes was killed",
        "2 reports were lost though none of our processes was killed",
    ]


def test_response_time_starts_at_the_first_delivery() -> None:
    tally = Tally()
    tally.add_missing_answer(final=False)
    tally.add_answer(200, 1.5)
    tally.add_missing_answer(final=True)
    assert (tally.answers, tally.cut_off, tally.lost, tally.response_times_s) == (Counter({200: 1}), 1, 1, [1.5])
