"""Read the catalogs for the schema text, with names relative to the schema of the migrations."""

from __future__ import annotations

from peterental.database.migrations.ledger.reader import ATTEMPTS_TABLE, LEDGER_TABLE
from peterental.database.migrations.schema_text.model import ObjectId, Row, literal
from peterental.database.migrations.session.server import Connection

FIRST_USER_OID = 16384
"""Objects created by initdb have lower OIDs."""


def not_member(catalog: str, oid: str) -> str:
    """Return an SQL condition that an object was created by the migrations: not by initdb, nor with an extension."""
    return (
        f"({oid} >= {FIRST_USER_OID} AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = '{catalog}'::regclass"
        f" AND e.objid = {oid} AND e.deptype = 'e'))"
    )


class CatalogReader:
    """Runs catalog queries in one snapshot; objects of the migrations' schema have unqualified names.

    Args:
        connection: in a transaction whose search_path is that schema.
        schema: the schema of the migrations, whose ledger is left out.
    """

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self.schema = schema
        self.quoted_schema = self.rows(f"SELECT quote_ident({literal(schema)}) AS name")[0]["name"]
        ledger = self.rows(
            "SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            f" WHERE n.nspname = {literal(schema)} AND c.relname IN ('{LEDGER_TABLE}', '{ATTEMPTS_TABLE}')"
        )
        self.ledger_oids = ", ".join(str(row["oid"]) for row in ledger) or "4294967295"
        self._comments = {
            (ObjectId(row["catalog"], row["objoid"]), row["objsubid"]): row["description"]
            for row in self.rows(
                "SELECT classoid::regclass::text AS catalog, objoid, objsubid, description FROM pg_description"
            )
        }

    def rows(self, query: str) -> list[Row]:
        """Return the rows of a query."""
        return self._connection.execute(query.encode()).fetchall()

    def comments(self, target: str, of: ObjectId, part: int = 0) -> list[str]:
        """Return the COMMENT statement of an object or column, if it has one.

        Args:
            target: what follows COMMENT ON: `TABLE users`.
            of: the object.
            part: the column's number; 0 for the object itself.
        """
        text = self._comments.get((of, part))
        return [] if text is None else [f"COMMENT ON {target} IS {literal(text)}"]

    @property
    def relations(self) -> str:
        """A query for the relations of the migrations: oid, relname, relkind, name and more."""
        return f"{self.relations_and_ledger} AND c.oid NOT IN ({self.ledger_oids})"

    @property
    def relations_and_ledger(self) -> str:
        """The same query, with the ledger's tables."""
        return (
            "SELECT c.*, c.oid::regclass::text AS name FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
            f" AND {not_member('pg_class', 'c.oid')}"
        )
