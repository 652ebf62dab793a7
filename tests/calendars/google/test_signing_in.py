"""Signing in at Google: what is asked for, what must be granted, and tokens that change."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from peterental.calendars.google import GoogleAccount, google_provider
from peterental.calendars.google.provider import HOST, LOGIN_URL, SCOPES
from peterental.calendars.http import HttpClient
from peterental.calendars.model import CalendarAccessLost, CalendarFault
from peterental.calendars.oauth import AuthorizedHttp, ScopesMissing, authorization_url, exchange_code
from peterental.calendars.source import Tokens
from tests.calendars.google.contract import google_contract
from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import DANA, NAMESPACE, WINDOW, at, connect, provider, viewing
from tests.calendars.login import Store

REDIRECT = "http://127.0.0.1:9/oauth/google"
VERIFIER = "v" * 43
EVENTS_OWNED, CALENDAR_LIST, FREE_BUSY = SCOPES

USED = {
    "calendar.calendarList.get": CALENDAR_LIST,
    "calendar.calendarList.list": CALENDAR_LIST,
    "calendar.events.delete": EVENTS_OWNED,
    "calendar.events.get": EVENTS_OWNED,
    "calendar.events.insert": EVENTS_OWNED,
    "calendar.events.list": EVENTS_OWNED,
    "calendar.events.patch": EVENTS_OWNED,
    "calendar.freebusy.query": FREE_BUSY,
}
"""The methods that are used, and the scope that allows each."""


def client() -> HttpClient:
    return HttpClient(timeout_s=60, allow_private=True)


def sign_in(google: GoogleFake) -> Tokens:
    """Go through the pages as a browser does."""
    address = authorization_url(provider(google), redirect_uri=REDIRECT, state="state-1", verifier=VERIFIER)
    answer = client().request("GET", address, follow=False)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["state-1"]
    return exchange_code(provider(google), client(), code=back["code"][0], verifier=VERIFIER, redirect_uri=REDIRECT)


def test_person_signs_in_and_is_read(google: GoogleFake) -> None:
    google.calendars[DANA].put(start=at(1, 10), end=at(1, 11))
    tokens = sign_in(google)
    account = connect(google, store=Store(tokens))
    assert len(account.read(DANA, WINDOW, None).busy) == 1
    assert [each.remote_id for each in account.calendars()] == [DANA]


def test_login_page_is_asked_for_offline_access(google: GoogleFake) -> None:
    """Without these Google sends no refresh token the second time."""
    address = authorization_url(provider(google), redirect_uri=REDIRECT, state="s", verifier=VERIFIER)
    query = parse_qs(urlsplit(address).query)
    assert query["access_type"] == ["offline"]
    assert query["prompt"] == ["consent"]
    assert query["include_granted_scopes"] == ["true"]
    assert query["scope"] == [" ".join(SCOPES)]


@pytest.mark.parametrize("scope", SCOPES)
def test_unticked_scope_is_refused(google: GoogleFake, scope: str) -> None:
    """Pitfall 11: Google lets people untick single scopes."""
    google.unticked = frozenset({scope})
    with pytest.raises(ScopesMissing, match=scope.rpartition("/")[2]):
        sign_in(google)


def test_scopes_granted_before_are_no_obstacle(google: GoogleFake) -> None:
    """With include_granted_scopes Google lists older grants too."""
    tokens = google.sign_in(DANA, [*SCOPES, "openid", "https://www.googleapis.com/auth/userinfo.email"])
    assert connect(google, store=Store(tokens)).calendars()


def test_code_works_once(google: GoogleFake) -> None:
    address = authorization_url(provider(google), redirect_uri=REDIRECT, state="s", verifier=VERIFIER)
    answer = client().request("GET", address, follow=False)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    with pytest.raises(CalendarAccessLost):
        exchange_code(provider(google), client(), code=code, verifier="w" * 43, redirect_uri=REDIRECT)
    with pytest.raises(CalendarAccessLost):
        exchange_code(provider(google), client(), code=code, verifier=VERIFIER, redirect_uri=REDIRECT)


def test_wrong_registration_is_a_fault(google: GoogleFake) -> None:
    tokens = google.sign_in(DANA)
    google.expire_access_tokens()
    wrong = google_provider(google.url, "x", "y")
    account = GoogleAccount(AuthorizedHttp(client(), wrong, Store(tokens)), api_url=google.url, namespace=NAMESPACE)
    with pytest.raises(CalendarFault, match="invalid_client"):
        account.calendars()


def test_codes_are_exchanged_at_googles_other_host() -> None:
    """Codes are exchanged at another host than the one where people sign in, unless a stand-in is configured."""
    google = google_provider(LOGIN_URL, "x", "y")
    assert google.authorize_url == "https://accounts.google.com/o/oauth2/v2/auth"
    assert google.token_url == "https://oauth2.googleapis.com/token"
    stand_in = google_provider("http://127.0.0.1:9/", "x", "y")
    assert stand_in.authorize_url == "http://127.0.0.1:9/o/oauth2/v2/auth"
    assert stand_in.token_url == "http://127.0.0.1:9/token"
    assert google.host == HOST


# --- least privilege ---


UNUSED = {
    "calendar.calendarList.watch",
    "calendar.channels.stop",
    "calendar.colors.get",
    "calendar.events.import",
    "calendar.events.instances",
    "calendar.events.move",
    "calendar.events.quickAdd",
    "calendar.events.update",
    "calendar.events.watch",
}
"""What the scopes allow besides. Google has no narrower ones."""


def test_scopes_allow_what_is_used_and_little_more() -> None:
    contract = google_contract()
    methods = {
        method["id"]: set(method["scopes"])
        for resource in contract.document["resources"].values()
        for method in resource["methods"].values()
    }
    assert all(scope in methods[name] for name, scope in USED.items())
    assert [name for name, scopes in methods.items() if FREE_BUSY in scopes] == ["calendar.freebusy.query"]
    assert {name for name, scopes in methods.items() if scopes & set(SCOPES)} == USED.keys() | UNUSED
    for scope in SCOPES:
        assert scope in contract.document["auth"]["oauth2"]["scopes"]


def test_every_operation_works_with_these_scopes(google: GoogleFake) -> None:
    """The fake checks the scopes of each method by Google's description."""
    shared = google.add_calendar(DANA, "team@group.calendar.google.com", role="writer")
    account = connect(google)
    account.calendars()
    cursor = account.read(DANA, WINDOW, None).cursor
    account.read(DANA, WINDOW, cursor)
    account.read(shared.calendar_id, WINDOW, None)
    written = account.write(DANA, viewing())
    account.write(DANA, viewing(event_id=written.event_id))
    assert account.find(DANA, viewing()) is not None
    account.delete(DANA, written.event_id)
    names = set()
    for request in google.requests:
        call = google.contract.call(request.method, request.path)
        assert call is not None
        names.add(call.name)
    assert names == set(USED)


