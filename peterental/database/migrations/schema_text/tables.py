"""Sequences and tables: columns with all their properties, inheritance and partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Row, Unit
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible

_SEQUENCE_COLUMNS = """
s.seqrelid, format_type(s.seqtypid, NULL) AS type, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
s.seqcycle"""

_TYPE_LIMITS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}


def _sequences(catalog: CatalogReader) -> list[Row]:
    """Return the sequences, with the column that owns each; identity columns own theirs internally (`i`)."""
    return catalog.rows(
        f"""
        SELECT c.oid, c.oid::regclass::text AS name, c.relname, c.relpersistence = 'u' AS unlogged, o.deptype,
            o.refobjid AS owner, a.attnum, o.refobjid::regclass::text || '.' || quote_ident(a.attname) AS owned_by,
            t.relname || '_' || a.attname || '_seq' AS usual_name, {_SEQUENCE_COLUMNS}
        FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid
        LEFT JOIN pg_depend AS o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid
            AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
        LEFT JOIN pg_attribute AS a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
        LEFT JOIN pg_class AS t ON t.oid = o.refobjid
        WHERE {not_member("pg_class", "c.oid")} AND coalesce(o.refobjid, 0) NOT IN ({catalog.ledger_oids})
        """
    )


def _tables(catalog: CatalogReader) -> list[Row]:
    return catalog.rows(
        f"""
        SELECT c.oid, c.name, c.relname, c.relkind, c.relpersistence = 'u' AS unlogged, c.relispartition,
            c.relrowsecurity, c.relforcerowsecurity, c.relreplident, pg_get_partkeydef(c.oid) AS partition_key,
            pg_get_expr(c.relpartbound, c.oid) AS bound, nullif(c.reloftype, 0)::regtype::text AS of_type,
            (SELECT array_agg(split_part(o, '=', 1) || ' = ' || quote_literal(substr(o, strpos(o, '=') + 1)))
                FROM unnest(c.reloptions || (SELECT array_agg('toast.' || x) FROM pg_class AS t,
                    unnest(t.reloptions) AS x WHERE t.oid = c.reltoastrelid)) AS o) AS settings,
            (SELECT array_agg(i.inhparent ORDER BY i.inhseqno) FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
                AS parents,
            (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits AS i
                WHERE i.inhrelid = c.oid) AS parent_names
        FROM ({catalog.relations}) AS c WHERE c.relkind IN ('r', 'p')
        """
    )


def _columns(catalog: CatalogReader) -> dict[int, list[Row]]:
    found = catalog.rows(
        f"""
        SELECT a.attrelid, a.attnum, a.attname, quote_ident(a.attname) AS name,
            format_type(a.atttypid, a.atttypmod) AS type,
            CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
            a.attnotnull AS not_null, a.attidentity AS identity, a.attgenerated AS generated, d.oid AS default_oid,
            pg_get_expr(d.adbin, d.adrelid) AS expression, a.attislocal AS local, a.attinhcount > 0 AS inherited,
            CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END AS storage,
            CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
            nullif(a.attstattarget, -1) AS statistics, array_to_string(a.attoptions, ', ') AS settings,
            k.conname AS not_null_name, quote_ident(k.conname) AS quoted_not_null_name,
            coalesce((to_jsonb(k) ->> 'convalidated')::boolean, true) AS not_null_valid,
            coalesce(k.connoinherit, false) AS not_null_no_inherit, k.oid AS not_null_oid,
            coalesce(k.coninhcount > 0, false) AS not_null_inherited
        FROM ({catalog.relations}) AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_constraint AS k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
        WHERE c.relkind IN ('r', 'p')
        ORDER BY a.attrelid, a.attnum
        """
    )
    columns: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        columns[row["attrelid"]].append(row)
    return columns


def _inline_constraints(catalog: CatalogReader) -> dict[int, list[Row]]:
    """Return the constraints that stand in CREATE TABLE, by table: all but foreign keys and unvalidated ones.

    The keys of partitioned tables and partitions are separate, because a partition's must exist before its parent's.
    """
    found = catalog.rows(
        f"""
        SELECT k.oid, k.conrelid, k.contype, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid) AS definition,
            k.conislocal AS local, k.conindid, nullif(k.conindid, 0)::regclass::text AS index
        FROM ({catalog.relations}) AS c JOIN pg_constraint AS k ON k.conrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND k.convalidated AND (k.contype = 'c'
            OR (k.contype IN ('p', 'u', 'x') AND c.relkind = 'r' AND NOT c.relispartition))
        ORDER BY k.contype <> 'p', k.contype <> 'u', k.conname
        """
    )
    constraints: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        constraints[row["conrelid"]].append(row)
    return constraints


@dataclass(frozen=True)
class _Parts:
    """What the tables of the catalog consist of, by the table's OID."""

    columns: dict[int, list[Row]]
    constraints: dict[int, list[Row]]
    identities: dict[tuple[int, int], Row]


