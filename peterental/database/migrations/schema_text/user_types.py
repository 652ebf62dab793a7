"""Schemas, extensions, collations and types."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Row, Unit, literal, options
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member

_SCHEMAS = f"""
SELECT n.oid, quote_ident(n.nspname) AS name FROM pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'public' AND {not_member("pg_namespace", "n.oid")}
"""

_EXTENSIONS = """
SELECT x.oid, quote_ident(x.extname) AS name, quote_ident(n.nspname) AS schema, n.nspname AS raw_schema,
    EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid
        AND e.refclassid = 'pg_extension'::regclass AND e.refobjid = x.oid AND e.deptype = 'e') AS makes_schema
FROM pg_extension AS x JOIN pg_namespace AS n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql'
"""

# The columns of pg_collation have been renamed in several major versions.
_COLLATIONS = f"""
SELECT l.oid, l.oid::regcollation::text AS name, l.collisdeterministic AS deterministic,
    CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
    coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale') AS locale,
    to_jsonb(l) ->> 'collcollate' AS collate, to_jsonb(l) ->> 'collctype' AS ctype,
    to_jsonb(l) ->> 'collicurules' AS rules
FROM pg_collation AS l WHERE {not_member("pg_collation", "l.oid")}
"""

_TYPES = f"""
SELECT t.oid, t.oid::regtype::text AS name, t.typtype AS kind, t.typrelid,
    (SELECT array_agg(v.enumlabel::text ORDER BY v.enumsortorder) FROM pg_enum AS v WHERE v.enumtypid = t.oid)
        AS labels,
    format_type(t.typbasetype, t.typtypmod) AS base,
    (SELECT t.typcollation::regcollation::text FROM pg_type AS b WHERE b.oid = t.typbasetype
        AND t.typcollation <> b.typcollation) AS collation,
    CASE WHEN t.typdefaultbin IS NULL THEN quote_literal(t.typdefault) ELSE pg_get_expr(t.typdefaultbin, 0) END
        AS default,
    t.typnotnull AS not_null, r.subtype, r.opclass, r.range_collation, r.canonical, r.difference, r.multirange
FROM pg_type AS t
LEFT JOIN LATERAL (
    SELECT format_type(g.rngsubtype, NULL) AS subtype,
        (SELECT quote_ident(n.nspname) || '.' || quote_ident(o.opcname) FROM pg_opclass AS o
            JOIN pg_namespace AS n ON n.oid = o.opcnamespace WHERE o.oid = g.rngsubopc AND NOT o.opcdefault) AS opclass,
        (SELECT nullif(g.rngcollation, s.typcollation)::regcollation::text FROM pg_type AS s WHERE s.oid = g.rngsubtype
            AND g.rngcollation <> s.typcollation) AS range_collation,
        CASE WHEN g.rngcanonical <> 0 THEN g.rngcanonical::text END AS canonical,
        CASE WHEN g.rngsubdiff <> 0 THEN g.rngsubdiff::text END AS difference,
        g.rngmultitypid::regtype::text AS multirange
    FROM pg_range AS g WHERE g.rngtypid = t.oid) AS r ON true
WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND
    EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c')))
    AND {not_member("pg_type", "t.oid")}
"""

_ATTRIBUTES = f"""
SELECT a.attrelid, a.attnum, quote_ident(a.attname) AS name, format_type(a.atttypid, a.atttypmod) AS type,
    CASE WHEN a.attcollation <> b.typcollation THEN a.attcollation::regcollation::text END AS collation
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'c'
JOIN pg_type AS b ON b.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND {not_member("pg_class", "c.oid")}
ORDER BY a.attrelid, a.attnum
"""

_DOMAIN_CONSTRAINTS = f"""
SELECT k.oid, k.contypid, quote_ident(k.conname) AS name, k.convalidated AS validated,
    k.contypid::regtype::text AS domain, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint AS k WHERE k.contypid <> 0 AND k.contype = 'c' AND {not_member("pg_type", "k.contypid")}
ORDER BY k.conname
"""


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the schemas, extensions, collations and types."""
    for row in catalog.rows(_SCHEMAS):
        yield _schema(catalog, row)
    for row in catalog.rows(_EXTENSIONS):
        yield _extension(catalog, row)
    for row in catalog.rows(_COLLATIONS):
        yield _collation(catalog, row)
    attributes = catalog.rows(_ATTRIBUTES)
    constraints = catalog.rows(_DOMAIN_CONSTRAINTS)
    for row in catalog.rows(_TYPES):
        if row["kind"] == "d":
            yield _domain(catalog, row, [found for found in constraints if found["contypid"] == row["oid"]])
        elif row["kind"] == "c":
            yield _composite(catalog, row, [found for found in attributes if found["attrelid"] == row["typrelid"]])
        else:
            yield _enum_or_range(catalog, row)
    for row in constraints:
        if not row["validated"]:
            yield _unvalidated_constraint(catalog, row)


