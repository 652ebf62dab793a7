"""The list of calls: visibility, filters, search, flags, and bounded query plans."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.calls import queries
from peterental.calls.model import UNASSIGNED, CallFilter, CallSummary, CallUnknown
from peterental.calls.queries import CallQueries
from peterental.calls.service import PAGE_SIZE, CallService
from peterental.database.pool import Database
from peterental.search import SearchLimits
from tests.calls.conftest import NOW, Ring
from tests.plans import Explained, read_whole
from tests.servers import until

if TYPE_CHECKING:
    from collections.abc import Sequence

OFFICE = Viewer(user_id=1, email="office@example.com", is_admin=True)
ANA = Viewer(user_id=7, email="ana@example.com", is_admin=False)
STRANGER = Viewer(user_id=8, email="new@example.com", is_admin=False)

BOOK, MOVE, ASK = "set_appointment", "reschedule_appointment", "get_availability"


@pytest.fixture
def calls(database: Database) -> CallService:
    """The service."""
    return CallService(database, lambda: NOW)


def ids(calls: CallService, viewer: Viewer = OFFICE, page: int = 1, **call_filter: Any) -> list[str]:
    return [call.vapi_call_id for call in calls.listing(viewer, CallFilter(**call_filter), page=page).calls]


def only(calls: CallService) -> CallSummary:
    (call,) = calls.listing(OFFICE, CallFilter()).calls
    return call


def test_calls_are_listed_latest_first(calls: CallService, ring: Ring, database: Database) -> None:
    old, new, middle = ring(ago=9), ring(ago=1), ring(ago=5, agent="ben")
    unstarted = ring(started_at=None, created_at=NOW)
    assert ids(calls) == [unstarted, new, middle, old]
    assert ids(calls, ANA) == [unstarted, new, old]
    database.fetch("UPDATE agents SET user_id = 7")
    assert ids(calls, ANA) == [unstarted, new, middle, old]


def test_user_without_agents_sees_no_call(calls: CallService, ring: Ring) -> None:
    call = ring()
    unassigned = ring(agent=None)
    assert ids(calls, STRANGER) == []
    assert ids(calls, ANA, agent_id=UNASSIGNED) == []
    for viewer, hidden in ((STRANGER, call), (ANA, unassigned), (OFFICE, "unheard-of"), (OFFICE, "c\x00")):
        with pytest.raises(CallUnknown):
            calls.record(hidden, viewer)
    assert calls.record(call, ANA).summary.agent_name == "Ana"
    assert calls.record(unassigned, OFFICE).summary.agent_name is None


def test_filters_combine(calls: CallService, ring: Ring) -> None:
    anas, bens, unassigned = ring(), ring(agent="ben", ago=2), ring(agent=None, ago=3)
    fault = ring((ASK, "fault"), agent="ben", ago=48)
    assert ids(calls, agent_id="ben") == [bens, fault]
    assert ids(calls, agent_id=UNASSIGNED) == [unassigned]
    assert ids(calls, flag="fault") == [fault]
    assert ids(calls, flag="fault", agent_id="ana") == []
    assert ids(calls, since=NOW - timedelta(hours=2)) == [anas, bens]
    assert ids(calls, until=NOW - timedelta(hours=2)) == [unassigned, fault]
    assert ids(calls, ANA, agent_id="ben") == []


def test_search_matches_number_id_and_booking(calls: CallService, ring: Ring, database: Database) -> None:
    call = ring(caller_number="+15550142100")
    other = ring(caller_number="+15550142177", ago=2)
    database.fetch(
        """
        INSERT INTO appointments (agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', %s, '9 Elm_Street', now(), now() + interval '1 hour', 'Søren 100%% Dahl')
        """,
        [call],
    )
    for text in ("2100", "(555) 014-2100", "+1 555 014 2100", call, "søren", "elm_str", "100%", " Dahl "):
        assert ids(calls, text=text) == [call], text
        assert ids(calls, ANA, text=text) == [call], text
    for text in ("00", "5550", "So", "elm%str", "absent", "\x00"):
        assert ids(calls, STRANGER, text=text) == []
        assert ids(calls, text=text) == ([] if text != "\x00" else [call, other]), text


def test_list_is_paged(calls: CallService, ring: Ring) -> None:
    made = [ring(ago=number) for number in range(PAGE_SIZE + 1)]
    first = calls.listing(OFFICE, CallFilter())
    assert [call.vapi_call_id for call in first.calls] == made[:PAGE_SIZE]
    assert first.has_more
    second = calls.listing(ANA, CallFilter(), page=2)
    assert [call.vapi_call_id for call in second.calls] == made[PAGE_SIZE:]
    assert not second.has_more


def test_summary_has_actions_and_visitor(calls: CallService, ring: Ring, database: Database) -> None:
    call = ring((ASK, "answered"), (BOOK, "booked"), (MOVE, "moved"), ("take_message", "message"))
    assert only(calls).actions == ("booked", "moved", "message")
    (row,) = database.fetch(
        """
        INSERT INTO appointments (agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', %s, '9 Elm Street', now(), now() + interval '1 hour', 'Li Wei') RETURNING id
        """,
        [call],
    )
    summary = only(calls)
    assert (summary.appointment_id, summary.attendee_name, summary.property_address) == (
        row["id"],
        "Li Wei",
        "9 Elm Street",
    )


# --- flags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tools", "others", "flags"),
    [
        ([], {}, ""),
        ([(ASK, "answered")], {}, ""),
        ([(ASK, "answered"), (BOOK, "refused")], {}, "unbooked"),
        ([(MOVE, "refused")], {}, "unbooked"),
        ([("cancel_appointment", "refused"), ("take_message", "message")], {}, ""),
        ([(BOOK, "refused"), (BOOK, "booked")], {}, ""),
        ([(BOOK, "refused"), (MOVE, "moved")], {}, ""),
        ([(BOOK, "refused"), ("take_message", "message")], {}, "unbooked"),
        ([(BOOK, "refused")], {"ended": False}, ""),
        ([(BOOK, "fault")], {}, "unbooked fault"),
        ([(BOOK, "fault")], {"ended": False}, "fault"),
        ([("order_pizza", "unknown tool")], {}, ""),
        ([], {"structured_data": '{"appointment_booked": true}'}, "unbooked"),
        ([], {"structured_data": '{"viewingScheduled": "Yes", "pets": 2}'}, "unbooked"),
        ([], {"structured_data": '{"was_booked": true}'}, "unbooked"),
        ([], {"structured_data": '{"appointment_booked": false, "booked": null}'}, ""),
        ([], {"structured_data": '{"message_taken": true, "scheduled_callback": true}'}, ""),
        ([], {"structured_data": "[1]"}, ""),
        ([], {"structured_data": '{"Viewing": {"appointment_booked": true}}'}, "unbooked"),
        ([], {"structured_data": '{"Viewing": {"appointment_booked": false, "home": {"booked": true}}}'}, ""),
        ([], {"structured_data": '{"Appointment Booked": true}'}, "unbooked"),
        ([], {"success_evaluation": "true"}, ""),
        ([], {"success_evaluation": "The appointment was booked."}, "unbooked"),
        ([], {"success_evaluation": "No appointment was booked."}, ""),
        ([(BOOK, "booked")], {"structured_data": '{"appointment_booked": true}'}, ""),
    ],
)
def test_flags_are_computed_and_filterable(
    calls: CallService, ring: Ring, tools: Sequence[tuple[str, str]], others: dict[str, Any], flags: str
) -> None:
    call = ring(*tools, **others)
    summary = only(calls)
    assert (summary.is_unbooked, summary.has_fault) == ("unbooked" in flags, "fault" in flags)
    for flag in ("unbooked", "fault"):
        for viewer in (OFFICE, ANA):
            assert ids(calls, viewer, flag=flag) == ([call] if flag in flags else [])


def test_appointment_of_the_call_clears_unbooked(calls: CallService, ring: Ring, database: Database) -> None:
    call = ring((BOOK, "fault"))
    database.fetch(
        """
        INSERT INTO appointments (agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', %s, '9 Elm Street', now(), now() + interval '1 hour', 'Li Wei')
        """,
        [call],
    )
    assert not only(calls).is_unbooked
    assert only(calls).actions == ("booked",)
    assert ids(calls, flag="unbooked") == []


def test_existing_viewing_clears_unbooked(calls: CallService, ring: Ring, database: Database) -> None:
    ring((BOOK, "answered"))
    assert only(calls).is_unbooked
    (row,) = database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', '9 Elm Street', now(), now() + interval '1 hour', 'Li Wei') RETURNING id
        """
    )
    database.fetch("UPDATE tool_calls SET appointment_id = %s", [row["id"]])
    assert not only(calls).is_unbooked
    assert ids(calls, flag="unbooked") == []


def test_successful_repetition_clears_the_fault(calls: CallService, ring: Ring, database: Database) -> None:
    ring((BOOK, "fault"))
    database.fetch("UPDATE tool_calls SET outcome = 'booked'")
    assert not only(calls).has_fault
    assert only(calls).outcomes == ("booked",)


def test_concurrent_tool_calls_keep_both_outcomes(
    calls: CallService, ring: Ring, database: Database, database_url: str
) -> None:
    call = ring()
    insert = """
        INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, answer, outcome)
        VALUES (%s, %s, 'ana', %s, 'A sentence.', %s)
    """
    with psycopg.connect(database_url, autocommit=True) as second, psycopg.connect(database_url) as first:
        first.execute(insert, [call, "one", BOOK, "booked"])
        other = threading.Thread(target=second.execute, args=(insert, [call, "two", ASK, "fault"]))
        other.start()
        waiting = "SELECT pid FROM pg_locks WHERE pid = %s AND NOT granted"
        until(lambda: bool(database.fetch(waiting, [second.info.backend_pid])), "the second waits for the first")
        first.commit()
        other.join()
    assert set(only(calls).outcomes) == {"booked", "fault"}


# --- lengths ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_calls_url(databases: Any, template_url: str) -> Any:
    """A database with 10,000 calls of thirty agents, with tool calls and bookings."""
    url = databases.create(template_url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (user_id, email, password_hash) VALUES (7, 'ana@example.com', 'x')")
        connection.execute(
            "INSERT INTO agents (agent_id, agent_name, user_id)"
            " SELECT 'agent-' || n, 'Agent ' || n, CASE WHEN n < 3 THEN 7 END FROM generate_series(0, 29) AS n"
        )
        connection.execute(
            """
            INSERT INTO calls (vapi_call_id, agent_id, caller_number, status, started_at)
            SELECT 'call-' || n, CASE WHEN n % 1000 > 0 THEN 'agent-' || n % 30 END, '+1555' || lpad(n::text, 7, '0'),
                   'ended', now() - n * INTERVAL '1 minute'
            FROM generate_series(1, 10000) AS n
            """
        )
        connection.execute(
            """
            INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, answer, outcome)
            SELECT 'call-' || n, 'tool-' || k, CASE k WHEN 3 THEN 'set_appointment' ELSE 'get_availability' END, '',
                   CASE WHEN k < 3 THEN 'answered' WHEN n % 99 = 0 THEN 'fault' WHEN n % 50 = 0 THEN 'refused'
                        ELSE 'booked' END
            FROM generate_series(1, 10000) AS n, generate_series(1, 3) AS k
            """
        )
        connection.execute(
            """
            INSERT INTO appointments (
                agent_id, vapi_call_id, property_address, start_time, end_time, attendee_name, overlap_allowed
            )
            SELECT 'agent-' || n % 30, 'call-' || n, n % 900 || ' Elm Street', now(), now() + INTERVAL '1 hour',
                   md5(n::text), TRUE
            FROM generate_series(1, 10000) AS n
            WHERE n % 50 > 0
            """
        )
        connection.execute("VACUUM ANALYZE")
    yield url
    databases.drop(url)


@pytest.mark.parametrize("user_id", [None, 7], ids=["admin", "agent"])
@pytest.mark.parametrize(
    "call_filter",
    [
        CallFilter(),
        CallFilter(agent_id="agent-2"),
        CallFilter(agent_id=UNASSIGNED),
        CallFilter(flag="fault"),
        CallFilter(flag="unbooked"),
        CallFilter(flag="unbooked", agent_id="agent-2"),
        CallFilter(flag="any"),
        CallFilter(flag="bad_end"),
        CallFilter(flag="no_report"),
        CallFilter(flag="no_report", agent_id="agent-2"),
        CallFilter(flag="handled"),
        CallFilter(flag="fault", since=NOW, until=NOW + timedelta(days=1)),
        CallFilter(text="0042"),
        CallFilter(text="5550004242"),
        CallFilter(text="c4ca4238"),
        CallFilter(text="Elm"),
        CallFilter(text="Elm", flag="fault"),
        CallFilter(text="c4ca", since=NOW - timedelta(days=9), until=NOW + timedelta(days=999)),
        CallFilter(text="call-7", flag="fault"),
    ],
    ids=lambda call_filter: str({k: v for k, v in vars(call_filter).items() if v and k not in {"since", "until"}}),
)
def test_no_list_scans_all_calls(many_calls_url: str, call_filter: CallFilter, user_id: int | None) -> None:
    if user_id and call_filter.agent_id == UNASSIGNED:
        call_filter = CallFilter()  # the service shows those to admins only
    database = Explained(many_calls_url, {"vapi_call_id": None, "is_truncated": False, "open_problems": 0})
    CallQueries(database).listing(user_id, call_filter, slice(75, 101), datetime.now(UTC))
    database.close()
    assert "Index" in database.plan
    assert read_whole(database.plan, "calls", "tool_calls", "appointments") == [], database.plan
    assert "tool_calls" not in database.plan
    assert "transcript" not in database.plan


def test_bulk_insert_maintains_the_flags(many_calls_url: str) -> None:
    database = Database(many_calls_url)
    (row,) = database.fetch(
        """
        SELECT COUNT(*) FILTER (WHERE 'fault' = ANY(outcomes)) AS fault,
               COUNT(*) FILTER (WHERE 'booked' = ANY(outcomes)) AS booked,
               COUNT(*) FILTER (WHERE agreed) AS agreed
        FROM calls
        """
    )
    database.close()
    assert row == {"fault": 101, "booked": 10000 - 101 - 198, "agreed": 10000}


def test_unknown_assistants_use_their_index(database: Database) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, assistant_id, created_at)
        SELECT n::text, CASE WHEN n % 100 > 0 THEN 'ana' END, 'a' || n, NOW() - n * INTERVAL '1 minute'
        FROM generate_series(1, 20000) AS n
        """
    )
    database.fetch("ANALYZE calls")
    plans: list[str] = []

    class Explaining(Database):
        def fetch(self, query: str, params: Any = None, **how: Any) -> Any:
            plans.extend(row["QUERY PLAN"] for row in super().fetch(f"EXPLAIN {query}", params))
            return super().fetch(query, params, **how)

    call_queries = CallQueries(Explaining(database.url))
    found = call_queries.unknown_assistants(datetime.now(UTC) - timedelta(days=30), counted=50, limit=5)
    assert [assistant.assistant_id for assistant in found] == ["a100", "a200", "a300", "a400", "a500"]
    assert "idx_calls_unregistered" in "\n".join(plans)


@pytest.mark.parametrize("user_id", [None, 7], ids=["admin", "agent"])
def test_search_finds_the_oldest_call(
    many_calls_url: str, monkeypatch: pytest.MonkeyPatch, user_id: int | None
) -> None:
    database = Database(many_calls_url)
    calls = CallQueries(database)

    def find(text: str, **others: Any) -> tuple[list[str], bool]:
        found, is_truncated, _ = calls.listing(
            user_id, CallFilter(text=text, **others), slice(0, 26), datetime.now(UTC)
        )
        return [call.vapi_call_id for call in found], is_truncated

    oldest = hashlib.md5(b"9992", usedforsecurity=False).hexdigest()
    assert find(oldest) == (["call-9992"], False)
    assert find("5550009992") == (["call-9992"], False)
    assert find("92 Elm Street")[1] == (user_id is None), "the street is common, so only the latest calls are searched"
    assert find(f"{oldest} 92 Elm") == (["call-9992"], False)
    assert find("call-9992") == (["call-9992"], False)
    limits = SearchLimits(nearby=26, per_agent=9, matches=0)
    monkeypatch.setattr(queries, "LIMITS", limits)
    found, is_truncated = find(" Elm", flag="unbooked")
    assert (found, is_truncated) == ([], False), "all nearby calls have the word, and none has the flag"
    assert find("1 Elm")[1], "more calls match than may be looked up"
    monkeypatch.setattr(queries, "LIMITS", replace(limits, common=1))
    assert find("1 Elm")[1], "the word is common nearby, so the index is not asked"
    found, is_truncated = find("002")
    assert is_truncated, "more numbers match than may be looked up"
    assert found
    database.close()
