"""The fault lab: a short run in the gate, and proof that it would notice a broken promise."""

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
from bench.chaos.books import Books
from bench.chaos.callers import Heard
from bench.chaos.faults import Lab
from bench.chaos.phone import Tally
from bench.chaos.postgres import LabPostgres
from tests.gunicorn import environment
from tests.servers import until

PROJECT_DIR = Path(__file__).resolve().parents[2]
CHICAGO = ZoneInfo("America/Chicago")
NINE = datetime(2026, 6, 1, 9)  # noqa: DTZ001  # an agent's wall clock


@pytest.mark.long
def test_no_promise_is_broken_while_everything_is_killed_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.chaos", "--rounds", "1"],
        cwd=PROJECT_DIR,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✅ Every confirmation that was heard is in the database exactly once" in done.stdout
    assert done.stdout.count(" s  ") == 7


def test_a_version_that_is_killed_at_its_start_is_started_once_more(tmp_path: Path) -> None:
    with LabPostgres() as postgres, Balancer() as balancer, Lab(postgres, balancer, tmp_path, seed=1) as lab:
        first = lab.in_service
        lab.kill_the_master()
        until(lambda: lab.in_service is not first, "the supervisor starts another")
        second = lab.in_service
        lab.kill_the_master()
        until(lambda: lab.in_service not in (first, second), "and another")
        lab.in_service.until_serving()
        assert second.was_killed
        assert not lab.in_service.was_killed


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
        yield connection


def book(connection: psycopg.Connection[Any], call_id: str, start: datetime, status: str = "confirmed") -> None:
    """Put a booking into the books, with its history."""
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


def test_books_that_agree_are_in_order(connection: psycopg.Connection[Any]) -> None:
    book(connection, "a", NINE)
    book(connection, "b", NINE + timedelta(hours=1), "cancelled")
    heard = [
        Heard("a", start=NINE),
        Heard("b", start=NINE + timedelta(hours=1), cancelled=True),
        Heard("c"),
        Heard("d", unsure=True),
    ]
    assert Books(connection, CHICAGO).broken_promises(heard, Tally(Counter({200: 9}), cut_off=2), shipped=0) == []
    assert Books(connection, CHICAGO).reports_not_kept(heard) == 4


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        (Heard("nobody", start=NINE), "nobody: heard a confirmation and has no booking"),
        (Heard("a"), "a: was told of no booking and has one"),
        (Heard("a", start=NINE, cancelled=True), "a: heard cancelled, is confirmed"),
        (Heard("a", start=NINE + timedelta(hours=2)), "a: heard 2026-06-01 11:00:00, is booked for"),
        (Heard("twice", start=NINE), "twice: 2 bookings"),
        (Heard("a", start=NINE, contradictions=[("one", "two")]), "a: one request, two answers: 'one' and 'two'"),
    ],
)
def test_what_a_caller_heard_and_the_books_do_not_say_is_found(
    connection: psycopg.Connection[Any], heard: Heard, complaint: str
) -> None:
    book(connection, "a", NINE)
    book(connection, "twice", NINE + timedelta(hours=4))
    book(connection, "twice", NINE + timedelta(hours=5))
    broken = Books(connection, CHICAGO).broken_promises([heard], Tally(), shipped=0)
    assert any(sentence.startswith(complaint) for sentence in broken), broken


def test_trouble_on_the_whole_is_found(connection: psycopg.Connection[Any]) -> None:
    book(connection, "a", NINE)
    book(connection, "b", NINE)
    connection.execute("DELETE FROM appointment_events")
    tally = Tally(Counter({200: 3, 503: 1}), cut_off=1, lost=2)
    assert Books(connection, CHICAGO).broken_promises([], tally, shipped=2) == [
        "answers other than 200: {503: 1}",
        "2 messages were never answered",
        "1 pairs of viewings overlap",
        "2 bookings without a history",
        "2 migrations were shipped, 0 are recorded",
        "nobody heard a confirmation: the lab proved nothing",
    ]


def test_without_kills_nobody_may_be_cut_off_and_nothing_be_lost(connection: psycopg.Connection[Any]) -> None:
    books = Books(connection, CHICAGO)
    assert books.broken_without_kills(Tally(), 0) == []
    assert books.broken_without_kills(Tally(cut_off=1), 2) == [
        "1 deliveries were cut off though none of our processes was killed",
        "2 reports were lost though none of our processes was killed",
    ]


def test_silence_is_counted_from_the_first_delivery() -> None:
    tally = Tally()
    tally.note_no_answer(for_good=False)
    tally.note_answer(200, 1.5)
    tally.note_no_answer(for_good=True)
    assert (tally.answers, tally.cut_off, tally.lost, tally.silences_s) == (Counter({200: 1}), 1, 1, [1.5])
