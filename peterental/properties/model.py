"""Homes as the catalogue has them, and the errors about them. The pages call a property a home."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from peterental.agents.model import Window
from peterental.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.agents.model import Rules

PropertyStatus = Literal["active", "inactive"]


class PropertyUnknown(NotFound):
    """There is no such home."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """A home as stored.

    Args:
        property_id: its number.
        line1: house number and street: "1420 Elm Street".
        unit: without designator or with one, as the office writes it: "2B", "Apt 2B".
        city, state, zip_code: may be None where the office left them out.
        said_as: other names that callers use: "The Gables 2B".
        bedrooms: 0 is a studio.
        bathrooms: counted in halves.
        rent: a month, in whole dollars.
        available_on: from which day it can be rented; None: now.
        status: `inactive` is neither offered nor booked.
        showing_minutes: how long a viewing of it takes; None: as long as the agent's.
        notice_minutes: the shortest notice for it; the agent's counts too.
        windows: when it may be shown, (ISO weekday, window) pairs on the agent's wall clock; empty: always.
        shown_by: the ids of the agents who show it; empty: all.
        source: "manual", or the name of the feed it came from.
        source_id: its id in that feed.
        updated_at: when it last changed, in UTC; a form compares it to detect edit conflicts.
    """

    property_id: int
    line1: str
    unit: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    said_as: tuple[str, ...] = ()
    bedrooms: int | None = None
    bathrooms: float | None = None
    rent: int | None = None
    available_on: date | None = None
    status: PropertyStatus = "active"
    showing_minutes: int | None = None
    notice_minutes: int | None = None
    windows: tuple[tuple[int, Window], ...] = ()
    shown_by: frozenset[str] = frozenset()
    source: str = "manual"
    source_id: str | None = None
    updated_at: datetime | None = None

    @property
    def label(self) -> str:
        """Street and unit, which is how it is named to a caller and in lists."""
        if not self.unit:
            return self.line1
        unit = self.unit if " " in self.unit or self.unit.startswith("#") else f"Unit {self.unit}"
        return f"{self.line1}, {unit}"

    @property
    def address(self) -> str:
        """The whole address in one line."""
        locality = " ".join(part for part in (self.state, self.zip_code) if part)
        return ", ".join(part for part in (self.label, self.city, locality) if part)

    def is_shown_by(self, agent_id: str) -> bool:
        """Return whether an agent shows it."""
        return not self.shown_by or agent_id in self.shown_by

    def narrowed(self, rules: Rules) -> Rules:
        """Return an agent's rules for viewings of this home. They never become wider, but for the length."""
        return replace(
            rules,
            slot_minutes=self.showing_minutes or rules.slot_minutes,
            notice_minutes=max(self.notice_minutes or 0, rules.notice_minutes),
            week=tuple(
                (weekday, window)
                for weekday, open_window in rules.week
                for window in self._windows_within(weekday, open_window)
            ),
            days=tuple(
                (day, window) for day, open_window in rules.days for window in self._override_within(day, open_window)
            ),
        )

    def _windows_within(self, weekday: int, outer: Window) -> Sequence[Window]:
        """Return when it may be shown in a working window of an agent."""
        if not self.windows:
            return (outer,)
        own = (window for on_weekday, window in self.windows if on_weekday == weekday)
        shared = (
            Window(max(window.opens_min, outer.opens_min), min(window.closes_min, outer.closes_min)) for window in own
        )
        return [window for window in shared if window.opens_min < window.closes_min]

    def _override_within(self, day: date, outer: Window | None) -> Sequence[Window | None]:
        """Return the same for an override of a day; a day on which it may not be shown is closed."""
        if outer is None:
            return (None,)
        return self._windows_within(day.isoweekday(), outer) or (None,)
