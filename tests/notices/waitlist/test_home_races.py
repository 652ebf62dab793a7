"""Callers of two agents who want one home at one time, in the same moment: one viewing, one refusal, no deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from peterental.database.pool import Database
from peterental.notices.waitlist.model import OfferEnded
from peterental.services import Services
from tests.notices.waitlist.conftest import MONDAY_10AM, Office
from tests.together import at_once
from tests.voice.homes import add_home
from tests.voice.phone import BEN, services_on

ROUNDS = 8
RACERS = 4
WAIT_S = 60
AT_TEN = "{[2026-11-23 10:00-06, 2026-11-23 10:01-06)}"


@pytest.fixture
def elm(office: Office) -> int:
    """1420 Elm Street, of which one viewing at a time is wanted."""
    office.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    return add_home(office.database, "1420 Elm Street")


@pytest.fixture
def services(database_url: str, office: Office) -> Iterator[Services]:
    """Services with a connection for each racer."""
    pool = Database(database_url, pool_size=RACERS)
    yield services_on(pool, office.clock)
    pool.close()


def wait_for(office: Office, agent_id: str, elm: int, last_digits: int) -> int:
    """Insert an entry of a caller who wants the home at ten, and return it."""
    row = office.database.fetch(
        """
        INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, property_id, wanted)
        VALUES (%s, 'Mia Chen', %s, '1420 Elm', %s, %s)
        RETURNING entry_id
        """,
        (agent_id, f"+1405555{last_digits:04}", elm, AT_TEN),
    )[0]
    return int(row["entry_id"])


def hold(office: Office, entry_id: int) -> None:
    """Offer ten o'clock to a caller, whatever else is held: as before the office wanted one viewing at a time."""
    office.database.fetch(
        """
        WITH offered AS (
            UPDATE waitlist SET state = 'offered', offers = 1, offered_start = %(start)s,
                offered_end = %(start)s + INTERVAL '30 minutes', offer_expires_at = %(now)s + INTERVAL '15 minutes'
            WHERE entry_id = %(id)s
            RETURNING *
        )
        INSERT INTO agent_busy (agent_id, during, event_key, holds_until)
        SELECT agent_id, tstzrange(offered_start, offered_end), 'waitlist:' || entry_id, offer_expires_at FROM offered
        """,
        {"id": entry_id, "start": MONDAY_10AM, "now": office.clock.now},
    )


def reset(office: Office) -> None:
    """Free ten o'clock, of both agents and of the home."""
    for table in ("waitlist", "notices", "agent_busy"):
        office.database.fetch(f"DELETE FROM {table}")
    office.database.fetch("UPDATE appointments SET status = 'cancelled' WHERE start_time = %s", [MONDAY_10AM])


def accepted(services: Services, entry_id: int) -> bool:
    """Take an offer; return whether that was possible."""
    try:
        services.waitlist.accept(entry_id)
    except OfferEnded:
        return False
    return True


def booked(office: Office, services: Services, number: int) -> bool:
    """Book the home with Ben by phone; return whether that was possible."""
    office.services = services
    phone = office.caller(number, call=f"race-{number}", line=BEN)
    wish = {"property_address": "1420 Elm", "attendee_name": "Bo Diaz", "start_time": "2026-11-23T10:00:00"}
    said = phone.say("set_appointment", wish)
    assert said.startswith(("You're booked to see 1420 Elm Street", "I'm sorry, tomorrow")), said
    return said.startswith("You're booked")


def confirmed_agents(office: Office) -> list[str]:
    rows = office.database.fetch(
        "SELECT agent_id FROM appointments WHERE start_time = %s AND status = 'confirmed'", [MONDAY_10AM]
    )
    return [row["agent_id"] for row in rows]


def test_two_who_accept_one_home_at_two_agents_get_one_viewing(office: Office, services: Services, elm: int) -> None:
    for turn in range(ROUNDS):
        reset(office)
        entries = [wait_for(office, agent_id, elm, 200 + turn) for agent_id in ("ana", "ben")]
        for entry_id in entries:
            hold(office, entry_id)
        done = at_once([partial(accepted, services, entry_id) for entry_id in entries])
        assert sorted(done) == [False, True]
        assert len(confirmed_agents(office)) == 1
        assert sorted(office.states()) == ["booked", "waiting"], "who was refused waits on"


def test_held_home_is_not_booked_by_phone_while_it_is_taken(office: Office, services: Services, elm: int) -> None:
    for turn in range(ROUNDS):
        reset(office)
        entry_id = wait_for(office, "ana", elm, 300 + turn)
        hold(office, entry_id)
        jobs: list[Callable[[], bool]] = [
            partial(accepted, services, entry_id),
            partial(booked, office, services, 1000 + turn),
        ]
        assert at_once(jobs) == [True, False]
        assert confirmed_agents(office) == ["ana"]


def test_call_that_had_read_before_the_offer_races_with_accepting(
    office: Office, services: Services, elm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The phone did not see the hold, so the constraint decides."""
    write = services.appointments._write
    has_read, may_write = threading.Event(), threading.Event()

    def write_late(*arguments: Any) -> Any:
        has_read.set()
        assert may_write.wait(WAIT_S)
        return write(*arguments)

    def accept(entry_id: int) -> bool:
        may_write.set()
        return accepted(services, entry_id)

    monkeypatch.setattr(services.appointments, "_write", write_late)
    for turn in range(ROUNDS):
        reset(office)
        has_read.clear()
        may_write.clear()
        entry_id = wait_for(office, "ana", elm, 300 + turn)
        with ThreadPoolExecutor(1) as thread:
            call = thread.submit(booked, office, services, 2000 + turn)
            assert has_read.wait(WAIT_S)
            hold(office, entry_id)
            is_accepted = accept(entry_id)
            is_booked = call.result()
        assert (is_accepted, is_booked) in {(True, False), (False, True)}
        assert confirmed_agents(office) == ["ana" if is_accepted else "ben"]
        assert office.states() == ["booked" if is_accepted else "waiting"]


def test_two_agents_offer_one_time_of_a_home_once(office: Office, services: Services, elm: int) -> None:
    for turn in range(ROUNDS):
        reset(office)
        for agent_id in ("ana", "ben"):
            wait_for(office, agent_id, elm, 400 + turn)
        made = at_once([partial(services.waitlist.offer, agent_id) for agent_id in ("ana", "ben")])
        assert sorted(made) == [0, 1]


def test_offers_accepts_and_calls_do_not_deadlock(office: Office, services: Services, elm: int) -> None:
    """Two homes, wanted in both orders, by offers of two agents while both lines book."""
    oak = add_home(office.database, "77 Oak Street")
    for turn in range(ROUNDS):
        reset(office)
        first = wait_for(office, "ana", elm, 500 + turn)
        hold(office, first)
        for agent_id, homes in (("ana", (oak, elm)), ("ben", (elm, oak))):
            for home in homes:
                wait_for(office, agent_id, home, 600 + turn)
        jobs: list[Callable[[], object]] = [
            partial(accepted, services, first),
            partial(services.waitlist.offer, "ana"),
            partial(services.waitlist.offer, "ben"),
            partial(booked, office, services, 3000 + turn),
        ]
        at_once(jobs)
        held = office.database.fetch(
            """
            SELECT property_id FROM waitlist WHERE state = 'offered' AND property_id = %(elm)s
            UNION ALL
            SELECT property_id FROM appointments
            WHERE status = 'confirmed' AND start_time = %(start)s AND property_id = %(elm)s
            """,
            {"elm": elm, "start": MONDAY_10AM},
        )
        assert len(held) <= 1
