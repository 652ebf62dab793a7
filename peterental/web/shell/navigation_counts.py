"""The numbers in the navigation: what needs a person."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, g

from peterental.errors import Fault
from peterental.plural import plural
from peterental.services import services_of
from peterental.today.model import MOST_COUNTED, Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.web.shell.navigation import Counted

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Badge:
    """A number behind an entry of the navigation.

    Args:
        text: the number, or `99+`.
        meaning: what it counts, for screen readers.
    """

    text: str
    meaning: str


def navigation_counts() -> Mapping[Counted, Badge]:
    """Return the numbers above zero; none where they cannot be counted, which fails no page.

    Runs one query. A page about a server error runs none.
    """
    if g.get("needs_second_factor") or g.get("is_in_trouble"):
        return {}
    try:
        counts = services_of(current_app).today.counts(g.viewer)
    except Fault as fault:
        _log.warning("The numbers of the navigation are missing: %s", fault)
        return {}
    return badges(counts)


def badges(counts: Counts) -> Mapping[Counted, Badge]:
    """Return the numbers above zero with what they mean."""
    found: dict[Counted, tuple[int, str]] = {
        "viewings": (counts.viewings, f"past {plural(counts.viewings, 'viewing')} without an outcome"),
        "calls": (counts.calls, f"flagged {plural(counts.calls, 'call')}"),
        "messages": (counts.messages, f"open {plural(counts.messages, 'message')}"),
    }
    return {name: Badge(at_most(number), meaning) for name, (number, meaning) in found.items() if number}


def at_most(number: int) -> str:
    """Return a number that was counted up to MOST_COUNTED: `7`, `99+`."""
    return f"{MOST_COUNTED - 1}+" if number >= MOST_COUNTED else str(number)
