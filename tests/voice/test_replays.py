"""Replayed requests: a signature is accepted once, in any worker, for as long as its timestamp counts as fresh."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from peterental.calls import signature_repository
from peterental.config import Config
from peterental.database.pool import Database
from peterental.voice.authentication import MAX_SIGNATURE_AGE
from tests.proxy import Proxy
from tests.servers import close_for_good
from tests.together import at_once
from tests.voice.phone import (
    BOOKED_MONDAY_AT_THREE,
    ELM,
    SUNDAY_MORNING,
    Clock,
    Phone,
    bookings,
    register_agents,
    services_on,
    webhook,
)
from tests.voice.test_database_away import APOLOGY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from peterental.services import Services

SECRET = "the shared secret"
KEY = "an HMAC key"
CONFIG = Config(environment="production", vapi_webhook_secret=SECRET, vapi_hmac_secret=KEY)
NOW_S = int(SUNDAY_MORNING.timestamp())


@pytest.fixture
def client(services: Services, clock: Clock) -> FlaskClient:
    """A webhook that accepts signatures beside the shared secret."""
    return webhook(services, clock, CONFIG)


def message(tool: str = "set_appointment", tool_call_id: str = "t", **arguments: object) -> bytes:
    """Build the body of a tool call: a booking for Dolores by default."""
    phone = Phone(client=None)  # type: ignore[arg-type]  # it only builds the message
    tool_call = phone.message(tool, arguments or ELM | {"start_time": "tomorrow 3 pm"}, tool_call_id)
    return json.dumps({"message": tool_call}).encode()


def sign(body: bytes, timestamp: object = NOW_S) -> dict[str, str]:
    """Return the headers of a signed request."""
    signature = hmac.digest(KEY.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return {"X-Signature": signature.hex(), "X-Timestamp": str(timestamp)}


def post(client: FlaskClient, body: bytes, headers: dict[str, str]) -> TestResponse:
    return client.post("/vapi/webhook", data=body, headers=headers)


def delivered(client: FlaskClient, body: bytes) -> int:
    return post(client, body, sign(body)).status_code


def sentences(response: TestResponse) -> list[str]:
    assert response.status_code == 200
    document: Any = response.json
    return [result["result"] for result in document["results"]]


def test_a_replay_is_refused_and_changes_nothing(client: FlaskClient, database: Database) -> None:
    body = message()
    assert sentences(post(client, body, sign(body))) == [BOOKED_MONDAY_AT_THREE]
    before = database.fetch("SELECT * FROM tool_calls")
    for _ in range(2):
        response = post(client, body, sign(body))
        assert response.status_code == 401
        assert response.json == {
            "error": "This signature was accepted before. Sign each delivery with its own timestamp."
        }
    assert len(bookings(database)) == 1
    assert database.fetch("SELECT * FROM tool_calls") == before


def test_a_signature_in_another_encoding_is_a_replay(client: FlaskClient) -> None:
    body = message("find_appointment", attendee_name="Dolores")
    headers = sign(body)
    assert post(client, body, headers).status_code == 200
    digest = bytes.fromhex(headers["X-Signature"])
    for written in (headers["X-Signature"].upper(), "sha256=" + digest.hex(), base64.b64encode(digest).decode()):
        assert post(client, body, headers | {"X-Signature": written}).status_code == 401


def test_a_redelivery_signed_again_gets_its_sentence(client: FlaskClient, clock: Clock, database: Database) -> None:
    body = message()
    for second in range(3):
        assert sentences(post(client, body, sign(body, NOW_S + second))) == [BOOKED_MONDAY_AT_THREE]
        clock.forward(seconds=1)
    assert len(bookings(database)) == 1


def test_the_same_second_may_carry_different_bodies(client: FlaskClient) -> None:
    for tool_call_id in ("a", "b"):
        body = message(tool_call_id=tool_call_id)
        assert sentences(post(client, body, sign(body))) == [BOOKED_MONDAY_AT_THREE]


def test_requests_with_the_shared_secret_may_repeat(client: FlaskClient, database: Database) -> None:
    body = message()
    for _ in range(2):
        assert sentences(post(client, body, sign(body) | {"X-Vapi-Secret": SECRET})) == [BOOKED_MONDAY_AT_THREE]
    assert database.fetch("SELECT * FROM webhook_signatures") == []
    assert sentences(post(client, body, sign(body))) == [BOOKED_MONDAY_AT_THREE], "its signature was not used up"


@pytest.mark.parametrize("kind", ["assistant-request", "status-update", "end-of-call-report", "speech-update"])
def test_every_kind_of_message_is_accepted_once(client: FlaskClient, kind: str) -> None:
    body = json.dumps({"message": {"type": kind, "call": {"id": "call-9"}}}).encode()
    assert [post(client, body, sign(body)).status_code for _ in range(2)] == [200, 401]


def test_a_request_that_was_not_accepted_is_not_recorded(client: FlaskClient, database: Database) -> None:
    body = message()
    assert post(client, body, sign(body) | {"X-Signature": "0" * 64}).status_code == 401
    assert post(client, body, sign(body, NOW_S - 301)).status_code == 401
    assert post(client, b"not json", sign(b"not json")).status_code == 400
    assert database.fetch("SELECT * FROM webhook_signatures") == []


def test_of_many_deliveries_at_once_one_is_accepted(services: Services, clock: Clock, database_url: str) -> None:
    others = Database(database_url, pool_size=4)
    workers = [webhook(services, clock, CONFIG), webhook(services_on(others, clock), clock, CONFIG)]
    body = message()
    statuses = at_once([partial(delivered, worker, body) for worker in workers * 4])
    assert sorted(statuses) == [200] + [401] * 7
    close_for_good(others)


@pytest.mark.parametrize("offset_s", [-299, 299])
def test_workers_whose_clocks_differ_refuse_replays(services: Services, offset_s: int) -> None:
    slow, fast = Clock(), Clock()
    slow.forward(minutes=-2)
    fast.forward(minutes=2)
    body = message()
    headers = sign(body, NOW_S + offset_s)
    statuses = [post(webhook(services, clock, CONFIG), body, headers).status_code for clock in (slow, fast) * 2]
    assert statuses.count(200) == 1


@pytest.mark.parametrize(("age", "is_kept"), [("14 minutes", True), ("16 minutes", False), ("-1 year", True)])
def test_old_signatures_are_deleted_in_passing(
    client: FlaskClient, database: Database, age: str, *, is_kept: bool
) -> None:
    database.fetch("INSERT INTO webhook_signatures VALUES ('old', NOW() - %s::interval)", [age])
    body = message()
    assert post(client, body, sign(body)).status_code == 200
    kept = database.fetch("SELECT signature FROM webhook_signatures WHERE signature = 'old'")
    assert bool(kept) is is_kept


def test_a_backlog_of_signatures_shrinks(services: Services, database: Database) -> None:
    database.fetch(
        "INSERT INTO webhook_signatures SELECT int4send(n), NOW() - interval '1 day' FROM generate_series(1, 30) AS n"
    )
    assert [services.calls.record_signature(bytes([n])) for n in range(3)] == [True] * 3
    assert database.fetch("SELECT count(*) AS n FROM webhook_signatures") == [{"n": 3}]


def test_signatures_are_kept_as_long_as_they_are_fresh() -> None:
    assert signature_repository.KEPT_FOR > 2 * MAX_SIGNATURE_AGE, "from the earliest acceptance to the latest"


class TestDatabaseAway:
    """Without the database a replay cannot be recognised: callers hear the apology, and reports are queued."""

    @pytest.fixture
    def proxy(self, database_url: str) -> Iterator[Proxy]:
        """A proxy in front of the test's database."""
        with Proxy(database_url) as proxy:
            yield proxy

    @pytest.fixture
    def away(self, proxy: Proxy, database: Database, clock: Clock) -> Iterator[FlaskClient]:
        """A webhook that reaches the database through the proxy."""
        register_agents(database)
        pool = Database(proxy.url, pool_size=1)
        yield webhook(services_on(pool, clock), clock, CONFIG)
        close_for_good(pool)

    @pytest.mark.usefixtures("real_time_limits")
    def test_callers_hear_the_apology(
        self, away: FlaskClient, proxy: Proxy, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        proxy.shut()
        body = message()
        with caplog.at_level(logging.WARNING, "peterental.voice"):
            assert sentences(post(away, body, sign(body))) == [APOLOGY]
        assert [record.levelname for record in caplog.records if record.name == "peterental.voice.webhook"] == ["ERROR"]
        request = json.dumps({"message": {"type": "assistant-request", "call": {"id": "c"}}}).encode()
        assert post(away, request, sign(request)).json == {"error": APOLOGY}
        legacy = {"type": "function-call", "functionCall": {"name": "get_availability", "parameters": {}}}
        body = json.dumps({"message": legacy}).encode()
        document: Any = post(away, body, sign(body)).json
        assert document["result"] == APOLOGY
        assert bookings(database) == []

    def test_reports_are_queued(self, away: FlaskClient, database: Database) -> None:
        report = {"type": "end-of-call-report", "call": {"id": "call-7"}, "summary": "A report."}
        body = json.dumps({"message": report}).encode()
        database.fetch("ALTER TABLE webhook_signatures RENAME TO moved")
        assert post(away, body, sign(body)).json == {}
        assert database.fetch("SELECT summary FROM calls") == [{"summary": "A report."}]

    def test_a_signature_costs_one_round_trip(self, away: FlaskClient, proxy: Proxy) -> None:
        body = message("get_availability", date="tomorrow")
        assert post(away, body, sign(body)).status_code == 200
        again = message("get_availability", "u", date="tomorrow")
        with proxy.counting() as turns:
            assert post(away, again, sign(again)).status_code == 200
        assert turns == [3], "two for the tool call"
