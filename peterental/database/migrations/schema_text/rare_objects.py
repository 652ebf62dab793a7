"""Text search configurations, event triggers and publications."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Unit, literal
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member

_DICTIONARIES = f"""
SELECT d.oid, d.oid::regdictionary::text AS name, d.dictinitoption AS settings,
    (SELECT quote_ident(n.nspname) || '.' || quote_ident(t.tmplname) FROM pg_ts_template AS t
        JOIN pg_namespace AS n ON n.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate) AS template
FROM pg_ts_dict AS d WHERE {not_member("pg_ts_dict", "d.oid")}
"""

_CONFIGURATIONS = f"""
SELECT c.oid, c.oid::regconfig::text AS name,
    (SELECT quote_ident(n.nspname) || '.' || quote_ident(r.prsname) FROM pg_ts_parser AS r
        JOIN pg_namespace AS n ON n.oid = r.prsnamespace WHERE r.oid = c.cfgparser) AS parser,
    (SELECT array_agg(k.alias || ' WITH ' || d.names ORDER BY k.alias) FROM (
        SELECT m.maptokentype, string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS names
        FROM pg_ts_config_map AS m WHERE m.mapcfg = c.oid GROUP BY m.maptokentype) AS d
        JOIN ts_token_type(c.cfgparser) AS k ON k.tokid = d.maptokentype) AS words
FROM pg_ts_config AS c WHERE {not_member("pg_ts_config", "c.oid")}
"""

_EVENT_TRIGGERS = f"""
SELECT t.oid, quote_ident(t.evtname) AS name, t.evtevent AS event, t.evtfoid::regproc::text AS function, t.evttags,
    CASE t.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END AS state
FROM pg_event_trigger AS t WHERE {not_member("pg_event_trigger", "t.oid")}
"""

_PUBLICATIONS = f"""
SELECT p.oid, quote_ident(p.pubname) AS name, p.puballtables, p.pubviaroot,
    concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END) AS publish,
    (SELECT array_agg(r.prrelid::regclass::text || coalesce((
            SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')'
            FROM pg_attribute AS a WHERE a.attrelid = r.prrelid
                AND to_jsonb(r) -> 'prattrs' @> to_jsonb(a.attnum)), '')
        || coalesce((SELECT ' WHERE ' || (to_jsonb(t) ->> 'rowfilter') FROM pg_publication_tables AS t
            WHERE t.pubname = p.pubname AND (t.schemaname, t.tablename) = (
                SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.oid = r.prrelid)), '')
        ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel AS r WHERE r.prpubid = p.oid) AS tables,
    (SELECT array_agg(r.prrelid) FROM pg_publication_rel AS r WHERE r.prpubid = p.oid) AS table_oids
FROM pg_publication AS p WHERE {not_member("pg_publication", "p.oid")}
"""


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the text search objects, event triggers and publications."""
    yield from _text_search(catalog)
    yield from _event_triggers(catalog)
    yield from _publications(catalog)


def _text_search(catalog: CatalogReader) -> Iterator[Unit]:
    for row in catalog.rows(_DICTIONARIES):
        identifier = ObjectId("pg_ts_dict", row["oid"])
        settings = f", {row['settings']}" if row["settings"] else ""
        create = f"CREATE TEXT SEARCH DICTIONARY {row['name']} (TEMPLATE = {row['template']}{settings})"
        comments = catalog.comments(f"TEXT SEARCH DICTIONARY {row['name']}", identifier)
        yield Unit(identifier, Rank.TYPE, row["name"], [create, *comments])
    for row in catalog.rows(_CONFIGURATIONS):
        identifier = ObjectId("pg_ts_config", row["oid"])
        target = f"TEXT SEARCH CONFIGURATION {row['name']}"
        statements = [f"CREATE {target} (PARSER = {row['parser']})"]
        statements += [f"ALTER {target} ADD MAPPING FOR {words}" for words in row["words"] or ()]
        yield Unit(identifier, Rank.TYPE, row["name"], statements + catalog.comments(target, identifier))


def _event_triggers(catalog: CatalogReader) -> Iterator[Unit]:
    for row in catalog.rows(_EVENT_TRIGGERS):
        identifier = ObjectId("pg_event_trigger", row["oid"])
        tags = ", ".join(literal(tag) for tag in row["evttags"] or ())
        create = f"CREATE EVENT TRIGGER {row['name']} ON {row['event']}"
        create += f"\n    WHEN tag IN ({tags})" if tags else ""
        statements = [f"{create}\n    EXECUTE FUNCTION {row['function']}()"]
        if row["state"]:
            statements.append(f"ALTER EVENT TRIGGER {row['name']} {row['state']}")
        statements += catalog.comments(f"EVENT TRIGGER {row['name']}", identifier)
        yield Unit(identifier, Rank.WHOLE_DATABASE, row["name"], statements)


def _publications(catalog: CatalogReader) -> Iterator[Unit]:
    for row in catalog.rows(_PUBLICATIONS):
        identifier = ObjectId("pg_publication", row["oid"])
        target = " FOR ALL TABLES" if row["puballtables"] else ""
        target += f" FOR TABLE {', '.join(row['tables'])}" if row["tables"] else ""
        settings = f"publish = {literal(row['publish'])}"
        settings += ", publish_via_partition_root = true" if row["pubviaroot"] else ""
        statements = [f"CREATE PUBLICATION {row['name']}{target}\n    WITH ({settings})"]
        statements += catalog.comments(f"PUBLICATION {row['name']}", identifier)
        needs = {ObjectId("pg_class", oid) for oid in row["table_oids"] or ()}
        yield Unit(identifier, Rank.WHOLE_DATABASE, row["name"], statements, needs)
