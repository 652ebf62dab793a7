"""What the day brings and what needs a person: whose, in which order, and how much of it is read."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.today import repository as repository_module
from peterental.today.model import MOST_COUNTED, SHOWN, Attention, Counts, Found
from peterental.today.repository import TodayRepository
from peterental.today.service import MAX_VIEWINGS, today_in
from tests.plans import Explained, read_whole

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)  # a Wednesday: noon in Chicago, 6 pm in Lisbon
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


ASSISTANT = "24464697-0000-4000-8000-000000000001"


@pytest.mark.parametrize("kind", [kind.name for kind in fields(Attention)])
def test_every_kind_counts_among_what_needs_a_person(kind: str) -> None:
    assert Attention(**{kind: Found((), 3)}).total == 3


@pytest.fixture
def services(database: Database) -> Services:
    return build_services(database, lambda: NOW)


@pytest.fixture
def ana(services: Services) -> Viewer:
    """The user of Ana's agent in Chicago; Ben's in Lisbon has none."""
    viewer = services.users.create("ana@example.com", "correct horse battery", "agent", "Ana Lima")
    services.agents.create(Profile(agent_name="Ana", user_id=viewer.user_id, vapi_assistant_id=ASSISTANT), ADMIN)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon", phone_number_id=ASSISTANT), ADMIN)
    return viewer


@pytest.fixture
def book(database: Database, ana: Viewer) -> Any:
    del ana

    def book(hours: float, agent: str = "ana", status: str = "confirmed", **others: Any) -> int:
        start = NOW + timedelta(hours=hours)
        values = {
            "agent_id": agent,
            "start_time": start,
            "end_time": start + timedelta(minutes=30),
            "property_address": "12 Elm Street",
            "attendee_name": "Max",
            "status": status,
            "overlap_allowed": True,
            **others,
        }
        marks = ", ".join(["%s"] * len(values))
        rows = database.fetch(
            f"INSERT INTO appointments ({', '.join(values)}) VALUES ({marks}) RETURNING id", list(values.values())
        )
        return int(rows[0]["id"])

    return book


def ids(viewings: Any) -> list[int]:
    return [each.appointment_id for each in viewings]


def test_day_has_marked_open_and_coming_viewings(services: Services, book: Any) -> None:
    coming, running = book(3), book(-0.25)
    late, early = book(-0.5), book(-2)  # the first one ends now
    done, missed = book(-3, status="completed"), book(-4, status="no_show")
    book(1, status="cancelled")
    book(-13)  # before midnight in Chicago
    found = services.today.show(ADMIN)
    assert ids(found.to_mark) == [early, late]
    assert ids(found.ahead) == [running, coming]
    assert ids(found.over) == [missed, done]
    assert found.day.total == 6


def test_day_is_that_of_the_agents_clock(services: Services, book: Any) -> None:
    book(-17, "ben")  # 1 am in Lisbon today
    book(-17)  # 7 pm in Chicago yesterday
    evening = book(9)  # 9 pm in Chicago today
    night = book(9, "ben")  # 3 am in Lisbon tomorrow
    found = services.today.show(ADMIN)
    assert [each.agent_id for each in found.to_mark] == ["ben"]
    assert ids(found.ahead) == [evening]
    assert found.day.tomorrow_first is not None
    assert (found.day.tomorrow_total, found.day.tomorrow_first.appointment_id) == (1, night)
    assert [each.agent_id for each in found.attention.viewings.items] == ["ana"]


def test_agent_sees_its_own_day(services: Services, book: Any, ana: Viewer) -> None:
    services.agents.create(Profile(agent_name="Cem"), ADMIN)  # of another user, in the same time zone
    book(1.5, "cem")
    book(-30, "cem")
    mine, other = book(1), book(1, "ben")
    own, chosen = services.today.show(ana), services.today.show(ADMIN, "ben")
    assert ids(own.ahead) == [mine]
    assert (own.day.total, own.attention.total) == (1, 0)
    assert [agent.agent_id for agent in own.agents] == ["ana"]
    assert ids(chosen.ahead) == [other]
    assert chosen.chosen is not None
    ignored = services.today.show(ana, "ben")
    assert ignored.is_agent_unknown
    assert ids(ignored.ahead) == [mine]


def test_user_without_agents_has_an_empty_day(services: Services) -> None:
    viewer = services.users.create("new@example.com", "correct horse battery", "agent", "New")
    found = services.today.show(viewer)
    assert (found.agents, found.days, found.day.total, found.attention.total) == ((), (), 0, 0)


def test_long_day_is_cut(services: Services, book: Any) -> None:
    for number in range(MAX_VIEWINGS + 3):
        book(1 + number / 10)
    found = services.today.show(ADMIN)
    assert len(found.ahead) == MAX_VIEWINGS
    assert found.day.total == MAX_VIEWINGS + 3


def test_viewings_of_a_day_are_counted_up_to_a_limit(
    services: Services, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "MOST_OF_A_DAY", 3)
    for status in ("confirmed", "completed"):
        for number in range(4):
            book(-1 - number / 10, status=status)
    for number in range(5):
        book(24 + number)
    found = services.today.show(ADMIN)
    assert (found.day.total, found.day.tomorrow_total) == (3, 3)
    assert len(found.to_mark) == 3


def test_earlier_viewings_need_an_outcome_for_two_weeks(services: Services, book: Any) -> None:
    yesterday, last_week = book(-24), book(-24 * 8)
    book(-24 * 15)
    book(-24, status="completed")
    found = services.today.show(ADMIN).attention.viewings
    assert ids(found.items) == [yesterday, last_week]
    for day in range(2, 2 + SHOWN):
        book(-24 * day)
    more = services.today.show(ADMIN).attention.viewings
    assert (len(more.items), more.total, more.more) == (SHOWN, 2 + SHOWN, 2)


def test_needs_of_every_kind_are_found(services: Services, book: Any, database: Database, ana: Viewer) -> None:
    unknown = book(30, is_home_unknown=True)
    book(-30, is_home_unknown=True, status="completed")
    database.fetch(
        """
        INSERT INTO messages (agent_id, body, received_at, is_urgent, done_at, vapi_call_id, caller_number)
        VALUES ('ana', 'urgent', %(now)s, TRUE, NULL, 'c1', '+14055550123'), ('ana', 'done', %(now)s, TRUE, %(now)s, 'c2', NULL),
               ('ana', 'usual', %(now)s, FALSE, NULL, 'c3', NULL)
        """,
        {"now": NOW},
    )
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, status, started_at, outcomes, agreed)
        VALUES ('failed', 'ana', 'ended', %(now)s, '{fault}', FALSE), ('agreed', 'ana', 'ended', %(now)s, '{refused}', TRUE),
               ('both', 'ana', 'ended', %(now)s, '{fault}', TRUE), ('good', 'ana', 'ended', %(now)s, '{booked}', TRUE),
               ('nobodys', NULL, 'ended', %(now)s, '{fault}', FALSE), ('old', 'ana', 'ended', %(old)s, '{fault}', FALSE)
        """,
        {"now": NOW - timedelta(hours=1), "old": NOW - timedelta(days=15)},
    )
    database.fetch(
        """
        INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state, problem)
        VALUES ('ana', 'caldav', 'ana@example.com', '', 'reauth_required', 'The password was refused.'),
               ('ana', 'ics', 'Fine', '', 'connected', NULL)
        """
    )
    for state, created in (("failed", NOW), ("unknown", NOW), ("sent", NOW), ("failed", NOW - timedelta(days=8))):
        database.fetch(
            """
            INSERT INTO notices (appointment_id, agent_id, kind, channel, audience, recipient, state, expires_at, created_at, about, ended_at)
            VALUES (%(id)s, 'ana', 'booked', 'email', 'visitor', %(about)s, %(state)s, %(now)s, %(created)s, %(about)s, %(now)s)
            """,
            {"id": unknown, "state": state, "now": NOW, "created": created, "about": f"{state} {created}"},
        )
    database.fetch(
        """
        INSERT INTO line_checks (agent_id, checked_at, assistant_name, assistant_version, number_version, differences, problem)
        VALUES ('ana', NOW(), '', '', '', '[{"is_written": true}, {"is_written": false}]', NULL),
               ('ben', NOW(), '', '', '', '[{"is_written": false}]', NULL)
        """
    )
    found = services.today.show(ADMIN).attention
    assert ids(found.homes.items) == [unknown]
    assert [(each.body, each.sender) for each in found.messages.items] == [("urgent", "+14055550123")]
    assert {each.vapi_call_id: each.problem for each in found.calls.items} == {
        "failed": "fault", "agreed": "unbooked", "both": "fault", "nobodys": "fault",
    }  # fmt: skip
    assert [(each.account, each.needs_sign_in) for each in found.calendars.items] == [("ana@example.com", True)]
    assert sorted(each.state for each in found.notices.items) == ["failed", "unknown"]
    assert [(each.agent_id, each.differences) for each in found.lines.items] == [("ana", 1)]
    assert found.total == 10
    own, bens = services.today.show(ana).attention, services.today.show(ADMIN, "ben").attention
    assert own.total == 9, "the call of no agent is for admins"
    assert bens.total == 0
    assert services.today.counts(ADMIN) == Counts(viewings=0, calls=4, messages=2)
    assert services.today.counts(ana) == Counts(viewings=0, calls=3, messages=2)


