"""Google's login service: what is asked for, and why no more."""

from __future__ import annotations

from peterental.calendars.oauth import OAuthProvider

LOGIN_URL = "https://accounts.google.com"
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address

HOST = "Google Calendar"
"""Google's name in messages."""

_SCOPE = "https://www.googleapis.com/auth/calendar."

SCOPES = (f"{_SCOPE}events.owned", f"{_SCOPE}calendarlist.readonly", f"{_SCOPE}freebusy")
"""What is asked for.

- `calendar.events.owned` reads and writes the events of the calendars that the person owns.
- `calendar.calendarlist.readonly` lists the calendars, so that the person can choose.
- `calendar.freebusy` allows one method, which returns when a calendar is busy. With it a calendar blocks that is only
  shared with the person, such as the team's. `calendar.events.readonly` would do that too, but it opens the titles,
  guests and descriptions of every shared calendar, which are not needed to know when the person is busy.

Viewings can therefore be written into calendars that the person owns, and not into those of others where she may write:
that would need `calendar.events`, the power over every event of every calendar.
"""


def google_provider(login_url: str, client_id: str, client_secret: str) -> OAuthProvider:
    """Return Google's login service.

    Args:
        login_url: the base address, such as `https://accounts.google.com`. Google itself exchanges codes at another
            host than the one where people sign in; a stand-in at another address serves both.
        client_id: of the app registration.
        client_secret: of the app registration.
    """
    login_url = login_url.rstrip("/")
    return OAuthProvider(
        host=HOST,
        authorize_url=f"{login_url}/o/oauth2/v2/auth",
        token_url=_TOKEN_URL if login_url == LOGIN_URL else f"{login_url}/token",
        client_id=client_id,
        client_secret=client_secret,
        scopes=SCOPES,
        # Google issues a refresh token for offline access only, and after the first time only if consent is asked for.
        parameters={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
    )
