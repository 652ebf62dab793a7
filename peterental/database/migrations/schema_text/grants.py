"""Privileges beyond or below what the server grants by default, also on the ledger; and owners other than the role."""

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
    (SELECT count(*) FROM aclexplode(o.usual) AS x WHERE x.grantee = o.owner) AS possible,
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


# Entries without a schema replace the server's own defaults; those with a schema are added to them.
_DEFAULT_PRIVILEGES = """
SELECT d.oid, g.verb, g.privilege_type AS privilege, g.is_grantable,
    CASE WHEN r.rolname <> current_user THEN ' FOR ROLE ' || quote_ident(r.rolname) ELSE '' END
        || CASE WHEN n.oid IS NOT NULL THEN ' IN SCHEMA ' || quote_ident(n.nspname) ELSE '' END AS scope,
    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
        WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS kind,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' WHEN g.grantee = d.defaclrole THEN r.quoted
        ELSE g.grantee::regrole::text END AS grantee
FROM pg_default_acl AS d
JOIN (SELECT oid, rolname, CASE rolname WHEN current_user THEN 'CURRENT_USER' ELSE quote_ident(rolname) END AS quoted
    FROM pg_roles) AS r ON r.oid = d.defaclrole
LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL (SELECT CASE WHEN n.oid IS NULL THEN acldefault(
    CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole) END) AS u (usual)
CROSS JOIN LATERAL (
    (SELECT 'GRANT' AS verb, x.grantee, x.privilege_type, x.is_grantable FROM aclexplode(d.defaclacl) AS x
        EXCEPT SELECT 'GRANT', x.grantee, x.privilege_type, x.is_grantable FROM aclexplode(u.usual) AS x)
    UNION ALL
    (SELECT 'REVOKE', x.grantee, x.privilege_type, false FROM aclexplode(u.usual) AS x
        EXCEPT SELECT 'REVOKE', x.grantee, x.privilege_type, false FROM aclexplode(d.defaclacl) AS x)
) AS g
ORDER BY scope, kind, g.verb DESC, grantee, privilege
"""

# Owned sequences follow their table, and the types of relations follow the relation.
_OWNERS = """
SELECT * FROM (
    SELECT 'pg_namespace' AS catalog, n.oid, 'SCHEMA ' || quote_ident(n.nspname) AS target, n.nspowner AS owner
    FROM pg_namespace AS n WHERE {is_schema}
    UNION ALL
    SELECT 'pg_class', c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' WHEN 'v' THEN 'VIEW '
        WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'c' THEN 'TYPE ' ELSE 'TABLE ' END || c.name, c.relowner
    FROM ({relations}) AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c') OR (c.relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend AS o WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
            AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 'pg_proc', p.oid, CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' WHEN 'a' THEN 'AGGREGATE ' ELSE 'FUNCTION ' END
        || p.oid::regprocedure::text, p.proowner
    FROM pg_proc AS p WHERE {is_routine} AND NOT EXISTS (SELECT FROM pg_depend AS i
        WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')
    UNION ALL
    SELECT 'pg_type', t.oid, CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || t.oid::regtype::text, t.typowner
    FROM pg_type AS t WHERE t.typtype IN ('e', 'd', 'r') AND {is_type}
) AS o
WHERE o.owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the grants and revocations of each object that has any, owners, and default privileges."""
    yield from _grants(catalog)
    owners = _OWNERS.format(
        relations=catalog.relations,
        is_routine=not_member("pg_proc", "p.oid"),
        is_type=not_member("pg_type", "t.oid"),
        is_schema=not_member("pg_namespace", "n.oid"),
    )
    for row in catalog.rows(owners):
        role = catalog.rows(f"SELECT {row['owner']}::regrole::text AS name")[0]["name"]
        identifier = ObjectId(f"owner {row['catalog']}", row["oid"])
        alter = f"ALTER {row['target']} OWNER TO {role}"
        yield Unit(identifier, Rank.OWNER, row["target"], [alter], {ObjectId(row["catalog"], row["oid"])})
    for row in catalog.rows(_DEFAULT_PRIVILEGES):
        to = f"TO {row['grantee']}" if row["verb"] == "GRANT" else f"FROM {row['grantee']}"
        option = " WITH GRANT OPTION" if row["is_grantable"] else ""
        statement = f"{row['verb']} {row['privilege']} ON {row['kind']} {to}{option}"
        name = f"{row['scope']} {row['kind']} {row['verb'] == 'GRANT'} {row['grantee']} {row['privilege']}"
        # Last, because they apply to what is created afterwards.
        identifier = ObjectId(f"default privileges {name}", row["oid"])
        yield Unit(identifier, Rank.DEFAULT_PRIVILEGES, name, [f"ALTER DEFAULT PRIVILEGES{row['scope']} {statement}"])


def _grants(catalog: CatalogReader) -> Iterator[Unit]:
    relations = catalog.relations_and_ledger
    objects = _OBJECTS.format(
        relations=relations,
        is_routine=not_member("pg_proc", "p.oid"),
        is_type=not_member("pg_type", "t.oid"),
        is_schema=not_member("pg_namespace", "n.oid"),
    )
    possible: dict[ObjectId, int] = {}
    privileges: dict[tuple[ObjectId, str, str, str, bool], list[str]] = defaultdict(list)
    for row in catalog.rows(_DIFFERENCES.format(objects=objects)):
        identifier = ObjectId(row["catalog"], row["oid"])
        privilege = f"{row['privilege']} ({row['part']})" if row["part"] else row["privilege"]
        possible[identifier] = max(row["possible"], possible.get(identifier, 0))
        privileges[identifier, row["target"], row["verb"], row["grantee"], row["is_grantable"]].append(privilege)
    statements: dict[tuple[ObjectId, str], list[str]] = defaultdict(list)
    for (identifier, target, verb, grantee, is_grantable), names in privileges.items():
        to = f"TO {grantee}" if verb == "GRANT" else f"FROM {grantee}"
        option = " WITH GRANT OPTION" if is_grantable else ""
        # PostgreSQL 17 has more privileges than 16, so that all of them are the same only as ALL.
        is_all = len(names) == possible[identifier] > 1 and not any("(" in name for name in names)
        listed = "ALL" if is_all else ", ".join(names)
        statements[identifier, target].append(f"{verb} {listed} ON {target} {to}{option}")
    for (identifier, target), found in statements.items():
        yield Unit(ObjectId(f"grant {identifier.catalog}", identifier.oid), Rank.GRANT, target, found, {identifier})
