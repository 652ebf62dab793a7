"""The waitlist of a line that books for several agents: a caller waits for the times of one of them."""

from __future__ import annotations

from peterental.access import Viewer
from tests.notices.waitlist.conftest import MONDAY_10AM, Office

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


def share(office: Office, *members: str) -> None:
    office.services.shared_lines.share("ana", members, "first_free", ADMIN, seen=None)


def block(office: Office, agent_id: str) -> None:
    """Take the agent's Monday morning."""
    office.database.fetch(
        "INSERT INTO agent_busy (agent_id, during) VALUES (%s, '[2026-11-23 08:00-06, 2026-11-23 13:00-06)')",
        [agent_id],
    )


def test_free_time_of_any_agent_is_offered_instead(office: Office) -> None:
    share(office, "ana", "ben")
    assert office.join(123).startswith("For 12 Elm Street, I have tomorrow, Monday the twenty-third, at nine AM")
    assert office.entries() == []


def test_caller_waits_for_the_lines_own_agent_if_booked(office: Office) -> None:
    share(office, "ben", "ana")
    block(office, "ben")
    assert office.join(123).startswith("You're on the waiting list")
    assert [entry["agent_id"] for entry in office.entries()] == ["ana"]
    office.cancel(MONDAY_10AM)
    assert office.offer() == 1
    viewing = office.services.waitlist.accept(office.entries()[0]["entry_id"])
    assert (viewing.agent_id, viewing.start) == ("ana", MONDAY_10AM)


def test_caller_waits_for_an_agent_who_works_then(office: Office) -> None:
    office.database.fetch("DELETE FROM agent_hours WHERE agent_id = 'ana' AND weekday = 1")
    share(office, "ana", "ben")
    block(office, "ben")
    assert office.join(123).startswith("You're on the waiting list")
    assert [entry["agent_id"] for entry in office.entries()] == ["ben"]
    office.database.fetch("DELETE FROM agent_busy")
    assert office.services.waitlist.offer("ben") == 1
    phone = office.caller(123)
    assert phone.say("find_appointment", {"attendee_name": "Mia"}).startswith("I don't find")
    office.services.waitlist.accept(office.entries()[0]["entry_id"])
    assert "12 Elm Street with Ben Okoro" in phone.say("find_appointment", {"attendee_name": "Mia Caller123"})


def test_holder_who_is_not_booked_is_not_waited_for(office: Office) -> None:
    share(office, "ben")
    block(office, "ben")
    office.join(123)
    assert [entry["agent_id"] for entry in office.entries()] == ["ben"]


def test_stale_calendars_offer_nothing_but_a_place(office: Office) -> None:
    share(office, "ana", "ben")
    for agent_id in ("ana", "ben"):
        office.database.fetch(
            """
            WITH account AS (
                INSERT INTO calendar_accounts (agent_id, kind, name, credentials) VALUES (%(id)s, 'ics', 'Feed', '{}')
                RETURNING account_id
            )
            INSERT INTO calendars (account_id, agent_id, remote_id, name, blocks)
            SELECT account_id, %(id)s, 'feed', 'Feed', TRUE FROM account
            """,
            {"id": agent_id},
        )
    assert office.join(123).startswith("You're on the waiting list")
    assert len(office.entries()) == 1
