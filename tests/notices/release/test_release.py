"""Releasing unconfirmed viewings: only those whose visitors were asked, in time, about the viewing as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.appointments.manual.model import ExpectedState
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices.release.repository import ReleaseRepository
from peterental.services import Services, build_services
from peterental.worker.registry import TASKS
from peterental.worker.release_viewings import RELEASE_VIEWINGS
from peterental.worker.task import JobRun
from tests.clocks import Clock
from tests.plans import Explained, read_whole

SIGNED_WITH = "a text for tests, long enough to sign links"
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
"""Monday noon in Chicago."""
ADMIN = Viewer(1, "office@example.com", is_admin=True)
SOON = NOON + timedelta(hours=3)


@pytest.fixture
def clock() -> Clock:
    """A clock that shows noon at first."""
    return Clock(NOON)


@pytest.fixture
def services(database_url: str, clock: Clock) -> Iterator[Services]:
    """The services of an office that releases viewings four hours before, and texts."""
    database = Database(database_url, pool_size=8)
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana Reyes')")
    database.fetch("UPDATE notice_settings SET release_hours = 4")
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550199', FALSE)")
    yield build_services(database, clock, Config(secret_key=SIGNED_WITH))
    database.close()


@pytest.fixture
def insert(database: Database) -> Callable[..., int]:
    """A function that inserts a viewing of Ana's, whose visitor was asked to confirm it."""

    def insert(start: datetime = SOON, *, asked: timedelta | None = timedelta(hours=21), **notice: Any) -> int:
        rows = database.fetch(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name, caller_number)
            VALUES ('ana', %s, %s, '12 Oak Street', 'Dolores', '+14055550123')
            RETURNING id
            """,
            (start, start + timedelta(minutes=30)),
        )
        appointment_id = int(rows[0]["id"])
        if asked is not None:
            values = {
                "appointment_id": appointment_id,
                "kind": "reminder_day",
                "channel": "text",
                "audience": "visitor",
                "recipient": "+14055550123",
                "state": "sent",
                "handed_over_at": NOON - asked,
                "expires_at": start,
                **notice,
            }
            marks = ", ".join(["%s"] * len(values))
            database.fetch(f"INSERT INTO notices ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        return appointment_id

    return insert


def told(database: Database) -> list[tuple[str, str]]:
    rows = database.fetch("SELECT kind, audience FROM notices WHERE kind <> 'reminder_day' ORDER BY notice_id")
    return [(row["kind"], row["audience"]) for row in rows]


def test_viewing_is_released_and_the_visitor_told(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    insert()
    assert services.releases.release_unconfirmed() == 1
    assert services.releases.release_unconfirmed() == 0
    rows = database.fetch("SELECT status, released_at FROM appointments")
    assert rows == [{"status": "cancelled", "released_at": NOON}]
    rows = database.fetch("SELECT kind, actor, old_start FROM appointment_events")
    assert rows == [{"kind": "released", "actor": "unconfirmed", "old_start": SOON}]
    assert told(database) == [("released", "visitor")]
    assert [entry.actor for entry in services.audit.listing(ADMIN).entries] == ["unconfirmed"]


def test_office_that_did_not_ask_for_it_releases_nothing(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    insert()
    database.fetch("UPDATE notice_settings SET release_hours = NULL")
    assert services.releases.release_unconfirmed() == 0


@pytest.mark.parametrize(
    ("hours", "released"), [(-1, 0), (0, 0), (0.5, 1), (4, 1), (4.01, 0)], ids=["past", "now", "soon", "just", "later"]
)
def test_viewings_within_the_hours_are_released(
    services: Services, insert: Callable[..., int], hours: float, released: int
) -> None:
    insert(NOON + timedelta(hours=hours))
    assert services.releases.release_unconfirmed() == released


def test_visitor_who_was_never_asked_keeps_the_viewing(services: Services, insert: Callable[..., int]) -> None:
    insert(asked=None)
    assert services.releases.release_unconfirmed() == 0


@pytest.mark.parametrize(
    ("notice", "released"),
    [
        ({"state": "delivered"}, 1),
        ({"state": "waiting", "handed_over_at": None}, 0),
        ({"state": "sending"}, 0),
        ({"state": "unknown"}, 0),
        ({"state": "failed"}, 0),
        ({"state": "suppressed", "handed_over_at": None}, 0),
        ({"kind": "reminder_hours"}, 0),
        ({"handed_over_at": NOON - timedelta(minutes=119)}, 0),
        ({"handed_over_at": NOON - timedelta(minutes=120)}, 1),
    ],
)
def test_visitor_must_have_been_asked_in_time(
    services: Services, insert: Callable[..., int], notice: dict[str, Any], released: int
) -> None:
    insert(**notice)
    assert services.releases.release_unconfirmed() == released


def test_confirmed_viewing_is_kept(services: Services, insert: Callable[..., int]) -> None:
    services.visitors.confirm(insert())
    assert services.releases.release_unconfirmed() == 0


def test_visitor_was_asked_about_another_time(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    insert(SOON - timedelta(hours=1))
    database.fetch("UPDATE appointments SET start_time = %s, end_time = %s", (SOON, SOON + timedelta(minutes=30)))
    assert services.releases.release_unconfirmed() == 0


def test_what_a_user_restored_is_not_released_again(
    services: Services, insert: Callable[..., int], clock: Clock
) -> None:
    appointment_id = insert()
    assert services.releases.release_unconfirmed() == 1
    shown, _ = services.manual.show(appointment_id, ADMIN)
    assert shown.updated_at
    services.manual.change(appointment_id, ExpectedState(shown.updated_at, SOON, "cancelled"), "reopen", ADMIN)
    clock.now += timedelta(minutes=1)
    assert services.releases.release_unconfirmed() == 0
    shown, _ = services.manual.show(appointment_id, ADMIN)
    assert (shown.status, shown.released_at) == ("confirmed", None)


def test_what_the_visitor_took_back_is_not_released_again(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert()
    assert services.releases.release_unconfirmed() == 1
    services.visitors.reinstate(appointment_id)
    assert services.releases.release_unconfirmed() == 0


@pytest.mark.parametrize(("hour", "released"), [(7, 0), (8, 1), (19, 1), (20, 0), (23, 0)], ids=str)
def test_nothing_is_released_in_the_night(
    services: Services, clock: Clock, insert: Callable[..., int], hour: int, released: int
) -> None:
    """The visitor is told in the morning only, and half an hour would be over by then."""
    clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC) + timedelta(hours=hour)
    insert(clock.now + timedelta(hours=2), handed_over_at=clock.now - timedelta(hours=12))
    assert services.releases.release_unconfirmed() == released


def test_two_workers_release_a_viewing_once(services: Services, database: Database, insert: Callable[..., int]) -> None:
    for hours in (1, 2, 3):
        insert(NOON + timedelta(hours=hours))
    together = threading.Barrier(2)

    def release(_: int) -> int:
        together.wait()
        return services.releases.release_unconfirmed()

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(release, range(2))) == 3
    assert len(database.fetch("SELECT kind FROM appointment_events")) == 3


def test_visitor_who_confirms_meanwhile_keeps_the_viewing(
    services: Services, database: Database, insert: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment_id = insert()
    release = services.visitors.release

    def confirmed_first(appointment_id: int, is_due: Callable[..., bool]) -> bool:
        services.visitors.confirm(appointment_id)
        return release(appointment_id, is_due)

    monkeypatch.setattr(services.visitors, "release", confirmed_first)
    assert services.releases.release_unconfirmed() == 0
    assert services.visitors.show(appointment_id).is_confirmed
    assert told(database) == []


def test_viewing_that_is_deleted_meanwhile_is_skipped(
    services: Services, database: Database, insert: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(NOON + timedelta(hours=1))
    insert(NOON + timedelta(hours=2))
    release = services.visitors.release

    def deleted_first(appointment_id: int, is_due: Callable[..., bool]) -> bool:
        database.fetch("DELETE FROM appointments WHERE start_time = %s", [NOON + timedelta(hours=1)])
        return release(appointment_id, is_due)

    monkeypatch.setattr(services.visitors, "release", deleted_first)
    assert services.releases.release_unconfirmed() == 1


def test_worker_releases_each_minute(
    services: Services, database: Database, insert: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    assert RELEASE_VIEWINGS in TASKS
    assert RELEASE_VIEWINGS.schedule == "* * * * *"
    insert()
    caplog.set_level("INFO")
    run = JobRun(args={}, config=Config(), database=database, services=services, stop=threading.Event())
    for _ in range(2):
        RELEASE_VIEWINGS.run(run)
    assert [text for text in caplog.messages if "not confirmed" in text] == [
        "Released because they were not confirmed: 1 viewing"
    ]


def test_due_viewings_are_found_without_reading_all(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana Reyes')")
        connection.execute("UPDATE notice_settings SET release_hours = 4")
        connection.execute(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
            SELECT 'ana', start, start + INTERVAL '30 min', '12 Oak Street', 'Dolores'
            FROM generate_series(%(now)s - INTERVAL '1 year', %(now)s + INTERVAL '30 days', INTERVAL '1 h') AS start
            """,
            {"now": NOON},
        )
        connection.execute(
            """
            INSERT INTO notices (
                appointment_id, kind, channel, audience, recipient, state, handed_over_at, expires_at
            )
            SELECT id, 'reminder_day', 'text', 'visitor', '+14055550123', 'sent', start_time - INTERVAL '1 day', start_time
            FROM appointments
            """
        )
        connection.execute("ANALYZE appointments, notices")
    explained = Explained(database_url, {"id": 7})
    try:
        assert ReleaseRepository(explained).due(NOON) == [7]
        assert read_whole(explained.plan, "appointments", "notices") == [], explained.plan
    finally:
        explained.close()
