"""`kill -9` during a long statement and at random moments."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.migrations.contenders import Change, Contender, Field
from bench.programs import Command, Outcome, Running, must, run
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_STATEMENT_S = 20.0
_MAX_S = 2.0
_TIMEOUT_S = 40.0
_POLL_S = 0.02
_RERUNS = 3
_CRASH_TEST = "tests/database/migrations/run/test_crash.py::test_random_kills_leave_no_half_file_and_no_lock"
_CRASH_TIMEOUT_S = 180.0

# A table determines how long the statement takes, so that the rerun of the same file is short.
_PACE = f"CREATE TABLE pace (seconds float); INSERT INTO pace VALUES ({_STATEMENT_S})"
_CHANGE = Change(1, ("CREATE TABLE slow (id int)", "SELECT pg_sleep(seconds) FROM pace"))
_BUSY = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
_LIVES = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"


@dataclass(frozen=True)
class Kill:
    """The aftermath of a kill: when the server ended the dead session, and the outcome of the reruns."""

    let_go_s: float
    rerun: Outcome
    back_after_s: float | None


def measure(bench: Bench, server: Server, field: Field) -> Iterator[Table]:
    """Measure the long statement for all tools, the random moments for ours only."""
    yield _long_statement(bench, server, field)
    yield _random_moments(bench)


def _long_statement(bench: Bench, server: Server, field: Field) -> Table:
    contenders: list[Contender] = [field.ours, *field.peers]
    rounds = bench.rounds(5, 2)
    kills: dict[str, list[Kill]] = {contender.name: [] for contender in contenders}
    databases = [server.create() for _ in contenders]
    with ThreadPoolExecutor(len(contenders)) as threads:
        numbers = range(len(contenders))
        done = threads.map(lambda n: _kill(contenders[n], databases[n], bench.folder / f"killed-{n}-0"), numbers)
        for contender, kill in zip(contenders, done, strict=True):
            kills[contender.name].append(kill)
    for number in range(1, rounds):
        kill = _kill(field.ours, server.create(), bench.folder / f"killed-0-{number}")
        kills[field.ours.name].append(kill)
    server.drop_all()
    ours = kills[field.ours.name]
    back = [kill.back_after_s for kill in ours if kill.back_after_s is not None]
    worst = max(back) if len(back) == rounds else None
    return Table(
        "`kill -9` during a long statement, then the same command again",
        f"The runner is killed {_STATEMENT_S:.0f} s before its statement would end and restarted at once (the"
        f" statement is made short in between). “Let go” is when the server ended the dead runner's session, “back”"
        f" when the migration was done, both counted from the kill; a failed rerun is repeated up to"
        f" {_RERUNS - 1} times. The worst of {rounds} rounds for ours, one round for the others.",
        ("tool", "let go", "back", "first rerun exits", "complaint"),
        [
            (
                name,
                f"{max(kill.let_go_s for kill in each):.2f} s",
                _longest(each),
                ", ".join(sorted({str(kill.rerun.code) for kill in each})),
                "" if each[0].rerun.code == 0 else each[0].rerun.complaint,
            )
            for name, each in kills.items()
        ],
        [
            Promise(
                "kill -9 during a long statement, then rerun",
                f"back in {worst:.2f} s" if worst is not None else "not back",
                f"<= {_MAX_S:.0f} s",
                worst is not None and worst <= _MAX_S,
            )
        ],
    )


def _longest(kills: list[Kill]) -> str:
    back = [kill.back_after_s for kill in kills if kill.back_after_s is not None]
    return f"{max(back):.2f} s" if len(back) == len(kills) else "never"


def _kill(contender: Contender, url: str, folder: Path) -> Kill:
    contender.write(folder, [_CHANGE])
    command = contender.command(url, folder)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_PACE.encode())
        runner = Running(command)
        while (busy := db.execute(_BUSY.encode()).fetchone()) is None:
            if runner.process.poll() is not None:
                must(command)  # reports why it ended
            time.sleep(_POLL_S)
        runner.kill()
        killed = time.perf_counter()
        db.execute("UPDATE pace SET seconds = 0")
        runner.outcome()
    with ThreadPoolExecutor(1) as watcher:
        let_go = watcher.submit(_let_go, url, busy[0], killed)
        reruns: list[Outcome] = []
        back_after_s = None
        while back_after_s is None and len(reruns) < _RERUNS:
            reruns.append(run(command, _TIMEOUT_S))
            if reruns[-1].code == 0:
                back_after_s = time.perf_counter() - killed
        return Kill(let_go.result(), reruns[0], back_after_s)


def _let_go(url: str, pid: int, killed: float) -> float:
    """Wait until the server has ended the session `pid`; return the seconds since the kill."""
    while ask(url, _LIVES, pid) and time.perf_counter() - killed < _TIMEOUT_S:
        time.sleep(_POLL_S)
    return time.perf_counter() - killed


def _random_moments(bench: Bench) -> Table:
    rounds = bench.rounds(100, 10)
    words = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", _CRASH_TEST + "[ours]"]
    outcome = run(Command(words, {"CRASH_ROUNDS": str(rounds)}), _CRASH_TIMEOUT_S)
    found = re.search(r"(\d+) kills in (\d+) rounds", outcome.output)
    kills = found.group(1) if found else "?"
    is_fine = outcome.code == 0 and found is not None
    reason = re.search(r"^E +(.+)$", outcome.output, re.MULTILINE)  # as pytest marks it
    complaint = reason.group(1) if reason else outcome.complaint
    verdict = "never half-applied, never wedged" if is_fine else complaint
    return Table(
        "`kill -9` at random moments",
        "The crash test of the engine (`tests/database/migrations/run/test_crash.py`): three runners killed per round"
        " at random moments, a fourth one finishes, the schema compared with that of a clean run and every"
        " file counted once. `CRASH_ROUNDS` sets the number of rounds.",
        ("tool", "rounds", "killed at work", "took", "outcome"),
        [("flask db-migrate", str(rounds), kills, f"{outcome.seconds:.0f} s", verdict)],
        [
            Promise(
                f"kill -9 at random moments, {rounds} rounds",
                f"{kills} kills: {verdict}",
                "never half-applied, never wedged",
                is_fine,
            )
        ],
    )
