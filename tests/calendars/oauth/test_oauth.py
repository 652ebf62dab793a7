"""Signing in with OAuth, and requests whose tokens refresh themselves, against a login service on loopback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.calendars.http import HttpAnswer, HttpClient
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
)
from peterental.calendars.oauth import (
    AuthorizedHttp,
    OAuthProvider,
    ScopesMissing,
    authorization_url,
    exchange_code,
)
from peterental.calendars.source import Tokens
from tests.calendars.login import CLIENT_ID, CLIENT_SECRET, LoginServer, Store, error, s256
from tests.calendars.provider_server import HTML, Answer, Drop, Hang, Reply
from tests.servers import HANG_S

VERIFIER = "v" * 43
BACK = "https://office.example/oauth/microsoft"


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with LoginServer() as server:
        yield server


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(timeout_s=HANG_S, allow_private=True)
    yield client
    client.close()


@pytest.fixture
def provider(server: LoginServer) -> OAuthProvider:
    return OAuthProvider(
        host="login.example",
        authorize_url=f"{server.url}/authorize",
        token_url=f"{server.url}/token",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scopes=("offline_access", "Calendars.ReadWrite"),
        parameters={"prompt": "select_account"},
    )


@pytest.fixture
def store(server: LoginServer) -> Store:
    return Store(server.login.tokens())


@pytest.fixture
def api(server: LoginServer, http: HttpClient, provider: OAuthProvider, store: Store) -> AuthorizedHttp:
    return AuthorizedHttp(http, provider, store, lambda: at(server.login.clock_s))


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def code_for(provider: OAuthProvider, http: HttpClient, verifier: str = VERIFIER) -> str:
    """Sign in as a person does, and return the code that the browser is sent back with."""
    url = authorization_url(provider, redirect_uri=BACK, state="s1", verifier=verifier)
    back = http.request("GET", url, follow=False).headers["Location"]
    assert back.startswith(BACK + "?")
    query = parse_qs(urlsplit(back).query)
    assert query["state"] == ["s1"]
    return query["code"][0]


def signed_in(provider: OAuthProvider, http: HttpClient) -> Tokens:
    code = code_for(provider, http)
    return exchange_code(provider, http, code=code, verifier=VERIFIER, redirect_uri=BACK, now=lambda: at(1_800_000_000))


# --- signing in ------------------------------------------------------------------------------------------------------


def test_authorization_url_has_all_that_is_needed(provider: OAuthProvider) -> None:
    url = authorization_url(provider, redirect_uri=BACK, state="s&1", verifier=VERIFIER)
    assert VERIFIER not in url
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [BACK],
        "scope": ["offline_access Calendars.ReadWrite"],
        "state": ["s&1"],
        "code_challenge": [s256(VERIFIER)],
        "code_challenge_method": ["S256"],
        "prompt": ["select_account"],
    }


def test_code_becomes_tokens(provider: OAuthProvider, http: HttpClient) -> None:
    assert signed_in(provider, http) == Tokens("access-2", "refresh-3", 1_800_003_600)


def test_tokens_and_secret_are_not_in_a_repr(provider: OAuthProvider) -> None:
    assert "access-2" not in repr(Tokens("access-2", "refresh-3", 0))
    assert "refresh-3" not in repr(Tokens("access-2", "refresh-3", 0))
    assert CLIENT_SECRET not in repr(replace(provider, host="", authorize_url="", token_url=""))


def test_wrong_verifier_is_refused(provider: OAuthProvider, http: HttpClient) -> None:
    code = code_for(provider, http)
    with pytest.raises(CalendarAccessLost, match=r"login\.example"):
        exchange_code(provider, http, code=code, verifier="w" * 43, redirect_uri=BACK)


def test_code_is_used_once(provider: OAuthProvider, http: HttpClient) -> None:
    code = code_for(provider, http)
    exchange_code(provider, http, code=code, verifier=VERIFIER, redirect_uri=BACK)
    with pytest.raises(CalendarAccessLost):
        exchange_code(provider, http, code=code, verifier=VERIFIER, redirect_uri=BACK)


@pytest.mark.parametrize("code", ["no such code", "né\r\n&code=1", "%zz"])
def test_foreign_codes_are_refused(code: str, provider: OAuthProvider, http: HttpClient) -> None:
    with pytest.raises(CalendarAccessLost):
        exchange_code(provider, http, code=code, verifier=VERIFIER, redirect_uri=BACK)


def test_empty_code_is_a_fault(provider: OAuthProvider, http: HttpClient) -> None:
    with pytest.raises(CalendarUnreachable, match="the sign-in service answered invalid_request"):
        exchange_code(provider, http, code="", verifier=VERIFIER, redirect_uri=BACK)


def test_unticked_scope_is_named(server: LoginServer, provider: OAuthProvider, http: HttpClient) -> None:
    server.login.granted = "offline_access User.Read"
    with pytest.raises(ScopesMissing, match=r"needed: Calendars\.ReadWrite\."):
        signed_in(provider, http)


def test_missing_refresh_token_is_named(server: LoginServer, provider: OAuthProvider, http: HttpClient) -> None:
    server.login.granted = "Calendars.ReadWrite"
    with pytest.raises(ScopesMissing, match=r"needed: offline access\."):
        signed_in(provider, http)


@pytest.mark.parametrize("scope", ["https://graph.microsoft.com/Calendars.ReadWrite", "calendars.readwrite profile"])
def test_scopes_are_compared_as_microsoft_lists_them(
    scope: str, server: LoginServer, provider: OAuthProvider, http: HttpClient
) -> None:
    server.login.granted = f"offline_access {scope}"
    assert signed_in(provider, http).access_token


def test_unreported_scopes_are_those_asked_for(server: LoginServer, provider: OAuthProvider, http: HttpClient) -> None:
    server.login.reports_scope = False
    assert signed_in(provider, http).access_token


# --- a token endpoint that fails -------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[Reply, type[CalendarFault], str]] = {
    "HTML": (HTML, CalendarNonsense, ""),
    "HTML with an error": (replace(HTML, status=404), CalendarUnreachable, "the sign-in service answered 404"),
    "a list": (Answer.of_json([1]), CalendarNonsense, "no access token"),
    "no token": (Answer.of_json({"token_type": "Bearer"}), CalendarNonsense, "no access token"),
    "a token that is a number": (Answer.of_json({"access_token": 7}), CalendarNonsense, "no access token"),
    "a token that adds a header": (Answer.of_json({"access_token": "a\r\nX: b"}), CalendarNonsense, "no access token"),
    "an endless token": (Answer.of_json({"access_token": "a" * 20_001}), CalendarNonsense, "no access token"),
    "broken JSON": (Answer(200, b'{"access_token": "a"'), CalendarNonsense, ""),
    "no text at all": (Answer(200, b"\xff\xfe\x00"), CalendarNonsense, ""),
    "the wrong secret": (
        error("invalid_client", 401),
        CalendarUnreachable,
        "the sign-in service answered invalid_client",
    ),
    "consent withdrawn": (error("consent_required"), CalendarAccessLost, ""),
    "second factor wanted": (error("interaction_required"), CalendarAccessLost, ""),
    "an error that is an object": (Answer.of_json({"error": {"a": 1}}, 400), CalendarUnreachable, "answered 400"),
    "an error that is a sentence": (
        Answer.of_json({"error": "No <b>way</b>"}, 400),
        CalendarUnreachable,
        "answered 400",
    ),
    "an error that is a list": (Answer.of_json(["no"], 400), CalendarUnreachable, "answered 400"),
    "a redirect": (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), CalendarUnreachable, "answered 302"),
    "too many requests": (Answer(429, headers={"Retry-After": "7"}), CalendarThrottled, ""),
    "an outage": (Answer(503), CalendarUnreachable, ""),
    "an outage in JSON": (error("temporarily_unavailable", 500), CalendarUnreachable, ""),
    "no answer": (Drop(), CalendarUnreachable, ""),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_token_endpoint_is_a_fault(
    failure: str, server: LoginServer, provider: OAuthProvider, http: HttpClient
) -> None:
    reply, fault, reason = FAILURES[failure]
    server.login.faults.append(reply)
    with pytest.raises(fault) as caught:
        signed_in(provider, http)
    assert reason in str(caught.value)


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_refresh_changes_no_tokens(
    failure: str, server: LoginServer, api: AuthorizedHttp, store: Store
) -> None:
    reply, fault, _ = FAILURES[failure]
    server.login.expire()
    server.login.faults.append(reply)
    before = store.tokens
    with pytest.raises(fault):
        api.request("GET", f"{server.url}/api")
    assert store.tokens == before
    assert api.request("GET", f"{server.url}/api").status == 200


def test_hanging_token_endpoint_ends_with_the_time_limit(server: LoginServer, provider: OAuthProvider) -> None:
    server.login.faults.append(Hang())
    http = HttpClient(timeout_s=1, allow_private=True)
    with pytest.raises(CalendarUnreachable):
        exchange_code(provider, http, code="c", verifier=VERIFIER, redirect_uri=BACK)
    http.close()


def test_provider_in_a_private_network_is_a_fault(server: LoginServer, provider: OAuthProvider, store: Store) -> None:
    http = HttpClient(timeout_s=HANG_S)
    with pytest.raises(CalendarUnreachable, match="not on the public internet"):
        exchange_code(provider, http, code="c", verifier=VERIFIER, redirect_uri=BACK)
    with pytest.raises(CalendarUnreachable, match="not on the public internet"):
        AuthorizedHttp(http, provider, store, lambda: at(server.login.clock_s)).request("GET", f"{server.url}/api")
    assert server.asked == []


@pytest.mark.parametrize(
    ("expires_in", "life_s"),
    [
        (3600, 3600),
        ("3599", 3599),
        (-5, 300),
        (10**12, 86_400),
        ("soon", 300),
        (None, 300),
        ([], 300),
        ("nan", 300),
        (10**400, 300),
    ],
)
def test_absurd_lifetimes_are_bounded(
    expires_in: object, life_s: float, server: LoginServer, provider: OAuthProvider, http: HttpClient
) -> None:
    server.login.expires_in = expires_in
    assert signed_in(provider, http).expires_at == 1_800_000_000 + life_s


class Scripted:
    """Answers every request alike."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body

    def request(self, method: str, url: str, **_: Any) -> HttpAnswer:
        assert method == "POST"
        return HttpAnswer(self._status, {}, self._body, url)


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.none(), max_size=1)
FIELDS = (
    "access_token",
    "refresh_token",
    "expires_in",
    "expires_at",
    "scope",
    "token_type",
    "error",
    "error_description",
)
CONTENTS = ODD | st.dictionaries(
    st.sampled_from(FIELDS), ODD | st.sampled_from(["a", "Calendars.ReadWrite", "invalid_grant"])
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 401, 429, 500]),
    body=CONTENTS.map(lambda content: json.dumps(content).encode()) | st.binary(max_size=5),
)
def test_nothing_but_a_fault_escapes(status: int, body: bytes) -> None:
    provider = OAuthProvider("h", "https://h/a", "https://h/t", "i", "s", ("offline_access", "Calendars.ReadWrite"))
    http = cast("HttpClient", Scripted(status, body))
    with contextlib.suppress(CalendarFault, ScopesMissing):
        tokens = exchange_code(provider, http, code="c", verifier=VERIFIER, redirect_uri=BACK, now=lambda: at(0))
        assert tokens.access_token
        assert tokens.refresh_token
        assert 300 <= tokens.expires_at <= 86_400


