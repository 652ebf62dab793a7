"""Calls with a problem are counted, listed and handled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peterental.access import Viewer
from peterental.calls.model import BAD_END, MAX_PROBLEMS_COUNTED, CallFilter, CallUnknown, HandledNoteTooLong
from peterental.calls.queries import CallQueries
from peterental.database.pool import Database
from peterental.services import Services, build_services
from tests.conftest import PROJECT_DIR

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ADMIN = Viewer(1, "office@example.com", is_admin=True)
STRANGER = Viewer(99, "stranger@example.com", is_admin=False)
PROBLEMS = ("fault", "unbooked", "bad_end", "no_report")


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """The services, with one call for each problem and two without."""
    database = Database(database_url, pool_size=2)
    database.fetch("INSERT INTO users (user_id, email, password_hash, role) VALUES (7, 'a@x.org', 'x', 'agent')")
    database.fetch("INSERT INTO agents (agent_id, agent_name, user_id) VALUES ('ana', 'Ana', 7)")
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, kind, status, started_at, outcomes, agreed, ended_reason)
        VALUES
            ('fault', 'ana', 'call', 'ended', %(now)s, '{fault}', FALSE, 'customer-ended-call'),
            ('unbooked', 'ana', 'call', 'ended', %(now)s, '{refused}', TRUE, 'customer-ended-call'),
            ('bad_end', NULL, 'call', 'ended', %(now)s, '{}', FALSE, 'twilio-failed-to-connect-call'),
            ('no_report', NULL, 'call', 'in-progress', %(now)s::timestamptz - INTERVAL '12 hours', '{}', FALSE, NULL),
            ('running', 'ana', 'call', 'in-progress', %(now)s::timestamptz - INTERVAL '11 hours', '{}', FALSE, NULL),
            ('fine', 'ana', 'call', 'ended', %(now)s, '{booked}', TRUE, 'customer-ended-call'),
            ('chat', 'ana', 'chat', 'in-progress', %(now)s::timestamptz - INTERVAL '2 days', '{}', FALSE, NULL)
        """,
        {"now": NOW},
    )
    yield build_services(database, lambda: NOW)
    database.close()


def listed(services: Services, viewer: Viewer = ADMIN, **wanted: object) -> set[str]:
    found = services.calls.listing(viewer, CallFilter(**wanted))  # type: ignore[arg-type]  # of a table
    return {call.vapi_call_id for call in found.calls}


def test_each_problem_has_a_filter(services: Services) -> None:
    for problem in PROBLEMS:
        assert listed(services, flag=problem) == {problem}
    assert listed(services, flag="any") == set(PROBLEMS)
    assert listed(services, flag="any", agent_id="ana") == {"fault", "unbooked"}
    assert listed(services, flag="handled") == set()


def test_problems_of_a_page_agree_with_the_filter(services: Services) -> None:
    for call in services.calls.listing(ADMIN, CallFilter()).calls:
        expected = (call.vapi_call_id,) if call.vapi_call_id in PROBLEMS else ()
        assert call.problems(NOW) == expected


def test_booking_of_the_call_settles_it(services: Services, database: Database) -> None:
    database.fetch(
        "INSERT INTO appointments (agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name)"
        " VALUES ('ana', 'unbooked', 'x', %s, %s, 'y')",
        (NOW, NOW + timedelta(minutes=30)),
    )
    assert listed(services, flag="any", agent_id="ana") == {"fault"}


def test_open_problems_are_counted(services: Services, database: Database) -> None:
    owner = Viewer(7, "a@x.org", is_admin=False)
    counts = [services.calls.listing(viewer, CallFilter(text="0")).open_problems for viewer in (ADMIN, owner, STRANGER)]
    assert counts == [4, 2, 0]
    database.fetch(
        "INSERT INTO calls (vapi_call_id, agent_id, status, outcomes)"
        " SELECT 'f' || n, 'ana', 'ended', '{fault}' FROM generate_series(1, 120) AS n"
    )
    assert services.calls.listing(owner, CallFilter()).open_problems == MAX_PROBLEMS_COUNTED


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("problem", ["{fault}", "{refused}"])
def test_many_problems_are_not_all_read(database: Database, database_url: str, problem: str) -> None:
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, status, started_at, outcomes, agreed)
        SELECT 'many' || n, 'ana', 'ended', %(now)s - n * INTERVAL '1 minute', %(outcomes)s, TRUE
        FROM generate_series(1, 4000) AS n
        """,
        {"now": NOW, "outcomes": problem},
    )
    database.fetch("ANALYZE calls")
    own = Database(database_url, pool_size=1)
    measured = build_services(own, lambda: NOW)
    reads: dict[str, int] = {}
    pages: dict[str, Callable[[], object]] = {
        "listing": lambda: measured.calls.listing(ADMIN, CallFilter()),
        "today": lambda: measured.today.show(ADMIN),
        "navigation": lambda: measured.today.counts(ADMIN),
    }
    for name, read in pages.items():
        before = _rows_of_calls_read(own)
        read()
        reads[name] = _rows_of_calls_read(own) - before
    own.close()
    assert max(reads.values()) < 600, reads


def _rows_of_calls_read(database: Database) -> int:
    """Return how many rows of calls this database's session has read in the table, by index or not."""
    database.fetch("SELECT pg_stat_force_next_flush()")
    query = "SELECT seq_tup_read + idx_tup_fetch AS number FROM pg_stat_user_tables WHERE relname = 'calls'"
    return int(database.fetch(query)[0]["number"])


