"""Notices are listed and counted: one's own, filtered, and in bounded time however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.notices import listing as module
from peterental.notices import listing_repository
from peterental.notices.listing_repository import NoticeListingRepository
from peterental.notices.model import NoticeFilter, NoticeUnknown
from peterental.services import build_services
from tests.conftest import Databases
from tests.notices.office import ADMIN, EMAIL, PHONE_NUMBER, Office
from tests.plans import Explained, read_whole

STRANGER = Viewer(user_id=77, email="stranger@example.com", is_admin=False)
PAGE = slice(0, 26)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def test_agents_see_the_notices_of_their_own(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.book(email=EMAIL)
    notices, since = office.services.notice_listing, office.clock.now - timedelta(days=1)
    (first_id, second_id) = office.notices("notice_id")
    assert [notice.notice_id for notice in notices.listing(ADMIN, NoticeFilter()).notices] == [second_id, first_id]
    assert notices.listing(STRANGER, NoticeFilter()).notices == ()
    assert notices.counts(STRANGER, since).states == {}
    with pytest.raises(NoticeUnknown):
        notices.notice(first_id, STRANGER)
    user = office.services.users.create("ana@example.com", "correct horse battery", "agent", "Ana")
    office.database.fetch("UPDATE agents SET user_id = %s", [user.user_id])
    ana = Viewer(user_id=user.user_id, email="ana@example.com", is_admin=False)
    assert len(notices.listing(ana, NoticeFilter()).notices) == 2
    assert notices.notice(first_id, ana).notice_id == first_id
    assert notices.counts(ana, since).states == {("text", "waiting"): 1, ("email", "waiting"): 1}
    monkeypatch.setattr(module, "PAGE_SIZE", 1)
    first, second = notices.listing(ana, NoticeFilter()), notices.listing(ana, NoticeFilter(), page=2)
    assert (first.has_more, second.has_more) == (True, False)
    assert (first.notices[0].notice_id, second.notices[0].notice_id) == (second_id, first_id)


@pytest.mark.parametrize("notice_id", [0, -1, 10**6, 2**63])
def test_an_unknown_notice_is_refused(office: Office, notice_id: int) -> None:
    with pytest.raises(NoticeUnknown):
        office.services.notice_listing.notice(notice_id, ADMIN)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (NoticeFilter(channel="text"), 1),
        (NoticeFilter(state="sent"), 1),
        (NoticeFilter(state="suppressed"), 1),
        (NoticeFilter(state="failed"), 0),
        (NoticeFilter(kind="booked", audience="visitor", agent_id="ana"), 2),
        (NoticeFilter(kind="moved"), 0),
        (NoticeFilter(agent_id="ben"), 0),
        (NoticeFilter(recipient=EMAIL), 1),
        (NoticeFilter(appointment_id=1), 2),
        (NoticeFilter(appointment_id=2), 0),
        (NoticeFilter(since=MIDNIGHT, until=MIDNIGHT + timedelta(days=1)), 2),
        (NoticeFilter(since=MIDNIGHT + timedelta(days=1)), 0),
        (NoticeFilter(until=MIDNIGHT), 0),
    ],
)
def test_listing_is_filtered(office: Office, wanted: NoticeFilter, number: int) -> None:
    viewing = office.book(email=EMAIL)
    office.stop(PHONE_NUMBER)
    office.send(viewing)
    page = office.services.notice_listing.listing(ADMIN, wanted)
    assert (len(page.notices), page.has_more, page.is_truncated) == (number, False, False)


def test_counts_have_states_and_reasons(office: Office) -> None:
    office.stop(PHONE_NUMBER)
    office.send(office.book(email=EMAIL))
    office.book(office.clock.now + timedelta(days=3))
    counts = office.services.notice_listing.counts(ADMIN, office.clock.now - timedelta(days=1))
    assert counts.states == {("text", "suppressed"): 1, ("email", "sent"): 1, ("text", "waiting"): 1}
    ((state, reason, number),) = counts.reasons
    assert (state, number, counts.is_partial) == ("suppressed", 1, False)
    assert reason == office.notices("reason")[0] or reason == office.notices("reason")[1]
    later = office.services.notice_listing.counts(ADMIN, office.clock.now + timedelta(days=1))
    assert later.states == {("text", "waiting"): 1}


def test_what_was_not_searched_is_reported(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(2, 6):
        office.book(office.clock.now + timedelta(days=days), email=EMAIL)
    monkeypatch.setattr(listing_repository, "MAX_SCANNED", 3)
    repository = NoticeListingRepository(office.database)
    found, is_cut = repository.page(None, NoticeFilter(channel="text"), slice(0, 3))
    assert (len(found) in {1, 2}, is_cut) == (True, True)
    assert repository.page(None, NoticeFilter(recipient=EMAIL), slice(0, 3))[1] is False
    monkeypatch.setattr(listing_repository, "MAX_COUNTED", 3)
    assert repository.counts(None, office.clock.now).is_partial


@pytest.fixture(scope="session")
def many_notices_url(databases: Databases, template_url: str) -> Iterator[str]:
    """The URL of a database with 60,000 notices of 20 agents."""
    url = databases.create(template_url)
    database = Database(url)
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name) SELECT 'agent-' || n, 'Agent ' || n FROM generate_series(1, 20) AS n"
    )
    database.fetch(
        """
        INSERT INTO notices (
            agent_id, about, kind, channel, audience, recipient, state, reason, due_at, expires_at, created_at, ended_at
        )
        SELECT 'agent-' || (1 + n % 20), n::text, 'booked', CASE WHEN n % 3 = 0 THEN 'email' ELSE 'text' END, 'visitor',
               '+1405555' || to_char(n % 10000, 'FM0000'),
               CASE WHEN n % 1000 = 0 THEN 'failed' WHEN n % 77 = 0 THEN 'suppressed' ELSE 'delivered' END,
               CASE WHEN n % 1000 = 0 THEN 'The number is unknown.' END,
               moment, moment + INTERVAL '1 day', moment, moment
        FROM generate_series(1, 60000) AS n
        CROSS JOIN LATERAL (SELECT TIMESTAMPTZ '2026-06-01 00:00Z' + n * INTERVAL '3 minutes' AS moment) AS written
        """
    )
    user = build_services(database).users.create("ana@example.com", "correct horse battery", "agent", "Ana")
    assert user.user_id == 1
    database.fetch("UPDATE agents SET user_id = 1 WHERE agent_id LIKE 'agent-1%%'", ())
    database.fetch("ANALYZE")
    database.close()
    yield url
    databases.drop(url)


DAY = datetime(2026, 7, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "wanted",
    [
        NoticeFilter(),
        NoticeFilter(state="failed"),
        NoticeFilter(state="suppressed", channel="email"),
        NoticeFilter(state="waiting"),
        NoticeFilter(kind="moved"),
        NoticeFilter(recipient="+14055550123"),
        NoticeFilter(agent_id="agent-7"),
        NoticeFilter(agent_id="agent-7", state="failed"),
        NoticeFilter(appointment_id=12),
        NoticeFilter(since=DAY, until=DAY + timedelta(days=1)),
        NoticeFilter(until=DAY, channel="text"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("user_id", [None, 1])
def test_no_filter_reads_all_notices(many_notices_url: str, wanted: NoticeFilter, user_id: int | None) -> None:
    database = Explained(many_notices_url, {"notice_id": None, "is_cut": False})
    NoticeListingRepository(database).page(user_id, wanted, PAGE)
    database.close()
    assert read_whole(database.plan, "notices") == [], database.plan


@pytest.mark.parametrize("user_id", [None, 1])
def test_counting_reads_the_period_only(many_notices_url: str, user_id: int | None) -> None:
    database = Explained(many_notices_url)
    NoticeListingRepository(database).counts(user_id, datetime(2026, 9, 28, tzinfo=UTC))
    database.close()
    assert read_whole(database.plan, "notices") == [], database.plan
