"""Explain why a viewing cannot start at a time, to the caller who wants it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments.availability import UnavailableReason
from peterental.appointments.model import (
    DayFull,
    NotASlotStart,
    NotOpen,
    OutsideHours,
    SlotTaken,
    TimePast,
    TooFar,
    TooSoon,
)

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.appointments.availability import Availability


_MAY_BE_CLOSED = frozenset((UnavailableReason.OUTSIDE_HOURS, UnavailableReason.OFF_GRID, UnavailableReason.TAKEN))


def check_start(availability: Availability, start: datetime) -> None:
    """Raise the refusal that explains why a viewing cannot start at `start`, with the nearest free times."""
    reason = availability.reason_unavailable(start)
    if reason is None:
        return
    nearest = availability.nearest(start)
    closed = availability.closed_at(start) if reason in _MAY_BE_CLOSED else None
    if closed is not None:
        raise NotOpen(nearest, start=start, closed=closed)
    match reason:
        case UnavailableReason.PAST:
            raise TimePast(nearest, start=start)
        case UnavailableReason.TOO_SOON:
            raise TooSoon(nearest, start=start, notice_minutes=availability.limits_at(start).notice_minutes)
        case UnavailableReason.TOO_FAR:
            raise TooFar(nearest, start=start, horizon_days=availability.limits_at(start).horizon_days)
        case UnavailableReason.OUTSIDE_HOURS:
            starts = availability.starts_on(start.astimezone(availability.zone).date())
            first, last = (starts[0], starts[-1]) if starts else (None, None)
            raise OutsideHours(nearest, start=start, first=first, last=last)
        case UnavailableReason.OFF_GRID:
            raise NotASlotStart(nearest, start=start)
        case UnavailableReason.TAKEN:
            raise SlotTaken(nearest, start=start)
        case UnavailableReason.DAY_FULL:
            raise DayFull(nearest, start=start)
