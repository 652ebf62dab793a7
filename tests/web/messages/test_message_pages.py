"""The inbox: visibility, filters, search, and marking messages as done."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.messages import repository
from peterental.messages.model import Message, MessageFilter, dialled
from peterental.messages.repository import MessageRepository
from peterental.messages.service import PAGE_SIZE
from peterental.search import SearchLimits
from peterental.services import Services
from peterental.web.messages.pages import LAST_PAGE
from tests.plans import Explained, read_whole

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOSTILE = "<script>alert(1)</script>"

Leave = Callable[..., int]


@pytest.fixture
def leave(services: Services, admin: Viewer, ana: Viewer, database: Database) -> Leave:
    """A function that inserts a message; Ana's agent is in Chicago, Ben in Lisbon."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon"), admin)

    def leave(body: str, agent: str = "ana-lima", ago: float = 1, **others: Any) -> int:
        values = {"agent_id": agent, "body": body, "received_at": NOW - timedelta(hours=ago), **others}
        marks = ", ".join(["%s"] * len(values))
        rows = database.fetch(
            f"INSERT INTO messages ({', '.join(values)}) VALUES ({marks}) RETURNING message_id", list(values.values())
        )
        return int(rows[0]["message_id"])

    return leave


def order(text: str, *bodies: str) -> list[str]:
    return sorted((body for body in bodies if body in text), key=text.index)


def test_empty_inbox_explains_itself(office: Browser) -> None:
    text = office.get("/messages").text
    assert "No open messages" in text
    assert 'href="/rehearsal?tool=take_message"' in text
    assert "No messages are done yet" in office.get("/messages?show=done").text
    assert "No messages yet" in office.get("/messages?show=all").text


def test_message_shows_sender_and_numbers(office: Browser, leave: Leave) -> None:
    leave(
        "Are cats fine?\nTwo of them.", agent="ben", vapi_call_id="c/1", attendee_name="Ines",
        attendee_phone="(555) 016-3021", caller_number="+15550163022",
    )  # fmt: skip
    text = office.get("/messages").text
    for shown in (
        "Two of them.", "Ines", 'href="tel:5550163021">(555) 016-3021</a>', 'href="tel:+15550163022"',
        'href="/calls/c/1"', "Ben", 'title="Europe/Lisbon"', "1 open", "<title>Messages (1 open)",
    ):  # fmt: skip
        assert shown in text, shown


@pytest.mark.parametrize(
    ("written", "expected"),
    [("+1 555-014.2100", "+15550142100"), ("call me", None), ("911x", None), ("123", None), ("+" + "1" * 16, None)],
)
def test_only_dialable_numbers_are_links(written: str, expected: str | None) -> None:
    assert dialled(written) == expected


def test_open_messages_come_first(office: Browser, leave: Leave) -> None:
    leave("old one", ago=9)
    leave("new one", ago=1)
    leave("done one", ago=0.5, done_at=NOW, done_by="ana@example.com")
    leave("bens one", ago=5, agent="ben")
    everything = ("old one", "new one", "done one", "bens one")
    assert order(office.get("/messages").text, *everything) == ["new one", "bens one", "old one"]
    assert order(office.get("/messages?show=done").text, *everything) == ["done one"]
    text = office.get("/messages?show=all").text
    assert order(text, *everything) == ["new one", "bens one", "old one", "done one"]
    assert "ana@example.com" in text
    assert order(office.get("/messages?show=all&agent=ben").text, *everything) == ["bens one"]


def test_message_is_found_by_word_name_or_number(office: Browser, leave: Leave) -> None:
    leave("The key box is stuck 100%", attendee_name="Dev", caller_number="+15550163025")
    leave("Are cats fine?", ago=2)
    for text in ("KEY BOX", "dev", "0163025", "(555) 016-3025", "100%25"):
        assert order(office.get(f"/messages?q={text}").text, "key box", "cats fine") == ["key box"], text
    assert "No messages found" in office.get("/messages?q=zzzz").text
    short = office.get("/messages?q=ke").text
    assert "too short to search for" in short
    assert "cats fine" in short


def test_invalid_filter_is_ignored_with_warning(office: Browser, leave: Leave) -> None:
    leave("hello there")
    for query, expected in (("agent=unknown", "There is no agent “"), ("show=odd", "There is no state “odd”")):
        text = office.get(f"/messages?{query}&page=0").text
        assert expected in text
        assert "hello there" in text


