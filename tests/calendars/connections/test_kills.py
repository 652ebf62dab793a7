"""A process killed at any step of reading or writing loses nothing and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from peterental.services import build_services
from tests.calendars.connections.conftest import CONFIG, Line
from tests.calendars.scripted import ScriptedCalendar
from tests.guillotine import Guillotine, Killed, MortalDatabase

STEPS = 60
"""More than any of the works below takes."""


def killed_at(line: Line, guillotine: Guillotine, work: Callable[[Line], object]) -> bool:
    """Let a process work until it is killed, and end its lease; return whether it was killed before it was done."""
    database = MortalDatabase(line.database.url)
    database.guillotine = guillotine
    remote, original = line.remote, line.remote._answer

    def answer() -> None:
        is_last = guillotine.before()
        original()
        if is_last:  # the effect of a request comes after this: the answer is lost
            remote.fault_after_write = KilledAnswer()

    remote._answer = answer  # type: ignore[method-assign]
    mortal = Line(build_services(database, config=CONFIG), line.database, remote, line.noon, line.calls)
    try:
        work(mortal)
    except (Killed, KilledAnswer):
        guillotine.is_dead = True
    finally:
        remote._answer = original  # type: ignore[method-assign]
        remote.fault_after_write = None
        database.close()
    line.database.fetch("UPDATE calendar_accounts SET leased_until = NOW() - INTERVAL '1 second'")
    return guillotine.is_dead


class KilledAnswer(BaseException):
    """Raised in place of the answer to a write that took effect."""


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_writing_killed_at_any_step_leaves_one_event(line: Line, remote: ScriptedCalendar, *, is_after: bool) -> None:
    line.connect()
    line.book()
    kills = 0
    for step in range(STEPS):
        start = line.noon + timedelta(days=step % 2, hours=step % 3)
        line.database.fetch(
            "UPDATE appointments SET start_time = %s, end_time = %s, blocked_until = %s",
            (start, start + timedelta(minutes=30), start + timedelta(minutes=30)),
        )
        was_killed = killed_at(line, Guillotine(step, is_after=is_after), lambda mortal: mortal.work())
        line.work()
        ((event, _),) = remote.events.values()
        assert event.start == start, step
        (row,) = line.viewings()
        assert row["version"] == row["written_version"]
        assert row["event_id"] in remote.events
        kills += was_killed
        if not was_killed:
            break
    assert 5 < kills < STEPS


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_creating_killed_at_any_step_creates_one_event(line: Line, remote: ScriptedCalendar, *, is_after: bool) -> None:
    line.connect()
    kills = 0
    for step in range(STEPS):
        line.book(line.noon + timedelta(hours=step % 4), call=f"call-{step}")
        was_killed = killed_at(line, Guillotine(step, is_after=is_after), lambda mortal: mortal.work())
        line.work()
        assert len(remote.events) == 1, step
        line.say("cancel_appointment", call=f"call-{step}", attendee_name="Dolores Whitcomb")
        was_killed |= killed_at(line, Guillotine(step, is_after=is_after), lambda mortal: mortal.work())
        line.work()
        assert remote.events == {}, step
        kills += was_killed
        if not was_killed:
            break
    assert 5 < kills < STEPS


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_reading_killed_at_any_step_frees_no_busy_time(line: Line, *, is_after: bool) -> None:
    line.busy_at(line.noon, key="stays")
    line.connect()
    kills = 0
    for step in range(STEPS):
        line.busy_at(line.noon + timedelta(hours=2 + step % 5), key="moves")
        line.database.fetch("UPDATE calendars SET read_cursor = NULL")
        was_killed = killed_at(line, Guillotine(step, is_after=is_after), lambda mortal: mortal.sync())
        assert line.noon in [row["start"] for row in line.busy_rows()], step
        line.sync()
        assert [row["start"] for row in line.busy_rows()] == [line.noon, line.noon + timedelta(hours=2 + step % 5)]
        kills += was_killed
        if not was_killed:
            break
    assert 5 < kills < STEPS
