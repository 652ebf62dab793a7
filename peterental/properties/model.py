"""Homes as the catalogue has them, and the errors about them. The pages call a property a home."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from peterental.agents.model import Window
from peterental.errors import NotFound, Refusal
from peterental.matching import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.agents.model import Rules

PropertyStatus = Literal["active", "inactive"]

MANUAL = "manual"
"""The source of a home that a person added on the pages."""


class PropertyUnknown(NotFound):
    """There is no such home."""


class PropertyAddressMissing(Refusal):
    """Enter the house number and the street."""


class PropertyTextTooLong(Refusal):
    """{label} can have at most {characters} characters."""


class PropertyOutOfRange(Refusal):
    """{label} must be from {low} to {high}."""


class PropertyListTooLong(Refusal):
    """A home can have at most {limit} {kind}."""


class PropertyAgentUnknown(Refusal):
    """One of the agents who show this home no longer exists. Open the page again."""


class PropertyExists(Refusal):
    """{label} is already in the list of homes."""

    def __init__(self, existing: Property) -> None:
        self.existing = existing
        """The active home with this address."""
        super().__init__(label=existing.label)


class PropertySettingsChanged(Refusal):
    """Another admin changed the settings after you opened this page. Check them, then save again."""


class PropertyChanged(Refusal):
    """Another user changed this home after you opened it, so your changes were not saved."""

    def __init__(self, home: Property) -> None:
        self.home = home
        """The home as it is now."""
        super().__init__()


def label_of(line1: str, unit: str | None) -> str:
    """Return street and unit in one text: "1420 Elm Street, Unit 2B"."""
    if not unit:
        return line1
    return f"{line1}, {unit if ' ' in unit or unit.startswith('#') else f'Unit {unit}'}"


@dataclass(frozen=True, kw_only=True)
class PropertyDetails:
    """What the office says of a home: the fields of its form.

    Args:
        line1: house number and street: "1420 Elm Street".
        unit: without designator or with one, as the office writes it: "2B", "Apt 2B".
        city, state, zip_code: may be None where the office left them out.
        said_as: other names that callers use: "The Gables 2B".
        bedrooms: 0 is a studio.
        bathrooms: counted in quarters.
        rent: a month, in whole dollars.
        available_on: from which day it can be rented; None: now.
        showing_minutes: how long a viewing of it takes; None: as long as the agent's.
        notice_minutes: the shortest notice for it; the agent's counts too.
        windows: when it may be shown, (ISO weekday, window) pairs on the agent's wall clock; empty: always.
        shown_by: the ids of the agents who show it; empty: all.
    """

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
    showing_minutes: int | None = None
    notice_minutes: int | None = None
    windows: tuple[tuple[int, Window], ...] = ()
    shown_by: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """Street and unit, which is how it is named to a caller and in lists."""
        return label_of(self.line1, self.unit)

    @property
    def address(self) -> str:
        """The whole address in one line."""
        locality = " ".join(part for part in (self.state, self.zip_code) if part)
        return ", ".join(part for part in (self.label, self.city, locality) if part)

    @cached_property
    def parsed(self) -> Address:
        """The whole address in the parts that tell homes apart."""
        return parse_address(self.address)


@dataclass(frozen=True, kw_only=True)
class Property(PropertyDetails):
    """A home as stored.

    Args:
        property_id: its number.
        status: `inactive` is neither offered nor booked.
        source: "manual", or the name of the feed it came from.
        source_id: its id in that feed.
        retired_by: who retired it; None if it is active, or inactive because its feed no longer has it.
        kept_until_listed: whether a person restored it since its feed last had it: no import makes it inactive.
        updated_at: when it last changed, in UTC; a form compares it to detect edit conflicts.
    """

    property_id: int
    status: PropertyStatus = "active"
    source: str = MANUAL
    source_id: str | None = None
    retired_by: str | None = None
    kept_until_listed: bool = False
    updated_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is offered and booked."""
        return self.status == "active"

    @property
    def details(self) -> PropertyDetails:
        """The fields of its form."""
        return PropertyDetails(**{field.name: getattr(self, field.name) for field in fields(PropertyDetails)})

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
        """Return when it may be shown on a day with an override; closed if it may not be shown then."""
        if outer is None:
            return (None,)
        return self._windows_within(day.isoweekday(), outer) or (None,)


@dataclass(frozen=True)
class PropertyName:
    """A home as an option in a form or a filter."""

    property_id: int
    label: str


@dataclass(frozen=True, kw_only=True)
class PropertyFilter:
    """Which homes to list; an empty field matches all.

    Args:
        text: words of the address, of another name or of the source.
        status: active or inactive.
        bedrooms: this many; MANY_BEDROOMS means at least that many.
    """

    text: str = ""
    status: PropertyStatus | None = "active"
    bedrooms: int | None = None


MANY_BEDROOMS = 4
"""The last choice of the filter: this many bedrooms, or more."""


@dataclass(frozen=True, kw_only=True)
class PropertyPage:
    """One page of the list of homes, by street and house number.

    Args:
        homes: of this page.
        total: the number of homes that match the filter.
        catalogued: the number of all homes, active or not.
    """

    homes: tuple[Property, ...]
    total: int
    catalogued: int


@dataclass(frozen=True, kw_only=True)
class PropertySettings:
    """How the office shows its homes.

    Args:
        one_viewing_at_a_time: whether two viewings of one home may not overlap, even with different agents.
        collecting_since: since when a job collects the upcoming viewings, before that holds, aware; None: none does.
    """

    one_viewing_at_a_time: bool = False
    collecting_since: datetime | None = field(default=None, compare=False)
