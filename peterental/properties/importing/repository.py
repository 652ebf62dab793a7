"""Imports in PostgreSQL: uploaded files, sources, and the writing of many homes at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from peterental.properties.importing.model import PendingImport, PlannedHome, Source
from peterental.properties.importing.planning import CataloguedHome
from peterental.properties.keys import HomeKeys, home_keys
from peterental.properties.model import MANUAL
from peterental.properties.repository import DETAIL_RECORDS, DETAIL_TYPES, detail_values, property_from_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.importing.model import ImportField

# What only a person sets (hours, agents) is not read: an import neither shows nor changes it.
CATALOGUE = """
    SELECT property_id, line1, unit, city, state, zip_code, said_as, bedrooms, bathrooms::float8 AS bathrooms, rent,
           available_on, status, showing_minutes, notice_minutes, source, source_id, retired_by,
           kept_until_listed, updated_at, number_key, street_key, unit_key, NULL AS windows,
           NULL AS shown_by
    FROM properties
    WHERE source = %(source)s OR status = 'active'
    ORDER BY property_id
"""

MAX_PENDING = 5
"""Uploaded files that are kept for one user; older ones are deleted."""

MAX_SOURCES = 100


class ImportRepository:
    """The imports of one database.

    Methods that take a connection queue statements in its transaction, which holds the lock of the catalogue. Each of
    the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, pending: PendingImport, user_id: int) -> int:
        """Store an uploaded file and return its number; the oldest files of the user beyond MAX_PENDING are deleted."""
        with self._database.transaction() as connection:
            connection.execute(
                """
                DELETE FROM property_imports
                WHERE import_id IN (
                    SELECT import_id FROM property_imports
                    WHERE uploaded_by = %s
                    ORDER BY uploaded_at DESC, import_id DESC
                    OFFSET %s
                )
                """,
                (user_id, MAX_PENDING - 1),
            )
            row = connection.execute(
                """
                INSERT INTO property_imports (source, file_name, content, mapping, uploaded_by, uploaded_at)
                VALUES (%s, %s, %s, %s::jsonb, %s, %s)
                RETURNING import_id
                """,
                (
                    pending.source,
                    pending.file_name,
                    pending.content,
                    json.dumps(dict(pending.mapping)),
                    user_id,
                    pending.uploaded_at,
                ),
            ).fetchone()
            assert row is not None  # noqa: S101  # for mypy; RETURNING returns the added row
            import_id: int = row["import_id"]
        return import_id

    def get(self, import_id: int, user_id: int, since: datetime) -> PendingImport | None:
        """Return a file that this user uploaded after `since`."""
        rows = self._database.fetch(
            """
            SELECT import_id, source, file_name, content, mapping, uploaded_at
            FROM property_imports
            WHERE import_id = %s AND uploaded_by = %s AND uploaded_at > %s
            """,
            (import_id, user_id, since),
        )
        return PendingImport(**rows[0]) if rows else None

    def set_mapping(self, import_id: int, mapping: Mapping[ImportField, str]) -> None:
        """Store which column of an uploaded file is which field."""
        self._database.fetch(
            "UPDATE property_imports SET mapping = %s::jsonb WHERE import_id = %s",
            (json.dumps(dict(mapping)), import_id),
        )

    def discard(self, import_id: int, user_id: int) -> None:
        """Delete a file that this user uploaded."""
        self._database.fetch(
            "DELETE FROM property_imports WHERE import_id = %s AND uploaded_by = %s", (import_id, user_id)
        )

    def delete_before(self, moment: datetime) -> int:
        """Delete the files that were uploaded before a moment, and return their number."""
        rows = self._database.fetch(
            """
            WITH deleted AS (DELETE FROM property_imports WHERE uploaded_at <= %s RETURNING 1)
            SELECT COUNT(*) AS deleted FROM deleted
            """,
            (moment,),
        )
        return int(rows[0]["deleted"])

    def allow_time(self, connection: Connection, seconds: int) -> None:
        """Queue longer time limits for a transaction that compares and writes many homes; no booking waits for it."""
        connection.execute(
            """
            SELECT set_config('statement_timeout', %(limit)s, TRUE),
                set_config('idle_in_transaction_session_timeout', %(limit)s, TRUE),
                set_config('lock_timeout', %(limit)s, TRUE)
            """,
            {"limit": f"{seconds}s"},
        )

    def take(self, connection: Connection, pending: PendingImport) -> bool:
        """Delete a file that is imported now; return whether it was there, with the same columns chosen."""
        row = connection.execute(
            "DELETE FROM property_imports WHERE import_id = %s AND mapping = %s::jsonb RETURNING import_id",
            (pending.import_id, json.dumps(dict(pending.mapping))),
        ).fetchone()
        return row is not None

    def source(self, name: str) -> tuple[str, Mapping[ImportField, str]]:
        """Return the name under which a source is known, in whatever case, and the columns of its last import."""
        rows = self._database.fetch(
            "SELECT source, mapping FROM property_sources WHERE LOWER(source) = LOWER(%s) LIMIT 1", (name,)
        )
        return (rows[0]["source"], rows[0]["mapping"]) if rows else (name, {})

    def sources(self) -> list[Source]:
        """Return the sources that were imported from, by name, with the number of their active homes."""
        rows = self._database.fetch(
            """
            SELECT source, imported_at, imported_by,
                   (
                       SELECT COUNT(*) FROM properties
                       WHERE properties.source = property_sources.source AND status = 'active'
                   ) AS active
            FROM property_sources
            ORDER BY LOWER(source)
            LIMIT %s
            """,
            (MAX_SOURCES,),
        )
        return [
            Source(
                name=row["source"],
                active=row["active"],
                imported_at=row["imported_at"],
                imported_by=row["imported_by"],
            )
            for row in rows
        ]

    def catalogue(self, source: str, connection: Connection | None = None) -> list[CataloguedHome]:
        """Return the homes of a source, and all active ones; in a transaction if `connection` is given."""
        values = {"source": source}
        if connection is None:
            rows = self._database.fetch(CATALOGUE, values)
        else:
            rows = connection.execute(CATALOGUE.encode(), values).fetchall()
        return [_catalogued(row) for row in rows]

    def store_source(
        self, connection: Connection, pending: PendingImport, imported_at: datetime, imported_by: str
    ) -> None:
        """Queue recording an import, and remembering its columns."""
        connection.execute(
            """
            INSERT INTO property_sources (source, mapping, imported_at, imported_by) VALUES (%s, %s::jsonb, %s, %s)
            ON CONFLICT (source) DO UPDATE
            SET mapping = EXCLUDED.mapping, imported_at = EXCLUDED.imported_at, imported_by = EXCLUDED.imported_by
            """,
            (pending.source, json.dumps(dict(pending.mapping)), imported_at, imported_by),
        )

    def insert(self, connection: Connection, source: str, homes: Iterable[PlannedHome]) -> dict[str, int]:
        """Add homes of a source; return their numbers by their ids in it."""
        columns = ", ".join(DETAIL_TYPES)
        rows = connection.execute(
            f"""
            INSERT INTO properties ({columns}, source, source_id)
            SELECT {columns}, %s, source_id
            FROM jsonb_to_recordset(%s::jsonb) AS given ({DETAIL_RECORDS}, source_id text)
            RETURNING property_id, source_id
            """.encode(),
            (source, _json(homes)),
        ).fetchall()
        return {row["source_id"]: row["property_id"] for row in rows}

    def update(self, connection: Connection, homes: Iterable[PlannedHome]) -> None:
        """Queue changing homes, and offering those again that were inactive; their hours and agents stay."""
        assignments = ", ".join(f"{column} = given.{column}" for column in DETAIL_TYPES)
        connection.execute(
            f"""
            UPDATE properties
            SET {assignments}, source_id = given.source_id, status = 'active', updated_at = clock_timestamp()
            FROM jsonb_to_recordset(%s::jsonb) AS given ({DETAIL_RECORDS}, source_id text, property_id bigint)
            WHERE properties.property_id = given.property_id
            """.encode(),
            (_json(homes),),
        )

    def deactivate(self, connection: Connection, property_ids: Sequence[int]) -> None:
        """Queue making homes inactive that their feed no longer has; it may bring them back."""
        connection.execute(
            "UPDATE properties SET status = 'inactive', updated_at = clock_timestamp() WHERE property_id = ANY (%s)",
            (list(property_ids),),
        )

    def note_listed(self, connection: Connection, property_ids: Sequence[int]) -> None:
        """Queue noting that homes which a person had restored are in their feed again, which now decides about them."""
        connection.execute(
            "UPDATE properties SET kept_until_listed = FALSE WHERE property_id = ANY (%s)", (list(property_ids),)
        )


def is_reserved(source: str) -> bool:
    """Return whether a name cannot be that of a source."""
    return source.casefold() == MANUAL


def _json(homes: Iterable[PlannedHome]) -> str:
    return json.dumps(
        [
            {
                **detail_values(planned.details),
                "source_id": planned.source_id,
                "property_id": planned.home.property_id if planned.home else None,
            }
            for planned in homes
        ]
    )


def _catalogued(row: DictRow) -> CataloguedHome:
    keys = HomeKeys(number=row["number_key"], street=row["street_key"], unit=row["unit_key"])
    if row["line1"][-2:-1] == " ":  # earlier versions stored no unit for "1402 Elm Street B"
        keys = home_keys(row["line1"], row["unit"])
    return CataloguedHome(property_from_row(row), keys)
