"""The catalogue of homes: everyone in the office sees it, admins change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from peterental.access import Viewer, require_admin
from peterental.agents.working_hours.model import format_windows
from peterental.agents.working_hours.service import WEEKDAYS
from peterental.audit.model import AuditEntry, Change, changed_values
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database
from peterental.matching import Match, compare, is_placeholder_home
from peterental.properties.model import (
    Property,
    PropertyAddressMissing,
    PropertyChanged,
    PropertyDetails,
    PropertyExists,
    PropertyFilter,
    PropertyListTooLong,
    PropertyName,
    PropertyOutOfRange,
    PropertyPage,
    PropertySettings,
    PropertySettingsChanged,
    PropertyTextTooLong,
    PropertyUnknown,
)
from peterental.properties.repository import CollectingPosition, PropertyRepository

PAGE_SIZE = 50
COLLECTED_AT_ONCE = 500
"""Upcoming viewings that are collected in one transaction, for which bookings of their home wait some milliseconds."""

REFRESHED_AT_ONCE = 200
"""Homes whose keys are computed again in one transaction."""

MAX_OPTIONS = 500
"""The maximum of homes offered in a form."""

MAX_CHARS = {"line1": 200, "unit": 40, "city": 80, "state": 40, "zip_code": 10}
"""The maximum length of each text of a home."""

TEXT_LABELS = {
    "line1": "The street",
    "unit": "The unit",
    "city": "The city",
    "state": "The state",
    "zip_code": "The ZIP code",
}

MAX_NAMES = 10
MAX_NAME_CHARS = 80

LIMITS: Mapping[str, tuple[str, int, int]] = {
    "bedrooms": ("Bedrooms", 0, 20),
    "bathrooms": ("Bathrooms", 0, 20),
    "rent": ("The rent", 0, 1_000_000),
    "showing_minutes": ("The length of a viewing", 5, 480),
    "notice_minutes": ("The shortest notice", 0, 20160),
}
"""Label, lowest and highest value of each number, the same as in the schema's CHECK; by name of the field."""


