"""Views and materialised views."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Row, Unit
from peterental.database.migrations.schema_text.reader import CatalogReader


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the views; materialised ones are created empty and filled after the data."""
    columns = catalog.rows(
        f"""
        SELECT a.attrelid, a.attnum, quote_ident(a.attname) AS name, pg_get_expr(d.adbin, d.adrelid) AS "default",
            c.relkind = 'm' AND a.attstattarget >= 0 AS has_target, a.attstattarget AS target
        FROM ({catalog.relations}) AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relkind IN ('v', 'm') AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
        """
    )
    rows = catalog.rows(
        f"""
        SELECT c.oid, c.name, c.relkind = 'm' AS materialised, c.relispopulated AS filled,
            array_to_string(c.reloptions, ', ') AS settings, pg_get_viewdef(c.oid) AS definition,
            (SELECT array_agg(r.oid) FROM pg_rewrite AS r WHERE r.ev_class = c.oid) AS rules
        FROM ({catalog.relations}) AS c WHERE c.relkind IN ('v', 'm')
        """
    )
    for row in rows:
        identifier = ObjectId("pg_class", row["oid"])
        yield _view(catalog, identifier, row, [column for column in columns if column["attrelid"] == row["oid"]])
        if row["materialised"] and row["filled"]:
            refresh = f"REFRESH MATERIALIZED VIEW {row['name']}"
            yield Unit(ObjectId("refresh", row["oid"]), Rank.REFRESH, row["name"], [refresh], {identifier})


def _view(catalog: CatalogReader, identifier: ObjectId, row: Row, columns: list[Row]) -> Unit:
    noun = "MATERIALIZED VIEW" if row["materialised"] else "VIEW"
    settings = f" WITH ({row['settings']})" if row["settings"] else ""
    body = row["definition"].rstrip().removesuffix(";")
    statements = [f"CREATE {noun} {row['name']}{settings} AS\n{body}"]
    if row["materialised"]:
        statements[0] += "\nWITH NO DATA"
    for column in columns:
        alter = f"ALTER {noun} {row['name']} ALTER COLUMN {column['name']}"
        if column["default"] is not None:
            statements.append(f"{alter} SET DEFAULT {column['default']}")
        if column["has_target"]:
            statements.append(f"{alter} SET STATISTICS {column['target']}")
        statements += catalog.comments(f"COLUMN {row['name']}.{column['name']}", identifier, column["attnum"])
    statements += catalog.comments(f"{noun} {row['name']}", identifier)
    return Unit(identifier, Rank.VIEW, row["name"], statements, label=f"{noun.lower()} {row['name']}")
