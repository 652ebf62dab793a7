"""Visitors move viewings of a shared line: all its agents' times, hand-over to another agent, races."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentInactive, AgentKey
from peterental.appointments.model import BookingRequest, CalendarUnavailable, OutsideHours, SlotTaken
from peterental.appointments.visitors.model import ViewingChanged
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.services import Services
from tests.appointments.visitors.conftest import NOW
from tests.servers import until_a_session_waits
from tests.voice.homes import add_home

ADMIN = Viewer(1, "office@example.com", is_admin=True)
NINE, TEN, ELEVEN, TWO = (datetime(2026, 11, 23, hour, 0, tzinfo=UTC) for hour in (15, 16, 17, 20))
"""Monday in Chicago."""


@pytest.fixture(autouse=True)
def ben(services: Services, database: Database) -> None:
    """Ben, who works in the afternoon and takes an hour; Ana's line books both, in turn."""
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name, slot_minutes, buffer_minutes) VALUES ('ben', 'Ben Okoro', 60, 30)
        """
    )
    database.fetch("UPDATE agent_hours SET opens_at = '14:00' WHERE agent_id = 'ben'")
    database.fetch("UPDATE agent_hours SET closes_at = '12:00' WHERE agent_id = 'ana'")
    share(services, "ana", "ben")


def share(services: Services, *members: str, holder: str = "ana") -> None:
    seen = services.shared_lines.sharing(holder, ADMIN).updated_at
    services.shared_lines.share(holder, members, "round_robin", ADMIN, seen=seen)


def call_of(database: Database, agent_id: str = "ana") -> str:
    """Record a phone call to an agent's line, and return its id."""
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id) VALUES (%s, %s)", (f"call-{agent_id}", agent_id))
    return f"call-{agent_id}"


def offered(services: Services, appointment_id: int) -> list[datetime]:
    return [start for times in services.visitors.free_days(appointment_id).days.values() for start in times]


def stored(database: Database) -> list[tuple[str, datetime, datetime, datetime]]:
    rows = database.fetch("SELECT agent_id, start_time, end_time, blocked_until FROM appointments ORDER BY id")
    return [(row["agent_id"], row["start_time"], row["end_time"], row["blocked_until"]) for row in rows]