def units(catalog: CatalogReader, split: set[ObjectId]) -> Iterator[Unit]:
    """Yield the sequences and tables.

    Args:
        catalog: to read from.
        split: tables whose defaults and checks follow in separate statements, because they depend on each other.
    """
    sequences = _sequences(catalog)
    identities = {(row["owner"], row["attnum"]): row for row in sequences if row["deptype"] == "i"}
    parts = _Parts(_columns(catalog), _inline_constraints(catalog), identities)
    for row in sequences:
        if row["deptype"] != "i":
            yield from _sequence(catalog, row)
    for row in _tables(catalog):
        yield from _table(catalog, row, parts, is_split=ObjectId("pg_class", row["oid"]) in split)


def _sequence(catalog: CatalogReader, row: Row) -> Iterator[Unit]:
    identifier = ObjectId("pg_class", row["oid"])
    unlogged = "UNLOGGED " if row["unlogged"] else ""
    parts = [f"CREATE {unlogged}SEQUENCE {row['name']}", *_sequence_options(row, with_type=True)]
    statements = [" ".join(parts), *catalog.comments(f"SEQUENCE {row['name']}", identifier)]
    yield Unit(identifier, Rank.SEQUENCE, row["name"], statements, label=f"sequence {row['name']}")
    if row["owner"]:
        owned = f"ALTER SEQUENCE {row['name']} OWNED BY {row['owned_by']}"
        needs = {identifier, ObjectId("pg_class", row["owner"])}
        yield Unit(ObjectId("owned sequence", row["oid"]), Rank.OWNED_SEQUENCE, row["name"], [owned], needs)


def _sequence_options(row: Row, *, with_type: bool) -> list[str]:
    """Return the options that differ from the defaults of the sequence's type and direction."""
    limit = _TYPE_LIMITS[row["type"]]
    ascending = row["seqincrement"] > 0
    usual_min, usual_max = (1, limit - 1) if ascending else (-limit, -1)
    words = []
    if with_type and row["type"] != "bigint":
        words.append(f"AS {row['type']}")
    if row["seqincrement"] != 1:
        words.append(f"INCREMENT BY {row['seqincrement']}")
    if row["seqmin"] != usual_min:
        words.append(f"MINVALUE {row['seqmin']}")
    if row["seqmax"] != usual_max:
        words.append(f"MAXVALUE {row['seqmax']}")
    if row["seqstart"] != (row["seqmin"] if ascending else row["seqmax"]):
        words.append(f"START WITH {row['seqstart']}")
    if row["seqcache"] != 1:
        words.append(f"CACHE {row['seqcache']}")
    if row["seqcycle"]:
        words.append("CYCLE")
    return words


