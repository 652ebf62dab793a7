"""Access control: every page requires sign-in unless marked `@public`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from peterental.web.shell.csrf import csrf, is_preserving_form
from peterental.web.shell.session import session_viewer, viewer_of_session
from peterental.web.shell.sign_in_redirect import redirect_to_sign_in

View = TypeVar("View", bound=Callable[..., Any])

MACHINE_BLUEPRINTS = frozenset({"voice", "health", "feeds", "twilio", "api"})
"""Blueprints called by programs: they have no forms and no cookies, and report errors in their own format."""

LINK_BLUEPRINTS = frozenset({"visits", "offers"})
"""Blueprints whose URLs contain the secret that authorises the request: they have neither sessions nor CSRF tokens.

A site that forges a request would have to know the URL.
"""

MACHINE_PATH = "/api/"
"""Under this path every address is for programs, also those that do not exist."""

MAX_FORM_BYTES = 256 * 1024
MAX_LINK_FORM_BYTES = 4 * 1024

_MARK = "is_public"
_SETUP_MARK = "needs_no_second_factor"
_UPLOAD_MARK = "max_upload_bytes"


def public(view: View) -> View:
    """Mark a view as reachable without signing in."""
    setattr(view, _MARK, True)
    return view


def without_second_factor(view: View) -> View:
    """Mark a view as reachable for users who must set up a second factor first."""
    setattr(view, _SETUP_MARK, True)
    return view


def accepts_upload(max_bytes: int) -> Callable[[View], View]:
    """Return a decorator for a view whose form may have a file, and so `max_bytes` in all."""

    def mark(view: View) -> View:
        setattr(view, _UPLOAD_MARK, max_bytes)
        return view

    return mark


def is_machine_request() -> bool:
    """Return whether the request is for a route used by programs, not for a page."""
    return request.blueprint in MACHINE_BLUEPRINTS or request.path.startswith(MACHINE_PATH)


def authenticate_request() -> Response | None:
    """Load the viewer, require sign-in and a second factor, and check the CSRF token of a form.

    Runs one query when there is a session. Raises CSRFError.
    """
    if is_machine_request():
        return None
    if request.endpoint is None:  # no such page: the 404 page shows the viewer's navigation
        g.viewer = viewer_of_session()
        return None
    if request.blueprint in LINK_BLUEPRINTS:
        request.max_content_length = MAX_LINK_FORM_BYTES
        return None
    view = current_app.view_functions[request.endpoint]
    request.max_content_length = getattr(view, _UPLOAD_MARK, MAX_FORM_BYTES)
    is_public = getattr(view, _MARK, False)
    if not getattr(view, "is_asset", False):
        found = session_viewer()
        g.viewer = found.viewer if found else None
        if g.viewer is None and not is_public:
            return redirect_to_sign_in(view)
        g.needs_second_factor = found is not None and found.needs_second_factor
        if g.needs_second_factor and not is_public and not getattr(view, _SETUP_MARK, False):
            return redirect(url_for("users.second_factor"), 303)
    try:
        csrf.protect()
    except CSRFError:
        if not is_preserving_form(view):  # its form reports the expired token itself
            raise
    return None
