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
from bench.chaos.calendar_check import CalendarCheck
from bench.chaos.callers import Callers, half_hours
from bench.chaos.consistency import ConsistencyCheck
from bench.chaos.faults import KILLS, Lab
from bench.chaos.lab_agents import DAYS, ZONE, register
from bench.chaos.lab_calendars import MAX_AGE_MINUTES, LabCalendars, NotDrained
from bench.chaos.notices import run as notices
from bench.chaos.notices.lab import FAULTS
from bench.chaos.notices.work import MECHANISMS
from bench.chaos.postgres import LabPostgres
from bench.machine import description

PARTS = ("phone", "notices")
LINES = 8
MAX_CONNECTIONS = 100
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
    parser.add_argument("--without", default=None, help="not the faults whose name contains this, such as calendars")
    parser.add_argument("--part", choices=PARTS, default="", help="only this part; both otherwise")
    parser.add_argument("--without-mechanism", choices=sorted(MECHANISMS), default="", help="what notices do without")
    arguments = parser.parse_args()
    print(f"Fault injection, seed {arguments.seed}. {description()}\n", flush=True)
    parts = {"phone": run_phone, "notices": run_notices}
    chosen = [part for name, part in parts.items() if arguments.part in {"", name}]
    violations = [sentence for part in chosen for sentence in part(arguments)]
    print(f"   {datetime.now(UTC):%Y-%m-%d}", flush=True)
    sys.exit(1 if violations else 0)


def run_notices(arguments: argparse.Namespace) -> list[str]:
    """Let mail and text servers die and lie; return the violations."""

    def is_chosen(name: str) -> bool:
        return arguments.only in name and (arguments.without is None or arguments.without not in name)

    if not any(map(is_chosen, FAULTS)):
        return []
    return notices.run(arguments.seed, arguments.rounds, is_chosen, arguments.without_mechanism)


def run_phone(arguments: argparse.Namespace) -> list[str]:
    """Run the faults of calls and calendars; return the violations."""
    with (
        TemporaryDirectory(prefix="peterental-chaos-") as folder,
        LabPostgres(max_connections=str(MAX_CONNECTIONS)) as postgres,
        Balancer() as balancer,
        LabCalendars(postgres, arguments.seed) as calendars,
    ):
        lab = Lab(postgres, balancer, Path(folder), arguments.seed, calendars)
        return run(lab, calendars, balancer, arguments)


def run(lab: Lab, calendars: LabCalendars, balancer: Balancer, arguments: argparse.Namespace) -> list[str]:
    """Inject faults while callers call, then check the database; return the violations."""
    chosen = {
        name: fault
        for name, fault in lab.faults.items()
        if arguments.only in name and (arguments.without is None or arguments.without not in name)
    }
    schedule = [name for name in chosen for _ in range(arguments.rounds)]
    random.Random(arguments.seed).shuffle(schedule)  # noqa: S311  # repeatable, not secret
    with lab:
        assistants = register(lab.postgres)
        slots = half_hours(datetime.now(ZONE) + timedelta(days=1), DAYS - 1)
        calendars.connect(slots, ZONE)
        callers = Callers(balancer.port, assistants, slots, lines=LINES, seed=arguments.seed)
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
        drained_s, undrained = drain(calendars)
        with lab.postgres.connect() as connection:
            check = ConsistencyCheck(connection, ZONE)
            not_stored = check.reports_not_stored(callers.heard, RETRY_QUEUE_TIMEOUT_S)
            violations = check.violations(callers.heard, callers.tally, lab.shipped) + undrained
            calendar_check = CalendarCheck(connection, calendars.owners, timedelta(minutes=MAX_AGE_MINUTES))
            violations += calendar_check.violations(callers.heard, calendars.stand_ins)
            if not KILLS & set(schedule):
                violations += check.violations_without_kills(callers.tally, not_stored)
    report(callers, took_s, not_stored)
    report_calendars(calendars, calendar_check, drained_s)
    for sentence in violations:
        print(f"❌ {sentence}")
    if not violations:
        print("✅ Every confirmation is in the database exactly once; no overlaps; every answer was 200.")
        print("✅ No booking over a busy time that had been read; one event for each viewing; one request at a time.")
    return violations


def drain(calendars: LabCalendars) -> tuple[float, list[str]]:
    """Wait until the calendars are what they should be; return the seconds, and a violation if they never are."""
    began = time.monotonic()
    try:
        calendars.drain()
    except NotDrained as error:
        return time.monotonic() - began, [f"after the faults, it is not reached that {error}"]
    return time.monotonic() - began, []


def report_calendars(calendars: LabCalendars, check: CalendarCheck, drained_s: float) -> None:
    """Print the figures of the calendars."""
    figures = check.figures
    print(
        f"{len(calendars.owners)} calendars: {sum(calendars.stand_ins.watch.served.values())} requests to providers,"
        f" {figures['readings']} readings; {figures['bookings']} bookings and moves by phone,"
        f" {figures['refusals']} requests refused for a calendar that could not be read\n"
        f"{figures['events']} events of viewings at the end, {figures['changed by people']} of them changed by people,"
        f" who moved or deleted {figures['touched by people']}; the queue was drained in {drained_s:.0f} s\n"
    )


def report(callers: Callers, took_s: float, not_stored: int) -> None:
    """Print the figures."""
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
        " unavailable"
    )


if __name__ == "__main__":
    main()