class PropertyService:
    """The homes of one database.

    Args:
        database: where they are stored.
        audit: records the changes.
    """

    def __init__(self, database: Database, audit: AuditService) -> None:
        self._database = database
        self._homes = PropertyRepository(database)
        self._audit = audit

    def get(self, property_id: int, viewer: Viewer) -> Property:
        """Return one home, active or not. One query. Raises PropertyUnknown."""
        del viewer  # everyone in the office sees every home
        home = self._homes.get(property_id) if 0 < property_id <= MAX_BIGINT else None
        if home is None:
            raise PropertyUnknown
        return home

    def list_page(self, viewer: Viewer, home_filter: PropertyFilter, *, page: int = 1) -> PropertyPage:
        """Return one page of the homes, by street and house number. One query.

        Args:
            viewer: everyone sees every home.
            home_filter: which homes.
            page: from 1.
        """
        del viewer
        found, total, catalogued = self._homes.listing(
            replace(home_filter, text=home_filter.text.replace("\x00", "")),
            limit=PAGE_SIZE,
            offset=(page - 1) * PAGE_SIZE,
        )
        return PropertyPage(homes=tuple(found), total=total, catalogued=catalogued)

    def options(self, viewer: Viewer) -> tuple[PropertyName, ...]:
        """Return the active homes to choose from, at most MAX_OPTIONS. One query."""
        del viewer
        return tuple(self._homes.names(MAX_OPTIONS))

    def add(self, details: PropertyDetails, viewer: Viewer) -> int:
        """Add a home and return its number.

        Raises AdminsOnly, PropertyExists, and what `validated` raises.
        """
        details = validated(details)
        with self._changing(viewer) as connection:
            self._require_new(connection, details)
            property_id = self._homes.insert(connection, details)
            after = {name: value for name, value in audited(details).items() if value not in (None, [], {})}
            self._audit.record(connection, viewer, home_change(property_id, details, "created", {}, after))
        return property_id

    def change(
        self, property_id: int, details: PropertyDetails, viewer: Viewer, *, seen: datetime | None = None
    ) -> None:
        """Change a home.

        Args:
            property_id: which home.
            details: its new fields.
            viewer: an admin.
            seen: `updated_at` of the home when the form was opened; None to skip the check for edit conflicts.

        Raises AdminsOnly, PropertyUnknown, PropertyChanged, PropertyExists, and what `validated` raises.
        """
        details = validated(details)
        with self._changing(viewer) as connection:
            home = self._read(connection, property_id)
            before, after = differences(home.details, details)
            if after and seen is not None and home.updated_at != seen:
                raise PropertyChanged(home)
            if after:
                if home.is_active:
                    self._require_new(connection, details, property_id)
                self._homes.update(connection, property_id, details)
                self._audit.record(connection, viewer, home_change(property_id, details, "edited", before, after))

    def retire(self, property_id: int, viewer: Viewer) -> None:
        """Take a home out of what is offered; its viewings remain, and no import brings it back.

        Raises AdminsOnly, PropertyUnknown.
        """
        with self._changing(viewer) as connection:
            home = self._read(connection, property_id)
            if home.is_active or home.retired_by is None:
                self._homes.retire(connection, property_id, viewer.email)
                before, after = {"status": home.status}, {"status": "inactive"}
                self._audit.record(connection, viewer, home_change(property_id, home, "retired", before, after))

    def restore(self, property_id: int, viewer: Viewer) -> None:
        """Offer an inactive home again. Raises AdminsOnly, PropertyUnknown, PropertyExists."""
        with self._changing(viewer) as connection:
            home = self._read(connection, property_id)
            if not home.is_active:
                self._require_new(connection, home, property_id)
                self._homes.restore(connection, property_id)
                before, after = {"status": home.status}, {"status": "active"}
                self._audit.record(connection, viewer, home_change(property_id, home, "restored", before, after))

    def changes_since(self, home: Property, seen: datetime) -> tuple[AuditEntry, ...]:
        """Return the recorded changes of a home after `seen`, oldest first. One query."""
        return self._audit.since("home", str(home.property_id), seen)

    def settings(self) -> PropertySettings:
        """Return how the office shows its homes. One query."""
        return self._homes.settings()

    def change_settings(
        self, settings: PropertySettings, viewer: Viewer, *, seen: PropertySettings | None = None
    ) -> None:
        """Change how the office shows its homes.

        Args:
            settings: the new values.
            viewer: an admin.
            seen: the values when the form was opened; None to skip the check for edit conflicts.

        Where many viewings are upcoming, a job collects them before one viewing at a time is switched on, so that no
        booking waits for that: see `collect_viewings`.

        Raises AdminsOnly, PropertySettingsChanged.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            before = self._homes.lock_catalogue(connection)
            if seen is not None and before not in {seen, settings}:
                raise PropertySettingsChanged
            if before == settings:
                return
            is_job = (
                settings.one_viewing_at_a_time
                and self._homes.upcoming_viewings(connection, COLLECTED_AT_ONCE + 1) > COLLECTED_AT_ONCE
            )
            self._homes.store_settings(connection, replace(settings, collecting_since=utc_now() if is_job else None))
            change = Change(
                action="edited",
                subject_kind="home",
                subject_id="settings",
                subject_name="how homes are shown",
                before={"one_viewing_at_a_time": before.one_viewing_at_a_time},
                after={"one_viewing_at_a_time": settings.one_viewing_at_a_time},
            )
            self._audit.record(connection, viewer, change)

    def collect_viewings(self, goes_on: Callable[[], bool] = lambda: True) -> bool:
        """Collect the upcoming viewings of all homes in short transactions, then switch one viewing at a time on.

        Does nothing if that is not wanted any more. It may start again at any time. Returns whether it is done.

        Args:
            goes_on: whether to go on after some viewings.
        """
        since = self._homes.settings().collecting_since
        position: CollectingPosition | None = CollectingPosition()
        while since is not None and position is not None and position.home is not None:
            if not goes_on():
                return False
            position = self._homes.collect_viewings(since, position, COLLECTED_AT_ONCE)
        if since is not None and position is not None:
            with self._database.transaction() as connection:
                self._homes.finish_collecting(connection, since)
        return True

    def has_outdated_keys(self) -> bool:
        """Return whether `refresh_keys` is to be called: a release has changed how homes are found. One query."""
        return self._homes.has_outdated_keys()

    def refresh_keys(self, goes_on: Callable[[], bool] = lambda: True) -> bool:
        """Compute the keys again by which homes are found, of those whose keys an earlier release computed.

        Returns whether it is done.

        Args:
            goes_on: whether to go on after some homes.
        """
        while goes_on():
            with self._database.transaction() as connection:
                self._homes.lock_catalogue(connection)
                if self._homes.refresh_keys(connection, REFRESHED_AT_ONCE) < REFRESHED_AT_ONCE:
                    return True
        return False

    @contextmanager
    def _changing(self, viewer: Viewer) -> Iterator[DeadlineConnection]:
        """Yield a transaction that has the catalogue locked. Raises AdminsOnly."""
        require_admin(viewer)
        with self._homes.translate_constraint_errors(), self._database.transaction() as connection:
            self._homes.lock_catalogue(connection)
            yield connection

    def _read(self, connection: DeadlineConnection, property_id: int) -> Property:
        home = self._homes.read(connection, property_id) if 0 < property_id <= MAX_BIGINT else None
        if home is None:
            raise PropertyUnknown
        return home

    def _require_new(
        self, connection: DeadlineConnection, details: PropertyDetails, property_id: int | None = None
    ) -> None:
        """Raise PropertyExists if an active home other than `property_id` has this address."""
        others = self._homes.with_number(connection, house_numbers(details))
        existing = same_home(details, (home for home in others if home.property_id != property_id))
        if existing is not None:
            raise PropertyExists(existing)


def home_change(
    property_id: int, details: PropertyDetails, action: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Change:
    """Return the audit log's record of a change of a home."""
    return Change(
        action=action,
        subject_kind="home",
        subject_id=str(property_id),
        subject_name=details.label,
        before=before,
        after=after,
    )


