"""Fault injection with calendars: each kind of violation would be found, and the stand-ins misbehave as they are told."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bench.chaos.calendar_check import CalendarCheck
from bench.chaos.callers import Heard, Refused
from bench.chaos.lab_calendars import TROUBLE
from bench.chaos.people import FIRST_EVENTS, GoogleCalendar, MicrosoftCalendar, Owner, Stay
from bench.chaos.stand_ins import StandIns, Watch
from peterental.calendars.http import HttpClient
from peterental.calendars.model import CalendarUnreachable, Marker

pytestmark = pytest.mark.untraced

NAMESPACE = "0123456789ab"
TEN_MINUTES = timedelta(minutes=10)
BOOKED = datetime(2026, 6, 1, 12, tzinfo=UTC)
VIEWING = datetime(2026, 6, 2, 15, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
TABLE = (
    "CREATE TABLE chaos_readings"
    " (agent_id TEXT NOT NULL, at TIMESTAMPTZ NOT NULL, old_read_at TIMESTAMPTZ, read_at TIMESTAMPTZ NOT NULL)"
)


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    found = StandIns("ada@office.example")
    yield found
    found.close()


@pytest.fixture
def owner(stand_ins: StandIns) -> Owner:
    """Ana, whose calendar is at Google."""
    calendar = GoogleCalendar(stand_ins, "ana@example.com")
    return Owner("agent-0", calendar, [VIEWING], random.Random(1), NAMESPACE, touched=1)  # noqa: S311  # repeatable


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A database in which Ana was read a minute before she was booked, and the event of the viewing was written."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('agent-0', 'Ana')")
        connection.execute(
            """
            WITH booked AS (
                INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
                VALUES ('agent-0', '12 Elm Street', %(start)s, %(end)s, 'Robin')
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, new_start)
            SELECT id, %(at)s, 'booked', 'phone', %(start)s FROM booked
            """,
            {"start": VIEWING, "end": VIEWING + HALF_HOUR, "at": BOOKED},
        )
        read(connection, BOOKED - timedelta(minutes=1))
        yield connection


def read(connection: psycopg.Connection[Any], at: datetime) -> None:
    """Record that Ana's calendar was read."""
    connection.execute("INSERT INTO chaos_readings VALUES ('agent-0', %s, NULL, %s)", (at, at))


@pytest.fixture
def event(owner: Owner, stand_ins: StandIns) -> str:
    """The event of the viewing, as we wrote it."""
    del owner  # it has made the account
    event_id = str(Marker(NAMESPACE, 1))
    stand_ins.google.calendars["ana@example.com"].put(event_id, start=VIEWING, end=VIEWING + HALF_HOUR)
    return event_id


def violations(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns, heard: list[Heard] | None = None
) -> list[str]:
    """Return the violations, without what is known of the viewing."""
    found = CalendarCheck(connection, [owner], TEN_MINUTES).violations(heard or [], stand_ins)
    return [sentence.partition("; known: ")[0] for sentence in found]


