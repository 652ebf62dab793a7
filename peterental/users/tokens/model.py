"""API tokens, what they allow, and the errors about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from peterental.access import Viewer
from peterental.errors import NotFound, Refusal

TokenScope = Literal["read", "book"]

SCOPES: Mapping[TokenScope, frozenset[TokenScope]] = {
    "read": frozenset({"read"}),
    "book": frozenset({"read", "book"}),
}
"""What each scope allows. read: read what the user may see; book: also book and change viewings."""

TOKEN_PREFIX = "pr_"  # noqa: S105 - the beginning of every token, no token
TOKEN_BYTES = 32
PREFIX_CHARS = len(TOKEN_PREFIX) + 6
"""As much of a token as is stored and shown, to recognise it."""

MAX_NAME_CHARS = 80
MAX_TOKENS = 50
"""The most valid tokens that one user may have."""

KEPT_FOR = timedelta(days=1)
"""How long an Idempotency-Key is remembered."""


class TokenNameMissing(Refusal):
    """Name the tool that will use the token."""


class TokenNameTooLong(Refusal):
    """The name can have at most {characters} characters."""


class TooManyTokens(Refusal):
    """You have {number} valid tokens. Revoke those that no tool uses before you create another one."""


class TokenUnknown(NotFound):
    """There is no such token."""


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token to be created.

    Args:
        name: of the tool that will use it.
        scope: what it allows.
        lifetime: after which it expires; None for never.
    """

    name: str
    scope: TokenScope = "read"
    lifetime: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A token as stored: everything but the token. Times are UTC.

    Args:
        token_id: its number.
        user_id, user_email: on whose behalf it works.
        name: of the tool that uses it.
        prefix: the first characters of the token.
        scope: what it allows.
        created_at: when it was created.
        expires_at: when it stops working; None for never.
        last_used_at: when it was last used, to the minute; None if it never was.
        revoked_at: when it was revoked; None if it was not.
        revoked_by: the e-mail address of the user who revoked it.
        is_user_active: whether its user may sign in.
    """

    token_id: int
    user_id: int
    user_email: str
    name: str
    prefix: str
    scope: TokenScope
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    is_user_active: bool

    def state(self, now: datetime) -> Literal["active", "revoked", "expired", "user deactivated"]:
        """Return whether it works, and why not."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.is_user_active else "user deactivated"


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A new token. `secret` is shown once: only its hash is stored."""

    token: ApiToken
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TokenViewer:
    """On whose behalf a request works, and by which token."""

    viewer: Viewer
    token_id: int
    name: str
    prefix: str
    scopes: frozenset[TokenScope]
    expires_at: datetime | None


# --- requests that count once ----------------------------------------------------------------------------------------


class KeyReused(Refusal):
    """This Idempotency-Key was used for another request. Choose a new key for each change."""


class RequestRunning(Refusal):
    """A request with this Idempotency-Key is still running. Send it again in a moment."""


@dataclass(frozen=True, kw_only=True)
class CountedRequest:
    """A request with an Idempotency-Key that is to be done now, or was done.

    Args:
        token_id: of the token that sent it.
        key: the Idempotency-Key.
        form_key: under which a booking is made once.
        runner: identifies this attempt.
        status: the HTTP status of its answer; None if it was not done yet.
        appointment_id: the viewing that it made or changed; None if it was not done yet.
    """

    token_id: int
    key: str
    form_key: str
    runner: str
    status: int | None = None
    appointment_id: int | None = None