def test_message_is_marked_done_and_reopened(anas: Browser, leave: Leave, database: Database) -> None:
    number = leave("Are cats fine?", attendee_name="Ines")
    page = anas.send(f"/messages/{number}/done?q=cats&show=all", at="/messages", follow=True)
    assert "The message from Ines was marked as done." in page.text
    assert page.request.full_path == "/messages?q=cats&show=all"
    (row,) = database.fetch("SELECT done_at IS NOT NULL AS done, done_by FROM messages")
    assert row == {"done": True, "done_by": "ana@example.com"}
    assert "No open messages" in anas.get("/messages").text
    anas.send(f"/messages/{number}/done", at="/messages?show=all")
    page = anas.send(f"/messages/{number}/open", at="/messages?show=all", follow=True)
    assert "The message from Ines was reopened." in page.text
    assert database.fetch("SELECT done_at, done_by FROM messages") == [{"done_at": None, "done_by": None}]
    ticked, reopened = database.fetch(
        """
        SELECT actor, action, subject_id, subject_name, before, after FROM audit_log
        WHERE subject_kind = 'message' ORDER BY audit_id
        """
    )
    assert ticked["subject_id"] == reopened["subject_id"] == str(number)
    assert (ticked["actor"], ticked["action"]) == ("ana@example.com", "ticked off")
    assert ticked["subject_name"] == "Ines: Are cats fine?"
    assert ticked["before"] == {"done_at": None, "done_by": None}
    assert ticked["after"]["done_by"] == "ana@example.com"
    assert (reopened["action"], reopened["after"]) == ("reopened", {"done_at": None, "done_by": None})


def test_user_sees_and_marks_own_messages_only(anas: Browser, leave: Leave, database: Database) -> None:
    leave("for ana")
    bens = leave("for ben", agent="ben")
    text = anas.get("/messages").text
    assert "for ana" in text
    assert "for ben" not in text
    assert "1 open" in text
    assert "for ben" not in anas.get("/messages?agent=ben&show=all").text
    for path in (f"/messages/{bens}/done", f"/messages/{bens}/open", "/messages/0/done", f"/messages/{10**30}/done"):
        assert anas.send(path, at="/messages").status_code == 404
    for path in (f"/messages/{bens}", "/messages/0", f"/messages/{10**30}"):
        assert anas.get(path).status_code == 404
    assert database.fetch("SELECT done_at FROM messages WHERE message_id = %s", [bens]) == [{"done_at": None}]


def test_marking_done_requires_a_csrf_token(office: Browser, leave: Leave, database: Database) -> None:
    number = leave("hello there")
    assert office.post(f"/messages/{number}/done").status_code == 400
    assert office.get(f"/messages/{number}/done").status_code == 405
    assert database.fetch("SELECT done_at FROM messages") == [{"done_at": None}]


def test_caller_text_is_escaped_and_cut(office: Browser, leave: Leave) -> None:
    number = leave(HOSTILE + " long" * 1500 + " end.", attendee_name=HOSTILE, attendee_phone="javascript:1")
    text = office.get("/messages").text
    assert "<script" not in text
    assert 'href="javascript' not in text
    assert "end." not in text
    assert f'href="/messages/{number}"' in text
    whole = office.get(f"/messages/{number}").text
    assert "end." in whole
    assert "<script" not in whole


def test_inbox_runs_two_queries(office: Browser, leave: Leave, queries: list[str]) -> None:
    for number in range(26):
        leave(
            f"message {number} " + "🏠<" * 4000,
            attendee_name="é" * 255,
            ago=number,
            done_at=NOW if number % 2 else None,
        )
    for path in ("/messages", "/messages?show=all", "/messages?q=message&agent=ana-lima"):
        queries.clear()
        page = office.get(path)
        assert len(queries) == 3, "the sign-in check, and two"
        assert len(page.data) < 60_000
    assert 'href="/messages?page=2&amp;show=all"' in office.get("/messages?show=all").text
    assert "This page is empty" in office.get("/messages?page=3&show=all").text


def test_sender_falls_back_to_the_number() -> None:
    empty = dict.fromkeys(Message.__dataclass_fields__)
    assert Message(**{**empty, "caller_number": "+1"}).sender == "+1"  # type: ignore[arg-type]
    assert Message(**empty).sender == "Unknown caller"  # type: ignore[arg-type]


def test_urgent_messages_are_marked_and_come_first(office: Browser, leave: Leave) -> None:
    leave("Old and urgent", ago=900, is_urgent=True)
    leave("New", ago=1)
    leave("Urgent and done", ago=2, is_urgent=True, done_at=NOW)
    leave("Done", ago=1, done_at=NOW)
    for query, expected in (
        ("", ["Old and urgent", "New"]),
        ("?agent=ana-lima", ["Old and urgent", "New"]),
        ("?show=all", ["Old and urgent", "New", "Done", "Urgent and done"]),
        ("?show=all&q=urgent", ["Old and urgent", "Urgent and done"]),
        ("?show=done", ["Done", "Urgent and done"]),
    ):
        text = office.get(f"/messages{query}").text
        assert re.findall(r'<p class="lead-body[^>]*>([^<]+)</p>', text) == expected
        assert text.count(">Urgent</span>") == sum("rgent" in body for body in expected)


def test_an_old_urgent_message_is_on_the_first_page(office: Browser, leave: Leave) -> None:
    leave("Old and urgent", ago=900, is_urgent=True)
    for number in range(2 * PAGE_SIZE):
        leave(f"New {number}")
    for query in ("", "?show=all"):
        bodies = re.findall(r'<p class="lead-body[^>]*>([^<]+)</p>', office.get(f"/messages{query}").text)
        assert (bodies[0], len(bodies)) == ("Old and urgent", PAGE_SIZE)


