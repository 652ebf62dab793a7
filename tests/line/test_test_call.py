"""A test call: what a caller would hear, with nothing stored."""

from __future__ import annotations

from datetime import timedelta

from peterental.agents.model import Profile
from peterental.line.test_call import play_test_call
from tests.line.office import ANA, NOW, OFFICE, Office


def contents(office: Office) -> str:
    tables = ("appointments", "appointment_events", "calls", "tool_calls", "messages", "procrastinate_jobs", "notices")
    return "".join(str(office.database.fetch(f"SELECT * FROM {table} ORDER BY 1")) for table in tables)


def test_viewing_is_booked_found_and_cancelled(office: Office) -> None:
    office.set_up()
    before = contents(office)
    played = play_test_call(office.database, office.ana, NOW)
    assert [each.outcome for each in played.exchanges] == ["answered", "booked", "answered", "cancelled"]
    assert "1 Test Street" in played.exchanges[1].assistant
    assert (played.booked, played.has_fault, played.is_recorded) == (True, False, True)
    assert contents(office) == before


def test_agent_without_free_times_takes_a_message(office: Office) -> None:
    office.set_up()
    office.database.fetch("DELETE FROM agent_hours")
    played = play_test_call(office.database, office.ana, NOW + timedelta(seconds=1))
    assert [each.outcome for each in played.exchanges][-1] == "message"
    assert (played.booked, played.has_fault) == (False, False)


def test_inactive_agent_is_not_recorded_as_reachable(office: Office) -> None:
    office.set_up()
    office.services.agents.set_active(ANA, OFFICE, active=False)
    played = play_test_call(office.database, office.ana, NOW)
    assert not played.booked


def test_agent_known_by_number_only_is_reached(office: Office) -> None:
    profile = Profile(agent_name="Ben", phone_number_id="00000000-0000-4000-8000-00000000beef", notice_minutes=0)
    ben = office.services.agents.create(profile, OFFICE, "ben")
    assert play_test_call(office.database, ben, NOW).booked


def test_home_that_the_catalogue_lacks_is_confirmed(office: Office) -> None:
    office.set_up()
    office.database.fetch("INSERT INTO properties (line1) VALUES ('1420 Elm Street')")
    played = play_test_call(office.database, office.ana, NOW)
    assert [each.outcome for each in played.exchanges] == ["refused", "answered", "booked", "answered", "cancelled"]
    assert played.exchanges[0].assistant.startswith("I don't find 1 Test Street")
    assert played.booked
