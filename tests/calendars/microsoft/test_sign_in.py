"""Signing in with a Microsoft account, from the first page to the first reading."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from peterental.calendars.http import HttpClient
from peterental.calendars.microsoft import MicrosoftAccount, microsoft_provider
from peterental.calendars.oauth import AuthorizedHttp, ScopesMissing, authorization_url, exchange_code
from peterental.calendars.source import Tokens
from tests.calendars.login import CLIENT_ID, CLIENT_SECRET, Store
from tests.calendars.microsoft.fake import FakeGraph
from tests.calendars.microsoft.office import NAMESPACE, WINDOW, hours, times
from tests.servers import HANG_S

BACK = "https://office.example/oauth/microsoft"


def sign_in(fake: FakeGraph, http: HttpClient) -> Tokens:
    """Sign in as a person does who allows what the stand-in grants."""
    provider = microsoft_provider(fake.url + "/", CLIENT_ID, CLIENT_SECRET)
    verifier = "v" * 64
    url = authorization_url(provider, redirect_uri=BACK, state="s1", verifier=verifier)
    location = http.request("GET", url, follow=False).headers["Location"]
    [code] = parse_qs(urlsplit(location).query)["code"]
    return exchange_code(provider, http, code=code, verifier=verifier, redirect_uri=BACK)


def test_person_signs_in_and_the_calendar_is_read(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9))
    http = HttpClient(timeout_s=HANG_S, allow_private=True)
    store = Store(sign_in(fake, http))
    authorized = AuthorizedHttp(http, microsoft_provider(fake.url, CLIENT_ID, CLIENT_SECRET), store)
    one = MicrosoftAccount(authorized, graph_url=fake.url + "/", namespace=NAMESPACE)
    [calendar] = one.calendars()
    assert times(one.read(calendar.remote_id, WINDOW, None)) == {hours(3, 9)}


def test_only_what_is_needed_is_asked_for(fake: FakeGraph) -> None:
    provider = microsoft_provider(fake.url, CLIENT_ID, CLIENT_SECRET)
    url = authorization_url(provider, redirect_uri=BACK, state="s", verifier="v" * 64)
    assert url.startswith(f"{fake.url}/common/oauth2/v2.0/authorize?")
    assert parse_qs(urlsplit(url).query)["scope"] == ["offline_access Calendars.ReadWrite"]
    assert provider.token_url == f"{fake.url}/common/oauth2/v2.0/token"


def test_sign_in_without_the_calendar_is_refused(fake: FakeGraph) -> None:
    """Pitfall 11: the person, or the administrator, allowed something less."""
    fake.login.granted = "offline_access Calendars.Read"
    http = HttpClient(timeout_s=HANG_S, allow_private=True)
    with pytest.raises(ScopesMissing, match=r"sign-in at Microsoft 365 .* Calendars\.ReadWrite"):
        sign_in(fake, http)
