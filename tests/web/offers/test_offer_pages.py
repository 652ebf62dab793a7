"""The page behind the link of an offer, and the waiting list on an agent's page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from peterental.clock import utc_now
from peterental.database.connect import DatabaseUnavailable
from peterental.notices.waitlist.service import WaitlistService
from tests.voice.homes import add_home

if TYPE_CHECKING:
    from peterental.database.pool import Database
    from peterental.services import Services
    from tests.web.conftest import Browser


@pytest.fixture
def start(agents: None, database: Database) -> datetime:
    """A free time of Ana's, three days ahead."""
    del agents
    database.fetch("DELETE FROM agent_hours")
    database.fetch(
        """
        INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
        SELECT 'ana-lima', weekday, '00:00', '24:00' FROM generate_series(1, 7) AS weekday
        """
    )
    return (utc_now() + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def entry_id(start: datetime, database: Database) -> int:
    """An entry of the waitlist to which the time is offered, with its hold."""
    until = utc_now() + timedelta(minutes=15)
    row = database.fetch(
        """
        INSERT INTO waitlist (
            agent_id, attendee_name, phone, property_address, wanted, state, offers, offered_start, offered_end,
            offer_expires_at
        )
        VALUES ('ana-lima', 'Mia Chen', '+14055550123', '12 Elm Street',
                tstzmultirange(tstzrange(%(start)s, %(end)s)), 'offered', 1, %(start)s, %(end)s, %(until)s)
        RETURNING entry_id
        """,
        {"start": start, "end": start + timedelta(minutes=30), "until": until},
    )[0]
    database.fetch(
        """
        INSERT INTO agent_busy (agent_id, during, source, note, event_key, holds_until)
        VALUES ('ana-lima', tstzrange(%s, %s), 'the waitlist', 'held for a caller', %s, %s)
        """,
        (start, start + timedelta(minutes=30), f"waitlist:{row['entry_id']}", until),
    )
    return int(row["entry_id"])


@pytest.fixture
def path(services: Services, entry_id: int) -> str:
    """The path of the page of the entry."""
    return f"/v/offer/{services.offer_links.token(entry_id)}"


def test_page_shows_the_time_and_changes_nothing(stranger: Browser, path: str, database: Database) -> None:
    page = stranger.get(path)
    assert page.status_code == 200
    assert "This time is free now" in page.text
    assert "12 Elm Street" in page.text
    assert "It is held for you until" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    assert database.fetch("SELECT state FROM waitlist") == [{"state": "offered"}]


def test_button_takes_the_time(stranger: Browser, path: str, services: Services, database: Database) -> None:
    taken = stranger.post(path)
    assert taken.status_code == 303
    (viewing,) = database.fetch("SELECT id, caller_number FROM appointments")
    assert taken.location == f"/v/{services.visitor_links.token(viewing['id'], viewing['caller_number'])}"
    assert "12 Elm Street" in stranger.get(taken.location).text
    assert stranger.post(path).location == taken.location
    assert stranger.get(path).location == taken.location
    assert len(database.fetch("SELECT 1 FROM appointments")) == 1


def test_link_of_an_offer_ends_when_the_number_is_corrected(stranger: Browser, path: str, database: Database) -> None:
    taken = stranger.post(path)
    database.fetch("UPDATE appointments SET caller_number = '+14055550199'")
    assert stranger.get(path).location == taken.location
    assert stranger.get(taken.location).status_code == 404


def test_offer_that_has_ended_says_so(stranger: Browser, path: str, database: Database) -> None:
    database.fetch("UPDATE waitlist SET offer_expires_at = NOW() - INTERVAL '1 second'")
    page, sent = stranger.get(path), stranger.post(path)
    assert (page.status_code, sent.status_code) == (410, 409)
    for text in (page.text, sent.text):
        assert "This time is no longer held" in text
        assert "You are still on the waiting list." in text
    database.fetch("UPDATE waitlist SET state = 'ended'")
    assert "You are not on the waiting list any more." in stranger.get(path).text


@pytest.fixture
def elm(entry_id: int, database: Database) -> int:
    """The home of the entry in the catalogue, which the caller called otherwise."""
    home = add_home(database, "1420 Elm Street")
    database.fetch(
        "UPDATE waitlist SET property_id = %s, property_address = 'the Gables' WHERE entry_id = %s", (home, entry_id)
    )
    return home


def test_pages_name_the_home_as_the_catalogue_does(stranger: Browser, anas: Browser, path: str, elm: int) -> None:
    for text in (stranger.get(path).text, anas.get("/agents/ana-lima").text):
        assert "1420 Elm Street" in text
        assert "the Gables" not in text
    assert f'href="/homes/{elm}"' in anas.get("/agents/ana-lima").text


def test_pages_say_why_no_time_of_the_home_is_offered(
    stranger: Browser, anas: Browser, path: str, elm: int, database: Database
) -> None:
    database.fetch("INSERT INTO property_agents VALUES (%s, 'ben')", (elm,))
    assert "Ana Lima</bdi> does not show this home, so no time is offered." in anas.get("/agents/ana-lima").text
    database.fetch("UPDATE properties SET status = 'inactive'")
    assert "This home is inactive, so no time is offered." in anas.get("/agents/ana-lima").text
    refused = stranger.post(path)
    assert refused.status_code == 409
    assert "This time is no longer held" in refused.text
    assert "this home cannot be viewed at present" in refused.text
    database.fetch("UPDATE waitlist SET property_id = NULL, is_home_unknown = TRUE")
    text = anas.get("/agents/ana-lima").text
    assert "Unknown home" in text
    assert "so no time is offered" not in text


def test_page_is_in_the_agents_language(stranger: Browser, path: str, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    text = stranger.get(path).text
    assert "Esta hora quedó libre" in text
    assert '<html lang="es"' in text


def test_token_of_a_viewing_is_none_of_an_offer(stranger: Browser, services: Services, entry_id: int) -> None:
    assert stranger.get(f"/v/offer/{services.visitor_links.token(entry_id, '')}").status_code == 404
    assert stranger.get(f"/v/{services.offer_links.token(entry_id)}").status_code == 404
    assert stranger.get("/v/offer/nonsense").status_code == 404
    assert stranger.post(f"/v/offer/{services.offer_links.token(entry_id + 1)}").status_code == 404


def test_page_says_that_the_database_is_away(stranger: Browser, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable(reason="it is away")

    monkeypatch.setattr(WaitlistService, "show", fail)
    page = stranger.get(path)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "60"


def test_agents_page_shows_who_waits(anas: Browser, entry_id: int, database: Database) -> None:
    text = anas.get("/agents/ana-lima").text
    assert "Waiting list" in text
    assert "Mia Chen" in text
    assert "is held until" in text
    assert "held for a caller" in anas.get("/agents/ana-lima/hours").text
    database.fetch("UPDATE waitlist SET state = 'waiting'")
    text = anas.get("/agents/ana-lima").text
    assert "Waits for" in text
    assert "no texts are sent now, so nothing is offered" in text
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)")
    text = anas.get("/agents/ana-lima").text
    assert ("it is offered by text" in text, "nothing is offered" in text) == (True, False)
    removed = anas.send(
        "/agents/ana-lima/waitlist/remove", {"entry_id": str(entry_id)}, at="/agents/ana-lima", follow=True
    )
    assert "Mia Chen is off the waiting list." in removed.text
    assert 'id="waiting"' not in removed.text


def test_entries_of_others_are_not_removed(anas: Browser, entry_id: int, database: Database) -> None:
    database.fetch("UPDATE agents SET user_id = NULL WHERE agent_id = 'ana-lima'")
    database.fetch(
        "UPDATE agents SET user_id = (SELECT user_id FROM users WHERE email = 'ana@example.com') WHERE agent_id = 'ben'"
    )
    token = {"csrf_token": anas.token("/agents/ben/hours")}
    sent = anas.post("/agents/ben/waitlist/remove", token | {"entry_id": str(entry_id)})
    assert sent.status_code == 303
    assert "There is no such entry on the waiting list." in anas.get("/agents/ben").text
    assert database.fetch("SELECT state FROM waitlist") == [{"state": "offered"}]
