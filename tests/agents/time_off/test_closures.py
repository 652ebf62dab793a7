"""Closures of the office, and the blocks of every agent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental.access import AdminsOnly
from peterental.agents.model import Profile
from peterental.agents.time_off.blocks import TimeOffBlocks
from peterental.agents.time_off.closure_service import CLOSURES_PER_STEP
from peterental.agents.time_off.model import (
    MAX_CLOSURES_AT_ONCE,
    ClosureChanged,
    ClosureExists,
    ClosureNameMissing,
    ClosureUnknown,
    LastDayBeforeFirst,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
    TooManyClosures,
)
from tests.agents.time_off.conftest import ADMIN, STRANGER, THANKSGIVING, Office, holiday
from tests.servers import until_a_session_waits
from tests.together import at_once

IN_CHICAGO = (datetime(2026, 11, 26, 6, tzinfo=UTC), datetime(2026, 11, 27, 6, tzinfo=UTC))
IN_DENVER = (datetime(2026, 11, 26, 7, tzinfo=UTC), datetime(2026, 11, 27, 7, tzinfo=UTC))


def test_closure_blocks_every_agent_on_its_own_clock(office: Office) -> None:
    office.add_agent("Ben", "America/Denver")
    (closure,) = office.close()
    assert office.days_off("ana") == [IN_CHICAGO]
    assert office.days_off("ben") == [IN_DENVER]
    assert {row["note"] for row in office.blocks()} == {"Thanksgiving"}
    assert office.closures.get(closure.closure_id, ADMIN) == closure
    assert office.actions()[0] == "closure added"


def test_part_of_a_day_and_several_days(office: Office) -> None:
    office.close(
        holiday(from_min=720, until_min=900), holiday("New Year", date(2026, 12, 31), last_day=date(2027, 1, 1))
    )
    half, long = office.days_off()
    assert half == (datetime(2026, 11, 26, 18, tzinfo=UTC), datetime(2026, 11, 26, 21, tzinfo=UTC))
    assert long[1] - long[0] == timedelta(days=2)


def test_agent_added_later_is_off_too(office: Office) -> None:
    office.close()
    office.add_agent("Ben", "America/Denver")
    assert office.days_off("ben") == [IN_DENVER]


def test_inactive_agent_is_off_when_it_is_reactivated(office: Office) -> None:
    office.agents.set_active("ana", ADMIN, active=False)
    office.close()
    office.agents.set_active("ana", ADMIN, active=True)
    assert office.days_off("ana") == [IN_CHICAGO]


def test_another_time_zone_moves_the_block(office: Office) -> None:
    office.close()
    (before,) = office.rows()
    office.agents.update("ana", Profile(agent_name="Ana", time_zone="America/Denver"), ADMIN)
    assert office.days_off("ana") == [IN_DENVER]
    (after,) = office.rows()
    assert after["busy_id"] == before["busy_id"]
    office.agents.update("ana", Profile(agent_name="Anna", time_zone="America/Denver"), ADMIN)
    assert office.rows() == [after]


def test_exempt_agent_works(office: Office) -> None:
    office.add_agent("Ben")
    (closure,) = office.close(holiday(exempt=frozenset({"ben", "unknown"})))
    assert closure.exempt == {"ben"}
    assert [row["agent_id"] for row in office.blocks()] == ["ana"]
    office.closures.change(closure.closure_id, holiday(exempt=frozenset({"ana"})), ADMIN)
    assert [row["agent_id"] for row in office.blocks()] == ["ben"]


def test_change_moves_every_block(office: Office) -> None:
    (closure,) = office.close()
    moved = holiday("Day after", THANKSGIVING + timedelta(days=1))
    office.closures.change(closure.closure_id, moved, ADMIN, seen=closure.updated_at)
    assert office.days_off() == [(IN_CHICAGO[1], IN_CHICAGO[1] + timedelta(days=1))]
    assert office.blocks()[0]["note"] == "Day after"
    change = office.audit.listing(ADMIN).entries[0].change
    assert change.before == {"name": "Thanksgiving", "first_day": "2026-11-26", "last_day": "2026-11-26"}


def test_unchanged_closure_is_not_recorded(office: Office) -> None:
    (closure,) = office.close()
    before = office.rows()
    office.closures.change(closure.closure_id, holiday(), ADMIN)
    assert office.actions()[0] == "closure added"
    assert office.rows() == before


def test_edit_conflict_keeps_other_change(office: Office) -> None:
    (closure,) = office.close()
    office.closures.change(closure.closure_id, holiday("Theirs"), ADMIN, seen=closure.updated_at)
    with pytest.raises(ClosureChanged) as conflict:
        office.closures.change(closure.closure_id, holiday("Mine"), ADMIN, seen=closure.updated_at)
    assert conflict.value.closure.name == "Theirs"
    assert {row["note"] for row in office.blocks()} == {"Theirs"}


def test_removal_opens_the_office(office: Office) -> None:
    (closure,) = office.close()
    assert office.closures.remove(closure.closure_id, ADMIN) == closure
    assert office.blocks() == []
    with pytest.raises(ClosureUnknown):
        office.closures.remove(closure.closure_id, ADMIN)
    with pytest.raises(ClosureUnknown):
        office.closures.get(2**63, ADMIN)
    assert office.actions()[0] == "closure removed"


def test_same_closure_is_added_once(office: Office) -> None:
    office.close()
    assert office.close() == ()
    assert len(office.blocks()) == 1
    (other,) = office.close(holiday("Another name"))
    with pytest.raises(ClosureExists):
        office.closures.change(other.closure_id, holiday(), ADMIN)


def test_two_forms_at_once_close_the_office_once(office: Office) -> None:
    for name in ("Ben", "Cem"):
        office.add_agent(name)
    added = at_once([office.close] * 4)
    assert sorted(len(closures) for closures in added) == [0, 0, 0, 1]
    assert [row["agent_id"] for row in office.blocks()] == ["ana", "ben", "cem"]


def test_many_closures_are_added_in_steps(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers wait while every agent is locked, so each step is committed before the next one begins."""
    renew = TimeOffBlocks.renew_closures
    committed: list[int] = []

    def renewed(blocks: TimeOffBlocks, *args: Any) -> None:
        committed.append(len(office.blocks()))
        renew(blocks, *args)

    monkeypatch.setattr(TimeOffBlocks, "renew_closures", renewed)
    days = [THANKSGIVING + timedelta(days=number) for number in range(2 * CLOSURES_PER_STEP + 1)]
    added = office.closures.add([holiday(day=day) for day in days], ADMIN)
    assert [closure.first_day for closure in added] == days
    assert committed == [0, CLOSURES_PER_STEP, 2 * CLOSURES_PER_STEP]


