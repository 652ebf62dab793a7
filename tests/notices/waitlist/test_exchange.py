"""A whole exchange: the worker's tasks offer and send, the text has a link, and what is not true any more is not sent."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from peterental.config import Config
from peterental.notices.model import Letter, NoLongerTrue, Notice
from peterental.notices.repository import NOTICE, notice_of
from peterental.services import build_services
from peterental.worker.agent_notices import TELL_AGENTS
from peterental.worker.notices import SEND
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun, Task
from peterental.worker.waitlist import LOOK_AT_WAITLIST, OFFER
from tests.notices.waitlist.conftest import MONDAY_10AM, Office
from tests.voice.homes import add_home


@pytest.fixture
def sending(office: Office, tmp_path: Path) -> Office:
    """The office, with a worker that writes texts into files."""
    config = Config(
        secret_key="a key for tests, long enough to be one",
        instance_dir=tmp_path,
        public_url="https://rent.example.com",
    )
    office.services = build_services(office.database, office.clock, config)
    return office


def run(office: Office, task: Task) -> None:
    """Run the jobs of a task that wait, or a task of each minute."""
    config = Config()
    if task.schedule:
        task.run(
            JobRun(args={}, config=config, database=office.database, services=office.services, stop=threading.Event())
        )
        return
    for row in office.database.fetch(
        "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE task_name = %s AND status = 'todo' RETURNING args",
        [task.name],
    ):
        task.run(
            JobRun(
                args=row["args"],
                config=config,
                database=office.database,
                services=office.services,
                stop=threading.Event(),
            )
        )


def notice(office: Office) -> Notice:
    (row,) = office.database.fetch(f"SELECT {NOTICE} FROM notices WHERE kind = 'waitlist_offer'")
    return notice_of(row)


def compose(office: Office, told: Notice) -> Letter:
    return office.services.notice_sender._composers["waitlist_offer"].compose(told)


def test_tasks_are_known_by_the_names_that_triggers_use() -> None:
    assert {OFFER, LOOK_AT_WAITLIST, TELL_AGENTS} <= set(TASKS)
    assert OFFER.name == "offer_waitlist"


def test_cancellation_sends_a_text_whose_link_books(sending: Office) -> None:
    sending.join(123)
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    run(sending, SEND)
    sent = notice(sending)
    assert sent.state == "sent"
    assert sent.body is not None
    (entry,) = sending.entries()
    link = sending.services.offer_links.url(entry["entry_id"])
    assert sent.body == (
        "Leasing office: Free now: 12 Elm Street, Mon, Nov 23 at 10:00 AM. Reply C to take it."
        f" Held 15 min: {link} Reply STOP to opt out."
    )
    assert link.startswith("https://rent.example.com/v/offer/")
    viewing = sending.services.waitlist.accept(entry["entry_id"])
    run(sending, SEND)
    told = sending.database.fetch("SELECT kind, state FROM notices WHERE appointment_id = %s", [viewing.appointment_id])
    assert told == [{"kind": "booked", "state": "sent"}]


def test_text_names_the_home_as_the_catalogue_does(sending: Office) -> None:
    add_home(sending.database, "1420 Elm Street", said_as=("The Gables",))
    sending.join(123, property_address="the gables")
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    run(sending, SEND)
    body = notice(sending).body or ""
    assert "Free now: 1420 Elm Street, Mon, Nov 23 at 10:00 AM." in body


def test_offer_is_not_sent_after_it_was_taken(sending: Office) -> None:
    sending.join(123)
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    sending.services.waitlist.accept(sending.entries()[0]["entry_id"])
    run(sending, SEND)
    assert notice(sending).state == "suppressed"


def test_offer_that_has_ended_is_not_true(sending: Office) -> None:
    sending.join(123)
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    told = notice(sending)
    assert compose(sending, told).channel == "text"
    sending.clock.forward(minutes=15)
    with pytest.raises(NoLongerTrue):
        compose(sending, told)
    composer = sending.services.notice_sender._composers["waitlist_offer"]
    with pytest.raises(NoLongerTrue), sending.database.transaction() as connection:
        composer.require_true(connection, told)


def test_offer_of_a_home_that_is_retired_is_not_sent(sending: Office) -> None:
    add_home(sending.database, "1420 Elm Street")
    sending.join(123, property_address="1420 Elm")
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    sending.database.fetch("UPDATE properties SET status = 'inactive'")
    run(sending, SEND)
    told = notice(sending)
    assert (told.state, told.reason) == ("suppressed", "The agent does not show the home any more.")
    sending.database.fetch("UPDATE properties SET status = 'active'")
    assert sending.services.waitlist.offer("ana") == 1, "it was never sent, so it is offered again"


def test_second_offer_does_not_repeat_how_to_stop(sending: Office) -> None:
    sending.database.fetch("UPDATE agents SET language = 'es'")
    sending.join(123, date="lunes", time_of_day="por la mañana")
    sending.database.fetch("UPDATE waitlist SET offers = 1")
    sending.cancel(MONDAY_10AM)
    run(sending, OFFER)
    body = compose(sending, notice(sending)).body
    assert "12 Elm Street" in body
    assert "STOP" not in body


def test_each_minute_the_worker_looks_at_who_waits(sending: Office) -> None:
    sending.join(123)
    sending.database.fetch("DELETE FROM appointments WHERE start_time = %s", [MONDAY_10AM])  # no event, no job
    for _ in range(2):
        run(sending, LOOK_AT_WAITLIST)
    jobs = sending.database.fetch("SELECT args FROM procrastinate_jobs WHERE task_name = 'offer_waitlist'")
    assert jobs == [{"args": {"agent_id": "ana"}}]
    run(sending, OFFER)
    assert sending.states() == ["offered"]


def test_each_minute_the_worker_tells_agents(sending: Office) -> None:
    sending.database.fetch("INSERT INTO agent_notice_contacts (agent_id, phone) VALUES ('ana', '+14055550166')")
    sending.database.fetch(
        "INSERT INTO agent_notice_choices (agent_id, kind, channel, timing) VALUES ('ana', 'agent_flagged_call', 'text', 'now')"
    )
    sending.database.fetch(
        "INSERT INTO calls (vapi_call_id, agent_id, status, started_at, outcomes) VALUES ('c', 'ana', 'ended', %s, '{fault}')",
        [sending.clock.now - timedelta(minutes=5)],
    )
    run(sending, TELL_AGENTS)
    run(sending, TELL_AGENTS)
    run(sending, SEND)
    told = sending.database.fetch("SELECT kind, recipient, state FROM notices")
    assert told == [{"kind": "agent_flagged_call", "recipient": "+14055550166", "state": "sent"}]
