"""What all pages behind a visitor's link share: headers that keep the token secret, unknown links, and outages."""

from __future__ import annotations

import logging

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.database.statement_errors import StatementCancelled, StatementRefused
from peterental.errors import Fault, NotFound
from peterental.web.visits.wording import ENGLISH, WORDINGS

_log = logging.getLogger(__name__)

HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
RETRY_AFTER_S = 60


def install(blueprint: Blueprint, unknown: type[NotFound]) -> None:
    """Add the headers and the error pages to a blueprint.

    Args:
        blueprint: whose pages are reached by a link.
        unknown: what its pages raise for a link that leads nowhere.
    """
    blueprint.after_request(_protect)
    blueprint.register_error_handler(unknown, _unknown)
    for fault in (DatabaseUnavailable, DatabaseTooSlow, StatementCancelled, StatementRefused):
        blueprint.register_error_handler(fault, _unavailable)


def _unknown(error: NotFound) -> tuple[str, int]:
    del error
    return _nothing("unknown"), 404


def _unavailable(fault: Fault) -> Response:
    _log.error("%s", fault)
    response = make_response(_nothing("unavailable"), 503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _nothing(name: str) -> str:
    return render_template("visits/nothing.html", language="en", words=ENGLISH, wordings=WORDINGS, name=name)


def _protect(response: Response) -> Response:
    """Add the headers that keep the token secret."""
    response.headers.update(HEADERS)
    return response
