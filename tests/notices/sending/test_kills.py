"""A process killed at any step of sending loses no notice and sends none twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from peterental.notices.sending import CLAIM_LASTS
from peterental.services import Services
from tests.guillotine import Guillotine, Killed, MortalDatabase
from tests.notices.office import EMAIL, Office

STEPS = 60
"""More than any of the works below takes."""


def killed_at(office: Office, guillotine: Guillotine, work: Callable[[Services], object]) -> bool:
    """Let a process work until it is killed; return whether it was killed before it was done."""
    database = MortalDatabase(office.database.url)
    database.guillotine = guillotine
    texts = office.texts
    texts.before_taking = lambda: guillotine.after(is_last=guillotine.before())
    texts.after_taking = texts.before_taking
    try:
        with suppress(Killed):
            work(office.new_services(database))
    finally:
        texts.before_taking = texts.after_taking = lambda: None
        database.close()
    return guillotine.is_dead


def let_others_work(office: Office, viewing: int) -> None:
    """Let another process find what was left: first what was claimed, then what the provider has."""
    for _ in range(2):
        office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
        office.services.notice_sender.look_up()
        office.send(viewing)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_sending_killed_at_any_step_sends_once(office: Office, *, is_after: bool) -> None:
    kills = 0
    for step in range(STEPS):
        office.clock.now = office.start
        viewing = office.book()
        before = len(office.texts.taken)
        was_killed = killed_at(
            office,
            Guillotine(step, is_after=is_after),
            lambda services, viewing=viewing: services.notice_sender.send_of_appointment(viewing),  # type: ignore[misc]
        )
        let_others_work(office, viewing)
        assert len(office.texts.taken) == before + 1, step
        assert office.notices("state")[-1] == "sent", step
        office.cancel(viewing)
        office.database.fetch("DELETE FROM notices WHERE kind = 'cancelled'")
        kills += was_killed
        if not was_killed:
            break
    assert 5 < kills < STEPS


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_looking_up_killed_at_any_step_sends_once(office: Office, *, is_after: bool) -> None:
    kills = 0
    for step in range(STEPS):
        office.clock.now = office.start
        viewing = office.book()
        office.texts.behaviour = "lose" if step % 2 else "take and be silent"
        office.send(viewing)
        office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
        before = len(office.texts.taken)
        was_killed = killed_at(
            office, Guillotine(step, is_after=is_after), lambda services: services.notice_sender.look_up()
        )
        let_others_work(office, viewing)
        assert len(office.texts.taken) == before + step % 2, step
        assert office.notices("state")[-1] == "sent", step
        office.cancel(viewing)
        office.database.fetch("DELETE FROM notices WHERE kind = 'cancelled'")
        kills += was_killed
        if not was_killed:
            break
    assert 2 < kills < STEPS


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_planning_killed_at_any_step_reminds_once(office: Office, *, is_after: bool) -> None:
    kills = 0
    for step in range(STEPS):
        office.clock.now = office.start
        viewing = office.book(email=EMAIL, phone=None)
        office.send(viewing)
        before = len(office.mails.taken)
        office.clock.forward(hours=24)
        was_killed = killed_at(office, Guillotine(step, is_after=is_after), lambda services: services.reminders.plan())
        office.services.reminders.plan()
        office.send(viewing)
        assert len(office.mails.taken) == before + 1, step
        office.cancel(viewing)
        office.database.fetch("DELETE FROM notices WHERE kind = 'cancelled'")
        kills += was_killed
        if not was_killed:
            break
    assert 0 < kills < STEPS
