"""The secret address to which calendar programs subscribe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from flask.testing import FlaskClient

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown
from peterental.app import create_app
from peterental.appointments.calendar_events.feed_service import (
    MAX_COUNTED,
    MAX_FETCHES_PER_MINUTE,
    FetchedTooOften,
    FetchLimit,
)
from peterental.config import Config
from tests.calendars.connections.conftest import OFFICE, Line

KEY = "a key for tests, long enough to be one"


@pytest.fixture
def client(line: Line) -> Iterator[FlaskClient]:
    app = create_app(Config(secret_key=KEY, database_url=line.database.url, public_url="https://rent.example.com"))
    yield app.test_client()
    app.extensions["peterental.database"].close()


def path_of(line: Line) -> str:
    path = line.services.feeds.create("ana", OFFICE).path
    assert path is not None
    return path


def events(body: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(body).walk("VEVENT"))


def test_feed_has_the_viewings_and_nothing_that_is_cancelled(line: Line, client: FlaskClient) -> None:
    line.book(property_address="1420 Elm Street, Apt 2; rear\\door")
    line.book(line.noon + timedelta(days=1), call="call-2", attendee_name="Ed Low", property_address="9 Oak Street")
    line.say("cancel_appointment", call="call-2", attendee_name="Ed Low")
    answer = client.get(path_of(line))
    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    assert max(len(text) for text in answer.data.split(b"\r\n")) <= 75
    (event,) = events(answer.data)
    assert event["LOCATION"] == "1420 Elm Street, Apt 2; rear\\door"
    assert event.start == line.noon
    assert event["DTSTART"].to_ical().endswith(b"Z")


def test_uid_stays_and_sequence_grows(line: Line, client: FlaskClient) -> None:
    line.book()
    path = path_of(line)
    (before,) = events(client.get(path).data)
    moved_to = (line.noon + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    line.say("reschedule_appointment", attendee_name="Dolores Whitcomb", start_time=moved_to)
    (after,) = events(client.get(path).data)
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)


def test_unchanged_feed_is_not_sent_again(line: Line, client: FlaskClient) -> None:
    line.book()
    path = path_of(line)
    first = client.get(path)
    by_etag = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (by_etag.status_code, by_etag.data) == (304, b"")
    assert "Last-Modified" not in first.headers, "another change may follow within the same second"
    line.database.fetch("UPDATE appointments SET updated_at = updated_at - INTERVAL '1 minute'")
    modified = client.get(path).headers["Last-Modified"]
    assert client.get(path, headers={"If-Modified-Since": modified}).status_code == 304
    line.database.fetch("UPDATE appointments SET status = 'cancelled', updated_at = updated_at + INTERVAL '30 seconds'")
    for header, value in (("If-None-Match", first.headers["ETag"]), ("If-Modified-Since", modified)):
        answer = client.get(path, headers={header: value})
        assert (answer.status_code, events(answer.data)) == (200, []), header


def test_feed_without_viewings_is_empty(line: Line, client: FlaskClient) -> None:
    answer = client.get(path_of(line))
    assert answer.status_code == 200
    assert events(answer.data) == []
    assert "Last-Modified" not in answer.headers


def test_old_address_ends_with_a_new_one_and_with_removal(line: Line, client: FlaskClient) -> None:
    old = line.services.feeds.create("ana", OFFICE)
    new = line.services.feeds.create("ana", OFFICE, old.created_at).path
    assert new is not None
    assert [client.get(path).status_code for path in (old.path or "", new)] == [404, 200]
    line.services.feeds.remove("ana", OFFICE)
    assert client.get(new).status_code == 404
    assert line.services.feeds.address("ana", OFFICE) is None
    line.services.feeds.remove("ana", OFFICE)


@pytest.mark.parametrize("token", ["x", "a" * 43, "a" * 5000, "%00", "a" * 42 + "%2f"])
def test_guessed_address_is_not_found(line: Line, client: FlaskClient, token: str) -> None:
    path_of(line)
    assert client.get(f"/feeds/{token}.ics").status_code == 404


def test_page_shows_when_it_was_fetched(line: Line, client: FlaskClient) -> None:
    path = path_of(line)
    shown = line.services.feeds.address("ana", OFFICE)
    assert shown is not None
    assert (shown.path, shown.fetched_at) == (path, None)
    assert path not in repr(shown)
    client.get(path)
    shown = line.services.feeds.address("ana", OFFICE)
    assert shown is not None
    assert shown.fetched_at is not None
    assert datetime.now(UTC) - shown.fetched_at < timedelta(minutes=5)


def test_second_click_gets_the_address_of_the_first(line: Line) -> None:
    """The first address may be in a calendar program already."""
    feeds = line.services.feeds
    first = feeds.create("ana", OFFICE)
    assert feeds.create("ana", OFFICE).path == first.path
    replaced = [feeds.create("ana", OFFICE, first.created_at) for _ in range(2)]
    assert replaced[0].path == replaced[1].path != first.path
    actions = [entry.change.action for entry in line.services.audit.listing(OFFICE).entries]
    assert actions == ["feed address made"] * 2


def test_only_those_who_see_the_agent_see_the_address(line: Line) -> None:
    stranger = Viewer(user_id=99, email="x@example.com", is_admin=False)
    for method in (line.services.feeds.address, line.services.feeds.create, line.services.feeds.remove):
        with pytest.raises(AgentUnknown):
            method("ana", stranger)


def test_too_many_fetches_are_refused_for_a_minute(line: Line, client: FlaskClient) -> None:
    path = path_of(line)
    answers = [client.get(path) for _ in range(MAX_FETCHES_PER_MINUTE * 2 + 1)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "60"
    assert refused[0].text == "This calendar is fetched too often. Try again in a minute.\n"


def test_limit_is_per_address_and_minute() -> None:
    now_s = [0.0]
    limit = FetchLimit(lambda: now_s[0])
    for _ in range(MAX_FETCHES_PER_MINUTE):
        limit.consume(b"a")
    limit.consume(b"b")
    with pytest.raises(FetchedTooOften):
        limit.consume(b"a")
    now_s[0] = 60.0
    limit.consume(b"a")
    for number in range(MAX_COUNTED):
        limit.consume(str(number).encode())
    for _ in range(MAX_FETCHES_PER_MINUTE):
        limit.consume(b"a")  # forgotten, because too many others came in between


def test_feed_waits_for_the_database(line: Line, client: FlaskClient) -> None:
    path = path_of(line)
    client.application.extensions["peterental.database"].close()
    line.database.fetch("ALTER TABLE agent_feeds RENAME TO agent_feeds_away")
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.text == "The calendar cannot be read at the moment.\n"
