"""What is added to tables and views afterwards: keys, indexes, triggers, rules, policies, statistics."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Row, Unit
from peterental.database.migrations.schema_text.reader import CatalogReader
from peterental.database.migrations.schema_text.tables import constraint_comments

_ENABLE = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the parts of tables and views that are separate statements."""
    yield from _constraints(catalog)
    yield from _not_null_constraints(catalog)
    yield from _indexes(catalog)
    yield from _index_settings(catalog)
    yield from _index_uses(catalog)
    yield from _statistics(catalog)
    yield from _rules(catalog)
    yield from _triggers(catalog)
    yield from _policies(catalog)


def _table(row: Row) -> ObjectId:
    return ObjectId("pg_class", row["table_oid"])


def _constraints(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield foreign keys, unvalidated constraints, and the keys of partitioned tables and partitions."""
    rows = catalog.rows(
        f"""
        SELECT k.oid, k.contype, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition, k.conindid,
            CASE WHEN k.contype <> 'f' THEN nullif(k.conindid, 0)::regclass::text END AS index,
            c.name AS table, c.oid AS table_oid, c.relkind,
            (SELECT array_agg(i.inhrelid) FROM pg_inherits AS i WHERE i.inhparent = c.oid) AS children,
            (SELECT array_agg(p.oid) FROM pg_constraint AS p WHERE p.conparentid = k.oid) AS parts
        FROM ({catalog.relations}) AS c JOIN pg_constraint AS k ON k.conrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND (
            (k.contype = 'f' AND k.conparentid = 0)
            OR (k.contype = 'c' AND NOT k.convalidated AND (k.conislocal OR k.coninhcount = 0))
            OR (k.contype IN ('p', 'u', 'x') AND (c.relkind = 'p' OR c.relispartition)))
        """
    )
    for row in rows:
        is_key = row["contype"] in "pux"
        rank = Rank.KEY if is_key else Rank.FOREIGN_KEY if row["contype"] == "f" else Rank.CONSTRAINT
        add = f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['name']} {row['definition']}"
        unit = Unit(
            ObjectId("pg_constraint", row["oid"]),
            rank,
            f"{row['table']} {row['name']}",
            [add, *constraint_comments(catalog, row["table"], row)],
            {_table(row)},
        )
        unit.needs |= _after_partitions(row, "pg_constraint")
        yield unit


def _after_partitions(row: Row, catalog: str) -> set[ObjectId]:
    """Return what a partitioned table's key or index needs: its partitions, attached, and their equivalents."""
    if row["relkind"] != "p":
        return set()
    attached = {ObjectId("partition", child) for child in row["children"] or ()}
    return attached | {ObjectId(catalog, part) for part in row["parts"] or ()}


def _not_null_constraints(catalog: CatalogReader) -> Iterator[Unit]:
    rows = catalog.rows(
        f"""
        SELECT k.oid, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition, c.name AS table,
            c.oid AS table_oid
        FROM ({catalog.relations}) AS c JOIN pg_constraint AS k ON k.conrelid = c.oid
        WHERE k.contype = 'n' AND NOT k.convalidated AND k.conislocal
        """
    )
    for row in rows:
        add = f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['name']} {row['definition']}"
        identifier = ObjectId("pg_constraint", row["oid"])
        yield Unit(identifier, Rank.CONSTRAINT, f"{row['table']} {row['name']}", [add], {_table(row)})


def _indexes(catalog: CatalogReader) -> Iterator[Unit]:
    rows = catalog.rows(
        f"""
        SELECT x.oid, quote_ident(x.relname) AS bare, x.oid::regclass::text AS name, c.name AS table,
            c.oid AS table_oid, c.relkind, i.indisunique, pg_get_indexdef(x.oid) AS definition,
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS qualified,
            (SELECT array_agg(h.inhrelid) FROM pg_inherits AS h WHERE h.inhparent = c.oid) AS children,
            (SELECT array_agg(h.inhrelid) FROM pg_inherits AS h WHERE h.inhparent = x.oid) AS parts
        FROM ({catalog.relations}) AS c JOIN pg_index AS i ON i.indrelid = c.oid
        JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE i.indisvalid AND c.relkind IN ('r', 'p', 'm') AND NOT EXISTS (
            SELECT FROM pg_constraint AS k WHERE k.conindid = x.oid AND k.conrelid = c.oid
                AND k.contype IN ('p', 'u', 'x'))
        """
    )
    for row in rows:
        identifier = ObjectId("pg_class", row["oid"])
        head = f"CREATE {'UNIQUE ' if row['indisunique'] else ''}INDEX {row['bare']} ON "
        rest = row["definition"].removeprefix(head).removeprefix("ONLY ").removeprefix(row["qualified"])
        statements = [f"{head}{row['table']}{rest}", *catalog.comments(f"INDEX {row['name']}", identifier)]
        needs = {_table(row)} | _after_partitions(row, "pg_class")
        yield Unit(identifier, Rank.INDEX, f"{row['table']} {row['name']}", statements, needs)


