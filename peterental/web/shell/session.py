"""The signed-in viewer, and the cookie with the token of their session."""

from __future__ import annotations

from flask import Flask, Request, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.services import services_of
from peterental.users.model import CodeRequired, SessionViewer, SignedIn
from peterental.web.shell import trusted_device
from peterental.web.shell.client import client_of

_TOKEN, _CODE_REQUIRED = "token", "code_required"  # the names of session keys

CODE_LIFETIME_S = 10 * 60
"""The second step of a sign-in follows the first within this time."""

PATHS_WITHOUT_SESSION = ("/api/", "/vapi/", "/healthz", "/readyz", "/v/")


class PageSessions(SecureCookieSessionInterface):
    """Sessions for the pages of users only: programs send no cookies, and visitors' links need none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of a page request, or None for the routes of programs and visitors."""
        return None if request.path.startswith(PATHS_WITHOUT_SESSION) else super().open_session(app, request)


def start(signed_in: SignedIn) -> None:
    """Start a new session with a new token, and discard everything from the previous one, which ends."""
    replaced = _token()
    token = services_of(current_app).sessions.start(signed_in, client_of(request), replaces=replaced)
    _discard()
    session[_TOKEN] = token
    session.permanent = True
    g.viewer = signed_in.viewer
    trusted_device.remember(signed_in.viewer.email)


def await_code(required: CodeRequired) -> None:
    """Remember for CODE_LIFETIME_S that the password was right, and discard everything else from the session."""
    _discard()
    session[_CODE_REQUIRED] = [required.user_id, required.session_epoch, int(utc_now().timestamp())]


def awaited_code() -> CodeRequired | None:
    """Return whose code is awaited in this browser; None if no password was entered here within CODE_LIFETIME_S."""
    match session.get(_CODE_REQUIRED):
        case [int(user_id), int(epoch), int(since)] if 0 <= utc_now().timestamp() - since < CODE_LIFETIME_S:
            return CodeRequired(user_id, epoch)
    return None


def end() -> None:
    """Remove the session from this browser."""
    _discard()
    g.viewer = None


def session_viewer() -> SessionViewer | None:
    """Return the viewer of the session; None if there is no session or it has ended.

    Runs one query when there is a session.
    """
    token = _token()
    return services_of(current_app).sessions.viewer(token) if token else None


def viewer_of_session() -> Viewer | None:
    """Return the signed-in viewer; None if there is no session, it has ended, or it still lacks a second factor."""
    found = session_viewer()
    return None if found is None or found.needs_second_factor else found.viewer


def current_viewer() -> Viewer:
    """Return the signed-in viewer of a page that requires sign-in."""
    viewer = g.viewer
    assert isinstance(viewer, Viewer)  # noqa: S101  # for mypy; `authenticate_request` ensures it
    return viewer


def _discard() -> None:
    """Empty the session; a form that is rendered later in this request gets a new CSRF token."""
    session.clear()
    g.pop(current_app.config["WTF_CSRF_FIELD_NAME"], None)  # where Flask-WTF caches the token that it has made


def _token() -> str | None:
    token = session.get(_TOKEN)
    return token if isinstance(token, str) else None
