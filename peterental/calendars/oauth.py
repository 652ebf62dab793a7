"""OAuth 2: the code flow with PKCE, tokens that refresh themselves, and requests that carry them.

Authlib builds the requests of the protocol; `HttpClient` transfers them, with its limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import urlencode

from authlib.oauth2.client import OAuth2Client

from peterental.calendars.http import HttpAnswer, HttpClient, raise_for_status
from peterental.calendars.model import AddressNotAllowed, CalendarAccessLost, CalendarNonsense, CalendarUnreachable
from peterental.calendars.source import Tokens, TokenStore
from peterental.clock import utc_now
from peterental.errors import Refusal

REFRESH_EARLY_S = 60
"""An access token is refreshed this long before it expires, in seconds."""

SHORTEST_LIFE_S, LONGEST_LIFE_S = 300, 86_400
"""The bounds of a token's life that is believed. A token that is over sooner is refreshed after the API's 401."""

UNREPORTED_SCOPES = frozenset({"offline_access", "openid", "profile", "email"})
"""Scopes that providers grant without listing them in `scope`. A refresh token proves the first."""

SIGN_IN_AGAIN = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
"""Errors that only the person can fix: RFC 6749 5.2, and OpenID Connect Core 3.1.2.6 as Microsoft uses it."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,20000}")
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")
_SUCCESS = range(200, 300)
_UNAUTHORIZED = 401
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class ScopesMissing(Refusal):
    """The sign-in at {host} did not allow everything that is needed: {scopes}. Connect again and allow all of it."""


@dataclass(frozen=True)
class OAuthProvider:
    """A provider's login service, and this application's registration at it.

    Args:
        host: its name in messages.
        authorize_url: where people sign in.
        token_url: where codes and refresh tokens are exchanged.
        client_id: of the registration.
        client_secret: of the registration.
        scopes: what is asked for. Each must be granted.
        parameters: further parameters of the address where people sign in.
    """

    host: str
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


def authorization_url(provider: OAuthProvider, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the address where a person signs in and allows the access.

    Args:
        provider: where.
        redirect_uri: where the person is sent back to.
        state: random text that the provider sends back. The caller checks that it comes back in the same session.
        verifier: random text of 43 to 128 characters, kept for `exchange_code`; its SHA-256 is sent (RFC 7636).
    """
    client = OAuth2Client(None, client_id=provider.client_id, scope=provider.scopes, code_challenge_method="S256")
    url, _ = client.create_authorization_url(
        provider.authorize_url,
        state=state,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
        **provider.parameters,
    )
    return str(url)


def exchange_code(
    provider: OAuthProvider,
    http: HttpClient,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
    now: Callable[[], datetime] = utc_now,
) -> Tokens:
    """Exchange the code that a person brought back for tokens.

    Raises CalendarAccessLost for a code that is not valid, and ScopesMissing if a scope or the refresh token is not
    granted.

    Args:
        provider: where the person signed in.
        http: transfers the request.
        code: from the address that the person was sent back to.
        verifier: the one that `authorization_url` was called with.
        redirect_uri: the one that `authorization_url` was called with.
        now: returns the current time, aware.
    """
    answer = _token_client(provider, http).fetch_token(
        provider.token_url,
        grant_type="authorization_code",
        code=code,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
    )
    missing = _missing_scopes(provider, answer)
    if missing:
        raise ScopesMissing(host=provider.host, scopes=", ".join(missing))
    return _tokens(answer, now)


class AuthorizedHttp:
    """Requests with an access token, which is refreshed when it expires. Used by one thread at a time.

    New tokens are saved before they are used. Before a refresh the stored tokens are read again, so that the refresh
    of another worker is used and not repeated.

    Args:
        http: transfers the requests.
        provider: which issued the tokens.
        store: where the tokens are kept.
        now: returns the current time, aware. A wrong clock costs one more request.
    """

    def __init__(
        self,
        http: HttpClient,
        provider: OAuthProvider,
        store: TokenStore,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._http = http
        self._provider = provider
        self._store = store
        self._now = now
        self._tokens: Tokens | None = None

    @property
    def host(self) -> str:
        """The provider's name in messages."""
        return self._provider.host

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        follow: bool = True,
    ) -> HttpAnswer:
        """Send a request with the access token, as `HttpClient.request` does; after a 401 once more with a new one.

        Raises CalendarAccessLost if the grant was revoked or has expired, and what `HttpClient.request` raises.

        Args:
            method: of the request. A request that is answered by 401 had no effect, so any may be sent again.
            url: of the provider's API. The caller checks an address that comes from an answer.
            headers: further headers.
            body: of the request.
            follow: whether redirects are followed.
        """
        tokens = self._tokens or self._store.load()
        if self._expires(tokens):
            tokens = self._renew(tokens)
        self._tokens = tokens
        answer = self._send(tokens, method, url, headers, body, follow=follow)
        if answer.status == _UNAUTHORIZED:
            self._tokens = self._renew(tokens)
            answer = self._send(self._tokens, method, url, headers, body, follow=follow)
        return answer

    def _send(
        self,
        tokens: Tokens,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        *,
        follow: bool,
    ) -> HttpAnswer:
        authorized = {**(headers or {}), "Authorization": f"Bearer {tokens.access_token}"}
        with _known_address(self.host):
            return self._http.request(method, url, headers=authorized, body=body, follow=follow)

    def _expires(self, tokens: Tokens) -> bool:
        return tokens.expires_at - REFRESH_EARLY_S <= self._now().timestamp()

    def _renew(self, spent: Tokens) -> Tokens:
        """Return stored tokens that are newer than `spent`, or else refresh and store them."""
        stored = self._store.load()
        if stored.access_token != spent.access_token and not self._expires(stored):
            return stored
        answer = _token_client(self._provider, self._http).refresh_token(
            self._provider.token_url, refresh_token=stored.refresh_token
        )
        renewed = _tokens(answer, self._now)
        self._store.save(renewed)
        return renewed


