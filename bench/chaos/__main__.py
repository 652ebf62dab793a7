"""`make chaos`: breaks things under load, prints what happened, and exits with 1 if a promise was broken."""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from bench.chaos.balancer import Balancer
from bench.chaos.books import Books
from bench.chaos.callers import Callers, half_hours
from bench.chaos.faults import KILLS, Lab
from bench.chaos.postgres import LabPostgres
from bench.machine import description

ZONE = ZoneInfo("America/Chicago")
AGENTS = 8
DAYS = 14
LINES = 8
HELD_S = 5.0
"""How long reports that are held in memory may take to be kept once all is calm."""

CALM_S = 1.5
"""Between two faults."""


def main() -> None:
    """Run the lab."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same callers and faults")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault strikes")
    parser.add_argument("--only", default="", help="only the faults whose name contains this, such as deploy")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="peterental-chaos-") as folder, LabPostgres() as postgres, Balancer() as balancer:
        broken = run(Lab(postgres, balancer, Path(folder), arguments.seed), balancer, arguments)
    sys.exit(1 if broken else 0)


def run(lab: Lab, balancer: Balancer, arguments: argparse.Namespace) -> list[str]:
    """Let callers ring while faults strike, then check the books; give the broken promises."""
    print(f"Fault lab, seed {arguments.seed}. {description()}\n", flush=True)
    chosen = {name: fault for name, fault in lab.faults.items() if arguments.only in name}
    schedule = [name for name in chosen for _ in range(arguments.rounds)]
    random.Random(arguments.seed).shuffle(schedule)  # noqa: S311  # repeatable, not secret
    with lab:
        assistants = register(lab.postgres)
        callers = Callers(
            balancer.port,
            assistants,
            half_hours(datetime.now(ZONE) + timedelta(days=1), DAYS - 1),
            lines=LINES,
            seed=arguments.seed,
        )
        began = time.monotonic()
        callers.start()
        try:
            for name in schedule:
                time.sleep(CALM_S)
                struck = time.monotonic()
                chosen[name]()
                print(f"{struck - began:6.1f} s  {name} ({time.monotonic() - struck:.1f} s)", flush=True)
            time.sleep(CALM_S)
        finally:
            callers.stop()
        took_s = time.monotonic() - began
        with lab.postgres.connect() as connection:
            books = Books(connection, ZONE)
            not_kept = books.reports_not_kept(callers.heard, HELD_S)
            broken = books.broken_promises(callers.heard, callers.tally, lab.shipped)
            if not KILLS & set(schedule):
                broken += books.broken_without_kills(callers.tally, not_kept)
    report(callers, took_s, not_kept, broken)
    return broken


def register(postgres: LabPostgres) -> list[str]:
    """Register agents that work every day, whose horizon reaches as far as callers ask; give their assistants' ids."""
    assistants = [f"00000000-0000-4000-8000-{number:012}" for number in range(AGENTS)]
    with postgres.connect() as connection:
        for number, assistant in enumerate(assistants):
            connection.execute(
                "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, time_zone, horizon_days, notice_minutes)"
                " VALUES (%s, %s, %s, %s, %s, 0)",
                (f"agent-{number}", f"Agent {number}", assistant, ZONE.key, DAYS),
            )
        connection.execute(
            "INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)"
            " SELECT agent_id, weekday, '09:00', '17:00' FROM agents, generate_series(6, 7) AS weekday"
        )
    return assistants


def report(callers: Callers, took_s: float, not_kept: int, broken: list[str]) -> None:
    """Print the figures and the verdict."""
    tally, heard = callers.tally, callers.heard
    silences = sorted(tally.silences_s)
    booked = sum(call.start is not None for call in heard)
    print(
        f"\n{len(heard)} calls in {took_s:.0f} s: {sum(tally.answers.values())} messages answered"
        f" ({', '.join(f'{count} with {status}' for status, count in sorted(tally.answers.items()))}),"
        f" {tally.cut_off} deliveries cut off by a kill and delivered again, {tally.lost} never answered"
    )
    print(
        f"{booked} callers heard a confirmation, {sum(call.cancelled for call in heard)} of them a cancellation,"
        f" {sum(call.unsure for call in heard)} were left with an apology"
    )
    print(
        f"Silence before an answer: median {1000 * silences[len(silences) // 2]:.0f} ms,"
        f" 99 of 100 within {1000 * silences[len(silences) * 99 // 100]:.0f} ms, the longest {silences[-1]:.1f} s"
    )
    print(
        f"{not_kept} end-of-call reports were held in memory for a database that was away, and died with their worker\n"
    )
    for sentence in broken:
        print(f"❌ {sentence}")
    if not broken:
        print("✅ Every confirmation that was heard is in the database exactly once; no overlaps; no answer but 200.")
    print(f"   {datetime.now(UTC):%Y-%m-%d}", flush=True)


if __name__ == "__main__":
    main()
