"""Catalog queries for rarely used objects, and a filter for members of extensions.

Like the other catalog queries, they read the schemas to search from `space`.
"""

from __future__ import annotations


def not_in_extension(catalog: str, oid: str, *, kinds: str = "'e'") -> str:
    """Return an SQL condition that an object does not belong to an extension.

    Args:
        catalog: the object's system catalog.
        oid: an SQL expression for its OID.
        kinds: SQL literals of dependency types to exclude; `'i'` adds objects created as part of another.
    """
    return (
        f"NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid}"
        f" AND e.deptype IN ({kinds}))"
    )


# The columns of pg_collation have been renamed in several major versions.
_COLLATIONS = f"""
SELECT 'collation' AS kind, space.nspname AS schema, quote_ident(space.nspname) || '.' || quote_ident(l.collname)
    AS name, '' AS part_kind, '' AS part, json_build_object(
    'provider', CASE l.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' END,
    'locale', coalesce(j.words ->> 'colllocale', j.words ->> 'colliculocale', j.words ->> 'collcollate'),
    'ctype', CASE WHEN l.collprovider = 'c' THEN j.words ->> 'collctype' END,
    'rules', j.words ->> 'collicurules',
    'deterministic', CASE WHEN l.collisdeterministic THEN 'yes' ELSE 'no' END,
    'comment', obj_description(l.oid, 'pg_collation')
) AS properties
FROM pg_collation AS l JOIN space ON space.oid = l.collnamespace CROSS JOIN LATERAL (SELECT to_jsonb(l)) AS j (words)
WHERE {not_in_extension("pg_collation", "l.oid")}
"""

_TEXT_SEARCH = f"""
SELECT 'text search configuration' AS kind, space.nspname AS schema,
    quote_ident(space.nspname) || '.' || quote_ident(c.cfgname) AS name, '' AS part_kind, '' AS part, json_build_object(
    'parser', (SELECT quote_ident(prsname) FROM pg_ts_parser AS r WHERE r.oid = c.cfgparser),
    'words', (SELECT string_agg(m.words, ', ' ORDER BY m.words) FROM (
        SELECT k.alias || ' by ' || string_agg(d.mapdict::regdictionary::text, ' ' ORDER BY d.mapseqno) AS words
        FROM pg_ts_config_map AS d JOIN ts_token_type(c.cfgparser) AS k ON k.tokid = d.maptokentype
        WHERE d.mapcfg = c.oid GROUP BY k.alias) AS m),
    'comment', obj_description(c.oid, 'pg_ts_config')
) AS properties
FROM pg_ts_config AS c JOIN space ON space.oid = c.cfgnamespace WHERE {not_in_extension("pg_ts_config", "c.oid")}
UNION ALL
SELECT 'text search dictionary', space.nspname, quote_ident(space.nspname) || '.' || quote_ident(d.dictname), '', '',
    json_build_object(
    'template', (SELECT quote_ident(tmplname) FROM pg_ts_template AS t WHERE t.oid = d.dicttemplate),
    'settings', d.dictinitoption,
    'comment', obj_description(d.oid, 'pg_ts_dict'))
FROM pg_ts_dict AS d JOIN space ON space.oid = d.dictnamespace WHERE {not_in_extension("pg_ts_dict", "d.oid")}
"""

# Objects created by initdb have no entry in pg_depend, but an OID below 16384.
_OPERATORS = f"""
SELECT 'operator' AS kind, space.nspname AS schema, o.oid::regoperator::text AS name, '' AS part_kind, '' AS part,
    json_build_object(
    'function', o.oprcode::regprocedure::text,
    'commutator', nullif(o.oprcom::regoperator::text, '0'),
    'negator', nullif(o.oprnegate::regoperator::text, '0'),
    'selectivity', concat_ws(' ', o.oprrest::regproc::text, o.oprjoin::regproc::text),
    'hashes', CASE WHEN o.oprcanhash THEN 'yes' ELSE 'no' END,
    'merges', CASE WHEN o.oprcanmerge THEN 'yes' ELSE 'no' END,
    'comment', obj_description(o.oid, 'pg_operator')
) AS properties
FROM pg_operator AS o JOIN space ON space.oid = o.oprnamespace WHERE {not_in_extension("pg_operator", "o.oid")}
UNION ALL
SELECT 'cast', '', format('(%%s AS %%s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)), '', '',
    json_build_object(
    'with', CASE c.castmethod WHEN 'i' THEN 'inout' WHEN 'b' THEN 'no function' ELSE c.castfunc::regprocedure::text END,
    'as', CASE c.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' ELSE 'explicit' END,
    'comment', obj_description(c.oid, 'pg_cast'))
FROM pg_cast AS c WHERE c.oid >= 16384 AND {not_in_extension("pg_cast", "c.oid", kinds="'e', 'i'")}
"""

# The tables, with row filter and column list; the column list is included only if the publication defines one.
_PUBLICATIONS = f"""
SELECT 'publication' AS kind, '' AS schema, quote_ident(p.pubname) AS name, '' AS part_kind, '' AS part,
    json_build_object(
    'tables', CASE WHEN p.puballtables THEN 'all' ELSE (
        SELECT string_agg(format('%%I.%%I', t.schemaname, t.tablename)
            || CASE WHEN to_jsonb(r) ->> 'prattrs' IS NOT NULL
                THEN ' (' || (SELECT string_agg(a.name, ', ' ORDER BY a.name)
                    FROM jsonb_array_elements_text(to_jsonb(t) -> 'attnames') AS a (name)) || ')' ELSE '' END
            || coalesce(' WHERE ' || (to_jsonb(t) ->> 'rowfilter'), ''),
            ', ' ORDER BY t.schemaname, t.tablename)
        FROM pg_publication_tables AS t LEFT JOIN pg_publication_rel AS r
            ON r.prpubid = p.oid AND r.prrelid = format('%%I.%%I', t.schemaname, t.tablename)::regclass
        WHERE t.pubname = p.pubname) END,
    'publishes', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
    'via root', CASE WHEN p.pubviaroot THEN 'yes' ELSE 'no' END,
    'comment', obj_description(p.oid, 'pg_publication')
) AS properties
FROM pg_publication AS p WHERE {not_in_extension("pg_publication", "p.oid")}
"""

RARE_OBJECT_QUERIES = (_COLLATIONS, _TEXT_SEARCH, _OPERATORS, _PUBLICATIONS)
