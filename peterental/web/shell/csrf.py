"""CSRF protection of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_wtf.csrf import CSRFProtect

View = TypeVar("View", bound=Callable[..., Any])

csrf = CSRFProtect()

_MARK = "keeps_form"


def preserves_form(view: View) -> View:
    """Mark a view whose `PageForm` shows an outdated CSRF token as an error, so that what was typed is not lost.

    Such a view changes nothing unless `form.validate_on_submit()` says so.
    """
    setattr(view, _MARK, True)
    return view


def is_preserving_form(view: Callable[..., Any]) -> bool:
    """Tell whether a view is so marked."""
    return getattr(view, _MARK, False)
