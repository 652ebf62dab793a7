"""One search over viewings, messages, calls, homes and agents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

SOON = datetime.now(UTC) + timedelta(days=3)


@pytest.fixture(autouse=True)
def stored(services: Services, admin: Viewer, ana: Viewer, database: Database, book: Callable[..., int]) -> None:
    """Ana's agent and Ben, with a viewing, a call and a message each, and a home."""
    for name, owner in (("Ana Lima", ana.user_id), ("Ben Lima", None)):
        agent = services.agents.create(Profile(agent_name=name, user_id=owner), admin)
        book(agent.agent_id, SOON, attendee_name=f"Dolores of {name}", attendee_phone="+14055550123")
        database.fetch(
            "INSERT INTO calls (vapi_call_id, agent_id, caller_number, status) VALUES (%s, %s, '+14055550123', 'ended')",
            (f"call-of-{agent.agent_id}", agent.agent_id),
        )
        database.fetch(
            "INSERT INTO messages (agent_id, body, attendee_name, attendee_phone, received_at)"
            " VALUES (%s, %s, 'Dolores', '+14055550123', NOW())",
            (agent.agent_id, f"Call {name} <b>back</b>"),
        )
    services.properties.add(PropertyDetails(line1="77 Dolores Street", city="Norman"), admin)


def test_every_kind_is_found(office: Browser) -> None:
    page = office.get("/search?q=dolores").text
    for shown in ("Dolores of Ana Lima", "Dolores of Ben Lima", "77 Dolores Street", "&lt;b&gt;back&lt;/b&gt;"):
        assert shown in page
    by_number = office.get("/search?q=5550123").text
    assert 'href="/calls/call-of-ana-lima"' in by_number
    assert "(405) 555-0123" in by_number
    assert 'href="/agents/ben-lima"' in office.get("/search?q=ben+lima").text


def test_users_find_their_own_only(anas: Browser) -> None:
    for text in ("dolores", "5550123", "lima"):
        page = anas.get(f"/search?q={text}").text
        assert "Ben Lima" not in page, text
        assert "ben-lima" not in page, text
    assert "Dolores of Ana Lima" in anas.get("/search?q=dolores").text


def test_five_of_a_kind_and_a_link_to_all(office: Browser, book: Callable[..., int]) -> None:
    for day in range(1, 7):
        book("ana-lima", SOON + timedelta(days=day), attendee_name="Quackenbush")
    page = office.get("/search?q=quackenbush").text
    assert page.count('href="/appointments/') == 5
    assert 'href="/appointments?q=quackenbush"' in page
    assert office.get("/appointments?q=quackenbush").text.count("Quackenbush</bdi>") >= 6


@pytest.mark.parametrize(
    ("query", "shown", "most"),
    [
        ("", "Find anything", 2),
        ("?q=+a+", "“a” is too short", 2),
        ("?q=xyzzy", "Nothing found for “xyzzy”", 8),
        ("?q=%00%3Cb%3Exyz", "Nothing found for “<b>xyz”", 8),
        ("?q=" + "word+" * 60, "Nothing found for", 8),
    ],
)
def test_empty_results_say_what_to_do(office: Browser, queries: list[str], query: str, shown: str, most: int) -> None:
    queries.clear()
    page = office.get(f"/search{query}")
    assert page.status_code == 200
    assert shown in unescape(page.text)
    assert len(queries) <= most


def test_stranger_has_to_sign_in(app: Flask) -> None:
    assert "/login" in app.test_client().get("/search?q=dolores").location
