"""The list of viewings: filters, orders, permissions, and query plans."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.appointments.listing import repository
from peterental.appointments.listing import service as listing_service
from peterental.appointments.listing.model import PAGE_SIZE, Filter, ListPage, Scope
from peterental.appointments.listing.repository import listing_query
from peterental.appointments.listing.service import ListingService
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.search import SearchLimits
from tests.conftest import Databases
from tests.plans import read_whole
from tests.servers import close_for_good

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ADMIN = Viewer(1, "admin@example.com", is_admin=True)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SORTS = ("soonest", "latest", "booked", "name")


@pytest.fixture
def listing(database: Database) -> ListingService:
    """The list, with Ana in Chicago and Ben in Tokyo."""
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name, time_zone)
        VALUES ('ana', 'Ana', 'America/Chicago'), ('ben', 'Ben', 'Asia/Tokyo')
        """
    )
    return ListingService(database, AuditService(database), lambda: NOW)


@pytest.fixture
def add(database: Database) -> Callable[..., None]:
    """A function that inserts a viewing, identified by its address."""

    def add(home: str, start: datetime, **others: Any) -> None:
        values = {
            "property_address": home,
            "start_time": start,
            "end_time": start + 30 * MINUTE,
            "agent_id": "ana",
            "attendee_name": "Max",
            **others,
        }
        marks = ", ".join(["%s"] * len(values))
        database.fetch(f"INSERT INTO appointments ({', '.join(values)}) VALUES ({marks})", list(values.values()))

    return add


@pytest.fixture
def owner(database: Database) -> Viewer:
    """A user who owns no agent yet."""
    (row,) = database.fetch("INSERT INTO users (email, password_hash) VALUES ('k@example.com', 'x') RETURNING user_id")
    return Viewer(row["user_id"], "k@example.com", is_admin=False)


def homes(page: ListPage) -> list[str]:
    return [appointment.property_address for appointment in page.appointments]


def test_upcoming_viewings_come_before_past_ones(listing: ListingService, add: Callable[..., None]) -> None:
    for hours in (-30, 40, -2, 1, 3):
        add(str(hours), NOW + hours * HOUR)
    assert homes(listing.page(ADMIN, Filter())) == ["1", "3", "40", "-2", "-30"]


def test_each_sort_order(listing: ListingService, add: Callable[..., None]) -> None:
    add("b", NOW + HOUR, attendee_name="zoe", created_at=NOW - 3 * HOUR)
    add("c", NOW + 2 * HOUR, attendee_name="Adam", created_at=NOW - HOUR)
    add("a", NOW - HOUR, attendee_name="Mia", created_at=NOW - 2 * HOUR)
    orders = {sort: "".join(homes(listing.page(ADMIN, Filter(sort=sort)))) for sort in SORTS}  # type: ignore[arg-type]
    assert orders == {"soonest": "bca", "latest": "cba", "booked": "cab", "name": "cab"}
    assert homes(listing.page(ADMIN, Filter(sort="booked", first_day=NOW.date()))) == ["c", "a", "b"]


def test_equal_starts_keep_their_order_across_pages(listing: ListingService, add: Callable[..., None]) -> None:
    for number in range(PAGE_SIZE + 30):
        add(f"{number:03}", NOW + (HOUR if number % 2 else -HOUR), overlap_allowed=True)
    for sort in SORTS:
        wanted = Filter(sort=sort)  # type: ignore[arg-type]
        first, second = listing.page(ADMIN, wanted), listing.page(ADMIN, wanted, 2)
        assert (first.has_more, second.has_more) == (True, False)
        both = homes(first) + homes(second)
        assert len(both) == len(set(both)) == PAGE_SIZE + 30


