"""One-time password links: signed tokens that an admin passes on, or that are sent to the user by e-mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from peterental.users.model import LinkInvalid, PasswordGrant

LIFETIME = timedelta(days=7)
"""Of a link that an admin makes."""

RESET_LIFETIME = timedelta(hours=1)
"""Of a link that was requested on the sign-in page."""


def encode(grant: PasswordGrant, key: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """Return the signed token of a grant.

    Args:
        grant: what the token allows.
        key: signs it.
        now: from when it is valid, aware.
        lifetime: for how long, unless it is invalidated earlier.
    """
    expires_at = int((now + lifetime).timestamp())
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
