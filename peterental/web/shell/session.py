"""The signed-in viewer and the session cookie that identifies them."""

from __future__ import annotations

from flask import Flask, Request, current_app, g, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from peterental.access import Viewer
from peterental.services import services_of
from peterental.users.model import SignedIn
from peterental.web.shell import trusted_device

_USER, _EPOCH = "user_id", "epoch"

MACHINE_PATHS = ("/vapi/", "/healthz", "/readyz")


class PageSessions(SecureCookieSessionInterface):
    """Sessions for pages only: programs send no cookies."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of a page request, or None for the routes used by programs."""
        return None if request.path.startswith(MACHINE_PATHS) else super().open_session(app, request)


def start(signed_in: SignedIn) -> None:
    """Start a new session and discard everything from the previous one."""
    session.clear()
    session[_USER] = signed_in.viewer.user_id
    session[_EPOCH] = signed_in.session_epoch
    session.permanent = True
    g.viewer = signed_in.viewer
    trusted_device.remember(signed_in.viewer.email)


def end() -> None:
    """End the session."""
    session.clear()
    g.viewer = None


def viewer_of_session() -> Viewer | None:
    """Return the signed-in viewer, or None if the session is missing or revoked.

    Runs one query when there is a session.
    """
    user_id, epoch = session.get(_USER), session.get(_EPOCH)
    if not isinstance(user_id, int) or not isinstance(epoch, int):
        return None
    return services_of(current_app).users.viewer(user_id, epoch)


def current_viewer() -> Viewer:
    """Return the signed-in viewer of a page that requires sign-in."""
    viewer = g.viewer
    assert isinstance(viewer, Viewer)  # noqa: S101  # for mypy; `authenticate_request` ensures it
    return viewer
