"""Forty concurrent callers: for one time, and for forty."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from statistics import median

import psycopg

from bench.phone.stage import BOOKING, SECRET, Served, Stage, bookable_starts, serving
from bench.section import Bench
from bench.server import ask
from bench.table import Promise, Table
from peterental.voice.speech import APOLOGY

CALLERS = 40
_MAX_ANSWER_S = 1.0
_TIMEOUT_S = 120.0
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Caller:
    """One of the callers, with a kept-alive connection."""

    def __init__(self, number: int, port: int) -> None:
        self._number = number
        self._line = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        self._line.connect()

    def book(self, start: str, round_number: int) -> tuple[float, str]:
        """Try to book a time; return the seconds until the answer, and the answer.

        After an apology the caller repeats the request: on a slow machine it takes longer, with the same result.
        """
        number = f"{round_number:04}{self._number:04}"
        body = BOOKING.replace(b"@NUMBER@", number.encode()).replace(b"@START@", start.encode())
        began_s = time.perf_counter()
        sentence = APOLOGY
        while sentence == APOLOGY and time.perf_counter() - began_s < _TIMEOUT_S:
            sentence = self._send(body.replace(b"@AGENT@", b"1"))
        return time.perf_counter() - began_s, sentence

    def _send(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json", "X-Vapi-Secret": SECRET}
        self._line.request("POST", "/vapi/webhook", body, headers)
        answer = json.loads(self._line.getresponse().read())
        return str(answer["results"][0]["result"])

    def hang_up(self) -> None:
        """Close the connection."""
        self._line.close()


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Run the races, each round with other times of one agent."""
    url = stage.empty_url()
    rounds = bench.rounds(25, 3)
    starts = bookable_starts()
    with serving("wsgi:app", url) as served:
        callers = [Caller(number, served.port) for number in range(CALLERS)]
        _race(served, callers, [starts[-1]] * CALLERS, 0)  # to warm up
        one = [_race(served, callers, [starts[number]] * CALLERS, number + 1) for number in range(rounds)]
        with psycopg.connect(url) as db:
            db.execute("UPDATE appointments SET status = 'cancelled'")
        many = [_race(served, callers, starts[:CALLERS], 1_000)]
        for caller in callers:
            caller.hang_up()
    deadlocks = int(str(ask(url, _DEADLOCKS)))
    yield _table(one, many, deadlocks)


def _race(served: Served, callers: list[Caller], starts: list[str], number: int) -> list[tuple[float, str]]:
    barrier = threading.Barrier(len(callers))

    def run(caller: Caller, start: str) -> tuple[float, str]:
        barrier.wait()
        return caller.book(start, number)

    assert served.port  # noqa: S101  # the callers are connected to it
    with ThreadPoolExecutor(len(callers)) as pool:
        return list(pool.map(run, callers, starts))


def _table(one: list[list[tuple[float, str]]], many: list[list[tuple[float, str]]], deadlocks: int) -> Table:
    rows: list[tuple[str, ...]] = []
    promises = []
    for name, races, expected in (
        (f"{CALLERS} callers, one time", one, 1),
        (f"{CALLERS} callers, {CALLERS} times of one agent", many, CALLERS),
    ):
        slowest = max(seconds for race in races for seconds, _ in race)
        middle = median(seconds for race in races for seconds, _ in race)
        booked = [sum(sentence.startswith("You're booked") for _, sentence in race) for race in races]
        right = all(number == expected for number in booked)
        booked_text = f"{min(booked)}" if min(booked) == max(booked) else f"{min(booked)} to {max(booked)}"
        times = (f"{middle * 1000:.0f} ms", f"{slowest * 1000:.0f} ms")
        rows.append((name, str(len(races)), booked_text, str(deadlocks), *times))
        promises.append(
            Promise(
                f"{name}, {len(races)} rounds" if len(races) > 1 else name,
                f"{booked_text} booked each, {deadlocks} deadlocks, slowest {slowest:.2f} s",
                f"{expected} booked each, 0 deadlocks, < {_MAX_ANSWER_S:.0f} s",
                right and deadlocks == 0 and slowest < _MAX_ANSWER_S,
            )
        )
    return Table(
        f"{CALLERS} callers at once",
        "set_appointment over HTTP, every caller on a separate connection, all started at the same time. They are"
        " Python threads on the same machine, whose scheduling is part of the figures. Deadlocks are counted by the"
        " server.",
        ("race", "rounds", "booked each", "deadlocks", "median answer", "slowest answer"),
        rows,
        promises,
    )
