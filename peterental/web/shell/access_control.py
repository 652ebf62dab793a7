"""Decides, before any page runs, who may reach it: every page needs a sign-in unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from peterental.web.shell.csrf import csrf, is_preserving_form
from peterental.web.shell.session import viewer_of_session
from peterental.web.shell.sign_in_redirect import redirect_to_sign_in

View = TypeVar("View", bound=Callable[..., Any])

MACHINE_BLUEPRINTS = frozenset({"voice", "health"})
"""Blueprints that programs talk to: they have no forms, no cookies and their own ways to say no."""

MAX_FORM_BYTES = 256 * 1024

_MARK = "is_public"


def public(view: View) -> View:
    """Mark a view that anybody may reach without signing in."""
    setattr(view, _MARK, True)
    return view


def is_machine_request() -> bool:
    """Tell whether the request is for a program's route rather than for a page."""
    return request.blueprint in MACHINE_BLUEPRINTS


def authenticate_request() -> Response | None:
    """Find out who is there; send those who need to sign in to do so; check every form's CSRF token.

    Costs one query where there is a session. Raises CSRFError.
    """
    if is_machine_request():
        return None
    if request.endpoint is None:  # there is no such page, and the page that says so knows who reads it
        g.viewer = viewer_of_session()
        return None
    request.max_content_length = MAX_FORM_BYTES
    view = current_app.view_functions[request.endpoint]
    is_public = getattr(view, _MARK, False)
    if not getattr(view, "is_asset", False):
        g.viewer = viewer_of_session()
        if g.viewer is None and not is_public:
            return redirect_to_sign_in(view)
    try:
        csrf.protect()
    except CSRFError:
        if not is_preserving_form(view):  # whose form will say so itself
            raise
    return None


def safe_next(target: str | None) -> str | None:
    """Give where to go on to after signing in, if that is a page of this site.

    Browsers read a backslash as a slash and drop tabs and line ends: with either, what looks like a path leads away.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(character <= " " or character == "\x7f" for character in target):
        return None
    return target
