"""Google on a loopback port: the Calendar API v3 and the login service, with state, and with faults on demand.

Requests and answers are checked against Google's description of the API (`contract.py`); what differs is listed in
`GoogleFake.violations`, and the request is refused. What the description leaves open follows Google's guides, and what
users report where they are silent: a deleted event's id stays spent (googleapis/google-api-ruby-client issue 1811), an
increment has instances years ahead (garrytan/gbrain pull request 5015), free and busy times of at most 90 days
(calcom/cal.diy pull request 11962).

    with GoogleFake() as google:
        google.add_account("dana@example.com")
        google.calendars["dana@example.com"].put(summary="Dentist", start=…, end=…)
        tokens = google.sign_in("dana@example.com")
        google.lose_answer("POST", "/events")          # the next one is created, but the answer is lost
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from peterental.calendars.google.provider import SCOPES
from peterental.calendars.source import Tokens
from peterental.clock import utc_now
from tests.calendars.google.api_methods import ApiMethods, Refused, error_body
from tests.calendars.google.contract import ContractBroken, google_contract
from tests.calendars.google.store import FakeCalendar

CLIENT_ID, CLIENT_SECRET = "fake-client", "fake-client-secret"
TOKEN_LIFE_S = 3599

MISHAPS = ("lose", "spoil", "late", "hang", "expire", "refuse", "lie", "unavailable", "throttle")
"""What can go wrong with a request: done, but the answer is lost or cut off, or done later than the client waits; no
answer; tokens end; not done."""


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket | None = field(default=None, compare=False, repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What is answered; a status of 0 closes the connection without a word."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """Something that goes wrong with the next requests that match.

    Args:
        method: of the request; empty for any.
        path: a regular expression that is searched for in the path.
        times: how many requests are affected.
        skip: how many matching requests go well before.
        act: returns the answer; its argument carries the request out as usual.
    """

    method: str
    path: str
    times: int
    skip: int
    act: Callable[[Callable[[], Answer]], Answer]


@dataclass
class Account:
    """A person's Google account.

    Args:
        email: its name, and the id of the primary calendar.
        roles: what the person may do, by calendar; the order is that of the list.
        unlisted: calendars that the person took off the list.
        own_names: the person's own names for calendars.
        refresh_token: the valid one; None if the grant was revoked.
        scopes: that were granted.
    """

    email: str
    roles: dict[str, str]
    unlisted: set[str] = field(default_factory=set)
    own_names: dict[str, str] = field(default_factory=dict)
    refresh_token: str | None = None
    scopes: frozenset[str] = frozenset()


class GoogleFake:
    """The server.

    Args:
        now: its clock.
        latency_s: how long each answer takes, in seconds.

    Attributes:
        url: base address of the API and of the login service.
        lock: to be held while the state is changed in one thread and clients ask in another.
        accounts, calendars: by e-mail address and by id.
        requests: the last requests, oldest first.
        violations: what differed from the description of the API, in either direction.
        page_size: at most so many entries on a page; None for what the client asks for.
        empty_pages: how many pages without an entry come before each page.
        unticked: scopes that the next person who signs in does not allow.
        rotates: whether each refresh returns another refresh token and ends the old one.
        life_s: how long access tokens are valid, in seconds.
        free_busy_errors: reasons for which the free and busy times of a calendar are not computed, by its id.
        lock: held while a request changes something; for what a person does at the same time.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now, latency_s: float = 0) -> None:
        self.now = now
        self.latency_s = latency_s
        self.contract = google_contract()
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, FakeCalendar] = {}
        self.requests: deque[Request] = deque(maxlen=10_000)
        self.violations: list[str] = []
        self.page_size: int | None = None
        self.empty_pages = 0
        self.unticked: frozenset[str] = frozenset()
        self.rotates = False
        self.free_busy_errors: dict[str, str] = {}
        self.life_s = TOKEN_LIFE_S
        self._faults: list[Fault] = []
        self._late: deque[Callable[[], Answer]] = deque()
        self._access: dict[str, tuple[str, float]] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._counter = itertools.count(1)
        self.lock = threading.RLock()
        self._calmed = threading.Event()
        self._choose_mishap: Callable[[Request], str | None] = lambda _: None
        self._api = ApiMethods(self)
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and end requests that hang."""
        self.calm()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- state ---

    def add_account(self, email: str, *, time_zone: str = "America/Chicago") -> FakeCalendar:
        """Make an account and return its primary calendar."""
        self.accounts[email] = Account(email, {email: "owner"})
        self.calendars[email] = FakeCalendar(email, summary=email, time_zone=time_zone)
        return self.calendars[email]

    def add_calendar(
        self, email: str, calendar_id: str, *, role: str = "owner", summary: str = "Other", **options: str
    ) -> FakeCalendar:
        """Add a further calendar to an account's list, or an existing one of another account."""
        calendar = self.calendars.setdefault(calendar_id, FakeCalendar(calendar_id, summary=summary, **options))
        self.accounts[email].roles[calendar_id] = role
        return calendar

    def delete_calendar(self, calendar_id: str) -> None:
        """Delete a calendar for everyone."""
        del self.calendars[calendar_id]
        for account in self.accounts.values():
            account.roles.pop(calendar_id, None)

    def sign_in(self, email: str, scopes: Iterable[str] = SCOPES) -> Tokens:
        """Grant access and return the tokens, without the pages in between."""
        with self.lock:
            account = self.accounts[email]
            account.scopes = frozenset(scopes)
            account.refresh_token = self._make_name("refresh")
            access = self._issue_access(email)
        return Tokens(access, account.refresh_token, self.now().timestamp() + self.life_s)

    def revoke(self, email: str) -> None:
        """End a grant, as a person does in the settings of the account."""
        self.accounts[email].refresh_token = None
        self.expire_access_tokens()

    def expire_access_tokens(self) -> None:
        """End all access tokens early."""
        self._access.clear()

    def expire_sync_tokens(self) -> None:
        """Answer 410 to all sync tokens that were issued so far."""
        self._api.expire_sync_tokens()

    # --- faults ---

    def answer_error(
        self,
        status: int,
        reason: str = "",
        *,
        method: str = "",
        path: str = "/calendar/v3/",
        times: int = 1,
        skip: int = 0,
        headers: Mapping[str, str] | None = None,
        domain: str = "global",
    ) -> None:
        """Answer an error and do nothing else."""
        body = error_body(status, reason, domain) if reason else b""
        answer = Answer(status, body, dict(headers or {}))
        self._faults.append(Fault(method, path, times, skip, lambda _: answer))

    def lose_answer(self, method: str, path: str = "/calendar/v3/", *, times: int = 1, skip: int = 0) -> None:
        """Do what is asked for, and close the connection without an answer."""
        self._faults.append(Fault(method, path, times, skip, self._mishap("lose")))

    def hold(self, method: str, path: str = "/calendar/v3/", *, times: int = 1, skip: int = 0) -> None:
        """Close the connection without an answer, and do what is asked for at `release`."""
        self._faults.append(Fault(method, path, times, skip, self._mishap("late")))

    def release(self) -> None:
        """Carry out the requests that are late, in the order in which they came."""
        while self._late:
            self._late.popleft()()

    def hang(self, method: str = "", path: str = "/calendar/v3/", *, times: int = 1, skip: int = 0) -> None:
        """Accept a request and answer nothing until the fake is calm or closed."""
        self._faults.append(Fault(method, path, times, skip, self._mishap("hang")))

    def answer_nonsense(
        self,
        body: bytes | str,
        *,
        method: str = "",
        path: str = "/calendar/v3/",
        status: int = 200,
        times: int = 1,
        skip: int = 0,
    ) -> None:
        """Do what is asked for, and answer something else."""
        content = body if isinstance(body, bytes) else body.encode()

        def act(proceed: Callable[[], Answer]) -> Answer:
            proceed()
            return Answer(status, content, {"Content-Type": "text/html"})

        self._faults.append(Fault(method, path, times, skip, act))

    def call_before(self, action: Callable[[], None], *, method: str = "", path: str = "", skip: int = 0) -> None:
        """Do something between two requests of a client."""

        def act(proceed: Callable[[], Answer]) -> Answer:
            action()
            return proceed()

        self._faults.append(Fault(method, path, 1, skip, act))

    def misbehave(self, choose: Callable[[Request], str | None]) -> None:
        """Let requests fail until `calm`, as chosen for each.

        Args:
            choose: returns one of MISHAPS, or None to answer as usual. Called in any thread, one call at a time.
        """
        self._choose_mishap = choose

    def calm(self) -> None:
        """Let nothing fail any more, end requests that hang, and carry out those that are late."""
        self._choose_mishap = lambda _: None
        self._faults.clear()
        self._calmed.set()
        self._calmed = threading.Event()
        self.release()

    def _mishap(self, kind: str) -> Callable[[Callable[[], Answer]], Answer]:
        """Return what a mishap does; its argument carries the request out as usual."""

        def lose(proceed: Callable[[], Answer]) -> Answer:
            proceed()
            return Answer(0)

        def spoil(proceed: Callable[[], Answer]) -> Answer:
            return Answer(200, proceed().body[:-20])

        def late(proceed: Callable[[], Answer]) -> Answer:
            self._late.append(proceed)
            return Answer(0)

        def hang(_: Callable[[], Answer]) -> Answer:
            self._calmed.wait()
            return Answer(0)

        def expire(proceed: Callable[[], Answer]) -> Answer:
            self.expire_access_tokens()
            self.expire_sync_tokens()
            return proceed()

        errors = {"unavailable": (503, "backendError"), "throttle": (403, "userRateLimitExceeded")}
        if kind in errors:
            return lambda _: Answer(errors[kind][0], error_body(*errors[kind], "usageLimits"))
        return {
            "lose": lose,
            "spoil": spoil,
            "late": late,
            "hang": hang,
            "expire": expire,
            "refuse": lambda _: Answer(0),
            "lie": lambda _: Answer(200, b"<html>Sign in</html>"),
        }[kind]

    def _act_for(self, request: Request) -> Callable[[Callable[[], Answer]], Answer] | None:
        for fault in self._faults:
            if fault.method in {"", request.method} and re.search(fault.path, request.path):
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times > 0:
                    fault.times -= 1
                    return fault.act
        mishap = self._choose_mishap(request)
        return self._mishap(mishap) if mishap else None

    # --- answers ---

    def answer(self, request: Request) -> Answer:
        """Answer a request, or let it fail."""
        if self.latency_s:
            time.sleep(self.latency_s)
        with self.lock:
            self.requests.append(request)
            act = self._act_for(request)
        if act is None:
            return self._answer(request)
        return act(lambda: self._answer(request))

    def _answer(self, request: Request) -> Answer:
        with self.lock:
            try:
                if request.path == "/o/oauth2/v2/auth":
                    return self._authorize(request)
                if request.path == "/token":
                    return self._token(request)
                return self._call(request)
            except ContractBroken as broken:
                self.violations.append(str(broken))
                return Answer(400, error_body(400, "invalid"))
            except Refused as refused:
                return Answer(refused.status, refused.body, {"Content-Type": "application/json; charset=UTF-8"})

    def _call(self, request: Request) -> Answer:
        call = self.contract.call(request.method, request.path)
        if call is None:
            raise ContractBroken(f"the API has no {request.method} {request.path}")
        account = self._authorized(request)
        if not account.scopes & call.scopes:
            raise Refused(403, "insufficientPermissions", details="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        if bool(request.body) != (request.headers.get("Content-Type") == "application/json"):
            raise ContractBroken("a body is JSON, and is called so")
        self.contract.check_request(call, request.query, request.json() if request.body else None)
        content = self._api.run(call, account, request)
        self.contract.check_answer(call, content)
        if content is None:
            return Answer(204)
        body = json.dumps(content).encode()
        return Answer(200, body, {"Content-Type": "application/json; charset=UTF-8"})

    def _authorized(self, request: Request) -> Account:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        email, expires_at = self._access.get(token, ("", 0.0))
        if expires_at <= self.now().timestamp():
            raise Refused(401, "authError")
        return self.accounts[email]

    # --- login ---

    def _authorize(self, request: Request) -> Answer:
        """Sign the first account in and send the person back with a code."""
        asked = {name: values[0] for name, values in request.query.items()}
        needed = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "code_challenge_method": "S256",
            "access_type": "offline",
            "prompt": "consent",
            "include_granted_scopes": "true",
        }
        wrong = [name for name, value in needed.items() if asked.get(name) != value]
        wrong += [name for name in ("redirect_uri", "scope", "state", "code_challenge") if not asked.get(name)]
        if wrong:
            raise ContractBroken(f"the login page is opened with a wrong {', '.join(wrong)}")
        code = self._make_name("code")
        granted = " ".join(scope for scope in asked["scope"].split() if scope not in self.unticked)
        self._codes[code] = {**asked, "scope": granted, "email": next(iter(self.accounts))}
        back = {"state": asked["state"], "code": code, "scope": granted}
        return Answer(302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _oauth_error("invalid_client", 401)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if asked is None or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode():
            return _oauth_error("invalid_grant")
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return _oauth_error("redirect_uri_mismatch")
        tokens = self.sign_in(asked["email"], asked["scope"].split())
        return self._token_answer(tokens.access_token, asked["email"], tokens.refresh_token)

    def _refresh(self, refresh_token: str) -> Answer:
        account = next((each for each in self.accounts.values() if each.refresh_token == refresh_token), None)
        if account is None:
            return _oauth_error("invalid_grant")
        if self.rotates:
            account.refresh_token = self._make_name("refresh")
        access = self._issue_access(account.email)
        return self._token_answer(access, account.email, account.refresh_token if self.rotates else None)

    def _token_answer(self, access: str, email: str, refresh: str | None) -> Answer:
        content = {
            "access_token": access,
            "expires_in": self.life_s,
            "scope": " ".join(sorted(self.accounts[email].scopes)),
            "token_type": "Bearer",
            **({"refresh_token": refresh} if refresh else {}),
        }
        return Answer(200, json.dumps(content).encode(), {"Content-Type": "application/json; charset=utf-8"})

    def _issue_access(self, email: str) -> str:
        access = self._make_name("access")
        self._access[access] = (email, self.now().timestamp() + self.life_s)
        return access

    def _make_name(self, kind: str) -> str:
        return f"{kind}-{next(self._counter)}"


def _oauth_error(error: str, status: int = 400) -> Answer:
    body = json.dumps({"error": error, "error_description": "Bad Request"}).encode()
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, fake: GoogleFake) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client was killed while it sent the request
            self.close_connection = True
            return
        query = parse_qs(parts.query, keep_blank_values=True)
        answer = self.server.fake.answer(
            Request(self.command, parts.path, query, dict(self.headers), body, self.connection)
        )
        if answer.status == 0:
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client is gone already
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:  # an answer without a body has no length
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle  # noqa: N815  # the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Write no line per request."""
