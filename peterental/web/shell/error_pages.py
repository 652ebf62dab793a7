"""Turns whatever went wrong into a page that says what to do; the one place where it happens."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response as BaseResponse

from peterental.access import AdminsOnly
from peterental.agents.model import AgentUnknown
from peterental.appointments.model import AppointmentUnknown
from peterental.calls.model import CallUnknown
from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.database.statement_errors import StatementCancelled, StatementRefused
from peterental.errors import Fault, Refusal
from peterental.messages.model import MessageUnknown
from peterental.users.model import TooManyAttempts, UserGone
from peterental.web.shell.access_control import is_machine_request
from peterental.web.shell.sign_in_redirect import Field, preserved_fields

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5

STATUS_OF: dict[type[Refusal], int] = {
    AgentUnknown: 404,
    AppointmentUnknown: 404,
    CallUnknown: 404,
    MessageUnknown: 404,
    UserGone: 404,
    AdminsOnly: 403,
}
"""Refusals that a page is, rather than has."""

WORDS = {
    400: ("That did not work", "The browser sent something PeteRental cannot read. Go back and try again."),
    403: ("Not yours to do", "This needs an admin. Ask whoever set PeteRental up."),
    404: ("Nothing here", "There is no such page, or it is not yours to see."),
    405: ("Nothing here", "This address is not a page of its own. Go back and use the form there."),
    413: ("Too much at once", "What was sent is larger than any form needs. Shorten it and send it again."),
    500: ("Our fault", "Something went wrong in PeteRental. It has been written to the log. Try again in a moment."),
    503: ("The database does not answer", "Nothing is lost. Wait a few seconds, then load this page again."),
}

KEPT = "What you typed is kept, but it may not have been saved. Wait a few seconds, then go back and send it again."
BUTTON = "It may not have been done. Wait a few seconds, go back and load the page again: it shows how things stand."
"""What is said instead where a form was sent to a database that does not answer."""


def install(app: Flask) -> None:
    """Give `app` its error pages."""
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(TooManyAttempts, _too_many)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(DatabaseTooSlow, _unavailable)
    app.register_error_handler(StatementCancelled, _unavailable)
    app.register_error_handler(StatementRefused, _unavailable)


def _page(status: int, *, title: str | None = None, text: str | None = None, fields: Sequence[Field] = ()) -> Response:
    usual_title, usual_text = WORDS.get(status, WORDS[400 if status < InternalServerError.code else 500])
    body = render_template(
        "shell/error.html", title=title or usual_title, text=text or usual_text, status=status, fields=fields
    )
    return make_response(body, status)


def _expired(error: CSRFError) -> Response:
    del error
    return _page(
        400,
        title="This page had expired",
        text="It was open for too long, or you signed in again meanwhile. Nothing was changed. "
        "Go back, load the page again and repeat what you did.",
    )


def _http(error: HTTPException) -> BaseResponse | HTTPException:
    if is_machine_request() or error.code is None or error.code < 400:  # noqa: PLR2004  # HTTP's own number
        return error
    response = _page(error.code)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _refused(refusal: Refusal) -> Response:
    """Say what is refused; a thing unknown and a thing of somebody else's look the same."""
    status = STATUS_OF.get(type(refusal))
    if status is not None:
        return _page(status)
    return _page(409, title="That cannot be done", text=str(refusal))


def _too_many(refusal: TooManyAttempts) -> Response:
    response = _page(429, title="Too many tries", text=str(refusal))
    response.headers["Retry-After"] = str(refusal.values["wait_s"])
    return response


def _unavailable(fault: Fault) -> Response:
    log.error("%s", fault)
    if is_machine_request():
        response = make_response(f"{fault}\n", 503)
        response.content_type = "text/plain; charset=utf-8"
    elif request.method == "POST":
        fields = _typed()
        response = _page(503, text=KEPT if fields else BUTTON, fields=fields)
    else:
        response = _page(503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _typed() -> list[Field]:
    """Give what is to be given back to whoever sent a form."""
    view = current_app.view_functions.get(request.endpoint or "")
    try:
        return preserved_fields(view) if view else []
    except HTTPException:  # not a form that can be read
        return []