def test_days_follow_each_agents_time_zone(listing: ListingService, add: Callable[..., None]) -> None:
    add("evening in Chicago", datetime(2026, 11, 24, 4, 0, tzinfo=UTC))  # the 23rd there, the 24th in Tokyo
    add("afternoon in Tokyo", datetime(2026, 11, 24, 4, 0, tzinfo=UTC), agent_id="ben")
    add("midnight in Tokyo", datetime(2026, 11, 23, 15, 0, tzinfo=UTC), agent_id="ben")
    add("morning in Chicago", datetime(2026, 11, 23, 15, 0, tzinfo=UTC))
    the_23rd = Filter(first_day=date(2026, 11, 23), last_day=date(2026, 11, 23))
    the_24th = Filter(first_day=date(2026, 11, 24), last_day=date(2026, 11, 24))
    assert homes(listing.page(ADMIN, the_23rd)) == ["morning in Chicago", "evening in Chicago"]
    assert homes(listing.page(ADMIN, the_24th)) == ["midnight in Tokyo", "afternoon in Tokyo"]
    assert homes(listing.page(ADMIN, replace(the_24th, agent_id="ben"))) == homes(listing.page(ADMIN, the_24th))
    assert homes(listing.page(ADMIN, replace(the_24th, agent_id="ana"))) == []
    assert len(homes(listing.page(ADMIN, Filter(first_day=date(2026, 11, 23))))) == 4
    assert len(homes(listing.page(ADMIN, Filter(last_day=date(2026, 11, 23))))) == 2


def test_agent_and_status_filter_the_list(listing: ListingService, add: Callable[..., None]) -> None:
    add("a", NOW + HOUR, status="cancelled")
    add("b", NOW - HOUR, status="no_show", agent_id="ben")
    add("c", NOW + DAY)
    assert homes(listing.page(ADMIN, Filter(agent_id="ana"))) == ["a", "c"]
    assert homes(listing.page(ADMIN, Filter(status="no_show"))) == ["b"]
    assert homes(listing.page(ADMIN, Filter(status="cancelled", agent_id="ben"))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("whit", ["a"]),
        ("ELM", ["a", "b"]),
        ("elm dolores", ["a"]),
        ("dolores elm", ["a"]),
        ("@example.com", ["a"]),
        ("555 0199", ["a"]),
        ("0142", ["b"]),
        ("50%", ["c"]),
        ("a_b", ["c"]),
        ("50_", []),
        ("\\", ["c"]),
        ("12", ["a"]),
        ("å", ["b"]),
        ("לוי", ["c"]),
        ("nobody", []),
    ],
)
def test_words_match_names_addresses_emails_and_numbers(
    listing: ListingService, database: Database, add: Callable[..., None], text: str, found: list[str]
) -> None:
    add(
        "12 Elm Street",
        NOW + HOUR,
        attendee_name="Dolores Whitcomb",
        attendee_email="d@example.com",
        caller_number="+13125550199",
    )
    add("7 Elmwood", NOW + 2 * HOUR, attendee_name="Åsa", attendee_phone="405 555 0142")
    add("Loft 50% a_b \\", NOW - HOUR, attendee_name="מיכל לוי", agent_id="ben")
    names = {"12 Elm Street": "a", "7 Elmwood": "b", "Loft 50% a_b \\": "c"}
    for sort in SORTS:
        page = listing.page(ADMIN, Filter(text=text, sort=sort))  # type: ignore[arg-type]
        assert sorted(names[home] for home in homes(page)) == found
    assert database.fetch("SELECT 1 AS one") == [{"one": 1}]


def test_words_match_viewings_far_from_now(
    listing: ListingService, database: Database, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "LIMITS", SearchLimits(nearby=2, per_agent=2))
    for number in range(PAGE_SIZE + 2):
        add(f"near {number}", NOW + number * HOUR)
        add(f"near -{number}", NOW - (number + 1) * HOUR)
    add("Elm far", NOW - 100 * DAY)
    add("Elm ahead", NOW + 100 * DAY)
    for scope in (Filter(), Filter(agent_id="ana")):
        assert homes(listing.page(ADMIN, replace(scope, text="Elm"))) == ["Elm ahead", "Elm far"]
    assert homes(listing.page(ADMIN, Filter(text="Elm", sort="latest"))) == ["Elm ahead", "Elm far"]
    assert homes(listing.page(ADMIN, Filter(text="Elm", sort="name"))) == ["Elm far", "Elm ahead"]
    assert homes(listing.page(ADMIN, Filter(text="El"))) == [], "too short for the index, and not near"
    for text in ("Elm far", "far Elm", "max Elm fa"):
        assert homes(listing.page(ADMIN, Filter(text=text))) == ["Elm far"]
    monkeypatch.setattr(repository, "LIMITS", SearchLimits(nearby=2, per_agent=2, matches=1))
    cut = listing.page(ADMIN, Filter(text="Elm"))
    assert cut.is_truncated
    assert len(cut.appointments) >= 1
    assert database.fetch("SELECT COUNT(*) AS n FROM appointments") == [{"n": 2 * PAGE_SIZE + 6}]


