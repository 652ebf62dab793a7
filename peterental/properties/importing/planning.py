"""Compare the records of a file with the catalogue: what is new, changed, back, or gone. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from peterental.errors import Refusal
from peterental.properties.importing.model import Plan, PlannedHome, Record, RowProblem
from peterental.properties.keys import HomeKeys
from peterental.properties.model import Property, PropertyDetails
from peterental.properties.service import differences, same_home, validated

MAX_COMPARED = 10
"""Homes that an address is compared with: so many with its street, and so many with its house number and unit."""


@dataclass(frozen=True)
class CataloguedHome:
    """A home of the catalogue with its keys, which are not computed again."""

    home: Property
    keys: HomeKeys


def plan_import(records: Sequence[Record], source: str, catalogue: Iterable[CataloguedHome]) -> Plan:
    """Return what an import would do.

    Args:
        records: all homes of the file; a home of the source that is not among them vanishes.
        source: the name of the feed.
        catalogue: the homes of this source, and all active ones.
    """
    planner = _Planner(records, source, catalogue)
    for record in records:
        planner.take(record)
    return planner.plan()


class _AddressIndex:
    """Finds a home at an address. Homes that have another house number or unit are never compared."""

    def __init__(self) -> None:
        self._homes: dict[tuple[str | None, ...], list[Property]] = defaultdict(list)

    def add(self, home: Property, keys: HomeKeys) -> None:
        """Add a home, among those with its street and among those with its house number and unit."""
        for place in _places(keys):
            if len(self._homes[place]) < MAX_COMPARED:
                self._homes[place].append(home)

    def find(self, details: PropertyDetails, keys: HomeKeys, but: Collection[int]) -> Property | None:
        """Return a home at the same address whose number is not in `but`."""
        near = (home for place in _places(keys) for home in self._homes.get(place, ()))
        return same_home(details, (home for home in near if home.property_id not in but))


def _places(keys: HomeKeys) -> tuple[tuple[str | None, ...], ...]:
    return ((keys.number, keys.unit, keys.street), (keys.number, keys.unit))


class _Planner:
    def __init__(self, records: Sequence[Record], source: str, catalogue: Iterable[CataloguedHome]) -> None:
        listed = {record.source_id for record in records}
        self._own: dict[str | None, Property] = {}
        self._renamed = _AddressIndex()
        self._active = _AddressIndex()
        for entry in catalogue:
            if entry.home.source == source:
                self._own[entry.home.source_id] = entry.home
                if entry.home.source_id not in listed:
                    self._renamed.add(entry.home, entry.keys)
            if entry.home.is_active:
                self._active.add(entry.home, entry.keys)
        self._lines: dict[int, int] = {}
        self._kept: set[int] = set()
        self._problems: list[RowProblem] = []
        self._planned: dict[str, list[PlannedHome]] = {"added": [], "changed": [], "returned": []}
        self._retired: list[Property] = []
        self._relisted: list[Property] = []
        self._unchanged = self._not_offered = 0

    def take(self, record: Record) -> None:
        """Decide about one record."""
        known = self._own.get(record.source_id) if record.source_id else None
        if record.problems:
            self._refuse(record, ". ".join(record.problems), known)
            return
        try:
            details = validated(replace(known.details, **record.values) if known else PropertyDetails(**record.values))
            home = known or self._under_another_id(details, record)
            if home is not known:
                details = validated(replace(home.details, **record.values)) if home else details
        except Refusal as refusal:
            self._refuse(record, str(refusal), known)
            return
        if not record.is_offered:
            self._not_offered += 1
            if home is not None and home.retired_by:
                self._kept.add(home.property_id)
        elif home is not None and home.retired_by:
            self._kept.add(home.property_id)
            self._retired.append(home)
        else:
            self._plan(record, details, home)

    def _under_another_id(self, details: PropertyDetails, record: Record) -> Property | None:
        """Return the home of this source at this address whose id is no longer in the file: its id changed."""
        return self._renamed.find(details, record.keys, self._kept)

    def _plan(self, record: Record, details: PropertyDetails, home: Property | None) -> None:
        assert record.source_id is not None  # noqa: S101  # for mypy; a record without id has a problem
        own = home.property_id if home else 0
        twin = self._active.find(details, record.keys, {own})
        if twin is not None:
            line = self._lines.get(twin.property_id)
            text = f"This is the same home as that of line {line}" if line else f"{twin.label} is already in the list"
            self._refuse(record, text, home, None if line else twin)
            return
        before, after = differences(home.details, details) if home else ({}, {})
        if home is not None and home.source_id != record.source_id:
            before, after = {**before, "source_id": home.source_id}, {**after, "source_id": record.source_id}
        planned = PlannedHome(
            line=record.line, source_id=record.source_id, details=details, home=home, before=before, after=after
        )
        if home is not None:
            self._keep(record, planned, home)
            return
        self._planned["added"].append(planned)
        self._remember(record, Property(property_id=-record.line, **vars_of(details)))

    def _keep(self, record: Record, planned: PlannedHome, home: Property) -> None:
        """Plan the update of a home that is in the catalogue already, if it needs one."""
        self._kept.add(home.property_id)
        self._lines[home.property_id] = record.line
        if home.kept_until_listed:
            self._relisted.append(home)
        if not home.is_active:
            self._planned["returned"].append(planned)
        elif planned.after:
            self._planned["changed"].append(planned)
        else:
            self._unchanged += 1
        if planned.after or not home.is_active:
            self._remember(record, replace(home, **vars_of(planned.details)))

    def _remember(self, record: Record, home: Property) -> None:
        """Let later rows of the file be compared with what this one will be."""
        self._lines[home.property_id] = record.line
        self._active.add(home, record.keys)

    def _refuse(self, record: Record, text: str, home: Property | None, existing: Property | None = None) -> None:
        """Leave out a row; its home stays as it is."""
        if home is not None:
            self._kept.add(home.property_id)
        problem = RowProblem(line=record.line, name=record.name, text=text.removesuffix(".") + ".", existing=existing)
        self._problems.append(problem)

    def plan(self) -> Plan:
        """Return the decisions, and what vanished."""
        active = [home for home in self._own.values() if home.is_active]
        missing = [home for home in active if home.property_id not in self._kept]
        return Plan(
            added=tuple(self._planned["added"]),
            changed=tuple(self._planned["changed"]),
            returned=tuple(self._planned["returned"]),
            vanished=tuple(home for home in missing if not home.kept_until_listed),
            kept=tuple(home for home in missing if home.kept_until_listed),
            relisted=tuple(self._relisted),
            unchanged=self._unchanged,
            retired=tuple(self._retired),
            not_offered=self._not_offered,
            problems=tuple(self._problems),
            active_before=len(active),
        )


def vars_of(details: PropertyDetails) -> dict[str, Any]:
    """Return the fields of a home by name."""
    return {name: getattr(details, name) for name in PropertyDetails.__dataclass_fields__}
