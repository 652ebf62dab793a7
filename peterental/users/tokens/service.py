"""API tokens: created and revoked by users, and the viewer of a request that sends one."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from typing import TYPE_CHECKING

from peterental.access import ToolToken, Viewer, owner_filter
from peterental.audit.model import Change
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.encryption import SENT_TWICE, ProposedSecrets
from peterental.users.tokens.model import (
    MAX_NAME_CHARS,
    MAX_TOKENS,
    PREFIX_CHARS,
    SCOPES,
    TOKEN_BYTES,
    TOKEN_PREFIX,
    ApiToken,
    IssuedToken,
    NewToken,
    TokenNameMissing,
    TokenNameTooLong,
    TokenUnknown,
    TokenViewer,
    TooManyTokens,
)
from peterental.users.tokens.repository import TokenRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.encryption import Keyring


_TOKEN = re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}")
_log = logging.getLogger("peterental.users")


class TokenService:
    """The tokens of one database.

    Args:
        database: where they are stored.
        audit: records who created and revoked them.
        keyring: encrypts the secrets that forms propose.
        now: returns the present moment, aware.
    """

    def __init__(
        self, database: Database, audit: AuditService, keyring: Keyring, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._proposed = ProposedSecrets(keyring, _new_secret)
        self._tokens = TokenRepository(database)
        self._audit = audit
        self._now = now

    def authenticate(self, secret: str) -> TokenViewer | None:
        """Return on whose behalf a token works; None if it is unknown, revoked, expired or its user is deactivated.

        One query; none for a text that cannot be a token.
        """
        if not _TOKEN.fullmatch(secret):
            return None
        found = self._tokens.find(_hash(secret))
        if found is None:
            return None
        return TokenViewer(
            viewer=Viewer(
                found["user_id"],
                found["email"],
                found["role"] == "admin",
                token=ToolToken(found["token_id"], found["name"]),
            ),
            token_id=found["token_id"],
            name=found["name"],
            prefix=found["prefix"],
            scopes=SCOPES[found["scope"]],
            expires_at=found["expires_at"],
        )

    def listing(self, viewer: Viewer) -> tuple[ApiToken, ...]:
        """Return the viewer's tokens, for an admin those of all users; valid ones first. One query."""
        return tuple(self._tokens.listing(owner_filter(viewer)))

    def count_valid(self, viewer: Viewer) -> int:
        """Return how many tokens of the viewer are valid. One query."""
        with self._database.transaction() as connection:
            return self._tokens.count_valid(connection, viewer.user_id)

    def propose(self, viewer: Viewer) -> str:
        """Return what a form carries, so that it creates one token when it is sent twice. No query."""
        return self._proposed.propose(_form_of(viewer))

    def create(self, entry: NewToken, viewer: Viewer, proposed: str = "") -> IssuedToken:
        """Create a token for the viewer's own tools.

        Args:
            entry: the token.
            viewer: whose tools.
            proposed: what the form carries. If the same form just created this token, that one is returned.

        Raises TokenNameMissing, TokenNameTooLong, TooManyTokens.
        """
        name = _checked_name(entry.name)
        secret = self._proposed.read(_form_of(viewer), proposed) or _new_secret()
        with self._database.transaction() as connection:
            self._tokens.lock_user(connection, viewer.user_id)
            made = self._tokens.read(connection, _hash(secret)) if proposed else None
            if made is not None:
                if _was_just_created(made, name, entry, self._now()):
                    return IssuedToken(token=made, secret=secret)
                secret = _new_secret()
            valid = self._tokens.count_valid(connection, viewer.user_id)
            if valid >= MAX_TOKENS:
                raise TooManyTokens(number=valid)
            token = self._tokens.insert(
                connection,
                viewer.user_id,
                _hash(secret),
                name=name,
                prefix=secret[:PREFIX_CHARS],
                scope=entry.scope,
                expires_at=self._now() + entry.lifetime if entry.lifetime else None,
            )
            after = {"prefix": token.prefix, "scope": token.scope, "expires_at": token.expires_at}
            self._record(connection, viewer, "token created", token, {k: v for k, v in after.items() if v is not None})
        _log.info("API token created: %s by %s", token.prefix, viewer.email)
        return IssuedToken(token=token, secret=secret)

    def revoke(self, token_id: int, viewer: Viewer) -> ApiToken:
        """Revoke a token of the viewer, or as an admin of anyone: its next request is refused.

        Raises TokenUnknown, also for one that was revoked before.
        """
        with self._database.transaction() as connection:
            known = 0 < token_id <= MAX_BIGINT
            token = self._tokens.revoke(connection, token_id, owner_filter(viewer), viewer.email) if known else None
            if token is None:
                raise TokenUnknown
            self._record(connection, viewer, "token revoked", token, {"prefix": token.prefix})
        _log.info("API token revoked: %s by %s", token.prefix, viewer.email)
        return token

    def _record(
        self, connection: Connection, viewer: Viewer, action: str, token: ApiToken, after: dict[str, object]
    ) -> None:
        change = Change(
            action=action,
            subject_kind="token",
            subject_id=str(token.token_id),
            subject_name=f"{token.name} of {token.user_email}",
            after=after,
        )
        self._audit.record(connection, viewer, change)


def _form_of(viewer: Viewer) -> str:
    return f"API token of a form of user {viewer.user_id}"


def _new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def _checked_name(entered: str) -> str:
    """Return the name of a new token. Raises TokenNameMissing, TokenNameTooLong."""
    name = entered.replace("\x00", "").strip()
    if not name:
        raise TokenNameMissing
    if len(name) > MAX_NAME_CHARS:
        raise TokenNameTooLong(characters=MAX_NAME_CHARS)
    return name


def _was_just_created(token: ApiToken, name: str, entry: NewToken, now: datetime) -> bool:
    """Return whether a token is what a form asks for that created it before, and was not used since."""
    if token.last_used_at is not None or token.revoked_at is not None or abs(now - token.created_at) >= SENT_TWICE:
        return False
    if token.expires_at is None or entry.lifetime is None:
        is_same_expiry = token.expires_at is None and entry.lifetime is None
    else:
        is_same_expiry = abs(token.expires_at - token.created_at - entry.lifetime) < SENT_TWICE
    return is_same_expiry and (token.name, token.scope) == (name, entry.scope)


def _hash(secret: str) -> bytes:
    """Return the hash of a token. The token is random, so that a plain hash is enough."""
    return hashlib.sha256(secret.encode("ascii")).digest()
