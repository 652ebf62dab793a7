"""`make chaos`: inject faults under load, print the results, and exit with 1 if a guarantee was violated."""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.chaos.balancer import Balancer
from bench.chaos.callers import Callers, half_hours
from bench.chaos.consistency import ConsistencyCheck
from bench.chaos.faults import KILLS, Lab
from bench.chaos.lab_agents import DAYS, ZONE, register
from bench.chaos.postgres import LabPostgres
from bench.machine import description

LINES = 8
RETRY_QUEUE_TIMEOUT_S = 5.0
"""How long the retry queue may take, after the last fault, to store its end-of-call reports."""

FAULT_PAUSE_S = 1.5
"""The pause between two faults."""


def main() -> None:
    """Run the faults that the command line selects."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the callers and faults")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault is injected")
    parser.add_argument("--only", default="", help="only the faults whose name contains this, such as deploy")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="peterental-chaos-") as folder, LabPostgres() as postgres, Balancer() as balancer:
        violations = run(Lab(postgres, balancer, Path(folder), arguments.seed), balancer, arguments)
    sys.exit(1 if violations else 0)


def run(lab: Lab, balancer: Balancer, arguments: argparse.Namespace) -> list[str]:
    """Inject faults while callers call, then check the database; return the violations."""
    print(f"Fault injection, seed {arguments.seed}. {description()}\n", flush=True)
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
                time.sleep(FAULT_PAUSE_S)
                injected_at = time.monotonic()
                chosen[name]()
                print(f"{injected_at - began:6.1f} s  {name} ({time.monotonic() - injected_at:.1f} s)", flush=True)
            time.sleep(FAULT_PAUSE_S)
        finally:
            callers.stop()
        took_s = time.monotonic() - began
        with lab.postgres.connect() as connection:
            check = ConsistencyCheck(connection, ZONE)
            not_stored = check.reports_not_stored(callers.heard, RETRY_QUEUE_TIMEOUT_S)
            violations = check.violations(callers.heard, callers.tally, lab.shipped)
            if not KILLS & set(schedule):
                violations += check.violations_without_kills(callers.tally, not_stored)
    report(callers, took_s, not_stored, violations)
    return violations


def report(callers: Callers, took_s: float, not_stored: int, violations: list[str]) -> None:
    """Print the figures and the violations."""
    tally, heard = callers.tally, callers.heard
    response_times = sorted(tally.response_times_s)
    booked = sum(call.start is not None for call in heard)
    print(
        f"\n{len(heard)} calls in {took_s:.0f} s: {sum(tally.answers.values())} messages answered"
        f" ({', '.join(f'{count} with {status}' for status, count in sorted(tally.answers.items()))}),"
        f" {tally.cut_off} deliveries were cut off by a kill and repeated, {tally.lost} were never answered"
    )
    print(
        f"{booked} callers were given a confirmation, {sum(call.cancelled for call in heard)} of them a cancellation;"
        f" {sum(call.unsure for call in heard)} got only an apology"
    )
    print(
        f"Response time: median {1000 * response_times[len(response_times) // 2]:.0f} ms,"
        f" 99th percentile {1000 * response_times[len(response_times) * 99 // 100]:.0f} ms,"
        f" maximum {response_times[-1]:.1f} s"
    )
    print(
        f"{not_stored} end-of-call reports were lost with a killed worker, which had queued them while the database was"
        " unavailable\n"
    )
    for sentence in violations:
        print(f"❌ {sentence}")
    if not violations:
        print("✅ Every confirmation is in the database exactly once; no overlaps; every answer was 200.")
    print(f"   {datetime.now(UTC):%Y-%m-%d}", flush=True)


if __name__ == "__main__":
    main()
