"""Who is signed in: the session cookie on one side, the viewer on the other."""

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
    """Sessions for pages. Programs send no cookies: a caller on the line need not wait while we look for one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Give the session of a page's request, and none at all for a program's."""
        return None if request.path.startswith(MACHINE_PATHS) else super().open_session(app, request)


def start(signed_in: SignedIn) -> None:
    """Begin a session of its own, with nothing left of what the browser had before."""
    session.clear()
    session[_USER] = signed_in.viewer.user_id
    session[_EPOCH] = signed_in.session_epoch
    session.permanent = True
    g.viewer = signed_in.viewer
    trusted_device.remember(signed_in.viewer.email)


def end() -> None:
    """Forget who was signed in."""
    session.clear()
    g.viewer = None


def viewer_of_session() -> Viewer | None:
    """Give who is signed in and still may be; one query, none without a session."""
    user_id, epoch = session.get(_USER), session.get(_EPOCH)
    if not isinstance(user_id, int) or not isinstance(epoch, int):
        return None
    return services_of(current_app).users.viewer(user_id, epoch)


def current_viewer() -> Viewer:
    """Give who is signed in, on a page that only they can reach."""
    viewer = g.viewer
    assert isinstance(viewer, Viewer)  # noqa: S101  # tells mypy; `authenticate_request` let nobody else through
    return viewer