@pytest.mark.usefixtures("event")
def test_a_calendar_as_it_should_be_has_no_violations(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    owner.stays = [
        Stay(VIEWING, VIEWING + HALF_HOUR, since=BOOKED - timedelta(seconds=30)),  # after the reading
        Stay(VIEWING, VIEWING + HALF_HOUR, since=BOOKED - timedelta(hours=1), until=BOOKED + timedelta(seconds=1)),
        Stay(VIEWING + HALF_HOUR, VIEWING + 2 * HALF_HOUR, since=BOOKED - timedelta(hours=1)),
    ]
    refused = Refused(0, BOOKED + timedelta(minutes=20), BOOKED + timedelta(minutes=21))
    connection.execute("INSERT INTO calls (vapi_call_id) VALUES ('a')")
    connection.execute(
        "INSERT INTO messages (agent_id, vapi_call_id, body, is_urgent) VALUES ('agent-0', 'a', 'A viewing', TRUE)"
    )
    assert violations(connection, owner, stand_ins, [Heard("a", refused=[refused])]) == []


@pytest.mark.usefixtures("event")
def test_a_booking_over_an_event_that_was_read_is_found(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    owner.stays = [Stay(VIEWING, VIEWING + HALF_HOUR, since=BOOKED - timedelta(minutes=2))]
    (found,) = violations(connection, owner, stand_ins)
    assert found.startswith("viewing 1 was booked at 2026-06-01 12:00:00+00:00 over an event")


@pytest.mark.usefixtures("event")
def test_a_booking_by_an_old_calendar_is_found(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    connection.execute("UPDATE chaos_readings SET read_at = read_at - INTERVAL '11 minutes'")
    (found,) = violations(connection, owner, stand_ins)
    assert found.endswith("by a calendar that was too old")


@pytest.mark.usefixtures("event")
def test_a_reading_stored_as_the_booking_began_counts(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    """It is recorded before it is committed, and the booking may have waited for a lock."""
    connection.execute("UPDATE chaos_readings SET read_at = read_at - INTERVAL '11 minutes'")
    connection.execute(
        "INSERT INTO chaos_readings VALUES ('agent-0', %(at)s, %(old)s, %(at)s)",
        {"at": BOOKED - timedelta(seconds=0.3), "old": BOOKED - timedelta(minutes=12)},
    )
    assert violations(connection, owner, stand_ins) == []


@pytest.mark.usefixtures("event")
def test_a_refusal_by_a_young_calendar_is_found(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    young = Refused(0, BOOKED, BOOKED + timedelta(minutes=2))
    without = Refused(7, BOOKED, BOOKED + timedelta(minutes=2))
    assert violations(connection, owner, stand_ins, [Heard("a", refused=[young, without])]) == [
        f"a: refused at {young.answered_at}, but the calendar was young enough",
        "a: refused for a calendar, but there is none",
        "a: refused for a calendar, with 0 urgent messages in place of one",
    ]


def test_a_missing_event_is_found(connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns) -> None:
    assert violations(connection, owner, stand_ins) == [
        f"viewing 1 at {VIEWING} (as written) has the events []",
        "no events at all: the run proves nothing",
    ]


def test_doubled_moved_and_orphaned_events_are_found(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns, event: str
) -> None:
    calendar = stand_ins.google.calendars["ana@example.com"]
    owner.calendar.put(event, VIEWING + HALF_HOUR, VIEWING + 2 * HALF_HOUR)
    (moved,) = violations(connection, owner, stand_ins)
    assert moved == f"viewing 1 at {VIEWING} (as written) has the events ['{event} {VIEWING + HALF_HOUR}']"
    connection.execute(
        "INSERT INTO calendar_viewings (appointment_id, remote_change, remote_start, remote_end)"
        " VALUES (1, 'moved', %s, %s)",
        (VIEWING + HALF_HOUR, VIEWING + 2 * HALF_HOUR),
    )
    assert violations(connection, owner, stand_ins) == [], "it is reported"
    for marker in (Marker(NAMESPACE, 1, 1), Marker(NAMESPACE, 2)):
        calendar.put(str(marker), start=VIEWING, end=VIEWING + HALF_HOUR)
    doubled, orphaned = violations(connection, owner, stand_ins)
    assert doubled.startswith(f"viewing 1 at {VIEWING} (moved) has the events ['{event} ")
    assert orphaned == f"viewing 2 is not confirmed, but has the event {Marker(NAMESPACE, 2)}"


@pytest.mark.usefixtures("event")
def test_a_lost_account_and_an_idle_run_are_found(
    connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns
) -> None:
    connection.execute(
        "INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state, problem)"
        " VALUES ('agent-0', 'google', 'ana@example.com', '', 'reauth_required', 'It is revoked.')"
    )
    owner.touched = 0
    assert violations(connection, owner, stand_ins) == [
        "ana@example.com is reauth_required although its provider answers: It is revoked.",
        "no touched by people at all: the run proves nothing",
    ]


def test_two_requests_at_once_for_a_mailbox_are_found() -> None:
    watch = Watch()
    pairs = [socket.socketpair() for _ in range(4)]
    servers, clients = zip(*pairs, strict=True)
    with watch.request("ana", "GET /", servers[0]), watch.request("ben", "GET /", servers[1]):
        assert watch.broken == []
        clients[0].close()
        with watch.request("ana", "GET /", servers[2]):
            assert watch.broken == [], "the first client has hung up"
            with watch.request("ana", "GET /", servers[3]):
                assert watch.broken == ["2 requests at once for ana: GET /"]
    assert watch.served == {"ana": 3, "ben": 1}
    for each in (*servers, *clients):
        each.close()


def test_people_add_move_and_delete_events_at_both_providers(stand_ins: StandIns) -> None:
    slots = [VIEWING + number * HALF_HOUR for number in range(48)]
    for calendar in (GoogleCalendar(stand_ins, "ana@example.com"), MicrosoftCalendar(stand_ins)):
        owner = Owner("agent-0", calendar, slots, random.Random(2), NAMESPACE)  # noqa: S311  # repeatable
        owner.fill()
        for _ in range(300):
            owner.act()
        ended = [stay for stay in owner.stays if stay.until is not None]
        assert len(owner.stays) > 2 * FIRST_EVENTS
        assert all(stay.until is not None and stay.since <= stay.until for stay in ended)
        assert owner.touched == 0, "there is no event of a viewing"


@pytest.mark.parametrize("mishap", sorted({mishap for mishaps in TROUBLE.values() for mishap in mishaps} - {"hang"}))
def test_each_mishap_is_seen_by_both_clients(stand_ins: StandIns, mishap: str) -> None:
    GoogleCalendar(stand_ins, "ana@example.com")
    tokens = [stand_ins.google.sign_in("ana@example.com"), stand_ins.graph.login.tokens()]
    addresses = [
        f"{stand_ins.google.url}/calendar/v3/calendars/ana%40example.com/events?singleEvents=true",
        f"{stand_ins.graph.url}/v1.0/me/calendars?$top=5",
    ]
    preferred = 'IdType="ImmutableId", outlook.timezone="UTC"'

    def outcomes() -> list[int | str]:
        found: list[int | str] = []
        for token, address in zip(tokens, addresses, strict=True):
            client = HttpClient(timeout_s=60, allow_private=True)
            headers = {"Authorization": f"Bearer {token.access_token}", "Prefer": preferred}
            try:
                answer = client.request("GET", address, headers=headers)
                found.append(answer.status if answer.body.endswith(b"}") else "cut off")
            except CalendarUnreachable:
                found.append("no answer")
            finally:
                client.close()
        return found

    assert outcomes() == [200, 200]
    stand_ins.misbehave(lambda: mishap)  # type: ignore[arg-type,return-value]  # one of them
    expected: dict[str, list[int | str]] = {
        "expire": [401, 401],
        "lose": ["no answer", "no answer"],
        "late": ["no answer", "no answer"],
        "refuse": ["no answer", "no answer"],
        "lie": ["cut off", "cut off"],
        "spoil": ["cut off", "cut off"],
        "throttle": [403, 429],
        "unavailable": [503, 503],
    }
    assert outcomes() == expected[mishap]
    stand_ins.calm()
    assert outcomes() == ([401, 401] if mishap == "expire" else [200, 200])
    assert stand_ins.violations == []


@pytest.mark.parametrize("name", ["google", "graph"])
def test_request_of_a_killed_client_is_not_carried_out(stand_ins: StandIns, name: str) -> None:
    """Its body is cut off: that breaks no interface."""
    server = {"google": stand_ins.google.url, "graph": stand_ins.graph.url}[name]
    port = int(server.rpartition(":")[2])
    head = b"POST /calendar/v3/calendars/a/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(head + b"Content-Length: 99\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert stand_ins.violations == []
    assert (len(stand_ins.google.requests), stand_ins.graph.asked) == (0, [])


def test_violation_says_what_is_known(connection: psycopg.Connection[Any], owner: Owner, stand_ins: StandIns) -> None:
    connection.execute("INSERT INTO calendar_viewings (appointment_id, revision) VALUES (1, 3)")
    (missing, _) = CalendarCheck(connection, [owner], TEN_MINUTES).violations([], stand_ins)
    known = json.loads(missing.partition("; known: ")[2])
    assert known["viewing"]["status"] == "confirmed"
    assert known["event"]["revision"] == 3
    assert known["jobs"] is None
