"""The way to the sign-in page and back: to the page that was asked for, and to a form as it was typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.web.shell.csrf import is_preserving_form
from peterental.web.shell.forms import SignInForm

SECRETS = frozenset({"csrf_token", "password", "current", "new"})
"""Fields that go into no other page."""

MAX_PENDING_FORM_BYTES = 64 * 1024

Field = tuple[str, str]


def redirect_to_sign_in(view: Callable[..., Any]) -> Response:
    """Send a stranger to sign in; where a form was sent that its view would show again, with what was typed in it.

    That holds for forms of our own pages only: nobody else's page fills in ours.
    """
    here = url_for("sign_in.login", next=_return_target())
    fields = preserved_fields(view)
    if not fields:
        return redirect(here, 303)
    form = SignInForm(formdata=None, data={"kept": json.dumps(fields)})
    page = render_template("shell/login.html", form=form, action=here, is_set_up=True)
    return make_response(page, 403)


def preserved_fields(view: Callable[..., Any]) -> list[Field]:
    """Give what was typed into a form of ours that its view would show again; nothing where that is not so."""
    if request.method != "POST" or not is_preserving_form(view) or not is_from_our_page():
        return []
    fields = [field for field in request.form.items(multi=True) if field[0] not in SECRETS]
    return fields if len(json.dumps(fields)) <= MAX_PENDING_FORM_BYTES else []


def is_from_our_page() -> bool:
    """Tell whether the browser says that a page of ours sent this form; old browsers say nothing."""
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def resume(target: str, pending_form: str | None) -> Response:
    """Go on to `target` after signing in; where a form was kept, by a page that leads back into it.

    Its fields are sent there without a token: the view shows them, and nothing is done before they are sent again.
    """
    fields = _decode_fields(pending_form)
    if not fields:
        return redirect(target, 303)
    return make_response(render_template("shell/resume_form.html", target=target, fields=fields))


def drop_empty_params() -> Response | None:
    """Send whoever searches a list on to the address that has only what is set: browsers send empty fields too."""
    if request.method not in {"GET", "HEAD"} or not (request.endpoint or "").endswith(".index"):
        return None
    parts = list(request.args.items(multi=True))
    filled = [(name, value) for name, value in parts if value.strip()]
    if len(filled) == len(parts):
        return None
    query = urlencode(filled, errors="replace")
    return redirect(request.path + (f"?{query}" if query else ""), 303)


def _decode_fields(pending_form: str | None) -> list[Field]:
    """Read what `redirect_to_sign_in` kept; nothing where it is not of that kind."""
    try:
        fields = [(str(name), str(value)) for name, value in json.loads(pending_form or "[]")]
        json.dumps(fields, ensure_ascii=False).encode()  # half a character, which JSON can name, can stand in no page
    except (ValueError, TypeError, RecursionError):
        return []
    return fields


def _return_target() -> str | None:
    """Give the page to come back to: the one asked for, or for a form the page that it is in."""
    if request.method == "GET":
        target = request.full_path.rstrip("?")
    elif request.url_rule is not None and "GET" in (request.url_rule.methods or set()):
        target = request.path
    else:
        target = _referring_page()  # a button's address is no page
    return None if target == "/" else target


def _referring_page() -> str:
    """Give the page of ours in which a button was pressed, as the browser tells it."""
    try:
        before = urlsplit(request.referrer or "")
    except ValueError:
        return "/"
    if before.netloc != request.host:
        return "/"
    return before.path + (f"?{before.query}" if before.query else "")