def test_agent_created_during_a_change_is_off_too(office: Office, database_url: str) -> None:
    """Whichever commits first, the other one sees it."""
    with office.database.transaction() as connection:
        connection.execute("LOCK TABLE office_closures IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            "INSERT INTO office_closures (name, first_day, last_day) VALUES ('Late', '2026-11-26', '2026-11-26')"
        )
        connection.sync()
        creating = threading.Thread(target=lambda: office.add_agent("Ben", "America/Denver"))
        creating.start()
        until_a_session_waits(database_url)
    creating.join()
    assert office.days_off("ben") == [IN_DENVER]


def test_closure_waits_for_an_agent_that_is_being_created(office: Office, database_url: str) -> None:
    with office.database.transaction() as connection:
        connection.execute(
            "INSERT INTO agents (agent_id, agent_name, time_zone) VALUES ('ben', 'Ben', 'America/Denver')"
        )
        connection.execute("LOCK TABLE office_closures IN SHARE MODE")
        connection.sync()
        closing = threading.Thread(target=office.close)
        closing.start()
        until_a_session_waits(database_url)
    closing.join()
    assert office.days_off("ben") == [IN_DENVER]


def test_booking_under_way_is_waited_for(office: Office, database_url: str) -> None:
    """A closure takes the lock of bookings, so none is added that its own list of viewings lacks."""
    with office.database.transaction() as connection:
        connection.execute("SELECT FROM agents WHERE agent_id = 'ana' FOR NO KEY UPDATE")
        connection.sync()
        closing = threading.Thread(target=office.close)
        closing.start()
        until_a_session_waits(database_url)
        assert office.blocks() == []
    closing.join()
    assert office.days_off() == [IN_CHICAGO]


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
        (holiday(" \x00"), ClosureNameMissing),
        (holiday(last_day=THANKSGIVING - timedelta(days=1)), LastDayBeforeFirst),
        (holiday(from_min=600, until_min=600), TimeOffEndsBeforeStart),
        (holiday(day=date(2026, 10, 18)), TimeOffInPast),
    ],
)
def test_invalid_closure_is_refused(office: Office, entry: object, refusal: type[Exception]) -> None:
    (closure,) = office.close()
    for call in (
        lambda: office.closures.add([entry], ADMIN),  # type: ignore[list-item]  # a ClosureEntry
        lambda: office.closures.change(closure.closure_id, entry, ADMIN),  # type: ignore[arg-type]  # likewise
    ):
        with pytest.raises(refusal):
            call()
    assert len(office.blocks()) == 1


def test_today_may_be_closed_until_it_is_over_everywhere(office: Office, later: Callable[[float], None]) -> None:
    today = holiday("Storm", date(2026, 10, 20))
    assert len(office.close(today)) == 1
    later(0.6)  # past midnight in Chicago, not yet at UTC-12
    assert len(office.close(replace(today, name="Flood"))) == 1
    later(1)
    with pytest.raises(TimeOffInPast):
        office.close(replace(today, name="Fire"))


def test_more_than_one_form_offers_is_refused(office: Office) -> None:
    with pytest.raises(TooManyClosures):
        office.close(*[holiday(f"Day {number}") for number in range(MAX_CLOSURES_AT_ONCE + 1)])


def test_only_admins_close_the_office(office: Office) -> None:
    (closure,) = office.close()
    for call in (
        lambda: office.closures.add([holiday("Mine")], STRANGER),
        lambda: office.closures.get(closure.closure_id, STRANGER),
        lambda: office.closures.of_days(THANKSGIVING, THANKSGIVING, STRANGER),
        lambda: office.closures.change(closure.closure_id, holiday("Mine"), STRANGER),
        lambda: office.closures.remove(closure.closure_id, STRANGER),
    ):
        with pytest.raises(AdminsOnly):
            call()
    assert office.closures.of_days(THANKSGIVING, THANKSGIVING, ADMIN) == (closure,)


def test_manual_and_calendar_blocks_are_left(office: Office) -> None:
    office.database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) VALUES ('ana', '[2026-11-26 15:00Z, 2026-11-26 16:00Z)', 'Mine')"
    )
    (closure,) = office.close()
    office.repeating.extend()
    office.closures.remove(closure.closure_id, ADMIN)
    assert [row["note"] for row in office.blocks()] == ["Mine"]
