"""Privileges: what was granted beyond, or revoked from, what the server grants by default; also on the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Unit
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member

# For each object: what follows ON, its privileges, and those it had when it was created. The owner is shown as
# CURRENT_USER, so that the text does not depend on the role that applies it.
_OBJECTS = """
SELECT 'pg_class' AS catalog, c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.name AS target,
    '' AS part, c.relacl AS acl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner) AS usual,
    c.relowner AS owner
FROM ({relations}) AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relacl IS NOT NULL
UNION ALL
SELECT 'pg_class', c.oid, 'TABLE ' || c.name, quote_ident(a.attname), a.attacl, acldefault('c', c.relowner), c.relowner
FROM ({relations}) AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT 'pg_proc', p.oid, CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || p.oid::regprocedure::text,
    '', p.proacl, acldefault('f', p.proowner), p.proowner
FROM pg_proc AS p WHERE p.proacl IS NOT NULL AND {is_routine}
UNION ALL
SELECT 'pg_type', t.oid, 'TYPE ' || t.oid::regtype::text, '', t.typacl, acldefault('T', t.typowner), t.typowner
FROM pg_type AS t WHERE t.typacl IS NOT NULL AND t.typtype IN ('e', 'd', 'r', 'c') AND {is_type}
UNION ALL
SELECT 'pg_namespace', n.oid, 'SCHEMA ' || quote_ident(n.nspname), '', n.nspacl,
    coalesce(i.initprivs, acldefault('n', n.nspowner)), n.nspowner
FROM pg_namespace AS n LEFT JOIN pg_init_privs AS i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
WHERE n.nspacl IS NOT NULL AND (n.nspname = 'public' OR {is_schema})
"""

_DIFFERENCES = """
SELECT o.*, g.verb, g.privilege_type AS privilege, g.is_grantable,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' WHEN g.grantee = o.owner THEN 'CURRENT_USER'
        ELSE g.grantee::regrole::text END AS grantee
FROM ({objects}) AS o CROSS JOIN LATERAL (
    (SELECT 'GRANT' AS verb, x.grantee, x.privilege_type, x.is_grantable FROM aclexplode(o.acl) AS x
        EXCEPT SELECT 'GRANT', x.grantee, x.privilege_type, x.is_grantable FROM aclexplode(o.usual) AS x)
    UNION ALL
    (SELECT 'REVOKE', x.grantee, x.privilege_type, false FROM aclexplode(o.usual) AS x
        EXCEPT SELECT 'REVOKE', x.grantee, x.privilege_type, false FROM aclexplode(o.acl) AS x)
) AS g
ORDER BY o.target, o.part, g.verb DESC, grantee, privilege
"""


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the grants and revocations of each object that has any."""
    relations = catalog.relations_and_ledger
    objects = _OBJECTS.format(
        relations=relations,
        is_routine=not_member("pg_proc", "p.oid"),
        is_type=not_member("pg_type", "t.oid"),
        is_schema=not_member("pg_namespace", "n.oid"),
    )
    privileges: dict[tuple[ObjectId, str, str, str, bool], list[str]] = defaultdict(list)
    for row in catalog.rows(_DIFFERENCES.format(objects=objects)):
        identifier = ObjectId(row["catalog"], row["oid"])
        privilege = f"{row['privilege']} ({row['part']})" if row["part"] else row["privilege"]
        privileges[identifier, row["target"], row["verb"], row["grantee"], row["is_grantable"]].append(privilege)
    statements: dict[tuple[ObjectId, str], list[str]] = defaultdict(list)
    for (identifier, target, verb, grantee, is_grantable), names in privileges.items():
        to = f"TO {grantee}" if verb == "GRANT" else f"FROM {grantee}"
        option = " WITH GRANT OPTION" if is_grantable else ""
        statements[identifier, target].append(f"{verb} {', '.join(names)} ON {target} {to}{option}")
    for (identifier, target), found in statements.items():
        yield Unit(ObjectId(f"grant {identifier.catalog}", identifier.oid), Rank.GRANT, target, found, {identifier})
