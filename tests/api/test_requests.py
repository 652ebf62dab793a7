"""What is refused before an operation runs: tokens, methods, bodies, limits; and requests that count once."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from peterental.access import ToolToken, Viewer
from peterental.appointments.manual.model import EditConflict, ExpectedState
from peterental.audit.model import LogFilter
from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from peterental.errors import NotFound, Refusal
from peterental.services import Services
from peterental.users.tokens.model import CountedRequest, IssuedToken, NewToken
from peterental.users.tokens.requests import RUNS_FOR, RequestCounter
from peterental.web.api.limits import BURST, REQUESTS_PER_S, Limits
from peterental.web.api.problems import ApiError
from peterental.web.api.routes import OPERATIONS
from tests.api.conftest import KEY, WORDS, Tool
from tests.servers import HANG_S

# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eDp5", f"Bearer pr_{'a' * 43}", "Bearer ä"])
def test_without_a_valid_token_nothing_is_told(tool_of: Callable[..., Tool], ana: Viewer, header: str | None) -> None:
    del ana
    headers = {} if header is None else {"Authorization": header}
    refused = tool_of().get("/agents", **headers)
    assert (refused.status_code, refused.get_json()["code"]) == (401, "token_invalid")
    assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="PeteRental"')


def test_session_cookie_alone_is_no_token(app: Flask, ana: Viewer, services: Services) -> None:
    """No cookie is read, so that no form of another site can use the API."""
    del services
    browser = app.test_client()
    page = browser.get("/login").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    fields = {"email": ana.email, "password": WORDS, "csrf_token": token}
    assert browser.post("/login", data=fields).status_code == 303
    assert browser.get("/account").status_code == 200
    assert browser.get("/api/v1/me").status_code == 401
    response = browser.post("/api/v1/viewings", json={})
    assert response.status_code == 401
    assert "Set-Cookie" not in response.headers


def test_revoked_expired_and_deactivated_tokens_stop_at_once(  # noqa: PLR0917 - fixtures
    tool_of: Callable[..., Tool],
    issue: Callable[..., IssuedToken],
    services: Services,
    admin: Viewer,
    ana: Viewer,
    database: Database,
) -> None:
    revoked, expired, kept = issue(ana), issue(ana, lifetime=timedelta(days=1)), issue(ana)
    tools = [tool_of(secret=one.secret) for one in (revoked, expired, kept)]
    assert [tool.get("/me").status_code for tool in tools] == [200, 200, 200]
    services.api_tokens.revoke(revoked.token.token_id, ana)
    database.fetch("UPDATE api_tokens SET expires_at = NOW() WHERE token_id = %s", (expired.token.token_id,))
    assert [tool.get("/me").status_code for tool in tools] == [401, 401, 200]
    services.user_admin.deactivate(ana.user_id, admin)
    assert tools[2].get("/me").status_code == 401


def test_role_is_that_of_the_user_now(anas: Tool, services: Services, admin: Viewer, ana: Viewer) -> None:
    assert anas.get("/agents/ben").status_code == 404
    services.user_admin.set_role(ana.user_id, "admin", admin)
    assert anas.get("/agents/ben").status_code == 200


def test_reading_token_changes_nothing(
    tool_of: Callable[..., Tool], ana: Viewer, viewing: TestResponse, booking: dict[str, Any]
) -> None:
    reader = tool_of(ana, "read")
    path = f"/viewings/{viewing.get_json()['id']}"
    assert reader.get(path).status_code == 200
    refused = [reader.post("/viewings", booking), reader.post(f"{path}/cancel"), reader.send("PATCH", path, {})]
    assert [(one.status_code, one.get_json()["code"]) for one in refused] == [(403, "scope_missing")] * 3
    assert 'scope="book"' in refused[0].headers["WWW-Authenticate"]


def test_last_use_is_written_once_a_minute(anas: Tool, database: Database) -> None:
    def last_used() -> datetime:
        moment: datetime = database.fetch("SELECT last_used_at FROM api_tokens")[0]["last_used_at"]
        return moment

    anas.get("/me")
    first = last_used()
    anas.get("/me")
    assert last_used() == first
    database.fetch("UPDATE api_tokens SET last_used_at = last_used_at - INTERVAL '61 seconds'")
    anas.get("/me")
    assert last_used() >= first


# --- addresses, methods, bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/nothing", "/agents/", "/viewings/x", "/viewings/-1", "/", "/viewings/1/sell", "/viewings//1",
])  # fmt: skip
def test_unknown_address(anas: Tool, path: str) -> None:
    refused = anas.get(path)
    assert (refused.status_code, refused.get_json()["code"]) == (404, "not_found")
    assert refused.mimetype == "application/problem+json"


def test_other_versions_and_methods(anas: Tool, app: Flask) -> None:
    assert app.test_client().get("/api/v2/agents").get_json()["code"] == "not_found"
    refused = anas.send("DELETE", "/agents")
    assert (refused.status_code, set(refused.headers["Allow"].split(", "))) == (405, {"OPTIONS", "HEAD", "GET"})
    assert refused.mimetype == "application/problem+json"
    assert anas.send("PUT", "/viewings/1").get_json()["code"] == "method_not_allowed"
    assert app.test_client().open("/api/v1/agents", method="BREW").get_json()["code"] == "method_not_allowed"
    allowed = anas.send("OPTIONS", "/viewings")
    assert (allowed.status_code, set(allowed.headers["Allow"].split(", "))) == (200, {"OPTIONS", "HEAD", "GET", "POST"})
    head = anas.send("HEAD", "/agents")
    assert (head.status_code, head.data) == (200, b"")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 415, "not_json"),
        (b"{", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b"null", 400, "bad_json"),
        (b'{"a": 1, "a": 2}', 400, "bad_json"),
        (b'{"home": {"a": 1, "a": 2}}', 400, "bad_json"),
        (b'{"minutes": NaN}', 400, "bad_json"),
        (b'{"minutes": -Infinity}', 400, "bad_json"),
        (b'{"minutes": ' + b"9" * 5000 + b"}", 400, "bad_json"),
        (b'{"minutes": 1e999}', 422, "invalid_fields"),
        (b'{"home": "\xff"}', 400, "bad_json"),
        (b'{"home": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "bad_json"),
        (b'{"home": ' + b"[" * 30 + b"]" * 30 + b"}", 400, "bad_json"),
        (b'{"home": "' + b"x" * 70_000 + b'"}', 413, "too_large"),
    ],
)
def test_bodies_that_are_no_request(anas: Tool, raw: bytes, status: int, code: str) -> None:
    headers = {} if raw else {"Content-Type": "text/plain"}
    refused = anas.send("POST", "/viewings", raw=raw, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (status, code)


def test_body_is_json_in_utf8(anas: Tool, booking: dict[str, Any]) -> None:
    raw = json.dumps(booking).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        refused = anas.send("POST", "/viewings", raw=raw, headers={"Content-Type": kind})
        assert (refused.status_code, refused.get_json()["code"]) == (415, "not_json")
    accepted = anas.send("POST", "/viewings", raw=raw, headers={"Content-Type": "application/json; charset=UTF-8"})
    assert accepted.status_code == 201


class Broken(io.BytesIO):
    """A body that breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        del size
        raise OSError