def _table(catalog: CatalogReader, row: Row, parts: _Parts, *, is_split: bool) -> Iterator[Unit]:
    identifier = ObjectId("pg_class", row["oid"])
    columns, constraints = parts.columns[row["oid"]], parts.constraints[row["oid"]]
    inherits = bool(row["parents"]) and not row["relispartition"]
    if inherits and not _inherits_in_order(row, columns, parts):
        reason = (
            f"the columns of {row['name']} are in an order that INHERITS cannot make: its parents gained columns"
            " after it was created"
        )
        raise SchemaInexpressible(reason=reason)
    lines = [_column(row, column, parts, is_split=is_split) for column in columns if column["local"] or not inherits]
    lines += [
        f"CONSTRAINT {found['name']} {found['definition']}"
        for found in constraints
        if not (is_split and found["contype"] == "c") and (found["local"] or not inherits)
    ]
    statement = _create_table(row, lines, inherits=inherits)
    unit = Unit(identifier, Rank.TABLE, row["name"], [statement], label=f"table {row['name']}")
    unit.needs |= {ObjectId("pg_class", parent) for parent in row["parents"] or ()}
    unit.splittable = not is_split
    if inherits:
        unit.statements += _overrides(row, columns, parts)
    unit.statements += _alterations(row, columns)
    unit.statements += _comments(catalog, row, columns, constraints if not is_split else [])
    yield unit
    if is_split:
        yield from _split_parts(catalog, row, columns, constraints)
    if row["relispartition"]:
        yield _attach(row)


def _create_table(row: Row, lines: list[str], *, inherits: bool) -> str:
    """Return CREATE TABLE with the lines of its columns and constraints."""
    body = "(\n" + ",\n".join(f"    {line}" for line in lines) + "\n)" if lines else "()"
    statement = f"CREATE {'UNLOGGED ' if row['unlogged'] else ''}TABLE {row['name']} {body}"
    statement += f" INHERITS ({row['parent_names']})" if inherits else ""
    statement += f" PARTITION BY {row['partition_key']}" if row["partition_key"] else ""
    statement += f" WITH ({', '.join(row['settings'])})" if row["settings"] else ""
    return statement


def _attach(row: Row) -> Unit:
    """Return ATTACH PARTITION. The default partition comes last: each later one would make PostgreSQL scan its rows."""
    attach = f"ALTER TABLE {row['parent_names']} ATTACH PARTITION {row['name']} {row['bound']}"
    needs = {ObjectId("pg_class", oid) for oid in (row["oid"], *row["parents"])}
    name = f"{row['bound'] == 'DEFAULT'} {row['name']}"
    return Unit(ObjectId("partition", row["oid"]), Rank.ATTACH, name, [attach], needs)


def _inherits_in_order(row: Row, columns: list[Row], parts: _Parts) -> bool:
    """Return whether INHERITS would put the columns into the order that they have."""
    expected: list[str] = []
    for parent in row["parents"]:
        expected += [column["attname"] for column in parts.columns[parent] if column["attname"] not in expected]
    names = [column["attname"] for column in columns]
    return names[: len(expected)] == expected and all(column["local"] for column in columns[len(expected) :])


def _column(row: Row, column: Row, parts: _Parts, *, is_split: bool) -> str:
    words = [column["name"], column["type"]]
    if column["compression"]:
        words.append(f"COMPRESSION {column['compression']}")
    if column["collation"]:
        words.append(f"COLLATE {column['collation']}")
    if column["generated"]:
        kind = "STORED" if column["generated"] == "s" else "VIRTUAL"
        words.append(f"GENERATED ALWAYS AS ({column['expression']}) {kind}")
    elif column["identity"] and not row["relispartition"]:
        words.append(_identity(row, column, parts))
    elif column["expression"] is not None and not is_split:
        words.append(f"DEFAULT {column['expression']}")
    if column["not_null"] and column["not_null_valid"]:
        # Before PostgreSQL 18, NOT NULL has no name; an inherited one's name does not matter.
        usual_names = (None, f"{row['relname']}_{column['attname']}_not_null")
        usual = column["not_null_name"] in usual_names or column["not_null_inherited"]
        words.append("NOT NULL" if usual else f"CONSTRAINT {column['quoted_not_null_name']} NOT NULL")
        if column["not_null_no_inherit"]:
            words.append("NO INHERIT")
    return " ".join(words)


def _identity(row: Row, column: Row, parts: _Parts) -> str:
    sequence = parts.identities[row["oid"], column["attnum"]]
    words = _sequence_options(sequence, with_type=False)
    if sequence["relname"] != sequence["usual_name"]:
        words.insert(0, f"SEQUENCE NAME {sequence['name']}")
    kind = "ALWAYS" if column["identity"] == "a" else "BY DEFAULT"
    return f"GENERATED {kind} AS IDENTITY" + (f" ({' '.join(words)})" if words else "")