# --- lengths ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_messages_url(databases: Any, template_url: str) -> Any:
    """A database with 20,000 messages for thirty agents, one in twenty of them open."""
    url = databases.create(template_url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (user_id, email, password_hash) VALUES (7, 'ana@example.com', 'x')")
        connection.execute(
            "INSERT INTO agents (agent_id, agent_name, user_id)"
            " SELECT 'agent-' || n, 'Agent ' || n, CASE WHEN n < 3 THEN 7 END FROM generate_series(0, 29) AS n"
        )
        connection.execute(
            """
            INSERT INTO messages (agent_id, body, attendee_name, received_at, done_at, is_urgent)
            SELECT 'agent-' || n % 30, 'Word of ' || md5(n::text), 'Visitor ' || n, now() - n * INTERVAL '1 minute',
                   CASE WHEN n % 20 > 0 THEN now() END, n % 400 = 0
            FROM generate_series(1, 20000) AS n
            """
        )
        connection.execute("VACUUM ANALYZE")
    yield url
    databases.drop(url)


@pytest.mark.parametrize("user_id", [None, 7], ids=["admin", "agent"])
@pytest.mark.parametrize("state", ["open", "done", "all"])
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"agent_id": "agent-2"},
        {"text": "c4ca4238"},
        {"text": "word"},
        {"since": datetime(2026, 11, 1, tzinfo=UTC), "until": datetime(2026, 11, 8, tzinfo=UTC)},
    ],
    ids=["every", "agent", "rare word", "common word", "days"],
)
def test_list_never_scans_all_messages(
    many_messages_url: str, state: Any, others: dict[str, Any], user_id: int | None
) -> None:
    database = Explained(many_messages_url, {"open_count": 0, "message_id": None, "is_truncated": False})
    MessageRepository(database).listing(user_id, MessageFilter(state=state, **others), slice(75, 101))
    database.close()
    assert "Index" in database.plan
    assert read_whole(database.plan, "messages") == [], database.plan


@pytest.mark.parametrize("user_id", [None, 7], ids=["admin", "agent"])
def test_search_finds_old_messages(
    many_messages_url: str, monkeypatch: pytest.MonkeyPatch, user_id: int | None
) -> None:
    database = Database(many_messages_url)
    messages = MessageRepository(database)

    def find(text: str) -> tuple[list[str], bool]:
        found, _, is_truncated = messages.listing(user_id, MessageFilter(state="all", text=text), slice(0, 26))
        return [message.body for message in found], is_truncated

    oldest = hashlib.md5(b"19981", usedforsecurity=False).hexdigest()
    assert find(oldest) == ([f"Word of {oldest}"], False)
    limits = SearchLimits(nearby=1, per_agent=1, matches=1)
    monkeypatch.setattr(repository, "LIMITS", limits)
    bodies, is_truncated = find("Word of a")
    assert is_truncated
    assert bodies
    monkeypatch.setattr(repository, "LIMITS", replace(limits, common=1))
    assert find("Word of a")[1], "the word is common nearby, so the search stops"
    database.close()


def test_day_filter_uses_the_agents_zone(office: Browser, leave: Leave) -> None:
    late = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)  # still the 20th in Chicago, the 21st in Lisbon
    message_id = leave("anas word", received_at=late)
    leave("bens word", agent="ben", received_at=late)
    for query, shown in (
        ("agent=ana-lima&from=2026-11-20&to=2026-11-20", ["anas word"]),
        ("agent=ana-lima&from=2026-11-21", []),
        ("agent=ben&from=2026-11-21&to=2026-11-21", ["bens word"]),
        ("from=2026-11-20&to=2026-11-20", ["bens word", "anas word"]),
        ("to=2026-11-19&show=all&q=word", []),
    ):
        assert order(office.get(f"/messages?{query}").text, "anas word", "bens word") == shown, query
    text = office.get("/messages?show=all&from=2026-11-20&to=2026-11-20&q=word").text
    assert 'href="/messages?show=all&amp;q=word&amp;from=2026-11-20"' in text, "without the last day"
    assert 'href="/messages?show=all">Clear all</a>' in text
    assert 'name="from" value="2026-11-20"' in text
    ticked = office.send(f"/messages/{message_id}/done?from=2026-11-20&to=2026-11-20", at="/messages")
    assert ticked.headers["Location"] == "/messages?from=2026-11-20&to=2026-11-20"


def test_last_page_explains_how_to_see_older(office: Browser, database: Database, leave: Leave) -> None:
    leave("hello there")
    database.fetch(
        "INSERT INTO messages (agent_id, body) SELECT 'ana-lima', 'Word ' || n FROM generate_series(1, %s) AS n",
        [LAST_PAGE * PAGE_SIZE],
    )
    text = office.get(f"/messages?page={LAST_PAGE}").text
    assert "Choose a day under “To” to see older ones" in text
    assert "Next →" not in text