# --- tokens that change ---


def test_rotated_refresh_token_is_saved_before_use(google: GoogleFake) -> None:
    """Pitfall 10: a crash after the refresh leaves the new token in the store."""
    google.rotates = True
    store = Store(google.sign_in(DANA))
    google.expire_access_tokens()
    google.answer_error(500, "backendError", skip=1)
    with pytest.raises(CalendarFault):
        connect(google, store=store).calendars()
    assert store.tokens.refresh_token == google.accounts[DANA].refresh_token
    google.expire_access_tokens()
    assert connect(google, store=store).calendars()


def test_two_workers_refresh_once(google: GoogleFake) -> None:
    google.rotates = True
    store = Store(google.sign_in(DANA))
    first, second = connect(google, store=store), connect(google, store=store)
    first.calendars()
    second.calendars()
    google.expire_access_tokens()
    assert first.calendars()
    assert second.calendars()
    assert sum(request.path == "/token" for request in google.requests) == 1


def test_testing_token_that_ends_after_a_week(google: GoogleFake) -> None:
    """While the app is in the publishing status "Testing", Google ends each grant after seven days."""
    store = Store(google.sign_in(DANA))
    google.revoke(DANA)
    with pytest.raises(CalendarAccessLost, match="Google Calendar no longer accepts the sign-in"):
        connect(google, store=store).calendars()


def test_tokens_are_sent_to_google_only_in_headers(google: GoogleFake) -> None:
    connect(google).calendars()
    (request,) = google.requests
    assert request.headers["Authorization"].startswith("Bearer access-")
    assert "access-" not in request.path + str(request.query)
