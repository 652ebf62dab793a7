"""Catalog queries for privileges: what was granted to whom, beyond what an owner has anyway.

Like the other catalog queries, they read the schemas to search from `space`, and the relations from `rel`.
"""

from __future__ import annotations

from peterental.database.migrations.verify.rare_objects import not_in_extension

GRANT = "grant to"
"""The kind of a part of an object that says what one role may do with it."""

_OBJECTS = f"""
SELECT rel.kind, rel.schema, rel.name, '' AS of_column, rel.relowner AS owner,
    coalesce(rel.relacl, acldefault('r', rel.relowner)) AS acl
FROM rel WHERE rel.relkind <> 'c'
UNION ALL
SELECT rel.kind, rel.schema, rel.name, ' on ' || quote_ident(a.attname), rel.relowner, a.attacl
FROM rel JOIN pg_attribute AS a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE a.attacl IS NOT NULL
UNION ALL
SELECT 'schema', space.nspname, quote_ident(space.nspname), '', n.nspowner,
    coalesce(n.nspacl, acldefault('n', n.nspowner))
FROM space JOIN pg_namespace AS n ON n.oid = space.oid
UNION ALL
SELECT 'sequence', space.nspname, quote_ident(space.nspname) || '.' || quote_ident(c.relname), '', c.relowner,
    coalesce(c.relacl, acldefault('s', c.relowner))
FROM pg_class AS c JOIN space ON space.oid = c.relnamespace
WHERE c.relkind = 'S' AND {not_in_extension("pg_class", "c.oid")} AND NOT EXISTS (
    SELECT FROM pg_depend AS o WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
        AND o.refobjid IN (SELECT oid FROM ledger))
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, space.nspname,
    quote_ident(space.nspname) || '.' || quote_ident(p.proname) || '('
        || pg_get_function_identity_arguments(p.oid) || ')', '', p.proowner,
    coalesce(p.proacl, acldefault('f', p.proowner))
FROM pg_proc AS p JOIN space ON space.oid = p.pronamespace
WHERE {not_in_extension("pg_proc", "p.oid", kinds="'e', 'i'")}
UNION ALL
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, space.nspname,
    quote_ident(space.nspname) || '.' || quote_ident(t.typname), '', t.typowner,
    coalesce(t.typacl, acldefault('T', t.typowner))
FROM pg_type AS t JOIN space ON space.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r') AND {not_in_extension("pg_type", "t.oid")}
"""

GRANTS_QUERY = f"""
SELECT object.kind, object.schema, object.name, '{GRANT}' AS part_kind,
    CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END || object.of_column AS part,
    json_build_object('privileges', string_agg(
        lower(x.privilege_type) || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END, ', '
        ORDER BY x.privilege_type)) AS properties
FROM ({_OBJECTS}) AS object CROSS JOIN LATERAL aclexplode(object.acl) AS x
WHERE x.grantee <> object.owner
GROUP BY object.kind, object.schema, object.name, object.of_column, x.grantee
"""
"""Selects the privileges on every object, one row per object and role."""
