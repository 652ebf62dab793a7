"""The status of a page whose form was refused."""

from __future__ import annotations

from flask import make_response
from werkzeug.wrappers import Response

from peterental.errors import Refusal
from peterental.users.model import SignInBusy, TooManyAttempts
from peterental.web.shell.answers import form_status
from peterental.web.shell.forms import PageForm

BUSY_RETRY_AFTER_S = 5


def with_status(page: str, form: PageForm, refusal: Refusal | None = None) -> Response:
    """Return a page with the status that its form calls for.

    429 after too many attempts and 503 while too many people sign in, both with Retry-After; 400 for other errors.

    Args:
        page: its HTML.
        form: its form.
        refusal: why the service refused it; None if it did not.
    """
    response = make_response(page, form_status(form))
    if isinstance(refusal, TooManyAttempts):
        response.status_code = 429
        response.headers["Retry-After"] = str(refusal.values["wait_s"])
    elif isinstance(refusal, SignInBusy):
        response.status_code = 503
        response.headers["Retry-After"] = str(BUSY_RETRY_AFTER_S)
    return response
