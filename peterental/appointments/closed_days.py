"""Why no viewing is possible on a whole day or at a time: the office is closed, or the agent is away. Pure.

Viewings that fill a day are no such reason, nor is a weekday on which the agent never works.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from peterental.appointments.availability import Availability
    from peterental.appointments.date_parsing import Search

MAX_DAYS_EXPLAINED = 14
"""A search of more days is not explained: so many days are not all closed."""


class ClosedBy(Enum):
    """Whose reason it is."""

    OFFICE = "the office is closed"
    AGENT = "the agent is not available"
    TEAM = "no agent of the line is available"


@dataclass(frozen=True)
class Closed:
    """Why no viewing is possible. The reasons of agents are private, so they are not named.

    Args:
        by: whose reason it is.
        name: of the closure of the office, as it was typed; None for any other reason, and for several closures.
        is_whole_day: whether it is of the whole day, not of the time that was asked for only.
    """

    by: ClosedBy
    name: str | None = None
    is_whole_day: bool = True


def closed_days(availability: Availability, search: Search) -> Closed | None:
    """Return why no day of a search has viewings; None if one of them can, or if it is of too many days.

    Args:
        availability: in which nothing was found.
        search: what was asked for.
    """
    if not search.days:
        return None
    days = list(islice((day for day in availability.days() if search.allows_day(day)), MAX_DAYS_EXPLAINED + 1))
    return None if len(days) > MAX_DAYS_EXPLAINED else _of_all(availability, days)


def _of_all(availability: Availability, days: Iterable[date]) -> Closed | None:
    """Return the reason of several days; those on which no agent works anyway need none."""
    found: list[Closed] = []
    for day in days:
        closed = availability.closed_on(day)
        if closed is not None:
            found.append(closed)
        elif availability.starts_on(day):
            return None
    return common_reason(found)


def common_reason(found: list[Closed]) -> Closed | None:
    """Return what several reasons have in common; None for none.

    Different closures have no common name. Closures and absences are an absence.
    """
    if not found:
        return None
    absence = next((each for each in found if each.by is not ClosedBy.OFFICE), None)
    if absence is not None:
        return absence
    return found[0] if len({each.name for each in found}) == 1 else Closed(ClosedBy.OFFICE)