def test_more_than_can_be_sorted_is_truncated(
    listing: ListingService, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_SORTED", 3)
    monkeypatch.setattr(repository, "LIMITS", SearchLimits(per_agent=3))
    for number in range(3):
        add(f"{number}", NOW + number * HOUR)
    assert not listing.page(ADMIN, Filter(sort="name")).is_truncated
    add("3", NOW + 3 * HOUR)
    assert listing.page(ADMIN, Filter(sort="name")).is_truncated


def test_user_sees_only_own_agents_viewings(
    listing: ListingService, database: Database, add: Callable[..., None], owner: Viewer
) -> None:
    for number, agent in enumerate(("ana", "ben", "ben", "ana")):
        add(f"{agent} {number}", NOW + (number - 2) * HOUR, agent_id=agent)
    assert listing.page(owner, Filter()) == ListPage()
    assert list(listing.batches(owner, Filter())) == []
    database.fetch("UPDATE agents SET user_id = %s WHERE agent_id = 'ben'", [owner.user_id])
    assert homes(listing.page(owner, Filter())) == ["ben 2", "ben 1"]
    hers = listing.page(owner, Filter(agent_id="ana"))
    assert hers.is_agent_unknown
    assert homes(hers) == ["ben 2", "ben 1"]
    assert [agent.agent_id for agent in hers.agents] == ["ben"]
    database.fetch("UPDATE agents SET user_id = %s", [owner.user_id])
    for sort in SORTS:
        page = listing.page(owner, Filter(sort=sort, text="n"))  # type: ignore[arg-type]
        assert len(page.appointments) == 4
    assert homes(listing.page(owner, Filter())) == ["ben 2", "ana 3", "ben 1", "ana 0"]


def test_filter_offers_100_agents_and_any_by_id(
    listing: ListingService, database: Database, add: Callable[..., None], owner: Viewer
) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) SELECT 'z' || n, 'Z' || n FROM generate_series(1, 120) n")
    add("x", NOW + HOUR, agent_id="z99")
    page = listing.page(ADMIN, Filter())
    assert (len(page.agents), page.has_more_agents, page.agents[0].agent_id) == (100, True, "ana")
    chosen = listing.page(ADMIN, Filter(agent_id="z99"))
    assert (chosen.agents[0].agent_id, chosen.is_agent_unknown, homes(chosen)) == ("z99", False, ["x"])
    assert listing.page(ADMIN, Filter(agent_id="none")).is_agent_unknown
    database.fetch("UPDATE agents SET user_id = %s", [owner.user_id])
    assert homes(listing.page(owner, Filter(first_day=NOW.date()))) == ["x"]


