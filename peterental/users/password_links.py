"""One-time password links: signed tokens that an admin passes on to a user."""

from __future__ import annotations

from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from peterental.users.model import LinkInvalid, PasswordGrant

LIFETIME = timedelta(days=7)


def encode(grant: PasswordGrant, key: str, now: datetime) -> str:
    """Return the signed token of a grant.

    It is valid for LIFETIME from `now` (aware), unless it is invalidated earlier.
    """
    expires_at = int((now + LIFETIME).timestamp())
    return str(_signer(key).dumps([grant.user_id, grant.session_epoch, grant.link_number, expires_at]))


def decode(token: str, key: str, now: datetime) -> PasswordGrant:
    """Return the grant in a token.

    Raises LinkInvalid if the signature is wrong or the token has expired.
    """
    try:
        user_id, session_epoch, link_number, expires_at = _signer(key).loads(token)
    except (BadData, ValueError, TypeError) as error:
        raise LinkInvalid from error
    if now.timestamp() >= expires_at:
        raise LinkInvalid
    return PasswordGrant(user_id, session_epoch, link_number)


def _signer(key: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt="peterental: choose a password")
