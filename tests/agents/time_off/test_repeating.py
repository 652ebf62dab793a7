"""Repeating blocks: their times, exceptions, changes, and the daily extension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown, Profile
from peterental.agents.time_off.descriptions import describe_repetition
from peterental.agents.time_off.expansion import DAYS_AHEAD
from peterental.agents.time_off.model import (
    MAX_REPEATING_PER_AGENT,
    LastDayBeforeFirst,
    NotOnThatDay,
    RepeatingBlockChanged,
    RepeatingBlockUnknown,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
    TooManyRepeatingBlocks,
    WeekdaysMissing,
    WeeksOutOfRange,
)
from tests.agents.time_off.conftest import ADMIN, LUNCH, NOW, STRANGER, Office, holiday
from tests.guillotine import Guillotine, Killed, MortalDatabase
from tests.together import at_once

WEDNESDAYS = replace(LUNCH, weekdays=(3,), note=None)


def test_block_repeats_to_the_farthest_booking(office: Office) -> None:
    office.repeat()
    blocks = office.blocks()
    assert blocks[0]["start"] == datetime(2026, 10, 20, 17, tzinfo=UTC)
    assert blocks[-1]["start"] > NOW + timedelta(days=367)
    assert {row["note"] for row in blocks} == {"Lunch"}
    assert all(row["repeats_on"].isoweekday() <= 5 for row in blocks)
    assert office.actions()[0] == "repeating block added"


def test_left_out_day_is_free(office: Office) -> None:
    block = office.repeat(entry=WEDNESDAYS)
    office.repeating.skip(block.repeating_id, date(2026, 10, 28), ADMIN)
    office.repeating.skip(block.repeating_id, date(2026, 10, 28), ADMIN)
    assert office.repeats_on(2) == [date(2026, 10, 21), date(2026, 11, 4)]
    assert office.repeating.get(block.repeating_id, ADMIN).exceptions == (date(2026, 10, 28),)
    office.repeating.unskip(block.repeating_id, date(2026, 10, 28), ADMIN)
    office.repeating.unskip(block.repeating_id, date(2026, 10, 28), ADMIN)
    assert office.repeats_on(2) == [date(2026, 10, 21), date(2026, 10, 28)]
    assert office.actions()[:3] == [
        "repeating block no longer left out",
        "repeating block left out",
        "repeating block added",
    ]


def test_only_days_to_come_of_the_block_are_left_out(office: Office) -> None:
    block = office.repeat(entry=WEDNESDAYS)
    with pytest.raises(NotOnThatDay):
        office.repeating.skip(block.repeating_id, date(2026, 10, 29), ADMIN)
    with pytest.raises(TimeOffInPast):
        office.repeating.skip(block.repeating_id, date(2026, 10, 14), ADMIN)


def test_change_keeps_what_is_over(office: Office, later: Callable[[float], None]) -> None:
    block = office.repeat(entry=WEDNESDAYS)
    later(7)
    office.repeating.change(block.repeating_id, replace(WEDNESDAYS, weekdays=(4,), note="Gym"), ADMIN)
    assert office.repeats_on(3) == [date(2026, 10, 21), date(2026, 10, 29), date(2026, 11, 5)]
    assert [row["note"] for row in office.blocks()][:2] == [None, "Gym"]
    change = office.audit.listing(ADMIN).entries[0].change
    assert change.before == {"repeats": "every Wednesday", "note": None}
    assert change.after == {"repeats": "every Thursday", "note": "Gym"}


def test_unchanged_block_is_not_recorded(office: Office) -> None:
    block = office.repeat()
    office.repeating.change(block.repeating_id, LUNCH, ADMIN, seen=block.updated_at)
    assert office.actions()[0] == "repeating block added"


def test_edit_conflict_keeps_other_change(office: Office) -> None:
    block = office.repeat()
    office.repeating.change(block.repeating_id, WEDNESDAYS, ADMIN, seen=block.updated_at)
    with pytest.raises(RepeatingBlockChanged) as conflict:
        office.repeating.change(block.repeating_id, LUNCH, ADMIN, seen=block.updated_at)
    assert conflict.value.block.weekdays == (3,)


def test_end_removes_later_blocks(office: Office) -> None:
    block = office.repeat(entry=WEDNESDAYS)
    office.repeating.change(block.repeating_id, replace(WEDNESDAYS, last_day=date(2026, 10, 30)), ADMIN)
    assert office.repeats_on() == [date(2026, 10, 21), date(2026, 10, 28)]
    office.repeating.change(block.repeating_id, replace(WEDNESDAYS, last_day=date(2026, 10, 20)), ADMIN)
    assert office.repeats_on() == []


def test_removal_removes_everything(office: Office) -> None:
    block = office.repeat()
    office.repeating.skip(block.repeating_id, date(2026, 10, 28), ADMIN)
    assert office.repeating.remove(block.repeating_id, ADMIN).note == "Lunch"
    assert office.blocks() == []
    assert office.database.fetch("SELECT 1 FROM repeating_exceptions") == []
    with pytest.raises(RepeatingBlockUnknown):
        office.repeating.remove(block.repeating_id, ADMIN)
    with pytest.raises(RepeatingBlockUnknown):
        office.repeating.get(2**63, ADMIN)


def test_another_time_zone_keeps_the_wall_clock(office: Office) -> None:
    office.repeat(entry=WEDNESDAYS)
    office.agents.update("ana", Profile(agent_name="Ana", time_zone="America/Denver"), ADMIN)
    first, *_, last = office.blocks()
    assert first["start"] == datetime(2026, 10, 21, 18, tzinfo=UTC)
    assert last["start"].hour in {18, 19}
    assert office.listing.upcoming(ADMIN).items[0].at == datetime(2026, 10, 21, 12)  # noqa: DTZ001  # a wall clock


def test_same_block_is_added_once(office: Office) -> None:
    assert office.repeat() == office.repeat(entry=replace(LUNCH, weekdays=(5, 4, 3, 2, 1, 1), note=" Lunch "))
    assert len(at_once([lambda: office.repeat(entry=WEDNESDAYS)] * 3)) == 3
    assert len(office.database.fetch("SELECT 1 FROM repeating_blocks")) == 2


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
        (replace(LUNCH, weekdays=()), WeekdaysMissing),
        (replace(LUNCH, every_weeks=0), WeeksOutOfRange),
        (replace(LUNCH, last_day=date(2026, 9, 1)), LastDayBeforeFirst),
        (replace(LUNCH, until_min=720), TimeOffEndsBeforeStart),
        (replace(LUNCH, last_day=date(2026, 10, 19)), TimeOffInPast),
    ],
)
def test_invalid_block_is_refused(office: Office, entry: object, refusal: type[Exception]) -> None:
    block = office.repeat()
    for call in (
        lambda: office.repeating.add("ana", entry, ADMIN),  # type: ignore[arg-type]  # a RepeatingEntry
        lambda: office.repeating.change(block.repeating_id, entry, ADMIN),  # type: ignore[arg-type]  # likewise
    ):
        with pytest.raises(refusal):
            call()


def test_number_of_blocks_is_limited(office: Office) -> None:
    for number in range(MAX_REPEATING_PER_AGENT):
        office.repeat(entry=replace(WEDNESDAYS, last_day=date(2026, 10, 22), note=str(number)))
    with pytest.raises(TooManyRepeatingBlocks):
        office.repeat()


def test_agents_of_others_are_unknown(office: Office) -> None:
    block = office.repeat()
    with pytest.raises(AgentUnknown):
        office.repeating.add("ana", WEDNESDAYS, STRANGER)
    for call in (
        lambda: office.repeating.get(block.repeating_id, STRANGER),
        lambda: office.repeating.change(block.repeating_id, WEDNESDAYS, STRANGER),
        lambda: office.repeating.skip(block.repeating_id, date(2026, 10, 28), STRANGER),
        lambda: office.repeating.unskip(block.repeating_id, date(2026, 10, 28), STRANGER),
        lambda: office.repeating.remove(block.repeating_id, STRANGER),
    ):
        with pytest.raises(RepeatingBlockUnknown):
            call()


def test_extension_writes_further_ahead(office: Office, later: Callable[[float], None]) -> None:
    office.repeat()
    first = office.blocks()
    later(30)
    assert office.repeating.extend() == 1
    assert office.blocks()[: len(first)] == first
    assert office.blocks()[-1]["start"] > office.now + timedelta(days=DAYS_AHEAD - 4)


def test_extension_twice_writes_nothing(office: Office, later: Callable[[float], None]) -> None:
    office.repeat()
    office.close(holiday())
    later(3)
    office.repeating.extend()
    before = office.rows()
    assert office.repeating.extend() == 1
    assert office.rows() == before


def test_extensions_at_once_write_each_block_once(office: Office, later: Callable[[float], None]) -> None:
    for name in ("Ben", "Cem"):
        office.add_agent(name, "Europe/Berlin")
        office.repeat(name.lower())
    later(100)
    at_once([office.repeating.extend] * 3)
    found = [(row["repeating_id"], row["repeats_on"]) for row in office.blocks()]
    assert len(found) == len(set(found))
    before = office.rows()
    office.repeating.extend()
    assert office.rows() == before


def test_extension_repairs_what_others_changed(office: Office) -> None:
    office.repeat(entry=WEDNESDAYS)
    office.close(holiday())
    wanted = office.blocks()
    office.database.fetch("DELETE FROM agent_busy WHERE repeats_on = '2026-10-28' OR closure_id IS NOT NULL")
    office.database.fetch("UPDATE agent_busy SET note = 'x' WHERE repeats_on = '2026-11-04'")
    office.repeating.extend()
    assert office.blocks() == wanted
    # An earlier release, or SQL, may create an agent or change a time zone.
    office.database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
    office.database.fetch("UPDATE agents SET time_zone = 'America/Denver' WHERE agent_id = 'ana'")
    office.repeating.extend()
    assert len(office.days_off("ben")) == 1
    assert office.days_off("ana")[0][0].hour == 7


def test_extension_stops_between_agents(office: Office) -> None:
    for name in ("Ben", "Cem"):
        office.add_agent(name)
    answers = iter([False, True])
    assert office.repeating.extend(lambda: next(answers)) == 1


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("step", range(4))
def test_extension_after_a_kill_completes(office: Office, database_url: str, step: int, *, is_after: bool) -> None:
    for name in ("Ben", "Cem"):
        office.add_agent(name)
        office.repeat(name.lower())
    office.close(holiday())
    wanted = office.blocks()
    office.database.fetch("DELETE FROM agent_busy")
    mortal = MortalDatabase(database_url)
    mortal.guillotine = Guillotine(step, is_after=is_after)
    try:
        with pytest.raises(Killed):
            Office(mortal).repeating.extend()
    finally:
        mortal.close()
    office.repeating.extend()
    assert office.blocks() == wanted


@pytest.mark.parametrize("is_after", [False, True])
def test_change_is_written_with_its_blocks_or_not_at_all(office: Office, database_url: str, *, is_after: bool) -> None:
    mortal = MortalDatabase(database_url)
    mortal.guillotine = Guillotine(0, is_after=is_after)
    try:
        with pytest.raises(Killed):
            Office(mortal).close(holiday())
    finally:
        mortal.close()
    stored = len(office.database.fetch("SELECT 1 FROM office_closures"))
    assert stored == len(office.blocks()) == int(is_after)


def test_user_adds_blocks_to_own_agent(office: Office) -> None:
    user = Viewer(user_id=5, email="ana@example.com", is_admin=False)
    office.database.fetch(
        "INSERT INTO users (user_id, email, password_hash, role) VALUES (5, 'ana@example.com', '', 'agent')"
    )
    office.database.fetch("UPDATE agents SET user_id = 5")
    block = office.repeating.add("ana", LUNCH, user)
    assert office.repeating.get(block.repeating_id, user) == block


@pytest.mark.parametrize(
    ("weekdays", "every_weeks", "words"),
    [
        ((1,), 1, "every Monday"),
        ((1, 3, 5), 1, "every Monday, Wednesday and Friday"),
        ((1, 2, 3, 4, 5), 1, "every weekday"),
        ((1, 2, 3, 4, 5, 6, 7), 1, "every day"),
        ((2, 4), 2, "every 2 weeks on Tuesday and Thursday"),
    ],
)
def test_repetition_in_words(weekdays: tuple[int, ...], every_weeks: int, words: str) -> None:
    assert describe_repetition(replace(LUNCH, weekdays=weekdays, every_weeks=every_weeks)) == words
