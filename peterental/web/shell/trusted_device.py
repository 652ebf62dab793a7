"""The cookie of a known browser, which failures elsewhere do not throttle."""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from peterental.clock import utc_now
from peterental.users.login_throttle import ClientOrigin, email_digest

DEVICE_COOKIE_LIFETIME_S = 365 * 24 * 60 * 60


def client_origin_of(email: str) -> ClientOrigin:
    """Return the address and known device that this request comes from."""
    return ClientOrigin(address=request.remote_addr or "", device=_known_device(email))


def remember(email: str) -> None:
    """Set the cookie that marks this browser as one in which `email` has signed in."""
    device = _known_device(email) or secrets.token_urlsafe(12)
    value = str(_signer().dumps([email_digest(email), device]))

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            _cookie_name(),
            value,
            max_age=DEVICE_COOKIE_LIFETIME_S,
            httponly=True,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            samesite="Lax",
        )
        return response


def _known_device(email: str) -> str | None:
    """Return the id of this browser if `email` has signed in with it within a year.

    A cookie from before the clock was set back is valid, although itsdangerous would refuse one that was signed later.
    """
    try:
        content, signed_at = _signer().loads(request.cookies.get(_cookie_name(), ""), return_timestamp=True)
        account, device = content
    except (BadData, ValueError, TypeError):
        return None
    is_expired = utc_now() - signed_at > timedelta(seconds=DEVICE_COOKIE_LIFETIME_S)
    return str(device) if account == email_digest(email) and not is_expired else None


def _cookie_name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-device"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="peterental: a browser that signed in")
