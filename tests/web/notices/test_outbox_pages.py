"""The outbox: who sees which notices, filters, counts, texts, and sending again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.notices import listing_repository
from peterental.services import Services
from peterental.web.notices.labels import recipient_of
from peterental.web.notices.outbox_pages import LAST_PAGE, about
from tests.web.html_names import names_of_several

if TYPE_CHECKING:
    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(microsecond=0)
Write = Callable[..., int]


@pytest.fixture
def write(services: Services, admin: Viewer, ana: Viewer, database: Database) -> Write:
    """A function that inserts a notice, of Ana's agent by default."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id), admin)
    services.agents.create(Profile(agent_name="Ben"), admin)
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)")

    def add(**changes: Any) -> int:
        row = {
            "agent_id": "ana-lima",
            "kind": "booked",
            "channel": "text",
            "audience": "visitor",
            "recipient": "+14055550142",
            "state": "sent",
            "body": "Leasing office: Viewing booked.",
            "created_at": NOW,
            "due_at": NOW,
            "ended_at": NOW,
            "expires_at": NOW + timedelta(days=1),
            "about": f"{add.count}",  # type: ignore[attr-defined]  # counts the calls
        } | changes
        add.count += 1  # type: ignore[attr-defined]  # see above
        names = ", ".join(row)
        values = ", ".join(["%s"] * len(row))
        (added,) = database.fetch(
            f"INSERT INTO notices ({names}) VALUES ({values}) RETURNING notice_id", list(row.values())
        )
        return int(added["notice_id"])

    add.count = 0  # type: ignore[attr-defined]  # see above
    return add


def test_letters_of_one_kind_are_told_apart_by_name(office: Browser, write: Write, book: Callable[..., int]) -> None:
    viewing = book("ana-lima", NOW + timedelta(days=1))
    for _ in range(2):
        write(appointment_id=viewing, state="failed")
    for path in ("/outbox", f"/appointments/{viewing}", "/today"):
        assert names_of_several(office.get(path).text) == {}, path


def test_agents_see_their_own_notices_only(anas: Browser, office: Browser, write: Write) -> None:
    hers, other = write(), write(agent_id="ben", recipient="+14055550199", state="failed")
    invited = write(agent_id=None, kind="invitation", channel="email", recipient="eva@example.com")
    text = anas.get("/outbox").text
    assert "(405) 555-0142" in text
    assert "555-0199" not in text
    assert "eva@example.com" not in text
    assert "1 sent" in text
    assert [anas.get(f"/outbox/{number}").status_code for number in (hers, other, invited)] == [200, 404, 404]
    token = anas.token("/account")
    assert anas.post(f"/outbox/{other}/retry", csrf_token=token).status_code == 404
    everything = office.get("/outbox").text
    for shown in ("(405) 555-0142", "(405) 555-0199", "eva@example.com", "Invitation of a user"):
        assert shown in everything


def test_a_notice_shows_its_text_escaped(office: Browser, write: Write) -> None:
    number = write(channel="email", recipient="max@example.com", subject="Hi <b>", body="One\n<script>two")
    text = office.get(f"/outbox/{number}").text
    assert "<strong>Hi &lt;b&gt;</strong>" in text
    assert '<p class="lines">One\n&lt;script&gt;two</p>' in text
    assert "The text is written when the notice is sent." in office.get(f"/outbox/{write(body=None)}").text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=failed", {"b"}),
        ("channel=email", {"c"}),
        ("kind=moved", {"b"}),
        ("agent=ben", {"c"}),
        ("q=(405)+555-0142", {"a"}),
        ("q=c%40example.com", {"c"}),
        ("q=%2B14055550143&state=failed", {"b"}),
        ("q=77", set()),
        (f"from={NOW - timedelta(days=2):%Y-%m-%d}", {"a", "b"}),
        (f"to={NOW - timedelta(days=5):%Y-%m-%d}", {"c"}),
        ("state=lost&kind=x&channel=fax&agent=nobody&q=word", {"a", "b", "c"}),
    ],
)
def test_the_list_is_filtered(office: Browser, write: Write, query: str, shown: set[str]) -> None:
    ids = {
        "a": write(),
        "b": write(kind="moved", state="failed", recipient="+14055550143"),
        "c": write(agent_id="ben", channel="email", recipient="c@example.com", created_at=NOW - timedelta(days=9)),
    }
    text = office.get(f"/outbox?{query}").text
    assert {name for name, number in ids.items() if f'href="/outbox/{number}"' in text} == shown
    if "lost" in query:
        for sentence in (
            "no state “lost”",
            "no kind “x”",
            "no channel “fax”",
            "no agent “nobody”",
            "“word” is no number",
        ):
            assert sentence in text
    if not shown:
        assert "No notices found" in text


