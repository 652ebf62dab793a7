"""Changes of working hours, date overrides and busy blocks."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentChanged, AgentUnknown, Profile, Window
from peterental.agents.service import AgentService
from peterental.agents.working_hours.model import (
    BusyBlockInPast,
    BusyBlockRequest,
    BusyBlockUnknown,
    DateOverride,
    EndsBeforeStart,
    ExternalBusyBlock,
    OverrideExists,
    OverrideInPast,
    OverrideUnknown,
)
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.audit.service import AuditService
from peterental.clock import TimeSkipped
from peterental.database.pool import Database
from tests.servers import until_a_session_waits
from tests.together import at_once

NOW = datetime(2026, 10, 20, 16, 0, tzinfo=UTC)  # a Tuesday, 11:00 in Chicago
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
STRANGER = Viewer(user_id=77, email="x@example.com", is_admin=False)
NINE_TO_FIVE = (Window(540, 1020),)
CLOSED: tuple[Window, ...] = ()


@pytest.fixture
def agents(database: Database) -> AgentService:
    return AgentService(database, AuditService(database), now=lambda: NOW)


@pytest.fixture
def ana(agents: AgentService) -> Agent:
    return agents.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN)


@pytest.fixture
def hours(database: Database, agents: AgentService, ana: Agent) -> WorkingHoursService:
    del ana
    return WorkingHoursService(database, agents, AuditService(database), now=lambda: NOW)


def test_week_change_is_saved_and_recorded(
    hours: WorkingHoursService, agents: AgentService, ana: Agent, database: Database
) -> None:
    week = [(Window(780, 1440), Window(540, 720)), *[NINE_TO_FIVE] * 4, CLOSED, CLOSED]
    hours.set_week("ana", week, ADMIN, seen=ana.updated_at)
    saved = agents.get("ana", ADMIN)
    assert saved.rules.windows_on(date(2026, 10, 26)) == (Window(540, 720), Window(780, 1440))
    assert saved.updated_at != ana.updated_at
    hours.set_week("ana", week, ADMIN)
    line, _ = AuditService(database).listing(ADMIN).entries
    assert (line.actor, line.change.action) == (ADMIN.email, "hours changed")
    assert line.change.before == {"Monday": "09:00–17:00"}
    assert line.change.after == {"Monday": "09:00–12:00, 13:00–24:00"}


def test_edit_conflict_keeps_other_change(hours: WorkingHoursService, agents: AgentService, ana: Agent) -> None:
    hours.set_week("ana", [CLOSED] * 7, ADMIN, seen=ana.updated_at)
    with pytest.raises(AgentChanged):
        hours.set_week("ana", [NINE_TO_FIVE] * 7, ADMIN, seen=ana.updated_at)
    assert agents.get("ana", ADMIN).rules.week == ()


def test_override_is_added_and_removed(hours: WorkingHoursService, ana: Agent, database: Database) -> None:
    holiday, short = date(2026, 11, 26), date(2026, 11, 27)
    hours.add_override("ana", DateOverride(short, (Window(600, 720), Window(780, 840))), ADMIN)
    hours.add_override("ana", DateOverride(holiday, (), "Thanksgiving"), ADMIN)
    schedule = hours.schedule("ana", ADMIN)
    assert schedule.days == (
        DateOverride(holiday, (), "Thanksgiving"),
        DateOverride(short, (Window(600, 720), Window(780, 840))),
    )
    assert schedule.agent.updated_at != ana.updated_at
    hours.add_override("ana", DateOverride(holiday, (), "Thanksgiving"), ADMIN)  # sent twice
    assert hours.schedule("ana", ADMIN).days == schedule.days
    with pytest.raises(OverrideExists, match="Remove it first"):
        hours.add_override("ana", DateOverride(holiday, (), "Another note"), ADMIN)
    with pytest.raises(OverrideExists, match="Remove it first"):
        hours.add_override("ana", DateOverride(holiday, NINE_TO_FIVE), ADMIN)
    with pytest.raises(OverrideInPast):
        hours.add_override("ana", DateOverride(date(2026, 10, 19), ()), ADMIN)
    hours.remove_override("ana", holiday, ADMIN)
    with pytest.raises(OverrideUnknown):
        hours.remove_override("ana", holiday, ADMIN)
    assert [other.day for other in hours.schedule("ana", ADMIN).days] == [short]
    removed, added, *_ = AuditService(database).listing(ADMIN).entries
    assert (
        removed.change.before == added.change.after == {"day": "2026-11-26", "hours": "closed", "note": "Thanksgiving"}
    )


def test_schedule_omits_the_past(hours: WorkingHoursService, database: Database) -> None:
    database.fetch("INSERT INTO agent_days (agent_id, day) VALUES ('ana', '2026-10-19'), ('ana', '2026-10-20')")
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES ('ana', tstzrange(%s, %s)), ('ana', tstzrange(%s, %s))",
        (NOW - timedelta(hours=2), NOW, NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
    )
    schedule = hours.schedule("ana", ADMIN)
    assert [other.day for other in schedule.days] == [date(2026, 10, 20)]
    assert [block.until for block in schedule.busy] == [NOW + timedelta(hours=1)]


def test_busy_block_is_added_and_removed(hours: WorkingHoursService, database: Database) -> None:
    request = BusyBlockRequest(
        first_day=date(2026, 10, 21), last_day=date(2026, 10, 21), from_min=780, until_min=840, note="Dentist"
    )
    busy = hours.add_busy_block("ana", request, ADMIN)
    assert (busy.start, busy.until) == (datetime(2026, 10, 21, 18, tzinfo=UTC), datetime(2026, 10, 21, 19, tzinfo=UTC))
    assert hours.schedule("ana", ADMIN).busy == (busy,)
    hours.remove_busy_block("ana", busy.busy_id, ADMIN)
    assert hours.schedule("ana", ADMIN).busy == ()
    removed, added, _ = AuditService(database).listing(ADMIN).entries
    assert added.change.after == removed.change.before
    assert added.change.after["note"] == "Dentist"


@pytest.mark.parametrize("note", ["Dentist", None])
def test_duplicate_busy_block_is_stored_once(hours: WorkingHoursService, database: Database, note: str | None) -> None:
    day = date(2026, 10, 21)
    request = BusyBlockRequest(first_day=day, last_day=day, from_min=780, until_min=840, note=note)
    stored = at_once([lambda: hours.add_busy_block("ana", request, ADMIN)] * 4)
    assert set(stored) == {stored[0]}
    assert database.fetch("SELECT COUNT(*) AS n FROM audit_log WHERE action = 'busy time added'") == [{"n": 1}]
    other = hours.add_busy_block("ana", replace(request, note="Meeting"), ADMIN)
    assert hours.schedule("ana", ADMIN).busy == (stored[0], other)


def test_busy_block_without_times_is_whole_days(hours: WorkingHoursService) -> None:
    busy = hours.add_busy_block(
        "ana", BusyBlockRequest(first_day=date(2026, 10, 31), last_day=date(2026, 11, 1)), ADMIN
    )
    assert busy.until - busy.start == timedelta(hours=49), "the clocks go back on the second"


def test_busy_block_handles_clock_changes(hours: WorkingHoursService) -> None:
    spring, autumn = date(2027, 3, 14), date(2026, 11, 1)
    with pytest.raises(TimeSkipped, match="The clocks skip 02:30 on that day"):
        hours.add_busy_block(
            "ana", BusyBlockRequest(first_day=spring, last_day=spring, from_min=150, until_min=240), ADMIN
        )
    with pytest.raises(TimeSkipped):
        hours.add_busy_block(
            "ana", BusyBlockRequest(first_day=spring, last_day=spring, from_min=60, until_min=150), ADMIN
        )
    repeated = hours.add_busy_block(
        "ana", BusyBlockRequest(first_day=autumn, last_day=autumn, from_min=60, until_min=105), ADMIN
    )
    assert repeated.until - repeated.start == timedelta(minutes=105), "both times that the clocks show it"


def test_invalid_busy_block_is_refused(hours: WorkingHoursService) -> None:
    today = date(2026, 10, 20)
    with pytest.raises(EndsBeforeStart):
        hours.add_busy_block(
            "ana", BusyBlockRequest(first_day=today, last_day=today, from_min=840, until_min=840), ADMIN
        )
    with pytest.raises(BusyBlockInPast):
        hours.add_busy_block(
            "ana", BusyBlockRequest(first_day=today, last_day=today, from_min=540, until_min=600), ADMIN
        )


def test_external_busy_block_cannot_be_removed(hours: WorkingHoursService, database: Database) -> None:
    (row,) = database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source) VALUES ('ana', tstzrange(%s, %s), 'Google') RETURNING busy_id",
        (NOW, NOW + timedelta(hours=1)),
    )
    with pytest.raises(ExternalBusyBlock, match="comes from Google. Change it there"):
        hours.remove_busy_block("ana", row["busy_id"], ADMIN)
    assert not hours.schedule("ana", ADMIN).busy[0].is_manual


@pytest.mark.parametrize("busy_id", [0, -1, 99, 10**30])
def test_removed_busy_block_is_unknown(hours: WorkingHoursService, busy_id: int) -> None:
    with pytest.raises(BusyBlockUnknown):
        hours.remove_busy_block("ana", busy_id, ADMIN)


def test_other_agents_busy_block_is_unknown(hours: WorkingHoursService, agents: AgentService) -> None:
    agents.create(Profile(agent_name="Ben"), ADMIN)
    busy = hours.add_busy_block(
        "ana", BusyBlockRequest(first_day=date(2026, 10, 21), last_day=date(2026, 10, 21)), ADMIN
    )
    with pytest.raises(BusyBlockUnknown):
        hours.remove_busy_block("ben", busy.busy_id, ADMIN)


def test_strangers_cannot_change_hours(hours: WorkingHoursService) -> None:
    day = date(2026, 10, 21)
    for attempt in (
        lambda: hours.schedule("ana", STRANGER),
        lambda: hours.set_week("ana", [CLOSED] * 7, STRANGER),
        lambda: hours.add_override("ana", DateOverride(day, ()), STRANGER),
        lambda: hours.remove_override("ana", day, STRANGER),
        lambda: hours.add_busy_block("ana", BusyBlockRequest(first_day=day, last_day=day), STRANGER),
        lambda: hours.remove_busy_block("ana", 1, STRANGER),
        lambda: hours.set_week("a\x00b", [CLOSED] * 7, ADMIN),
    ):
        with pytest.raises(AgentUnknown):
            attempt()
    assert hours.schedule("ana", ADMIN).days == ()


def test_week_change_waits_for_booking_lock(hours: WorkingHoursService, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("SELECT FROM agents WHERE agent_id = 'ana' FOR NO KEY UPDATE").fetchone()
        waiting = threading.Thread(target=hours.set_week, args=("ana", [CLOSED] * 7, ADMIN))
        waiting.start()
        until_a_session_waits(database.url)
        assert database.fetch("SELECT COUNT(*) AS number FROM agent_hours") == [{"number": 5}]
    waiting.join()
    assert database.fetch("SELECT COUNT(*) AS number FROM agent_hours") == [{"number": 0}]