def house_numbers(details: PropertyDetails) -> Sequence[str | None]:
    """Return the house number of a home, in each reading of its address; None where it has none."""
    address = details.parsed
    return [address.number] if address.other is None else [address.number, address.other.number]


def same_home(details: PropertyDetails, others: Iterable[Property]) -> Property | None:
    """Return the first of the others that is at the same address, as far as both addresses are known."""
    return next((home for home in others if compare(details.parsed, home.parsed).match is Match.SAME), None)


def audited(details: PropertyDetails) -> dict[str, Any]:
    """Return the fields of a home as the audit log has them."""
    windows: dict[int, list[Any]] = {}
    for weekday, window in details.windows:
        windows.setdefault(weekday, []).append(window)
    return {
        **{field.name: getattr(details, field.name) for field in fields(PropertyDetails)},
        "said_as": list(details.said_as),
        "bathrooms": _plain(details.bathrooms),
        "available_on": details.available_on.isoformat() if details.available_on else None,
        "windows": {WEEKDAYS[weekday - 1]: format_windows(sorted(found)) for weekday, found in sorted(windows.items())},
        "shown_by": sorted(details.shown_by),
    }


def _plain(number: float | None) -> float | None:
    """Return a number without a needless fraction: 1 for 1.0."""
    return int(number) if number is not None and number == int(number) else number


def differences(before: PropertyDetails, after: PropertyDetails) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values before, and after, of the fields in which two states of a home differ."""
    return changed_values(audited(before), audited(after))


def validated(details: PropertyDetails) -> PropertyDetails:
    """Return a home's details with clean texts, None instead of empty ones, and hours in order.

    Raises PropertyAddressMissing, PropertyTextTooLong, PropertyOutOfRange, PropertyListTooLong.
    """
    texts = {name: one_line(getattr(details, name)) for name in MAX_CHARS}
    for name, text in texts.items():
        if len(text or "") > MAX_CHARS[name]:
            raise PropertyTextTooLong(label=TEXT_LABELS[name], characters=MAX_CHARS[name])
    line1 = texts.pop("line1")
    if line1 is None or is_placeholder_home(line1):
        raise PropertyAddressMissing
    for name, (label, low, high) in LIMITS.items():
        value = getattr(details, name)
        if value is not None and not low <= value <= high:
            raise PropertyOutOfRange(label=label, low=low, high=f"{high:,}")
    return replace(
        details,
        line1=line1,
        **texts,  # type: ignore[arg-type]  # the texts that may be None
        said_as=_names(details.said_as),
        windows=tuple(sorted(details.windows)),
    )


def _names(said_as: Iterable[str]) -> tuple[str, ...]:
    """Return the other names of a home, each once. Raises PropertyTextTooLong, PropertyListTooLong."""
    names = tuple(dict.fromkeys(name for text in said_as if (name := one_line(text))))
    if any(len(name) > MAX_NAME_CHARS for name in names):
        raise PropertyTextTooLong(label="Another name", characters=MAX_NAME_CHARS)
    if len(names) > MAX_NAMES:
        raise PropertyListTooLong(limit=MAX_NAMES, kind="other names")
    return names


def one_line(text: str | None) -> str | None:
    """Return a text in one line without control characters; None if nothing is left."""
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(printable.split()) or None