# --- requests --------------------------------------------------------------------------------------------------------


def test_request_has_the_token_and_its_own_headers(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    answer = api.request("POST", f"{server.url}/api", headers={"Prefer": "x"}, body=b"hello")
    assert (answer.status, answer.body) == (200, b"hello")
    assert server.asked[-1].headers["prefer"] == "x"
    assert server.asked[-1].headers["authorization"] == f"Bearer {store.tokens.access_token}"
    assert store.saved == []


def test_token_is_refreshed_before_it_expires(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    server.login.clock_s += 3600 - 59
    assert api.request("GET", f"{server.url}/api").status == 200
    assert [asked.path for asked in server.asked] == ["/token", "/api"]
    assert store.tokens.expires_at == server.login.clock_s + 3600


def test_token_is_kept_until_a_minute_before(server: LoginServer, api: AuthorizedHttp) -> None:
    server.login.clock_s += 3600 - 61
    assert api.request("GET", f"{server.url}/api").status == 200
    assert [asked.path for asked in server.asked] == ["/api"]


def test_unexpected_401_refreshes_once(server: LoginServer, api: AuthorizedHttp) -> None:
    server.login.expire()
    assert api.request("POST", f"{server.url}/api", body=b"kept").body == b"kept"
    assert [asked.path for asked in server.asked] == ["/api", "/token", "/api"]
    assert api.request("GET", f"{server.url}/api").status == 200
    assert len(server.asked) == 4


def test_second_401_is_returned(server: LoginServer, api: AuthorizedHttp) -> None:
    server.login.expires_in = 0
    server.login.expire()
    assert api.request("GET", f"{server.url}/api").status == 401
    assert [asked.path for asked in server.asked] == ["/api", "/token", "/api"]


@pytest.mark.parametrize("off_s", [-600, 600])
def test_clock_may_be_ten_minutes_off(
    off_s: float, server: LoginServer, http: HttpClient, provider: OAuthProvider, store: Store
) -> None:
    api = AuthorizedHttp(http, provider, store, lambda: at(server.login.clock_s + off_s))
    for _ in range(4):
        assert api.request("GET", f"{server.url}/api").status == 200
        server.login.clock_s += 1700
    assert [asked.path for asked in server.asked].count("/token") <= 3


def test_clock_that_jumps_back_costs_one_refresh(
    server: LoginServer, http: HttpClient, provider: OAuthProvider, store: Store
) -> None:
    """The tokens were stored by a machine whose clock was ten minutes ahead."""
    store.tokens = replace(store.tokens, expires_at=store.tokens.expires_at + 600)
    api = AuthorizedHttp(http, provider, store, lambda: at(server.login.clock_s))
    server.login.clock_s += 3601
    assert api.request("GET", f"{server.url}/api").status == 200
    assert [asked.path for asked in server.asked] == ["/api", "/token", "/api"]


def test_revoked_grant_loses_access(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    server.login.revoke()
    before = store.tokens
    with pytest.raises(CalendarAccessLost, match=r"login\.example no longer accepts the sign-in"):
        api.request("GET", f"{server.url}/api")
    assert store.tokens == before


# --- refresh tokens that rotate --------------------------------------------------------------------------------------


def test_rotated_refresh_token_is_stored(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    server.login.forgets_old = True
    for _ in range(3):
        server.login.expire()
        assert api.request("GET", f"{server.url}/api").status == 200
    assert [tokens.refresh_token for tokens in store.saved] == ["refresh-4", "refresh-6", "refresh-8"]


def test_refresh_token_that_does_not_rotate_is_kept(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    server.login.rotates = False
    before = store.tokens.refresh_token
    for _ in range(2):
        server.login.expire()
        assert api.request("GET", f"{server.url}/api").status == 200
    assert {tokens.refresh_token for tokens in store.saved} == {before}


def test_tokens_are_saved_before_they_are_used(
    server: LoginServer, http: HttpClient, provider: OAuthProvider, store: Store
) -> None:
    """Also in time: what was asked of the provider when a token was saved does not have it."""
    seen: list[list[str]] = []

    class Watched(Store):
        def save(self, tokens: Tokens) -> None:
            seen.append([asked.headers.get("authorization", "") for asked in server.asked])
            super().save(tokens)

    watched = Watched(store.tokens)
    server.login.expire()
    api = AuthorizedHttp(http, provider, watched, lambda: at(server.login.clock_s))
    assert api.request("GET", f"{server.url}/api").status == 200
    new = f"Bearer {watched.saved[0].access_token}"
    assert new not in seen[0]
    assert server.asked[-1].headers["authorization"] == new


def test_tokens_that_cannot_be_saved_are_not_used(
    server: LoginServer, http: HttpClient, provider: OAuthProvider, store: Store
) -> None:
    """The process ends between the answer and the save: the stored tokens still work afterwards."""

    class Crashing(Store):
        def save(self, tokens: Tokens) -> None:  # noqa: ARG002  # it ends before it looks
            raise KeyboardInterrupt

    server.login.expire()
    with pytest.raises(KeyboardInterrupt):
        AuthorizedHttp(http, provider, Crashing(store.tokens), lambda: at(server.login.clock_s)).request(
            "GET", f"{server.url}/api"
        )
    assert [asked.path for asked in server.asked] == ["/api", "/token"]
    later = AuthorizedHttp(http, provider, store, lambda: at(server.login.clock_s))
    assert later.request("GET", f"{server.url}/api").status == 200


def test_refresh_of_another_worker_is_used(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    server.login.forgets_old = True
    assert api.request("GET", f"{server.url}/api").status == 200
    server.login.expire()
    store.tokens = server.login.tokens()
    assert api.request("GET", f"{server.url}/api").status == 200
    assert "/token" not in [asked.path for asked in server.asked]
    assert store.saved == []


def test_stored_token_that_expires_is_not_used(server: LoginServer, api: AuthorizedHttp, store: Store) -> None:
    assert api.request("GET", f"{server.url}/api").status == 200
    server.login.expire()
    store.tokens = stored = replace(server.login.tokens(), expires_at=server.login.clock_s)
    assert api.request("GET", f"{server.url}/api").status == 200
    assert len(store.saved) == 1
    [refresh] = [asked.form for asked in server.asked if asked.path == "/token"]
    assert refresh["refresh_token"] == stored.refresh_token


def test_host_is_named_for_messages(api: AuthorizedHttp) -> None:
    assert api.host == "login.example"