@contextmanager
def _known_address(host: str) -> Iterator[None]:
    """Report an address that is not allowed as a fault of the provider: no person has typed it."""
    try:
        yield
    except AddressNotAllowed as refusal:
        raise CalendarUnreachable(host=host, reason="its address is not on the public internet") from refusal


def _token_client(provider: OAuthProvider, http: HttpClient) -> OAuth2Client:
    return OAuth2Client(
        _TokenEndpoint(provider, http),
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106  # the name of a method, RFC 7591
    )


def _tokens(answer: Mapping[str, Any], now: Callable[[], datetime]) -> Tokens:
    """Return an answer's tokens. Authlib adds the old refresh token to an answer that has no new one."""
    return Tokens(
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        expires_at=now().timestamp() + answer["expires_in"],
    )


def _missing_scopes(provider: OAuthProvider, answer: Mapping[str, Any]) -> list[str]:
    """Return the scopes that an answer does not grant.

    Without `scope` it grants what was asked for (RFC 6749 5.1). Microsoft lists a scope with or without the address of
    its API in front, in any case of letters.
    """
    granted = answer.get("scope")
    names = {_scope_name(scope) for scope in granted.split()} if isinstance(granted, str) else None
    missing = [
        scope
        for scope in provider.scopes
        if scope not in UNREPORTED_SCOPES and names is not None and _scope_name(scope) not in names
    ]
    if "refresh_token" not in answer:
        missing.append("offline access")
    return missing


def _scope_name(scope: str) -> str:
    return scope.rpartition("/")[2].lower()


class _TokenEndpoint:
    """The session that Authlib sends through: one POST, whose answer is checked before Authlib reads it."""

    def __init__(self, provider: OAuthProvider, http: HttpClient) -> None:
        self._provider = provider
        self._http = http

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _TokenAnswer:
        """Send a form. `auth` is Authlib's way to add the client's id and secret."""
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        with _known_address(self._provider.host):
            answer = self._http.request("POST", url, headers=headers, body=body.encode("ascii"), follow=False)
        return _TokenAnswer(_checked(self._provider.host, answer))


class _TokenAnswer:
    """A checked answer of the token endpoint, in the form that Authlib reads."""

    status_code = 200

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def json(self) -> dict[str, Any]:
        return self._content


def _checked(host: str, answer: HttpAnswer) -> dict[str, Any]:
    """Return the fields that are used of an answer of the token endpoint, with types that can be relied on.

    Authlib's own errors are not used: it raises ValueError for a description with a line break, as Microsoft sends.
    """
    if answer.status == _TOO_MANY_REQUESTS or answer.status >= _SERVER_ERROR:
        raise_for_status(answer, host=host)
    if answer.status not in _SUCCESS:
        _refuse(host, answer)
    content = answer.json()
    if not isinstance(content, dict) or not _is_token(content.get("access_token")):
        raise CalendarNonsense(host=host, reason="the sign-in service sent no access token")
    kept: dict[str, Any] = {"access_token": content["access_token"], "expires_in": _life_s(content.get("expires_in"))}
    if _is_token(content.get("refresh_token")):
        kept["refresh_token"] = content["refresh_token"]
    if isinstance(content.get("scope"), str):
        kept["scope"] = content["scope"]
    return kept


def _refuse(host: str, answer: HttpAnswer) -> NoReturn:
    try:
        content = answer.json()
    except CalendarNonsense:
        content = None
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, str) and error in SIGN_IN_AGAIN:
        raise CalendarAccessLost(host=host)
    code = error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else answer.status
    raise CalendarUnreachable(host=host, reason=f"the sign-in service answered {code}")


def _is_token(value: object) -> bool:
    """Return whether a value is a token: its text goes into a header, so it has no spaces or line breaks."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _life_s(value: object) -> float:
    """Return for how long a token is used, in seconds. Some providers send the number as text."""
    try:
        life_s = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        life_s = math.nan
    return SHORTEST_LIFE_S if math.isnan(life_s) else min(max(life_s, SHORTEST_LIFE_S), LONGEST_LIFE_S)
