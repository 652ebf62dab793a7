"""Parsing times as callers say them: our parser compared with general ones, on the phrases of our tests."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime

from bench.section import Bench
from bench.table import Promise, Table
from bench.understanding import peers
from bench.understanding.peer_program import NONSENSE, TIMEOUT_S
from bench.understanding.peers import Answers
from peterental.appointments.date_parsing import ExactTime, parse_start
from peterental.appointments.date_parsing.phrase import parse_text
from peterental.appointments.date_parsing.tokens import tokenize
from tests.appointments.date_parsing.table import CHICAGO, Row, context, rows

TITLE = "Understanding times in words"

_MIN_RIGHT_SHARE = 0.95
_MAX_MEDIAN_US = 1000.0
_MAX_NONSENSE_MS = 10.0
_OURS = "PeteRental"


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure our parser and the others on every phrase of the table."""
    table = list(rows())
    phrases = [(row.now.replace(tzinfo=None), row.phrase) for row in table]
    python = peers.install()
    every: list[Answers] = [_ours(table)]
    for requirement in peers.names():
        found = peers.ask(python, requirement, phrases, bench.folder)
        if isinstance(found, str):
            yield found
        else:
            every.append(found)
    yield _understood(table, every)
    yield _speed(every)


def _ours(table: list[Row]) -> Answers:
    """Ask our parser, every phrase as if it were the first."""
    times: list[datetime | None] = []
    phrase_us: list[float] = []
    for row in table:
        against = context(row.now)
        _clear_caches()
        began = time.perf_counter()
        found = parse_start(row.phrase, against)
        phrase_us.append((time.perf_counter() - began) * 1e6)
        exact = found.start.astimezone(CHICAGO).replace(tzinfo=None) if isinstance(found, ExactTime) else None
        times.append(exact)
    return Answers(_OURS, times, phrase_us, [_nonsense_ms(text) for text in NONSENSE])


def _nonsense_ms(text: str) -> float:
    _clear_caches()
    began = time.perf_counter()
    parse_start(text, context())
    return (time.perf_counter() - began) * 1000


def _clear_caches() -> None:
    parse_text.cache_clear()
    tokenize.cache_clear()


def _understood(table: list[Row], every: list[Answers]) -> Table:
    meant = [row.exact for row in table]
    clear = [at for at, exact in enumerate(meant) if exact is not None]
    open_ = [at for at, exact in enumerate(meant) if exact is None]
    lines: list[tuple[str, ...]] = []
    for answers in every:
        right = sum(answers.times[at] == meant[at] for at in clear)
        nothing = sum(answers.times[at] is None for at in clear)
        booked = sum(answers.times[at] is not None for at in open_)
        wrong = len(clear) - right - nothing
        lines.append((answers.name, str(right), str(wrong), str(nothing), str(booked), str(len(open_) - booked)))
    ours = lines[0]
    wrong_count = int(ours[2]) + int(ours[4])
    share = (int(ours[1]) + int(ours[5])) / len(table)
    return Table(
        "What is understood",
        f"{len(table)} phrases said on a Sunday, a Wednesday and the day before the clocks change, with the time that a"
        f" person means: {len(clear)} name one time, {len(open_)} are vague, ambiguous or contradictory and have to be"
        " asked about. A general parser has no way to ask: what it returns for those would be booked. It is given the"
        " present moment and, where it has the setting, prefers the future. The phrases are those of our own tests, so"
        " the right column of ours shows that they pass; the columns of wrong times are what compares.",
        ("parser", "right", "another time", "nothing", "booked though open", "open, not booked"),
        lines,
        [
            Promise("phrases booked at a time that is not meant", str(wrong_count), "0", wrong_count == 0),
            Promise("phrases understood", f"{share:.0%}", f">= {_MIN_RIGHT_SHARE:.0%}", share >= _MIN_RIGHT_SHARE),
        ],
    )


def _speed(every: list[Answers]) -> Table:
    lines: list[tuple[str, ...]] = [
        (
            answers.name,
            f"{statistics.median(answers.phrase_us):.0f} us",
            f"{statistics.quantiles(answers.phrase_us, n=20)[-1]:.0f} us",
            *(f"over {TIMEOUT_S} s" if ms is None else f"{ms:.2f} ms" for ms in answers.nonsense_ms),
        )
        for answers in every
    ]
    median_us = statistics.median(every[0].phrase_us)
    nonsense_ms = max(ms or 0.0 for ms in every[0].nonsense_ms)
    return Table(
        "How long it takes",
        "Each phrase once, with empty caches of ours, in one process; words about times without sense, 10 KB of them"
        " and 280 characters: ours reads no more than 300.",
        ("parser", "median phrase", "95th percentile", "10 KB of nonsense", "280 characters of it"),
        lines,
        [
            Promise("median phrase", f"{median_us:.0f} us", f"<= {_MAX_MEDIAN_US:.0f} us", median_us <= _MAX_MEDIAN_US),
            Promise(
                "nonsense of any length",
                f"{nonsense_ms:.2f} ms",
                f"<= {_MAX_NONSENSE_MS:.0f} ms",
                nonsense_ms <= _MAX_NONSENSE_MS,
            ),
        ],
    )
