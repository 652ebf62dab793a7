"""What one phrase says, sorted: the grammar's last step fills it, and the resolver reads it."""

from __future__ import annotations

from dataclasses import dataclass

from peterental.appointments.date_parsing.expressions import (
    AheadMinutes,
    Clock,
    DayExpression,
    DayPart,
    Pick,
    Shift,
    TimeWindow,
    ZoneName,
)


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """Everything that one phrase, or one alternative of it, says.

    Args:
        days, clocks, parts, windows: what was named.
        bare: numbers after a weekday ("Friday 4"): an hour, or the day of the month.
        excluded: days, parts and limits that do not suit.
        instants: lengths of time from now.
        shifts: changes relative to a booking.
        picks: choices from an offer.
        zones: time zones.
        flags: ANY, ASAP, FIRST_OF, YES, SAME_TIME, THIS_TIME, NEAR_THIS_TIME, MAYBE_THIS_TIME, NOT.
        unknown: words that were not understood.
    """

    days: tuple[DayExpression, ...] = ()
    clocks: tuple[Clock, ...] = ()
    bare: tuple[Clock, ...] = ()
    parts: tuple[DayPart, ...] = ()
    windows: tuple[TimeWindow, ...] = ()
    excluded: tuple[object, ...] = ()
    instants: tuple[AheadMinutes, ...] = ()
    shifts: tuple[Shift, ...] = ()
    picks: tuple[Pick, ...] = ()
    zones: tuple[ZoneName, ...] = ()
    flags: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()

    @property
    def names_time(self) -> bool:
        """Whether a time of day is named or limited."""
        return bool(self.clocks or self.bare or self.parts or self.windows)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was understood."""
        return not (
            self.days
            or self.names_time
            or self.excluded
            or self.instants
            or self.shifts
            or self.picks
            or self.flags - {"NOT"}
        )
