"""Redirects to sign-in, and back to the requested page or sent form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.web.shell.csrf import is_preserving_form
from peterental.web.shell.forms import SignInForm

SECRETS = frozenset({"csrf_token", "password", "current", "new", "code"})
"""Fields that are never copied into another page."""

NOTHING_CHANGED = "Your session has ended, so nothing was changed. Sign in, then try again."
"""What sign-in says after a button was pressed, or a form was sent whose entries are not kept."""

MAX_PENDING_FORM_BYTES = 64 * 1024

Field = tuple[str, str]


def redirect_to_sign_in(view: Callable[..., Any]) -> Response:
    """Redirect to sign-in, or show sign-in with the entries of a sent form.

    Only entries from our own pages are kept, so that no other site can prefill a form. They are sent to the address of
    the form again, which shows them: the page that has the form may not accept one.
    """
    sign_in_url = url_for("sign_in.login", next=_return_target())
    fields = preserved_fields(view)
    if not fields:
        if request.method == "POST" and is_from_our_page():
            flash(NOTHING_CHANGED, "refused")
        return redirect(sign_in_url, 303)
    pending = {"action": request.full_path.rstrip("?"), "fields": fields}
    form = SignInForm(formdata=None, data={"pending_form": json.dumps(pending)})
    page = render_template("shell/login.html", form=form, action=sign_in_url, is_set_up=True)
    return make_response(page, 403)


def preserved_fields(view: Callable[..., Any]) -> list[Field]:
    """Return the fields of a sent form to keep; none if its view keeps none.

    Only forms from our own pages are kept.
    """
    if request.method != "POST" or not is_preserving_form(view) or not is_from_our_page():
        return []
    fields = [field for field in request.form.items(multi=True) if not _is_secret(field[0])]
    return fields if len(json.dumps(fields)) <= MAX_PENDING_FORM_BYTES else []


def _is_secret(name: str) -> bool:
    """Return whether a field is never copied. The token of a form with a prefix has the prefix, too."""
    return name in SECRETS or name.endswith("-csrf_token")


def is_from_our_page() -> bool:
    """Return whether the browser reports a same-origin request.

    Old browsers report nothing.
    """
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def resume(target: str, pending_form: str | None) -> Response:
    """Redirect to `target`, or return a page that leads to the pending form.

    Its fields are sent without a CSRF token: the view shows them and changes nothing until they are sent again.
    """
    action, fields = _decode_form(pending_form)
    if not fields:
        return redirect(target, 303)
    return make_response(render_template("shell/resume_form.html", target=action or target, fields=fields))


def safe_next(target: str | None) -> str | None:
    """Return the page to open after sign-in; None if it is on another site.

    Browsers read a backslash as a slash and drop tabs and line ends, so a path with either may lead to another site.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(character <= " " or character == "\x7f" for character in target):
        return None
    return target


def drop_empty_params() -> Response | None:
    """Redirect a list to the URL without empty parameters.

    Browsers send a parameter for every empty field.
    """
    if request.method not in {"GET", "HEAD"} or not (request.endpoint or "").endswith(".index"):
        return None
    params = list(request.args.items(multi=True))
    filled = [(name, value) for name, value in params if value.strip()]
    if len(filled) == len(params):
        return None
    query = urlencode(filled, errors="replace")
    return redirect(request.path + (f"?{query}" if query else ""), 303)


def _decode_form(pending_form: str | None) -> tuple[str | None, list[Field]]:
    """Decode the address and the fields from `redirect_to_sign_in`; no fields if malformed."""
    try:
        pending = json.loads(pending_form or "{}")
        action = safe_next(str(pending["action"]))
        fields = [(str(name), str(value)) for name, value in pending["fields"]]
        json.dumps([action, fields], ensure_ascii=False).encode()  # rejects lone surrogates, which HTML does not allow
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, []
    return action, fields


def _return_target() -> str | None:
    """Return the requested page, or the page that contains the sent form."""
    if request.method == "GET":
        target = request.full_path.rstrip("?")
    elif request.url_rule is not None and "GET" in (request.url_rule.methods or set()):
        target = request.path
    else:
        target = _referring_page()  # the URL only accepts POST
    return None if target == "/" else target


def _referring_page() -> str:
    """Return the path of our page in the Referer header, or `/`."""
    try:
        referrer = urlsplit(request.referrer or "")
    except ValueError:
        return "/"
    if referrer.netloc != request.host:
        return "/"
    return referrer.path + (f"?{referrer.query}" if referrer.query else "")