def _overrides(row: Row, columns: list[Row], parts: _Parts) -> list[str]:
    """Return the statements for inherited columns whose default or NOT NULL differs from the parents'."""
    parents = [column for parent in row["parents"] for column in parts.columns[parent]]
    statements = []
    for column in columns:
        if column["local"] or column["generated"]:
            continue
        same = [parent for parent in parents if parent["attname"] == column["attname"]]
        alter = f"ALTER TABLE ONLY {row['name']} ALTER COLUMN {column['name']}"
        if column["expression"] not in {parent["expression"] for parent in same}:
            change = "DROP DEFAULT" if column["expression"] is None else f"SET DEFAULT {column['expression']}"
            statements.append(f"{alter} {change}")
        if column["not_null"] and not any(parent["not_null"] for parent in same):
            statements.append(f"{alter} SET NOT NULL")
    return statements


def _alterations(row: Row, columns: list[Row]) -> list[str]:
    """Return the properties that CREATE TABLE of PostgreSQL 14 cannot set."""
    table = f"ALTER TABLE ONLY {row['name']}"
    statements = []
    for column in columns:
        if column["storage"]:
            statements.append(f"{table} ALTER COLUMN {column['name']} SET STORAGE {column['storage']}")
        if column["statistics"] is not None:
            statements.append(f"{table} ALTER COLUMN {column['name']} SET STATISTICS {column['statistics']}")
        if column["settings"]:
            statements.append(f"{table} ALTER COLUMN {column['name']} SET ({column['settings']})")
    if row["of_type"]:
        statements.append(f"ALTER TABLE {row['name']} OF {row['of_type']}")
    return statements


def _comments(catalog: CatalogReader, row: Row, columns: list[Row], constraints: list[Row]) -> list[str]:
    table = ObjectId("pg_class", row["oid"])
    statements = catalog.comments(f"TABLE {row['name']}", table)
    for column in columns:
        statements += catalog.comments(f"COLUMN {row['name']}.{column['name']}", table, column["attnum"])
        if column["not_null_oid"]:
            target = f"CONSTRAINT {column['quoted_not_null_name']} ON {row['name']}"
            statements += catalog.comments(target, ObjectId("pg_constraint", column["not_null_oid"]))
    for found in constraints:
        statements += constraint_comments(catalog, row["name"], found)
    return statements


def constraint_comments(catalog: CatalogReader, table: str, found: Row) -> list[str]:
    """Return the comments on a constraint, and on the index that belongs to it."""
    target = f"CONSTRAINT {found['name']} ON {table}"
    statements = catalog.comments(target, ObjectId("pg_constraint", found["oid"]))
    if found["index"]:
        statements += catalog.comments(f"INDEX {found['index']}", ObjectId("pg_class", found["conindid"]))
    return statements


def _split_parts(catalog: CatalogReader, row: Row, columns: list[Row], constraints: list[Row]) -> Iterator[Unit]:
    """Yield the defaults and checks of a table as separate statements."""
    table = ObjectId("pg_class", row["oid"])
    for column in columns:
        if column["expression"] is not None and not column["generated"]:
            alter = f"ALTER TABLE ONLY {row['name']} ALTER COLUMN {column['name']} SET DEFAULT {column['expression']}"
            identifier = ObjectId("pg_attrdef", column["default_oid"])
            yield Unit(identifier, Rank.TABLE_PART, f"{row['name']} {column['name']}", [alter], {table})
    for found in constraints:
        statements = constraint_comments(catalog, row["name"], found)
        if found["contype"] == "c" and found["local"]:
            add = f"ALTER TABLE {row['name']} ADD CONSTRAINT {found['name']} {found['definition']}"
            identifier = ObjectId("pg_constraint", found["oid"])
            yield Unit(identifier, Rank.TABLE_PART, f"{row['name']} {found['name']}", [add, *statements], {table})
