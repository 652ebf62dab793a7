"""Cursors: where the next page of a list begins, as text that tools pass on unread. Pure."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from peterental.appointments.listing.model import Position
from peterental.web.api.problems import ApiError, FieldError, invalid

LAST_PAGE = 100
"""The last page of agents, calls, messages and homes. Filters lead to what follows."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = re.compile(r"p([0-9]{1,3})")
_POSITION = re.compile(r"v(-?[0-9]{1,18})\.([0-9]{1,10})")


def page_cursor(page: int, *, has_more: bool) -> str | None:
    """Return the cursor of the page after `page`; None if there is none."""
    return _encode(f"p{page + 1}") if has_more and page < LAST_PAGE else None


def page_of(cursor: str | None) -> int:
    """Return the number of a page, from 1. Raises ApiError."""
    if cursor is None:
        return 1
    found = _PAGE.fullmatch(_decode(cursor))
    if found is None or not 1 < int(found[1]) <= LAST_PAGE:
        raise _unknown()
    return int(found[1])


def position_cursor(position: Position) -> str:
    """Return the cursor of what follows a viewing."""
    microseconds = (position.start - _EPOCH) // timedelta(microseconds=1)
    return _encode(f"v{microseconds}.{position.appointment_id}")


def position_of(cursor: str | None) -> Position | None:
    """Return the position that a cursor stands for. Raises ApiError."""
    if cursor is None:
        return None
    found = _POSITION.fullmatch(_decode(cursor))
    if found is None or int(found[2]) >= 2**31:
        raise _unknown()
    try:
        return Position(_EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))
    except OverflowError:
        raise _unknown() from None


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")


def _decode(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise _unknown() from None


def _unknown() -> ApiError:
    return invalid([FieldError("cursor", "This is not a cursor of this list.")])
