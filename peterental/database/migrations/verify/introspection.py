"""Read a database's catalog: every object that migrations can create, and its properties as text.

Definitions come from the server (`pg_get_…def`) with an empty search_path, so that they are comparable between
databases. Skipped are the ledger, members of extensions, and what the files do not define: owners, statistics and
sizes. Grants are read only on request, because most teams make them outside the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.reader import LEDGER_TABLE, OWN_TABLES
from peterental.database.migrations.session.plain_reading import read_plainly
from peterental.database.migrations.session.server import Connection, reason_of
from peterental.database.migrations.verify.grants import GRANTS_QUERY
from peterental.database.migrations.verify.rare_objects import RARE_OBJECT_QUERIES, not_in_extension

Properties = Mapping[str, str | None]
"""An object's properties: `{"type": "text", "nullable": "no", …}`; None if a property is not set."""


class CatalogUnreadable(EngineError):
    """The catalog of the {which} could not be read: {reason}."""


class ObjectKey(NamedTuple):
    """Identifies an object, or a part of it by kind and name.

    Both are empty for the object itself.
    """

    object: str
    kind: str
    name: str


@dataclass(frozen=True)
class Catalog:
    """The objects in a database.

    Args:
        objects: every object and part, with its properties.
        schemas: the schema of each object; empty for objects outside schemas.
        column_orders: the columns of each table, in order.
        with_ledger: the schemas that have a migration ledger.
    """

    objects: dict[ObjectKey, Properties] = field(default_factory=dict)
    schemas: dict[str, str] = field(default_factory=dict)
    column_orders: dict[str, list[str]] = field(default_factory=dict)
    with_ledger: frozenset[str] = frozenset()


def read_catalog(connection: Connection, ledger_schema: str, *, which: str, grants: bool = False) -> Catalog:
    """Read the catalog in one snapshot, read-only and with a short lock timeout.

    Args:
        connection: in autocommit mode; its search_path is restored.
        ledger_schema: the schema whose ledger tables are skipped.
        which: the name of the database for error messages.
        grants: whether to read privileges as well.

    Raises CatalogUnreadable.
    """
    queries = (*_QUERIES, _COMMON_TABLES + GRANTS_QUERY) if grants else _QUERIES
    names = {"ledger_schema": ledger_schema, "ledger_tables": list(OWN_TABLES)}
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SET LOCAL search_path TO pg_catalog")
            connection.execute("SET LOCAL lock_timeout TO '1s'")
            read_plainly(connection)
            catalog = Catalog(with_ledger=_with_ledger(connection))
            for query in queries:
                for row in connection.execute(query.encode(), names):
                    key = ObjectKey(f"{row['kind']} {row['name']}", row["part_kind"], row["part"])
                    catalog.objects[key] = row["properties"]
                    catalog.schemas[key.object] = row["schema"]
                    if key.kind == "column":
                        catalog.column_orders.setdefault(key.object, []).append(key.name)
    except psycopg.errors.LockNotAvailable as error:
        raise CatalogUnreadable(
            which=which, reason="another session has locked one of its tables; try again"
        ) from error
    except psycopg.Error as error:
        raise CatalogUnreadable(which=which, reason=reason_of(error)) from error
    return catalog


def _with_ledger(connection: Connection) -> frozenset[str]:
    rows = connection.execute(
        "SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relname = %s",
        [LEDGER_TABLE],
    )
    return frozenset(row["nspname"] for row in rows)


_COMMON_TABLES = f"""
WITH ledger AS (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %(ledger_schema)s AND c.relname = ANY (%(ledger_tables)s)
),
space AS (
    SELECT n.oid, n.nspname FROM pg_namespace AS n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND {not_in_extension("pg_namespace", "n.oid")}
),
rel AS (
    SELECT c.*, space.nspname AS schema, quote_ident(space.nspname) || '.' || quote_ident(c.relname) AS name,
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
            WHEN 'c' THEN 'type' ELSE 'table' END AS kind
    FROM pg_class AS c JOIN space ON space.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {not_in_extension("pg_class", "c.oid")}
        AND c.oid NOT IN (SELECT oid FROM ledger)
)
"""

_SCHEMAS = """
SELECT 'schema' AS kind, nspname AS schema, quote_ident(nspname) AS name, '' AS part_kind, '' AS part,
    json_build_object('comment', obj_description(oid, 'pg_namespace')) AS properties
FROM space WHERE nspname <> 'public'
"""

_EXTENSIONS = """
SELECT 'extension' AS kind, '' AS schema, quote_ident(x.extname) AS name, '' AS part_kind, '' AS part,
    json_build_object('schema', x.extnamespace::regnamespace::text) AS properties
FROM pg_extension AS x WHERE x.extname <> 'plpgsql'
"""