def _index_settings(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the settings of constraints' indexes, which have no place in the constraint, and statistics targets."""
    rows = catalog.rows(
        f"""
        SELECT x.oid, c.oid AS table_oid, c.name AS table, x.oid::regclass::text AS name, k.oid AS constraint_oid,
            CASE WHEN k.oid IS NOT NULL THEN array_to_string(x.reloptions, ', ') END AS settings,
            (SELECT array_agg(format('ALTER COLUMN %s SET STATISTICS %s', a.attnum, a.attstattarget) ORDER BY a.attnum)
                FROM pg_attribute AS a WHERE a.attrelid = x.oid AND a.attstattarget >= 0) AS targets
        FROM ({catalog.relations}) AS c JOIN pg_index AS i ON i.indrelid = c.oid
        JOIN pg_class AS x ON x.oid = i.indexrelid
        LEFT JOIN pg_constraint AS k ON k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
        """
    )
    for row in rows:
        changes = [f"SET ({row['settings']})"] if row["settings"] else []
        statements = [f"ALTER INDEX {row['name']} {change}" for change in [*changes, *(row["targets"] or ())]]
        needs = {_index(row["oid"], row["constraint_oid"])}
        identifier = ObjectId("index settings", row["oid"])
        yield Unit(identifier, Rank.INDEX_USE, f"{row['table']} {row['name']}", statements, needs)


def _index(oid: int, constraint_oid: int | None) -> ObjectId:
    """Return what creates an index: its constraint, if it has one."""
    return ObjectId("pg_class", oid) if constraint_oid is None else ObjectId("pg_constraint", constraint_oid)


def _index_uses(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield CLUSTER ON and the replica identities."""
    rows = catalog.rows(
        f"""
        SELECT c.oid AS table_oid, c.name AS table, c.relreplident, quote_ident(x.relname) AS index, i.indexrelid,
            i.indisclustered, i.indisreplident, k.oid AS constraint_oid
        FROM ({catalog.relations}) AS c LEFT JOIN (
            pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
            LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        ) ON i.indrelid = c.oid AND (i.indisclustered OR i.indisreplident)
        WHERE c.relkind IN ('r', 'p', 'm') AND (i.indexrelid IS NOT NULL OR c.relreplident IN ('f', 'n'))
        """
    )
    for row in rows:
        statements = []
        if row["indisclustered"]:
            statements.append(f"ALTER TABLE {row['table']} CLUSTER ON {row['index']}")
        identity = {"f": "FULL", "n": "NOTHING"}.get(row["relreplident"])
        if row["indisreplident"] and row["relreplident"] == "i":
            identity = f"USING INDEX {row['index']}"
        if identity:
            statements.append(f"ALTER TABLE ONLY {row['table']} REPLICA IDENTITY {identity}")
        needs = {_table(row)}
        if row["indexrelid"]:
            needs.add(_index(row["indexrelid"], row["constraint_oid"]))
        identifier = ObjectId("index use", row["indexrelid"] or row["table_oid"])
        yield Unit(identifier, Rank.INDEX_USE, f"{row['table']} {row['index'] or ''}", statements, needs)


def _statistics(catalog: CatalogReader) -> Iterator[Unit]:
    rows = catalog.rows(
        f"""
        SELECT s.oid, c.oid AS table_oid, c.name AS table, n.nspname, quote_ident(s.stxname) AS bare,
            quote_ident(n.nspname) || '.' || quote_ident(s.stxname) AS qualified, nullif(s.stxstattarget, -1) AS target,
            pg_get_statisticsobjdef(s.oid) AS definition
        FROM ({catalog.relations}) AS c JOIN pg_statistic_ext AS s ON s.stxrelid = c.oid
        JOIN pg_namespace AS n ON n.oid = s.stxnamespace
        """
    )
    for row in rows:
        identifier = ObjectId("pg_statistic_ext", row["oid"])
        name = row["bare"] if row["nspname"] == catalog.schema else row["qualified"]
        head = "CREATE STATISTICS "
        statements = [head + name + row["definition"].removeprefix(head + row["qualified"])]
        if row["target"] is not None:
            statements.append(f"ALTER STATISTICS {name} SET STATISTICS {row['target']}")
        statements += catalog.comments(f"STATISTICS {name}", identifier)
        yield Unit(identifier, Rank.STATISTICS, f"{row['table']} {name}", statements, {_table(row)})


def _rules(catalog: CatalogReader) -> Iterator[Unit]:
    rows = catalog.rows(
        f"""
        SELECT r.oid, c.oid AS table_oid, c.name AS table, quote_ident(r.rulename) AS name,
            pg_get_ruledef(r.oid, true) AS definition, r.ev_enabled AS enabled
        FROM ({catalog.relations}) AS c JOIN pg_rewrite AS r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'
        """
    )
    for row in rows:
        identifier = ObjectId("pg_rewrite", row["oid"])
        statements = [row["definition"].rstrip().removesuffix(";")]
        statements += catalog.comments(f"RULE {row['name']} ON {row['table']}", identifier)
        if row["enabled"] in _ENABLE:
            statements.append(f"ALTER TABLE {row['table']} {_ENABLE[row['enabled']]} RULE {row['name']}")
        yield Unit(identifier, Rank.RULE, f"{row['table']} {row['name']}", statements, {_table(row)})


def _triggers(catalog: CatalogReader) -> Iterator[Unit]:
    rows = catalog.rows(
        f"""
        SELECT t.oid, c.oid AS table_oid, c.name AS table, quote_ident(t.tgname) AS name,
            pg_get_triggerdef(t.oid, true) AS definition, t.tgenabled AS enabled, t.tgparentid,
            (SELECT p.tgenabled FROM pg_trigger AS p WHERE p.oid = t.tgparentid) AS parent_enabled
        FROM ({catalog.relations}) AS c JOIN pg_trigger AS t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
        """
    )
    for row in rows:
        identifier = ObjectId("pg_trigger", row["oid"])
        name = f"{row['table']} {row['name']}"
        if not row["tgparentid"]:
            statements = [row["definition"]]
            statements += catalog.comments(f"TRIGGER {row['name']} ON {row['table']}", identifier)
            if row["enabled"] in _ENABLE:
                statements.append(f"ALTER TABLE {row['table']} {_ENABLE[row['enabled']]} TRIGGER {row['name']}")
            yield Unit(identifier, Rank.TRIGGER, name, statements, {_table(row)})
        elif row["enabled"] != row["parent_enabled"]:
            state = f"ALTER TABLE {row['table']} {_ENABLE.get(row['enabled'], 'ENABLE')} TRIGGER {row['name']}"
            needs = {_table(row), ObjectId("pg_trigger", row["tgparentid"])}
            yield Unit(identifier, Rank.TRIGGER_STATE, name, [state], needs)


def _policies(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the policies, and row security itself."""
    rows = catalog.rows(
        f"""
        SELECT p.oid, c.oid AS table_oid, c.name AS table, quote_ident(p.polname) AS name,
            p.polpermissive AS permissive,
            CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                END AS command,
            (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r::regrole::text)
                FROM unnest(p.polroles) AS r) AS roles,
            pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
        FROM ({catalog.relations}) AS c JOIN pg_policy AS p ON p.polrelid = c.oid
        """
    )
    for row in rows:
        identifier = ObjectId("pg_policy", row["oid"])
        words = [f"CREATE POLICY {row['name']} ON {row['table']}"]
        words += [] if row["permissive"] else ["AS RESTRICTIVE"]
        words += [f"FOR {row['command']}"] if row["command"] else []
        words += [f"TO {row['roles']}"] if row["roles"] != "PUBLIC" else []
        words += [f"USING ({row['using']})"] if row["using"] else []
        words += [f"WITH CHECK ({row['check']})"] if row["check"] else []
        statements = ["\n    ".join(words), *catalog.comments(f"POLICY {row['name']} ON {row['table']}", identifier)]
        yield Unit(identifier, Rank.POLICY, f"{row['table']} {row['name']}", statements, {_table(row)})
    secured = catalog.rows(
        f"SELECT c.oid AS table_oid, c.name AS table, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced"
        f" FROM ({catalog.relations}) AS c WHERE c.relrowsecurity OR c.relforcerowsecurity"
    )
    for row in secured:
        statements = [f"ALTER TABLE {row['table']} ENABLE ROW LEVEL SECURITY"] if row["enabled"] else []
        if row["forced"]:
            statements.append(f"ALTER TABLE {row['table']} FORCE ROW LEVEL SECURITY")
        yield Unit(ObjectId("row security", row["table_oid"]), Rank.POLICY, row["table"], statements, {_table(row)})
