"""The pages over HTTP, under our gunicorn settings, with a thousand and with a million bookings and calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.load.runs import Load
from bench.measure import Sample, interleaved, ratio
from bench.pages.browser import Browser
from bench.pages.office import EMAIL, OWN_AGENTS, PASSWORD, Size, filled
from bench.phone.stage import AGENTS, FEW, Stage, serving
from bench.section import Bench
from bench.server import bench_server
from bench.table import Promise, Table

TITLE = "Pages"

_MAX_GROWTH = 2.0
_MAX_KB = 60
_REQUESTS_A_ROUND = 10
_A_WEEK_AGO = datetime.now(UTC).date() - timedelta(days=7)  # earlier, the small office has no entries

PAGES = {
    "today": "/today",
    "calendar, a day": "/calendar",
    "calendar, a week": "/calendar/week",
    "agents": "/agents",
    "one agent": "/agents/agent-1",
    "an agent's week": "/agents/agent-1/week",
    "an agent's figures": "/agents/agent-1/figures",
    "appointments": "/appointments",
    "appointments, page 20": "/appointments?page=20",
    "appointments of one agent": "/appointments?agent=agent-1",
    "confirmed appointments": "/appointments?status=confirmed",
    "appointments, newest bookings first": "/appointments?sort=booked",
    "appointments, by name": "/appointments?sort=name",
    "appointments, a common word": "/appointments?q=Visitor",
    "appointments, a visitor's name": "/appointments?q=Visitor+077",
    "appointments, a home": "/appointments?q=7+Elm",
    "appointments, no match": "/appointments?q=Zebedee",
    "one appointment": "/appointments/1",
    "calls": "/calls",
    "calls, page 20": "/calls?page=20",
    "calls with a fault": "/calls?flag=fault",
    "calls, agreed but nothing booked": "/calls?flag=unbooked",
    "calls, a common word": "/calls?q=Elm",
    "calls, a visitor's name": "/calls?q=Visitor+077",
    "calls, a number": "/calls?q=0001005",
    "one call": "/calls/call-1-1",
    "messages": "/messages",
    "messages, all, page 20": "/messages?show=all&page=20",
    "messages, a common word": "/messages?q=garden",
    "messages, no match": "/messages?q=Zebedee",
    "users": "/users",
    "audit log": "/audit",
    "audit log, page 20": "/audit?page=20",
    "audit log, up to a week ago": f"/audit?to={_A_WEEK_AGO}",
    "schema": "/schema",
}
"""The requested paths by their name in the table; the first page of a list unless the name says otherwise."""

_ALSO_FOR_AGENTS = (
    "today",
    "calendar, a week",
    "agents",
    "appointments",
    "appointments, page 20",
    "appointments, by name",
    "appointments, a common word",
    "appointments, a visitor's name",
    "appointments, a home",
    "appointments, no match",
    "calls",
    "calls, page 20",
    "calls, a common word",
    "calls, a visitor's name",
    "calls, a number",
    "messages",
    "messages, all, page 20",
    "messages, a common word",
)
AGENTS_PAGES = {f"{name}, for an agent's user": PAGES[name] for name in _ALSO_FOR_AGENTS}


def measure(bench: Bench) -> Iterator[Table | str]:
    """Request every page of a small and a large office, in turn."""
    with bench_server() as server:
        stage = Stage(bench, server, Load(bench.folder))
        small, large = Size(OWN_AGENTS, FEW // OWN_AGENTS), Size(AGENTS, stage.many // AGENTS)
        yield f"{server.description}."
        with (
            serving("wsgi:app", filled(stage.empty_url(), small)) as few,
            serving("wsgi:app", filled(stage.empty_url(), large)) as many,
        ):
            rows: list[Row] = []
            for pages, email in ((PAGES, EMAIL["admin"]), (AGENTS_PAGES, EMAIL["agent"])):
                with Browser(few.port, email, PASSWORD) as one, Browser(many.port, email, PASSWORD) as other:
                    rows += [_page(bench, name, path, one, other) for name, path in pages.items()]
    yield _table(rows, stage.many)


class Row:
    """One page: its times in both offices, and its size."""

    def __init__(self, name: str, small: Sample, large: Sample, kilobytes: float) -> None:
        self.name = name
        self.small = small
        self.large = large
        self.kilobytes = kilobytes
        self.growth = ratio(large, small)


def _page(bench: Bench, name: str, path: str, few: Browser, many: Browser) -> Row:
    requests = bench.rounds(_REQUESTS_A_ROUND, 1)
    samples = interleaved(
        {"few": lambda _: few.median_ms(path, requests), "many": lambda _: many.median_ms(path, requests)},
        bench.rounds(7, 1),
        warm_up=True,
    )
    heaviest = max(few.heaviest_bytes.get(path, 0), many.heaviest_bytes.get(path, 0))
    return Row(name, samples["few"], samples["many"], heaviest / 1000)


def _table(rows: list[Row], many: int) -> Table:
    worst = max(rows, key=lambda row: row.growth)
    heaviest = max(rows, key=lambda row: row.kilobytes)
    return Table(
        f"Every page with {FEW:,} and with {many:,} bookings",
        "From the request to the last byte, one request at a time over one connection, signed in. The large office has"
        f" {many:,} bookings, as many calls with as many tool calls, as many messages and as many changes in the audit"
        f" log; the small one {FEW:,} of each. Both have {AGENTS:,} agents; in the small one only those ten have"
        " bookings that the agent's user owns, so that both fill the pages."
        f" {len(rows[0].small.values)} rounds of up to {_REQUESTS_A_ROUND} requests.",
        ("page", f"with {FEW:,}", f"with {many:,}", "times the small office's", "size"),
        [
            (
                row.name,
                f"{row.small.median:.1f} ms",
                f"{row.large.median:.1f} ms",
                f"{row.growth:.2f}",
                f"{row.kilobytes:.0f} KB",
            )
            for row in rows
        ],
        [
            Promise(
                f"every page's median with {many:,} bookings",
                f"{worst.growth:.2f} x its time with {FEW:,} ({worst.name})",
                f"<= {_MAX_GROWTH:.0f} x",
                worst.growth <= _MAX_GROWTH,
            ),
            Promise(
                "the heaviest page, before images",
                f"{heaviest.kilobytes:.0f} KB ({heaviest.name})",
                f"<= {_MAX_KB} KB",
                heaviest.kilobytes <= _MAX_KB,
            ),
        ],
    )
