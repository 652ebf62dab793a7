"""What the schema text cannot express: found beforehand, and named."""

from __future__ import annotations

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member


class SchemaInexpressible(EngineError):
    """This schema cannot be written as SQL: {reason}. Nothing was written."""


_EVERY_QUERY = """
SELECT 'foreign table ' || c.name AS what FROM ({relations}) AS c WHERE c.relkind = 'f'
UNION ALL SELECT 'invalid index ' || i.indexrelid::regclass::text FROM ({relations}) AS c
    JOIN pg_index AS i ON i.indrelid = c.oid WHERE NOT i.indisvalid
UNION ALL SELECT 'table access method of ' || c.name FROM ({relations}) AS c JOIN pg_am AS a ON a.oid = c.relam
    WHERE c.relkind IN ('r', 'p', 'm') AND a.amname <> 'heap'
UNION ALL SELECT 'aggregate ' || p.oid::regprocedure::text || ', which is ordered or has a moving state'
    FROM pg_aggregate AS g JOIN pg_proc AS p ON p.oid = g.aggfnoid
    WHERE (g.aggkind <> 'n' OR g.aggmtransfn <> 0) AND {user_routine}
UNION ALL SELECT 'base type ' || t.oid::regtype::text FROM pg_type AS t
    WHERE (t.typtype = 'b' AND t.typelem = 0 OR t.typtype = 'p' AND t.typrelid = 0) AND {user_type}
    AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)
UNION ALL SELECT 'foreign-data wrapper ' || quote_ident(f.fdwname) FROM pg_foreign_data_wrapper AS f WHERE {fdw}
UNION ALL SELECT 'foreign server ' || quote_ident(s.srvname) FROM pg_foreign_server AS s WHERE {server}
UNION ALL SELECT 'access method ' || quote_ident(a.amname) FROM pg_am AS a WHERE {method}
UNION ALL SELECT 'operator class ' || quote_ident(o.opcname) FROM pg_opclass AS o WHERE {opclass}
UNION ALL SELECT 'operator family ' || quote_ident(o.opfname) FROM pg_opfamily AS o WHERE {opfamily}
UNION ALL SELECT 'language ' || quote_ident(l.lanname) FROM pg_language AS l WHERE {language}
UNION ALL SELECT 'conversion ' || quote_ident(c.conname) FROM pg_conversion AS c WHERE {conversion}
UNION ALL SELECT 'transform for ' || t.trftype::regtype::text FROM pg_transform AS t WHERE {transform}
UNION ALL SELECT 'text search parser ' || quote_ident(p.prsname) FROM pg_ts_parser AS p WHERE {parser}
UNION ALL SELECT 'text search template ' || quote_ident(t.tmplname) FROM pg_ts_template AS t WHERE {template}
UNION ALL SELECT 'large object ' || l.oid::text FROM pg_largeobject_metadata AS l
UNION ALL SELECT 'security label of ' || pg_describe_object(s.classoid, s.objoid, s.objsubid) FROM pg_seclabel AS s
UNION ALL SELECT 'setting of the database: ' || c FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
    WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND c NOT LIKE 'search\\_path=%'
ORDER BY what
"""


def refuse_unsupported(catalog: CatalogReader) -> None:
    """Raise SchemaInexpressible with every object whose kind, owner or property the text would lose."""
    query = _EVERY_QUERY.format(
        relations=catalog.relations,
        user_routine=not_member("pg_proc", "p.oid"),
        user_type=not_member("pg_type", "t.oid"),
        fdw=not_member("pg_foreign_data_wrapper", "f.oid"),
        server=not_member("pg_foreign_server", "s.oid"),
        method=not_member("pg_am", "a.oid"),
        opclass=not_member("pg_opclass", "o.oid"),
        opfamily=not_member("pg_opfamily", "o.oid"),
        language=not_member("pg_language", "l.oid"),
        conversion=not_member("pg_conversion", "c.oid"),
        transform=not_member("pg_transform", "t.oid"),
        parser=not_member("pg_ts_parser", "p.oid"),
        template=not_member("pg_ts_template", "t.oid"),
    )
    found = [row["what"] for row in catalog.rows(query)]
    if found:
        raise SchemaInexpressible(reason="it has no statement for the " + ", the ".join(found))