def _schema(catalog: CatalogReader, row: Row) -> Unit:
    identifier = ObjectId("pg_namespace", row["oid"])
    statements = [] if row["name"] == catalog.quoted_schema else [f"CREATE SCHEMA {row['name']}"]
    comments = catalog.comments(f"SCHEMA {row['name']}", identifier)
    return Unit(identifier, Rank.SCHEMA, row["name"], statements + comments, label=f"schema {row['name']}")


def _extension(catalog: CatalogReader, row: Row) -> Unit:
    statement = f"CREATE EXTENSION IF NOT EXISTS {row['name']}"
    if row["raw_schema"] != catalog.schema and not row["makes_schema"]:
        statement += f" WITH SCHEMA {row['schema']}"
    return Unit(ObjectId("pg_extension", row["oid"]), Rank.EXTENSION, row["name"], [statement])


def _collation(catalog: CatalogReader, row: Row) -> Unit:
    identifier = ObjectId("pg_collation", row["oid"])
    is_libc = row["provider"] == "libc"
    same = row["collate"] == row["ctype"]
    pairs = {
        "provider": row["provider"],
        "locale": _quoted((row["collate"] if same else None) if is_libc else row["locale"]),
        "lc_collate": _quoted(row["collate"] if is_libc and not same else None),
        "lc_ctype": _quoted(row["ctype"] if is_libc and not same else None),
        "deterministic": None if row["deterministic"] else "false",
        "rules": _quoted(row["rules"]),
    }
    statements = [f"CREATE COLLATION {row['name']} {options(pairs)}"]
    statements += catalog.comments(f"COLLATION {row['name']}", identifier)
    return Unit(identifier, Rank.COLLATION, row["name"], statements)


def _quoted(text: str | None) -> str | None:
    return None if text is None else literal(text)


def _type(catalog: CatalogReader, row: Row, statements: list[str], noun: str = "TYPE") -> Unit:
    identifier = ObjectId("pg_type", row["oid"])
    statements = statements + catalog.comments(f"{noun} {row['name']}", identifier)
    return Unit(identifier, Rank.TYPE, row["name"], statements, label=f"{noun.lower()} {row['name']}")


def _enum_or_range(catalog: CatalogReader, row: Row) -> Unit:
    if row["kind"] == "e":
        labels = ",\n".join(f"    {literal(label)}" for label in row["labels"] or ())
        return _type(catalog, row, [f"CREATE TYPE {row['name']} AS ENUM (\n{labels}\n)"])
    pairs = {
        "subtype": row["subtype"],
        "subtype_opclass": row["opclass"],
        "collation": row["range_collation"],
        "canonical": row["canonical"],
        "subtype_diff": row["difference"],
        "multirange_type_name": row["multirange"],
    }
    return _type(catalog, row, [f"CREATE TYPE {row['name']} AS RANGE {options(pairs)}"])


def _composite(catalog: CatalogReader, row: Row, attributes: list[Row]) -> Unit:
    lines = ",\n".join(
        f"    {found['name']} {found['type']}" + (f" COLLATE {found['collation']}" if found["collation"] else "")
        for found in attributes
    )
    relation = ObjectId("pg_class", row["typrelid"])
    comments = [
        comment
        for found in attributes
        for comment in catalog.comments(f"COLUMN {row['name']}.{found['name']}", relation, found["attnum"])
    ]
    unit = _type(catalog, row, [f"CREATE TYPE {row['name']} AS (\n{lines}\n)", *comments])
    # For a composite type, pg_description knows both the type and its relation.
    unit.statements += catalog.comments(f"TYPE {row['name']}", relation)
    return unit


def _unvalidated_constraint(catalog: CatalogReader, row: Row) -> Unit:
    """Return a constraint of a domain that CREATE DOMAIN cannot make: it would be validated."""
    identifier = ObjectId("pg_constraint", row["oid"])
    statement = f"ALTER DOMAIN {row['domain']} ADD CONSTRAINT {row['name']} {row['definition']}"
    comment = catalog.comments(f"CONSTRAINT {row['name']} ON DOMAIN {row['domain']}", identifier)
    return Unit(
        identifier,
        Rank.CONSTRAINT,
        f"{row['domain']} {row['name']}",
        [statement, *comment],
        needs={ObjectId("pg_type", row["contypid"])},
    )


def _domain(catalog: CatalogReader, row: Row, constraints: list[Row]) -> Unit:
    parts = [f"CREATE DOMAIN {row['name']} AS {row['base']}"]
    if row["collation"]:
        parts.append(f"COLLATE {row['collation']}")
    if row["default"] is not None:
        parts.append(f"DEFAULT {row['default']}")
    if row["not_null"]:
        parts.append("NOT NULL")
    valid = [found for found in constraints if found["validated"]]
    parts += [f"CONSTRAINT {found['name']} {found['definition']}" for found in valid]
    comments = [
        comment
        for found in valid
        for comment in catalog.comments(
            f"CONSTRAINT {found['name']} ON DOMAIN {row['name']}", ObjectId("pg_constraint", found["oid"])
        )
    ]
    unit = _type(catalog, row, ["\n    ".join(parts)], "DOMAIN")
    unit.statements += comments
    return unit