def test_counts_end_at_a_hundred(services: Services, database: Database, ana: Viewer) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name, overlap_allowed)
        SELECT 'ana', %(now)s - n * INTERVAL '1 hour', %(now)s - n * INTERVAL '1 hour' + INTERVAL '1 minute', 'x', 'y', TRUE
        FROM generate_series(1, 150) AS n
        """,
        {"now": NOW},
    )
    assert services.today.counts(ADMIN).viewings == MOST_COUNTED
    assert services.today.counts(ana).viewings == MOST_COUNTED
    assert services.today.show(ana).attention.viewings.total == MOST_COUNTED


def test_clock_changes_leave_days_whole() -> None:
    spring = today_in("America/Chicago", datetime(2026, 3, 8, 12, 0, tzinfo=UTC))
    assert spring.day == date(2026, 3, 8)
    assert spring.tomorrow - spring.starts == timedelta(hours=23)
    assert spring.ends - spring.tomorrow == timedelta(hours=24)


MANY = """
    INSERT INTO appointments
        (agent_id, start_time, end_time, property_address, attendee_name, status, vapi_call_id, overlap_allowed)
    SELECT CASE WHEN n %% 2 = 0 THEN 'ana' ELSE 'ben' END, at, at + INTERVAL '30 minutes', 'x', 'y',
           CASE WHEN at < %(now)s AND n %% 50 <> 0 THEN 'completed' ELSE 'confirmed' END, 'c' || n, TRUE
    FROM (SELECT n, %(now)s + (n - 19000) * INTERVAL '1 hour' AS at FROM generate_series(1, 20000) AS n) AS made;
    INSERT INTO calls (vapi_call_id, agent_id, status, started_at, outcomes, agreed)
    SELECT 'c' || n, 'ana', 'ended', %(now)s - n * INTERVAL '1 minute', CASE WHEN n %% 400 = 0 THEN '{fault}'::text[] ELSE '{booked}' END, TRUE
    FROM generate_series(1, 20000) AS n;
    INSERT INTO messages (agent_id, body, received_at, done_at)
    SELECT 'ana', 'x', %(now)s - n * INTERVAL '1 minute', CASE WHEN n %% 400 > 0 THEN %(now)s END FROM generate_series(1, 20000) AS n
