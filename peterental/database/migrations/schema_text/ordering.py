"""Order the statements: each after what it depends on, and otherwise by kind and name."""

from __future__ import annotations

import heapq
from collections import defaultdict

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Unit
from peterental.database.migrations.schema_text.reader import FIRST_USER_OID, CatalogReader

# A part that was created with its whole ('i'), or a member of an extension ('e'), stands for it.
# A partition's key or index ('P', 'S') must exist before its parent's, whose statement then adopts it.
# A sequence is created before the column that owns it.
_DEPENDENCIES = f"""
SELECT d.classid::regclass::text AS catalog, d.objid AS oid, d.refclassid::regclass::text AS ref_catalog,
    d.refobjid AS ref_oid, d.deptype AS kind
FROM pg_depend AS d
WHERE d.objid >= {FIRST_USER_OID} AND d.refobjid >= {FIRST_USER_OID} AND d.deptype NOT IN ('P', 'S')
    AND NOT (d.deptype = 'a' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjsubid <> 0 AND EXISTS (SELECT FROM pg_sequence AS s WHERE s.seqrelid = d.objid))
"""

# Parts of tables and domains that have no statement of their own belong to them.
_PARTS = f"""
SELECT 'pg_attrdef' AS catalog, oid, 'pg_class' AS ref_catalog, adrelid AS ref_oid FROM pg_attrdef
UNION ALL SELECT 'pg_constraint', oid, CASE WHEN conrelid <> 0 THEN 'pg_class' ELSE 'pg_type' END,
    greatest(conrelid, contypid) FROM pg_constraint WHERE oid >= {FIRST_USER_OID} AND contype NOT IN ('f', 't')
UNION ALL SELECT 'pg_class', oid, 'pg_type', reltype FROM pg_class WHERE relkind = 'c' AND oid >= {FIRST_USER_OID}
"""


class CircularDefinitions(Exception):
    """Objects that need each other, so that none can be created first.

    Args:
        units: the units that could not be ordered.
    """

    def __init__(self, units: list[Unit]) -> None:
        super().__init__()
        self.units = units


def ordered(catalog: CatalogReader, units: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Return the units so that each follows what it depends on: those that rows need, and those added after rows.

    Raises CircularDefinitions.
    """
    needs = _needs(catalog, {unit.id: unit for unit in units})
    before_data = _needed_before_data(units, needs)
    keys = {unit.id: (unit.id not in before_data, *unit.sort_key) for unit in units}
    by_id = {unit.id: unit for unit in units}
    waiting = {identifier: len(found) for identifier, found in needs.items()}
    dependents: dict[ObjectId, list[ObjectId]] = defaultdict(list)
    for identifier, found in needs.items():
        for needed in found:
            dependents[needed].append(identifier)
    ready = [keys[identifier] for identifier, count in waiting.items() if not count]
    heapq.heapify(ready)
    result = []
    while ready:
        identifier = heapq.heappop(ready)[-1]
        result.append(by_id[identifier])
        for dependent in dependents[identifier]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heapq.heappush(ready, keys[dependent])
    if len(result) < len(units):
        raise CircularDefinitions([by_id[identifier] for identifier in _in_circles(needs)])
    before = [unit for unit in result if unit.id in before_data]
    return before, result[len(before) :]


def _in_circles(needs: dict[ObjectId, set[ObjectId]]) -> list[ObjectId]:
    """Return what needs itself through others, or lies between two such circles."""
    left = set(needs)
    while True:
        needed = {other for identifier in left for other in needs[identifier]}
        kept = {identifier for identifier in left if identifier in needed and needs[identifier] & left}
        if kept == left:
            return [identifier for identifier in needs if identifier in left]
        left = kept


def _needed_before_data(units: list[Unit], needs: dict[ObjectId, set[ObjectId]]) -> set[ObjectId]:
    """Return what belongs before the data, with what it needs: a function may need a unique index."""
    found: set[ObjectId] = set()
    todo = [unit.id for unit in units if unit.rank < Rank.FIRST_AFTER_DATA]
    while todo:
        identifier = todo.pop()
        if identifier not in found:
            found.add(identifier)
            todo += needs[identifier]
    return found


def _needs(catalog: CatalogReader, units: dict[ObjectId, Unit]) -> dict[ObjectId, set[ObjectId]]:
    """Return what each unit needs, as recorded in the catalog and by the units."""
    edges = [
        (ObjectId(row["catalog"], row["oid"]), ObjectId(row["ref_catalog"], row["ref_oid"]), row["kind"])
        for row in catalog.rows(_DEPENDENCIES)
    ]
    wholes: dict[ObjectId, ObjectId] = {}
    for row in catalog.rows(_PARTS):
        wholes.setdefault(ObjectId(row["catalog"], row["oid"]), ObjectId(row["ref_catalog"], row["ref_oid"]))
    for part, whole, kind in edges:
        if kind in "ie":
            wholes.setdefault(part, whole)
    edges += [(identifier, needed, "n") for identifier, unit in units.items() for needed in unit.needs]
    needs: dict[ObjectId, set[ObjectId]] = {identifier: set() for identifier in units}
    for part, needed, _kind in edges:
        one, other = _unit_of(part, units, wholes), _unit_of(needed, units, wholes)
        if one is not None and other is not None and one != other:
            needs[one].add(other)
    for identifier in [found for found in units if found.catalog == "refresh"]:
        needs[identifier] |= _refreshes_below(identifier, needs, units)
    return needs


def _unit_of(identifier: ObjectId, units: dict[ObjectId, Unit], wholes: dict[ObjectId, ObjectId]) -> ObjectId | None:
    """Return the unit that creates an object; None if it is created by no unit."""
    seen = set()
    while identifier not in units:
        if identifier not in wholes or identifier in seen:
            return None
        seen.add(identifier)
        identifier = wholes[identifier]
    return identifier


def _refreshes_below(
    refresh: ObjectId, needs: dict[ObjectId, set[ObjectId]], units: dict[ObjectId, Unit]
) -> set[ObjectId]:
    """Return the refreshes of the materialised views that this one reads, directly or through views."""
    seen: set[ObjectId] = set()
    todo = [ObjectId("pg_class", refresh.oid)]
    while todo:
        identifier = todo.pop()
        if identifier not in seen:
            seen.add(identifier)
            todo += needs[identifier]
    found = {ObjectId("refresh", identifier.oid) for identifier in seen if identifier.catalog == "pg_class"}
    return {identifier for identifier in found if identifier in units} - {refresh}
