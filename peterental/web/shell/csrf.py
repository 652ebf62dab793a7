"""CSRF protection of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_wtf.csrf import CSRFProtect

View = TypeVar("View", bound=Callable[..., Any])

csrf = CSRFProtect()

_MARK = "preserves_form"


def preserves_form(view: View) -> View:
    """Mark a view whose form keeps its entries when the CSRF token has expired.

    Its `PageForm` reports the expired token as a form error.

    Such a view changes nothing unless `form.validate_on_submit()` returns True.
    """
    setattr(view, _MARK, True)
    return view


def is_preserving_form(view: Callable[..., Any]) -> bool:
    """Return whether a view is marked with `preserves_form`."""
    return getattr(view, _MARK, False)
