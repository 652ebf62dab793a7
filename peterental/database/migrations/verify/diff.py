"""Compare the live database's catalog with the files' and describe each difference in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from peterental.database.migrations.verify.grants import GRANT
from peterental.database.migrations.verify.introspection import Catalog, ObjectKey, Properties

ONLY_LIVE = "only in the database"
ONLY_FILES = "only in the files"
DIFFERS = "differs"

_ORDER = (
    "schema",
    "extension",
    "domain",
    "type",
    "sequence",
    "table",
    "foreign",
    "view",
    "materialized",
    "function",
    "procedure",
    "aggregate",
    "operator",
    "cast",
    "collation",
    "text",
    "event",
    "publication",
)
_PART_ORDER = ("", "column", "constraint", "index", "trigger", "rule", "policy", "statistics", GRANT)
_MAX_VALUE_CHARS = 80


@dataclass(frozen=True)
class Difference:
    """One difference between the live database and the files.

    Args:
        key: the object or part.
        how: `only in the database`, `only in the files` or `differs`.
        details: for `differs`, each property with both values; otherwise remarks.
    """

    key: ObjectKey
    how: str
    details: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """Its name within its object: `column email`; empty for the object itself."""
        return f"{self.key.kind} {self.key.name}".strip()

    @property
    def sentence(self) -> str:
        """The difference, on one line."""
        return self.how + (": " + "; ".join(self.details) if self.details else "")

    def as_json(self) -> dict[str, Any]:
        """Return the difference as `flask db-verify --json` prints it."""
        return {"object": self.key.object, "part": self.part or None, "how": self.how, "details": list(self.details)}


@dataclass
class Comparison:
    """The result of comparing two catalogs.

    Args:
        differences: in a stable order, grouped by object.
        remarks: observations that are not differences.
    """

    differences: list[Difference] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def compare_catalogs(live: Catalog, files: Catalog, ledger_schema: str) -> Comparison:
    """Compare the live database with the schema that the files create.

    A schema that the files do not use is one difference, not one per object. A schema with a separate migration ledger
    is not a difference. Definitions are compared as text: `rereading.settle` first makes equivalent ones equal.
    """
    comparison = Comparison()
    known = set(files.schemas.values()) | {ledger_schema, ""}
    unknown_schemas: dict[str, int] = {}
    for key, properties in live.objects.items():
        schema = live.schemas[key.object]
        if schema not in known:
            unknown_schemas[schema] = unknown_schemas.get(schema, 0) + (not key.kind)
        elif key not in files.objects:
            comparison.differences.append(Difference(key, ONLY_LIVE, _validity_note(properties)))
    for key, properties in files.objects.items():
        if key not in live.objects:
            comparison.differences.append(Difference(key, ONLY_FILES))
        elif details := _differing_properties(live.objects[key], properties):
            comparison.differences.append(Difference(key, DIFFERS, details))
    for schema, count in unknown_schemas.items():
        _unknown_schema(comparison, live, schema, count)
    comparison.differences = sorted(_without_parts_of_whole(comparison.differences, live, files), key=_sort_key)
    comparison.remarks += _column_orders(live, files)
    return comparison


def difference_count(differences: list[Difference]) -> str:
    """Return the number of differences as text: `1 difference`."""
    return f"{len(differences)} {'difference' if len(differences) == 1 else 'differences'}"


def difference_lines(differences: Iterable[Difference], effects: Mapping[Difference, str] | None = None) -> list[str]:
    """Return the differences as lines of text.

    Each object appears once, with its parts aligned below it.

    Args:
        differences: sorted by object.
        effects: what follows from each, shown after it.
    """

    def sentence(difference: Difference) -> str:
        return f"{difference.sentence}. {effects[difference]}" if effects else difference.sentence

    found = list(differences)
    width = max((len(difference.part) for difference in found if difference.part), default=0)
    lines = []
    for name, group in groupby(found, key=lambda difference: difference.key.object):
        own, *parts = [*group]
        if own.part:
            lines.append(name)
            parts = [own, *parts]
        else:
            lines.append(f"{name}  {sentence(own)}")
        lines += [f"  {part.part.ljust(width)}  {sentence(part)}" for part in parts]
    return lines


def _unknown_schema(comparison: Comparison, live: Catalog, schema: str, count: int) -> None:
    if schema in live.with_ledger:
        comparison.remarks.append(f"Schema {schema} has its own migration ledger and was skipped.")
        return
    objects = f"{count - 1} objects in it" if count != 2 else "1 object in it"  # noqa: PLR2004  # one is the schema
    comparison.differences.append(Difference(ObjectKey(f"schema {schema}", "", ""), ONLY_LIVE, (objects,)))


def _without_parts_of_whole(differences: list[Difference], live: Catalog, files: Catalog) -> list[Difference]:
    """Return the differences without those implied by a missing table.

    The columns and sequences of a table that is missing as a whole are implied.
    """
    whole = {found.key.object for found in differences if not found.part and found.how != DIFFERS}

    def belongs_to_whole(key: ObjectKey) -> bool:
        owner = (live.objects.get(key) or files.objects.get(key) or {}).get("owned by")
        return bool(key.kind and key.object in whole) or bool(owner and f"table {owner.rpartition('.')[0]}" in whole)

    return [found for found in differences if not belongs_to_whole(found.key)]


def _validity_note(properties: Properties) -> tuple[str, ...]:
    return ("not valid",) if properties.get("valid") == "no" else ()


def _differing_properties(live: Properties, files: Properties) -> tuple[str, ...]:
    """Return each property that differs, with both values."""
    details = []
    for name in dict.fromkeys((*live, *files)):
        one, other = live.get(name), files.get(name)
        if one == other:
            continue
        one, other, place = _first_differing_line(one, other)
        details.append(f"{name}{place} is {one} in the database, {other} in the files")
    return tuple(details)


def _first_differing_line(one: str | None, other: str | None) -> tuple[str, str, str]:
    """Return both values on one line each.

    For multi-line texts, return the first differing lines, and their number.
    """
    if one is None or other is None or ("\n" not in one and "\n" not in other):
        return _short(one), _short(other), ""
    ours, theirs = one.splitlines(), other.splitlines()
    number = next(
        (number for number, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
    shown = [_short(lines[number]) if number < len(lines) else "shorter" for lines in (ours, theirs)]
    return shown[0], shown[1], f", line {number + 1},"


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    flat = " ".join(value.split())
    return flat if len(flat) <= _MAX_VALUE_CHARS else flat[: _MAX_VALUE_CHARS - 1] + "…"


def _sort_key(difference: Difference) -> tuple[int, str, int, str]:
    first = difference.key.object.split()[0]
    rank = _ORDER.index(first) if first in _ORDER else len(_ORDER)
    return rank, difference.key.object, _PART_ORDER.index(difference.key.kind), difference.key.name


def _column_orders(live: Catalog, files: Catalog) -> list[str]:
    """Return remarks on tables whose column order differs.

    The order matters only to code that omits column names.
    """
    remarks = []
    for name, columns in sorted(files.column_orders.items()):
        theirs = live.column_orders.get(name, [])
        if [column for column in theirs if column in columns] != [column for column in columns if column in theirs]:
            remarks.append(f"The column order of {name} differs, which affects only SELECT * and bare INSERTs.")
    return remarks