def test_counts_say_why_notices_were_not_sent(office: Browser, write: Write) -> None:
    for reason in ("The recipient said stop.", "The recipient said stop.", "<b>"):
        write(state="suppressed", reason=reason)
    write(state="failed", reason="The number is unknown.")
    write(state="waiting", ended_at=None, due_at=NOW + timedelta(days=1))
    text = " ".join(office.get("/outbox").text.split())
    assert "1 waiting, 1 failed, 3 not sent" in text
    assert "<li>Not sent: The recipient said stop. (2)</li>" in text
    assert "<li>Failed: The number is unknown. (1)</li>" in text
    assert "<b>" not in text
    assert "due <time" in text


def test_the_page_says_when_nothing_is_sent(office: Browser, anas: Browser, database: Database) -> None:
    assert "No notices are sent" in anas.get("/outbox").text
    assert 'href="/settings">Settings</a> shows how' in office.get("/outbox").text
    assert 'href="/settings">Settings</a> shows how' not in anas.get("/outbox").text
    assert "No notices yet" in office.get("/outbox").text
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', FALSE)")
    assert "Nothing leaves this machine" in anas.get("/outbox").text
    database.fetch("UPDATE notice_channels SET is_real = TRUE")
    assert "Nothing leaves" not in anas.get("/outbox").text


def test_failed_notices_are_sent_again(office: Browser, write: Write, database: Database) -> None:
    number = write(state="failed", reason="The server is away.")
    page = office.get("/outbox").text
    assert f'action="/outbox/{number}/retry"' in page
    text = office.send(f"/outbox/{number}/retry", at=f"/outbox/{number}", follow=True).text
    assert "The notice is sent again." in text
    assert database.fetch("SELECT state FROM notices") == [{"state": "waiting"}]
    text = office.send(f"/outbox/{number}/retry", at="/account", follow=True).text
    assert "The notice was sent, or is about to be." in text


@pytest.mark.parametrize(
    "changes",
    [{"state": "sent"}, {"state": "suppressed"}, {"state": "failed", "expires_at": NOW - timedelta(minutes=1)}],
)
def test_only_failed_notices_in_time_have_the_button(office: Browser, write: Write, changes: dict[str, Any]) -> None:
    write(**changes)
    assert "/retry" not in office.get("/outbox").text


def test_pages_are_bounded(office: Browser, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(27):
        write(state="sent" if number else "delivered")
    first, second = office.get("/outbox"), office.get("/outbox?page=2")
    assert first.text.count('<li class="job">') == 25
    assert second.text.count('<li class="job">') == 2
    assert "This page is empty" in office.get("/outbox?page=3").text
    assert f"the last possible page is {LAST_PAGE}" in office.get("/outbox?page=101").text
    assert len(first.data) < 60_000
    monkeypatch.setattr(listing_repository, "MAX_SCANNED", 26)
    assert "Only the latest notices were searched." in office.get("/outbox?state=delivered").text


def test_the_longest_page_has_at_most_60_kb(office: Browser, write: Write) -> None:
    for _ in range(26):
        write(channel="email", recipient="<" * 250 + "@example.com", state="failed", reason="&" * 5_000)
    assert len(office.get("/outbox").data) < 60_000


@pytest.mark.parametrize(
    ("entered", "found"),
    [
        ("405 555 0142", ("+14055550142", None)),
        ("+49 30 123456", ("+4930123456", None)),
        ("max@example.com", ("max@example.com", None)),
        ("#12", ("", 12)),
        ("0", ("", 0)),
        ("1234567890123", ("", None)),
        ("٣", ("", None)),
        ("", ("", None)),
    ],
)
def test_a_search_is_for_a_recipient_or_a_booking(entered: str, found: tuple[str, int | None]) -> None:
    assert about(entered, "US") == found


def test_numbers_of_other_countries_have_their_code() -> None:
    assert recipient_of("text", "+442071234567") == "+44 20 7123 4567"
    assert recipient_of("email", "+1@example.com") == "+1@example.com"