"""


def test_no_statement_reads_a_whole_table(database: Database, database_url: str, ana: Viewer) -> None:
    with database.transaction() as connection:
        for table in ("appointments", "calls"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        for statement in MANY.split(";"):
            connection.execute(statement.encode(), {"now": NOW})
    for table in ("appointments", "calls", "messages"):
        database.fetch(f"ANALYZE {table}")
    days = [today_in(zone, NOW) for zone in ("America/Chicago", "Europe/Lisbon")]
    explained = Explained(database_url, {"viewings": 0, "calls": 0, "messages": 0})
    repository = TodayRepository(explained)
    for user_id, agent_id in ((None, ""), (ana.user_id, ""), (None, "ben")):
        repository.counts(user_id, NOW)
        assert read_whole(explained.plan, "appointments", "calls", "messages", "notices") == [], explained.plan
        explained._answer = [{"total": 0, "tomorrow_total": 0, "is_tomorrow": None}]
        repository.viewings(user_id, agent_id, days, MAX_VIEWINGS)
        assert read_whole(explained.plan, "appointments") == [], explained.plan
        explained._answer = []
        repository.attention(user_id, agent_id, days, NOW)
        assert read_whole(explained.plan, "appointments", "calls", "messages") == [], explained.plan
        explained._answer = [{"viewings": 0, "calls": 0, "messages": 0}]
    explained.close()
