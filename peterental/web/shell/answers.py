"""What a view returns, and the status of a page with a form."""

from __future__ import annotations

from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

Answer = Response | str | tuple[str, int]
"""A redirect or other response, a page, or a page with its status."""


def form_status(form: FlaskForm) -> int:
    """Return the status of a page with this form: 400 if the form was sent, because an accepted one redirects."""
    return 400 if form.is_submitted() else 200
