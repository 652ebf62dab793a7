"""10,000 agents and 10,000,000 bookings in one database. Takes twenty minutes; runs only when named."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg

from bench.chaos.postgres import LabPostgres
from bench.load.runs import Load, Plan
from bench.pages.browser import Browser
from bench.pages.office import EMAIL, PASSWORD, create_users
from bench.phone.stage import AVAILABILITY, BOOKING, SECRET, Served, bookable_starts, serving
from bench.scale.country import Country, filled
from bench.section import Bench
from bench.table import Table
from peterental.database.migrations import MigrationRunner

TITLE = "Scale"

PAGES = {
    "agents": "/agents",
    "one agent": "/agents/agent-711",
    "an agent's week": "/agents/agent-711/week",
    "appointments": "/appointments",
    "appointments, page 20": "/appointments?page=20",
    "appointments, a search": "/appointments?q=711+Elm",
    "calls": "/calls",
}

_CHANGES = {
    "a column with a default on appointments": "ALTER TABLE appointments ADD COLUMN scale TEXT DEFAULT 'x' NOT NULL;\n",
    "an index on appointments": "-- migrate: no-transaction\n"
    "CREATE INDEX CONCURRENTLY idx_appointments_scale ON appointments (property_address);\n",
}


def measure(bench: Bench) -> Iterator[Table | str]:
    """Fill the database, then measure phone calls, pages and migrations."""
    country = Country(10_000, 1_000) if not bench.quick else Country(1_000, 20)
    with LabPostgres(shared_buffers="2GB", max_wal_size="8GB", maintenance_work_mem="1GB") as postgres:
        took_s = filled(postgres.url, country)
        create_users(postgres.url)
        yield (
            f"PostgreSQL 18 with 2 GB of shared buffers, on the same machine as everything else. {country.agents:,}"
            f" agents, {country.bookings:,} bookings, as many tool calls and a tenth as many calls; filling it took"
            f" {took_s:.0f} s."
        )
        yield _sizes(postgres.url)
        with serving("wsgi:app", postgres.url) as served:
            load = Load(bench.folder)
            yield _phone(bench, load, served, country)
            yield _pages(bench, served)
            yield _migrations(bench, load, served, postgres.url, country)


def _sizes(url: str) -> Table:
    with psycopg.connect(url, autocommit=True) as db:
        rows = db.execute(
            """
            SELECT relname, to_char(greatest(reltuples, 0), 'FM999,999,999,999'),
                   pg_size_pretty(pg_table_size(oid)), pg_size_pretty(pg_indexes_size(oid))
            FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            ORDER BY pg_total_relation_size(oid) DESC
            LIMIT 6
            """
        ).fetchall()
    head = ("table", "rows", "data", "indexes")
    return Table("What it takes on disk", "The largest tables.", head, [tuple(map(str, row)) for row in rows])


def _phone(bench: Bench, load: Load, served: Served, country: Country) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, body in (("get_availability", AVAILABILITY), ("set_appointment", BOOKING)):
        for connections in (1, 16):
            plan = _plan(served, body, country, connections, seconds=bench.rounds(20, 1))
            result = load.run(plan)
            rows.append(
                (
                    name,
                    str(connections),
                    f"{result.per_second:.0f}",
                    f"{result.median_ms:.1f} ms",
                    f"{result.p99_ms:.1f} ms",
                    str(result.failed),
                )
            )
    return Table(
        "The phone",
        "Over HTTP, two workers of eight threads; callers call all agents in turn, and book times that may be taken.",
        ("tool", "lines", "answers/s", "median", "p99", "failed"),
        rows,
    )


_first = {"number": 0}


def _plan(served: Served, body: bytes, country: Country, connections: int, seconds: float) -> Plan:
    _first["number"] += 5_000_000  # numbers of requests are unique
    return Plan(served.url, SECRET, body, country.agents, bookable_starts(), _first["number"], connections, seconds)


def _pages(bench: Bench, served: Served) -> Table:
    requests = bench.rounds(20, 1)
    rows: list[tuple[str, ...]] = []
    with (
        Browser(served.port, EMAIL["admin"], PASSWORD) as admin,
        Browser(served.port, EMAIL["agent"], PASSWORD) as agent,
    ):
        for name, path in PAGES.items():
            own = "" if "711" in path else f"{agent.median_ms(path, requests):.0f} ms"
            rows.append((name, f"{admin.median_ms(path, requests):.0f} ms", own))
    return Table("The pages", f"Median of {requests} requests.", ("page", "for an admin", "for an agent's user"), rows)


def _migrations(bench: Bench, load: Load, served: Served, url: str, country: Country) -> Table:
    """Alter the largest table while callers book."""
    folder = bench.folder / "migrations"
    folder.mkdir()
    for file in sorted((Path(__file__).resolve().parents[2] / "migrations").glob("*.sql")):
        (folder / file.name).write_bytes(file.read_bytes())
    rows: list[tuple[str, ...]] = []
    for name, text in _CHANGES.items():
        number = len(list(folder.glob("*.sql"))) + 1
        (folder / f"{number:03}_scale.sql").write_text(text)
        plan = _plan(served, BOOKING, country, 4, seconds=bench.rounds(5, 1))
        took_s, worst_ms, answered = _while_callers_book(load, plan, _run(url, folder))
        rows.append((name, f"{took_s:.1f} s", str(answered), f"{worst_ms:.0f} ms"))
    return Table(
        "Migrations, while callers book",
        "flask db-migrate's runner, on the table of bookings, while four lines keep booking.",
        ("change", "took", "calls answered during it", "p99 of the calls"),
        rows,
    )


def _run(url: str, folder: Path) -> Callable[[], object]:
    return lambda: MigrationRunner(url, folder, report=lambda _: None).run_migrations()


def _while_callers_book(load: Load, plan: Plan, work: Callable[[], object]) -> tuple[float, float, int]:
    """Do `work` under load; return its seconds, the worst p99 of the load's runs, and the number of answers."""
    over = threading.Event()
    seen: list[tuple[float, int]] = []

    def call() -> None:
        number = plan.first
        while not over.is_set():
            result = load.run(replace(plan, first=number))
            number += result.answered + plan.connections
            seen.append((result.p99_ms, result.answered))

    line = threading.Thread(target=call)
    line.start()
    began = time.monotonic()
    work()
    took_s = time.monotonic() - began
    over.set()
    line.join()
    return took_s, max(p99 for p99, _ in seen), sum(answered for _, answered in seen)
