"""One-time links: what an admin passes on so that somebody chooses a password."""

from __future__ import annotations

from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from peterental.users.model import LinkInvalid, PasswordGrant

LIFETIME = timedelta(days=7)


def encode(grant: PasswordGrant, key: str, now: datetime) -> str:
    """Give the token of a link that is good for seven days from `now`, unless it is called off before."""
    expires_at = int((now + LIFETIME).timestamp())
    return str(_signer(key).dumps([grant.user_id, grant.session_epoch, grant.link_number, expires_at]))


def decode(token: str, key: str, now: datetime) -> PasswordGrant:
    """Give what a token allows. Raises LinkUsed where it is not one of ours, or is too old."""
    try:
        user_id, session_epoch, link_number, expires_at = _signer(key).loads(token)
    except (BadData, ValueError, TypeError) as error:
        raise LinkInvalid from error
    if now.timestamp() >= expires_at:
        raise LinkInvalid
    return PasswordGrant(user_id, session_epoch, link_number)


def _signer(key: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt="peterental: choose a password")
