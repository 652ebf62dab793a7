"""The reduction is killed, and a person is deleted while the phone rings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.privacy.model import UpcomingChanged
from peterental.privacy.person import Person
from peterental.services import Services
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import until
from tests.together import at_once
from tests.voice.phone import ELM, Phone

ADMIN = Viewer(0, "office@example.com", is_admin=True)
DOLORES = Person.parse("+15550142100", "US")
FLASK = str(Path(sys.executable).with_name("flask"))
CALLS = 3000


@pytest.mark.long
def test_killed_reduction_leaves_whole_calls(database: Database, database_url: str) -> None:
    """Every call is as before or reduced with all its tool calls, and the next run does the rest."""
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, created_at, transcript, caller_number)
        SELECT n::text, '2020-01-01', 'User: Hi.', '+14055550142' FROM generate_series(1, %s) AS n
        """,
        [CALLS],
    )
    database.fetch(
        """
        INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, arguments, answer, outcome)
        SELECT n::text, part::text, 'get_availability', '{"said": "Dolores"}', 'Hello Dolores.', 'answered'
        FROM generate_series(1, %s) AS n, generate_series(1, 2) AS part
        """,
        [CALLS],
    )
    command = [FLASK, "calls-reduce", "--days", "90"]
    settings = environment({"DATABASE_URL": database_url})
    with psycopg.connect(database_url, autocommit=True) as watcher:
        process = subprocess.Popen(command, cwd=PROJECT_DIR, env=settings, stdout=subprocess.DEVNULL)
        try:
            until(lambda: reduced(watcher) > 0, "the first batch is reduced")
        finally:
            process.kill()
            process.wait()
        halves = """
            SELECT FROM calls JOIN tool_calls USING (vapi_call_id)
            WHERE (calls.reduced_at IS NULL) <> (tool_calls.reduced_at IS NULL)
                OR (calls.reduced_at IS NULL) <> (arguments IS NOT NULL)
                OR (calls.reduced_at IS NULL) <> (transcript IS NOT NULL)
        """
        assert watcher.execute(halves).rowcount == 0
        done = subprocess.run(command, cwd=PROJECT_DIR, env=settings, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("✅")
        assert reduced(watcher) == CALLS
        assert watcher.execute(halves).rowcount == 0


def reduced(watcher: psycopg.Connection[tuple[int]]) -> int:
    row = watcher.execute("SELECT COUNT(*) FROM calls WHERE reduced_at IS NOT NULL").fetchone()
    assert row is not None
    return row[0]


def test_calls_go_on_while_a_person_is_deleted(phone: Phone, services: Services, database: Database) -> None:
    """Nobody waits for anybody in a circle: every caller is answered, and one state comes after the other."""
    phone.say("set_appointment", {**ELM, "start_time": "tomorrow 3 pm"})
    callers = [replace(phone, client=phone.client.application.test_client(), call_id=f"call-{n}") for n in range(2, 8)]

    def call(caller: Phone) -> Callable[[], str]:
        def talk() -> str:
            caller.say("get_availability", {"date": "tomorrow"})
            caller.say("reschedule_appointment", {"start_time": "tomorrow 4 pm", "attendee_name": "Dolores Whitcomb"})
            return caller.say("take_message", {"message": "Hello"})

        return talk

    def delete() -> str:
        try:
            held = services.persons.find(DOLORES, ADMIN)
            services.persons.delete(DOLORES, ADMIN, [booking.appointment_id for booking in held.upcoming])
        except UpcomingChanged:
            return "changed"
        return "deleted"

    *answers, deleted = at_once([*map(call, callers), delete])
    assert deleted == "deleted"
    assert all("sorry" not in answer.lower() for answer in answers)
    (booking,) = database.fetch("SELECT status, attendee_name, caller_number FROM appointments")
    assert tuple(booking.values()) == ("cancelled", "Name deleted", None)
    held = services.persons.find(DOLORES, ADMIN)
    if not held.is_empty:  # what arrived after the search of the first deletion
        services.persons.delete(DOLORES, ADMIN, [])
    assert services.persons.find(DOLORES, ADMIN).is_empty
