"""Which of the caller's viewings a request names by day or time instead of by home: "cancel the Friday one". Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.appointments.date_parsing import (
    named_viewings,
    viewing_at_place,
    viewing_spared,
    viewings_left,
)

if TYPE_CHECKING:
    from peterental.appointments.date_parsing import Context
    from peterental.appointments.model import Appointment, BookingRequest


@dataclass(frozen=True)
class NamedByTime:
    """The viewings that each part of a request names, by their ids; None where it names none by day or time.

    Args:
        as_home: what was sent as the home: "the Friday one".
        as_time: what was sent as a time.
        as_answer: the caller's latest line, after the question which viewing is meant.
        is_left_over: whether the home was sent as what is not meant, unasked: "not the Friday one".
    """

    as_home: frozenset[int] | None = None
    as_time: frozenset[int] | None = None
    as_answer: frozenset[int] | None = None
    is_left_over: bool = False


NOT_BY_TIME = NamedByTime()


def named_by_time(
    bookings: Sequence[Appointment],
    request: BookingRequest,
    context: Context,
    *,
    moves: bool,
    was_asked: bool,
    listed: Sequence[Appointment] = (),
) -> NamedByTime:
    """Return which bookings a request names by day or time.

    Args:
        bookings: the caller's.
        request: its home and times count.
        context: what the words are read against.
        moves: whether its time is a new one, of which only words such as "the Friday one to …" name a viewing.
        was_asked: whether this call asked which viewing is meant.
        listed: those that the question named, in that order: "the second one" is one of them.
    """

    def ids(
        find: Callable[[object, Sequence[datetime], Context], frozenset[int] | None], raw: object
    ) -> frozenset[int] | None:
        found = None if raw is None else find(raw, [booking.start for booking in bookings], context)
        return None if found is None else frozenset(bookings[at].appointment_id for at in found)

    def placed(raw: object) -> frozenset[int] | None:
        at = (
            viewing_at_place(raw, [booking.start for booking in listed], context)
            if listed and raw is not None
            else None
        )
        return None if at is None else frozenset((listed[at].appointment_id,))

    def spared(raw: object) -> frozenset[int] | None:
        at = None if raw is None else viewing_spared(raw, [booking.start for booking in bookings], context)
        return None if at is None else frozenset((bookings[at].appointment_id,))

    said = request.said() if was_asked else ()
    read_time = viewings_left if moves else named_viewings
    as_place = placed(request.property_address) or (None if moves else placed(request.start_time or request.date))
    as_home = as_place or ids(named_viewings, request.property_address)
    left_over = spared(request.property_address) if as_home is None else None
    return NamedByTime(
        as_home=as_home or left_over,
        as_time=ids(read_time, request.start_time if moves else request.start_time or request.date),
        as_answer=(ids(read_time, said[-1]) or spared(said[-1])) if said else None,
        is_left_over=left_over is not None and not was_asked,
    )
