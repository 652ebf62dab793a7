"""Error pages: the only place where an exception becomes a page."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response as BaseResponse

from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.database.statement_errors import StatementCancelled, StatementRefused
from peterental.errors import Fault, Forbidden, NotFound, Refusal
from peterental.users.model import SignInBusy, TooManyAttempts
from peterental.web.shell.access_control import is_machine_request
from peterental.web.shell.provider_places import ProvidersBusy
from peterental.web.shell.sign_in_redirect import Field, preserved_fields

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5

ERROR_TEXTS = {
    400: ("Bad request", "The browser sent a request that PeteRental cannot read. Go back and try again."),
    403: ("Access denied", "Only an admin can open this page. Ask an admin of your office."),
    404: ("Page not found", "There is no such page, or you do not have access to it."),
    405: ("Page not found", "This address only receives a form. Go back and use the form."),
    413: ("Too large", "The form is too large. Shorten the text and send it again."),
    500: ("Something went wrong", "The error was logged. Try again in a moment."),
    503: ("Database not available", "Wait a few seconds, then try again."),
}
"""The title and the text of each status."""

FORM_MAY_BE_UNSAVED = (
    "Your entries are still here, but they may not have been saved. "
    "Wait a few seconds, then go back and send them again."
)
ACTION_MAY_BE_UNDONE = (
    "The change may not have been made. Wait a few seconds, then go back and reload the page to check."
)
"""The texts of 503 after a form was sent."""


def install(app: Flask) -> None:
    """Register the error handlers of `app`."""
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Forbidden, _forbidden)
    app.register_error_handler(TooManyAttempts, _too_many)
    app.register_error_handler(SignInBusy, _busy)
    app.register_error_handler(ProvidersBusy, _busy)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(DatabaseTooSlow, _unavailable)
    app.register_error_handler(StatementCancelled, _unavailable)
    app.register_error_handler(StatementRefused, _unavailable)


def _page(status: int, *, title: str | None = None, text: str | None = None, fields: Sequence[Field] = ()) -> Response:
    default_title, default_text = ERROR_TEXTS.get(
        status, ERROR_TEXTS[400 if status < InternalServerError.code else 500]
    )
    g.is_in_trouble = status >= InternalServerError.code  # the navigation of the page does not ask the database
    body = render_template(
        "shell/error.html", title=title or default_title, text=text or default_text, status=status, fields=fields
    )
    return make_response(body, status)


def _expired(error: CSRFError) -> Response:
    del error
    return _page(
        400,
        title="This page has expired",
        text="It was open for too long, or you have signed in again since. Nothing was changed. "
        "Go back, reload the page and try again.",
    )


def _http(error: HTTPException) -> BaseResponse | HTTPException:
    if is_machine_request() or error.code is None or error.code < 400:  # noqa: PLR2004  # HTTP's own number
        return error
    response = _page(error.code)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _not_found(error: NotFound) -> Response:
    """Return the same page for what does not exist and what is not visible."""
    del error
    return _page(404)


def _forbidden(error: Forbidden) -> Response:
    del error
    return _page(403)


def _refused(refusal: Refusal) -> Response:
    return _page(409, title="Not possible", text=str(refusal))


def _too_many(refusal: TooManyAttempts) -> Response:
    response = _page(429, title="Too many attempts", text=str(refusal))
    response.headers["Retry-After"] = str(refusal.values["wait_s"])
    return response


def _busy(refusal: SignInBusy | ProvidersBusy) -> Response:
    response = _page(503, title="Busy", text=str(refusal), fields=_preserved_fields())
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _unavailable(fault: Fault) -> Response:
    log.error("%s", fault)
    if is_machine_request():
        response = make_response("The database is not available.\n", 503)  # strangers learn no cause
        response.content_type = "text/plain; charset=utf-8"
    elif request.method == "POST":
        fields = _preserved_fields()
        response = _page(503, text=FORM_MAY_BE_UNSAVED if fields else ACTION_MAY_BE_UNDONE, fields=fields)
    else:
        response = _page(503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _preserved_fields() -> list[Field]:
    """Return the fields of the sent form that the error page passes on."""
    view = current_app.view_functions.get(request.endpoint or "")
    try:
        return preserved_fields(view) if view else []
    except HTTPException:  # the form is unreadable
        return []
