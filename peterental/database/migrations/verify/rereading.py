"""Settle differences that only show that PostgreSQL prints an expression otherwise than it reads it.

The server prints what a statement was parsed into, and reading that again may give another tree. `a BETWEEN 1 AND 2
AND b` is printed with a nested AND and read as a flat one; `(a, b) IN (…)` and `(a, b) IS DISTINCT FROM (…)` are
printed as nested ORs; `x IN ('a')` on a varchar is printed as an array with one cast and read as an array with a cast
of each element. A database that was restored from a dump, or whose major version differs, therefore prints other
definitions than one that was built from the files.

Here a scratch database reads the definitions of both sides again, until reading changes nothing. Equal results mean
that the definitions are equivalent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import psycopg

from peterental.database.migrations.session.plain_reading import read_plainly
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.verify.introspection import Catalog, ObjectKey, Properties, read_catalog

_MAX_ROUNDS = 5
_NAME_PART = re.compile(r'"(?:[^"]|"")*"|[^".]+')
_TWINS = "peterental_readings"
"""A schema for copies of what cannot be replaced in place."""

_TEMPORARY = f"DROP SCHEMA IF EXISTS {_TWINS} CASCADE"


class _Place(NamedTuple):
    """A property of an object."""

    key: ObjectKey
    name: str


@dataclass(frozen=True)
class _Reading:
    """How the server is made to read a definition: the statements, and where the catalog then shows the result."""

    statements: str
    place: _Place


@dataclass(frozen=True)
class Readings:
    """What definitions read as.

    Args:
        texts: the settled text of a definition, by object, property and text.
    """

    texts: Mapping[tuple[ObjectKey, str, str], str]

    def applied_to(self, catalog: Catalog) -> Catalog:
        """Return the catalog with the settled texts."""
        if not self.texts:
            return catalog
        objects = {key: self._settled(key, properties) for key, properties in catalog.objects.items()}
        return replace(catalog, objects=objects)

    def _settled(self, key: ObjectKey, properties: Properties) -> Properties:
        return {name: text and self.texts.get((key, name, text), text) for name, text in properties.items()}


def settle(scratch: str, one: Catalog, other: Catalog, ledger_schema: str) -> Readings:
    """Read the definitions that differ between two catalogs again, in a scratch database.

    Args:
        scratch: a scratch database with the objects of one of them; its definitions are replaced.
        one: a catalog.
        other: a catalog.
        ledger_schema: the schema whose ledger tables are skipped.

    Raises CatalogUnreadable, ServerUnavailable.
    """
    texts: dict[tuple[ObjectKey, str, str], str] = {}
    places = [_differing(one, other), _differing(other, one)]
    if any(places):
        with connect(scratch, purpose="migrations verify") as connection:
            for catalog, found in zip((one, other), places, strict=True):
                texts |= _settled(connection, catalog, found, ledger_schema)
    return Readings(texts)


def _differing(catalog: Catalog, other: Catalog) -> list[_Place]:
    """Return the definitions of a catalog that the other one has not, or has with another text.

    What only one of them has may be there under another name; only indexes and constraints are compared without it.
    """
    found = []
    for key, properties in catalog.objects.items():
        theirs = other.objects.get(key)
        if theirs is None and key.kind not in {"index", "constraint"}:
            continue
        found += [
            _Place(key, name)
            for name, text in properties.items()
            if text is not None and text != (theirs or {}).get(name) and _recipes(key, name)
        ]
    return found


def _settled(
    connection: Connection, catalog: Catalog, places: list[_Place], ledger_schema: str
) -> Iterator[tuple[tuple[ObjectKey, str, str], str]]:
    """Yield each definition that could be read, with the text that no longer changes."""
    texts = {place: catalog.objects[place.key][place.name] or "" for place in places}
    originals = dict(texts)
    moving = list(places)
    for _ in range(_MAX_ROUNDS):
        results = _read_once(connection, catalog, {place: texts[place] for place in moving}, ledger_schema)
        moving = [place for place, text in results.items() if text != texts[place]]
        texts |= results
        if not moving:
            break
    for place, text in texts.items():
        if text != originals[place]:
            yield (place.key, place.name, originals[place]), text


def _read_once(
    connection: Connection, catalog: Catalog, texts: dict[_Place, str], ledger_schema: str
) -> dict[_Place, str]:
    """Return what the server prints after reading the texts, without those that it refuses."""
    shown: dict[_Place, _Place] = {}
    connection.execute(f"{_TEMPORARY}; CREATE SCHEMA {_TWINS}".encode())
    for number, (place, text) in enumerate(texts.items()):
        for reading in _readings(catalog, place, text, number):
            if _runs(connection, reading.statements):
                shown[place] = reading.place
                break
    now = read_catalog(connection, ledger_schema, which="scratch database")
    connection.execute(_TEMPORARY.encode())
    found = {place: now.objects.get(at.key, {}).get(at.name) for place, at in shown.items()}
    return {place: text for place, text in found.items() if text is not None}


def _runs(connection: Connection, statements: str) -> bool:
    try:
        with connection.transaction():
            read_plainly(connection)
            connection.execute("SET LOCAL search_path TO pg_catalog; SET LOCAL check_function_bodies TO off")
            connection.execute(statements.encode())
    except psycopg.Error:  # it names what only the other database has: the texts stay different
        return False
    return True


# --- how each kind of definition is read ------------------------------------------------------------------------------


def _readings(catalog: Catalog, place: _Place, text: str, number: int) -> Iterator[_Reading]:
    """Yield the ways to have a definition read, the best first."""
    kind, name = _kind_and_name(place.key.object)
    found = _Definition(kind, name, place, text, f"{_TWINS}.reading_{number}", catalog)
    for recipe in _recipes(place.key, place.name):
        yield recipe(found)


@dataclass(frozen=True)
class _Definition:
    """A definition to read.

    Args:
        kind: of the object: `table`.
        name: of the object, with its schema.
        place: where the catalog has the definition.
        text: what it says.
        twin: a free name for a copy.
        catalog: that has it.
    """

    kind: str
    name: str
    place: _Place
    text: str
    twin: str
    catalog: Catalog

    @property
    def part(self) -> str:
        return self.place.key.name

    @property
    def part_in_schema(self) -> str:
        """The part's name with the schema of its object."""
        return f"{self.name.removesuffix(_bare(self.name))}{self.part}"

    def in_place(self, statements: str) -> _Reading:
        return _Reading(statements, self.place)

    def elsewhere(self, statements: str, kind: str, part_kind: str = "", part: str = "", name: str = "") -> _Reading:
        key = ObjectKey(f"{kind} {self.twin}", part_kind, part)
        return _Reading(statements, _Place(key, name or self.place.name))


