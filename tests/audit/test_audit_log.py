"""The audit log: written with the change, listed for admins only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.agents.model import Profile
from peterental.audit.model import COMMAND_LINE, Change, LogFilter, changed_fields
from peterental.audit.service import PAGE_SIZE, AuditService
from peterental.database import Database
from tests.plans import Explained

ADMIN = Viewer(1, "boss@example.com", is_admin=True)
AGENT = Viewer(2, "ana@example.com", is_admin=False)


def change(subject_id: str = "ana", **values: object) -> Change:
    return Change(action="edited", subject_kind="agent", subject_id=subject_id, subject_name="Ana Lima", **values)  # type: ignore[arg-type]


def now(database: Database) -> datetime:
    (row,) = database.fetch("SELECT now() AS now")
    return row["now"]  # type: ignore[no-any-return]


def test_entry_has_actor_action_before_after(database: Database) -> None:
    log = AuditService(database)
    moment = datetime(2026, 3, 8, 9, 30, tzinfo=UTC)
    made = change(before={"name": "Åna"}, after={"name": "Ana", "at": moment})
    before = now(database)
    with database.transaction() as connection:
        log.record(connection, ADMIN.email, made)
    after = now(database)
    (entry,) = log.listing(ADMIN).entries
    assert (entry.actor, entry.change.action, entry.change.subject_name) == (ADMIN.email, "edited", "Ana Lima")
    assert entry.change.before == {"name": "Åna"}
    assert entry.change.after == {"name": "Ana", "at": "2026-03-08T09:30:00+00:00"}
    assert before <= entry.happened_at <= after


def test_rolled_back_change_leaves_no_entry(database: Database) -> None:
    log = AuditService(database)
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        log.record(connection, COMMAND_LINE, change())
        raise ZeroDivisionError
    assert log.listing(ADMIN).entries == ()


def test_listing_requires_admin(database: Database) -> None:
    with pytest.raises(AdminsOnly):
        AuditService(database).listing(AGENT)


def test_listing_filters_and_paginates(database: Database) -> None:
    log = AuditService(database)
    with database.transaction() as connection:
        for number in range(PAGE_SIZE + 2):
            log.record(connection, ADMIN.email, change(f"agent-{number}"))
        log.record(connection, AGENT.email, change("ana"))
    first = log.listing(ADMIN)
    assert first.has_more
    assert [entry.change.subject_id for entry in first.entries[:2]] == ["ana", f"agent-{PAGE_SIZE + 1}"]
    second = log.listing(ADMIN, page=2)
    assert not second.has_more
    assert [entry.change.subject_id for entry in second.entries] == ["agent-2", "agent-1", "agent-0"]
    assert [e.actor for e in log.listing(ADMIN, LogFilter(actor=AGENT.email)).entries] == [AGENT.email]
    assert len(log.listing(ADMIN, LogFilter(subject_kind="agent", subject_id="agent-7")).entries) == 1
    assert log.listing(ADMIN, LogFilter(subject_kind="user")).entries == ()


def test_changed_fields_returns_only_differences() -> None:
    before, after = Profile(agent_name="Ana", slot_minutes=30), Profile(agent_name="Ana", slot_minutes=45)
    assert changed_fields(before, after) == ({"slot_minutes": 30}, {"slot_minutes": 45})


def test_since_returns_one_subject_oldest_first(database: Database) -> None:
    log = AuditService(database)
    for subject_id in ("ana", "ben", "ana", "ana"):
        with database.transaction() as connection:
            log.record(connection, ADMIN.email, change(subject_id))
    newest, second, _, oldest = log.listing(ADMIN).entries
    assert log.since("agent", "ana", oldest.happened_at) == (second, newest)
    assert log.since("user", "ana", oldest.happened_at) == ()


def test_time_range_excludes_its_end(database: Database) -> None:
    log, midnight = AuditService(database), datetime(2026, 3, 8, 6, tzinfo=UTC)
    for number, ago_s in enumerate((1, 0, -1)):
        database.fetch(
            "INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name)"
            " VALUES (%s, 'x', 'edited', 'agent', %s, 'x')",
            (midnight - timedelta(seconds=ago_s), str(number)),
        )

    def found(**wanted: datetime) -> list[str]:
        return [entry.change.subject_id for entry in log.listing(ADMIN, LogFilter(**wanted)).entries]  # type: ignore[arg-type]

    assert found() == ["2", "1", "0"]
    assert found(since=midnight) == ["2", "1"]
    assert found(until=midnight) == ["0"]
    assert found(since=midnight, until=midnight + timedelta(seconds=1)) == ["1"]


def test_changes_with_a_token_are_found_by_index(database: Database, database_url: str) -> None:
    """They are few among all changes of its user."""
    database.fetch(
        """
        INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name, token_id, token_name)
        SELECT TIMESTAMPTZ '2025-01-01 UTC' + number * INTERVAL '1 hour', 'office@example.com', 'moved', 'appointment',
               number % 9, '12 Elm Street', CASE WHEN number % 500 = 0 THEN number / 500 END,
               CASE WHEN number % 500 = 0 THEN 'Sync' END
        FROM GENERATE_SERIES(1, 20000) AS number
        """
    )
    database.fetch("ANALYZE audit_log")
    explained = Explained(database_url)
    AuditService(explained).listing(ADMIN, LogFilter(token_id=7))
    assert "idx_audit_log_token" in explained.plan, explained.plan
    assert "Rows Removed by Filter" not in explained.plan, explained.plan


@pytest.mark.parametrize(
    "more", [{}, {"actor": "office@example.com"}, {"subject_kind": "appointment", "subject_id": "7"}]
)
def test_old_day_is_found_by_index(database: Database, database_url: str, more: dict[str, Any]) -> None:
    database.fetch(
        """
        INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name)
        SELECT TIMESTAMPTZ '2025-01-01 UTC' + number * INTERVAL '1 hour', 'office@example.com', 'moved', 'appointment',
               number % 9, '12 Elm Street'
        FROM GENERATE_SERIES(1, 10000) AS number
        """
    )
    database.fetch("ANALYZE audit_log")
    day = datetime(2025, 1, 9, tzinfo=UTC)
    explained = Explained(database_url)
    AuditService(explained).listing(ADMIN, LogFilter(since=day, until=day + timedelta(days=1), **more))
    assert "in_time" in explained.plan, explained.plan
    assert "Rows Removed by Filter" not in explained.plan, explained.plan
