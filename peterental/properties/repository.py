"""Homes in PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from peterental.agents.model import Window, week_columns
from peterental.database.constraints import named_constraints
from peterental.properties.keys import home_keys, keys_version, search_keys
from peterental.properties.lookup import HELD_TIMES
from peterental.properties.model import (
    MANUAL,
    MANY_BEDROOMS,
    Property,
    PropertyAgentUnknown,
    PropertyFilter,
    PropertyName,
    PropertySettings,
)
from peterental.search import MAX_WORDS, contains

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.model import PropertyDetails

# Hours are read as minutes after midnight, because Python has no 24:00.
PROPERTY = """
    SELECT property_id, line1, unit, city, state, zip_code, said_as, bedrooms, bathrooms::float8 AS bathrooms, rent,
           available_on, status, showing_minutes, notice_minutes, source, source_id, retired_by,
           kept_until_listed, updated_at,
           (
               SELECT array_agg(ARRAY[
                   weekday, (EXTRACT(EPOCH FROM opens_at) / 60)::int, (EXTRACT(EPOCH FROM closes_at) / 60)::int
               ] ORDER BY weekday, opens_at)
               FROM property_windows
               WHERE property_windows.property_id = properties.property_id
           ) AS windows,
           (
               SELECT array_agg(agent_id::text)
               FROM property_agents
               WHERE property_agents.property_id = properties.property_id
           ) AS shown_by
    FROM properties
"""

_TAKEN = f"""
    SELECT property_id, appointment_id, date_part('epoch', lower(during)) AS starts,
        date_part('epoch', upper(during)) AS ends
    FROM (
        SELECT property_id, appointment_id, during FROM property_viewings WHERE during && tstzrange(%(now)s, NULL)
        UNION ALL
        {HELD_TIMES}
    ) AS taken
    WHERE property_id = ANY (%(ids)s)
"""

_SETTINGS = """
    SELECT one_viewing_at_a_time OR collecting_since IS NOT NULL AS one_viewing_at_a_time, collecting_since
    FROM property_settings
"""

BY_ADDRESS = "ORDER BY street_key, LENGTH(number_key), number_key, LENGTH(unit_key), unit_key, property_id"

DETAIL_TYPES = {
    "line1": "text",
    "unit": "text",
    "city": "text",
    "state": "text",
    "zip_code": "text",
    "number_key": "text",
    "street_key": "text",
    "unit_key": "text",
    "said_as": "text[]",
    "bedrooms": "int",
    "bathrooms": "numeric",
    "rent": "int",
    "available_on": "date",
    "showing_minutes": "int",
    "notice_minutes": "int",
    "search_keys": "text[]",
    "keys_version": "text",
}
"""The types of the columns that are written from a home's details."""

DETAIL_RECORDS = ", ".join(f"{column} {kind}" for column, kind in DETAIL_TYPES.items())


class CollectingPosition(NamedTuple):
    """Where a job goes on that collects viewings.

    Args:
        home: of which home; None after the last one.
        overbooked: whether of those that were overbooked, which come after the others of a home.
        beyond: after the viewing with this id.
    """

    home: int | None = 0
    overbooked: bool = False
    beyond: int = 0