def _bare(name: str) -> str:
    """Return the last part of a qualified name, which may be quoted: `a` of `public.a`."""
    parts = _NAME_PART.findall(name)
    return str(parts[-1])


def _view(found: _Definition) -> _Reading:
    return found.elsewhere(f"CREATE VIEW {found.twin} AS {found.text}", "view")


def _default(found: _Definition) -> _Reading:
    return found.in_place(f"ALTER TABLE ONLY {found.name} ALTER COLUMN {found.part} SET DEFAULT {found.text}")


def _generated(found: _Definition) -> _Reading:
    expression, _, storage = found.text.rpartition(" ")
    column = found.catalog.objects[found.place.key]["type"]
    statements = (
        f"CREATE TABLE {found.twin} (LIKE {found.name}); ALTER TABLE {found.twin}"
        f" ADD COLUMN reading {column} GENERATED ALWAYS AS ({expression}) {storage.upper()}"
    )
    return found.elsewhere(statements, "table", "column", "reading")


def _partition_key(found: _Definition) -> _Reading:
    return found.elsewhere(f"CREATE TABLE {found.twin} (LIKE {found.name}) PARTITION BY {found.text}", "table")


def _constraint(found: _Definition) -> _Reading:
    alter = f"ALTER {'DOMAIN' if found.kind == 'domain' else 'TABLE'} {found.name}"
    later = " NOT VALID" if found.text.startswith("CHECK") and "NOT ENFORCED" not in found.text else ""
    return found.in_place(
        f"{alter} DROP CONSTRAINT IF EXISTS {found.part}; {alter} ADD CONSTRAINT {found.part} {found.text}{later}"
    )


