"""A login service: the code flow with PKCE, refresh tokens that rotate, and faults on demand."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from peterental.calendars.source import Tokens
from tests.calendars.provider_server import Answer, Asked, Loopback, Reply

CLIENT_ID, CLIENT_SECRET = "client-1", "example-1"


@dataclass(frozen=True)
class _Code:
    challenge: str
    redirect_uri: str
    scope: str


class Login:
    """The state of a login service, which a server of its own or a provider's fake answers with.

    Args:
        rotates: whether each refresh issues a new refresh token. The old one stays valid, as Microsoft's do, unless
            `forgets_old` is set.
        expires_in: the life of an access token, in seconds.
        clock_s: the service's clock, in seconds since 1970; tests move it.
    """

    def __init__(self, *, rotates: bool = True, expires_in: object = 3600, clock_s: float = 1_800_000_000) -> None:
        self.rotates = rotates
        self.forgets_old = False
        self.expires_in = expires_in
        self.clock_s = clock_s
        self.granted: str | None = None
        """The scopes that are granted, in place of those that were asked for."""
        self.reports_scope = True
        self.is_revoked = False
        self.faults: deque[Reply] = deque()
        """What the token endpoint answers first, one for each request."""
        self._codes: dict[str, _Code] = {}
        self._refresh_tokens: set[str] = set()
        self._access_tokens: dict[str, float] = {}
        self._count = 0

    def tokens(self) -> Tokens:
        """Issue tokens, as if a person had signed in."""
        granted = self._issue(scope="")
        return Tokens(granted["access_token"], granted["refresh_token"], self.clock_s + 3600)

    def accepts(self, asked: Asked) -> bool:
        """Return whether a request has a valid access token."""
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return not self.is_revoked and self._access_tokens.get(token, 0) > self.clock_s

    def expire(self) -> None:
        """End every access token."""
        self._access_tokens.clear()

    def revoke(self) -> None:
        """Withdraw the grant, as a person does in the provider's settings."""
        self.is_revoked = True

    def authorize(self, asked: Asked) -> Answer:
        """Answer the page where people sign in: consent at once, and send back a code."""
        query = asked.query
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        code = self._new("code")
        self._codes[code] = _Code(query["code_challenge"], query["redirect_uri"], query["scope"])
        back = urlencode({"code": code, "state": query["state"]})
        return Answer(302, headers={"Location": f"{query['redirect_uri']}?{back}"})

    def token(self, asked: Asked) -> Reply:
        """Answer the token endpoint, RFC 6749 4.1.3 and 6."""
        if self.faults:
            return self.faults.popleft()
        assert asked.method == "POST"
        assert asked.headers["content-type"].startswith("application/x-www-form-urlencoded")
        form = asked.form
        if (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return error("invalid_client", 401)
        if form["grant_type"] == "authorization_code":
            return self._exchange(form)
        assert form["grant_type"] == "refresh_token"
        if self.is_revoked or form["refresh_token"] not in self._refresh_tokens:
            return error("invalid_grant")
        if self.forgets_old:
            self._refresh_tokens.discard(form["refresh_token"])
        return Answer.of_json(self._issue(scope=self.granted, refresh=self.rotates))

    def _exchange(self, form: dict[str, str]) -> Answer:
        if "code" not in form:
            return error("invalid_request")
        code = self._codes.pop(form["code"], None)
        if code is None or code.redirect_uri != form["redirect_uri"] or code.challenge != s256(form["code_verifier"]):
            return error("invalid_grant")
        scope = code.scope if self.granted is None else self.granted
        return Answer.of_json(
            self._issue(scope=scope, refresh="offline_access" in scope or "offline_access" not in code.scope)
        )

    def _issue(self, *, scope: str | None, refresh: bool = True) -> dict[str, Any]:
        access_token = self._new("access")
        life_s = self.expires_in if isinstance(self.expires_in, int) else 3600
        self._access_tokens[access_token] = self.clock_s + life_s
        answer = {"token_type": "Bearer", "access_token": access_token, "expires_in": self.expires_in}
        if refresh:
            answer["refresh_token"] = self._new("refresh")
            self._refresh_tokens.add(str(answer["refresh_token"]))
        if scope is not None and self.reports_scope:
            answer["scope"] = " ".join(name for name in scope.split() if name != "offline_access")
        return answer

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


class LoginServer(Loopback):
    """A login service on a server of its own; `/api` is a resource that needs an access token."""

    def __init__(self) -> None:
        self.login = Login()
        super().__init__()

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/authorize":
            return self.login.authorize(asked)
        if asked.path == "/token":
            return self.login.token(asked)
        assert asked.path == "/api"
        return Answer(200, asked.body) if self.login.accepts(asked) else Answer(401)


class Store:
    """A token store in memory that keeps what was saved, in order."""

    def __init__(self, tokens: Tokens) -> None:
        self.saved: list[Tokens] = []
        self.tokens = tokens

    def load(self) -> Tokens:
        return self.tokens

    def save(self, tokens: Tokens) -> None:
        self.saved.append(tokens)
        self.tokens = tokens


def error(code: str, status: int = 400) -> Answer:
    """Return an error as Microsoft words it: the description has line breaks and quotes."""
    description = f'AADSTS70000: The provided value for "{code}" is not valid.\r\nTrace ID: 0\r\nTimestamp: 2026-11-29'
    return Answer.of_json({"error": code, "error_description": description}, status)


def s256(verifier: str) -> str:
    """Return the challenge of a verifier, RFC 7636 4.2."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
