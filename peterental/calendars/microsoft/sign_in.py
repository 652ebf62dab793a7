"""How people sign in with a Microsoft account."""

from __future__ import annotations

from peterental.calendars.microsoft.graph import HOST
from peterental.calendars.oauth import OAuthProvider

SCOPES = ("offline_access", "Calendars.ReadWrite")
"""Calendars.ReadWrite covers reading busy times and the person's own viewings; nothing of mail or contacts is asked
for."""


def microsoft_provider(login_url: str, client_id: str, client_secret: str) -> OAuthProvider:
    """Return Microsoft's login service, for accounts of any organisation and personal ones.

    Args:
        login_url: the base address, such as `https://login.microsoftonline.com`.
        client_id: of the app registration.
        client_secret: of the app registration.
    """
    service = f"{login_url.rstrip('/')}/common/oauth2/v2.0"
    return OAuthProvider(
        host=HOST,
        authorize_url=f"{service}/authorize",
        token_url=f"{service}/token",
        client_id=client_id,
        client_secret=client_secret,
        scopes=SCOPES,
        parameters={"prompt": "select_account"},
    )