_RELATIONS = """
SELECT kind, schema, name, '' AS part_kind, '' AS part, json_build_object(
    'definition', CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END,
    'partitioned by', CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END,
    'inherits from', (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
        FROM pg_inherits WHERE inhrelid = rel.oid),
    'partition', pg_get_expr(relpartbound, oid),
    'server', (SELECT quote_ident(srvname) || coalesce(' ' || ftoptions::text, '')
        FROM pg_foreign_table AS t JOIN pg_foreign_server AS s ON s.oid = t.ftserver WHERE t.ftrelid = rel.oid),
    'of type', CASE WHEN reloftype <> 0 THEN reloftype::regtype::text END,
    'populated', CASE WHEN relkind = 'm' THEN CASE WHEN relispopulated THEN 'yes' ELSE 'no' END END,
    'logged', CASE relpersistence WHEN 'u' THEN 'no' ELSE 'yes' END,
    'settings', array_to_string(reloptions, ', '),
    'row security', CASE WHEN relforcerowsecurity THEN 'forced' WHEN relrowsecurity THEN 'on' ELSE 'off' END,
    'replica identity', CASE relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN (
        SELECT 'index ' || indexrelid::regclass::text FROM pg_index WHERE indrelid = rel.oid AND indisreplident) END,
    'comment', obj_description(oid, 'pg_class')
) AS properties
FROM rel
"""

_COLUMNS = """
SELECT rel.kind, rel.schema, rel.name, 'column' AS part_kind, quote_ident(a.attname) AS part, json_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    'nullable', CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END,
    'not null validated', (SELECT 'no' FROM pg_constraint AS k WHERE k.conrelid = a.attrelid AND k.contype = 'n'
        AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated LIMIT 1),
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
    'generated', CASE WHEN a.attgenerated <> '' THEN
        pg_get_expr(d.adbin, d.adrelid) || CASE a.attgenerated WHEN 's' THEN ' stored' ELSE ' virtual' END END,
    'storage', CASE WHEN a.attstorage <> t.typstorage THEN
        CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
    'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
    'statistics target', nullif(a.attstattarget, -1)::text,
    'settings', array_to_string(a.attoptions, ', '),
    'comment', col_description(a.attrelid, a.attnum)
) AS properties
FROM rel JOIN pg_attribute AS a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY rel.oid, a.attnum
"""

# NOT NULL is a property of columns here: only since PostgreSQL 18 is it also a constraint, with a generated name.
# Constraints, indexes and triggers that a partition inherits belong to its parent.
_CONSTRAINTS = """
SELECT rel.kind, rel.schema, rel.name, 'constraint' AS part_kind, quote_ident(k.conname) AS part, json_build_object(
    'definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
    'validated', CASE WHEN k.convalidated THEN 'yes' ELSE 'no' END,
    'index valid', CASE WHEN NOT i.indisvalid THEN 'no' END,
    'clustered', CASE WHEN i.indisclustered THEN 'yes' END,
    'comment', obj_description(k.oid, 'pg_constraint')
) AS properties
FROM rel JOIN pg_constraint AS k ON k.conrelid = rel.oid
LEFT JOIN pg_index AS i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
WHERE k.contype NOT IN ('n', 't') AND k.conparentid = 0
"""

_INDEXES = """
SELECT rel.kind, rel.schema, rel.name, 'index' AS part_kind, quote_ident(c.relname) AS part, json_build_object(
    'definition', pg_get_indexdef(c.oid),
    'valid', CASE WHEN i.indisvalid AND i.indisready THEN 'yes' ELSE 'no' END,
    'clustered', CASE WHEN i.indisclustered THEN 'yes' END,
    'comment', obj_description(c.oid, 'pg_class')
) AS properties
FROM rel JOIN pg_index AS i ON i.indrelid = rel.oid JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE NOT c.relispartition AND NOT EXISTS (
    SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid AND k.conrelid = rel.oid AND k.contype IN ('p', 'u', 'x'))
"""

_TRIGGERS = """
SELECT rel.kind, rel.schema, rel.name, 'trigger' AS part_kind, quote_ident(t.tgname) AS part, json_build_object(
    'definition', pg_get_triggerdef(t.oid),
    'enabled', CASE t.tgenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' ELSE 'yes' END,
    'comment', obj_description(t.oid, 'pg_trigger')
) AS properties
FROM rel JOIN pg_trigger AS t ON t.tgrelid = rel.oid WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT rel.kind, rel.schema, rel.name, 'rule', quote_ident(r.rulename), json_build_object(
    'definition', pg_get_ruledef(r.oid), 'comment', obj_description(r.oid, 'pg_rewrite'))
FROM rel JOIN pg_rewrite AS r ON r.ev_class = rel.oid WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT rel.kind, rel.schema, rel.name, 'policy', quote_ident(p.polname), json_build_object(
    'for', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
        WHEN 'd' THEN 'delete' ELSE 'all' END,
    'permissive', CASE WHEN p.polpermissive THEN 'yes' ELSE 'no' END,
    'to', (SELECT string_agg(CASE WHEN r = 0 THEN 'public' ELSE r::regrole::text END, ', ' ORDER BY r::regrole::text)
        FROM unnest(p.polroles) AS r),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid),
    'comment', obj_description(p.oid, 'pg_policy'))
FROM rel JOIN pg_policy AS p ON p.polrelid = rel.oid
UNION ALL
SELECT rel.kind, rel.schema, rel.name, 'statistics', quote_ident(s.stxname), json_build_object(
    'definition', pg_get_statisticsobjdef(s.oid), 'comment', obj_description(s.oid, 'pg_statistic_ext'))
FROM rel JOIN pg_statistic_ext AS s ON s.stxrelid = rel.oid
"""

