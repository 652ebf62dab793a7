"""Functions, procedures, aggregates, operators and casts."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.schema_text.model import ObjectId, Rank, Row, Unit, literal, options
from peterental.database.migrations.schema_text.reader import CatalogReader, not_member

# A constructor of a range type is created with its type.
_ROUTINES = f"""
SELECT p.oid, p.prokind AS kind, pg_get_function_identity_arguments(p.oid) AS arguments,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS definition,
    quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS qualified, quote_ident(p.proname) AS bare, n.nspname
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND {not_member("pg_proc", "p.oid")}
    AND NOT EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid
        AND i.deptype = 'i')
"""

_AGGREGATES = f"""
SELECT p.oid, g.aggtransfn::text AS sfunc, format_type(g.aggtranstype, NULL) AS stype,
    nullif(g.aggtransspace, 0)::text AS sspace, nullif(g.aggfinalfn::oid, 0)::regproc::text AS finalfunc,
    CASE WHEN g.aggfinalextra THEN 'true' END AS finalfunc_extra,
    CASE g.aggfinalmodify WHEN 's' THEN 'shareable' WHEN 'w' THEN 'read_write' END AS finalfunc_modify,
    nullif(g.aggcombinefn::oid, 0)::regproc::text AS combinefunc,
    nullif(g.aggserialfn::oid, 0)::regproc::text AS serialfunc,
    nullif(g.aggdeserialfn::oid, 0)::regproc::text AS deserialfunc, g.agginitval AS initcond,
    CASE WHEN g.aggsortop <> 0 THEN g.aggsortop::regoper::text END AS sortop,
    CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END AS parallel
FROM pg_aggregate AS g JOIN pg_proc AS p ON p.oid = g.aggfnoid
WHERE g.aggkind = 'n' AND g.aggmtransfn = 0 AND {not_member("pg_proc", "p.oid")}
"""

_OPERATORS = f"""
SELECT o.oid, o.oid::regoperator::text AS signature, n.nspname, quote_ident(n.nspname) AS schema, o.oprname,
    nullif(o.oprleft, 0)::regtype::text AS "left", nullif(o.oprright, 0)::regtype::text AS "right",
    o.oprcode::regproc::text AS function, o.oprcanhash AS hashes, o.oprcanmerge AS merges,
    (SELECT format('OPERATOR(%I.%s)', m.nspname, c.oprname) FROM pg_operator AS c
        JOIN pg_namespace AS m ON m.oid = c.oprnamespace WHERE c.oid = o.oprcom) AS commutator,
    (SELECT format('OPERATOR(%I.%s)', m.nspname, c.oprname) FROM pg_operator AS c
        JOIN pg_namespace AS m ON m.oid = c.oprnamespace WHERE c.oid = o.oprnegate) AS negator,
    nullif(o.oprrest::oid, 0)::regproc::text AS restrict, nullif(o.oprjoin::oid, 0)::regproc::text AS join
FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE {not_member("pg_operator", "o.oid")} AND o.oprcode <> 0
"""

_CASTS = f"""
SELECT c.oid, format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS name,
    CASE c.castmethod WHEN 'i' THEN 'WITH INOUT' WHEN 'b' THEN 'WITHOUT FUNCTION'
        ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure::text END AS method,
    CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END AS context
FROM pg_cast AS c WHERE {not_member("pg_cast", "c.oid")} AND NOT EXISTS (
    SELECT FROM pg_depend AS i WHERE i.classid = 'pg_cast'::regclass AND i.objid = c.oid AND i.deptype = 'i')
"""

_NOUNS = {"p": "PROCEDURE", "a": "AGGREGATE"}


def units(catalog: CatalogReader) -> Iterator[Unit]:
    """Yield the functions, procedures, aggregates, operators and casts."""
    aggregates = {row["oid"]: row for row in catalog.rows(_AGGREGATES)}
    for row in catalog.rows(_ROUTINES):
        noun = _NOUNS.get(row["kind"], "FUNCTION")
        name = row["bare"] if row["nspname"] == catalog.schema else row["qualified"]
        signature = f"{name}({row['arguments']})"
        identifier = ObjectId("pg_proc", row["oid"])
        if row["kind"] == "a":
            statement = _aggregate(aggregates[row["oid"]], f"{name}({row['arguments'] or '*'})")
            signature = f"{name}({row['arguments'] or '*'})"
        else:
            head = f"CREATE OR REPLACE {noun} "
            statement = head + name + row["definition"].removeprefix(head + row["qualified"]).rstrip()
        statements = [statement, *catalog.comments(f"{noun} {signature}", identifier)]
        yield Unit(identifier, Rank.FUNCTION, signature, statements, label=f"{noun.lower()} {signature}")
    for row in catalog.rows(_OPERATORS):
        yield _operator(catalog, row)
    for row in catalog.rows(_CASTS):
        identifier = ObjectId("pg_cast", row["oid"])
        statements = [f"CREATE CAST {row['name']} {row['method']}{row['context']}"]
        statements += catalog.comments(f"CAST {row['name']}", identifier)
        yield Unit(identifier, Rank.OPERATOR, f"cast {row['name']}", statements)


def _aggregate(row: Row, signature: str) -> str:
    pairs = {name: value for name, value in row.items() if name not in ("oid", "initcond", "sortop")}
    pairs["initcond"] = None if row["initcond"] is None else literal(row["initcond"])
    pairs["sortop"] = f"OPERATOR({row['sortop']})" if row["sortop"] and "." in row["sortop"] else row["sortop"]
    return f"CREATE AGGREGATE {signature} {options(pairs)}"


def _operator(catalog: CatalogReader, row: Row) -> Unit:
    identifier = ObjectId("pg_operator", row["oid"])
    name = row["oprname"] if row["nspname"] == catalog.schema else f"{row['schema']}.{row['oprname']}"
    pairs = {
        "FUNCTION": row["function"],
        "LEFTARG": row["left"],
        "RIGHTARG": row["right"],
        "COMMUTATOR": _relative(catalog, row["commutator"]),
        "NEGATOR": _relative(catalog, row["negator"]),
        "RESTRICT": row["restrict"],
        "JOIN": row["join"],
    }
    flags = "".join(f",\n    {word}" for word in ("HASHES", "MERGES") if row[word.lower()])
    statement = options(pairs).removesuffix("\n)") + flags + "\n)"
    target = f"OPERATOR {name} ({row['left'] or 'NONE'}, {row['right'] or 'NONE'})"
    statements = [f"CREATE OPERATOR {name} {statement}", *catalog.comments(target, identifier)]
    return Unit(identifier, Rank.OPERATOR, row["signature"], statements, label=f"operator {row['signature']}")


def _relative(catalog: CatalogReader, operator: str | None) -> str | None:
    """Return `OPERATOR(schema.name)` as the bare name if it is in the schema of the migrations."""
    head = f"OPERATOR({catalog.quoted_schema}."
    return operator[len(head) : -1] if operator and operator.startswith(head) else operator