def test_export_reads_all_viewings_in_batches(
    listing: ListingService, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_service, "BATCH_SIZE", 3)
    for number in range(7):
        add(str(number), NOW + (number // 2 - 2) * HOUR, overlap_allowed=True)
    batches = list(listing.batches(ADMIN, Filter(sort="name")))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [viewing.property_address for batch in batches for viewing in batch] == list("0123456")
    found = listing.batches(ADMIN, Filter(text="3", first_day=NOW.date(), agent_id="ana"))
    assert [viewing.property_address for batch in found for viewing in batch] == ["3"]
    monkeypatch.setattr(listing_service, "MAX_EXPORTED", 3)
    assert [len(batch) for batch in listing.batches(ADMIN, Filter())] == [3]


@pytest.fixture(scope="module")
def many(databases: Databases, template_url: str) -> Iterator[Database]:
    """A database with 40,000 viewings of 300 agents, which tests only read."""
    url = databases.create(template_url)
    with psycopg.connect(url, autocommit=True) as connection:
        add_many(connection)
    database = Database(url)
    yield database
    close_for_good(database)
    databases.drop(url)


def add_many(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO agents (agent_id, agent_name, time_zone) SELECT n::text, 'x', CASE WHEN n % 2 = 0 THEN 'America/Chicago' ELSE 'Asia/Tokyo' END FROM generate_series(1, 300) n"
    )
    connection.execute(
        """
        INSERT INTO appointments (
            agent_id, property_address, start_time, end_time, attendee_name, status, created_at, overlap_allowed
        )
        SELECT (1 + n %% 300)::text, md5(n::text), start, start + INTERVAL '30 minutes', md5((n / 2)::text),
               CASE WHEN n %% 100 = 0 THEN 'no_show' WHEN n %% 10 = 1 THEN 'cancelled' ELSE 'confirmed' END,
               start - INTERVAL '3 days', TRUE
        FROM (
            SELECT n, %(now)s::timestamptz + (n / 300 - 110) * INTERVAL '1 hour' AS start
            FROM generate_series(1, 40000) n
        ) AS made
        """,
        {"now": NOW},
    )
    connection.execute("VACUUM ANALYZE appointments")
    connection.execute("ANALYZE agents")


def test_no_filter_or_order_scans_the_table(many: Database) -> None:
    zones = ("America/Chicago", "Asia/Tokyo")
    scopes = (
        Scope(None, zones),
        Scope(("7",), zones[:1]),
        Scope(tuple(str(n) for n in range(1, 6)), zones),
        Scope(tuple(str(n) for n in range(1, 61)), zones),
    )
    days = {"first_day": NOW.date() - 2 * DAY, "last_day": NOW.date() - DAY}
    filters = [
        Filter(status=status, text=text, **some_days)  # type: ignore[arg-type]
        for status in (None, "no_show", "confirmed")
        for text in (None, "a1b2", "ab")
        for some_days in ({}, days)
    ]
    read = []
    for wanted in filters:
        for sort in SORTS:
            for scope in scopes:
                query, values = listing_query(replace(wanted, sort=sort), scope, NOW, slice(950, 1001))  # type: ignore[arg-type]
                plan = "\n".join(row["QUERY PLAN"] for row in many.fetch(f"EXPLAIN {query}", values))
                if "Seq Scan on appointments" in plan:
                    read.append((replace(wanted, sort=sort), scope, plan))  # type: ignore[arg-type]
    assert read == []


@pytest.mark.parametrize(
    ("scope", "sort", "index"),
    [
        (None, "soonest", "idx_appointments_in_time"),
        (None, "latest", "idx_appointments_in_time"),
        (None, "booked", "idx_appointments_as_booked"),
        (("7",), "soonest", "idx_appointments_agent_in_time"),
        (("7", "8", "9"), "soonest", "idx_appointments_agent_in_time"),
    ],
)
def test_page_offset_is_skipped_in_the_index(
    many: Database, scope: tuple[str, ...] | None, sort: Any, index: str
) -> None:
    zones = ("America/Chicago", "Asia/Tokyo")
    query, values = listing_query(Filter(sort=sort), Scope(scope, zones), NOW, slice(50, 101))
    plan = "\n".join(row["QUERY PLAN"] for row in many.fetch(f"EXPLAIN (ANALYZE) {query}", values))
    assert re.search(rf"Index (Only )?Scan (Backward )?(using|on) {index}\b", plan), plan


def test_index_looks_up_the_rarest_word(many: Database) -> None:
    scope = Scope(None, ("America/Chicago", "Asia/Tokyo"))
    rare = hashlib.md5(b"39999", usedforsecurity=False).hexdigest()[:8]
    query, values = listing_query(Filter(text=f"x {rare}"), scope, NOW, slice(0, 51))
    plan = "\n".join(row["QUERY PLAN"] for row in many.fetch(f"EXPLAIN (ANALYZE) {query}", values))
    assert read_whole(plan, "appointments") == []
    assert "idx_appointments_words" in plan


def test_common_words_truncate_the_search(
    listing: ListingService, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "LIMITS", SearchLimits(nearby=2, per_agent=2))
    for number in range(PAGE_SIZE + 2):
        add("near Elm", NOW + number * HOUR)
    add("7 Elm", NOW + 100 * DAY)
    found = listing.page(ADMIN, Filter(text="Elm 7"))
    assert (homes(found), found.is_truncated) == ([], True)
    assert homes(listing.page(ADMIN, Filter(text="Elm 7", first_day=NOW.date() + 50 * DAY))) == ["7 Elm"]