def test_handled_call_leaves_the_lists(services: Services) -> None:
    handled = services.call_reviews.set_handled("fault", ADMIN, handled=True, note=" Called back\x00 ")
    assert (handled.handled_at, handled.handled_by, handled.handled_note) == (NOW, ADMIN.email, "Called back")
    assert listed(services, flag="any") == set(PROBLEMS) - {"fault"}
    assert listed(services, flag="fault") == set()
    assert listed(services, flag="handled") == {"fault"}
    assert services.calls.listing(ADMIN, CallFilter()).open_problems == 3
    record = services.calls.record("fault", ADMIN)
    assert record.summary == handled
    again = services.call_reviews.set_handled("fault", ADMIN, handled=True, note="Twice")
    assert again.handled_note == "Called back"
    undone = services.call_reviews.set_handled("fault", ADMIN, handled=False)
    assert (undone.handled_at, undone.handled_by, undone.handled_note) == (None, None, None)
    assert listed(services, flag="any") == set(PROBLEMS)


def test_handling_is_audited_without_the_note(services: Services) -> None:
    services.call_reviews.set_handled("fault", ADMIN, handled=True, note="Maria, 405 555 0123")
    services.call_reviews.set_handled("fault", ADMIN, handled=False)
    undone, done = (entry.change for entry in services.audit.listing(ADMIN).entries)
    assert (done.action, done.subject_kind, done.subject_id) == ("marked as handled", "call", "fault")
    assert done.after == {"handled_at": NOW.isoformat()}
    assert (undone.action, undone.after) == ("reopened", {"handled_at": None})


def test_users_handle_calls_of_their_agents_only(services: Services) -> None:
    owner = Viewer(7, "a@x.org", is_admin=False)
    assert services.call_reviews.set_handled("fault", owner, handled=True).handled_by == "a@x.org"
    for call_id in ("bad_end", "missing", "\x00"):
        with pytest.raises(CallUnknown):
            services.call_reviews.set_handled(call_id, owner, handled=True)
    with pytest.raises(HandledNoteTooLong):
        services.call_reviews.set_handled("unbooked", owner, handled=True, note="x" * 501)


def test_note_goes_when_the_call_is_reduced(services: Services, database: Database) -> None:
    services.call_reviews.set_handled("fault", ADMIN, handled=True, note="Maria called back")
    database.fetch("UPDATE calls SET reduced_at = NOW() WHERE vapi_call_id = 'fault'")
    assert database.fetch("SELECT handled_note, handled_by FROM calls WHERE vapi_call_id = 'fault'") == [
        {"handled_note": None, "handled_by": ADMIN.email}
    ]


def test_index_and_list_have_one_condition() -> None:
    migration = (Path(PROJECT_DIR) / "migrations/033_edit_viewings.sql").read_text(encoding="utf-8")
    assert migration.count(f"ended_reason ~ '{BAD_END.pattern}'") == 2


@pytest.mark.parametrize("user_id", [None, 7])
def test_list_of_problems_reads_its_index(services: Services, database: Database, user_id: int | None) -> None:
    del services
    database.fetch(
        "INSERT INTO calls (vapi_call_id, agent_id, status, started_at, ended_reason)"
        " SELECT 'c' || n, 'ana', 'ended', NOW() - n * INTERVAL '1 minute', 'customer-ended-call'"
        " FROM generate_series(1, 5000) AS n"
    )
    database.fetch("ANALYZE calls")
    plans: list[str] = []

    class Explaining(Database):
        def fetch(self, query: str, params: object = None, **how: object) -> list[dict[str, object]]:
            plans.extend(row["QUERY PLAN"] for row in super().fetch(f"EXPLAIN {query}", params, **how))  # type: ignore[arg-type]  # as it came
            return super().fetch(query, params, **how)  # type: ignore[arg-type]  # as it came

    explaining = Explaining(database.url)
    CallQueries(explaining).listing(user_id, CallFilter(flag="any"), slice(0, 26), NOW)
    explaining.close()
    plan = "\n".join(plans)
    assert "Seq Scan on calls" not in plan, plan
    assert "problem" in plan, plan


def test_problems_are_counted_as_in_the_navigation(services: Services, database: Database) -> None:
    """Both end after two weeks, at the same moment."""
    for days, seconds in ((0, 0), (14, 1), (14, -1), (40, 0)):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, agent_id, status, outcomes, started_at) VALUES (%s, 'ana', 'ended', '{fault}', %s)",
            (f"old-{days}-{seconds}", NOW - timedelta(days=days, seconds=seconds)),
        )
    for viewer in (ADMIN, Viewer(7, "a@x.org", is_admin=False)):
        counted = services.calls.listing(viewer, CallFilter()).open_problems
        assert counted == services.today.counts(viewer).calls == (6 if viewer.is_admin else 4)
    assert {"old-14-1", "old-40-0"} <= listed(services, flag="any"), "they are still found"