_SEQUENCES = f"""
SELECT 'sequence' AS kind, space.nspname AS schema, quote_ident(space.nspname) || '.' || quote_ident(c.relname) AS name,
    '' AS part_kind, '' AS part, json_build_object(
    'type', format_type(s.seqtypid, NULL),
    'start', s.seqstart::text,
    'increment', s.seqincrement::text,
    'minimum', s.seqmin::text,
    'maximum', s.seqmax::text,
    'cache', s.seqcache::text,
    'cycle', CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END,
    'owned by', (SELECT o.refobjid::regclass::text || '.' || quote_ident(a.attname)
        FROM pg_depend AS o JOIN pg_attribute AS a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
        WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
            AND o.deptype IN ('a', 'i')),
    'comment', obj_description(c.oid, 'pg_class')
) AS properties
FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN space ON space.oid = c.relnamespace
WHERE {not_in_extension("pg_class", "c.oid")} AND NOT EXISTS (
    SELECT FROM pg_depend AS o WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
        AND o.refobjid IN (SELECT oid FROM ledger))
"""

_FUNCTIONS = f"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
    space.nspname AS schema,
    quote_ident(space.nspname) || '.' || quote_ident(p.proname) || '('
        || pg_get_function_identity_arguments(p.oid) || ')' AS name,
    '' AS part_kind, '' AS part, json_build_object(
    'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (
        SELECT concat_ws(' ', g.aggtransfn::text, format_type(g.aggtranstype, NULL), g.aggfinalfn::text,
            g.aggcombinefn::text, g.agginitval, 'parallel ' || p.proparallel::text)
        FROM pg_aggregate AS g WHERE g.aggfnoid = p.oid) END,
    'comment', obj_description(p.oid, 'pg_proc')
) AS properties
FROM pg_proc AS p JOIN space ON space.oid = p.pronamespace
WHERE {not_in_extension("pg_proc", "p.oid", kinds="'e', 'i'")}
"""

_TYPES = f"""
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind, space.nspname AS schema,
    quote_ident(space.nspname) || '.' || quote_ident(t.typname) AS name, '' AS part_kind, '' AS part, json_build_object(
    'values', (SELECT string_agg(quote_literal(v.enumlabel), ', ' ORDER BY v.enumsortorder)
        FROM pg_enum AS v WHERE v.enumtypid = t.oid),
    'type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
    'collation', (SELECT t.typcollation::regcollation::text FROM pg_type AS b
        WHERE b.oid = t.typbasetype AND t.typtype = 'd' AND t.typcollation <> b.typcollation),
    'nullable', CASE WHEN t.typtype = 'd' THEN CASE WHEN t.typnotnull THEN 'no' ELSE 'yes' END END,
    'default', coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault),
    'range of', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range AS r WHERE r.rngtypid = t.oid),
    'comment', obj_description(t.oid, 'pg_type')
) AS properties
FROM pg_type AS t JOIN space ON space.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r') AND {not_in_extension("pg_type", "t.oid")}
UNION ALL
SELECT 'domain', space.nspname, quote_ident(space.nspname) || '.' || quote_ident(t.typname), 'constraint',
    quote_ident(k.conname), json_build_object(
    'definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
    'validated', CASE WHEN k.convalidated THEN 'yes' ELSE 'no' END,
    'comment', obj_description(k.oid, 'pg_constraint'))
FROM pg_constraint AS k JOIN pg_type AS t ON t.oid = k.contypid JOIN space ON space.oid = t.typnamespace
WHERE k.contype <> 'n' AND {not_in_extension("pg_type", "t.oid")}
"""

_EVENT_TRIGGERS = f"""
SELECT 'event trigger' AS kind, '' AS schema, quote_ident(t.evtname) AS name, '' AS part_kind, '' AS part,
    json_build_object('on', t.evtevent, 'tags', array_to_string(t.evttags, ', '), 'runs', t.evtfoid::regproc::text,
        'enabled', CASE t.evtenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always'
            ELSE 'yes' END, 'comment', obj_description(t.oid, 'pg_event_trigger')) AS properties
FROM pg_event_trigger AS t WHERE {not_in_extension("pg_event_trigger", "t.oid")}
"""

_QUERIES = tuple(
    _COMMON_TABLES + query
    for query in (
        _SCHEMAS,
        _EXTENSIONS,
        _TYPES,
        _SEQUENCES,
        _RELATIONS,
        _COLUMNS,
        _CONSTRAINTS,
        _INDEXES,
        _TRIGGERS,
        _FUNCTIONS,
        _EVENT_TRIGGERS,
        *RARE_OBJECT_QUERIES,
    )
)