def test_times_of_all_agents_are_offered(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    assert services.visitors.free_days(appointment_id).has_colleagues
    times = offered(services, appointment_id)
    assert {NINE, ELEVEN, TWO} <= set(times)
    assert TEN not in times
    assert times == sorted(set(times))


def test_viewing_is_moved_to_the_agent_who_is_free(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'x@example.com', FALSE)")
    database.fetch(
        "INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'ana@example.com'), ('ben', 'ben@example.com')"
    )
    appointment_id = insert(TEN, attendee_email="dolores@example.com", confirmed_at=NOW)
    moved = services.visitors.move(appointment_id, TWO, TEN)
    assert (moved.agent_id, moved.agent_name, moved.confirmed_at) == ("ben", "Ben Okoro", None)
    assert stored(database) == [("ben", TWO, TWO + timedelta(hours=1), TWO + timedelta(minutes=90))]
    assert services.visitors.move(appointment_id, TWO, TEN).start == TWO, "the same form again"
    (event,) = database.fetch("SELECT kind, actor, old_start, new_start, changes FROM appointment_events")
    assert event == {
        "kind": "moved",
        "actor": "visitor",
        "old_start": TEN,
        "new_start": TWO,
        "changes": {"agent": ["Ana Reyes", "Ben Okoro"], "agent_id": ["ana", "ben"]},
    }
    entry, *_ = services.audit.listing(ADMIN).entries
    assert (entry.actor, entry.change.action, entry.change.after["agent"]) == ("visitor", "moved", "Ben Okoro")
    told = database.fetch("SELECT audience, agent_id, kind, recipient FROM notices ORDER BY audience, agent_id")
    assert [tuple(row.values()) for row in told] == [
        ("agent", "ana", "agent_reassigned", "ana@example.com"),
        ("agent", "ben", "agent_booked", "ben@example.com"),
        ("visitor", "ben", "moved", "dolores@example.com"),
    ]
    turns = database.fetch("SELECT agent_id FROM line_members WHERE last_booked_at IS NOT NULL")
    assert turns == [{"agent_id": "ben"}], "it counts as Ben's turn"
    view = services.visitors.show(appointment_id)
    assert (view.appointment.agent_name, view.state) == ("Ben Okoro", "open")


def test_own_agent_is_kept_whenever_it_is_free(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    database.fetch("UPDATE agent_hours SET opens_at = '09:00', closes_at = '17:00'")
    appointment_id = insert(TEN, agent_id="ben", vapi_call_id=call_of(database))
    assert services.visitors.move(appointment_id, ELEVEN, TEN).agent_id == "ben"
    insert(TWO, agent_id="ben", attendee_name="Max")
    assert services.visitors.move(appointment_id, TWO, ELEVEN).agent_id == "ana"
    assert services.visitors.move(appointment_id, NINE, TWO).agent_id == "ana"


def test_line_is_that_of_the_call(services: Services, database: Database, insert: Callable[..., int]) -> None:
    """Ben has a line of his own, which is not shared."""
    booked_by_call = insert(TWO, agent_id="ben", vapi_call_id=call_of(database))
    booked_on_own = insert(TWO + timedelta(hours=2), agent_id="ben", vapi_call_id=call_of(database, "ben"))
    booked_by_user = insert(TWO + timedelta(days=1), agent_id="ben")
    assert NINE in offered(services, booked_by_call)
    for own in (booked_on_own, booked_by_user):
        assert not services.visitors.free_days(own).has_colleagues
        assert NINE not in offered(services, own)
        with pytest.raises(OutsideHours):
            services.visitors.move(own, NINE, services.visitors.show(own).appointment.start)
    assert services.visitors.show(booked_by_call).line_agent_id == "ana"
    assert services.visitors.show(booked_on_own).line_agent_id == "ben"


def test_agent_who_left_the_line_gives_its_viewing_back(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TWO, agent_id="ben", vapi_call_id=call_of(database))
    share(services, "ana")
    times = offered(services, appointment_id)
    assert NINE in times
    assert TWO + timedelta(hours=1) in times, "its own agent's"
    assert services.visitors.move(appointment_id, NINE, TWO).agent_id == "ana"
    assert TWO not in offered(services, appointment_id), "Ben is not booked any more"


def test_viewing_of_an_agent_outside_the_line_stays_with_it(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    """The office gave it to Cleo, who never belonged to the line that booked it."""
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('cleo', 'Cleo')")
    appointment_id = insert(TWO, agent_id="cleo", vapi_call_id=call_of(database))
    database.fetch("UPDATE agent_hours SET closes_at = '10:00' WHERE agent_id = 'cleo'")
    assert {start.hour for start in offered(services, appointment_id)} == {15}
    assert services.visitors.move(appointment_id, NINE, TWO).agent_id == "cleo"


def test_only_agents_who_show_the_home_take_over(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    home_id = add_home(database, "12 Oak Street", shown_by="ana")
    appointment_id = insert(TEN, property_id=home_id)
    assert TWO not in offered(services, appointment_id)
    with pytest.raises(OutsideHours):
        services.visitors.move(appointment_id, TWO, TEN)
    database.fetch("INSERT INTO property_agents VALUES (%s, 'ben')", [home_id])
    assert services.visitors.move(appointment_id, TWO, TEN).agent_id == "ben"


def test_home_is_viewed_once_at_a_time(services: Services, database: Database, insert: Callable[..., int]) -> None:
    home_id = add_home(database, "12 Oak Street")
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('cleo', 'Cleo')")
    insert(TWO, agent_id="cleo", property_id=home_id)
    appointment_id = insert(TEN, property_id=home_id)
    assert TWO not in offered(services, appointment_id)
    with pytest.raises(SlotTaken):
        services.visitors.move(appointment_id, TWO, TEN)


def test_days_and_times_are_those_of_the_viewings_agent(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    database.fetch("UPDATE agents SET time_zone = 'Pacific/Auckland' WHERE agent_id = 'ben'")
    appointment_id = insert(TEN)
    days = services.visitors.free_days(appointment_id).days
    chicago = services.visitors.show(appointment_id).appointment.zone
    assert all(start.astimezone(chicago).date() == day for day, times in days.items() for start in times)
    moved = services.visitors.move(appointment_id, max(days[min(days)]), TEN)
    assert (moved.agent_id, moved.time_zone) == ("ben", "Pacific/Auckland")


def test_line_without_a_holder_leaves_the_own_agent(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TWO, agent_id="ben", vapi_call_id=call_of(database))
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ana'")
    assert NINE not in offered(services, appointment_id)
    assert TWO + timedelta(hours=1) in offered(services, appointment_id)
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    with pytest.raises(AgentInactive, match="Ben Okoro"):
        services.visitors.free_days(appointment_id)


def test_inactive_agent_hands_its_viewing_over(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TWO, agent_id="ben", vapi_call_id=call_of(database))
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    assert services.visitors.move(appointment_id, NINE, TWO).agent_id == "ana"


def connect_unread_calendar(database: Database, agent_id: str) -> None:
    """Connect a calendar that was never read."""
    database.fetch(
        """
        WITH account AS (
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state)
            VALUES (%(id)s, 'demo', 'Demo', 'x', 'connected')
            RETURNING account_id
        )
        INSERT INTO calendars (account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings)
        SELECT account_id, %(id)s, 'a', 'A', FALSE, TRUE, FALSE FROM account
        """,
        {"id": agent_id},
    )


def test_stale_calendar_leaves_its_agent_out(
    services: Services, database: Database, insert: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    monkeypatch.setattr(services.calendar_sync, "refresh", reads.append)
    appointment_id = insert(TEN)
    connect_unread_calendar(database, "ben")
    assert TWO not in offered(services, appointment_id)
    assert ELEVEN in offered(services, appointment_id)
    assert reads == []
    connect_unread_calendar(database, "ana")
    with pytest.raises(CalendarUnavailable):
        services.visitors.move(appointment_id, ELEVEN, TEN)
    assert len(reads) == 1


# --- races -----------------------------------------------------------------------------------------------------------


def test_one_of_many_gets_the_other_agents_time(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    """Visitors and callers of two lines want Ben's one free hour; each gets it, or a refusal."""
    database.fetch("UPDATE agent_hours SET closes_at = '15:00' WHERE agent_id = 'ben'")
    database.fetch("UPDATE agents SET vapi_assistant_id = 'bens' WHERE agent_id = 'ben'")
    starts = [NINE + timedelta(minutes=45 * number) for number in range(3)]
    ids = [insert(start, attendee_name=f"Visitor {number}") for number, start in enumerate(starts)]

    def move(number: int) -> str:
        try:
            return services.visitors.move(ids[number], TWO, starts[number]).agent_id
        except SlotTaken:
            return "taken"

    def call(number: int) -> str:
        invocation = ToolInvocation(
            name="set_appointment",
            tool_call_id=f"t{number}",
            vapi_call_id=f"c{number}",
            caller_number=f"+1405555010{number}",
            agent_key=AgentKey(assistant_id="bens" if number % 2 else "assistant"),
        )
        request = BookingRequest(
            start_time="Monday at 2 pm", attendee_name="Max", property_address=f"{number} Elm Street"
        )
        return services.appointments.book(invocation, request, lambda result, *_: type(result).__name__)

    with ThreadPoolExecutor(6) as threads:
        moves = [threads.submit(move, number) for number in range(3)]
        calls = [threads.submit(call, number) for number in range(3)]
        results = [done.result() for done in (*moves, *calls)]
    assert sorted(results).count("taken") + results.count("SlotTaken") == 5
    assert results.count("ben") + results.count("Booked") == 1
    rows = database.fetch("SELECT COUNT(*) AS number FROM appointments WHERE agent_id = 'ben'")
    assert rows == [{"number": 1}]


def test_visitors_of_two_lines_do_not_deadlock(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    """Each viewing goes back and forth between the agents, who share both lines in opposite order."""
    database.fetch("UPDATE agent_hours SET opens_at = '09:00', closes_at = '17:00'")
    share(services, "ben", "ana", holder="ben")
    ids = [
        insert(NINE, attendee_name="One", vapi_call_id=call_of(database)),
        insert(NINE, attendee_name="Two", agent_id="ben", vapi_call_id=call_of(database, "ben")),
    ]

    def wander(number: int) -> int:
        moves = 0
        for step in range(8):
            start = services.visitors.show(ids[number]).appointment.start
            try:
                services.visitors.move(ids[number], NINE + timedelta(hours=step % 3 + number % 2), start)
            except SlotTaken:
                continue
            moves += 1
        return moves

    with ThreadPoolExecutor(2) as threads:
        assert all(moves > 0 for moves in threads.map(wander, range(2)))
    rows = database.fetch(
        """
        SELECT COUNT(*) AS number FROM appointments AS one JOIN appointments AS other
        ON one.agent_id = other.agent_id AND one.id < other.id
            AND tstzrange(one.start_time, one.blocked_until) && tstzrange(other.start_time, other.blocked_until)
        """
    )
    assert rows == [{"number": 0}]


def test_move_waits_for_every_agent_of_the_line(
    services: Services, database_url: str, insert: Callable[..., int]
) -> None:
    """Ben is locked by another change, which takes the time."""
    appointment_id = insert(TEN)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM agents WHERE agent_id = 'ben' FOR NO KEY UPDATE")
        moving = thread.submit(services.visitors.move, appointment_id, TWO, TEN)
        until_a_session_waits(database_url)
        other.execute(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
            VALUES ('ben', %s, %s, '1 Elm', 'Max')
            """,
            (TWO, TWO + timedelta(hours=1)),
        )
        other.commit()
        with pytest.raises(SlotTaken):
            moving.result()
    assert services.visitors.show(appointment_id).appointment.start == TEN


def test_viewing_that_another_agent_took_over_while_waiting_is_not_moved(
    services: Services, database: Database, database_url: str, insert: Callable[..., int]
) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('cleo', 'Cleo')")
    appointment_id = insert(TEN)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM agents WHERE agent_id = 'ana' FOR NO KEY UPDATE")
        moving = thread.submit(services.visitors.move, appointment_id, ELEVEN, TEN)
        until_a_session_waits(database_url)
        other.execute("UPDATE appointments SET agent_id = 'cleo'")
        other.commit()
        with pytest.raises(ViewingChanged):
            moving.result()