class PropertyRepository:
    """The homes of one database.

    Methods that take a connection work in its transaction, which holds the lock of the catalogue where it writes. Each
    of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, property_id: int) -> Property | None:
        """Return a home by its number."""
        rows = self._database.fetch(f"{PROPERTY} WHERE property_id = %s", (property_id,))
        return property_from_row(rows[0]) if rows else None

    def listing(self, wanted: PropertyFilter, *, limit: int, offset: int) -> tuple[list[Property], int, int]:
        """Return a page of the homes, by street and number, how many match, and how many there are at all."""
        words = wanted.text.split()[:MAX_WORDS]
        rows = self._database.fetch(
            f"""
            WITH matching AS (
                SELECT property_id
                FROM properties
                WHERE (%(status)s::text IS NULL OR status = %(status)s)
                    AND (%(bedrooms)s::int IS NULL OR bedrooms = %(bedrooms)s)
                    AND (%(least)s::int IS NULL OR bedrooms >= %(least)s)
                    AND (cardinality(%(words)s::text[]) = 0 OR concat_ws(
                        ' ', line1, unit, city, state, zip_code, array_to_string(said_as, ' '), number_key,
                        street_key, unit_key, source, source_id
                    ) ILIKE ALL (%(words)s::text[]))
            ), page AS (
                {PROPERTY} JOIN matching USING (property_id) {BY_ADDRESS} LIMIT %(limit)s OFFSET %(offset)s
            )
            SELECT counted.*, page.*
            FROM (SELECT (SELECT COUNT(*) FROM matching) AS total, (SELECT COUNT(*) FROM properties) AS catalogued)
                AS counted
            LEFT JOIN page ON TRUE
            """,
            {
                "status": wanted.status,
                "bedrooms": wanted.bedrooms if (wanted.bedrooms or 0) < MANY_BEDROOMS else None,
                "least": wanted.bedrooms if (wanted.bedrooms or 0) >= MANY_BEDROOMS else None,
                "words": [contains(word) for word in words],
                "limit": limit,
                "offset": offset,
            },
        )
        homes = [property_from_row(row) for row in rows if row["property_id"] is not None]
        return homes, rows[0]["total"], rows[0]["catalogued"]

    def names(self, limit: int) -> list[PropertyName]:
        """Return the active homes to choose from, by street and number."""
        rows = self._database.fetch(f"{PROPERTY} WHERE status = 'active' {BY_ADDRESS} LIMIT %s", (limit,))
        return [PropertyName(home.property_id, home.label) for home in map(property_from_row, rows)]

    def lock_catalogue(self, connection: Connection) -> PropertySettings:
        """Lock the catalogue until the transaction ends, and return its settings.

        Everyone who changes it takes this lock, so that one address is not added twice at once. Bookings do not.
        """
        row = connection.execute(f"{_SETTINGS} FOR NO KEY UPDATE".encode()).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; the migration inserted it
        return PropertySettings(**row)

    def read(self, connection: Connection, property_id: int) -> Property | None:
        """Return a home by its number, in the transaction."""
        row = connection.execute(f"{PROPERTY} WHERE property_id = %s".encode(), (property_id,)).fetchone()
        return property_from_row(row) if row else None

    def read_all(self, connection: Connection, property_ids: Collection[int]) -> list[Property]:
        """Return homes by their numbers, active or not, in the transaction."""
        rows = connection.execute(f"{PROPERTY} WHERE property_id = ANY (%s)".encode(), (list(property_ids),)).fetchall()
        return [property_from_row(row) for row in rows]

    def viewings(self, connection: Connection, property_id: int, since: datetime) -> list[tuple[int, float, float]]:
        """Return the times of a home that are taken, as (appointment id, start, end) in seconds.

        Arguments as for `taken`.
        """
        return self.taken(connection, [property_id], since).get(property_id, [])

    def taken(
        self, connection: Connection, property_ids: Collection[int], since: datetime
    ) -> dict[int, list[tuple[int, float, float]]]:
        """Return the times at which homes may not be viewed, by home, as (appointment id, start, end) in seconds.

        Those of viewings, and those that are held for callers on the waitlist, which have no appointment: HELD. None
        where the office allows overlaps.

        Args:
            connection: to read with.
            property_ids: which homes.
            since: times that end later, aware.
        """
        rows = connection.execute(_TAKEN.encode(), {"ids": list(property_ids), "now": since}).fetchall()
        found: dict[int, list[tuple[int, float, float]]] = {}
        for row in rows:
            found.setdefault(row["property_id"], []).append((row["appointment_id"], row["starts"], row["ends"]))
        return found

    def lock_offers(self, connection: Connection) -> None:
        """Queue the lock under which times of homes are offered to waiting callers, until the transaction ends.

        Two agents do not offer one time of a home at once. Where the office allows overlaps, nothing is locked. It is
        taken before the lock of an agent; bookings do not take it.
        """
        connection.execute(
            """
            SELECT pg_advisory_xact_lock(hashtextextended('offers of homes', 0))
            FROM property_settings
            WHERE one_viewing_at_a_time
            """
        )

    def with_number(self, connection: Connection, numbers: Sequence[str | None]) -> list[Property]:
        """Return the active homes that have one of these house numbers; None is that of homes without one."""
        rows = connection.execute(
            f"""
            {PROPERTY}
            WHERE status = 'active' AND (number_key = ANY (%(numbers)s) OR (%(no_number)s AND number_key IS NULL))
            """.encode(),
            {"numbers": [number for number in numbers if number is not None], "no_number": None in numbers},
        ).fetchall()
        return [property_from_row(row) for row in rows]

    def insert(
        self, connection: Connection, details: PropertyDetails, source: str = MANUAL, source_id: str | None = None
    ) -> int:
        """Add an active home and return its number."""
        columns = ", ".join(DETAIL_TYPES)
        row = connection.execute(
            f"""
            INSERT INTO properties ({columns}, source, source_id)
            SELECT {columns}, %(source)s, %(source_id)s
            FROM jsonb_to_record(%(values)s::jsonb) AS given ({DETAIL_RECORDS})
            RETURNING property_id
            """.encode(),
            {"values": json.dumps(detail_values(details)), "source": source, "source_id": source_id},
        ).fetchone()
        assert row is not None  # noqa: S101  # for mypy; RETURNING returns the added row
        property_id: int = row["property_id"]
        self._set_windows(connection, property_id, details.windows)
        self._set_agents(connection, property_id, details.shown_by)
        return property_id

    def update(self, connection: Connection, property_id: int, details: PropertyDetails) -> None:
        """Queue changing a home."""
        assignments = ", ".join(f"{column} = given.{column}" for column in DETAIL_TYPES)
        connection.execute(
            f"""
            UPDATE properties
            SET {assignments}, updated_at = clock_timestamp()
            FROM jsonb_to_record(%(values)s::jsonb) AS given ({DETAIL_RECORDS})
            WHERE property_id = %(property_id)s
            """.encode(),
            {"values": json.dumps(detail_values(details)), "property_id": property_id},
        )
        connection.execute("DELETE FROM property_windows WHERE property_id = %s", (property_id,))
        self._set_windows(connection, property_id, details.windows)
        connection.execute("DELETE FROM property_agents WHERE property_id = %s", (property_id,))
        self._set_agents(connection, property_id, details.shown_by)

    def retire(self, connection: Connection, property_id: int, retired_by: str) -> None:
        """Queue taking a home out of what is offered, on behalf of a person."""
        connection.execute(
            """
            UPDATE properties
            SET status = 'inactive', retired_by = %s, kept_until_listed = FALSE, updated_at = clock_timestamp()
            WHERE property_id = %s
            """,
            (retired_by, property_id),
        )

    def restore(self, connection: Connection, property_id: int) -> None:
        """Queue offering a home again; one of a feed until the feed has listed it again, whatever imports lack."""
        connection.execute(
            """
            UPDATE properties
            SET status = 'active', retired_by = NULL, kept_until_listed = source <> %s, updated_at = clock_timestamp()
            WHERE property_id = %s
            """,
            (MANUAL, property_id),
        )

    def settings(self) -> PropertySettings:
        """Return how the office shows its homes."""
        (row,) = self._database.fetch(_SETTINGS)
        return PropertySettings(**row)

    def store_settings(self, connection: Connection, settings: PropertySettings) -> None:
        """Queue storing how the office shows its homes.

        With `collecting_since`, the setting is not switched on yet: a job is queued, which does so.
        """
        connection.execute(
            """
            UPDATE property_settings
            SET one_viewing_at_a_time = %(wanted)s AND %(since)s::timestamptz IS NULL, collecting_since = %(since)s
            """,
            {"wanted": settings.one_viewing_at_a_time, "since": settings.collecting_since},
        )

    def upcoming_viewings(self, connection: Connection, limit: int) -> int:
        """Count the viewings that would be collected, up to a limit."""
        row = connection.execute(
            """
            SELECT COUNT(*) AS number
            FROM (
                SELECT FROM appointments
                WHERE property_id IS NOT NULL AND status = 'confirmed' AND start_time > NOW() - INTERVAL '1 day'
                LIMIT %s
            ) AS found
            """,
            (limit,),
        ).fetchone()
        return int(row["number"]) if row else 0

    def collect_viewings(self, since: datetime, position: CollectingPosition, limit: int) -> CollectingPosition | None:
        """Collect some viewings of one home. Return where to go on; None if the setting has changed since.

        Args:
            since: `collecting_since` of the settings.
            position: where to go on; its home is None after the last one.
            limit: how many viewings.
        """
        (row,) = self._database.fetch(
            "SELECT home, overbooked, beyond FROM collect_property_viewings(%s, %s, %s, %s, %s)",
            (since, limit, *position),
        )
        return None if row["overbooked"] is None else CollectingPosition(**row)

    def finish_collecting(self, connection: Connection, since: datetime) -> None:
        """Queue switching the setting on, unless it has changed since."""
        connection.execute(
            """
            UPDATE property_settings SET one_viewing_at_a_time = TRUE, collecting_since = NULL
            WHERE collecting_since = %s
            """,
            (since,),
        )

    def has_outdated_keys(self) -> bool:
        """Return whether the keys of a home were computed by other rules than those of this release."""
        (row,) = self._database.fetch(
            "SELECT EXISTS (SELECT FROM properties WHERE keys_version IS DISTINCT FROM %s) AS found", (keys_version(),)
        )
        return bool(row["found"])

    def refresh_keys(self, connection: Connection, limit: int) -> int:
        """Compute the keys of some homes again that were computed by other rules. Return how many were outdated.

        What people see of the homes does not change, and so `updated_at` does not.
        """
        outdated = connection.execute(
            f"{PROPERTY} WHERE keys_version IS DISTINCT FROM %s ORDER BY property_id LIMIT %s".encode(),
            (keys_version(), limit),
        ).fetchall()
        names = ("number_key", "street_key", "unit_key", "search_keys", "keys_version")
        homes = [property_from_row(row) for row in outdated]
        keys = [{name: detail_values(home)[name] for name in names} | {"id": home.property_id} for home in homes]
        connection.execute(
            f"""
            UPDATE properties
            SET {", ".join(f"{name} = given.{name}" for name in names)}
            FROM jsonb_to_recordset(%s::jsonb)
                AS given (id bigint, {", ".join(f"{name} {DETAIL_TYPES[name]}" for name in names)})
            WHERE property_id = given.id
            """.encode(),
            (json.dumps(keys),),
        )
        return len(homes)

    def translate_constraint_errors(self) -> AbstractContextManager[None]:
        """Translate violations of constraints in the block. Raises PropertyAgentUnknown, ConstraintViolated."""
        return named_constraints({"property_agents_agent_id_fkey": PropertyAgentUnknown})

    def _set_windows(self, connection: Connection, property_id: int, windows: Sequence[tuple[int, Window]]) -> None:
        """Queue adding when a home may be shown."""
        if not windows:
            return
        connection.execute(
            """
            INSERT INTO property_windows (property_id, weekday, opens_at, closes_at)
            SELECT %s, weekday, opens_at, closes_at
            FROM unnest(%s::smallint[], %s::time[], %s::time[]) AS week (weekday, opens_at, closes_at)
            """,
            (property_id, *week_columns(windows)),
        )

    def _set_agents(self, connection: Connection, property_id: int, agent_ids: Iterable[str]) -> None:
        """Queue adding who shows a home."""
        ids = sorted(agent_ids)
        if ids:
            connection.execute(
                "INSERT INTO property_agents (property_id, agent_id) SELECT %s, unnest(%s::text[])", (property_id, ids)
            )


def detail_values(details: PropertyDetails) -> dict[str, Any]:
    """Return the columns of a home, with its keys."""
    keys = home_keys(details.line1, details.unit)
    values = {name: getattr(details, name, None) for name in DETAIL_TYPES}
    day = details.available_on
    return {
        **values,
        "said_as": list(details.said_as),
        "available_on": day.isoformat() if day else None,
        "number_key": keys.number,
        "street_key": keys.street,
        "unit_key": keys.unit,
        "search_keys": search_keys(details.line1, details.unit, details.city, details.said_as),
        "keys_version": keys_version(),
    }


def property_from_row(row: DictRow) -> Property:
    """Return the home in a row of PROPERTY."""
    fields = {name: row[name] for name in Property.__dataclass_fields__}
    return Property(
        **{
            **fields,
            "said_as": tuple(row["said_as"]),
            "windows": tuple((weekday, Window(opens, closes)) for weekday, opens, closes in row["windows"] or ()),
            "shown_by": frozenset(row["shown_by"] or ()),
        }
    )