def _copied_constraint(found: _Definition) -> _Reading:
    """Read a constraint on a copy of the table, because an inherited one cannot be replaced."""
    statements = (
        f"CREATE TABLE {found.twin} (LIKE {found.name}); ALTER TABLE {found.twin} ADD CONSTRAINT reading {found.text}"
    )
    return found.elsewhere(statements, "table", "constraint", "reading")


def _domain_default(found: _Definition) -> _Reading:
    return found.in_place(f"ALTER DOMAIN {found.name} SET DEFAULT {found.text}")


def _index(found: _Definition) -> _Reading:
    return found.in_place(f"DROP INDEX IF EXISTS {found.part_in_schema}; {found.text}")


def _statistics(found: _Definition) -> _Reading:
    return found.in_place(f"DROP STATISTICS IF EXISTS {found.part_in_schema}; {found.text}")


def _trigger(found: _Definition) -> _Reading:
    return found.in_place(f"DROP TRIGGER IF EXISTS {found.part} ON {found.name}; {found.text}")


def _rule(found: _Definition) -> _Reading:
    return found.in_place(f"DROP RULE IF EXISTS {found.part} ON {found.name}; {found.text}")


def _policy_using(found: _Definition) -> _Reading:
    return found.in_place(f"ALTER POLICY {found.part} ON {found.name} USING ({found.text})")


def _policy_check(found: _Definition) -> _Reading:
    return found.in_place(f"ALTER POLICY {found.part} ON {found.name} WITH CHECK ({found.text})")


def _routine(found: _Definition) -> _Reading:
    return found.in_place(found.text)


def _published_tables(found: _Definition) -> _Reading:
    return found.in_place(f"ALTER PUBLICATION {found.name} SET TABLE {found.text}")


_RECIPES: dict[tuple[str, str], tuple[Callable[[_Definition], _Reading], ...]] = {
    ("view", "definition"): (_view,),
    ("materialized view", "definition"): (_view,),
    ("column", "default"): (_default,),
    ("column", "generated"): (_generated,),
    ("table", "partitioned by"): (_partition_key,),
    ("constraint", "definition"): (_constraint, _copied_constraint),
    ("domain", "default"): (_domain_default,),
    ("index", "definition"): (_index,),
    ("statistics", "definition"): (_statistics,),
    ("trigger", "definition"): (_trigger,),
    ("rule", "definition"): (_rule,),
    ("policy", "using"): (_policy_using,),
    ("policy", "check"): (_policy_check,),
    ("function", "definition"): (_routine,),
    ("procedure", "definition"): (_routine,),
    ("publication", "tables"): (_published_tables,),
}
"""How a property is read, the best way first, by the kind of the part that has it, or else of the object."""

_KINDS = ("materialized view", "foreign table")
"""The kinds of objects with more than one word; others of these have no definition to read."""


def _kind_and_name(label: str) -> tuple[str, str]:
    """Split `table public.a` into its kind and its name."""
    kind = next((kind for kind in _KINDS if label.startswith(f"{kind} ")), label.partition(" ")[0])
    return kind, label[len(kind) + 1 :]


def _recipes(key: ObjectKey, name: str) -> tuple[Callable[[_Definition], _Reading], ...]:
    return _RECIPES.get((key.kind or _kind_and_name(key.object)[0], name), ())
