"""Redirects to sign-in, and back to the requested page or sent form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.web.shell.csrf import is_preserving_form
from peterental.web.shell.forms import SignInForm

SECRETS = frozenset({"csrf_token", "password", "current", "new", "code"})
"""Fields that are never copied into another page."""

MAX_PENDING_FORM_BYTES = 64 * 1024

Field = tuple[str, str]


def redirect_to_sign_in(view: Callable[..., Any]) -> Response:
    """Redirect to sign-in, or show sign-in with the entries of a sent form.

    Only entries from our own pages are kept, so that no other site can prefill a form.
    """
    sign_in_url = url_for("sign_in.login", next=_return_target())
    fields = preserved_fields(view)
    if not fields:
        return redirect(sign_in_url, 303)
    form = SignInForm(formdata=None, data={"pending_form": json.dumps(fields)})
    page = render_template("shell/login.html", form=form, action=sign_in_url, is_set_up=True)
    return make_response(page, 403)


def preserved_fields(view: Callable[..., Any]) -> list[Field]:
    """Return the fields of a sent form to keep; none if its view keeps none.

    Only forms from our own pages are kept.
    """
    if request.method != "POST" or not is_preserving_form(view) or not is_from_our_page():
        return []
    fields = [field for field in request.form.items(multi=True) if field[0] not in SECRETS]
    return fields if len(json.dumps(fields)) <= MAX_PENDING_FORM_BYTES else []


def is_from_our_page() -> bool:
    """Return whether the browser reports a same-origin request.

    Old browsers report nothing.
    """
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def resume(target: str, pending_form: str | None) -> Response:
    """Redirect to `target`, or return a page that leads to the pending form.

    Its fields are sent without a CSRF token: the view shows them and changes nothing until they are sent again.
    """
    fields = _decode_fields(pending_form)
    if not fields:
        return redirect(target, 303)
    return make_response(render_template("shell/resume_form.html", target=target, fields=fields))


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


def _decode_fields(pending_form: str | None) -> list[Field]:
    """Decode the fields from `redirect_to_sign_in`; empty if malformed."""
    try:
        fields = [(str(name), str(value)) for name, value in json.loads(pending_form or "[]")]
        json.dumps(fields, ensure_ascii=False).encode()  # rejects lone surrogates, which JSON allows and HTML does not
    except (ValueError, TypeError, RecursionError):
        return []
    return fields


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