@pytest.mark.parametrize(
    ("stream", "status"), [(io.BytesIO(b" " * 70_000), 413), (Broken(), 400)], ids=["too large", "breaks off"]
)
def test_bodies_without_a_length(
    app: Flask, ana: Viewer, issue: Callable[..., IssuedToken], stream: io.BytesIO, status: int
) -> None:
    """A chunked body declares no length."""
    refused = app.test_client().open(
        "/api/v1/viewings",
        method="POST",
        headers={"Authorization": f"Bearer {issue(ana).secret}", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True},
    )
    assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")


def test_token_has_a_short_name(services: Services, ana: Viewer) -> None:
    for name in ("", " \x00", "x" * 81):
        with pytest.raises(Refusal):
            services.api_tokens.create(NewToken(name=name), ana)
    with pytest.raises(NotFound):
        services.api_tokens.revoke(2**70, ana)


def test_fields_and_parameters_of_other_operations_are_refused(anas: Tool, viewing: TestResponse) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    assert anas.post(f"{path}/cancel", {"reason": "x"}).status_code == 422
    assert anas.get(f"{path}?full=1").status_code == 422
    assert anas.get("/viewings?limit=1&limit=2").get_json()["code"] == "bad_request"


def test_database_away_is_503(anas: Tool, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable(reason="gone")

    monkeypatch.setattr(type(services.manual), "show", away)
    refused = anas.get("/viewings/1")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert "gone" not in refused.text


def test_bug_is_500_in_json(anas: Tool, app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(type(services.manual), "show", broken)
    assert anas.get("/viewings/1").get_json()["code"] == "internal"


# --- ETags -----------------------------------------------------------------------------------------------------------


def test_unchanged_answers_are_304(anas: Tool, viewing: TestResponse) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    for url in (path, "/viewings", "/agents/ana", "/me"):
        tag = anas.get(url).headers["ETag"]
        assert anas.get(url, If_None_Match=tag).status_code == 304
    tag = anas.get(path).headers["ETag"]
    assert tag == viewing.headers["ETag"]
    changed = anas.post(f"{path}/cancel", If_Match=tag)
    assert changed.status_code == 200
    assert anas.get(path, If_None_Match=tag).status_code == 200
    assert anas.get(path).headers["ETag"] == changed.headers["ETag"]


def test_change_of_an_older_state_is_412(anas: Tool, viewing: TestResponse) -> None:
    path, tag = f"/viewings/{viewing.get_json()['id']}", viewing.headers["ETag"]
    assert anas.send("PATCH", path, {"visitor_name": "Mia"}).status_code == 200
    for refused in (
        anas.post(f"{path}/cancel", If_Match=tag),
        anas.send("PATCH", path, {"visitor_name": "Eve"}, headers={"If-Match": tag}),
        anas.post(f"{path}/move", {"start": viewing.get_json()["start"]}, If_Match=tag),
        anas.post(f"{path}/cancel", If_Match='"other"'),
    ):
        assert (refused.status_code, refused.get_json()["code"]) == (412, "changed")
    assert anas.get(path).get_json()["status"] == "confirmed"
    assert anas.post(f"{path}/cancel", If_Match="a, b").get_json()["code"] == "bad_header"
    assert anas.post(f"{path}/cancel", If_Match="*").status_code == 200


def test_change_at_the_same_moment_is_409(
    anas: Tool, viewing: TestResponse, services: Services, ana: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another change comes between the reading and the lock."""
    viewing_id = viewing.get_json()["id"]
    change = services.manual.change
    shown, _ = services.manual.show(viewing_id, ana)

    def late(appointment_id: int, seen: ExpectedState, action: Any, viewer: Viewer) -> Any:
        del seen
        raise EditConflict(None, shown) if viewer else AssertionError(appointment_id, action, change)

    monkeypatch.setattr(type(services.manual), "change", lambda _self, *args, **_: late(*args))
    path = f"/viewings/{viewing_id}/cancel"
    assert anas.post(path).get_json()["code"] == "changed_meanwhile"
    assert anas.post(path, If_Match=viewing.headers["ETag"]).get_json()["code"] == "changed"


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


def test_same_key_books_once(anas: Tool, booking: dict[str, Any], database: Database) -> None:
    first = anas.post("/viewings", booking, Idempotency_Key="one")
    again = anas.post("/viewings", dict(reversed(booking.items())), Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert len(database.fetch("SELECT id FROM appointments")) == 1


def test_same_key_with_another_body_is_422(anas: Tool, booking: dict[str, Any], database: Database) -> None:
    anas.post("/viewings", booking, Idempotency_Key="one")
    refused = anas.post("/viewings", {**booking, "visitor_name": "Mia"}, Idempotency_Key="one")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "idempotency_key_reused")
    assert len(database.fetch("SELECT id FROM appointments")) == 1


def test_key_belongs_to_its_token(
    anas: Tool, tool_of: Callable[..., Tool], ana: Viewer, booking: dict[str, Any], database: Database
) -> None:
    anas.post("/viewings", booking, Idempotency_Key="one")
    other = tool_of(ana).post("/viewings", {**booking, "acknowledge": []}, Idempotency_Key="one")
    assert other.get_json()["code"] == "confirmation_required"  # it overlaps: nothing was replayed
    assert len(database.fetch("SELECT id FROM appointments")) == 1


def test_same_key_books_once_concurrently(anas: Tool, booking: dict[str, Any], database: Database) -> None:
    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(anas.post, "/viewings", booking, Idempotency_Key="one") for _ in range(2)]
        answers = [one.result() for one in sent]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].get_json()["id"] == answers[1].get_json()["id"]
    assert len(database.fetch("SELECT id FROM appointments")) == 1


def test_booking_without_a_record_is_found_by_its_key(
    anas: Tool, booking: dict[str, Any], database: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ended after the booking, before it was recorded."""
    with monkeypatch.context() as patch:
        patch.setattr(RequestCounter, "finish", lambda *_: None)  # as an earlier release
        first = anas.post("/viewings", booking, Idempotency_Key="one")
    again = anas.post("/viewings", booking, Idempotency_Key="one")
    assert again.get_json()["id"] == first.get_json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(database.fetch("SELECT id FROM appointments")) == 1
    del services


def test_refused_request_may_be_repeated_with_its_key(anas: Tool, viewing: TestResponse) -> None:
    path = f"/viewings/{viewing.get_json()['id']}/complete"
    refused = [anas.post(path, Idempotency_Key="done") for _ in range(2)]
    assert [one.get_json()["code"] for one in refused] == ["not_started", "not_started"]


def test_other_changes_count_once(anas: Tool, viewing: TestResponse) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    first = anas.post(f"{path}/cancel", Idempotency_Key="c")
    assert first.get_json()["status"] == "cancelled"
    assert anas.post(f"{path}/restore", Idempotency_Key="r").get_json()["status"] == "confirmed"
    again = anas.post(f"{path}/cancel", Idempotency_Key="c")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.get_json()["status"] == "confirmed"  # as it is now: nothing was cancelled again


def test_change_that_is_running_is_not_done_twice(
    anas: Tool, viewing: TestResponse, services: Services, database: Database
) -> None:
    path = f"/viewings/{viewing.get_json()['id']}/cancel"
    refused = anas.post(path, Idempotency_Key="bad key")
    assert refused.get_json()["code"] == "bad_header"
    counter = RequestCounter(database)
    running = anas.post(path, Idempotency_Key="c")
    assert running.status_code == 200
    database.fetch("UPDATE api_requests SET status = NULL, running_until = NOW() + INTERVAL '1 minute'")
    waiting = anas.post(path, Idempotency_Key="c")
    assert (waiting.status_code, waiting.get_json()["code"]) == (409, "request_running")
    assert waiting.headers["Retry-After"] == "1"
    hour = "NOW() + INTERVAL '61 minutes'"  # a request that was killed before the clock was set back by an hour
    database.fetch(f"UPDATE api_requests SET running_until = {hour}, started_at = {hour}")
    assert anas.post(path, Idempotency_Key="c").get_json()["code"] == "not_possible"
    database.fetch("UPDATE api_requests SET status = NULL, running_until = NOW(), started_at = NOW()")
    assert anas.post(path, Idempotency_Key="c").get_json()["code"] == "not_possible"  # it was done without a record
    assert timedelta() < RUNS_FOR <= timedelta(minutes=1)
    del counter, services


def test_attempt_that_was_given_up_commits_nothing(
    anas: Tool, viewing: TestResponse, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took longer than RUNS_FOR, and another attempt has begun: only that one may do the work."""
    begin = RequestCounter.begin

    def begin_twice(counter: RequestCounter, *args: Any, **options: Any) -> CountedRequest:
        mine = begin(counter, *args, **options)
        database.fetch("UPDATE api_requests SET running_until = NOW()")
        begin(counter, *args, **options)
        return mine

    path = f"/viewings/{viewing.get_json()['id']}"
    with monkeypatch.context() as patch:
        patch.setattr(RequestCounter, "begin", begin_twice)
        refused = anas.post(f"{path}/cancel", Idempotency_Key="c")
    assert refused.get_json()["code"] == "request_running"
    assert anas.get(path).get_json()["status"] == "confirmed"


KILLED = """
import json, os, signal, sys
from peterental.app import create_app
from peterental.config import Config
from peterental.web.api import lines, viewings

requests = json.load(sys.stdin)
for method, path, key, fields, token in requests:
    child = os.fork()
    if child == 0:
        app = create_app(Config(database_url=sys.argv[1], secret_key=sys.argv[2]))
        shown = viewings.shown
        def kill(call, viewing_id):
            os.kill(os.getpid(), signal.SIGKILL)
        viewings.shown = lines.shown = kill
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        response = app.test_client().open(f"/api/v1{path}", method=method, headers=headers, json=fields)
        print(response.status, response.text, flush=True)
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Send requests, each by a process of its own, which is killed after the change, before the answer is made."""


@pytest.mark.untraced
def test_killed_request_is_answered_by_its_repetition(  # noqa: PLR0917 - fixtures
    anas: Tool,
    tool_of: Callable[..., Tool],
    issue: Callable[..., IssuedToken],
    ana: Viewer,
    booking: dict[str, Any],
    viewing: TestResponse,
    database: Database,
    database_url: str,
) -> None:
    secret = issue(ana).secret
    path = f"/viewings/{viewing.get_json()['id']}"
    later = {name: booking["start"].replace("T10", hour) for name, hour in (("b", "T11"), ("l", "T12"), ("m", "T14"))}
    line = {name: booking[name] for name in ("home", "visitor_name")}
    requests = [
        ("POST", "/viewings", "b", {**booking, "start": later["b"]}),
        ("POST", "/agents/ana/line/viewings", "l", {**line, "start": later["l"]}),
        ("POST", f"{path}/move", "m", {"start": later["m"]}),
        ("PATCH", path, "e", {"visitor_name": "Mia"}),
        ("POST", f"{path}/cancel", "c", {}),
    ]
    sent = json.dumps([(*request, secret) for request in requests])
    program = [sys.executable, "-c", KILLED, database_url, KEY]
    done = subprocess.run(program, input=sent, capture_output=True, text=True, check=True, timeout=HANG_S)
    assert done.stdout.split() == ["-9"] * len(requests), done.stdout + done.stderr
    events = database.fetch("SELECT appointment_id, kind FROM appointment_events ORDER BY event_id")
    assert [row["kind"] for row in events] == ["booked", "booked", "booked", "moved", "edited", "cancelled"]

    tool = tool_of(secret=secret)
    answers = [
        tool.send(method, path, fields, headers={"Idempotency-Key": key}) for method, path, key, fields in requests
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200]
    assert {answer.headers["Idempotency-Replayed"] for answer in answers} == {"true"}
    assert [answer.get_json()["id"] for answer in answers[:2]] == [row["appointment_id"] for row in events[1:3]]
    assert database.fetch("SELECT appointment_id, kind FROM appointment_events ORDER BY event_id") == events
    del anas


def test_key_is_forgotten_after_a_day(anas: Tool, booking: dict[str, Any], database: Database) -> None:
    anas.post("/viewings", booking, Idempotency_Key="one")
    anas.post("/viewings", {**booking, "start": booking["start"].replace("T10", "T11")}, Idempotency_Key="two")
    database.fetch("UPDATE api_requests SET started_at = started_at - INTERVAL '25 hours'")
    again = anas.post("/viewings", booking, Idempotency_Key="one")
    assert again.get_json()["code"] == "confirmation_required"  # a new request, which overlaps the first
    assert [row["request_key"] for row in database.fetch("SELECT request_key FROM api_requests")] == ["one"]


# --- limits ----------------------------------------------------------------------------------------------------------


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_token_that_sends_too_much_waits() -> None:
    clock = Seconds()
    limits = Limits(8, clock)
    for _ in range(BURST):
        with limits.of_token(1):
            pass
    with pytest.raises(ApiError) as refused, limits.of_token(1):
        pass
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "1"
    with limits.of_token(2):
        pass
    clock.now_s += 1 / REQUESTS_PER_S
    with limits.of_token(1):
        pass
    with pytest.raises(ApiError), limits.of_token(1):
        pass


def test_api_leaves_threads_for_callers() -> None:
    limits = Limits(8)
    with limits.of_token(1), limits.of_token(1):
        with pytest.raises(ApiError), limits.of_token(1):
            pass
        with limits.of_token(2):
            pass
    with limits.slot(), limits.slot(), limits.slot(), limits.slot(), pytest.raises(ApiError), limits.slot():
        pass
    with limits.slot():
        pass


def test_limits_of_tokens_that_rest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.web.api.limits.MAX_BUCKETS", 3)
    clock = Seconds()
    limits = Limits(8, clock)
    for token in range(3):
        with limits.of_token(token):
            pass
    clock.now_s += BURST / REQUESTS_PER_S
    with limits.of_token(9):
        pass
    assert list(limits._buckets) == [9]


def test_tool_is_refused_with_a_time_to_wait(anas: Tool) -> None:
    answers = [anas.get("/me") for _ in range(BURST + 20)]
    last = answers[-1]
    refused = [one for one in answers if one.status_code == 429]
    assert refused or last.status_code == 200
    for one in refused:
        assert int(one.headers["Retry-After"]) >= 1
        assert one.get_json()["code"] == "too_many_requests"
    assert datetime.now(UTC).tzinfo is UTC


def test_every_change_is_audited_with_the_token(
    offices: Tool, services: Services, admin: Viewer, booking: dict[str, Any], past_viewing: int
) -> None:
    """An operation that is added later is in this test, too: the last assertion says which is missing."""
    made = offices.post("/viewings", booking).get_json()["id"]
    later = (datetime.fromisoformat(booking["start"]) + timedelta(hours=1)).isoformat()
    on_line = {name: value for name, value in booking.items() if name != "agent_id"}
    assert (
        offices.post("/agents/ana/line/viewings", {**on_line, "start": later.replace("T11", "T14")}).status_code == 201
    )
    changes: list[tuple[str, str, str, Any]] = [
        ("editViewing", "PATCH", f"/viewings/{made}", {"notes": "Key at the desk"}),
        ("moveViewing", "POST", f"/viewings/{made}/move", {"start": later}),
        ("cancelViewing", "POST", f"/viewings/{made}/cancel", None),
        ("restoreViewing", "POST", f"/viewings/{made}/restore", None),
        ("completeViewing", "POST", f"/viewings/{past_viewing}/complete", None),
        ("restoreViewing", "POST", f"/viewings/{past_viewing}/restore", None),
        ("markViewingAsNoShow", "POST", f"/viewings/{past_viewing}/no-show", None),
    ]
    for name, method, path, fields in changes:
        assert offices.send(method, path, fields).status_code == 200, name
    entries = services.audit.listing(admin, LogFilter(subject_kind="appointment")).entries
    assert len(entries) == 2 + len(changes)
    assert {(entry.actor, entry.token and entry.token.name) for entry in entries} == {(admin.email, "Sync")}
    changing = {operation.name for operation in OPERATIONS if operation.changes}
    assert changing == {"bookViewing", "bookLineViewing", *(name for name, *_ in changes)}


def test_change_of_the_user_has_no_token(viewing: TestResponse, services: Services, ana: Viewer, admin: Viewer) -> None:
    """A change on the page is the user's own. The entry of a token that was revoked names it as before."""
    number = viewing.get_json()["id"]
    shown, _ = services.manual.show(number, ana)
    assert shown.updated_at is not None
    services.manual.change(number, ExpectedState(shown.updated_at, shown.start, shown.status), "cancel", ana)
    (token,) = services.api_tokens.listing(ana)
    services.api_tokens.revoke(token.token_id, ana)
    cancelled, booked = services.audit.listing(admin, LogFilter(subject_kind="appointment")).entries
    assert (cancelled.actor, cancelled.token) == (ana.email, None)
    assert (booked.actor, booked.token) == (ana.email, ToolToken(token.token_id, "Sync"))
    with_token = services.audit.listing(admin, LogFilter(token_id=token.token_id)).entries
    assert with_token == (booked,)


def test_deleted_user_s_tokens_stop_at_once(
    tool_of: Callable[..., Tool], services: Services, database: Database
) -> None:
    eva = services.users.create("eva@example.com", WORDS, "admin")
    tool = tool_of(eva)
    assert tool.get("/me").status_code == 200
    database.fetch("DELETE FROM users WHERE user_id = %s", (eva.user_id,))
    assert tool.get("/me").status_code == 401
    assert database.fetch("SELECT token_id FROM api_tokens") == []


def test_new_password_keeps_tokens(anas: Tool, services: Services, ana: Viewer) -> None:
    services.users.change_password(ana, WORDS, "another correct horse battery")
    assert anas.get("/me").status_code == 200
